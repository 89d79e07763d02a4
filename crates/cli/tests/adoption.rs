//! Another Litestream on a database: it is found, refused while it runs, and taken over once it has stopped.
#![allow(clippy::unwrap_used)] // also in functions that are no tests themselves

#[path = "support/s3.rs"]
#[allow(unreachable_pub, missing_docs)]
mod s3;
mod support;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use support::host::{Host, all_stored, bundle, rows, shows_for, signal};
use support::until;

/// Somebody's own Litestream.
struct Theirs {
    child: Child,
}

impl Theirs {
    fn start(config: &Path) -> Self {
        let mut command = Command::new(bundle().join("litestream"));
        // With it Litestream can't reach any S3 service.
        command.env_remove("AWS_CA_BUNDLE");
        command.args(["replicate", "-config"]).arg(config).stdout(Stdio::null()).stderr(Stdio::null());
        Self { child: command.spawn().unwrap() }
    }

    fn stop(mut self) {
        signal(self.child.id(), "-TERM");
        self.child.wait().unwrap();
    }
}

impl Drop for Theirs {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A database in a folder of its own, with a `litestream.yml` that backs it up into another.
fn set_up(host: &Host, more: &str) -> (PathBuf, PathBuf) {
    std::fs::create_dir(host.path("data")).unwrap();
    let path = host.database("data/orders.db", 100);
    let yml = host.path("litestream.yml");
    let backup = host.path("backup");
    let text = format!(
        "snapshot:\n  interval: 30m\ndbs:\n  - path: {}\n    {more}\n    replica:\n      path: {}\n      sync-interval: 2s\n",
        path.display(),
        backup.display()
    );
    std::fs::write(&yml, text).unwrap();
    (path, yml)
}

fn backed_up(host: &Host) -> bool {
    let level = host.path("backup/ltx/0");
    std::fs::read_dir(level).is_ok_and(|mut files| files.next().is_some())
}

#[test]
fn a_litestream_is_refused_while_it_runs_and_taken_over_once_it_has_stopped() {
    let mut host = Host::new();
    let (path, yml) = set_up(&host, "busy-timeout: 3s");
    let (path, yml) = (path.to_str().unwrap(), yml.to_str().unwrap());
    let folder = host.path("data/.orders.db-litestream");
    let theirs = Theirs::start(Path::new(yml));
    until("they have backed it up", || backed_up(&host));
    host.start();
    let config = || std::fs::read_to_string(host.home().join("config.toml")).unwrap();
    let before = config();

    let said = host.fails(&["add", path], 8);
    assert!(said.contains("another Litestream") && said.contains("sqlite-replicate adopt"), "{said}");
    let said = host.fails(&["adopt", yml, "--yes"], 8);
    let process = format!("`litestream` (process {})", theirs.child.id());
    assert!(said.contains("still replicates") && said.contains(&process), "{said}");
    assert_eq!(config(), before);
    assert!(folder.is_dir());

    theirs.stop();
    let said = host.ok(&["adopt", yml, "--dry-run"]);
    assert!(said.contains("orders") && said.contains("capture.sync_interval"), "{said}");
    assert_eq!(config(), before, "a dry run changed the configuration");
    assert!(folder.is_dir());

    let said = host.ok(&["adopt", yml, "--yes"]);
    assert!(said.contains(".orders.db-litestream.adopted"), "{said}");
    assert!(!folder.exists() && host.path("data/.orders.db-litestream.adopted").is_dir());
    host.until("the new history is stored", |status| all_stored(status, "orders"));
    assert!(host.ok(&["config", "get", "capture.sync_interval"]).contains("2s"));
    assert!(host.ok(&["config", "get", "capture.busy_timeout"]).contains("3s"));
    assert!(host.ok(&["config", "get", "capture.snapshot_interval"]).contains("30m"));
    let copy = host.path("copy.db");
    host.ok(&["restore", "orders", "--to", copy.to_str().unwrap()]);
    assert_eq!(rows(&copy), 100);

    // The old backup is what it was.
    let old = host.path("old.db");
    let restored = Command::new(bundle().join("litestream"))
        .args(["restore", "-o", old.to_str().unwrap(), &format!("file://{}", host.path("backup").display())])
        .output()
        .unwrap();
    assert!(restored.status.success(), "{}", support::text(&restored.stderr));
    assert_eq!(rows(&old), 100);
}

#[test]
fn a_litestream_that_comes_back_is_shown_and_ours_lets_go_until_it_is_gone() {
    let mut host = Host::new();
    let (path, yml) = set_up(&host, "busy-timeout: 1s");
    host.start();
    host.protect(&path);
    let theirs = Theirs::start(&yml);
    host.until("it is shown", |status| shows_for(status, "orders", "foreign-litestream"));
    host.until("ours lets go of it", |status| support::host::child_pid(status, "capture").is_none());
    theirs.stop();
    std::fs::rename(host.path("data/.orders.db-litestream"), host.path("away")).unwrap();
    let rows_before = rows(&path);
    rusqlite::Connection::open(&path).unwrap().execute_batch("INSERT INTO t (v) VALUES ('after')").unwrap();
    host.until("everything is stored again", |status| {
        all_stored(status, "orders") && !shows_for(status, "orders", "foreign-litestream")
    });
    let copy = host.path("copy.db");
    host.ok(&["restore", "orders", "--to", copy.to_str().unwrap()]);
    assert_eq!(rows(&copy), rows_before + 1);
}

#[test]
fn a_litestream_with_its_folder_elsewhere_is_found_by_its_process() {
    let mut host = Host::new();
    let elsewhere = host.path("meta");
    let (path, yml) = set_up(&host, &format!("meta-path: {}", elsewhere.display()));
    let theirs = Theirs::start(&yml);
    until("they have backed it up", || backed_up(&host));
    assert!(!host.path("data/.orders.db-litestream").exists(), "the folder is not elsewhere");
    host.start();
    let said = host.fails(&["add", path.to_str().unwrap()], 8);
    assert!(said.contains(&format!("process {}", theirs.child.id())), "{said}");
    theirs.stop();
    host.protect(&path);
}

#[test]
fn without_an_engine_it_is_taken_over_all_the_same() {
    let mut host = Host::new();
    let (_, yml) = set_up(&host, "busy-timeout: 1s");
    let theirs = Theirs::start(&yml);
    until("they have backed it up", || backed_up(&host));
    theirs.stop();
    host.ok(&["adopt", yml.to_str().unwrap(), "--yes"]);
    host.start();
    host.until("it is stored", |status| all_stored(status, "orders"));
    // A second time there is nothing to take over: what is protected already stays as it is.
    let config = std::fs::read_to_string(host.home().join("config.toml")).unwrap();
    host.fails(&["adopt", yml.to_str().unwrap(), "--yes"], 6);
    assert_eq!(std::fs::read_to_string(host.home().join("config.toml")).unwrap(), config);
}

#[test]
fn its_s3_service_becomes_the_store_and_its_keys_are_kept_apart() {
    let mut host = Host::new();
    let store = s3::OtherStore::start(&host);
    let bucket = store.bucket("of-the-office");
    bucket.create();
    let path = host.database("orders.db", 100);
    let yml = host.path("litestream.yml");
    let (id, secret) = s3::OTHER_KEYS;
    let text = format!(
        "access-key-id: {id}\nsecret-access-key: {secret}\ndbs:\n  - path: {}\n    replica:\n      type: s3\n      \
         bucket: of-the-office\n      path: old/orders\n      endpoint: {}\n      force-path-style: true\n",
        path.display(),
        store.endpoint()
    );
    std::fs::write(&yml, text).unwrap();
    let theirs = Theirs::start(&yml);
    until("they have backed it up", || !bucket.objects().is_empty());
    theirs.stop();
    let old = bucket.objects();

    host.start();
    let said = host.ok(&["adopt", yml.to_str().unwrap(), "--yes"]);
    assert!(!said.contains(secret), "{said}");
    let status = host.until("it is stored there", |status| all_stored(status, "orders"));
    assert_eq!(status["store"]["endpoint"], store.endpoint());
    assert_eq!(status["store"]["bucket"], "of-the-office");
    assert_eq!(status["store"]["bundled"], false);
    let config = std::fs::read_to_string(host.home().join("config.toml")).unwrap();
    assert!(!config.contains(secret) && !config.contains(id), "{config}");
    let now = bucket.objects();
    assert!(old.iter().all(|object| now.contains(object)), "the old backup was touched");
    let copy = host.path("copy.db");
    host.ok(&["restore", "orders", "--to", copy.to_str().unwrap()]);
    assert_eq!(rows(&copy), 100);
}
