//! A history that grows old: every moment of it, its levels, what outlives its retention and what does not.
#![allow(clippy::unwrap_used)] // also in functions that are no tests themselves

mod support;

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::Connection;
use serde_json::Value;
use support::host::{Host, database, rows};

/// A moment as `--at` takes it, to the millisecond.
fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    jiff::Timestamp::from_millisecond(i64::try_from(since.as_millis()).unwrap()).unwrap().to_string()
}

fn restored(host: &Host, arguments: &[&str]) -> i64 {
    let target = host.path("restored.db");
    let mut all = vec!["restore", "orders"];
    all.extend(arguments);
    all.extend(["--to", target.to_str().unwrap()]);
    host.ok(&all);
    let found = rows(&target);
    std::fs::remove_file(target).unwrap();
    found
}

fn history(host: &Host) -> Value {
    serde_json::from_str(&host.ok(&["history", "orders", "--json"])).unwrap()
}

fn levels(history: &Value) -> Vec<u64> {
    let epochs = history["epochs"].as_array().unwrap();
    let levels = epochs.last().unwrap()["levels"].as_array().unwrap();
    levels.iter().map(|level| level["level"].as_u64().unwrap()).collect()
}

fn write(path: &Path) {
    Connection::open(path).unwrap().execute_batch("INSERT INTO t (v) VALUES (datetime())").unwrap();
}

fn wait_for(host: &Host, limit: Duration, what: &str, so: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !so() {
        assert!(begun.elapsed() < limit, "never: {what}\n{:#}\n{}", history(host), host.log());
        std::thread::sleep(Duration::from_millis(500));
    }
}

#[test]
#[ignore = "slow: writes for 20 s and waits for Litestream's compaction after 30 s"]
fn every_moment_comes_back_exactly_before_and_after_compaction() {
    let mut host = Host::new();
    host.start();
    let path = host.database("orders.db", 0);
    host.protect(&path);
    let mut moments = Vec::new();
    for count in 1..=20 {
        write(&path);
        host.ok(&["sync", "orders"]);
        let stored = database(&host.status(), "orders")["stored"].as_str().unwrap().to_owned();
        moments.push((count, now(), stored));
    }
    // In no order: each is found by itself.
    for (count, at, txid) in moments.iter().step_by(2).chain(moments.iter().skip(1).step_by(2)) {
        assert_eq!(restored(&host, &["--at", at]), *count, "{at}");
        assert_eq!(restored(&host, &["--txid", txid]), *count, "{txid}");
    }
    wait_for(&host, Duration::from_secs(60), "the history is compacted", || {
        let history = history(&host);
        let compacted =
            history["epochs"][0]["levels"].as_array().unwrap().iter().find(|l| l["level"] == 1).cloned();
        compacted.is_some_and(|level| level["last"].as_str() >= Some(&moments[19].2))
    });
    // Level 2 is made each five minutes by the clock, so it may be there.
    let found = levels(&history(&host));
    assert!([0, 1, 9].iter().all(|level| found.contains(level)), "{found:?}");
    for (count, at, txid) in moments.iter().rev() {
        assert_eq!(restored(&host, &["--at", at]), *count, "{at}");
        assert_eq!(restored(&host, &["--txid", txid]), *count, "{txid}");
    }
}

#[test]
#[ignore = "slow: waits until a history of a minute is past its retention, twice"]
fn a_named_moment_outlives_retention_and_an_old_epoch_goes_only_after_a_good_drill() {
    let mut host = Host::new();
    host.configure(
        "[health]\nlisten = \"127.0.0.1:0\"\n[ui]\nlanguage = \"en\"\n\
         [capture]\nl0_retention = \"1m\"\nsnapshot_interval = \"1m\"\nretention = \"1m\"\n",
    );
    host.start();
    let path = host.database("orders.db", 5);
    host.protect(&path);
    host.ok(&["snapshot", "orders", "kept"]);
    let first = database(&host.status(), "orders")["stored"].as_str().unwrap().to_owned();
    let gone = || {
        write(&path);
        let points = history(&host)["epochs"][0]["points"].as_array().unwrap().clone();
        points.iter().all(|point| point["txid"].as_str() > Some(&first))
    };
    wait_for(&host, Duration::from_secs(200), "the first moments are past their retention", gone);
    let target = host.path("gone.db");
    let arguments = ["restore", "orders", "--txid", &first, "--to", target.to_str().unwrap()];
    assert!(!host.cli(&arguments).status.success());
    assert_eq!(restored(&host, &["--snapshot", "kept"]), 5);
    assert!(restored(&host, &[]) > 5);

    host.ok(&["restore", "orders", "--snapshot", "kept", "--in-place", "--yes"]);
    host.until("a new history begins", |status| database(status, "orders")["epoch"] == "1.1");
    let begun = std::time::Instant::now();
    host.ok(&["sync", "orders"]);
    wait_for(&host, Duration::from_secs(100), "the old history is past its retention", || {
        host.ok(&["scan", "orders"]);
        assert_eq!(history(&host)["epochs"].as_array().unwrap().len(), 2, "no drill has proved the new one");
        begun.elapsed() > Duration::from_secs(70)
    });
    host.ok(&["drill", "orders"]);
    wait_for(&host, Duration::from_secs(20), "the old history is deleted", || {
        history(&host)["epochs"].as_array().unwrap().len() == 1
    });
    assert_eq!(restored(&host, &["--snapshot", "kept"]), 5);
    assert_eq!(restored(&host, &[]), 5);
}
