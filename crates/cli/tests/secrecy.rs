//! Keys stay where only their owner reads them, and the engine's doors open to nobody else.
#![allow(clippy::unwrap_used)] // also in functions that are no tests themselves

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use support::host::Host;

/// Everything that opens something: the keys of the store and the token of the control API.
fn secrets(host: &Host) -> Vec<String> {
    let kept: Value =
        serde_json::from_slice(&std::fs::read(host.home().join("secrets.json")).unwrap()).unwrap();
    let mut all: Vec<String> = Vec::new();
    for keys in [&kept["bundled"], &kept["external"]] {
        for name in ["access_key_id", "secret_access_key"] {
            all.extend(keys[name].as_str().map(str::to_owned));
        }
    }
    all.push(token(host));
    assert!(all.len() >= 3 && all.iter().all(|secret| secret.len() > 8), "too little to look for");
    all
}

fn token(host: &Host) -> String {
    std::fs::read_to_string(host.home().join("control.token")).unwrap().trim().to_owned()
}

/// Every file below a folder, without the store's own objects.
fn files(dir: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let kind = path.symlink_metadata().unwrap().file_type();
        if kind.is_dir() {
            files(&path, found);
        } else if kind.is_file() {
            found.push(path);
        }
    }
}

#[test]
fn keys_are_nowhere_but_in_their_file() {
    let mut host = Host::new();
    // Keys for a service that is not used are keys all the same.
    host.variables.push(("SQLITE_REPLICATE_STORE_ACCESS_KEY_ID".into(), "key-of-the-environment".into()));
    host.variables
        .push(("SQLITE_REPLICATE_STORE_SECRET_ACCESS_KEY".into(), "secret-of-the-environment".into()));
    host.variables
        .push(("SQLITE_REPLICATE_NOTIFY_WEBHOOK".into(), "http://127.0.0.1:9/hook-of-the-office".into()));
    host.start();
    let path = host.database("orders.db", 10);
    host.protect(&path);
    host.ok(&["drill", "orders"]);
    let mut secrets = secrets(&host);
    secrets.extend(
        ["key-of-the-environment", "secret-of-the-environment", "hook-of-the-office"].map(str::to_owned),
    );
    let clean = |what: &str, text: &str| {
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{what} holds a secret:\n{text}");
        }
    };

    let mut looked_at = 0;
    for (pid, line) in support::faults::processes(&host) {
        clean(&format!("the command line of process {pid}"), &line);
        looked_at += 1;
    }
    assert!(looked_at >= 3, "the store, Litestream and its sentinel were not all looked at");
    for arguments in [
        &["status", "--json"][..],
        &["status"],
        &["config", "show"],
        &["config", "show", "--json"],
        &["doctor"],
        &["logs"],
        &["events", "--json"],
        &["history", "orders", "--json"],
        &["databases", "--json"],
    ] {
        clean(&format!("{arguments:?}"), &host.ok(arguments));
    }
    let address = control_address(&host);
    let figures = ask(
        &address,
        &format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n", token(&host)),
        "",
    );
    assert_eq!(figures.0, 200, "{}", figures.1);
    clean("the metrics", &figures.1);

    let mut found = Vec::new();
    files(&host.home(), &mut found);
    let store = host.home().join("store");
    for file in found.iter().filter(|file| !file.starts_with(&store)) {
        let name = file.file_name().unwrap().to_string_lossy();
        if ["secrets.json", "control.token"].contains(&name.as_ref()) {
            continue;
        }
        clean(&file.display().to_string(), &String::from_utf8_lossy(&std::fs::read(file).unwrap()));
    }
}

#[test]
fn nobody_else_can_read_what_is_in_the_home_folder() {
    let mut host = Host::new();
    // Somebody else's folder stays as open as it is; what the engine puts into it is closed by itself.
    std::fs::set_permissions(host.home(), std::fs::Permissions::from_mode(0o755)).unwrap();
    host.start();
    let path = host.database("orders.db", 10);
    host.protect(&path);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for name in ["secrets.json", "control.token", "control.json", "engine.db", "run/litestream.yml"] {
        assert_eq!(mode(&host.home().join(name)) & 0o077, 0, "others can read `{name}`");
    }
    for name in ["run", "logs", "work", "store", "capture"] {
        let mode = mode(&host.home().join(name));
        assert_eq!(mode & 0o077, 0, "others can look into `{name}`: {mode:o}");
    }
    // What is restored is as private as the database was at most, and the sheet is for its owner alone.
    let sheet = host.path("sheet.toml");
    host.ok(&["recovery-sheet", "--to", sheet.to_str().unwrap()]);
    assert_eq!(mode(&sheet), 0o600);
    host.stop();
    // A folder that the engine makes is closed as a whole.
    std::fs::remove_dir_all(host.home()).unwrap();
    host.variables.push(("SQLITE_REPLICATE_HEALTH_LISTEN".into(), "off".into()));
    host.start();
    assert_eq!(mode(&host.home()), 0o700, "others can look into the home folder");
    assert_eq!(mode(&host.home().join("secrets.json")), 0o600);
}

