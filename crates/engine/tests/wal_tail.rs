//! The end of the WAL, while a real SQLite writes it.

// clippy.toml allows these in tests, but only sees functions marked `#[test]` as such.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod ltx_support;

use std::fs;
use std::path::{Path, PathBuf};

use ltx_support::{Random, wait_for};
use rusqlite::Connection;
use sqlite_replicate_engine::wal::{WalEnd, WalTail};
use tempfile::TempDir;

/// Polls until there is nothing more to read.
fn settle(tail: &mut WalTail) -> WalEnd {
    loop {
        let end = tail.poll().unwrap();
        if !end.more {
            return end;
        }
    }
}

/// A connection that spills open transactions into the WAL and leaves checkpoints to the test.
fn open(path: &Path) -> Connection {
    let db = Connection::open(path).unwrap();
    // A checkpoint that a reader is in the way of does what it can and says so at once.
    db.busy_timeout(std::time::Duration::ZERO).unwrap();
    db.execute_batch(
        "PRAGMA journal_mode = wal; PRAGMA wal_autocheckpoint = 0;
         PRAGMA synchronous = off; PRAGMA cache_size = 4;
         CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, x BLOB)",
    )
    .unwrap();
    db
}

fn new_database() -> (TempDir, PathBuf, Connection) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let db = open(&path);
    (folder, path, db)
}

fn insert(db: &Connection, rows: u32, bytes: u32) {
    let sql = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
               INSERT INTO t (x) SELECT zeroblob(?) FROM n";
    db.execute(sql, [rows, bytes]).unwrap();
}

fn checkpoint(db: &Connection, mode: &str) -> (u32, i64, i64) {
    let all = |r: &rusqlite::Row<'_>| Ok((r.get(0)?, r.get(1)?, r.get(2)?));
    db.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], all).unwrap()
}

/// What SQLite itself says: the offset past its last committed frame.
fn sqlites_word(db: &Connection) -> u64 {
    let page_size: u64 = db.pragma_query_value(None, "page_size", |r| r.get::<_, i64>(0)).unwrap() as u64;
    match checkpoint(db, "NOOP").1 {
        frames @ 1.. => 32 + frames as u64 * (24 + page_size),
        _ => 0,
    }
}

/// The whole file read from the beginning, plainly: salts, offset past the last commit, commits.
fn read_slowly(wal: &Path) -> ([u32; 2], u64, u64) {
    let none = ([0, 0], 0, 0);
    let Ok(bytes) = fs::read(wal) else { return none };
    if bytes.len() < 32 {
        return none;
    }
    let word = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    let read = if word(0) & 1 == 1 { u32::from_be_bytes } else { u32::from_le_bytes };
    let sum = |(mut a, mut b): (u32, u32), from: usize, to: usize| {
        for [w, x, y, z, p, q, r, s] in bytes[from..to].as_chunks().0 {
            a = a.wrapping_add(read([*w, *x, *y, *z])).wrapping_add(b);
            b = b.wrapping_add(read([*p, *q, *r, *s])).wrapping_add(a);
        }
        (a, b)
    };
    let mut sums = sum((0, 0), 0, 24);
    if sums != (word(24), word(28)) {
        return none;
    }
    let salts = [word(16), word(20)];
    let frame = 24 + word(8) as usize;
    let (mut at, mut end, mut commits) = (32, 0, 0);
    while at + frame <= bytes.len() && [word(at + 8), word(at + 12)] == salts {
        sums = sum(sum(sums, at, at + 8), at + 24, at + frame);
        if sums != (word(at + 16), word(at + 20)) {
            break;
        }
        let pages = word(at + 4);
        at += frame;
        if pages > 0 {
            end = at as u64;
            commits += 1;
        }
    }
    (salts, end, commits)
}

#[test]
fn each_commit_is_seen_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let mut tail = WalTail::new(&path);
    let nothing = tail.poll().unwrap();
    assert_eq!((nothing.generation, nothing.offset, nothing.page_size), (0, 0, 0));
    let db = open(&path);
    for i in 0..20 {
        let end = tail.poll().unwrap();
        assert_eq!((end.generation, end.commits, end.page_size), (1, 1 + i, 4096));
        assert_eq!(end.offset, sqlites_word(&db));
        assert_eq!(tail.poll().unwrap(), end, "nothing happened");
        insert(&db, 1, 5000);
        db.execute_batch("BEGIN; UPDATE t SET x = 1; ROLLBACK").unwrap();
    }
    assert_eq!(u64::from(tail.poll().unwrap().database_pages) * 4096, {
        checkpoint(&db, "TRUNCATE");
        fs::metadata(&path).unwrap().len()
    });
}

