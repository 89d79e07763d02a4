//! What is wrong around the engine: its programs, its ports, another engine on the same home.
#![allow(clippy::unwrap_used)] // also in functions that are no tests themselves

mod support;

use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use support::host::{Host, alive, all_stored, bundle, shows};
use support::until;

/// A folder with the real programs but for one, which is this.
fn bundle_with(host: &Host, name: &str, script: Option<(&str, u32)>) -> PathBuf {
    let dir = host.path("bundle");
    std::fs::create_dir(&dir).unwrap();
    for program in ["litestream", "minio"] {
        let path = dir.join(program);
        match script {
            _ if program != name => symlink(bundle().join(program), &path).unwrap(),
            Some((text, mode)) => {
                std::fs::write(&path, text).unwrap();
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            }
            None => {}
        }
    }
    dir
}

#[test]
fn nothing_starts_with_programs_that_can_not_be_used() {
    let host = Host::new();
    let another = "#!/bin/sh\necho v0.5.16\n";
    for (name, script, says) in [
        ("litestream", None, "`litestream` is not in"),
        ("minio", None, "`minio` is not in"),
        ("litestream", Some((another, 0o755)), "0.5.16"),
        ("litestream", Some(("none\n", 0o644)), "can't be started"),
        ("minio", Some(("none\n", 0o644)), "can't be started"),
    ] {
        let dir = bundle_with(&host, name, script);
        let said = host.fails(&["run", "--bundle", dir.to_str().unwrap()], 5);
        assert!(said.contains(says) && said.contains("\nhint: "), "{name}: {said}");
        assert!(said.contains(dir.to_str().unwrap()), "the file is not named: {said}");
        std::fs::remove_dir_all(dir).unwrap();
    }
    assert!(!host.home().join("store").exists(), "something was started all the same");
}

#[test]
fn a_program_that_breaks_while_the_engine_runs_is_shown_until_it_is_mended() {
    let mut host = Host::new();
    let dir = bundle_with(&host, "none", None);
    host.variables.push(("SQLITE_REPLICATE_BIN_DIR".into(), dir.display().to_string()));
    host.start();
    let path = host.database("orders.db", 10);
    host.protect(&path);
    let capture = host.pid("capture");
    std::fs::remove_file(dir.join("litestream")).unwrap();
    std::fs::write(dir.join("litestream"), "not a program").unwrap();
    host.ok(&["restart", "capture"]);
    let status = host.until("it is shown", |status| shows(status, "bundle-broken"));
    assert_eq!(status["overall"], "not-protected");
    assert!(!alive(capture));
    std::fs::remove_file(dir.join("litestream")).unwrap();
    symlink(bundle().join("litestream"), dir.join("litestream")).unwrap();
    host.until("it is over", |status| !shows(status, "bundle-broken") && all_stored(status, "orders"));
}

#[test]
fn a_port_for_health_that_somebody_else_has_is_shown_and_taken_when_it_is_free() {
    let mut host = Host::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    host.configure(&format!("[health]\nlisten = \"{address}\"\n[ui]\nlanguage = \"en\"\n"));
    host.start();
    let path = host.database("orders.db", 10);
    host.protect(&path);
    let status = host.until("it is shown", |status| shows(status, "health-port-taken"));
    assert_eq!(status["overall"], "attention", "the data is safe all the same");
    assert!(status["conditions"].to_string().contains(&address.to_string()), "{status:#}");
    drop(taken);
    host.until("it is over", |status| !shows(status, "health-port-taken"));
    assert!(std::net::TcpStream::connect(address).is_ok());
}

#[test]
fn the_store_moves_to_another_port_when_its_own_was_taken_meanwhile() {
    let mut host = Host::new();
    host.start();
    let path = host.database("orders.db", 10);
    host.protect(&path);
    let port = || host.home().join("run/store.port");
    let port = || std::fs::read_to_string(port()).unwrap().trim().parse::<u16>().unwrap();
    let first = port();
    host.stop();
    let taken = TcpListener::bind(("127.0.0.1", first)).unwrap();
    host.start();
    rusqlite::Connection::open(&path).unwrap().execute_batch("INSERT INTO t (v) VALUES ('later')").unwrap();
    let status = host.until("it goes on elsewhere", |status| all_stored(status, "orders"));
    let second: u16 =
        status["store"]["endpoint"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap();
    assert_ne!(second, first);
    host.stop();
    drop(taken);
    // What is remembered is the port that it has now.
    host.start();
    let status = host.until("it is stored", |status| all_stored(status, "orders"));
    assert!(status["store"]["endpoint"].as_str().unwrap().ends_with(&format!(":{second}")));
}

#[test]
fn the_port_may_be_taken_while_the_store_is_down() {
    let mut host = Host::new();
    host.start();
    let path = host.database("orders.db", 10);
    host.protect(&path);
    let status = host.status();
    let first: u16 =
        status["store"]["endpoint"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap();
    support::host::signal(host.pid("store"), "-KILL");
    // Whoever is quicker than the engine's second start has it.
    let mut taken = None;
    until("the port is ours", || {
        taken = TcpListener::bind(("127.0.0.1", first)).ok();
        taken.is_some()
    });
    rusqlite::Connection::open(&path).unwrap().execute_batch("INSERT INTO t (v) VALUES ('later')").unwrap();
    let status = host.until("it goes on elsewhere", |status| {
        !status["store"]["endpoint"].as_str().unwrap().ends_with(&format!(":{first}"))
            && all_stored(status, "orders")
    });
    assert_eq!(status["store"]["reachable"], true);
}

#[test]
fn a_second_engine_leaves_the_first_one_alone() {
    let mut host = Host::new();
    host.start();
    let path = host.database("orders.db", 10);
    host.protect(&path);
    let pids = [host.pid("store"), host.pid("capture")];
    let said = host.fails(&["run"], 4);
    assert!(said.contains("another engine already runs for") && said.contains("\nhint: "), "{said}");
    assert!(said.contains(&format!("`{}`", host.home().display())), "{said}");
    rusqlite::Connection::open(&path).unwrap().execute_batch("INSERT INTO t (v) VALUES ('later')").unwrap();
    host.until("the first one goes on", |status| all_stored(status, "orders"));
    assert_eq!([host.pid("store"), host.pid("capture")], pids);
}
