//! Everything that SQLite allows a program to do while its database is protected.
#![allow(clippy::unwrap_used)] // also in functions that are no tests themselves

mod support;

use std::path::Path;

use rusqlite::Connection;
use support::host::{Host, all_stored, database, insert, rows, shows};

/// How long a program waits for a lock.
const LONG: std::time::Duration = std::time::Duration::from_secs(10);

fn epoch(host: &Host, name: &str) -> String {
    database(&host.status(), name)["epoch"].as_str().unwrap().to_owned()
}

fn pragma(db: &Connection, pragma: &str) -> String {
    db.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, rusqlite::types::Value>(0))
        .map_or_else(|error| error.to_string(), |value| format!("{value:?}"))
}

#[test]
fn a_program_may_shrink_rebuild_and_checkpoint_its_database() {
    let mut host = Host::new();
    let path = host.path("orders.db");
    let db = Connection::open(&path).unwrap();
    db.busy_timeout(LONG).unwrap();
    db.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL").unwrap();
    db.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); CREATE TABLE u AS SELECT 1").unwrap();
    insert(&db, 5_000);
    host.start();
    host.protect(&path);

    let steps: [(&str, &dyn Fn()); 5] = [
        ("deletes and shrinks", &|| {
            db.execute_batch("DELETE FROM t WHERE id > 500; PRAGMA incremental_vacuum").unwrap();
        }),
        ("rebuilds", &|| db.execute_batch("VACUUM").unwrap()),
        ("drops", &|| db.execute_batch("DROP TABLE u").unwrap()),
        ("cuts the log again and again", &|| {
            for _ in 0..50 {
                db.busy_timeout(LONG).unwrap();
                insert(&db, 10);
                // Often busy, because Litestream holds on to the log: then it does what it can.
                db.busy_timeout(std::time::Duration::from_millis(20)).unwrap();
                let _ = pragma(&db, "wal_checkpoint(TRUNCATE)");
            }
            db.busy_timeout(LONG).unwrap();
        }),
        ("writes 100 MB at once", &|| {
            db.execute_batch(
                "CREATE TABLE big (b); BEGIN;
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
                 INSERT INTO big SELECT zeroblob(100000) FROM n; COMMIT",
            )
            .unwrap();
        }),
    ];
    for (what, step) in steps {
        step();
        let output = host.cli(&["validate", "orders"]);
        assert!(output.status.success(), "{what}: {}", support::text(&output.stderr));
    }
    assert_eq!(rows(&path), 1_000);
    assert_eq!(epoch(&host, "orders"), "1.0");
}

#[test]
fn a_program_cannot_leave_wal_mode_while_the_engine_runs_and_it_is_switched_on_again_after() {
    let mut host = Host::new();
    let path = host.database("orders.db", 10);
    host.start();
    host.protect(&path);
    let db = Connection::open(&path).unwrap();
    let said = pragma(&db, "journal_mode = DELETE");
    assert!(said.contains("locked"), "{said}");
    drop(db);
    host.stop();
    let db = Connection::open(&path).unwrap();
    assert!(pragma(&db, "journal_mode = DELETE").contains("delete"));
    // Another page size, too: that is only possible outside WAL mode.
    db.execute_batch("PRAGMA page_size = 8192; VACUUM").unwrap();
    insert(&db, 10);
    drop(db);
    host.start();
    host.until("everything is stored", |status| all_stored(status, "orders"));
    host.ok(&["validate", "orders"]);
    let db = Connection::open(&path).unwrap();
    assert!(pragma(&db, "journal_mode").contains("wal"));
    assert!(pragma(&db, "page_size").contains("8192"));
    assert_eq!(epoch(&host, "orders"), "1.1", "files of two page sizes don't make one history");
    assert_eq!(rows(&path), 20);
}

#[test]
fn a_program_that_locks_everybody_out_is_told_of_until_it_stops_that() {
    let mut host = Host::new();
    let path = host.database("orders.db", 10);
    host.start();
    host.protect(&path);
    // After the engine: it can't have the database to itself, so SQLite refuses it, and nothing is lost.
    let late = Connection::open(&path).unwrap();
    let refused = late.execute_batch("PRAGMA locking_mode = EXCLUSIVE; INSERT INTO t (v) VALUES ('late')");
    assert!(refused.unwrap_err().to_string().contains("locked"));
    drop(late);
    host.ok(&["validate", "orders"]);
    host.stop();
    // Before the engine: nothing can be captured, and that is said.
    let early = Connection::open(&path).unwrap();
    early.execute_batch("PRAGMA locking_mode = EXCLUSIVE; INSERT INTO t (v) VALUES ('early')").unwrap();
    host.start();
    host.until("it is told", |status| shows(status, "database-held"));
    assert_eq!(host.status()["overall"], "not-protected");
    drop(early);
    host.until("everything is stored", |status| {
        !shows(status, "database-held") && all_stored(status, "orders")
    });
    host.ok(&["validate", "orders"]);
    assert_eq!(rows(&path), 11);
}

