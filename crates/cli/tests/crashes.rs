//! Any of the programs may be killed at any moment: no process is left, the next start is clean, everything can be brought back.
#![allow(clippy::unwrap_used, clippy::print_stderr)] // also in functions that are no tests themselves

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::faults::{Random, Recording, any_pid, newest_row, none_left, processes, restored};
use support::host::{Host, alive, all_stored, bundle, child_pid, database, shows, signal};

/// Starts a killed engine again; everything must be stored, and be checked, before it counts.
fn starts_clean(host: &mut Host, path: &Path) {
    none_left(host);
    host.start();
    host.until("everything is stored", |status| all_stored(status, "orders"));
    host.until("the history was checked", |status| {
        !shows(status, "checking") && database(status, "orders")["last_scan"]["good"] == true
    });
    assert_eq!(restored(host, "orders"), newest_row(path));
}

#[test]
fn an_engine_killed_while_it_starts_or_copies_first_leaves_nothing_behind() {
    let mut random = Random::new();
    let mut host = Host::new();
    host.start();
    let path = host.database("orders.db", 100_000);
    host.ok(&["add", path.to_str().unwrap()]);
    for _ in 0..5 {
        std::thread::sleep(random.millis(1_500)); // when the power is cut
        host.kill();
        none_left(&host);
        host.spawn();
    }
    std::thread::sleep(random.millis(300));
    host.kill();
    starts_clean(&mut host, &path);
    assert_eq!(database(&host.status(), "orders")["epoch"], "1.0");
    host.stop();
    none_left(&host);
}

#[test]
fn an_engine_killed_while_it_stops_leaves_nothing_behind() {
    let mut random = Random::new();
    let mut host = Host::new();
    host.start();
    let path = host.database("orders.db", 100);
    host.protect(&path);
    for _ in 0..3 {
        let writing = Recording::start(&path, Duration::from_millis(5));
        std::thread::scope(|scope| {
            let host = &host;
            scope.spawn(move || {
                // Whether it still gets its answer depends on the moment.
                host.cli(&["stop"]);
            });
            std::thread::sleep(random.millis(1_200));
            signal(host.engine.as_ref().unwrap().id(), "-9");
        });
        host.kill();
        none_left(&host);
        writing.stop();
        host.start();
        host.until("everything is stored", |status| all_stored(status, "orders"));
    }
    assert_eq!(restored(&host, "orders"), newest_row(&path));
}

#[test]
fn killed_programs_are_started_again_and_leave_no_sentinel() {
    let mut host = Host::new();
    host.start();
    let path = host.database("orders.db", 100);
    host.protect(&path);
    let writing = Recording::start(&path, Duration::from_millis(10));
    for child in ["store", "capture"] {
        let pid = host.pid(child);
        signal(pid, "-9");
        host.until("it runs again", |status| child_pid(status, child).is_some_and(|now| now != pid));
    }
    host.ok(&["restart", "store"]);
    host.ok(&["restart", "capture"]);
    support::until("one of each is left: store, capture, its sentinel, the engine", || {
        processes(&host).len() == 4
            && host.try_status().is_some_and(|status| child_pid(&status, "capture").is_some())
    });
    host.until("the status comes back", |status| status["overall"] == "local-only");
    let last = writing.stop();
    host.until("everything is stored", |status| all_stored(status, "orders"));
    assert_eq!(restored(&host, "orders"), last);
    let sentinel = processes(&host)
        .into_iter()
        .find(|(_, line)| line.contains("sqlite-replicate __sentinel "))
        .unwrap()
        .0;
    host.stop();
    assert!(!alive(sentinel));
    none_left(&host);
}

#[test]
fn pausing_and_restarting_under_load_loses_nothing() {
    let mut host = Host::new();
    host.start();
    let path = host.database("orders.db", 100);
    host.protect(&path);
    let writing = Recording::start(&path, Duration::from_millis(5));
    for _ in 0..2 {
        host.ok(&["pause"]);
        host.until("it is paused, and nothing captures", |status| {
            status["overall"] == "paused" && any_pid(status, "capture").is_none()
        });
        let at_pause = writing.newest();
        support::until("commits are made meanwhile", || writing.newest() > at_pause + 20);
        assert!(!all_stored(&host.status(), "orders"), "what was written in a pause is not stored");
        host.ok(&["resume"]);
        host.until("the status comes back", |status| status["overall"] == "local-only");
        host.ok(&["restart", "all"]);
    }
    let last = writing.stop();
    host.until("everything is stored", |status| all_stored(status, "orders"));
    assert_eq!(database(&host.status(), "orders")["epoch"], "1.0");
    assert_eq!(restored(&host, "orders"), last);
}

