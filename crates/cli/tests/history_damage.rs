//! Damage in the stored history behind the engine's back: found, shown, healed; and a restore in between gives what can be
//! given, and says so.
#![allow(clippy::unwrap_used)] // also in functions that are no tests themselves

#[path = "support/s3.rs"]
#[allow(unreachable_pub, missing_docs)]
mod s3;
mod support;

use std::path::Path;

use rusqlite::Connection;
use s3::Bucket;
use serde_json::Value;
use support::host::{Host, all_stored, database, rows, shows};

/// Protects a database and makes `count` transactions of one row each, each of them an object of its own.
fn with_transactions(host: &Host, name: &str, count: usize) {
    let path = host.database(&format!("{name}.db"), 0);
    host.protect(&path);
    more(host, name, count);
}

fn more(host: &Host, name: &str, count: usize) {
    let db = Connection::open(host.path(&format!("{name}.db"))).unwrap();
    for _ in 0..count {
        db.execute_batch("INSERT INTO t (v) VALUES (hex(randomblob(200)))").unwrap();
        host.ok(&["sync", name]);
    }
}

fn scan_finds(host: &Host, name: &str, what: &str) {
    let output = host.cli(&["scan", name, "--json"]);
    let said = support::text(&output.stdout);
    assert_eq!(output.status.code(), Some(13), "{said}");
    assert!(said.contains(what), "{said}");
    host.until("it is shown", |status| shows(status, "history-damaged"));
}

/// A restore of the newest state gives only `expected` rows, and says so everywhere.
fn restores_only(host: &Host, name: &str, what: &str, expected: i64) {
    let target = host.path(&format!("{name}-{what}.db"));
    let to = target.to_str().unwrap();
    let plan: Value =
        serde_json::from_str(&host.ok(&["restore", name, "--to", to, "--plan", "--json"])).unwrap();
    assert!(plan["shortfall"].is_string(), "{plan}");
    let said = host.ok(&["restore", name, "--to", to]);
    assert!(said.contains("not exactly what you asked for"), "{said}");
    assert_eq!(rows(&target), expected);
}

/// Everything is back: the condition gone, the copy equal, the whole database restorable.
fn is_healed(host: &Host, name: &str, what: &str, expected: i64) {
    host.until("it is no longer shown", |status| {
        !shows(status, "history-damaged") && all_stored(status, name)
    });
    host.ok(&["validate", name]);
    host.ok(&["scan", name]);
    let target = host.path(&format!("{name}-{what}-healed.db"));
    host.ok(&["restore", name, "--to", target.to_str().unwrap()]);
    assert_eq!(rows(&target), expected);
}

fn epoch(host: &Host, name: &str) -> String {
    database(&host.status(), name)["epoch"].as_str().unwrap().to_owned()
}

/// The folder of Litestream's own files of level 0.
fn own_files(host: &Host, name: &str) -> std::path::PathBuf {
    host.home().join("capture").join(name).join(epoch(host, name)).join("ltx/0")
}

fn file_name(key: &str) -> &str {
    Path::new(key).file_name().unwrap().to_str().unwrap()
}

