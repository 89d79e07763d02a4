use std::future::ready;
use std::net::Ipv4Addr;

use tokio::sync::oneshot;

use super::*;
use crate::control::testing::{Answer, exchange};

async fn ask(health: Health, request: &str) -> Answer {
    let listener = listen((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let limits = accept::Limits::brisk(CONNECTIONS, WHOLE);
    let serving = tokio::spawn(async move {
        let (ending, _) = watch::channel(false);
        let stopped = async { stopped.await.unwrap_or(()) };
        accept::serve(listener, router(move || ready(health)), limits, &ending, stopped).await;
    });
    let answer = exchange(address, &format!("{request} HTTP/1.1\r\nHost: monitor.example\r\n\r\n")).await;
    stop.send(()).unwrap();
    serving.await.unwrap();
    answer
}

#[tokio::test]
async fn it_tells_one_word_and_no_more() {
    let good = ask(Health::Good, "GET /health").await;
    assert_eq!((good.status, good.body.as_str()), (200, r#"{"status":"ok"}"#));
    let bad = ask(Health::Bad, "GET /health").await;
    assert_eq!((bad.status, bad.body.as_str()), (503, r#"{"status":"failing"}"#));
    for answer in [good, bad] {
        assert!(answer.head.contains("cache-control: no-store"), "{answer:?}");
        assert!(
            !answer.head.contains("server:") && !answer.head.contains(env!("CARGO_PKG_VERSION")),
            "{answer:?}"
        );
        // One question, one answer: nobody keeps a connection.
        assert!(answer.head.contains("connection: close"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_head_is_enough_and_everything_else_is_nothing() {
    for (health, status) in [(Health::Good, 200), (Health::Bad, 503)] {
        let head = ask(health, "HEAD /health").await;
        assert_eq!((head.status, head.body.as_str()), (status, ""));
    }
    for (request, status) in [
        ("GET /", 404),
        ("GET /health/", 404),
        ("GET /v1/status", 404),
        ("GET /metrics", 404),
        ("POST /health", 405),
        ("DELETE /health", 405),
    ] {
        let answer = ask(Health::Good, request).await;
        assert_eq!((answer.status, answer.body.as_str()), (status, ""), "{request}");
    }
}

#[tokio::test]
async fn a_taken_port_is_told_apart_and_tried_again_soon() {
    let first = listen((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
    let address = first.local_addr().unwrap();
    let taken = listen(address).await.unwrap_err();
    assert!(matches!(taken, CannotListen::PortTaken { address: at } if at == address), "{taken:?}");
    assert_eq!(taken.to_string(), format!("another program uses {address}"));
    drop(first);
    listen(address).await.unwrap();

    // Of the block that is for documentation: no PC has it.
    let elsewhere = listen("203.0.113.1:3001".parse().unwrap()).await.unwrap_err();
    assert!(matches!(elsewhere, CannotListen::Refused { .. }), "{elsewhere:?}");
    assert!(taken.retry_after() < elsewhere.retry_after());
}

#[test]
fn only_what_is_safe_is_healthy() {
    let good =
        [Overall::Protected, Overall::LocalOnly, Overall::Fenced, Overall::CatchingUp, Overall::Attention];
    let bad = [Overall::Paused, Overall::NotProtected, Overall::Contested];
    assert!(good.into_iter().all(|overall| Health::of(overall) == Health::Good));
    assert!(bad.into_iter().all(|overall| Health::of(overall) == Health::Bad));
}

#[test]
fn an_engine_that_stopped_looking_is_not_healthy() {
    let at: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
    let after = |seconds| of_status(Overall::Protected, at, at + SignedDuration::from_secs(seconds));
    assert_eq!(
        [after(0), after(60), after(61), after(-3600)],
        [Health::Good, Health::Good, Health::Bad, Health::Good]
    );
    assert_eq!(of_status(Overall::NotProtected, at, at), Health::Bad);
}
