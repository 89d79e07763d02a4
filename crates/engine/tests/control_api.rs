//! The control API of a running engine: who gets in, every call, and its end.
//!
//! The engine's launcher is a program that doesn't exist, so neither store nor Litestream ever starts: the control API has
//! to answer all the same, and these tests take no time.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "in a test they are assertions")]

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt;
use sqlite_replicate_api::{
    AddDatabase, CheckpointMode, ConditionCode, Credentials, ErrorCode, JobRequest, Name, Overall, Pause,
    ReplaceConfig, Report, Restart, RestoreRequest, Result, SetSetting, Status, Target,
};
use sqlite_replicate_engine::client::Client;
use sqlite_replicate_engine::{Engine, Options};
use tempfile::TempDir;

/// What nothing in these tests should take, on however slow a machine.
const LONG: Duration = Duration::from_secs(60);

fn options(home: &Path) -> Options {
    let bundle = std::env::var_os("SQLITE_REPLICATE_BIN_DIR")
        .expect("SQLITE_REPLICATE_BIN_DIR is not set: run the tests by `cargo xtask test`");
    // Nothing of this test may listen where another one does.
    let port = ("SQLITE_REPLICATE_HEALTH_LISTEN".into(), "off".into());
    Options {
        home: home.to_owned(),
        bundle: Some(bundle.into()),
        launcher: Some(home.join("no-such-program")),
        environment: vec![port],
        ..Options::default()
    }
}

struct Running {
    home: TempDir,
    engine: Engine,
    client: Client,
}

impl Running {
    async fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let engine = Engine::start(options(home.path())).unwrap();
        let client = connect(home.path()).await;
        Self { home, engine, client }
    }

    fn address(&self) -> SocketAddr {
        let control = std::fs::read(self.home.path().join("control.json")).unwrap();
        let control: sqlite_replicate_api::ControlAddress = serde_json::from_slice(&control).unwrap();
        (std::net::Ipv4Addr::LOCALHOST, control.port).into()
    }

    fn token(&self) -> String {
        std::fs::read_to_string(self.home.path().join("control.token")).unwrap()
    }

    async fn stop(self) -> TempDir {
        within(self.engine.shutdown()).await;
        self.home
    }
}

async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, work).await.expect("not done in time")
}