#[test]
fn a_big_uncommitted_transaction_is_not_counted() {
    let (_folder, path, db) = new_database();
    let mut tail = WalTail::new(&path);
    let before = tail.poll().unwrap();
    db.execute_batch("BEGIN").unwrap();
    for _ in 0..10 {
        insert(&db, 50, 3000);
        assert_eq!(tail.poll().unwrap(), before);
    }
    let spilled = fs::metadata(tail.path()).unwrap().len();
    assert!(spilled > before.offset + 1_000_000, "{spilled}");
    db.execute_batch("COMMIT").unwrap();
    let after = tail.poll().unwrap();
    assert_eq!((after.commits, after.offset), (before.commits + 1, sqlites_word(&db)));
}

#[test]
fn a_shorter_transaction_that_begins_like_a_rolled_back_one_is_found() {
    let (_folder, path, db) = new_database();
    let mut tail = WalTail::new(&path);
    let mut before = tail.poll().unwrap();
    for round in 0..3 {
        db.execute_batch("BEGIN").unwrap();
        insert(&db, 600, 3000);
        assert_eq!(tail.poll().unwrap(), before, "known, but not committed");
        let wal = fs::read(tail.path()).unwrap();
        db.execute_batch("ROLLBACK; BEGIN").unwrap();
        insert(&db, 300 + round, 3000);
        db.execute_batch("COMMIT").unwrap();
        // The case that this is about: the same bytes where the first transaction began.
        let first = before.offset as usize..before.offset as usize + 4120;
        assert_eq!(wal[first.clone()], fs::read(tail.path()).unwrap()[first]);
        let after = wait_for("the commit", || Some(tail.poll().unwrap()).filter(|end| *end != before));
        assert_eq!((after.commits, after.offset), (before.commits + 1, sqlites_word(&db)));
        assert_eq!(after.generation, before.generation);
        before = after;
    }
}

#[test]
fn checkpoints_start_the_file_again() {
    let (_folder, path, db) = new_database();
    let mut tail = WalTail::new(&path);
    for mode in ["PASSIVE", "FULL", "RESTART", "TRUNCATE", "PASSIVE", "TRUNCATE", "RESTART"] {
        insert(&db, 20, 2000);
        let before = tail.poll().unwrap();
        assert_eq!(before.offset, sqlites_word(&db));
        assert_eq!(checkpoint(&db, mode).0, 0);
        let emptied = tail.poll().unwrap();
        if mode == "TRUNCATE" {
            assert_eq!((emptied.offset, emptied.salts, emptied.page_size), (0, [0, 0], 0));
            assert!(emptied.generation > before.generation);
        } else {
            assert_eq!(emptied, before, "{mode}: the file is as it was");
        }
        // The next writer begins the file again, with old frames behind the new ones.
        insert(&db, 1, 10);
        let after = tail.poll().unwrap();
        assert!(after.generation > before.generation, "{mode}");
        assert_ne!(after.salts, before.salts);
        assert_eq!((after.offset, after.commits), (sqlites_word(&db), before.commits + 1));
        assert!(after.offset < before.offset);
    }
}

#[test]
fn a_reader_keeps_the_file_going() {
    let (_folder, path, db) = new_database();
    let mut tail = WalTail::new(&path);
    insert(&db, 5, 100);
    let reader = open(&path);
    reader.execute_batch("BEGIN; SELECT count(*) FROM t").unwrap();
    for mode in ["PASSIVE", "FULL", "RESTART", "TRUNCATE"] {
        let before = tail.poll().unwrap();
        insert(&db, 5, 100);
        checkpoint(&db, mode);
        insert(&db, 5, 100);
        let after = tail.poll().unwrap();
        assert_eq!((after.generation, after.commits), (before.generation, before.commits + 2));
        assert_eq!(after.offset, sqlites_word(&db));
    }
}

