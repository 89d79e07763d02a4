//! What can be restored, compared with what the real Litestream restores, with objects missing.

// clippy.toml allows these in tests, but only sees functions marked `#[test]` as such.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod ltx_support;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use jiff::Timestamp;
use ltx_support::{Office, Random, wait_for};
use rusqlite::Connection;
use sqlite_replicate_api::Txid;
use sqlite_replicate_engine::chain::{ChainError, Effect, Listing, TimeSearch};
use sqlite_replicate_engine::ltx::{Header, Level};
use sqlite_replicate_engine::wal::WalTail;

/// Levels 1 and 2 by the second, so that a short life has files of all kinds; level 0 is kept.
const QUICK: &str = "levels: [{interval: 1s}, {interval: 3s}]\nsnapshot: {interval: 4s, retention: 1h}";

/// One database whose replica has several files in levels 0, 1, 2 and 9. Transaction by transaction a row is
/// added.
fn lived_in() -> Office {
    let mut office = Office::new(&["a"], QUICK);
    let db = office.open("a");
    db.execute_batch("CREATE TABLE t (x)").unwrap();
    let mut tail = WalTail::new(&office.path("a"));
    office.start();
    wait_for("files of all levels", || {
        db.execute_batch("INSERT INTO t VALUES (randomblob(50))").unwrap();
        let newest = office.wait_until_captured("a", &mut tail);
        office.wait_until_stored("a", newest);
        let listing = office.listing("a");
        let counts = [(0, 20), (1, 4), (2, 2), (9, 2)];
        counts.iter().all(|(l, n)| listing.level(Level::new(*l).unwrap()).len() >= *n).then_some(())
    });
    office.kill();
    // The last few are in level 0 alone: capturing once compacts nothing.
    for _ in 0..3 {
        db.execute_batch("INSERT INTO t VALUES (randomblob(50))").unwrap();
        office.replicate_once(&[]);
    }
    office
}

/// Takes objects out of the replica and puts them back.
struct Missing {
    moved: Vec<(PathBuf, PathBuf)>,
}

impl Missing {
    fn new(office: &Office, gone: impl Fn(&sqlite_replicate_engine::chain::Object) -> bool) -> Self {
        let aside = office.folder.path().join("aside");
        fs::create_dir_all(&aside).unwrap();
        let gone = office.files("a").into_iter().filter(|(object, _)| gone(object));
        let moved = gone.enumerate().map(|(i, (_, path))| {
            let to = aside.join(i.to_string());
            fs::rename(&path, &to).unwrap();
            (path, to)
        });
        Self { moved: moved.collect() }
    }
}

impl Drop for Missing {
    fn drop(&mut self) {
        for (from, to) in &self.moved {
            fs::rename(to, from).unwrap();
        }
    }
}

/// The plan is Litestream's plan, file by file, refusals included.
fn agrees(office: &Office, target: Option<Txid>) -> Result<(), Option<Txid>> {
    let listing = office.listing("a");
    let theirs = office.dry_run("a", target);
    let ours = listing.plan(target);
    let names = ours.as_ref().ok().map(|plan| {
        let named = plan.objects.iter().map(|o| (o.level.number(), o.key().name.to_string()));
        named.collect::<Vec<_>>()
    });
    assert_eq!(names, theirs, "{target:?} of {listing:?}");
    match ours {
        Ok(_) => Ok(()),
        Err(ChainError::Empty) => Err(None),
        Err(ChainError::Unreachable { newest_before, .. }) => Err(newest_before),
    }
}

/// Really restores, and counts the rows.
fn rows_at(office: &Office, txid: Option<Txid>) -> Option<u64> {
    let to = office.folder.path().join("restored");
    let output = office.restore("a", &to, txid);
    if !output.status.success() {
        return None;
    }
    let db = Connection::open(&to).unwrap();
    let rows: i64 = db.query_row("SELECT count(*) FROM t", [], |r| r.get(0)).unwrap();
    drop(db);
    for kind in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(office.folder.path().join(format!("restored{kind}")));
    }
    Some(rows.try_into().unwrap())
}

fn effects(listing: &Listing) -> BTreeSet<Effect> {
    listing.holes().iter().map(|h| h.effect).collect()
}

