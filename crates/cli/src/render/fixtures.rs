//! Values that the tests of this folder show.

use std::path::PathBuf;

use jiff::{Timestamp, Zoned};
use sqlite_replicate_api::{
    ChildPhase, ChildStatus, Condition, ConditionCode, DatabaseStatus, Epoch, HostStatus, Overall, Status,
    StoreStatus, Txid,
};

/// Saturday, 21 November 2026, 10:45:30 in Berlin.
pub(crate) fn now() -> Zoned {
    "2026-11-21T10:45:30+01:00[Europe/Berlin]".parse().unwrap()
}

pub(crate) fn at(time: &str) -> Timestamp {
    format!("2026-11-21T{time}+01:00").parse().unwrap()
}

pub(crate) fn condition(code: ConditionCode, text: &str, hint: Option<&str>) -> Condition {
    Condition {
        code,
        severity: code.severity(),
        text: text.to_owned(),
        hint: hint.map(str::to_owned),
        since: at("10:31:00"),
        screen: code.screen(),
    }
}

pub(crate) fn database(name: &str) -> DatabaseStatus {
    DatabaseStatus {
        name: name.parse().unwrap(),
        path: PathBuf::from(format!("/data/{name}.db")),
        overall: Overall::LocalOnly,
        sentence: "Every change is stored.".to_owned(),
        epoch: Epoch::FIRST,
        size_bytes: 12 << 20,
        wal_bytes: 0,
        here: Some(Txid(0x2f)),
        uncaptured: false,
        stored: Some(Txid(0x2f)),
        acknowledged: None,
        lag_seconds: 0.0,
        last_commit_at: None,
        last_stored_at: None,
        last_drill: None,
        last_scan: None,
        conditions: Vec::new(),
    }
}

pub(crate) fn status(databases: Vec<DatabaseStatus>) -> Status {
    let child = |name: &str| ChildStatus {
        name: name.to_owned(),
        phase: ChildPhase::Ready,
        pid: Some(7),
        restarts: 0,
    };
    Status {
        version: "0.1.0".to_owned(),
        host: HostStatus { name: "HOST-A".to_owned(), id: "f00".to_owned() },
        overall: Overall::LocalOnly,
        sentence: "Kept on this PC only. Connect a second PC to survive losing this one.".to_owned(),
        at: at("10:45:30"),
        databases,
        store: StoreStatus {
            bundled: true,
            endpoint: "http://127.0.0.1:9000".to_owned(),
            bucket: "history".to_owned(),
            data_dir: Some(PathBuf::from("/var/lib/sqlite-replicate/store")),
            reachable: true,
            free_bytes: Some(85 << 30),
        },
        children: vec![child("store"), child("capture")],
        conditions: Vec::new(),
        jobs: Vec::new(),
        paused_until: None,
    }
}