#[test]
fn a_deleted_and_a_replaced_file_are_other_generations() {
    let (folder, path, db) = new_database();
    let mut tail = WalTail::new(&path);
    insert(&db, 5, 100);
    let early = tail.poll().unwrap();
    let copy = folder.path().join("copy");
    fs::copy(tail.path(), &copy).unwrap();
    insert(&db, 5, 100);
    let late = tail.poll().unwrap();
    let late_copy = folder.path().join("late");
    fs::copy(tail.path(), &late_copy).unwrap();
    drop(db);
    let gone = tail.poll().unwrap();
    assert!(!tail.path().exists(), "the last connection deletes the WAL");
    assert_eq!((gone.generation, gone.offset, gone.salts), (late.generation + 1, 0, [0, 0]));
    assert_eq!(tail.poll().unwrap(), gone);

    // A restored older state: the same header, the same beginning, but shorter.
    fs::copy(&late_copy, tail.path()).unwrap();
    let back = tail.poll().unwrap();
    assert_eq!((back.offset, back.salts), (late.offset, late.salts));
    assert!(back.generation > gone.generation);
    fs::copy(&copy, tail.path()).unwrap();
    let older = tail.poll().unwrap();
    assert_eq!((older.offset, older.salts), (early.offset, early.salts));
    assert!(older.generation > back.generation);

    // The same length and header, other frames.
    let mut bytes = fs::read(&late_copy).unwrap();
    fs::write(tail.path(), &bytes).unwrap();
    let whole = settle(&mut tail);
    assert_eq!(whole.offset, late.offset);
    let last = bytes.len() - 4096 - 24;
    bytes[last + 16] ^= 1;
    fs::write(tail.path(), &bytes).unwrap();
    let damaged = settle(&mut tail);
    assert!(damaged.generation > whole.generation);
    assert_eq!(damaged.offset, read_slowly(tail.path()).1);
    assert!(damaged.offset < whole.offset);
}

#[test]
fn a_header_that_is_being_written_is_no_header() {
    let (folder, path, db) = new_database();
    let mut tail = WalTail::new(&path);
    let whole = tail.poll().unwrap();
    let bytes = fs::read(tail.path()).unwrap();
    let copy = folder.path().join("b.db");
    let mut tail = WalTail::new(&copy);
    for length in [0, 1, 10, 31] {
        fs::write(tail.path(), &bytes[..length]).unwrap();
        let end = tail.poll().unwrap();
        assert_eq!((end.generation, end.offset, end.page_size), (0, 0, 0));
    }
    let mut torn = bytes.clone();
    torn[20] ^= 1;
    fs::write(tail.path(), &torn).unwrap();
    assert_eq!(tail.poll().unwrap().generation, 0);
    // The header, then the frames bit by bit.
    fs::write(tail.path(), &bytes[..32]).unwrap();
    let header = tail.poll().unwrap();
    assert_eq!((header.generation, header.offset, header.salts), (1, 0, whole.salts));
    for length in (33..bytes.len()).step_by(700) {
        fs::write(tail.path(), &bytes[..length]).unwrap();
        let end = tail.poll().unwrap();
        assert_eq!((end.generation, end.offset), (1, read_slowly(tail.path()).1));
    }
    fs::write(tail.path(), &bytes).unwrap();
    assert_eq!(tail.poll().unwrap(), WalEnd { commits: whole.commits, ..whole });
    drop(db);
}

#[test]
fn a_copy_made_at_any_moment_ends_where_sqlite_recovers_it() {
    let (folder, path, db) = new_database();
    let mut random = Random::new(5);
    for round in 0..40 {
        match random.below(4) {
            0 => insert(&db, 1 + random.below(4) as u32, 3000),
            1 => db.execute_batch("DELETE FROM t WHERE id % 3 > 0").unwrap(),
            2 if db.is_autocommit() => db.execute_batch("BEGIN").unwrap(),
            _ if !db.is_autocommit() => db.execute_batch(["COMMIT", "ROLLBACK"][random.below(2)]).unwrap(),
            _ => insert(&db, 40, 2000),
        }
        let copy = folder.path().join(format!("{round}.db"));
        let mut tail = WalTail::new(&copy);
        fs::copy(&path, &copy).unwrap();
        let mut wal = fs::read(WalTail::new(&path).path()).unwrap();
        if round % 2 == 0 {
            wal.truncate(wal.len() - random.below(wal.len().min(30_000)));
        }
        fs::write(tail.path(), &wal).unwrap();
        let end = settle(&mut tail);
        assert_eq!((end.salts, end.offset, end.commits), read_slowly(tail.path()));
        let recovered = Connection::open(&copy).unwrap();
        let found: String = recovered.query_row("PRAGMA integrity_check", [], |r| r.get(0)).unwrap();
        assert_eq!(found, "ok");
        assert_eq!(end.offset, sqlites_word(&recovered), "round {round}");
    }
}

