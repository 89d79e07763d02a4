use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::routing::{any, get};
use futures_util::StreamExt;
use sqlite_replicate_api::{JobState, Outcome, Progress, Restart, Stage};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::*;
use crate::control::testing::{LONG, Server};
use crate::control::wire::{JOB_EVENT, STATUS_EVENT};
use crate::control::{Token, publish, stream};

fn job(state: JobState) -> JobSummary {
    let started_at = "2026-11-21T10:00:00Z".parse().unwrap();
    let database = "orders".parse().unwrap();
    JobSummary { id: 7, request: JobRequest::Drill, database, started_at, state }
}

fn at(done: u64) -> JobState {
    let progress = Progress { stage: Stage::Downloading, done, total: None, rate: 0.0, seconds_left: None };
    JobState::Running { progress: Some(progress) }
}

/// Serves one job at the paths where the engine does.
fn one_job(values: watch::Receiver<JobSummary>) -> impl FnOnce(watch::Receiver<bool>) -> Router {
    move |ending| {
        let now = values.clone();
        let kind = || stream::Kind::<JobSummary> {
            name: JOB_EVENT,
            last: |job| job.state.ended(),
            json: |job| serde_json::to_string(job),
        };
        let follow = move || async move { stream::follow(values.clone(), ending.clone(), kind()) };
        let look = move || async move { axum::Json(now.borrow().clone()) };
        Router::new().route("/v1/jobs/7/stream", get(follow)).route("/v1/jobs/7", get(look))
    }
}

#[tokio::test]
async fn an_empty_home_has_no_engine() {
    let home = tempfile::tempdir().unwrap();
    let error = Client::connect(home.path()).unwrap_err();
    assert_eq!(error.code, ErrorCode::EngineNotRunning);
    assert!(error.message.contains(&home.path().display().to_string()), "{error:?}");
    assert!(error.hint.unwrap().contains("sqlite-replicate run"));
}

#[tokio::test]
async fn an_address_that_is_nonsense_is_no_engine() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("control.json"), "{").unwrap();
    let error = Client::connect(home.path()).unwrap_err();
    assert_eq!(error.code, ErrorCode::EngineNotRunning);
    assert!(error.causes[0].contains("control.json"), "{error:?}");
}

#[tokio::test]
async fn an_address_without_a_token_is_no_engine() {
    let home = tempfile::tempdir().unwrap();
    let _published = publish(home.path(), 1).unwrap();
    assert_eq!(Client::connect(home.path()).unwrap_err().code, ErrorCode::EngineNotRunning);
}

#[tokio::test]
async fn an_address_that_a_crash_left_is_no_engine() {
    let home = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    Token::create(home.path()).unwrap();
    let _published = publish(home.path(), port).unwrap();
    drop(listener);
    let client = Client::connect(home.path()).unwrap();
    for error in [
        client.status().await.unwrap_err(),
        client.status_stream().await.err().unwrap(),
        client.follow_job(1, |_| {}).await.unwrap_err(),
    ] {
        assert_eq!(error.code, ErrorCode::EngineNotRunning, "{error:?}");
        assert!(error.causes[0].contains(&format!("127.0.0.1:{port}")) && error.hint.is_some(), "{error:?}");
    }
}

#[tokio::test]
async fn another_program_at_the_port_is_no_engine() {
    let other = any(|| async { (StatusCode::NOT_FOUND, "<h1>Not here</h1>") });
    let server = Server::start(|_| Router::new().route("/{*path}", other)).await;
    let error = Client::connect(server.home.path()).unwrap().status().await.unwrap_err();
    assert_eq!(error.code, ErrorCode::EngineNotRunning);
    assert!(error.causes[0].contains("another program"), "{error:?}");
    server.stop().await;
}

#[tokio::test]
async fn an_answer_of_another_shape_is_said_to_be_one() {
    let other = any(|| async { r#"{"news":1}"# });
    let server = Server::start(|_| Router::new().route("/{*path}", other)).await;
    let error = Client::connect(server.home.path()).unwrap().status().await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Internal);
    assert!(error.hint.unwrap().contains("another version"));
    server.stop().await;
}

#[tokio::test]
async fn a_token_of_an_earlier_start_is_refused() {
    let server = Server::start(|_| Router::new()).await;
    Token::create(server.home.path()).unwrap();
    let error = Client::connect(server.home.path()).unwrap().status().await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Unauthorized);
    server.stop().await;
}

