//! The main job, from `add` to a restored copy and back.
#![allow(clippy::unwrap_used)] // also in functions that are no tests themselves

mod support;

use support::host::{Host, alive, all_stored, database, rows};

#[test]
fn a_database_is_protected_proved_restored_and_brought_back() {
    let mut host = Host::new();
    host.start();
    let path = host.database("orders.db", 1_000);
    host.protect(&path);
    let status = host.until("it says so", |status| status["overall"] == "local-only");
    assert_eq!(database(&status, "orders")["epoch"], "1.0");
    host.ok(&["verify", "orders"]);
    host.ok(&["validate", "orders"]);
    host.ok(&["drill", "orders"]);
    host.ok(&["scan", "orders"]);

    let copy = host.path("copy.db");
    host.ok(&["restore", "orders", "--to", copy.to_str().unwrap()]);
    assert_eq!(rows(&copy), 1_000);

    host.ok(&["snapshot", "orders", "before"]);
    rusqlite::Connection::open(&path).unwrap().execute_batch("DELETE FROM t WHERE id > 10").unwrap();
    host.ok(&["sync", "orders"]);
    host.ok(&["restore", "orders", "--snapshot", "before", "--in-place", "--yes"]);
    assert_eq!(rows(&path), 1_000);
    host.until("the new history is stored", |status| all_stored(status, "orders"));
    assert_eq!(database(&host.status(), "orders")["epoch"], "1.1");
    host.ok(&["undo-restore", "orders", "--yes"]);
    assert_eq!(rows(&path), 10);
    host.until("the history after the undoing is stored", |status| all_stored(status, "orders"));

    let pids = [host.pid("store"), host.pid("capture")];
    host.stop();
    assert!(!pids.into_iter().any(alive), "a program was left behind");
}

#[test]
fn nothing_is_left_of_a_killed_engine_and_the_next_one_goes_on() {
    let mut host = Host::new();
    host.start();
    let path = host.database("orders.db", 100);
    host.protect(&path);
    let pids = [host.pid("store"), host.pid("capture")];
    host.kill();
    support::until("the programs ended with the engine", || !pids.into_iter().any(alive));
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch("INSERT INTO t (v) VALUES ('while it was off')")
        .unwrap();
    host.start();
    host.until("everything is stored again", |status| all_stored(status, "orders"));
    host.until("the history was checked", |status| database(status, "orders")["last_scan"]["good"] == true);
    let copy = host.path("copy.db");
    host.ok(&["restore", "orders", "--to", copy.to_str().unwrap()]);
    assert_eq!(rows(&copy), 101);
    assert_eq!(database(&host.status(), "orders")["epoch"], "1.0");
}

/// Litestream by itself loses such commits without a word (crates/engine/tests/wal_litestream.rs shows it).
#[test]
fn a_commit_made_while_the_engine_was_off_is_kept_even_if_the_log_started_again() {
    let mut host = Host::new();
    host.start();
    let path = host.database("orders.db", 2_000);
    host.protect(&path);
    let program = rusqlite::Connection::open(&path).unwrap();
    program.execute_batch("PRAGMA wal_autocheckpoint = 0; INSERT INTO t (v) VALUES ('seen')").unwrap();
    host.ok(&["sync", "orders"]);
    host.stop();
    program.execute_batch("INSERT INTO t (v) VALUES ('not seen'); PRAGMA wal_checkpoint(RESTART)").unwrap();
    // This one begins the log again, which is then shorter than what was captured of the old one.
    program.execute_batch("UPDATE t SET v = 'again' WHERE id = 1").unwrap();
    host.start();
    host.until("everything is stored", |status| all_stored(status, "orders"));
    let copy = host.path("copy.db");
    host.ok(&["restore", "orders", "--to", copy.to_str().unwrap()]);
    assert_eq!(rows(&copy), 2_002);
    host.ok(&["validate", "orders"]);
    assert_eq!(database(&host.status(), "orders")["epoch"], "1.0");
}