#[test]
fn more_than_one_poll_can_read_is_read_by_the_next() {
    let (_folder, path, db) = new_database();
    let mut tail = WalTail::new(&path);
    let before = tail.poll().unwrap();
    // One transaction of more than 64 MiB, then one more.
    db.execute_batch("BEGIN").unwrap();
    insert(&db, 70, 1 << 20);
    db.execute_batch("COMMIT").unwrap();
    insert(&db, 1, 10);
    let part = tail.poll().unwrap();
    assert_eq!(part, WalEnd { more: true, ..before });
    let whole = tail.poll().unwrap();
    assert_eq!((whole.offset, whole.commits, whole.more), (sqlites_word(&db), before.commits + 2, false));
}

#[test]
fn whatever_happens_the_tail_agrees_with_a_full_reading() {
    for seed in 0..40 {
        random_life(seed);
    }
}

fn random_life(seed: u64) {
    let (_folder, path, db) = new_database();
    let (mut db, mut reader) = (Some(db), None);
    let mut random = Random::new(seed);
    let mut tail = WalTail::new(&path);
    let mut last = settle(&mut tail);
    for step in 0..150 {
        let writer = db.get_or_insert_with(|| open(&path));
        let idle = writer.is_autocommit();
        match random.below(14) {
            0..=3 => insert(writer, 1 + random.below(3) as u32, 1 + random.below(3000) as u32),
            4 => insert(writer, 40, 1000),
            5 if idle => writer.execute_batch("BEGIN").unwrap(),
            6 if !idle => writer.execute_batch("COMMIT").unwrap(),
            7 if !idle => writer.execute_batch("ROLLBACK").unwrap(),
            8 if idle => {
                checkpoint(writer, ["PASSIVE", "FULL", "RESTART", "TRUNCATE"][random.below(4)]);
            }
            9 if idle => writer.execute_batch("DELETE FROM t WHERE id % 2 = 0; VACUUM").unwrap(),
            10 => writer
                .execute_batch("DELETE FROM t WHERE id % 3 > 0; UPDATE t SET x = 1 WHERE id % 5 = 0")
                .unwrap(),
            11 => {
                reader = match reader.take() {
                    Some(_) => None,
                    None => {
                        let reader = open(&path);
                        reader.execute_batch("BEGIN; SELECT count(*) FROM t").unwrap();
                        Some(reader)
                    }
                }
            }
            12 if idle && reader.is_none() => db = None,
            13 if idle && reader.is_none() => change_page_size(writer, &mut random),
            _ => {}
        }
        // Sometimes several things happen between two polls.
        if random.below(3) == 0 {
            continue;
        }
        // Only a rolled-back transaction and its like may be found late, see the module.
        let expected = read_slowly(tail.path());
        let end = wait_for("the end that a full reading finds", || {
            let end = settle(&mut tail);
            ((end.salts, end.offset) == (expected.0, expected.1)).then_some(end)
        });
        assert!(end.generation >= last.generation && end.commits >= last.commits, "{seed} {step}");
        assert!(end.generation > last.generation || end.salts == last.salts, "{seed} {step}");
        if let Some(db) = db.as_ref().filter(|db| db.is_autocommit()) {
            let word = sqlites_word(db);
            assert!(word == end.offset || word == 0, "{seed} {step}: SQLite says {word}, the tail {end:?}");
        }
        last = end;
    }
}

fn change_page_size(db: &Connection, random: &mut Random) {
    let size = 512 << random.below(8);
    db.execute_batch(&format!(
        "PRAGMA journal_mode = delete; PRAGMA page_size = {size}; VACUUM;
         PRAGMA journal_mode = wal; UPDATE t SET x = 1"
    ))
    .unwrap();
}

#[test]
fn a_poll_beside_a_writer_sees_what_was_committed_when_it_began() {
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
    let (_folder, path, db) = new_database();
    let mut tail = WalTail::new(&path);
    let before = tail.poll().unwrap().commits;
    let (begun, done) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let (begun, done) = (&begun, &done);
        scope.spawn(move || {
            for i in 0..500 {
                begun.fetch_add(1, SeqCst);
                insert(&db, 1 + i % 7, 2000);
                done.fetch_add(1, SeqCst);
            }
        });
        loop {
            let at_least = done.load(SeqCst);
            let seen = tail.poll().unwrap().commits - before;
            let at_most = begun.load(SeqCst);
            assert!((at_least..=at_most).contains(&seen), "{at_least} <= {seen} <= {at_most}");
            if at_least == 500 {
                break;
            }
        }
    });
}
