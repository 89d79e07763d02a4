use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use sqlite_replicate_api::{ControlAddress, ErrorCode, Name, Report};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc, watch};

use super::accept::Limits;
use super::answer::{Asked, Body, Named, json, to_its_end};
use super::testing::{LONG, Server, exchange, read_all};
use super::wire::EventsQuery;
use super::*;

#[derive(Serialize, Deserialize)]
struct Word {
    #[serde(default)]
    word: String,
}

fn routes() -> Router {
    let echo = || post(|Body(word): Body<Word>| async { Json(word) });
    let quick = Router::new()
        .route("/v1/status", get(|| async { "fine" }))
        .route("/health", get(|| async { "ok" }))
        .route("/v1/echo", echo())
        .route("/v1/config", routes::large(echo()))
        .route("/v1/echo/{name}", get(|Named(name): Named<Name>| async { Json(name) }))
        .route("/v1/events", get(|Asked(asked): Asked<EventsQuery>| async { Json(asked) }));
    let patient = Router::new().route("/v1/slow-echo", echo());
    routes::bounded(quick, patient)
}

async fn server() -> Server {
    Server::start(|_| routes()).await
}

#[tokio::test]
async fn nobody_gets_in_without_the_whole_token() {
    let server = server().await;
    let token = server.token.reveal();
    let other = Token::random().unwrap();
    let wrong = [
        String::new(),
        "Authorization: Bearer \r\n".to_owned(),
        format!("Authorization: Bearer {}\r\n", &token[..63]),
        format!("Authorization: Bearer {token}0\r\n"),
        format!("Authorization: Bearer {}\r\n", other.reveal()),
        format!("Authorization: Basic {token}\r\n"),
        format!("Authorization: {token}\r\n"),
        format!("Authorization: Bearer {token}\r\nAuthorization: Bearer {token}\r\n"),
    ];
    for header in wrong {
        for path in ["/v1/status", "/metrics", "/nothing", "/health/../v1/status", "//health"] {
            let headers = format!("Host: {}\r\n{header}", server.address);
            let answer = server.ask_bare("GET", path, &headers, "").await;
            assert_eq!(answer.status, 401, "{path} {header}");
            assert_eq!(answer.report().code, ErrorCode::Unauthorized);
            assert!(answer.head.contains("www-authenticate: bearer"), "{answer:?}");
            assert!(!answer.body.contains(token), "{answer:?}");
        }
    }
    assert_eq!(server.ask("GET", "/v1/status", "", "").await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_page_whose_name_was_pointed_here_is_refused_even_with_the_token() {
    let server = server().await;
    let port = server.address.port();
    let token = format!("Authorization: Bearer {}\r\n", server.token.reveal());
    let foreign = [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        format!("127.0.0.1.evil.example:{port}"),
        format!("[::1]:{port}"),
        format!("evil@127.0.0.1:{port}"),
        "127.0.0.1".to_owned(),
        "localhost:1".to_owned(),
    ];
    for host in foreign {
        let header = format!("Host: {host}\r\n");
        let answer = server.ask_bare("GET", "/v1/status", &format!("{header}{token}"), "").await;
        assert_eq!((answer.status, answer.report().code), (403, ErrorCode::Unauthorized), "{host}");
        assert_eq!(server.ask_bare("GET", "/health", &header, "").await.status, 403, "{host}");
    }
    assert_eq!(server.ask_bare("GET", "/v1/status", &token, "").await.status, 403, "no host");
    let twice = format!("Host: localhost:{port}\r\nHost: evil.example\r\n{token}");
    assert_eq!(server.ask_bare("GET", "/v1/status", &twice, "").await.status, 403, "two hosts");
    let named = format!("Host: LocalHost:{port}\r\n{token}");
    assert_eq!(server.ask_bare("GET", "/v1/status", &named, "").await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn other_web_pages_are_refused_even_with_the_token() {
    let server = server().await;
    let port = server.address.port();
    let foreign = [
        "https://evil.example".to_owned(),
        "null".to_owned(),
        "http://127.0.0.1".to_owned(),
        format!("https://127.0.0.1:{port}"),
        format!("http://localhost:{port}.evil.example"),
        format!("http://localhost:{port}\r\nOrigin: https://evil.example"),
    ];
    for origin in foreign {
        let header = format!("Origin: {origin}\r\n");
        let answer = server.ask("POST", "/v1/echo", &header, "{}").await;
        assert_eq!((answer.status, answer.report().code), (403, ErrorCode::Unauthorized), "{origin}");
        assert!(!answer.head.contains("access-control"), "{answer:?}");
    }
    for origin in [format!("http://127.0.0.1:{port}"), format!("http://localhost:{port}")] {
        let header = format!("Origin: {origin}\r\n");
        assert_eq!(server.ask("POST", "/v1/echo", &header, "{}").await.status, 200, "{origin}");
    }
    let preflight = "Origin: https://evil.example\r\nAccess-Control-Request-Method: POST\r\n";
    assert_eq!(server.ask("OPTIONS", "/v1/echo", preflight, "").await.status, 403);
    server.stop().await;
}

#[tokio::test]
async fn health_alone_needs_no_token() {
    let server = server().await;
    let host = format!("Host: {}\r\n", server.address);
    assert_eq!(server.ask_bare("GET", "/health", &host, "").await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn every_answer_is_marked_as_nothing_to_keep_or_to_guess_at() {
    let server = server().await;
    let host = format!("Host: {}\r\n", server.address);
    for answer in [
        server.ask("GET", "/v1/status", "", "").await,
        server.ask("GET", "/nothing", "", "").await,
        server.ask_bare("GET", "/v1/status", &host, "").await,
    ] {
        assert!(answer.head.contains("cache-control: no-store"), "{answer:?}");
        assert!(answer.head.contains("x-content-type-options: nosniff"), "{answer:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn what_is_not_there_is_a_report() {
    let server = server().await;
    let answer = server.ask("GET", "/v2/status", "", "").await;
    assert_eq!((answer.status, answer.report().code), (404, ErrorCode::BadRequest));
    assert_eq!(answer.report().message, "the control API has no `/v2/status`");
    let answer = server.ask("DELETE", "/v1/status", "", "").await;
    assert_eq!((answer.status, answer.report().code), (405, ErrorCode::BadRequest));
    assert!(answer.head.contains("allow: get"), "{answer:?}");
    server.stop().await;
}

#[tokio::test]
async fn bad_requests_are_reports_that_say_where() {
    let server = server().await;
    for body in ["{", "\"text\"", "nonsense", r#"{"word": 3}"#, "\u{0}"] {
        let answer = server.ask("POST", "/v1/echo", "", body).await;
        assert_eq!((answer.status, answer.report().code), (400, ErrorCode::BadRequest), "{body}");
        assert!(answer.report().causes[0].contains("line 1 column"), "{answer:?}");
    }
    let empty = server.ask("POST", "/v1/echo", "", "").await;
    assert_eq!((empty.status, empty.body.as_str()), (200, r#"{"word":""}"#));

    let answer = server.ask("GET", "/v1/echo/Not%20a%20name", "", "").await;
    assert_eq!((answer.status, answer.report().code), (400, ErrorCode::BadRequest));
    assert!(answer.report().causes[0].starts_with("`Not a name` is not a name"), "{answer:?}");
    assert_eq!(server.ask("GET", "/v1/echo/%FF", "", "").await.status, 400);

    for query in ["after=x", "limit=-1", "afther=3"] {
        let answer = server.ask("GET", &format!("/v1/events?{query}"), "", "").await;
        assert_eq!((answer.status, answer.report().code), (400, ErrorCode::BadRequest), "{query}");
    }
    assert_eq!(server.ask("GET", "/v1/events", "", "").await.body, r#"{"after":0,"limit":100}"#);
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_it_is_there() {
    let server = server().await;
    for (path, most) in [("/v1/echo", BODY), ("/v1/slow-echo", BODY), ("/v1/config", CONFIG_BODY)] {
        let head = |length: &str| {
            let (host, token) = (server.address, server.token.reveal());
            format!(
                "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\
                 Connection: close\r\n{length}\r\n\r\n"
            )
        };
        let more = "x".repeat(most + 1);
        let announced = format!("{}{more}", head("Content-Length: 1000000000"));
        let chunked = format!("{}{:x}\r\n{more}", head("Transfer-Encoding: chunked"), more.len());
        for request in [announced, chunked] {
            let answer = exchange(server.address, &request).await;
            assert_eq!((answer.status, answer.report().code), (413, ErrorCode::BadRequest), "{path}");
        }
        let fits = format!(r#"{{"word":"{}"}}"#, "x".repeat(most - 11));
        assert_eq!(fits.len(), most);
        assert_eq!(server.ask("POST", path, "", &fits).await.status, 200, "{path}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_request_that_never_ends_does_not_hold_up_others() {
    let server = server().await;
    let mut slow = Vec::new();
    for part in
        ["", "G", "GET /v1/status HTTP/1.1\r\nHost: ", "POST /v1/echo HTTP/1.1\r\nContent-Length: 9\r\n"]
    {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(part.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    assert_eq!(server.ask("GET", "/v1/status", "", "").await.status, 200);
    // And the end of the server does not wait for them.
    server.stop().await;
}

#[tokio::test]
async fn a_head_that_does_not_arrive_in_time_is_given_up() {
    let brief = Duration::from_millis(50);
    for limits in
        [Limits { head: brief, ..Limits::patient(1) }, Limits { head: LONG, ..Limits::brisk(1, brief) }]
    {
        head_is_given_up(limits).await;
    }
}

async fn head_is_given_up(limits: Limits) {
    let server = Server::start_with(limits, |_| routes()).await;
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    slow.write_all(b"GET /v1/status HTTP/1.1\r\n").await.unwrap();
    // The only slot comes free again, so the next one gets its answer, and long before the library's own limit of 30 s.
    let next = tokio::time::timeout(LONG / 2, server.ask("GET", "/v1/status", "", "")).await.unwrap();
    assert_eq!(next.status, 200);
    assert_ne!(read_all(&mut slow).await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_answered() {
    let slow = get(|| async { std::future::pending::<()>().await })
        .layer(from_fn_with_state(Duration::from_millis(10), gate::in_time));
    let server = Server::start(|_| Router::new().route("/v1/slow", slow)).await;
    let answer = server.ask("GET", "/v1/slow", "", "").await;
    assert_eq!((answer.status, answer.report().code), (504, ErrorCode::Timeout));
    server.stop().await;
}

#[tokio::test]
async fn a_defect_is_a_report_and_the_server_goes_on() {
    async fn fall() -> &'static str {
        panic!("a secret detail")
    }
    async fn fall_in_a_task() -> answer::Answer<Json<u8>> {
        json(to_its_end(async { panic!("a secret detail") }).await)
    }
    let routes =
        Router::new().route("/v1/fall", get(fall)).route("/v1/task", get(fall_in_a_task)).merge(routes());
    let server = Server::start(|_| routes).await;
    for path in ["/v1/fall", "/v1/task"] {
        let answer = server.ask("GET", path, "", "").await;
        assert_eq!((answer.status, answer.report().code), (500, ErrorCode::Internal), "{path}");
        assert!(!answer.body.contains("secret"), "{answer:?}");
    }
    assert_eq!(server.ask("GET", "/v1/status", "", "").await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn what_was_begun_is_done_even_if_nobody_waits_for_it() {
    let (begun, mut beginnings) = mpsc::channel(1);
    let (go, done) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let work = {
        let (go, done) = (Arc::clone(&go), Arc::clone(&done));
        post(move || async move {
            let work = async move {
                begun.send(()).await.unwrap();
                go.notified().await;
                done.notify_one();
                Ok(())
            };
            answer::done(to_its_end(work).await)
        })
    };
    let server = Server::start(|_| Router::new().route("/v1/work", work)).await;
    let mut client = TcpStream::connect(server.address).await.unwrap();
    let request = format!(
        "POST /v1/work HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\r\n",
        server.address,
        server.token.reveal()
    );
    client.write_all(request.as_bytes()).await.unwrap();
    beginnings.recv().await.unwrap();
    drop(client);
    server.stop().await;
    go.notify_one();
    tokio::time::timeout(LONG, done.notified()).await.unwrap();
}

fn numbers(values: watch::Receiver<u32>) -> impl FnOnce(watch::Receiver<bool>) -> Router {
    move |ending| {
        let kind =
            || stream::Kind::<u32> { name: "n", last: |n| *n == 9, json: |n| serde_json::to_string(n) };
        let follow = move || async move { stream::follow(values.clone(), ending.clone(), kind()) };
        Router::new().route("/v1/numbers", get(follow))
    }
}

async fn follow_numbers(server: &Server) -> BufReader<TcpStream> {
    let mut client = TcpStream::connect(server.address).await.unwrap();
    let request = format!(
        "GET /v1/numbers HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
        server.address,
        server.token.reveal()
    );
    client.write_all(request.as_bytes()).await.unwrap();
    BufReader::new(client)
}

async fn until(client: &mut BufReader<TcpStream>, wanted: &str) {
    let mut line = String::new();
    while line.trim_end() != wanted {
        line.clear();
        let read = tokio::time::timeout(LONG, client.read_line(&mut line)).await.unwrap().unwrap();
        assert_ne!(read, 0, "the stream ended before `{wanted}`");
    }
}

async fn rest(client: &mut BufReader<TcpStream>) -> String {
    let mut rest = String::new();
    tokio::time::timeout(LONG, client.read_to_string(&mut rest)).await.unwrap().unwrap();
    rest
}

#[tokio::test]
async fn a_stream_gives_the_present_each_change_and_ends_with_the_last() {
    let (values, watched) = watch::channel(1);
    let server = Server::start(numbers(watched)).await;
    let mut client = follow_numbers(&server).await;
    until(&mut client, "event: n").await;
    until(&mut client, "data: 1").await;
    values.send_replace(2);
    until(&mut client, "data: 2").await;
    values.send_replace(9);
    until(&mut client, "data: 9").await;
    assert!(!rest(&mut client).await.contains("data:"));
    server.stop().await;
}

#[tokio::test]
async fn open_streams_do_not_hold_up_the_end_and_get_the_last_word() {
    let (values, watched) = watch::channel(1);
    let server = Server::start(numbers(watched)).await;
    let mut client = follow_numbers(&server).await;
    until(&mut client, "data: 1").await;
    // Both at once, from the stream's view: it must not miss the value over the end.
    values.send_replace(3);
    let before = std::time::Instant::now();
    server.stop().await;
    assert!(before.elapsed() < Duration::from_secs(3), "the stream was cut, it did not end");
    until(&mut client, "data: 3").await;
    assert!(!rest(&mut client).await.contains("data:"));
}

#[tokio::test]
async fn a_stream_ends_with_its_sender() {
    let (values, watched) = watch::channel(1);
    let server = Server::start(numbers(watched)).await;
    let mut client = follow_numbers(&server).await;
    until(&mut client, "data: 1").await;
    drop(values);
    assert!(!rest(&mut client).await.contains("data:"));
    server.stop().await;
}

#[tokio::test]
async fn the_home_folder_tells_where_and_nothing_is_left_there() {
    let server = server().await;
    let home = server.home.path();
    let address: ControlAddress =
        serde_json::from_slice(&std::fs::read(home.join("control.json")).unwrap()).unwrap();
    assert_eq!((address.port, address.pid), (server.address.port(), std::process::id()));
    let token = std::fs::read_to_string(home.join("control.token")).unwrap();
    assert!(token.len() == 64 && token.bytes().all(|b| b.is_ascii_hexdigit()), "{} bytes", token.len());
    assert_eq!(std::fs::read_dir(home).unwrap().count(), 2);
    let home = server.stop().await;
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn a_token_is_new_each_time_for_one_pair_of_eyes_and_never_shown() {
    let home = tempfile::tempdir().unwrap();
    // As a crash would leave it, readable for all.
    std::fs::write(home.path().join("control.token.new"), "old").unwrap();
    let first = Token::create(home.path()).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(home.path().join("control.token")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert_eq!(Token::read(home.path()).unwrap().reveal(), first.reveal());
    let second = Token::create(home.path()).unwrap();
    assert_ne!(first.reveal(), second.reveal());
    assert!(second.matches(second.reveal().as_bytes()) && !second.matches(first.reveal().as_bytes()));
    assert!(!format!("{second:?}").contains(second.reveal()));
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn a_token_that_cannot_be_written_is_said() {
    let home = tempfile::tempdir().unwrap();
    let error = Token::create(&home.path().join("gone")).unwrap_err();
    assert_eq!(error.code, ErrorCode::Io);
    assert!(error.message.contains("control.token") && !error.causes.is_empty(), "{error:?}");
}

#[tokio::test]
async fn it_serves_loopback_only() {
    let open = TcpListener::bind("0.0.0.0:0").await.unwrap();
    assert_eq!(loopback_port(&open).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    let own = TcpListener::bind("127.0.0.1:0").await.unwrap();
    assert_eq!(loopback_port(&own).unwrap(), own.local_addr().unwrap().port());
}

#[tokio::test]
async fn reports_travel_whole_with_their_status() {
    let report = Report::new(ErrorCode::TargetExists, "it is there").hint("choose another");
    let sent = report.clone();
    let refuse = get(move || async move { answer::json::<u8>(Err(sent)) });
    let server = Server::start(|_| Router::new().route("/v1/refuse", refuse)).await;
    let answer = server.ask("GET", "/v1/refuse", "", "").await;
    assert_eq!((answer.status, answer.report()), (409, report));
    server.stop().await;
}

#[tokio::test]
async fn more_connections_than_allowed_wait_and_are_served() {
    let busy = Arc::new(AtomicBool::new(false));
    let alone = {
        let busy = Arc::clone(&busy);
        get(move || async move {
            assert!(!busy.swap(true, Ordering::SeqCst), "two at a time");
            tokio::task::yield_now().await;
            busy.store(false, Ordering::SeqCst);
            "done"
        })
    };
    let limits = Limits::brisk(1, LONG);
    let server = Server::start_with(limits, |_| Router::new().route("/v1/alone", alone)).await;
    let asks = (0..8).map(|_| server.ask("GET", "/v1/alone", "", ""));
    for answer in futures_util::future::join_all(asks).await {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    server.stop().await;
}