#[test]
fn a_reader_that_stays_lets_the_log_grow_which_is_told_until_it_ends() {
    let mut host = Host::new();
    host.configure(
        "[health]\nlisten = \"127.0.0.1:0\"\n[ui]\nlanguage = \"en\"\n\
         [capture]\nmax_wal = \"1MiB\"\nmin_checkpoint_pages = 100\ncheckpoint_interval = \"1s\"\n",
    );
    let path = host.database("orders.db", 10);
    host.start();
    host.protect(&path);
    let reader = Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM t").unwrap();
    let db = Connection::open(&path).unwrap();
    // Above the limit writers are held up.
    db.busy_timeout(LONG * 3).unwrap();
    insert(&db, 20_000);
    host.until("the growing log is told", |status| shows(status, "wal-growing"));
    // It only grows: everything in it is stored all the same. (Litestream adds a row of its own again and again, so some
    // commit is always on its way.)
    host.ok(&["sync", "orders"]);
    reader.execute_batch("COMMIT").unwrap();
    host.until("the log is short again", |status| {
        // A log is only started again by a write.
        insert(&db, 1);
        !shows(status, "wal-growing")
    });
    host.ok(&["validate", "orders"]);
}

/// A schema with everything that could get lost.
const STRANGE: &str = "
    CREATE TABLE \"it's \"\"quoted\"\"\" (\"a b\" TEXT, \"select\" INTEGER);
    INSERT INTO \"it's \"\"quoted\"\"\" VALUES ('x', 1);
    CREATE TABLE 订单 (编号 INTEGER PRIMARY KEY, 名称 TEXT);
    INSERT INTO 订单 VALUES (1, '茶'), (2, NULL);
    CREATE TABLE keyed (k TEXT, n REAL, PRIMARY KEY (k, n)) WITHOUT ROWID;
    INSERT INTO keyed VALUES ('a', 1.5), ('b', 9e300);
    CREATE TABLE counted (a INT, twice INT GENERATED ALWAYS AS (a * 2) STORED, thrice INT AS (a * 3));
    INSERT INTO counted (a) VALUES (1), (2);
    CREATE TABLE blobs (b BLOB);
    INSERT INTO blobs VALUES (zeroblob(100000)), (x''), (randomblob(5000)), (NULL);
    CREATE TABLE without_a_row (a);
    CREATE VIRTUAL TABLE words USING fts5 (body);
    INSERT INTO words VALUES ('the quick brown fox'), ('数据 安全');
    CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
    CREATE INDEX by_v ON t (v) WHERE v IS NOT NULL;
    CREATE TABLE log (what TEXT);
    CREATE TRIGGER noted AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.v); END;
    CREATE VIEW seen AS SELECT * FROM t;
    INSERT INTO t (v) VALUES ('a'), ('b');";

fn of_page_size(path: &Path, size: u32) {
    let db = Connection::open(path).unwrap();
    db.execute_batch(&format!("PRAGMA page_size = {size}; PRAGMA journal_mode = WAL; {STRANGE}")).unwrap();
}

#[test]
fn every_page_size_and_every_schema_comes_back() {
    let mut host = Host::new();
    host.start();
    for size in [512, 1024, 4096, 65_536] {
        let name = format!("pages-{size}");
        let path = host.path(&format!("{name}.db"));
        of_page_size(&path, size);
        host.protect(&path);
        Connection::open(&path).unwrap().execute_batch("INSERT INTO t (v) VALUES ('later')").unwrap();
        host.ok(&["validate", &name]);
        let copy = host.path(&format!("copy-{size}.db"));
        host.ok(&["restore", &name, "--to", copy.to_str().unwrap()]);
        let copy = Connection::open(&copy).unwrap();
        assert!(pragma(&copy, "page_size").contains(&size.to_string()));
        assert!(pragma(&copy, "integrity_check").contains("ok"));
        let found: i64 = copy
            .query_row("SELECT count(*) FROM words WHERE words MATCH '数据'", [], |row| row.get(0))
            .unwrap();
        let kept: i64 = copy.query_row("SELECT count(*) FROM log", [], |row| row.get(0)).unwrap();
        assert_eq!((found, kept), (1, 3));
    }
}
