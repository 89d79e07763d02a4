use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use sqlite_replicate_api::{DashboardLink, DashboardSession, ErrorCode};

use super::{Door, SESSION};
use crate::control::testing::{Answer, Server};

/// What stands behind the gate in these tests.
fn calls() -> Router {
    Router::new()
        .route("/v1/status", get(|| async { "fine" }))
        .route("/v1/pause", post(|| async { "paused" }))
}

async fn server() -> Server {
    Server::start(|_| calls()).await
}

async fn key(server: &Server) -> String {
    let answer = server.ask("POST", "/v1/dashboard", "", "").await;
    let link: DashboardLink = serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{answer:?}"));
    let (page, key) = link.url.split_once("#open=").unwrap();
    assert_eq!(page, format!("http://{}/", server.address));
    key.to_owned()
}

fn own(server: &Server) -> String {
    format!("Host: {0}\r\nOrigin: http://{0}\r\n", server.address)
}

async fn open(server: &Server, key: &str) -> Answer {
    server.ask_bare("POST", SESSION, &own(server), &format!(r#"{{"key":"{key}"}}"#)).await
}

/// The headers of a page that has a session: its cookie, its proof.
async fn session(server: &Server) -> (String, String) {
    let answer = open(server, &key(server).await).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let cookie = answer.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    for needed in ["httponly", "samesite=strict", "path=/"] {
        assert!(cookie.contains(needed), "{cookie}");
    }
    assert!(!cookie.contains("domain") && !answer.body.contains(cookie.split([';', '=']).nth(1).unwrap()));
    let session: DashboardSession = serde_json::from_str(&answer.body).unwrap();
    let cookie = cookie.split(';').next().unwrap();
    (format!("Cookie: other=1; {cookie}\r\n"), format!("X-Dashboard-Proof: {}\r\n", session.proof))
}

#[tokio::test]
async fn a_session_gets_everywhere_and_needs_both_halves() {
    let server = server().await;
    let (cookie, proof) = session(&server).await;
    let other = session(&server).await;
    let status = async |headers: &str| {
        let headers = format!("Host: {}\r\n{headers}", server.address);
        server.ask_bare("GET", "/v1/status", &headers, "").await.status
    };
    assert_eq!(status(&format!("{cookie}{proof}")).await, 200);
    assert_eq!(status("").await, 401, "neither");
    assert_eq!(status(&proof).await, 401, "the cookie is missing");
    assert_eq!(status(&cookie).await, 401, "the proof is missing");
    assert_eq!(status(&format!("{cookie}{}", other.1)).await, 401, "the halves of two sessions");
    assert_eq!(status(&format!("{cookie}X-Dashboard-Proof: \r\n")).await, 401);
    assert_eq!(status(&format!("{}{proof}", cookie.replace("other=1; ", "x"))).await, 401, "another name");
    server.stop().await;
}

#[tokio::test]
async fn a_link_works_once() {
    let server = server().await;
    let key = key(&server).await;
    assert_eq!(open(&server, &key).await.status, 200);
    let again = open(&server, &key).await;
    assert_eq!((again.status, again.report().code), (401, ErrorCode::Unauthorized));
    assert!(again.report().hint.unwrap().contains("sqlite-replicate dashboard"));
    assert!(!again.head.contains("set-cookie"), "{again:?}");
    for wrong in ["", "0", &key[1..]] {
        assert_eq!(open(&server, wrong).await.status, 401);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_link_expires() {
    let door = Door::lasting(1, Duration::from_millis(50));
    let key = |link: DashboardLink| link.url.split_once('=').unwrap().1.to_owned();
    let soon = key(door.link().unwrap());
    assert!(door.open(&soon).is_ok());
    let late = key(door.link().unwrap());
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert!(door.open(&late).is_err());
}

#[tokio::test]
async fn other_pages_get_nothing_even_with_a_session() {
    let server = server().await;
    let (cookie, proof) = session(&server).await;
    let unused = key(&server).await;
    let port = server.address.port();
    // Another port of this machine is another page, though it is sent the cookie.
    for origin in ["http://evil.example", "null", &format!("http://127.0.0.1:{}", port ^ 1)] {
        let headers = format!("Host: {}\r\nOrigin: {origin}\r\n{cookie}{proof}", server.address);
        let answer = server.ask_bare("POST", "/v1/pause", &headers, "").await;
        assert_eq!((answer.status, answer.report().code), (403, ErrorCode::Unauthorized), "{origin}");
        let answer = server.ask_bare("POST", SESSION, &headers, &format!(r#"{{"key":"{unused}"}}"#)).await;
        assert_eq!(answer.status, 403, "{origin}");
    }
    let elsewhere = format!("Host: evil.example:{port}\r\n{cookie}{proof}");
    assert_eq!(server.ask_bare("GET", "/", &elsewhere, "").await.status, 403);
    // None of this used the link up.
    assert_eq!(open(&server, &unused).await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn only_who_has_the_token_or_a_session_gets_a_link() {
    let server = server().await;
    assert_eq!(server.ask_bare("POST", "/v1/dashboard", &own(&server), "").await.status, 401);
    let (cookie, proof) = session(&server).await;
    let headers = format!("{}{cookie}{proof}", own(&server));
    assert_eq!(server.ask_bare("POST", "/v1/dashboard", &headers, "").await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn pages_are_open_and_strict() {
    let server = server().await;
    let host = format!("Host: {}\r\n", server.address);
    let answer = server.ask_bare("GET", "/", &host, "").await;
    // 503 where the pages were not built; then it says how to.
    assert!(
        answer.status == 200 || (answer.status == 503 && answer.body.contains("cargo xtask ui")),
        "{answer:?}"
    );
    for needed in ["default-src 'none'", "frame-ancestors 'none'", "nosniff", "no-referrer", "no-store"] {
        assert!(answer.head.contains(needed), "{answer:?}");
    }
    assert!(!answer.head.contains("unsafe") && !answer.head.contains("set-cookie"), "{answer:?}");
    for path in ["/index.htm", "/../Cargo.toml", "/assets/none.js", "/v1/status"] {
        assert_eq!(server.ask_bare("GET", path, &host, "").await.status, 401, "{path}");
    }
    server.stop().await;
}

#[test]
fn so_many_links_and_no_more() {
    let door = Arc::new(Door::new(1));
    let first = door.link().unwrap().url;
    for _ in 0..super::door::MOST {
        door.link().unwrap();
    }
    assert!(door.open(first.split_once('=').unwrap().1).is_err());
}
