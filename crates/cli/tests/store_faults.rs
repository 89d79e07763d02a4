//! What happens to the place where history is kept: it is deleted, made read-only, taken away, refuses; it belongs to somebody
//! else; several hosts share it.
#![allow(clippy::unwrap_used, clippy::print_stderr)] // also in functions that are no tests themselves

#[path = "support/s3.rs"]
#[allow(unreachable_pub, missing_docs)]
mod s3;
mod support;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use s3::{Bucket, OTHER_KEYS, OtherStore};
use support::faults::{Disk, Recording, none_left, processes, restored};
use support::host::{Host, all_stored, database, rows, shows};

const BASE: &str = "[health]\nlisten = \"127.0.0.1:0\"\n[ui]\nlanguage = \"en\"\n";

fn protected(host: &mut Host) -> (PathBuf, Recording) {
    host.start();
    let path = host.database("orders.db", 100);
    host.protect(&path);
    let writing = Recording::start(&path, Duration::from_millis(20));
    (path, writing)
}

/// Back to normal by itself, with everything that the database holds.
fn comes_back(host: &Host, writing: Recording) {
    host.until_within(Duration::from_secs(90), "the status comes back", |status| {
        ["local-only", "attention"].contains(&status["overall"].as_str().unwrap())
    });
    let last = writing.stop();
    host.until("everything is stored", |status| all_stored(status, "orders"));
    assert_eq!(restored(host, "orders"), last);
}

#[test]
fn a_deleted_store_folder_is_said_and_a_new_history_begins() {
    let mut host = Host::new();
    let (_, writing) = protected(&mut host);
    std::fs::remove_dir_all(host.home().join("store")).unwrap();
    host.until("the loss is said", |status| shows(status, "history-lost"));
    comes_back(&host, writing);
    let status = host.status();
    assert_eq!(database(&status, "orders")["epoch"], "1.1");
    assert!(shows(&status, "history-lost"), "it stays until somebody has looked");
    host.ok(&["scan", "orders"]);
    host.until("somebody has looked", |status| !shows(status, "history-lost"));
}

#[test]
fn a_bucket_deleted_through_s3_is_said_and_a_new_history_begins() {
    let mut host = Host::new();
    let (_, writing) = protected(&mut host);
    Bucket::bundled(&host).delete();
    host.until("the loss is said", |status| shows(status, "history-lost"));
    comes_back(&host, writing);
    assert_eq!(database(&host.status(), "orders")["epoch"], "1.1");
}

#[test]
fn a_read_only_store_is_said_and_comes_back() {
    let mut host = Host::new();
    let Some(disk) = Disk::new(host.path("disk"), 300) else { return };
    host.configure(&format!("[store]\ndata_dir = \"{}\"\n{BASE}", disk.dir.join("store").display()));
    let (_, writing) = protected(&mut host);
    disk.read_only(true);
    host.until("it is said", |status| status["overall"] == "not-protected");
    disk.read_only(false);
    comes_back(&host, writing);
    assert_eq!(database(&host.status(), "orders")["epoch"], "1.0");
    host.stop();
}

#[test]
fn an_external_store_that_refuses_is_said_and_used_once_its_keys_are_right() {
    let mut host = Host::new();
    let mut store = OtherStore::start(&host);
    host.configure(&format!("[store]\nendpoint = \"{}\"\n{BASE}", store.endpoint()));
    keys(&host, OTHER_KEYS.0, "wrong-secret");
    host.start();
    let path = host.database("orders.db", 100);
    host.ok(&["add", path.to_str().unwrap()]);
    let status = host.until("the refusal is said", |status| shows(status, "store-refused"));
    assert_eq!(status["overall"], "not-protected");
    keys(&host, OTHER_KEYS.0, OTHER_KEYS.1);
    host.until("everything is stored", |status| all_stored(status, "orders"));
    let status = host.until("all is well", |status| status["overall"] == "local-only");
    assert_eq!(status["store"]["bundled"], false);
    assert!(!host.home().join("store").exists());
    let bundled =
        processes(&host).into_iter().filter(|(_, line)| line.contains("/minio server")).collect::<Vec<_>>();
    assert!(bundled.is_empty(), "{bundled:?}");

    // It belongs to somebody else: it may be away for a while.
    let writing = Recording::start(&path, Duration::from_millis(20));
    store.kill();
    let status = host.until("that it is away is said", |status| shows(status, "store-down"));
    assert_eq!(status["overall"], "not-protected");
    store.run();
    comes_back(&host, writing);
    host.ok(&["verify", "orders"]);
    host.stop();
    none_left(&host);
    assert!(!store.bucket("sqlite-replicate").objects().is_empty());
}

fn remove(host: &Host) {
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(host.path(&format!("orders.db{suffix}")));
    }
}

/// A new history begins while the store is away, then the PC is lost: what the history before it holds is still the newest.
#[test]
fn a_history_with_nothing_stored_does_not_hide_the_one_before() {
    let owner = Host::new();
    let mut store = OtherStore::start(&owner);
    let mut host = tenant(&store, 100);
    store.kill();
    host.until("that it is away is said", |status| shows(status, "store-down"));
    remove(&host);
    host.database("orders.db", 7);
    host.until("a new history begins", |status| database(status, "orders")["epoch"] == "1.1");
    host.kill();
    remove(&host);
    store.run();
    host.start();
    host.until("the store serves", |status| status["store"]["reachable"] == true);
    assert_eq!(restored(&host, "orders"), 100);
}

