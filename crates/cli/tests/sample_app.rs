//! The sample program as it really runs.
#![allow(clippy::unwrap_used)] // also in functions that are no tests themselves

mod support;

use rusqlite::Connection;
use support::{App, run, text, until};

#[test]
fn a_locked_database_is_told_and_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("orders.db");
    let app = App::start(&database, &["--rate", "50"]);
    until("a row", || app.written() >= 1);
    let fence = Connection::open(&database).unwrap();
    fence.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    fence.execute_batch("BEGIN IMMEDIATE").unwrap();
    let held = app.written();
    until("`/health` says that it can't write", || app.get("/health").0 == 503);
    assert_eq!(
        app.get("/health").1,
        serde_json::json!({ "status": "cannot write", "why": "database is locked" })
    );
    // Readers go on.
    assert_eq!(app.get("/").0, 200);
    fence.execute_batch("ROLLBACK").unwrap();
    until("it writes again", || app.written() > held);
}

#[test]
fn a_database_that_is_locked_from_the_start_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("orders.db");
    let fence = Connection::open(&database).unwrap();
    fence.execute_batch("PRAGMA journal_mode = DELETE; CREATE TABLE t (a); BEGIN EXCLUSIVE").unwrap();
    let app = App::start(&database, &["--rate", "50"]);
    until("`/health` says why", || app.get("/health").1["why"] == "database is locked");
    fence.execute_batch("ROLLBACK").unwrap();
    until("it writes", || app.written() >= 1);
}

#[test]
fn no_database_is_made_where_one_was_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("sub/orders.db");
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    let app = App::start(&database, &["--rate", "50"]);
    until("a row", || app.written() >= 1);
    if std::fs::rename(folder.path().join("sub"), folder.path().join("gone")).is_err() {
        return; // Windows lets nobody take away what a program has open
    }
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    until("`/health` says that it can't write", || app.get("/health").0 == 503);
    assert!(!database.exists());
}

#[test]
fn who_hears_that_it_listens_finds_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("orders.db");
    let _app = App::start(&database, &["--every", "1w"]);
    let connection = Connection::open(&database).unwrap();
    let rows: i64 = connection.query_row("SELECT count(*) FROM events", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 1);
}

#[test]
fn it_ends_with_whoever_started_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = App::start(&folder.path().join("orders.db"), &["--die-with-stdin"]);
    until("a row", || app.written() >= 1);
    drop(app.child.stdin.take());
    assert!(app.child.wait().unwrap().success());
}

#[test]
fn a_taken_port_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = run(folder.path(), &["sample-app", "--listen", &address]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(text(&ended.stderr).starts_with(&format!("error: nobody can be served at `{address}`\n")));
    assert!(!folder.path().join("sample.db").exists());
}

#[test]
fn rows_can_be_made_heavy() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("orders.db");
    let app = App::start(&database, &["--rate", "100", "--payload", "5000"]);
    until("a row", || app.written() >= 1);
    let connection = Connection::open(&database).unwrap();
    let bytes: i64 =
        connection.query_row("SELECT min(length(payload)) FROM events", [], |row| row.get(0)).unwrap();
    assert_eq!(bytes, 5000);
}

/// What can only be done where there are signals, and where a file can be replaced that a program has open.
#[cfg(unix)]
mod unix {
    use std::process::{Command, ExitStatus};

    use rusqlite::Connection;

    use super::support::{App, until};

    fn count(database: &std::path::Path) -> u64 {
        let connection = Connection::open(database).unwrap();
        connection
            .query_row("SELECT count(*) FROM events", [], |row| row.get::<_, i64>(0))
            .unwrap()
            .try_into()
            .unwrap()
    }

    fn terminate(app: &mut App) -> ExitStatus {
        let pid = app.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        app.child.wait().unwrap()
    }

    #[test]
    fn it_adds_rows_says_so_and_ends_cleanly() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("orders.db");
        let mut app = App::start(&database, &["--rate", "50"]);
        until("three rows", || app.written() >= 3);
        let (code, root) = app.get("/");
        assert_eq!(code, 200);
        let last = root["last"].as_array().unwrap();
        assert!(root["count"].as_u64().unwrap() >= 3);
        assert!(last[0]["id"].as_i64() > last[1]["id"].as_i64());
        assert!(last[0]["at"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
        let (code, health) = app.get("/health");
        assert_eq!((code, health["status"].as_str()), (200, Some("ok")));
        let acknowledged = app.written();
        assert!(terminate(&mut app).success());
        assert!(count(&database) >= acknowledged);
        // It was the last one to close the database: nothing is left beside it.
        assert!(!folder.path().join("orders.db-wal").exists());
    }

    #[test]
    fn another_file_in_the_database_s_place_is_written_next_and_its_log_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("orders.db");
        let app = App::start(&database, &["--every", "1s"]);
        until("a row", || app.written() >= 1);
        // As a restore into its place does it: the files go aside, another one comes, and somebody holds it open.
        for end in ["", "-wal", "-shm"] {
            let file = folder.path().join(format!("orders.db{end}"));
            if file.exists() {
                std::fs::rename(&file, folder.path().join(format!("aside.db{end}"))).unwrap();
            }
        }
        assert!(!database.exists());
        let other = folder.path().join("other.db");
        let made = Connection::open(&other).unwrap();
        made.execute_batch("CREATE TABLE kept (a); INSERT INTO kept VALUES (1)").unwrap();
        drop(made);
        std::fs::rename(&other, &database).unwrap();
        let engine = Connection::open(&database).unwrap();
        engine.execute_batch("PRAGMA journal_mode = WAL; INSERT INTO kept VALUES (2)").unwrap();
        let before = app.written();
        until("it writes to the new file", || app.written() > before + 1);
        let rows: i64 = engine.query_row("SELECT count(*) FROM kept", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 2);
        assert!(count(&database) >= 1);
        let fine: String = engine.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(fine, "ok");
    }
}