#[test]
fn plans_holes_and_offers_agree_with_litestream() {
    let office = lived_in();
    let whole = office.listing("a");
    let newest = whole.newest().unwrap();
    assert_eq!(agrees(&office, None), Ok(()));
    assert_eq!(agrees(&office, Some(newest.next())), Err(Some(newest)));
    assert_eq!(whole.holes(), []);
    let points: Vec<Txid> = whole.points().iter().map(|p| p.txid()).collect();
    assert_eq!(points, (1..=newest.0).map(Txid).collect::<Vec<_>>(), "level 0 is all there");
    let all_rows = rows_at(&office, None).unwrap();

    // One object of level 0 that nothing else has yet: everything behind it is blocked.
    let compacted = whole.level(Level::new(1).unwrap()).last().unwrap().max;
    let snapshot = whole.snapshots().last().unwrap().max;
    let lost = Txid(compacted.max(snapshot).0 + 1);
    assert!(lost < newest);
    {
        let _missing = Missing::new(&office, |o| o.level == Level::CAPTURED && o.max == lost);
        let before = Txid(lost.0 - 1);
        assert_eq!(agrees(&office, None), Err(Some(before)));
        assert_eq!(effects(&office.listing("a")), BTreeSet::from([Effect::BlocksNewest]));
        assert_eq!(rows_at(&office, None), None, "Litestream refuses");
        assert!(rows_at(&office, Some(before)).unwrap() < all_rows, "but it has the moment before");
    }

    // An old object of level 0: coarser, and nothing else.
    let mut old = whole.level(Level::CAPTURED).iter().skip(1).map(|o| o.max).filter(|m| *m < compacted);
    let lost = old.find(|m| whole.objects().iter().filter(|o| o.max == *m).count() == 1).unwrap();
    {
        let _missing = Missing::new(&office, |o| o.level == Level::CAPTURED && o.max == lost);
        assert_eq!(agrees(&office, None), Ok(()));
        assert!(agrees(&office, Some(lost)).is_err(), "the moment itself is gone");
        assert_eq!(effects(&office.listing("a")), BTreeSet::from([Effect::Coarsens]));
        assert_eq!(rows_at(&office, None), Some(all_rows));
    }

    // In all levels, but before a snapshot: moments are hidden.
    let lost = Txid(whole.snapshots().last().unwrap().max.0 - 1);
    {
        let _missing = Missing::new(&office, |o| !o.level.is_snapshot() && o.min <= lost && o.max >= lost);
        assert_eq!(agrees(&office, None), Ok(()));
        assert!(agrees(&office, Some(lost)).is_err());
        assert!(effects(&office.listing("a")).contains(&Effect::HidesMoments));
        assert_eq!(rows_at(&office, None), Some(all_rows));
    }

    // No snapshot: the history begins at transaction 1 and is whole without.
    {
        let _missing = Missing::new(&office, |o| o.level.is_snapshot());
        assert_eq!(agrees(&office, None), Ok(()));
        assert_eq!(rows_at(&office, None), Some(all_rows));
    }
    random_losses_agree(&office);
}

fn random_losses_agree(office: &Office) {
    let newest = office.listing("a").newest().unwrap();
    let mut random = Random::new(3);
    let (mut restorable, mut refused) = (0, 0);
    for round in 0..40 {
        let mut salt = Random::new(round);
        let keep = 1 + random.below(12);
        let lost: BTreeSet<_> =
            office.files("a").iter().filter(|_| salt.below(keep) == 0).map(|(o, _)| o.key()).collect();
        let _missing = Missing::new(office, |o| lost.contains(&o.key()));
        let listing = office.listing("a");
        let latest = agrees(office, None);
        let blocked = effects(&listing).contains(&Effect::BlocksNewest);
        assert_eq!(blocked, latest.is_err() && !listing.objects().is_empty(), "{listing:?}");
        for _ in 0..2 {
            match agrees(office, Some(Txid(1 + random.next() % newest.0))) {
                Ok(()) => restorable += 1,
                Err(offer) => {
                    refused += 1;
                    if let Some(offer) = offer {
                        assert_eq!(agrees(office, Some(offer)), Ok(()), "an offer must hold");
                    }
                }
            }
        }
    }
    assert!(restorable > 10 && refused > 10, "{restorable} {refused}");
}

#[test]
fn what_litestream_trims_is_no_hole() {
    let settings = "levels: [{interval: 1s}, {interval: 2s}]\nl0-retention: 1s\n\
                    l0-retention-check-interval: 1s\nsnapshot: {interval: 2s, retention: 3s}";
    let mut office = Office::new(&["a"], settings);
    let db = office.open("a");
    db.execute_batch("CREATE TABLE t (x)").unwrap();
    let mut tail = WalTail::new(&office.path("a"));
    office.start();
    let trimmed =
        |objects: &[sqlite_replicate_engine::chain::Object]| objects.first().is_some_and(|o| o.min.0 > 1);
    let first_snapshot = wait_for("a snapshot", || {
        db.execute_batch("INSERT INTO t VALUES (randomblob(50))").unwrap();
        office.wait_until_captured("a", &mut tail);
        Some(office.listing("a").snapshots().first()?.max)
    });
    wait_for("all levels to be trimmed", || {
        db.execute_batch("INSERT INTO t VALUES (randomblob(50))").unwrap();
        office.wait_until_captured("a", &mut tail);
        let listing = office.listing("a");
        let all = [0, 1, 2].iter().all(|l| trimmed(listing.level(Level::new(*l).unwrap())));
        (all && listing.snapshots().first()?.max > first_snapshot).then_some(())
    });
    office.kill();
    assert_eq!(office.listing("a").holes(), []);
    assert_eq!(agrees(&office, None), Ok(()));
    let oldest = office.listing("a").points()[0].txid();
    assert_eq!(agrees(&office, Some(oldest)), Ok(()));
    assert_eq!(agrees(&office, Some(Txid(oldest.0 - 1))), Err(None));
}

#[test]
fn a_moment_is_found_by_the_times_in_the_headers() {
    let office = lived_in();
    let files = office.files("a");
    let listing = office.listing("a");
    let captured_at = |key| -> Timestamp {
        let (_, path) = files.iter().find(|(o, _)| o.key() == key).unwrap();
        Header::parse(&fs::read(path).unwrap()).unwrap().timestamp
    };
    let points = listing.points();
    let times: Vec<Timestamp> = points.iter().map(|p| captured_at(p.object.key())).collect();
    assert!(times.is_sorted());
    for (i, time) in times.iter().enumerate() {
        let mut search = TimeSearch::new(&listing, *time);
        while let Some(object) = search.next_probe() {
            search.answer(captured_at(object.key()));
        }
        let found = search.found().unwrap();
        let last_of_that_time = times.iter().rposition(|t| t == time).unwrap();
        assert_eq!(found.point.txid(), points[last_of_that_time].txid(), "{i}");
        assert!(!found.clock_went_back);
    }
}
