//! What people and programs do to a database behind the engine's back: other files in its place, and everything that
//! SQLite allows. Whatever it is, what is in the database in the end is what a restore gives, and what was there before
//! stays restorable.
#![allow(clippy::unwrap_used)] // also in functions that are no tests themselves

mod support;

use std::fs::{copy, remove_file, rename};
use std::path::Path;

use rusqlite::Connection;
use support::host::{Host, all_stored, database, rows, shows};

/// A closed database of a given number of rows that was never protected: one file, no log.
fn other(host: &Host, name: &str, count: usize) -> std::path::PathBuf {
    let path = host.database(name, count);
    Connection::open(&path).unwrap().execute_batch("PRAGMA journal_mode = DELETE").unwrap();
    path
}

fn sql(path: &Path, statements: &str) {
    Connection::open(path).unwrap().execute_batch(statements).unwrap();
}

fn beside(path: &Path, suffix: &str) -> std::path::PathBuf {
    format!("{}{suffix}", path.display()).into()
}

/// Waits until another epoch than `before` is written and holds everything, then compares it with the database.
fn follows_anew(host: &Host, before: &str) -> String {
    let status = host.until("a new history holds everything", |status| {
        let known = database(status, "orders");
        known["epoch"] != before && all_stored(status, "orders")
    });
    host.ok(&["validate", "orders"]);
    database(&status, "orders")["epoch"].as_str().unwrap().to_owned()
}

/// How many rows the last state of an epoch had.
fn rows_at(host: &Host, epoch: &str, txid: &str) -> i64 {
    let target = host.path("then.db");
    let _ = remove_file(&target);
    host.ok(&["restore", "orders", "--txid", txid, "--epoch", epoch, "--to", target.to_str().unwrap()]);
    rows(&target)
}

/// Whether the file itself, without its log, holds Litestream's count.
fn is_telling(path: &Path) -> bool {
    let uri = format!("file:{}?immutable=1", path.display());
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_URI;
    let db = Connection::open_with_flags(uri, flags).unwrap();
    db.query_row("SELECT max(seq) FROM _litestream_seq", [], |_| Ok(())).is_ok()
}

fn newest(host: &Host) -> String {
    database(&host.status(), "orders")["stored"].as_str().unwrap().to_owned()
}

#[test]
fn another_file_in_its_place_begins_a_new_history_while_the_engine_runs() {
    let mut host = Host::new();
    let path = host.database("orders.db", 100);
    host.start();
    host.protect(&path);
    let before = newest(&host);

    // Moved over it: another file under the name, the old log beside it.
    rename(other(&host, "moved.db", 7), &path).unwrap();
    let second = follows_anew(&host, "1.0");
    assert_eq!((second.as_str(), rows(&path)), ("1.1", 7));
    assert_eq!(rows_at(&host, "1.0", &before), 100);

    // Copied over it: the same file with another content. It is known by what Litestream writes into a database, as soon
    // as that has reached the file.
    support::until("the file tells what it is", || is_telling(&path));
    copy(other(&host, "copied.db", 3), &path).unwrap();
    let third = follows_anew(&host, &second);
    assert_eq!(rows(&path), 3);

    // Deleted and made anew.
    remove_file(&path).unwrap();
    host.until("it is missing", |status| shows(status, "database-missing"));
    for suffix in ["-wal", "-shm"] {
        let _ = remove_file(beside(&path, suffix));
    }
    host.database("orders.db", 11);
    let fourth = follows_anew(&host, &third);
    assert_eq!(rows(&path), 11);

    // Taken away and brought back: still the same file, so the same history.
    rename(&path, host.path("away.db")).unwrap();
    host.until("it is missing", |status| shows(status, "database-missing"));
    rename(host.path("away.db"), &path).unwrap();
    host.until("it is back", |status| !shows(status, "database-missing") && all_stored(status, "orders"));
    sql(&path, "INSERT INTO t (v) VALUES ('after it was back')");
    host.ok(&["validate", "orders"]);
    assert_eq!(database(&host.status(), "orders")["epoch"], fourth.as_str());
    assert_eq!(rows_at(&host, "1.0", &before), 100);
}

