//! Decoding and applying what the real Litestream writes: every page size, every level.

// clippy.toml allows these in tests, but only sees functions marked `#[test]` as such.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod ltx_support;

use std::fs::{self, File};
use std::path::Path;

use ltx_support::{Office, Random, wait_for};
use rusqlite::Connection;
use sqlite_replicate_api::Txid;
use sqlite_replicate_engine::chain::Level;
use sqlite_replicate_engine::ltx::{Decoder, LtxError, Verified, apply, lock_page, verify};
use sqlite_replicate_engine::wal::WalTail;

const PAGE_SIZES: [u32; 8] = [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536];
/// Compaction and snapshots each second, so that a test sees all of them.
const QUICK: &str = "levels: [{interval: 1s}, {interval: 2s}]\nsnapshot: {interval: 2s, retention: 1h}";

/// A program's life in short: growth, blobs, changes in place, deletions, and now and then a VACUUM.
struct Program {
    db: Connection,
    random: Random,
    done: usize,
}

impl Program {
    fn new(office: &Office, name: &str, page_size: u32) -> Self {
        let path = office.path(name);
        Connection::open(&path).unwrap().pragma_update(None, "page_size", page_size).unwrap();
        let db = Connection::open(&path).unwrap();
        db.pragma_update(None, "page_size", page_size).unwrap();
        db.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, x BLOB); CREATE INDEX i ON t (x)").unwrap();
        drop(db);
        let program = Self { db: office.open(name), random: Random::new(page_size.into()), done: 0 };
        let size: u32 = program.db.pragma_query_value(None, "page_size", |r| r.get(0)).unwrap();
        assert_eq!(size, page_size);
        program
    }

    fn work(&mut self) {
        self.done += 1;
        match self.done % 5 {
            0 => self.db.execute_batch("DELETE FROM t WHERE id % 3 > 0; VACUUM").unwrap(),
            1 => self.db.execute_batch("DELETE FROM t WHERE id % 7 = 0").unwrap(),
            2 => self.db.execute_batch("UPDATE t SET x = x || 'more' WHERE id % 5 = 1").unwrap(),
            _ => {
                for _ in 0..20 {
                    let length = 1 + self.random.below(9000);
                    // Half of it compresses well, half not at all.
                    let blob =
                        if length.is_multiple_of(2) { self.random.bytes(length) } else { vec![7; length] };
                    self.db.execute("INSERT INTO t (x) VALUES (?)", [blob]).unwrap();
                }
            }
        }
    }
}

