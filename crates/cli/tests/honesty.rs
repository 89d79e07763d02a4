//! The status never says that a commit is safe when it is not in the store: each part is cut off, hung or filled up under a
//! program that goes on writing, and the status is held against what can really be restored.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)] // also in functions that are no tests themselves

mod support;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use support::faults::{Disk, Random, Recording, any_pid, claimed, kill_if_there, none_left, restored};
use support::host::{Host, all_stored, database, shows, signal};

/// Between two commits of the program.
const PAUSE: Duration = Duration::from_millis(20);
/// The promise, with the sync interval's default of 1 s: 3 × sync interval + 2 s.
const PROMISE: Duration = Duration::from_secs(5);

/// A host whose database is protected and being written.
fn writing_host(configuration: &str) -> (Host, PathBuf, Recording) {
    let mut host = Host::new();
    host.configure(&format!("[health]\nlisten = \"127.0.0.1:0\"\n[ui]\nlanguage = \"en\"\n{configuration}"));
    host.start();
    let path = host.database("orders.db", 100);
    host.protect(&path);
    let writing = Recording::start(&path, PAUSE);
    host.until("commits are stored", |status| status["overall"] == "local-only");
    (host, path, writing)
}

/// The status must say within the promised time that commits are not safe.
fn shows_in_time(host: &Host, fault: Instant) {
    host.until("the status says that commits are not safe", |status| status["overall"] == "not-protected");
    assert!(fault.elapsed() <= PROMISE, "only after {:?}", fault.elapsed());
}

/// The status must come back by itself, with nothing lost.
fn comes_back(host: &Host, path: &Path, writing: Recording) {
    host.until_within(Duration::from_secs(90), "the status comes back", |status| {
        status["overall"] == "local-only"
    });
    let last = writing.stop();
    host.until("everything is stored", |status| all_stored(status, "orders"));
    assert_eq!(support::faults::newest_row(path), last);
    assert_eq!(restored(host, "orders"), last);
}

#[test]
fn a_store_that_is_killed_again_and_again_shows_and_comes_back() {
    let (host, path, writing) = writing_host("");
    let fault = Instant::now();
    let mut killed = None;
    let status = loop {
        let status = host.status();
        if status["overall"] == "not-protected" {
            break status;
        }
        let pid = any_pid(&status, "store");
        if let Some(pid) = pid.filter(|pid| Some(*pid) != killed) {
            kill_if_there(pid);
            killed = Some(pid);
        }
        assert!(fault.elapsed() <= PROMISE, "not shown: {status:#?}");
    };
    assert!(shows(&status, "store-down") || shows(&status, "behind"), "{status:#?}");
    comes_back(&host, &path, writing);
}

#[test]
fn a_store_that_hangs_shows_and_comes_back() {
    hangs_shows_and_comes_back("store");
}

#[test]
fn a_recorder_that_hangs_shows_and_comes_back() {
    hangs_shows_and_comes_back("capture");
}

fn hangs_shows_and_comes_back(child: &str) {
    let (host, path, writing) = writing_host("");
    let pid = host.pid(child);
    let fault = Instant::now();
    signal(pid, "-STOP");
    shows_in_time(&host, fault);
    signal(pid, "-CONT");
    comes_back(&host, &path, writing);
}

/// The engine may have to wait for a program that hangs; whoever asks for the status must not.
#[test]
fn a_hung_store_shows_while_another_database_is_added() {
    let (host, path, writing) = writing_host("");
    let second = host.database("second.db", 10);
    let store = host.pid("store");
    let fault = Instant::now();
    signal(store, "-STOP");
    host.ok(&["add", second.to_str().unwrap()]);
    shows_in_time(&host, fault);
    signal(store, "-CONT");
    comes_back(&host, &path, writing);
    assert!(all_stored(&host.status(), "second"));
}

#[test]
fn a_hung_recorder_shows_while_another_database_is_taken_away() {
    let (host, path, writing) = writing_host("");
    let second = host.database("second.db", 10);
    host.protect(&second);
    let capture = host.pid("capture");
    let fault = Instant::now();
    signal(capture, "-STOP");
    for suffix in ["", "-wal", "-shm"] {
        std::fs::remove_file(host.path(&format!("second.db{suffix}"))).unwrap();
    }
    host.until("the status says of each what is wrong", |status| {
        shows(status, "database-missing") && database(status, "orders")["overall"] == "not-protected"
    });
    assert!(fault.elapsed() <= PROMISE, "only after {:?}", fault.elapsed());
    signal(capture, "-CONT");
    host.ok(&["remove", "second", "--yes"]);
    comes_back(&host, &path, writing);
}

#[test]
#[ignore = "slow: a hung store is given 45 seconds, and 5 more to end by itself"]
fn a_store_that_hangs_for_ever_is_started_again() {
    let (mut host, path, writing) = writing_host("");
    let store = host.pid("store");
    signal(store, "-STOP");
    host.until("the store is another one", |status| any_pid(status, "store").is_some_and(|pid| pid != store));
    comes_back(&host, &path, writing);
    host.stop();
    none_left(&host);
}

#[test]
#[ignore = "slow: a hung recorder is given 15 seconds, and 12 more to end by itself"]
fn a_recorder_that_hangs_for_ever_is_started_again() {
    let (mut host, path, writing) = writing_host("");
    let capture = host.pid("capture");
    signal(capture, "-STOP");
    host.until("the recorder is another one", |status| {
        any_pid(status, "capture").is_some_and(|pid| pid != capture)
    });
    comes_back(&host, &path, writing);
    host.stop();
    none_left(&host);
}

