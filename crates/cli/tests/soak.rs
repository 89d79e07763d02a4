//! Long and hard use, bounded: many commits while everything is killed at random moments, and many databases at once.
#![allow(clippy::unwrap_used, clippy::print_stderr)] // also in functions that are no tests themselves

mod support;

use std::time::{Duration, Instant};

use support::faults::{Random, Recording, any_pid, claimed, kill_if_there, none_left, restored};
use support::host::{Host, all_stored, database, rows, shows};

/// How long the programs are killed.
const SOAK: Duration = Duration::from_secs(60);

#[test]
#[ignore = "slow: 60 seconds of writing, and the coming back"]
fn nothing_that_counted_as_stored_is_lost_while_everything_is_killed() {
    let mut random = Random::new();
    let mut host = Host::new();
    host.start();
    let path = host.database("orders.db", 100);
    host.protect(&path);
    // 200 commits a second: 5 ms with what a commit itself takes.
    let writing = Recording::start(&path, Duration::from_millis(4));
    let begun = Instant::now();
    let (mut promised, mut asked, mut kills) = (0, 0, [0; 3]);
    let mut next = begun;
    while begun.elapsed() < SOAK {
        if let Some(row) = claimed(&host, "orders", &writing) {
            asked += 1;
            promised = promised.max(row);
        }
        if Instant::now() < next {
            continue;
        }
        next = Instant::now() + Duration::from_millis(500) + random.millis(5_000);
        let victim = random.below(5) as usize;
        if victim == 0 {
            host.kill();
            none_left(&host);
            host.start();
            kills[0] += 1;
        } else {
            let child = ["store", "capture"][victim % 2];
            let Some(pid) = host.try_status().and_then(|status| any_pid(&status, child)) else { continue };
            kill_if_there(pid);
            kills[1 + victim % 2] += 1;
        }
    }
    // What was promised must be in the store alone, as it is at this moment.
    host.kill();
    none_left(&host);
    let last = writing.stop();
    let database_aside = host.path("kept");
    std::fs::create_dir(&database_aside).unwrap();
    for suffix in ["", "-wal", "-shm"] {
        let name = format!("orders.db{suffix}");
        let _ = std::fs::rename(host.path(&name), database_aside.join(&name));
    }
    host.start();
    host.until("the store serves", |status| status["store"]["reachable"] == true);
    eprintln!("{kills:?} kills, {asked} answers, {last} rows, {promised} promised\n{}", host.log());
    let found = restored(&host, "orders");
    eprintln!("{found} in the store");
    assert!(promised > 0 && found >= promised);

    // With the database back, the rest comes as well.
    host.kill();
    none_left(&host);
    for suffix in ["", "-wal", "-shm"] {
        let name = format!("orders.db{suffix}");
        let _ = std::fs::rename(database_aside.join(&name), host.path(&name));
    }
    host.start();
    host.until("everything is stored and checked", |status| {
        all_stored(status, "orders") && !shows(status, "checking") && status["overall"] == "local-only"
    });
    assert_eq!(restored(&host, "orders"), last);
    assert_eq!(rows(&path), last);
    host.stop();
    none_left(&host);
}

#[test]
#[ignore = "slow: 100 databases"]
fn a_hundred_databases_do_not_disturb_each_other() {
    let mut host = Host::new();
    let names: Vec<String> = (0..100).map(|n| format!("d{n:02}")).collect();
    let mut configuration = "[health]\nlisten = \"127.0.0.1:0\"\n[ui]\nlanguage = \"en\"\n".to_owned();
    for name in &names {
        let path = host.database(&format!("{name}.db"), 10);
        configuration += &format!("[[database]]\nname = \"{name}\"\npath = \"{}\"\n", path.display());
    }
    host.configure(&configuration);
    host.start();
    let every = |status: &serde_json::Value| names.iter().all(|name| all_stored(status, name));
    host.until("all are stored", every);
    let others = || names.iter().filter(|name| *name != "d50");
    for name in others() {
        support::host::insert(&rusqlite::Connection::open(host.path(&format!("{name}.db"))).unwrap(), 5);
    }
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(host.path(&format!("d50.db{suffix}")));
    }
    let status = host.until("one is missing, the others are stored", |status| {
        shows(database(status, "d50"), "database-missing") && others().all(|name| all_stored(status, name))
    });
    for name in others() {
        let codes = database(&status, name)["conditions"].as_array().unwrap();
        assert!(codes.iter().all(|told| told["severity"] == "info"), "{name}: {codes:?}");
        assert_eq!(database(&status, name)["epoch"], "1.0");
    }
    for name in ["d00", "d49", "d51", "d99"] {
        assert_eq!(restored(&host, name), 15);
    }
    assert_eq!(restored(&host, "d50"), 10, "the last state of the one that is gone");
    host.stop();
    none_left(&host);
}