#[test]
fn another_file_in_its_place_begins_a_new_history_while_the_engine_is_off() {
    let mut host = Host::new();
    let path = host.database("orders.db", 100);
    host.start();
    host.protect(&path);
    let before = newest(&host);
    host.stop();

    rename(other(&host, "moved.db", 7), &path).unwrap();
    host.start();
    let second = follows_anew(&host, "1.0");
    assert_eq!(rows(&path), 7);
    assert_eq!(rows_at(&host, "1.0", &before), 100);
    host.stop();

    copy(other(&host, "copied.db", 3), &path).unwrap();
    host.start();
    let third = follows_anew(&host, &second);
    assert_eq!(rows(&path), 3);
    host.stop();

    for suffix in ["", "-wal", "-shm"] {
        let _ = remove_file(beside(&path, suffix));
    }
    host.start();
    host.until("it is missing", |status| shows(status, "database-missing"));
    host.stop();
    host.database("orders.db", 11);
    host.start();
    follows_anew(&host, &third);
    assert_eq!(rows(&path), 11);
    assert_eq!(rows_at(&host, "1.0", &before), 100);
}

#[test]
fn an_old_copy_with_its_log_begins_a_new_history() {
    let mut host = Host::new();
    let path = host.database("orders.db", 100);
    host.start();
    host.protect(&path);
    host.stop();
    for suffix in ["", "-wal"] {
        copy(beside(&path, suffix), beside(&host.path("backup.db"), suffix)).unwrap();
    }
    host.start();
    sql(&path, "INSERT INTO t (v) VALUES ('later')");
    host.ok(&["sync", "orders"]);
    let before = newest(&host);
    host.stop();
    for suffix in ["", "-wal"] {
        copy(beside(&host.path("backup.db"), suffix), beside(&path, suffix)).unwrap();
    }
    let _ = remove_file(beside(&path, "-shm"));
    host.start();
    follows_anew(&host, "1.0");
    assert_eq!(rows(&path), 100);
    assert_eq!(rows_at(&host, "1.0", &before), 101);
}

#[test]
fn what_was_written_and_checkpointed_while_the_engine_was_off_is_stored() {
    let mut host = Host::new();
    let path = host.database("orders.db", 0);
    host.start();
    host.protect(&path);
    let db = Connection::open(&path).unwrap();
    support::host::insert(&db, 2_000);
    host.ok(&["sync", "orders"]);
    host.kill();
    // A log that is started again, but does not get as long as it was.
    support::host::insert(&db, 50);
    db.query_row("PRAGMA wal_checkpoint(FULL)", [], |_| Ok(())).unwrap();
    support::host::insert(&db, 50);
    host.start();
    host.until("everything is stored", |status| all_stored(status, "orders"));
    host.ok(&["validate", "orders"]);
    assert_eq!(rows(&path), 2_100);
    assert_eq!(database(&host.status(), "orders")["epoch"], "1.0");
}

#[test]
fn what_was_written_and_checkpointed_while_litestream_was_dead_is_stored() {
    let mut host = Host::new();
    let path = host.database("orders.db", 0);
    host.start();
    host.protect(&path);
    let db = Connection::open(&path).unwrap();
    for _ in 0..5 {
        support::host::insert(&db, 2_000);
        host.ok(&["sync", "orders"]);
        support::host::signal(host.pid("capture"), "-KILL");
        support::host::insert(&db, 50);
        // Busy while Litestream is still or again there; then it changes nothing.
        db.query_row("PRAGMA wal_checkpoint(FULL)", [], |_| Ok(())).unwrap();
        support::host::insert(&db, 50);
        host.until("everything is stored", |status| all_stored(status, "orders"));
        host.ok(&["validate", "orders"]);
    }
    assert_eq!(rows(&path), 5 * 2_100);
}