#[test]
fn what_is_still_on_this_pc_is_stored_again() {
    let mut host = Host::new();
    host.start();
    with_transactions(&host, "orders", 6);
    let store = Bucket::bundled(&host);
    let third_last = |store: &Bucket| store.level("orders", 0).into_iter().rev().nth(2).unwrap();

    store.delete_object(&third_last(&store));
    scan_finds(&host, "orders", "\"hole\"");
    restores_only(&host, "orders", "deleted", 3);
    host.ok(&["scan", "orders", "--heal"]);
    is_healed(&host, "orders", "deleted", 6);

    store.change(&third_last(&store), |bytes| bytes.truncate(bytes.len() / 2));
    scan_finds(&host, "orders", "\"damaged\"");
    restores_only(&host, "orders", "truncated", 3);
    host.ok(&["scan", "orders", "--heal"]);
    is_healed(&host, "orders", "truncated", 6);

    store.change(&third_last(&store), |bytes| *bytes.get_mut(150).unwrap() ^= 4);
    scan_finds(&host, "orders", "\"damaged\"");
    restores_only(&host, "orders", "flipped", 3);
    host.ok(&["scan", "orders", "--heal"]);
    is_healed(&host, "orders", "flipped", 6);

    store.flip_bit_on_disk(&host, &third_last(&store));
    scan_finds(&host, "orders", "\"damaged\"");
    restores_only(&host, "orders", "rotten", 3);
    host.ok(&["scan", "orders", "--heal"]);
    is_healed(&host, "orders", "rotten", 6);

    // The newest one: nothing follows it that would show a hole.
    store.delete_object(&store.level("orders", 0).pop().unwrap());
    scan_finds(&host, "orders", "\"hole\"");
    host.ok(&["scan", "orders", "--heal"]);
    is_healed(&host, "orders", "newest", 6);

    // A large one, which the store keeps in a file of its own.
    let db = Connection::open(host.path("orders.db")).unwrap();
    db.execute_batch("INSERT INTO t (v) VALUES (hex(randomblob(1000000)))").unwrap();
    host.ok(&["sync", "orders"]);
    store.flip_bit_on_disk(&host, &store.level("orders", 0).pop().unwrap());
    scan_finds(&host, "orders", "\"damaged\"");
    restores_only(&host, "orders", "large", 6);
    host.ok(&["scan", "orders", "--heal"]);
    is_healed(&host, "orders", "large", 7);
    assert_eq!(epoch(&host, "orders"), "1.0");
}

#[test]
fn what_is_gone_from_this_pc_too_begins_a_new_history_with_a_whole_copy() {
    let mut host = Host::new();
    host.start();
    with_transactions(&host, "orders", 6);
    let store = Bucket::bundled(&host);
    let lost = store.level("orders", 0).into_iter().rev().nth(2).unwrap();
    store.delete_object(&lost);
    std::fs::remove_file(own_files(&host, "orders").join(file_name(&lost))).unwrap();
    scan_finds(&host, "orders", "\"hole\"");
    restores_only(&host, "orders", "before", 3);
    host.ok(&["scan", "orders", "--heal"]);
    host.until("a new history begins", |status| database(status, "orders")["epoch"] == "1.1");
    is_healed(&host, "orders", "lost", 6);
    // What the old one can still give, it gives.
    let before = file_name(&lost).split('-').next().unwrap();
    let before = u64::from_str_radix(before, 16).unwrap() - 1;
    let target = host.path("then.db");
    let txid = format!("{before:016x}");
    host.ok(&["restore", "orders", "--txid", &txid, "--epoch", "1.0", "--to", target.to_str().unwrap()]);
    assert_eq!(rows(&target), 3);
}

#[test]
fn damage_is_found_and_healed_by_the_daily_scan() {
    let mut host = Host::new();
    host.start();
    with_transactions(&host, "orders", 4);
    let store = Bucket::bundled(&host);
    let damaged = store.level("orders", 0).into_iter().rev().nth(1).unwrap();
    store.delete_object(&damaged);
    // The scan's time comes: after a stop that was not a clean one it is made at once, as it is each day.
    host.kill();
    host.start();
    host.until("it was scanned", |status| database(status, "orders")["last_scan"]["good"] == true);
    is_healed(&host, "orders", "daily", 4);
    assert!(Bucket::bundled(&host).level("orders", 0).contains(&damaged));
}

#[test]
#[ignore = "slow: waits for Litestream's compaction after 30 s"]
fn a_damaged_compacted_object_or_snapshot_is_healed() {
    let mut host = Host::new();
    host.start();
    for name in ["level", "snapshot"] {
        with_transactions(&host, name, 4);
    }
    let store = Bucket::bundled(&host);
    let begun = std::time::Instant::now();
    while store.level("level", 1).is_empty() || store.level("snapshot", 9).is_empty() {
        assert!(begun.elapsed() < std::time::Duration::from_secs(90), "{:?}", store.objects());
        std::thread::sleep(std::time::Duration::from_millis(250));
    }
    for (name, level) in [("level", 1), ("snapshot", 9)] {
        let key = store.level(name, level).pop().unwrap();
        store.change(&key, |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        });
        scan_finds(&host, name, "\"damaged\"");
        host.ok(&["scan", name, "--heal"]);
        is_healed(&host, name, "healed", 4);
    }
}