/// An engine is there before its control API is.
async fn connect(home: &Path) -> Client {
    within(async {
        loop {
            if let Ok(client) = Client::connect(home)
                && client.status().await.is_ok()
            {
                return client;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
}

/// The first status that is as wanted.
async fn until(client: &Client, wanted: impl Fn(&Status) -> bool) -> Status {
    within(async {
        let mut stream = client.status_stream().await.unwrap();
        loop {
            let status = stream.next().await.expect("the stream ended").unwrap();
            if wanted(&status) {
                return status;
            }
        }
    })
    .await
}

fn is_paused(status: &Status) -> bool {
    status.conditions.iter().any(|condition| condition.code == ConditionCode::Paused)
}

/// Sends a request as it is, and gives the status and the body.
fn ask(address: SocketAddr, call: &str, headers: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    write!(stream, "{call} HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n{headers}\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// Every call of docs/scripting.md, with something where it has a name or a number.
fn calls() -> BTreeSet<String> {
    let methods = ["GET /", "POST /", "PUT /", "PATCH /", "DELETE /"];
    include_str!("../../../docs/scripting.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split(['`', '?']).next())
        .filter(|call| methods.iter().any(|method| call.starts_with(method)))
        .map(|call| call.replace("{name}", "orders").replace("{id}", "1"))
        .collect()
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn database(dir: &Path) -> std::path::PathBuf {
    let path = dir.join("orders.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch("PRAGMA journal_mode=WAL; CREATE TABLE t (id INTEGER PRIMARY KEY);").unwrap();
    path
}

fn code<T>(result: Result<T>) -> Option<ErrorCode> {
    result.err().map(|report| report.code)
}

#[tokio::test]
async fn no_call_answers_to_strangers() {
    let running = Running::start().await;
    let address = running.address();
    let token = format!("Authorization: Bearer {}\r\n", running.token());
    let host = format!("Host: {address}\r\n");
    let calls = calls();
    assert!(calls.len() > 20, "{calls:?}");
    for call in &calls {
        let open = call == "GET /health";
        let stranger = ask(address, call, &host).0;
        assert_eq!(stranger == 401, !open, "{call}: {stranger}");
        let wrong = format!("{host}Authorization: Bearer {}\r\n", "0".repeat(64));
        assert_eq!(ask(address, call, &wrong).0 == 401, !open, "{call}");
        let rebound = format!("Host: evil.example:{}\r\n{token}", address.port());
        assert_eq!(ask(address, call, &rebound).0, 403, "{call}");
        let page = format!("{host}{token}Origin: https://evil.example\r\n");
        let (status, body) = ask(address, call, &page);
        assert_eq!(status, 403, "{call}");
        assert_eq!(serde_json::from_str::<Report>(&body).unwrap().code, ErrorCode::Unauthorized);
    }
    // And the engine is none the worse for it: `POST /v1/shutdown` was among them.
    assert!(running.client.status().await.is_ok());
    running.stop().await;
}

#[tokio::test]
async fn every_documented_call_is_there() {
    let running = Running::start().await;
    let address = running.address();
    let headers = format!("Host: {address}\r\nAuthorization: Bearer {}\r\n", running.token());
    for call in calls() {
        // Streams have no end, and the end comes last.
        if call.ends_with("/status/stream") || call == "POST /v1/shutdown" {
            continue;
        }
        let (status, body) = ask(address, &call, &headers);
        assert_ne!(status, 405, "{call}: {body}");
        assert!(status != 404 || !body.contains("the control API has no"), "{call}: {body}");
        if status >= 400 && call != "GET /health" {
            let report: Report = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{call}: {body}"));
            assert_ne!(report.code, ErrorCode::Internal, "{call}: {report:?}");
        }
    }
    assert_eq!(ask(address, "POST /v1/shutdown", &headers).0, 204);
    within(running.engine.ended()).await;
}

#[tokio::test]
async fn the_answers_are_the_handles_own() {
    let running = Running::start().await;
    let (client, handle) = (&running.client, running.engine.handle());

    let status = until(client, |status| !status.conditions.is_empty()).await;
    assert_eq!(status.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(status.host, handle.status().await.unwrap().host);
    assert!(status.databases.is_empty() && status.overall != Overall::Protected, "{status:?}");

    let events = client.events(0, 1000).await.unwrap();
    let started = events.iter().find(|event| event.kind == "started").unwrap();
    assert!(handle.events(0, 1000).await.unwrap().contains(started));
    assert!(client.events(started.id, 1000).await.unwrap().iter().all(|event| event.id > started.id));
    assert_eq!(client.events(0, 1).await.unwrap().len(), 1);
    assert_eq!(client.config_text().await.unwrap(), handle.config_text().await.unwrap());
    assert!(client.metrics().await.unwrap().contains("\nsqlite_replicate_up 1\n"));
    assert!(client.doctor().await.unwrap().is_object());
    client.logs(Some("engine"), 10).await.unwrap();
    client.restart(Restart::All).await.unwrap();

    let nobody = name("nobody");
    let restore = RestoreRequest {
        moment: Default::default(),
        target: Target::File(running.home.path().join("restored.db")),
        integrity: Default::default(),
    };
    for refused in [
        code(client.remove(&nobody).await),
        code(client.history(&nobody).await),
        code(client.plan(&nobody, &restore).await),
        code(client.start_job(&nobody, JobRequest::Verify).await),
        code(client.sync(&nobody).await),
        code(client.checkpoint(&nobody, CheckpointMode::Passive).await),
    ] {
        assert_eq!(refused, Some(ErrorCode::NoSuchDatabase));
    }
    let unknown = client.job(4711).await.unwrap_err();
    assert_eq!(client.cancel_job(4711).await.unwrap_err(), unknown);
    assert_eq!(client.follow_job(4711, |_| {}).await.unwrap_err(), unknown);
    running.stop().await;
}

#[tokio::test]
async fn a_database_comes_and_goes_and_settings_change() {
    let running = Running::start().await;
    let client = &running.client;
    let path = database(running.home.path());
    let missing = AddDatabase { path: path.with_file_name("gone.db"), name: None, dry_run: false };
    assert_eq!(code(client.add(missing).await), Some(ErrorCode::DatabaseMissing));

    let add = AddDatabase { path: path.clone(), name: None, dry_run: true };
    let before = client.config_text().await.unwrap();
    assert_eq!(client.add(add.clone()).await.unwrap().name, name("orders"));
    assert_eq!(client.config_text().await.unwrap(), before, "only looked");
    client.add(AddDatabase { dry_run: false, ..add.clone() }).await.unwrap();
    let status = until(client, |status| !status.databases.is_empty()).await;
    assert_eq!(status.databases[0].name, name("orders"));
    assert_eq!(code(client.add(add).await), Some(ErrorCode::DatabaseAlreadyProtected));

    let set = |value: &str| SetSetting { key: "capture.sync_interval".into(), value: Some(value.into()) };
    client.set_setting(set("2s")).await.unwrap();
    let text = client.config_text().await.unwrap().text;
    assert!(text.contains("sync_interval"), "{text}");
    assert_eq!(code(client.set_setting(set("soon")).await), Some(ErrorCode::BadRequest));
    let stale = ReplaceConfig { base: before.text, text: String::new() };
    assert!(client.replace_config(stale).await.is_err(), "somebody else's edit was undone");
    assert_eq!(client.config_text().await.unwrap().text, text);

    client.remove(&name("orders")).await.unwrap();
    until(client, |status| status.databases.is_empty()).await;
    assert!(path.exists());

    client.pause(Pause::default()).await.unwrap();
    until(client, is_paused).await;
    let address = running.address();
    assert_eq!(ask(address, "GET /health", &format!("Host: {address}\r\n")).0, 503);
    client.resume().await.unwrap();
    until(client, |status| !is_paused(status)).await;
    running.stop().await;
}

#[tokio::test]
async fn keys_go_in_and_never_come_out() {
    const SECRET: &str = "a-secret-that-nobody-may-see";
    let running = Running::start().await;
    let client = &running.client;
    let keys = Credentials { access_key_id: "office".into(), secret_access_key: SECRET.into() };
    client.set_credentials(keys).await.unwrap();
    let token = running.token();
    let told = [
        serde_json::to_string(&client.status().await.unwrap()).unwrap(),
        client.doctor().await.unwrap().to_string(),
        client.config_text().await.unwrap().text,
        client.metrics().await.unwrap(),
        serde_json::to_string(&client.events(0, 1000).await.unwrap()).unwrap(),
        serde_json::to_string(&client.logs(None, 1000).await.unwrap()).unwrap(),
    ];
    for text in told {
        assert!(!text.contains(SECRET) && !text.contains(&token), "{text}");
    }
    let home = running.stop().await;
    for entry in std::fs::read_dir(home.path().join("logs")).into_iter().flatten().flatten() {
        let text = String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()).into_owned();
        assert!(!text.contains(SECRET) && !text.contains(&token), "{}", entry.path().display());
    }
}

#[tokio::test]
async fn a_second_engine_leaves_the_first_ones_clients_alone() {
    let running = Running::start().await;
    let token = running.token();
    let second = Engine::start(options(running.home.path())).err().unwrap();
    assert_eq!(second.code, ErrorCode::EngineAlreadyRunning);
    assert_eq!(running.token(), token);
    assert!(running.client.status().await.is_ok());
    running.stop().await;
}

#[tokio::test]
async fn the_end_ends_streams_and_leaves_no_address() {
    let running = Running::start().await;
    #[cfg(unix)]
    for file in ["control.token", "control.json"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(running.home.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let token = running.token();
    let mut stream = running.client.status_stream().await.unwrap();
    stream.next().await.unwrap().unwrap();
    running.client.shutdown().await.unwrap();
    within(async { while stream.next().await.is_some_and(|status| status.is_ok()) {} }).await;
    within(running.engine.ended()).await;
    for file in ["control.token", "control.json"] {
        assert!(!running.home.path().join(file).exists(), "{file}");
    }
    assert_eq!(code(running.client.status().await), Some(ErrorCode::EngineNotRunning));
    assert_eq!(code(Client::connect(running.home.path())), Some(ErrorCode::EngineNotRunning));
    let home = running.stop().await;
    // The next start has another token, so the old one is worth nothing.
    let again = Engine::start(options(home.path())).unwrap();
    connect(home.path()).await;
    assert_ne!(std::fs::read_to_string(home.path().join("control.token")).unwrap(), token);
    within(again.shutdown()).await;
}