/// Databases of all page sizes, replicated until each has files of levels 0, 1, 2 and 9.
fn lived_in() -> Office {
    let names: Vec<String> = PAGE_SIZES.iter().map(|s| format!("p{s}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut office = Office::new(&names, QUICK);
    let mut programs: Vec<Program> =
        names.iter().zip(PAGE_SIZES).map(|(name, size)| Program::new(&office, name, size)).collect();
    let mut tails: Vec<WalTail> = names.iter().map(|name| WalTail::new(&office.path(name))).collect();
    office.start();
    let mut rounds = 0;
    wait_for("files of all levels", || {
        for (program, (name, tail)) in programs.iter_mut().zip(names.iter().zip(&mut tails)) {
            program.work();
            office.wait_until_captured(name, tail);
        }
        rounds += 1;
        let has_all = |name: &&str| {
            let listing = office.listing(name);
            [0, 1, 2, 9].iter().all(|l| listing.level(Level::new(*l).unwrap()).len() > 1)
        };
        (rounds >= 10 && names.iter().all(has_all)).then_some(())
    });
    for (name, tail) in names.iter().zip(&mut tails) {
        let newest = office.wait_until_captured(name, tail);
        office.wait_until_stored(name, newest);
    }
    office.kill();
    office
}

#[test]
fn everything_that_litestream_writes_is_read_and_rebuilds_the_database() {
    let office = lived_in();
    for (name, page_size) in office.names.iter().zip(PAGE_SIZES) {
        let mut shrunk = false;
        let mut last_commit = 0;
        for (object, path) in office.files(name) {
            let verified = verify(File::open(&path).unwrap()).unwrap();
            let header = verified.header;
            assert_eq!((header.min, header.max, header.page_size), (object.min, object.max, page_size));
            assert_eq!(verified.bytes, object.size);
            assert_eq!(header.is_snapshot(), object.min == Txid(1));
            assert!(verified.is_whole_database() || !header.is_snapshot());
            let captured = object.level == Level::CAPTURED;
            assert_eq!(
                header.wal_salts != [0, 0],
                captured || object.level.is_snapshot(),
                "{}",
                object.key()
            );
            if captured {
                shrunk |= header.commit < last_commit;
                last_commit = header.commit;
            }
        }
        assert!(shrunk, "the life of {name} has no VACUUM that shrinks it");

        let listing = office.listing(name);
        let points = listing.points();
        let newest = points.last().unwrap().txid();
        for txid in
            [newest, points[0].txid(), points[points.len() / 3].txid(), points[points.len() / 2].txid()]
        {
            let theirs = office.folder.path().join("theirs");
            let output = office.restore(name, &theirs, (txid != newest).then_some(txid));
            assert!(output.status.success(), "{output:?}");
            let ours = office.folder.path().join("ours");
            rebuild(&office, name, txid, &ours);
            assert_same_database(&ours, &theirs, page_size);
            fs::remove_file(ours).unwrap();
            fs::remove_file(theirs).unwrap();
        }
    }
    damage_is_found(&office);
}

/// Restores by applying the plan's files, the last of them twice, as after a crash.
fn rebuild(office: &Office, name: &str, txid: Txid, to: &Path) {
    let plan = office.listing(name).plan(Some(txid)).unwrap();
    assert_eq!(plan.reached, txid);
    let files = office.files(name);
    let mut database = File::create_new(to).unwrap();
    for object in plan.objects.iter().chain(plan.objects.last()) {
        let (_, path) = files.iter().find(|(o, _)| o == object).unwrap();
        apply(File::open(path).unwrap(), &mut database).unwrap();
    }
}

/// Page by page, but for what Litestream changes in the header of a restored database.
fn assert_same_database(ours: &Path, theirs: &Path, page_size: u32) {
    let read = |path| {
        let mut bytes = fs::read(path).unwrap();
        for range in [18..20, 24..28, 92..100] {
            bytes[range].fill(0);
        }
        bytes
    };
    let (ours, theirs) = (read(ours), read(theirs));
    assert_eq!(ours.len(), theirs.len());
    let size = page_size as usize;
    for (i, (a, b)) in ours.chunks(size).zip(theirs.chunks(size)).enumerate() {
        assert!(a == b, "page {} of {page_size} bytes differs", i + 1);
    }
}

/// Whether a damaged file is refused as damaged.
///
/// The checksum is of decompressed pages, and LZ4 can say the same thing in several ways: a flipped bit that
/// changes neither a page nor anything else is no damage.
fn is_refused(good: &[u8], bad: &[u8]) -> bool {
    match verify(bad) {
        Ok(_) => {
            assert!(content(good) == content(bad), "another content is taken for good");
            false
        }
        Err(e) => {
            assert!(e.is_damage(), "{e}");
            true
        }
    }
}

/// All that a file says.
fn content(bytes: &[u8]) -> (Vec<(u32, Vec<u8>)>, Verified) {
    let mut decoder = Decoder::new(bytes).unwrap();
    let mut pages = Vec::new();
    while let Some(page) = decoder.next_page().unwrap() {
        pages.push((page.number, page.data.to_vec()));
    }
    (pages, decoder.finish().unwrap())
}

/// Every cut of every file is an error, and every flipped bit that changes anything.
fn damage_is_found(office: &Office) {
    let mut random = Random::new(42);
    let (mut mutations, mut harmless) = (0_u32, 0_u32);
    for name in &office.names {
        for (object, path) in office.files(name) {
            let bytes = fs::read(&path).unwrap();
            // Big files get fewer, so that each costs the same time.
            let tries = (300_000 / bytes.len()).clamp(4, 60);
            let boundaries = boundaries(&bytes);
            let some = (0..tries).map(|_| boundaries[random.below(boundaries.len())]).collect::<Vec<_>>();
            let near_end = boundaries.iter().rev().take(3).copied();
            for at in some.into_iter().chain(near_end).chain([0, 1, 99]) {
                assert!(is_refused(&bytes, &bytes[..at]), "{} of {name} cut to {at}", object.key());
                mutations += 1;
            }
            for _ in 0..tries {
                let at = random.below(bytes.len());
                assert!(is_refused(&bytes, &bytes[..at]), "{} of {name} cut to {at}", object.key());
                let mut flipped = bytes.clone();
                flipped[random.below(bytes.len())] ^= 1 << random.below(8);
                harmless += u32::from(!is_refused(&bytes, &flipped));
                mutations += 2;
            }
            let longer = [&bytes[..], &[0]].concat();
            assert!(matches!(verify(&longer[..]), Err(LtxError::TrailingBytes)));
        }
    }
    assert!(mutations > 5_000 && harmless < mutations / 20, "{harmless} of {mutations}");
}

/// Where the parts of a file end: header, each page's header, length and block, end mark, index, its length,
/// checksums.
fn boundaries(bytes: &[u8]) -> Vec<usize> {
    let mut at = 100;
    let mut ends = vec![at];
    while bytes[at..at + 6] != [0; 6] {
        let block = u32::from_be_bytes(bytes[at + 6..at + 10].try_into().unwrap()) as usize;
        ends.extend([at + 4, at + 6, at + 10, at + 10 + block]);
        at += 10 + block;
    }
    let end = bytes.len();
    ends.extend([at + 6, end - 24, end - 16, end - 8, end - 1]);
    ends
}

#[test]
fn a_small_file_is_refused_wherever_it_is_cut_or_flipped() {
    let office = Office::new(&["small"], "");
    let db = office.open("small");
    db.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)").unwrap();
    office.replicate_once(&[]);
    let (_, path) = office.files("small").remove(0);
    let bytes = fs::read(path).unwrap();
    let whole: Verified = verify(&bytes[..]).unwrap();
    assert!(whole.is_whole_database() && whole.header.is_snapshot());
    for at in 0..bytes.len() {
        let error = verify(&bytes[..at]).unwrap_err();
        assert!(matches!(error, LtxError::Truncated { at: found } if found == at as u64), "{at}: {error}");
    }
    let bits = bytes.len() * 8;
    let refused = (0..bits).filter(|bit| {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        is_refused(&bytes, &flipped)
    });
    assert!(refused.count() > bits * 19 / 20);
    // After an error there is nothing more to be had.
    let mut flipped = bytes.clone();
    flipped[150] ^= 1;
    let mut decoder = Decoder::new(&flipped[..]).unwrap();
    while let Ok(page) = decoder.next_page() {
        assert!(page.is_some(), "the damage was missed");
    }
    assert!(matches!(decoder.next_page(), Err(LtxError::Failed)));
    assert!(matches!(decoder.finish(), Err(LtxError::Failed)));
}

#[test]
fn rubbish_is_an_error_and_never_a_panic() {
    let office = Office::new(&["small"], "");
    office.open("small").execute_batch("CREATE TABLE t (x)").unwrap();
    office.replicate_once(&[]);
    let (_, path) = office.files("small").remove(0);
    let good = fs::read(path).unwrap();
    let mut random = Random::new(7);
    let mut refused = 0;
    for round in 0..20_000 {
        let length = random.below(600);
        let mut bytes = random.bytes(length);
        // From nothing right to all but a stretch right, so that each part of the decoder meets rubbish.
        let keep = if round % 3 == 0 { 0 } else { 100 + random.below(good.len() - 100) };
        bytes.splice(0..0, good[..keep].iter().copied());
        if round % 2 == 0 {
            bytes.extend(&good[(keep + length).min(good.len())..]);
        }
        if bytes != good {
            refused += u32::from(is_refused(&good, &bytes));
        }
    }
    assert!(refused > 19_000, "{refused}");
    // A header that claims the biggest database takes no more memory than the page needs.
    let mut huge = good.clone();
    huge[8..16].copy_from_slice(&[0, 1, 0, 0, 255, 255, 255, 255]);
    assert!(verify(&huge[..]).is_err());
    assert_eq!(lock_page(65536), 16385);
}
