//! Settings while the engine runs: mistakes change nothing, good ones take effect and restart only what they must.
#![allow(clippy::unwrap_used)] // also in functions that are no tests themselves

mod support;

use std::path::Path;

use rusqlite::Connection;
use sqlite_replicate_api::config::SETTINGS;
use support::host::{Host, Writing, all_stored, child_pid, database, rows, shows};

fn config(host: &Host) -> String {
    std::fs::read_to_string(host.home().join("config.toml")).unwrap()
}

/// What Litestream was started with.
fn litestream_yml(host: &Host) -> String {
    std::fs::read_to_string(host.home().join("run/litestream.yml")).unwrap_or_default()
}

fn insert_one(path: &Path) {
    let db = Connection::open(path).unwrap();
    db.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
    db.execute_batch("INSERT INTO t (v) VALUES ('one more')").unwrap();
}

/// The text of the condition that says that the settings are wrong.
fn mistake(status: &serde_json::Value) -> Option<String> {
    let conditions = status["conditions"].as_array()?;
    let found = conditions.iter().find(|condition| condition["code"] == "config-bad")?;
    Some(found["text"].as_str()?.to_owned())
}

#[test]
fn a_mistake_is_shown_and_the_last_good_settings_go_on_until_it_is_mended() {
    let mut host = Host::new();
    host.start();
    let path = host.database("orders.db", 10);
    host.protect(&path);
    let pids = [host.pid("store"), host.pid("capture")];
    let good = config(&host);
    let file = host.home().join("config.toml");
    for (bad, says, hint) in [
        ("[capture\n", "TOML", ""),
        ("[capture]\nsync_intervall = '2s'\n", "sync_intervall", "did you mean `sync_interval`?"),
        ("[capture]\nsync_interval = '2 parsecs'\n", "sync_interval", ""),
        ("[capture]\nsync_interval = true\n", "sync_interval", ""),
        ("[capture]\nsync_interval = '1ms'\n", "from `100ms` to `1h`", ""),
        ("[peer]\nendpoint = 'x:1'\n", "can't connect a second PC", ""),
    ] {
        std::fs::write(&file, format!("{good}{bad}")).unwrap();
        host.until("the mistake is shown", |status| mistake(status).is_some_and(|text| text.contains(says)));
        let said = host.fails(&["config", "check"], 3);
        assert!(said.contains("config.toml:") && said.contains(says) && said.contains(hint), "{said}");
    }
    std::fs::remove_file(&file).unwrap();
    host.until("its absence is shown", |status| mistake(status).is_some_and(|text| text.contains("gone")));
    insert_one(&path);
    host.until("what comes meanwhile is stored", |status| all_stored(status, "orders"));
    assert_eq!([host.pid("store"), host.pid("capture")], pids, "something was started again");
    std::fs::write(&file, good).unwrap();
    host.until("the mistake is over", |status| mistake(status).is_none());
    assert_eq!([host.pid("store"), host.pid("capture")], pids, "something was started again");
}

#[test]
fn nothing_starts_with_a_mistake_and_all_of_them_are_said() {
    let host = Host::new();
    host.configure("[capture]\nsync_interval = 5\nretentoin = '1d'\n");
    let said = host.fails(&["run"], 3);
    assert!(said.contains("capture.sync_interval") && said.contains("retentoin"), "{said}");
    assert!(said.contains("did you mean `retention`?"), "{said}");
    assert!(!host.home().join("store").exists());
}