/// Where the control API listens.
fn control_address(host: &Host) -> String {
    let control: Value =
        serde_json::from_slice(&std::fs::read(host.home().join("control.json")).unwrap()).unwrap();
    format!("127.0.0.1:{}", control["port"])
}

/// The code and the text of an answer.
fn ask(address: &str, head: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "{head}Connection: close\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    // Whoever sends too much may be cut off before the answer is read to its end.
    let _ = stream.read_to_string(&mut answer);
    let code = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    (code, answer)
}

#[test]
fn the_control_api_answers_to_nobody_without_the_token() {
    let mut host = Host::new();
    host.start();
    let address = control_address(&host);
    let first = token(&host);
    let call = |headers: &str| ask(&address, &format!("GET /v1/status HTTP/1.1\r\n{headers}"), "");
    let bearer = format!("Authorization: Bearer {first}\r\n");
    let own = format!("Host: {address}\r\n");
    assert_eq!(call(&format!("{own}{bearer}")).0, 200);
    for (headers, what) in [
        (own.clone(), "no token"),
        (format!("{own}Authorization: Bearer {}\r\n", "0".repeat(first.len())), "a wrong token"),
        (format!("Host: evil.example\r\n{bearer}"), "another host's name"),
        (format!("{own}{bearer}Origin: http://evil.example\r\n"), "a web page"),
        (format!("{own}{bearer}Origin: null\r\n"), "a local page"),
    ] {
        let (code, answer) = call(&headers);
        assert!(matches!(code, 401 | 403 | 421), "{what} gets {code}: {answer}");
        assert!(!answer.contains("overall"), "{what} learns something: {answer}");
    }
    let body = "x".repeat(32 << 20);
    let head = format!(
        "PUT /v1/config HTTP/1.1\r\n{own}{bearer}Content-Type: application/json\r\nContent-Length: {}\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(&address).unwrap();
    write!(stream, "{head}\r\n").unwrap();
    // It may hang up before all of it is sent.
    let _ = stream.write_all(body.as_bytes());
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    assert!(!answer.contains(" 200 "), "{answer}");
    assert!(answer.is_empty() || answer.contains(" 413 "), "{answer}");
    assert!(host.try_status().is_some(), "the engine no longer answers");
    host.stop();

    host.start();
    let address = control_address(&host);
    assert_ne!(token(&host), first);
    let old = ask(&address, &format!("GET /v1/status HTTP/1.1\r\nHost: {address}\r\n{bearer}"), "");
    assert_eq!(old.0, 401, "the old token still opens: {}", old.1);
}

#[test]
fn health_says_its_answer_and_nothing_else() {
    let mut host = Host::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    host.configure(&format!("[health]\nlisten = \"{address}\"\n[ui]\nlanguage = \"en\"\n"));
    host.start();
    let path = host.database("orders.db", 10);
    host.protect(&path);
    let get = |path: &str| ask(&address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n"), "");
    support::until("it is well", || get("/health").0 == 200);
    let (_, answer) = get("/health");
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    assert!(body.len() < 60, "{body}");
    for told in ["orders", "home", "transaction", &host.dir.path().display().to_string()] {
        assert!(!answer.contains(told), "it tells: {answer}");
    }
    assert_eq!(get("/v1/status").0, 404);
    assert_eq!(get("/").0, 404);
    // A file that is gone is the end of protection, and coming back of that.
    let away = host.path("away.db");
    std::fs::rename(&path, &away).unwrap();
    support::until("it is not well", || get("/health").0 == 503);
    std::fs::rename(&away, &path).unwrap();
    support::until("it is well again", || get("/health").0 == 200);
}
