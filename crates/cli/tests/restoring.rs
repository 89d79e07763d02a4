//! Restores that can't be done, or are not to be: refused with the reason, and without a trace.
#![allow(clippy::unwrap_used)] // also in functions that are no tests themselves

mod support;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use rusqlite::Connection;
use support::host::{Host, all_stored, contents, database, insert, rows, signal};
use support::until;

/// Every name in a folder.
fn names(dir: &Path) -> Vec<PathBuf> {
    let mut names: Vec<PathBuf> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names
}

#[test]
fn a_moment_that_is_not_there_and_a_file_that_is_are_refused_without_a_trace() {
    let mut host = Host::new();
    std::fs::create_dir(host.path("data")).unwrap();
    std::fs::create_dir(host.path("out")).unwrap();
    host.start();
    let path = host.database("data/orders.db", 10);
    host.protect(&path);
    host.ok(&["snapshot", "orders", "kept"]);
    let to = host.path("out/copy.db").display().to_string();
    let moments: [(&[&str], &str); 6] = [
        (&["--txid", "ffff"], "can't be restored"),
        (&["--at", "2020-01-01"], "no moment as old as"),
        (&["--snapshot", "never"], "no snapshot named `never`"),
        (&["--txid", "1", "--epoch", "7.7"], "no epoch `7.7`"),
        (&["--txid", "ffff", "--plan"], "can't be restored"),
        (&["--at", "2020-01-01", "--if-db-not-exists"], "no moment as old as"),
    ];
    for (moment, says) in moments {
        let said = host.fails(&[&["restore", "orders", "--to", &to], moment].concat(), 10);
        assert!(said.contains(says) && said.contains("\nhint: "), "{moment:?}: {said}");
    }
    // A time to come is no restore point, and neither is what nobody can read.
    for bad in [["--at", "2999-01-01"], ["--at", "whenever"], ["--txid", "xyz"]] {
        host.fails(&[&["restore", "orders", "--to", &to][..], &bad].concat(), 2);
    }
    host.fails(&["restore", "orders"], 2);
    host.fails(&["restore", "stock", "--to", &to], 6);
    let said = host.ok(&["restore", "orders", "--to", &to, "--at", "2020-01-01", "--if-replica-exists"]);
    assert!(said.contains("Nothing to do"), "{said}");
    let said = host.ok(&["restore", "orders", "--snapshot", "kept", "--to", &to, "--plan"]);
    assert!(said.contains("To fetch"), "{said}");
    assert!(names(&host.path("out")).is_empty(), "{:?}", names(&host.path("out")));

    std::fs::write(&to, "mine").unwrap();
    let said = host.fails(&["restore", "orders", "--to", &to], 11);
    assert!(said.contains(&format!("`{to}`")), "{said}");
    host.ok(&["restore", "orders", "--to", &to, "--if-db-not-exists"]);
    // A link that leads nowhere is something, too.
    let link = host.path("out/link.db");
    std::os::unix::fs::symlink(host.path("out/nowhere"), &link).unwrap();
    host.fails(&["restore", "orders", "--to", link.to_str().unwrap()], 11);
    assert_eq!(std::fs::read_to_string(&to).unwrap(), "mine");
    assert_eq!(names(&host.path("out")).len(), 2);
    // A folder of that name can't be made where a file is: not the history is to blame.
    let below = host.path("out/copy.db/copy.db");
    let said = host.fails(&["restore", "orders", "--to", below.to_str().unwrap()], 1);
    assert!(said.contains("can't be written") && !said.contains("scan"), "{said}");
}

#[test]
fn a_database_that_a_program_has_open_is_not_exchanged() {
    let mut host = Host::new();
    std::fs::create_dir(host.path("data")).unwrap();
    host.start();
    let path = host.database("data/orders.db", 10);
    host.protect(&path);
    let program = support::App::start(&path, &[]);
    until("the program writes", || program.written() > 0);
    host.ok(&["sync", "orders"]);
    let before = names(&host.path("data"));
    let said = host.fails(&["restore", "orders", "--txid", "1", "--in-place", "--yes"], 8);
    let named = format!("(process {})", program.child.id());
    assert!(said.contains(&named) && said.contains("close that program"), "{said}");
    assert_eq!(names(&host.path("data")), before, "something was left");
    let written = program.written();
    until("the program goes on", || program.written() > written);
    let status = host.until("what it writes is stored", |status| {
        database(status, "orders")["conditions"][0]["code"] != "restoring"
            && database(status, "orders")["stored"].is_string()
    });
    assert_eq!(database(&status, "orders")["epoch"], "1.0", "a new history began");
    drop(program);
    host.until("everything is stored", |status| all_stored(status, "orders"));
}