#[test]
fn a_changed_setting_keeps_the_comments_and_restarts_only_its_part() {
    let mut host = Host::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    host.configure(
        "# Frau Weber looks after this.\n[ui]\nlanguage = \"en\" # for the auditors\n\n[health]\nlisten = \"off\"\n",
    );
    host.start();
    let path = host.database("orders.db", 10);
    host.protect(&path);
    let writing = Writing::start(&path, std::time::Duration::from_millis(20));
    let [store, capture] = [host.pid("store"), host.pid("capture")];

    // These take effect at once.
    host.ok(&["config", "set", "health.listen", &format!("127.0.0.1:{port}")]);
    support::until("`/health` answers", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    host.ok(&["config", "set", "ui.language", "zh-CN"]);
    host.until("it speaks Chinese", |status| !status["sentence"].as_str().unwrap().is_ascii());
    assert_eq!([host.pid("store"), host.pid("capture")], [store, capture], "something was started again");

    // This one starts Litestream again, and nothing else.
    host.ok(&["config", "set", "capture.busy_timeout", "2s"]);
    host.until("Litestream runs with it", |status| {
        child_pid(status, "capture").is_some_and(|pid| pid != capture)
    });
    assert!(litestream_yml(&host).contains("busy-timeout: 2000ms"));
    assert_eq!(host.pid("store"), store, "the store was started again");
    let text = config(&host);
    assert!(
        text.contains("# Frau Weber looks after this.\n") && text.contains("# for the auditors"),
        "{text}"
    );
    assert_eq!(host.ok(&["config", "get", "capture.busy_timeout"]).trim(), "2s");
    let shown = host.ok(&["config", "show"]);
    let line = shown.lines().find(|line| line.starts_with("capture.busy_timeout")).unwrap();
    assert!(line.contains("line "), "{line}");
    host.ok(&["config", "set", "capture.busy_timeout", "--unset"]);
    assert_eq!(host.ok(&["config", "get", "capture.busy_timeout"]).trim(), "1s");

    // What is wrong is refused, and the file is what it was.
    let text = config(&host);
    let said = host.fails(&["config", "set", "capture.sync_interval", "soon"], 2);
    assert!(said.contains("capture.sync_interval"), "{said}");
    let said = host.fails(&["config", "set", "capture.sync_intervall", "1s"], 2);
    assert!(said.contains("did you mean `capture.sync_interval`?"), "{said}");
    assert_eq!(config(&host), text);
    assert_eq!(host.ok(&["config", "path"]).trim(), host.home().join("config.toml").display().to_string());

    let last = writing.stop();
    host.until("everything is stored", |status| all_stored(status, "orders"));
    let copy = host.path("copy.db");
    host.ok(&["restore", "orders", "--to", copy.to_str().unwrap()]);
    assert_eq!(rows(&copy), last, "a row was lost by the restarts");
}

/// Settings of `[capture]`, a value, and the line of `litestream.yml` that it becomes.
const REACHES: [(&str, &str, &[&str]); 8] = [
    ("sync_interval", "300ms", &["monitor-interval: 300ms", "sync-interval: 300ms"]),
    ("l0_retention", "2m", &["l0-retention: 120000ms"]),
    ("snapshot_interval", "5h", &["snapshot: {interval: 18000000ms,"]),
    ("retention", "50h", &["retention: 180000000ms}"]),
    ("checkpoint_interval", "2s", &["checkpoint-interval: 2000ms"]),
    ("min_checkpoint_pages", "77", &["min-checkpoint-page-count: 77"]),
    ("busy_timeout", "700ms", &["busy-timeout: 700ms"]),
    // 8 MiB in pages of 4 KiB with the 24 bytes that each has in front in the log.
    ("max_wal", "8MiB", &["truncate-page-n: 2036"]),
];

#[test]
fn every_setting_of_capture_reaches_litestream() {
    let known: Vec<&str> = SETTINGS.iter().filter(|s| s.section == "capture").map(|s| s.key).collect();
    assert_eq!(known, REACHES.map(|(key, ..)| key), "a setting that no test looks at");
    let mut host = Host::new();
    let mut text = config(&host);
    text.push_str("[capture]\n");
    for (key, value, _) in REACHES {
        let quote = if key == "min_checkpoint_pages" { "" } else { "'" };
        text.push_str(&format!("{key} = {quote}{value}{quote}\n"));
    }
    text.push_str("[store]\nbucket = 'of-the-office'\n");
    host.configure(&text);
    // Whatever the file says, the environment says more.
    host.variables.push(("SQLITE_REPLICATE_HOST_NAME".into(), "PC-ANNA".into()));
    host.variables.push(("SQLITE_REPLICATE_CAPTURE_BUSY_TIMEOUT".into(), "900ms".into()));
    host.start();
    let path = host.database("orders.db", 10);
    host.protect(&path);
    let yml = litestream_yml(&host);
    for (key, _, lines) in REACHES.iter().filter(|(key, ..)| *key != "busy_timeout") {
        for line in *lines {
            assert!(yml.contains(line), "`{key}` does not become `{line}`:\n{yml}");
        }
    }
    for line in ["bucket: \"of-the-office\"", "busy-timeout: 900ms", "pc-anna"] {
        assert!(yml.contains(line), "{line} is missing:\n{yml}");
    }
    let shown = host.ok(&["config", "show"]);
    let line = shown.lines().find(|line| line.starts_with("capture.busy_timeout")).unwrap();
    assert!(line.contains("900ms") && line.contains("SQLITE_REPLICATE_CAPTURE_BUSY_TIMEOUT"), "{line}");

    // One of them in what it does: a commit moves into the database file after the checkpoint interval.
    let before = rows(&path);
    insert_one(&path);
    let moved = host.path("moved.db");
    support::until("the commit moved into the database file", || {
        // Only the file, without its log; by another program, because reading it here would drop our locks.
        std::process::Command::new("cp").args([&path, &moved]).status().unwrap();
        let uri = format!("file:{}?immutable=1", moved.display());
        let count = Connection::open(uri)
            .and_then(|db| db.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0)));
        count.is_ok_and(|count| count > before)
    });
}