#[tokio::test]
async fn the_engines_report_comes_whole() {
    let report = Report {
        code: ErrorCode::TargetExists,
        message: "`/srv/a.db` exists already".to_owned(),
        causes: vec!["one".to_owned(), "two".to_owned()],
        hint: Some("choose another file".to_owned()),
    };
    let sent = report.clone();
    let refuse = any(move || async move { (StatusCode::CONFLICT, axum::Json(sent)) });
    let server = Server::start(|_| Router::new().route("/{*path}", refuse)).await;
    let client = Client::connect(server.home.path()).unwrap();
    assert_eq!(client.resume().await.unwrap_err(), report);
    assert_eq!(client.metrics().await.unwrap_err(), report);
    assert_eq!(client.follow_job(1, |_| {}).await.unwrap_err(), report);
    server.stop().await;
}

#[tokio::test]
async fn a_job_is_followed_to_its_good_end() {
    let (values, watched) = watch::channel(job(at(1)));
    let server = Server::start(one_job(watched)).await;
    let client = Client::connect(server.home.path()).unwrap();
    let mut seen = Vec::new();
    let outcome = Outcome::Undone { epoch: "1.1".parse().unwrap() };
    let ended = client.follow_job(7, |progress| {
        seen.push(progress.done);
        let next = match progress.done {
            1 => at(2),
            _ => JobState::Succeeded { outcome: outcome.clone() },
        };
        values.send_replace(job(next));
    });
    assert_eq!(tokio::time::timeout(LONG, ended).await.unwrap(), Ok(outcome.clone()));
    assert_eq!(seen, [1, 2]);
    server.stop().await;
}

#[tokio::test]
async fn a_job_that_fails_gives_its_own_error() {
    let error = Report::new(ErrorCode::NoSpace, "there is no space for `/srv/a.db`").hint("make some");
    let (_values, watched) = watch::channel(job(JobState::Failed { error: error.clone() }));
    let server = Server::start(one_job(watched)).await;
    let client = Client::connect(server.home.path()).unwrap();
    assert_eq!(client.follow_job(7, |_| {}).await, Err(error));
    server.stop().await;
}

#[tokio::test]
async fn the_end_of_the_engine_ends_the_following_of_a_job() {
    let (_values, watched) = watch::channel(job(at(1)));
    let server = Server::start(one_job(watched)).await;
    let client = Client::connect(server.home.path()).unwrap();
    let (begun, beginning) = tokio::sync::oneshot::channel();
    let mut begun = Some(begun);
    let following = tokio::spawn(async move {
        client.follow_job(7, |_| begun.take().into_iter().for_each(|begun| begun.send(()).unwrap())).await
    });
    beginning.await.unwrap();
    server.stop().await;
    let error = tokio::time::timeout(LONG, following).await.unwrap().unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::EngineNotRunning, "{error:?}");
}

#[tokio::test]
async fn an_engine_that_is_killed_in_the_middle_of_a_job_is_not_running() {
    // Before it answers, and in the middle of an event.
    for answer in ["", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nevent"] {
        let home = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Token::create(home.path()).unwrap();
        let _published = publish(home.path(), listener.local_addr().unwrap().port()).unwrap();
        let killed = async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_u8().await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            drop((listener, stream));
        };
        let client = Client::connect(home.path()).unwrap();
        let (error, ()) = tokio::join!(client.follow_job(7, |_| {}), killed);
        assert_eq!(error.unwrap_err().code, ErrorCode::EngineNotRunning, "{answer}");
    }
}

#[tokio::test]
async fn the_status_is_streamed_as_it_changes() {
    let status: Status = serde_json::from_value(serde_json::json!({
        "version": "1", "host": {"name": "HOST-A", "id": "1"}, "overall": "local-only", "sentence": "…",
        "at": "2026-11-21T10:10:00Z", "databases": [], "children": [], "conditions": [], "jobs": [],
        "store": {"bundled": true, "endpoint": "", "bucket": "", "data_dir": null, "reachable": true, "free_bytes": null},
        "paused_until": null,
    }))
    .unwrap();
    let (values, watched) = watch::channel(Arc::new(status.clone()));
    let server = Server::start(|ending| {
        let kind = || stream::Kind::<Arc<Status>> {
            name: STATUS_EVENT,
            last: |_| false,
            json: |status| serde_json::to_string(&**status),
        };
        let follow = move || async move { stream::follow(watched.clone(), ending.clone(), kind()) };
        Router::new().route("/v1/status/stream", get(follow))
    })
    .await;
    let client = Client::connect(server.home.path()).unwrap();
    let mut stream = client.status_stream().await.unwrap();
    assert_eq!(stream.next().await, Some(Ok(status.clone())));
    let later = Status { sentence: "later".to_owned(), ..status };
    values.send_replace(Arc::new(later.clone()));
    assert_eq!(stream.next().await, Some(Ok(later)));
    server.stop().await;
    assert_eq!(stream.next().await, None);
}

