//! Committed equal to captured: what the comparison claims, against the real Litestream.

// clippy.toml allows these in tests, but doesn't see that helpers of a test are tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod ltx_support;

use std::fs::File;
use std::time::Duration;

use ltx_support::{Office, Random, wait_for};
use rusqlite::Connection;
use sqlite_replicate_engine::ltx::apply;
use sqlite_replicate_engine::wal::{Coverage, WalTail, captured_covers};

fn insert(db: &Connection, rows: usize) {
    db.execute_batch("BEGIN IMMEDIATE").unwrap();
    for _ in 0..rows {
        db.execute_batch("INSERT INTO t (x) VALUES (randomblob(500))").unwrap();
    }
    db.execute_batch("COMMIT").unwrap();
}

/// What the comparison says now: the poll first, the header after it.
fn coverage(office: &Office, tail: &mut WalTail) -> Coverage {
    let end = tail.poll().unwrap();
    captured_covers(&office.captured("a").unwrap(), &end)
}

#[test]
fn the_newest_header_reaches_exactly_the_end_of_the_wal() {
    let mut office = Office::new(&["a"], "");
    let db = office.open("a");
    db.execute_batch("CREATE TABLE t (x)").unwrap();
    let mut tail = WalTail::new(&office.path("a"));
    office.start();
    for i in 0..10 {
        insert(&db, i * 3);
        office.wait_until_captured("a", &mut tail);
        let (end, header) = (tail.poll().unwrap(), office.captured("a").unwrap());
        assert_eq!((header.wal_salts, header.wal_end()), (end.salts, end.offset));
    }

    // Nobody captures: behind by exactly what is written.
    office.kill();
    assert_eq!(coverage(&office, &mut tail), Coverage::Complete);
    let before = tail.poll().unwrap();
    insert(&db, 50);
    let bytes = tail.poll().unwrap().offset - before.offset;
    assert!(bytes > 4120);
    assert_eq!(coverage(&office, &mut tail), Coverage::Behind { bytes });
    db.execute_batch("BEGIN; INSERT INTO t VALUES (1)").unwrap();
    assert_eq!(coverage(&office, &mut tail), Coverage::Behind { bytes }, "uncommitted");
    db.execute_batch("ROLLBACK").unwrap();

    // The program takes the WAL away meanwhile: nothing is proved, although the new one is empty.
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    assert_eq!(coverage(&office, &mut tail), Coverage::Restarted { bytes: 0 });
    insert(&db, 1);
    let bytes = tail.poll().unwrap().offset - 32;
    assert_eq!(coverage(&office, &mut tail), Coverage::Restarted { bytes });

    // Litestream comes back, and proves it again with a full copy.
    office.start();
    office.wait_until_captured("a", &mut tail);
    assert_eq!(coverage(&office, &mut tail), Coverage::Complete);
    assert_eq!(rows_in_captured_files(&office), 136 + 50);
}

/// Applies all files of Litestream's own level 0: what it has captured, whatever has been stored.
fn rows_in_captured_files(office: &Office) -> usize {
    let rebuilt = office.folder.path().join("rebuilt.db");
    let mut database = File::create(&rebuilt).unwrap();
    for (_, path) in office.captured_files("a") {
        apply(File::open(path).unwrap(), &mut database).unwrap();
    }
    let db = Connection::open(&rebuilt).unwrap();
    let found: String = db.query_row("PRAGMA integrity_check", [], |r| r.get(0)).unwrap();
    assert_eq!(found, "ok");
    let rows: i64 = db.query_row("SELECT count(*) FROM t", [], |r| r.get(0)).unwrap();
    rows.try_into().unwrap()
}

/// A program that writes, and now and then does what programs do to a WAL; Litestream is killed whenever the comparison says
/// complete. Then its files must hold every row that was committed.
#[test]
fn complete_means_that_a_kill_loses_nothing() {
    let mut random = Random::new(11);
    let mut kills = 0;
    for _ in 0..3 {
        let mut office = Office::new(&["a"], "");
        let db = office.open("a");
        db.busy_timeout(Duration::from_millis(50)).unwrap();
        db.execute_batch("PRAGMA cache_size = 5; CREATE TABLE t (x)").unwrap();
        let mut tail = WalTail::new(&office.path("a"));
        let mut rows = 0;
        for _ in 0..4 {
            office.start();
            // Some work before, and then as long as it takes until it says complete at an arbitrary moment.
            let some = 1 + random.below(15);
            let mut done = 0;
            wait_for("complete", || {
                rows += work(&db, &mut random);
                done += 1;
                (done > some && office.captured("a").is_some() && coverage(&office, &mut tail).is_complete())
                    .then_some(())
            });
            office.kill();
            assert_eq!(rows_in_captured_files(&office), rows);
            kills += 1;
            for _ in 0..random.below(3) {
                rows += work(&db, &mut random);
            }
        }
    }
    assert_eq!(kills, 12);
}

/// One thing that a program does; gives how many rows were added.
fn work(db: &Connection, random: &mut Random) -> usize {
    match random.below(12) {
        0 => {
            // Often busy, which is fine: Litestream holds on to the WAL.
            let mode = ["PASSIVE", "FULL", "RESTART", "TRUNCATE"][random.below(4)];
            let _ = db.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()));
        }
        1 => {
            db.execute_batch(
                "BEGIN; INSERT INTO t SELECT zeroblob(3000) FROM sqlite_schema, sqlite_schema; ROLLBACK",
            )
            .unwrap();
        }
        2 => drop(db.execute_batch("VACUUM")),
        3..=7 => {
            let rows = random.below(30);
            if db.execute_batch("BEGIN IMMEDIATE").is_ok() {
                for _ in 0..rows {
                    db.execute_batch("INSERT INTO t (x) VALUES (randomblob(500))").unwrap();
                }
                db.execute_batch("COMMIT").unwrap();
                return rows;
            }
        }
        _ => std::thread::sleep(Duration::from_millis(random.below(60) as u64)),
    }
    0
}