#[test]
fn commits_wait_for_the_sync_interval() {
    let mut host = Host::new();
    host.start();
    let path = host.database("orders.db", 10);
    host.protect(&path);
    host.ok(&["config", "set", "capture.sync_interval", "1h"]);
    support::until("Litestream is told", || litestream_yml(&host).contains("sync-interval: 3600000ms"));
    host.until("it runs with that", |status| child_pid(status, "capture").is_some());
    // The first look after a start takes what is there.
    host.until("all is stored", |status| all_stored(status, "orders"));
    insert_one(&path);
    host.until("the commit waits for longer than any shorter interval would have let it", |status| {
        database(status, "orders")["lag_seconds"].as_f64().unwrap() > 4.0
    });
    assert_eq!(database(&host.status(), "orders")["overall"], "local-only", "a long interval is no failure");
    host.ok(&["config", "set", "capture.sync_interval", "100ms"]);
    host.until("it is stored", |status| all_stored(status, "orders"));
}

#[test]
fn databases_come_go_and_move_while_the_engine_runs() {
    let mut host = Host::new();
    host.start();
    let first = host.database("first.db", 10);
    let second = host.database("second.db", 20);
    host.protect(&first);
    let store = host.pid("store");
    let empty = config(&host);
    // By hand.
    let both = format!("{empty}\n[[database]]\nname = 'more'\npath = '{}'\n", second.display());
    host.configure(&both);
    host.until("the second one is stored", |status| all_stored(status, "more"));
    // The name stays, the file is another one: a new line of history.
    let third = host.database("third.db", 30);
    host.configure(&both.replace("second.db", "third.db"));
    host.until("the third one is stored", |status| {
        database(status, "more")["path"] == third.to_str().unwrap() && all_stored(status, "more")
    });
    assert_eq!(database(&host.status(), "more")["epoch"], "1.1");
    let copy = host.path("copy.db");
    host.ok(&["restore", "more", "--to", copy.to_str().unwrap()]);
    assert_eq!(rows(&copy), 30);
    // The file that was left is nobody's: it can be anybody's again.
    Connection::open(&second).unwrap().execute_batch("PRAGMA journal_mode = DELETE").unwrap();

    host.ok(&["remove", "more", "--yes"]);
    host.until("it is gone", |status| database(status, "more").is_null());
    host.until("Litestream let it go", |_| !litestream_yml(&host).contains("third.db"));
    insert_one(&third);
    host.ok(&["add", third.to_str().unwrap(), "--name", "more"]);
    host.until("it is back, with its history", |status| all_stored(status, "more"));
    assert_eq!(database(&host.status(), "more")["epoch"], "1.1");
    let copy = host.path("again.db");
    host.ok(&["restore", "more", "--to", copy.to_str().unwrap()]);
    assert_eq!(rows(&copy), 31);
    host.fails(&["remove", "nobody", "--yes"], 6);
    assert_eq!(host.pid("store"), store, "the store was started again");
}

#[test]
fn a_new_name_of_the_pc_keeps_the_history() {
    let mut host = Host::new();
    host.variables.push(("SQLITE_REPLICATE_HOST_NAME".into(), "OLD-NAME".into()));
    host.start();
    let path = host.database("orders.db", 10);
    host.protect(&path);
    host.stop();
    host.variables.pop();
    host.variables.push(("SQLITE_REPLICATE_HOST_NAME".into(), "NEW-NAME".into()));
    host.start();
    insert_one(&path);
    let status = host.until("it goes on", |status| all_stored(status, "orders"));
    assert_eq!(database(&status, "orders")["epoch"], "1.0");
    assert!(!shows(&status, "history-lost"), "{status:#}");
}

#[test]
fn another_folder_for_the_history_begins_anew_and_says_so() {
    let mut host = Host::new();
    host.start();
    let path = host.database("orders.db", 10);
    host.protect(&path);
    let elsewhere = host.path("elsewhere");
    host.ok(&["config", "set", "store.data_dir", elsewhere.to_str().unwrap()]);
    host.until("it is said", |status| shows(status, "history-lost"));
    host.until("the new history is stored", |status| {
        all_stored(status, "orders") && database(status, "orders")["epoch"] == "1.1"
    });
    assert!(elsewhere.is_dir());
    let copy = host.path("copy.db");
    host.ok(&["restore", "orders", "--to", copy.to_str().unwrap()]);
    assert_eq!(rows(&copy), 10);
}

#[test]
fn the_environment_alone_is_enough_and_its_mistakes_are_found() {
    let mut host = Host::new();
    std::fs::remove_file(host.home().join("config.toml")).unwrap();
    let path = host.database("orders.db", 10);
    for (key, value) in [
        ("DATABASE", path.to_str().unwrap()),
        ("HEALTH_LISTEN", "off"),
        ("CAPTURE_SYNC_INTERVAL", "200ms"),
        ("UI_LANGUAGE", "en"),
    ] {
        host.variables.push((format!("SQLITE_REPLICATE_{key}"), value.to_owned()));
    }
    host.start();
    host.until("it is stored", |status| all_stored(status, "orders"));
    assert!(litestream_yml(&host).contains("sync-interval: 200ms"));
    host.stop();
    host.variables.push(("SQLITE_REPLICATE_CAPTURE_SYNC_INTERVALL".into(), "1s".into()));
    let said = host.fails(&["run"], 3);
    assert!(said.contains("did you mean `SQLITE_REPLICATE_CAPTURE_SYNC_INTERVAL`?"), "{said}");
}