/// Keeps keys, as a person would: two lines of standard input.
fn keys(host: &Host, id: &str, secret: &str) {
    use std::io::Write;
    let mut command = support::program(&host.home());
    command.args(["config", "credentials"]).stdin(std::process::Stdio::piped());
    let mut child = command.stdout(std::process::Stdio::null()).spawn().unwrap();
    write!(child.stdin.take().unwrap(), "{id}\n{secret}\n").unwrap();
    assert!(child.wait().unwrap().success());
}

/// A host that uses the other's store, with keys from its environment.
fn tenant(store: &OtherStore, rows: usize) -> Host {
    let mut host = Host::new();
    // As short as can be set.
    let capture = "[capture]\nl0_retention = \"1m\"\nsnapshot_interval = \"1m\"\nretention = \"1m\"\n";
    host.configure(&format!(
        "[store]\nendpoint = \"{}\"\nbucket = \"shared\"\n{capture}{BASE}",
        store.endpoint()
    ));
    let variable = |name: &str, value: &str| (format!("SQLITE_REPLICATE_STORE_{name}"), value.to_owned());
    host.variables =
        vec![variable("ACCESS_KEY_ID", OTHER_KEYS.0), variable("SECRET_ACCESS_KEY", OTHER_KEYS.1)];
    host.start();
    let path = host.database("orders.db", rows);
    host.protect(&path);
    host
}

/// What a host is called in keys: the beginning of its id.
fn host_key(host: &Host) -> String {
    host.status()["host"]["id"].as_str().unwrap()[..8].to_owned()
}

fn objects_of(bucket: &Bucket, key: &str) -> Vec<(String, String)> {
    bucket.objects().into_iter().filter(|(name, _)| name.contains(key)).collect()
}

#[test]
fn hosts_that_share_a_bucket_do_not_touch_each_other() {
    let owner = Host::new();
    let store = OtherStore::start(&owner);
    let (first, mut second) = (tenant(&store, 100), tenant(&store, 200));
    for host in [&first, &second] {
        host.ok(&["snapshot", "orders", "same-name"]);
        host.ok(&["scan", "orders"]);
    }
    assert_eq!(restored(&first, "orders"), 100);
    assert_eq!(restored(&second, "orders"), 200);

    // The second host stands still; whatever the first one does must leave every object of it as it is.
    let (of_first, of_second) = (host_key(&first), host_key(&second));
    second.stop();
    let bucket = store.bucket("shared");
    let before = objects_of(&bucket, &of_second);
    assert!(before.len() >= 4, "{before:?}");
    first.ok(&["restore", "orders", "--snapshot", "same-name", "--in-place", "--yes"]);
    first.until("the new history is stored", |status| all_stored(status, "orders"));
    first.ok(&["drill", "orders"]);
    assert_eq!(objects_of(&bucket, &of_second), before);
    let of_nobody = |name: &str| !name.contains(&of_first) && !name.contains(&of_second);
    let strange: Vec<_> =
        bucket.objects().into_iter().filter(|(name, _)| of_nobody(name) && !name.starts_with('_')).collect();
    assert!(strange.is_empty(), "{strange:?}");

    second.start();
    second.until("everything is stored", |status| all_stored(status, "orders"));
    assert_eq!(database(&second.status(), "orders")["epoch"], "1.0");
    assert_eq!(restored(&second, "orders"), 200);
    assert_eq!(restored(&first, "orders"), 100);
}

#[test]
#[ignore = "slow: the shortest retention is a minute"]
fn retention_deletes_only_the_hosts_own_past() {
    let owner = Host::new();
    let store = OtherStore::start(&owner);
    let (first, mut second) = (tenant(&store, 100), tenant(&store, 200));
    first.ok(&["snapshot", "orders", "kept"]);
    second.ok(&["snapshot", "orders", "kept"]);
    let (of_first, of_second) = (host_key(&first), host_key(&second));
    second.stop();
    let bucket = store.bucket("shared");
    let before = objects_of(&bucket, &of_second);
    first.ok(&["restore", "orders", "--snapshot", "kept", "--in-place", "--yes"]);
    first.until("the new history is stored", |status| all_stored(status, "orders"));
    let old = |name: &str| name.starts_with("orders/1.0-") && name.contains(&of_first);
    assert!(bucket.objects().iter().any(|(name, _)| old(name)));
    let limit = Instant::now() + Duration::from_secs(150);
    while bucket.objects().iter().any(|(name, _)| old(name)) {
        assert!(Instant::now() < limit, "never: the old history is past its retention");
        std::thread::sleep(Duration::from_secs(2));
        first.ok(&["drill", "orders"]);
    }
    assert_eq!(objects_of(&bucket, &of_second), before);
    let copy = first.path("named.db");
    first.ok(&["restore", "orders", "--snapshot", "kept", "--to", copy.to_str().unwrap()]);
    assert_eq!(rows(&copy), 100);
}