#[test]
fn a_full_disk_of_the_store_shows_and_comes_back() {
    let mut host = Host::new();
    let Some(disk) = Disk::new(host.path("disk"), 200) else { return };
    let dir = disk.dir.join("store");
    host.configure(&format!(
        "[store]\ndata_dir = \"{}\"\n[health]\nlisten = \"127.0.0.1:0\"\n[ui]\nlanguage = \"en\"\n",
        dir.display()
    ));
    host.start();
    let path = host.database("orders.db", 100);
    host.protect(&path);
    let writing = Recording::start(&path, PAUSE);
    disk.fill();
    let fault = Instant::now();
    shows_in_time(&host, fault);
    host.until("the reason is said", |status| shows(status, "store-full"));
    disk.free();
    comes_back(&host, &path, writing);
    host.stop();
}

/// Everything of the host is on one disk, but for the database: neither Litestream nor the store nor the journal can write.
#[test]
fn a_full_disk_of_the_whole_host_shows_and_comes_back() {
    let mut host = Host::new();
    let Some(disk) = Disk::new(host.home(), 200) else { return };
    host.configure("[health]\nlisten = \"127.0.0.1:0\"\n[ui]\nlanguage = \"en\"\n");
    host.start();
    let path = host.database("orders.db", 100);
    host.protect(&path);
    let writing = Recording::start(&path, PAUSE);
    disk.fill();
    let fault = Instant::now();
    shows_in_time(&host, fault);
    disk.free();
    comes_back(&host, &path, writing);
    host.stop();
    host.start();
    host.until("everything is stored", |status| all_stored(status, "orders"));
    host.stop();
}

/// The engine's clock is set back by ten minutes, that of the store is not, so that signatures stay valid.
#[test]
fn a_clock_that_is_set_back_is_told_and_hides_nothing() {
    let folders = std::fs::read_dir("/usr/lib").unwrap();
    let library = folders
        .map(|folder| folder.unwrap().path().join("faketime/libfaketimeMT.so.1"))
        .find(|library| library.exists())
        .expect("Debian's package `faketime` is not installed");
    let mut host = Host::new();
    let clock = host.path("clock");
    std::fs::write(&clock, "+0").unwrap();
    let path = host.database("orders.db", 100);
    for (name, value) in [
        ("LD_PRELOAD", library.as_path()),
        ("FAKETIME_TIMESTAMP_FILE", &clock),
        ("FAKETIME_NO_CACHE", Path::new("1")),
        ("FAKETIME_DONT_FAKE_MONOTONIC", Path::new("1")),
    ] {
        host.variables.push((name.to_owned(), value.to_str().unwrap().to_owned()));
    }
    host.start();
    host.protect(&path);
    let writing = Recording::start(&path, PAUSE);
    std::fs::write(&clock, "-10m").unwrap();
    host.until("it is told", |status| shows(status, "clock-set-back"));
    let fault = Instant::now();
    let store = host.pid("store");
    signal(store, "-STOP");
    shows_in_time(&host, fault);
    signal(store, "-CONT");
    host.until_within(Duration::from_secs(90), "the status comes back", |status| {
        status["overall"] == "attention"
    });
    let last = writing.stop();
    host.until("everything is stored", |status| all_stored(status, "orders"));
    assert_eq!(restored(&host, "orders"), last);
}

/// The sharp one: whenever the status has said that everything is stored, the power is cut, the database and everything
/// of Litestream's own is lost, and the store alone must give back every row that was committed before.
#[test]
#[ignore = "slow: loses a PC four times"]
fn what_the_status_calls_stored_is_in_the_store() {
    let mut random = Random::new();
    for round in 0..4 {
        let (mut host, _, writing) = writing_host("");
        let mut promised = disturb(&host, &writing, &mut random);
        let end = Instant::now() + random.millis(2_000);
        while promised == 0 || Instant::now() < end {
            promised = promised.max(claimed(&host, "orders", &writing).unwrap_or(0));
        }
        host.kill();
        none_left(&host);
        let last = writing.stop();
        for suffix in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(host.path(&format!("orders.db{suffix}")));
        }
        std::fs::remove_dir_all(host.home().join("capture")).unwrap();
        host.start();
        host.until("the store serves", |status| status["store"]["reachable"] == true);
        let found = restored(&host, "orders");
        eprintln!("round {round}: {promised} promised, {found} restored of {last}");
        assert!(found >= promised, "the status promised {promised} of {last}, the store has {found}");
    }
}

/// Hangs or kills a program at random moments while the status is asked; what it promised meanwhile.
fn disturb(host: &Host, writing: &Recording, random: &mut Random) -> i64 {
    let mut promised = 0;
    for _ in 0..2 {
        let child = ["store", "capture"][random.below(2) as usize];
        let pid = host.pid(child);
        let hangs = random.below(2) == 0;
        signal(pid, if hangs { "-STOP" } else { "-9" });
        let end = Instant::now() + random.millis(3_000);
        while Instant::now() < end {
            promised = promised.max(claimed(host, "orders", writing).unwrap_or(0));
        }
        if hangs {
            signal(pid, "-CONT");
        }
    }
    promised
}
