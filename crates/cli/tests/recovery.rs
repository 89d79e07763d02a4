//! What comes back where no engine is left: from the recovery sheet, from an S3 address, from backups of Litestream 0.3.
#![allow(clippy::unwrap_used)] // also in functions that are no tests themselves

#[path = "support/s3.rs"]
#[allow(unreachable_pub, missing_docs)]
mod s3;
mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;
use s3::{OTHER_KEYS, OtherStore};
use support::host::{Host, all_stored, database, insert, rows};
use support::until;

fn write(path: &Path, count: usize) {
    insert(&Connection::open(path).unwrap(), count);
}

/// Waits until the clock shows another second, and gives the time: what came before is older, in any precision.
fn next_second() -> Timestamp {
    let begun = Timestamp::now().as_second();
    until("the clock goes on", || Timestamp::now().as_second() > begun + 1);
    Timestamp::now()
}

/// Restores without an engine into a new file, and gives its rows.
fn restored(host: &Host, name: &str, arguments: &[&str]) -> i64 {
    let to = host.path(name);
    host.ok(&[&["restore"], arguments, &["--to", to.to_str().unwrap()]].concat());
    rows(&to)
}

#[test]
fn the_sheet_and_the_folder_of_the_history_are_enough() {
    let mut host = Host::new();
    host.start();
    let path = host.database("orders.db", 100);
    host.protect(&path);
    host.ok(&["snapshot", "orders", "before-stocktaking"]);
    write(&path, 10);
    host.ok(&["sync", "orders"]);
    let then = next_second().to_string();
    write(&path, 5);
    host.ok(&["sync", "orders"]);
    let sheet = host.path("sheet.toml");
    let sheet_text = sheet.to_str().unwrap();
    host.ok(&["recovery-sheet", "--to", sheet_text]);
    let mode = std::fs::metadata(&sheet).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "others can read the sheet");
    host.fails(&["recovery-sheet", "--to", sheet_text], 11);
    host.stop();

    // The PC burns down; the disk with the history was another one.
    let disk = host.path("disk");
    std::fs::rename(host.home().join("store"), &disk).unwrap();
    std::fs::remove_dir_all(host.home()).unwrap();
    std::fs::remove_file(&path).unwrap();
    let said = host.fails(&["restore", "--sheet", sheet_text, "--to", path.to_str().unwrap()], 9);
    assert!(said.contains("data_dir"), "{said}");
    let text = std::fs::read_to_string(&sheet).unwrap();
    let old = host.home().join("store").display().to_string();
    assert!(text.contains(&old), "{text}");
    std::fs::write(&sheet, text.replace(&old, disk.to_str().unwrap())).unwrap();

    assert_eq!(restored(&host, "newest.db", &["--sheet", sheet_text]), 115);
    let named = ["orders", "--sheet", sheet_text, "--snapshot", "before-stocktaking"];
    assert_eq!(restored(&host, "named.db", &named), 100);
    assert_eq!(restored(&host, "then.db", &["orders", "--sheet", sheet_text, "--at", &then]), 110);
    let plan = host.ok(&["restore", "--sheet", sheet_text, "--to", "/nowhere/x.db", "--plan"]);
    assert!(plan.contains("epoch 1.0"), "{plan}");
    let to = host.path("x.db").display().to_string();
    host.fails(&["restore", "orders", "--sheet", sheet_text, "--snapshot", "never", "--to", &to], 10);
    host.fails(&["restore", "stock", "--sheet", sheet_text, "--to", &to], 6);
    host.fails(&["restore", "--sheet", sheet_text, "--at", "2020-01-01", "--to", &to], 10);
    // Nothing of all that stays but the restored files, no store is left running.
    let left: Vec<PathBuf> =
        std::fs::read_dir(host.home()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
    support::faults::none_left(&host);
    std::fs::write(&sheet, "form = 1\n").unwrap();
    host.fails(&["restore", "--sheet", sheet_text, "--to", &to], 2);
}