#[test]
fn the_history_is_checked_after_an_unclean_stop() {
    let mut host = Host::new();
    host.start();
    let path = host.database("orders.db", 100);
    host.protect(&path);
    assert_eq!(database(&host.status(), "orders")["last_scan"], Value::Null);
    host.kill();
    host.start();
    host.until("it is being checked", |status| shows(status, "checking"));
    let status = host.until("it was checked", |status| !shows(status, "checking"));
    assert_eq!(database(&status, "orders")["last_scan"]["good"], true, "{status:#?}");
    let scanned = scanned_at(&status);
    // What comes later was not there at the unclean stop.
    let second = host.database("second.db", 10);
    host.ok(&["add", second.to_str().unwrap()]);
    let status = host.until("it is protected", |status| !database(status, "second").is_null());
    assert!(!shows(&status, "checking"));
    host.until("it is stored", |status| all_stored(status, "second"));
    // After a clean stop nothing needs to be checked.
    host.stop();
    host.start();
    let status = host.until("everything is stored", |status| all_stored(status, "orders"));
    assert!(!shows(&status, "checking"));
    assert_eq!(scanned_at(&status), scanned);
}

#[test]
fn a_restore_does_not_wait_for_the_check_after_an_unclean_stop() {
    let mut host = Host::new();
    host.start();
    let path = host.database("orders.db", 300_000);
    host.protect(&path);
    host.kill();
    host.start();
    let scanning = |status: &Value| {
        let jobs = status["jobs"].as_array().unwrap();
        jobs.iter().any(|job| job["request"]["kind"] == "scan" && job["state"] == "running")
    };
    host.until("it is being checked", scanning);
    assert_eq!(restored(&host, "orders"), 300_000);
    assert_eq!(database(&host.status(), "orders")["last_scan"], Value::Null, "the check gave way");
    // Nor does a clean stop make up for the unclean one before it.
    host.stop();
    host.start();
    host.until("it was checked after all", |status| database(status, "orders")["last_scan"]["good"] == true);
}