/// Calls everything once; what comes back doesn't matter.
async fn call_everything(client: &Client) {
    let name: Name = "orders".parse().unwrap();
    let restore = RestoreRequest {
        moment: sqlite_replicate_api::Moment::Newest,
        target: sqlite_replicate_api::Target::InPlace,
        integrity: sqlite_replicate_api::Integrity::Full,
    };
    let add = AddDatabase { path: "/srv/a.db".into(), name: None, dry_run: false };
    let keys = Credentials { access_key_id: "a".to_owned(), secret_access_key: "b".to_owned() };
    let text = || "text".to_owned();
    let failures = [
        client.status().await.err(),
        client.status_stream().await.err(),
        client.add(add).await.err(),
        client.remove(&name).await.err(),
        client.history(&name).await.err(),
        client.plan(&name, &restore).await.err(),
        client.start_job(&name, JobRequest::Verify).await.err(),
        client.job(7).await.err(),
        client.follow_job(7, |_| {}).await.err(),
        client.cancel_job(7).await.err(),
        client.sync(&name).await.err(),
        client.checkpoint(&name, CheckpointMode::Full).await.err(),
        client.pause(Pause::default()).await.err(),
        client.resume().await.err(),
        client.restart(Restart::Store).await.err(),
        client.events(3, 50).await.err(),
        client.logs(Some("store"), 50).await.err(),
        client.config_text().await.err(),
        client.replace_config(ReplaceConfig { base: text(), text: text() }).await.err(),
        client.set_setting(SetSetting { key: text(), value: None }).await.err(),
        client.check_config(CheckConfig::Text(text())).await.err(),
        client.settings().await.err(),
        client.about().await.err(),
        client.set_credentials(keys).await.err(),
        client.recovery_sheet().await.err(),
        client.doctor().await.err(),
        client.metrics().await.err(),
        client.shutdown().await.err(),
    ];
    for failure in failures {
        assert_eq!(failure.map(|report| report.code), Some(ErrorCode::EngineNotRunning));
    }
}

#[tokio::test]
async fn the_client_asks_for_what_the_documentation_lists_and_the_server_has() {
    let asked = Arc::new(Mutex::new(BTreeSet::new()));
    let record = {
        let asked = Arc::clone(&asked);
        any(move |request: Request| async move {
            let path = request.uri().path().replace("/orders", "/{name}").replace("/7", "/{id}");
            asked.lock().unwrap().insert(format!("{} {path}", request.method()));
            StatusCode::IM_A_TEAPOT
        })
    };
    let server = Server::start(|_| Router::new().route("/{*path}", record)).await;
    let client = Client::connect(server.home.path()).unwrap();
    call_everything(&client).await;
    // Answered in front of the engine's own calls.
    let link = client.dashboard_link().await.unwrap().url;
    assert!(link.starts_with(&format!("http://{}/#open=", server.address)), "{link}");
    server.stop().await;

    let docs = include_str!("../../../../docs/scripting.md");
    let methods = ["GET /", "POST /", "PUT /", "PATCH /", "DELETE /"];
    let documented: BTreeSet<String> = docs
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split(['`', '?']).next())
        .filter(|call| methods.iter().any(|method| call.starts_with(method)))
        .map(str::to_owned)
        .collect();
    let asked = asked.lock().unwrap();
    // Asked by monitors, not by this client; and what was looked at above.
    let others = BTreeSet::from(["GET /health".to_owned(), "POST /v1/dashboard".to_owned()]);
    assert!(documented.is_superset(&others));
    assert_eq!(&documented - &others, *asked);

    let routes = include_str!("../control/routes.rs");
    for call in asked.iter() {
        let path = call.split(' ').nth(1).unwrap();
        assert!(routes.contains(&format!("\"{path}\"")), "{call}");
    }
}