#[test]
fn an_address_and_keys_are_enough_beside_a_running_engine() {
    let mut host = Host::new();
    host.start();
    let path = host.database("orders.db", 50);
    host.protect(&path);
    let status = host.until("it is stored", |status| all_stored(status, "orders"));
    let txid = database(&status, "orders")["stored"].as_str().unwrap().to_owned();
    write(&path, 5);
    host.ok(&["sync", "orders"]);
    let history: serde_json::Value =
        serde_json::from_str(&host.ok(&["history", "orders", "--json"])).unwrap();
    let prefix =
        history["epochs"][0]["prefix"].as_str().or(history["epochs"][0]["record"]["prefix"].as_str());
    let store = &status["store"];
    let address = |prefix: &str| {
        let text = |key: &str| store[key].as_str().unwrap();
        format!("s3://{}/{prefix}?endpoint={}", text("bucket"), text("endpoint"))
    };
    let url = address(prefix.unwrap());
    let secrets = std::fs::read(host.home().join("secrets.json")).unwrap();
    let secrets: serde_json::Value = serde_json::from_slice(&secrets).unwrap();
    let key = |name: &str| secrets["bundled"][name].as_str().unwrap().to_owned();

    // Somewhere else, where there is no engine and no home.
    let mut away = Host::new();
    let to = away.path("copy.db").display().to_string();
    let said = away.fails(&["restore", "--from", &url, "--to", &to], 9);
    assert!(said.contains("SQLITE_REPLICATE_STORE_ACCESS_KEY_ID"), "{said}");
    away.variables.push(("AWS_ACCESS_KEY_ID".into(), key("access_key_id")));
    away.fails(&["restore", "--from", &url, "--to", &to], 2);
    away.variables.push(("AWS_SECRET_ACCESS_KEY".into(), "wrong".into()));
    let said = away.fails(&["restore", "--from", &url, "--to", &to], 9);
    assert!(!said.contains("wrong"), "the secret is in the message: {said}");
    away.variables.pop();
    away.variables.push(("AWS_SECRET_ACCESS_KEY".into(), key("secret_access_key")));

    assert_eq!(restored(&away, "newest.db", &["--from", &url]), 55);
    assert_eq!(restored(&away, "first.db", &["--from", &url, "--txid", &txid]), 50);
    // A name without a sheet would silently be the newest.
    away.fails(&["restore", "--from", &url, "--snapshot", "any", "--to", &to], 2);
    let nothing = address("orders/never");
    away.fails(&["restore", "--from", &nothing, "--to", &to], 10);
    let said = away.ok(&["restore", "--from", &nothing, "--to", &to, "--if-replica-exists", "--json"]);
    assert_eq!(said.trim(), r#"{"done":"nothing","reason":"no-history"}"#);
    std::fs::write(&to, "mine").unwrap();
    away.fails(&["restore", "--from", &url, "--to", &to], 11);
    let said = away.ok(&["restore", "--from", &url, "--to", &to, "--if-db-not-exists", "--json"]);
    assert_eq!(said.trim(), r#"{"done":"nothing","reason":"database-exists"}"#);
    assert_eq!(std::fs::read_to_string(&to).unwrap(), "mine");
}

/// An LZ4 frame of blocks that are stored as they are.
fn lz4_frame(content: &[u8]) -> Vec<u8> {
    // Magic, version 1 with independent blocks of up to 4 MB, and the header's check sum.
    let mut frame = vec![0x04, 0x22, 0x4D, 0x18, 0x60, 0x70, 0x73];
    for block in content.chunks(4 << 20) {
        let size = u32::try_from(block.len()).unwrap() | 0x8000_0000;
        frame.extend(size.to_le_bytes());
        frame.extend(block);
    }
    frame.extend([0; 4]);
    frame
}

#[test]
fn a_backup_of_litestream_0_3_comes_back() {
    let mut host = Host::new();
    let store = OtherStore::start(&host);
    let bucket = store.bucket("old-backups");
    bucket.create();
    let root = "office/orders/generations/0123456789abcdef";
    let path = host.path("orders.db");
    let log = || std::fs::read(host.path("orders.db-wal")).unwrap();
    let db = Connection::open(&path).unwrap();
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;
         CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);",
    )
    .unwrap();
    insert(&db, 100);
    db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    bucket.put(&format!("{root}/snapshots/00000000.snapshot.lz4"), lz4_frame(&std::fs::read(&path).unwrap()));
    insert(&db, 10);
    let first = log();
    bucket.put(&format!("{root}/wal/00000000_00000000.wal.lz4"), lz4_frame(&first));
    let then = next_second().to_string();
    next_second();
    insert(&db, 5);
    let second = log();
    let name = format!("{root}/wal/00000000_{:08x}.wal.lz4", first.len());
    bucket.put(&name, lz4_frame(&second[first.len()..]));

    let url = format!("s3://old-backups/office/orders?endpoint={}", store.endpoint());
    host.variables.push(("LITESTREAM_ACCESS_KEY_ID".into(), OTHER_KEYS.0.into()));
    host.variables.push(("LITESTREAM_SECRET_ACCESS_KEY".into(), OTHER_KEYS.1.into()));
    assert_eq!(restored(&host, "newest.db", &["--from", &url]), 115);
    assert_eq!(restored(&host, "then.db", &["--from", &url, "--at", &then]), 110);
    let to = host.path("x.db").display().to_string();
    let plan = host.ok(&["restore", "--from", &url, "--to", &to, "--plan"]);
    assert!(plan.contains("3 objects") && !plan.contains("transaction"), "{plan}");
    let said = host.fails(&["restore", "--from", &url, "--to", &to, "--at", "2020-01-01"], 10);
    assert!(said.contains("the oldest moment is"), "{said}");
    host.fails(&["restore", "--from", &url, "--to", &to, "--txid", "1"], 10);
    assert!(!Path::new(&to).exists());
}