#[test]
fn the_program_keeps_its_rights_to_a_restored_database_and_nobody_gets_any() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    let mut host = Host::new();
    host.start();
    let path = host.database("orders.db", 10);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    if rustix::process::geteuid().is_root() {
        // The program runs as somebody else than the engine.
        chown(&path, Some(1234), Some(4321)).unwrap();
    }
    let rights = || {
        let is = std::fs::metadata(&path).unwrap();
        (is.mode() & 0o777, is.uid(), is.gid())
    };
    let before = rights();
    host.protect(&path);
    host.ok(&["restore", "orders", "--in-place", "--yes"]);
    assert_eq!(rights(), before);
    host.ok(&["undo-restore", "orders", "--yes"]);
    assert_eq!(rights(), before);
}

#[test]
fn a_restore_that_would_not_fit_is_refused_without_a_trace() {
    let mut host = Host::new();
    let small = host.path("small");
    std::fs::create_dir(&small).unwrap();
    let path = host.database("orders.db", 10);
    insert(&Connection::open(&path).unwrap(), 30_000);
    host.start_among_mounts(&format!("mount -t tmpfs -o size=1m none '{}'", small.display()));
    host.protect(&path);
    let said = host.fails(&["restore", "orders", "--to", small.join("copy.db").to_str().unwrap()], 12);
    assert!(said.contains("not enough space") && said.contains("\nhint: "), "{said}");
    // The small disk as the engine sees it.
    let engine = host.engine.as_ref().unwrap().id();
    let seen = PathBuf::from(format!("/proc/{engine}/root{}", small.display()));
    assert!(names(&seen).is_empty(), "{:?}", names(&seen));
}

#[test]
fn a_cancelled_restore_leaves_nothing_behind() {
    let mut host = Host::new();
    host.start();
    let path = host.database("orders.db", 10);
    let db = Connection::open(&path).unwrap();
    for _ in 0..4 {
        db.execute_batch(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
             INSERT INTO t (v) SELECT randomblob(1000000) FROM n",
        )
        .unwrap();
    }
    drop(db);
    host.protect(&path);
    let out = host.path("out");
    std::fs::create_dir(&out).unwrap();
    let to = out.join("copy.db");
    let before = contents(&host.home().join("run"));
    for place in [vec!["--to", to.to_str().unwrap()], vec!["--in-place", "--yes"]] {
        let mut command = host.command();
        command.args(["restore", "orders"]).args(&place);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Litestream's own name for what it is writing.
        let growing = match place[0] {
            "--to" => out.join(".copy.db.restoring.tmp"),
            _ => host.path(".orders.db.incoming.tmp"),
        };
        until("it has begun", || growing.exists());
        signal(child.id(), "-INT");
        let output = child.wait_with_output().unwrap();
        let said = support::text(&output.stderr);
        assert_eq!(output.status.code(), Some(130), "{said}");
        assert!(said.contains("nothing was changed"), "{said}");
        assert!(names(&out).is_empty(), "{:?}", names(&out));
        assert!(!host.path(".orders.db.incoming").exists() && !growing.exists());
    }
    assert_eq!(contents(&host.home().join("run")), before, "files of the restore are left");
    let status = host.until("nothing runs", |status| {
        status["jobs"].as_array().unwrap().iter().all(|job| job["state"]["state"] != "running")
    });
    assert_eq!(database(&status, "orders")["epoch"], "1.0");
    insert(&Connection::open(&path).unwrap(), 1);
    host.until("the engine goes on", |status| all_stored(status, "orders"));
    assert_eq!(rows(&path), 171);
}