/// In milliseconds, which is how exactly it is kept.
fn scanned_at(status: &Value) -> i64 {
    let at = database(status, "orders")["last_scan"]["at"].as_str().unwrap();
    at.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

/// A bundle whose store only says a few words, until the real one is put there.
fn broken_bundle(host: &Host) -> std::path::PathBuf {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let dir = host.path("bundle");
    std::fs::create_dir(&dir).unwrap();
    symlink(bundle().join("litestream"), dir.join("litestream")).unwrap();
    let store = dir.join("minio");
    std::fs::write(&store, "#!/bin/sh\necho starting\necho the dog ate it >&2\nexit 3\n").unwrap();
    std::fs::set_permissions(&store, std::fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

#[test]
fn a_program_that_ends_again_and_again_is_a_crash_loop_with_its_last_words() {
    let mut host = Host::new();
    let dir = broken_bundle(&host);
    host.bundle = dir.clone();
    host.start();
    let path = host.database("orders.db", 100);
    host.ok(&["add", path.to_str().unwrap()]);
    let status = host.until("the crash loop is told", |status| shows(status, "crash-loop"));
    let told =
        status["conditions"].as_array().unwrap().iter().find(|told| told["code"] == "crash-loop").unwrap();
    assert!(told["hint"].as_str().unwrap().contains("the dog ate it"), "{told:#?}");
    assert_eq!(status["overall"], "not-protected");
    // 1 s, 2 s, then 4 s: a program that can't run is not started without end.
    let waits = std::fs::read_to_string(host.home().join("logs/engine.log")).unwrap();
    for wait in ["next start in 1 s", "next start in 2 s", "next start in 4 s"] {
        assert!(waits.contains(wait), "{waits}");
    }
    let repaired = dir.join("repaired");
    std::os::unix::fs::symlink(bundle().join("minio"), &repaired).unwrap();
    std::fs::rename(repaired, dir.join("minio")).unwrap();
    host.until("it comes back by itself", |status| status["overall"] == "local-only");
    assert!(!shows(&host.status(), "crash-loop"));
    assert_eq!(restored(&host, "orders"), newest_row(&path));
}

#[test]
fn an_in_place_restore_that_is_killed_leaves_the_old_or_the_restored_database() {
    kill_restores(5);
}

#[test]
#[ignore = "slow: kills 24 restores"]
fn an_in_place_restore_that_is_killed_at_any_moment_leaves_the_old_or_the_restored_database() {
    kill_restores(24);
}

/// Kills the engine at random moments of restores to the state 0; before each the database has a state of its own.
fn kill_restores(rounds: u64) {
    let mut random = Random::new();
    let mut host = Host::new();
    host.start();
    let path = host.database("orders.db", 5_000);
    set_state(&path, 0);
    host.protect(&path);
    host.ok(&["snapshot", "orders", "before"]);
    let mut seen = [0, 0];
    for round in 1..=rounds {
        set_state(&path, round);
        host.ok(&["sync", "orders"]);
        let told = told_restores(&host);
        std::thread::scope(|scope| {
            let (host, path) = (&host, &path);
            scope.spawn(move || {
                host.cli(&["restore", "orders", "--snapshot", "before", "--in-place", "--yes"]);
            });
            wait_for_the_moment(host, path, round, &mut random);
            signal(host.engine.as_ref().unwrap().id(), "-9");
        });
        host.kill();
        none_left(&host);
        assert!(path.is_file(), "nothing is at the database's path");
        host.start();
        host.until("everything is stored and checked", |status| {
            all_stored(status, "orders") && !shows(status, "checking")
        });
        support::faults::whole(&path);
        let state = state(&path);
        eprintln!("round {round}: {state}");
        assert!(state == 0 || state == round, "round {round}: neither the old nor the restored one: {state}");
        if state == 0 {
            assert!(told_restores(&host) > told, "the restore took place, but nothing says so");
        }
        seen[usize::from(state == 0)] += 1;
        no_leftovers(&host);
        assert_eq!(restored(&host, "orders"), 5_000);
    }
    eprintln!("{} times the old one, {} times the restored one", seen[0], seen[1]);
    host.stop();
    none_left(&host);
}

/// Some time during the restore; every second time shortly around the exchange of the files.
fn wait_for_the_moment(host: &Host, path: &Path, round: u64, random: &mut Random) {
    if round.is_multiple_of(2) {
        std::thread::sleep(random.millis(2_500));
        return;
    }
    let before = set_aside(host);
    let begun = Instant::now();
    let incoming = path.with_file_name(".orders.db.incoming");
    let exchanging =
        || set_aside(host) > before || (incoming.exists() && !path.with_extension("db-wal").exists());
    while !exchanging() && begun.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_micros(200));
    }
    std::thread::sleep(Duration::from_micros(random.below(20_000)));
}

fn set_state(path: &Path, state: u64) {
    let db = rusqlite::Connection::open(path).unwrap();
    db.busy_timeout(Duration::from_secs(5)).unwrap();
    db.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS state (n); DELETE FROM state; INSERT INTO state VALUES ({state})"
    ))
    .unwrap();
}

fn state(path: &Path) -> u64 {
    let db = rusqlite::Connection::open(path).unwrap();
    db.query_row("SELECT n FROM state", [], |row| row.get::<_, i64>(0)).unwrap().cast_unsigned()
}

/// How many events tell that a restore took place.
fn told_restores(host: &Host) -> usize {
    let events = host.ok(&["events", "--json", "-n", "10000"]);
    let tells = |line: &&str| {
        let event: Value = serde_json::from_str(line).unwrap();
        event["kind"] == "restore-finished"
    };
    events.lines().filter(tells).count()
}

fn files(host: &Host) -> Vec<String> {
    let entries = std::fs::read_dir(host.dir.path()).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn set_aside(host: &Host) -> usize {
    files(host).iter().filter(|name| name.starts_with("orders.db.before-")).count()
}

fn no_leftovers(host: &Host) {
    let expected = ["home", "orders.db", "orders.db-wal", "orders.db-shm", "restored.db"];
    let known = |name: &String| {
        expected.contains(&name.as_str())
            || name.starts_with("orders.db.before-") && !name.ends_with("-wal") && !name.ends_with("-shm")
    };
    let left: Vec<String> = files(host).into_iter().filter(|name| !known(name)).collect();
    for name in &left {
        let bytes = std::fs::read(host.path(name)).unwrap_or_default();
        eprintln!("{name}: {} bytes, {:?}", bytes.len(), &bytes[..bytes.len().min(16)]);
    }
    assert!(left.is_empty(), "{left:?} is left");
}
