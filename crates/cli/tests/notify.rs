//! Whoever is to be told is told: once when something begins, once when it ends, never with a key.
#![allow(clippy::unwrap_used)] // also in functions that are no tests themselves

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;
use support::host::{Host, shows, signal};

/// A webhook: what it was sent, in order. It ends with the test.
fn webhook() -> (u16, Receiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, received) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                reader.read_line(&mut head).unwrap();
            }
            let length = head
                .lines()
                .find_map(|line| line.to_lowercase().strip_prefix("content-length:").map(str::to_owned));
            let mut body = vec![0; length.unwrap().trim().parse().unwrap()];
            reader.read_exact(&mut body).unwrap();
            stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").unwrap();
            let path = head.split(' ').nth(1).unwrap().to_owned();
            if sender.send((path, serde_json::from_slice(&body).unwrap())).is_err() {
                return;
            }
        }
    });
    (port, received)
}

fn next(received: &Receiver<(String, Value)>, event: &str, code: &str) -> Value {
    loop {
        let (path, said) = received.recv_timeout(Duration::from_secs(60)).unwrap();
        assert_eq!(path, "/hook?key=geheim");
        if said["code"] == code {
            assert_eq!(said["event"], event, "{said}");
            return said;
        }
    }
}

#[test]
fn a_store_that_hangs_is_told_once_and_so_is_its_return() {
    let (port, received) = webhook();
    let mut host = Host::new();
    host.configure(&format!(
        "[health]\nlisten = \"off\"\n[ui]\nlanguage = \"en\"\n[notify]\nwebhook = \"http://127.0.0.1:{port}/hook?key=geheim\"\n"
    ));
    host.start();
    let path = host.database("orders.db", 10);
    host.protect(&path);
    let store = host.pid("store");
    signal(store, "-STOP");
    let raised = next(&received, "raised", "store-down");
    assert_eq!(raised["severity"], "failure");
    assert!(raised["text"].as_str().unwrap().contains("history"), "{raised}");
    signal(store, "-CONT");
    next(&received, "ended", "store-down");
    assert!(!host.ok(&["doctor"]).contains("geheim"));
    assert!(!host.log().contains("geheim"));
}

#[test]
fn a_webhook_that_does_not_answer_is_said_and_holds_nothing_up() {
    let mut host = Host::new();
    // Nobody listens there.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    host.configure(&format!(
        "[health]\nlisten = \"off\"\n[ui]\nlanguage = \"en\"\n[notify]\nwebhook = \"http://127.0.0.1:{port}/hook?key=geheim\"\n"
    ));
    host.start();
    let path = host.database("orders.db", 10);
    host.protect(&path);
    std::fs::rename(&path, host.path("away.db")).unwrap();
    let status = host.until("both are said", |status| {
        shows(status, "database-missing") && shows(status, "notify-failing")
    });
    assert!(!status.to_string().contains("geheim"), "{status}");
    std::fs::rename(host.path("away.db"), &path).unwrap();
    host.until("it is back", |status| !shows(status, "database-missing"));
}
