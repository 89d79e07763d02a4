use std::collections::BTreeSet;

use sqlite_replicate_api::{Name, Status};

use super::*;

fn database(name: &str, overall: &str, drill: serde_json::Value) -> serde_json::Value {
    serde_json::json!({
        "name": name, "path": "/srv/orders.db", "overall": overall, "sentence": "…", "epoch": "1.0",
        "size_bytes": 4096, "wal_bytes": 512, "here": "00000000000000ff", "uncaptured": true,
        "stored": "00000000000000fe", "acknowledged": null, "lag_seconds": 1.5,
        "last_commit_at": null, "last_stored_at": null, "last_drill": drill, "last_scan": null,
        "conditions": [condition("behind", "failure"), condition("never-drilled", "info")],
    })
}

fn condition(code: &str, severity: &str) -> serde_json::Value {
    serde_json::json!({
        "code": code, "severity": severity, "text": "…", "since": "2026-11-21T10:00:00Z", "screen": "logs",
    })
}

fn status() -> Status {
    let drill = serde_json::json!({"at": "2026-11-21T10:00:00Z", "good": true, "text": "…"});
    let job = serde_json::json!({
        "id": 1, "request": {"kind": "scan", "heal": false}, "database": "orders",
        "started_at": "2026-11-21T10:00:00Z", "state": "running", "progress": null,
    });
    serde_json::from_value(serde_json::json!({
        "version": "0.1 \"beta\"\\\n",
        "host": {"name": "HOST-A", "id": "1"},
        "overall": "not-protected", "sentence": "…", "at": "2026-11-21T10:10:00Z",
        "databases": [database("orders", "not-protected", drill), database("till", "local-only", serde_json::Value::Null)],
        "store": {"bundled": true, "endpoint": "http://127.0.0.1:9000", "bucket": "b", "data_dir": null,
                  "reachable": false, "free_bytes": 1000},
        "children": [
            {"name": "store", "phase": "backing-off", "pid": null, "restarts": 3},
            {"name": "capture", "phase": "ready", "pid": 7, "restarts": 0},
        ],
        "conditions": [condition("low-space", "warning")],
        "jobs": [job], "paused_until": null,
    }))
    .unwrap()
}

fn page() -> String {
    render(&status(), &Extra { uptime_seconds: 12.5, jobs_succeeded: 4, jobs_failed: 1 })
}

#[test]
fn figures_are_those_of_the_status() {
    let page = page();
    let lines: BTreeSet<_> = page.lines().collect();
    for line in [
        "sqlite_replicate_up 1",
        r#"sqlite_replicate_build_info{version="0.1 \"beta\"\\\n"} 1"#,
        "sqlite_replicate_uptime_seconds 12.5",
        r#"sqlite_replicate_overall{state="not-protected"} 1"#,
        r#"sqlite_replicate_overall{state="protected"} 0"#,
        r#"sqlite_replicate_database_overall{database="till",state="local-only"} 1"#,
        r#"sqlite_replicate_database_lag_seconds{database="orders"} 1.5"#,
        r#"sqlite_replicate_database_transaction{database="orders",place="here"} 255"#,
        r#"sqlite_replicate_database_transaction{database="orders",place="stored"} 254"#,
        r#"sqlite_replicate_database_uncaptured{database="orders"} 1"#,
        r#"sqlite_replicate_database_size_bytes{database="orders"} 4096"#,
        r#"sqlite_replicate_database_wal_bytes{database="orders"} 512"#,
        r#"sqlite_replicate_database_last_drill_age_seconds{database="orders"} 600"#,
        r#"sqlite_replicate_database_last_drill_good{database="orders"} 1"#,
        r#"sqlite_replicate_conditions{database="",severity="warning"} 1"#,
        r#"sqlite_replicate_conditions{database="",severity="failure"} 0"#,
        r#"sqlite_replicate_conditions{database="orders",severity="failure"} 1"#,
        r#"sqlite_replicate_child_ready{child="store"} 0"#,
        r#"sqlite_replicate_child_ready{child="capture"} 1"#,
        r#"sqlite_replicate_child_restarts_total{child="store"} 3"#,
        "sqlite_replicate_store_reachable 0",
        "sqlite_replicate_store_free_bytes 1000",
        r#"sqlite_replicate_jobs_running{kind="scan"} 1"#,
        r#"sqlite_replicate_jobs_ended_total{result="succeeded"} 4"#,
        r#"sqlite_replicate_jobs_ended_total{result="failed"} 1"#,
    ] {
        assert!(lines.contains(line), "{line}\nin\n{page}");
    }
    // Nothing is claimed about what never was.
    assert!(
        !page.contains(r#"drill_age_seconds{database="till"}"#) && !page.contains("acknowledged\""),
        "{page}"
    );
}

#[test]
fn exactly_one_state_is_true() {
    for overall in STATES {
        let page = render(&Status { overall, ..status() }, &Extra::default());
        let states: Vec<_> =
            page.lines().filter(|line| line.starts_with("sqlite_replicate_overall{")).collect();
        assert_eq!(states.len(), STATES.len());
        let ones: Vec<_> = states.iter().filter(|line| line.ends_with(" 1")).collect();
        assert_eq!(ones, [&&*format!("sqlite_replicate_overall{{state=\"{overall}\"}} 1")]);
    }
}

#[test]
fn each_family_is_described_once_and_no_series_comes_twice() {
    let page = page();
    let mut family = "";
    let mut families = BTreeSet::new();
    let mut series = BTreeSet::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            family = rest.split(' ').next().unwrap();
            assert!(families.insert(family), "{family} twice");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(name, family);
            assert_eq!(kind == "counter", family.ends_with("_total"), "{line}");
        } else {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert_eq!(name.split('{').next().unwrap(), family, "{line}");
            assert!(series.insert(name), "{name} twice");
            value.parse::<f64>().unwrap();
        }
    }
    assert!(page.ends_with('\n'));
}

#[test]
fn the_documentation_lists_every_figure_and_no_other() {
    let page = page();
    let rendered: BTreeSet<_> =
        page.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split(' ').next()).collect();
    let docs = include_str!("../../../../../docs/scripting.md");
    let documented: BTreeSet<_> = docs
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .filter(|name| name.starts_with("sqlite_replicate_"))
        .collect();
    assert_eq!(rendered, documented);
}

#[test]
fn a_check_of_the_future_is_no_negative_age() {
    let mut status = status();
    status.at = "2026-11-21T09:00:00Z".parse().unwrap();
    status.databases.retain(|database| database.name == "orders".parse::<Name>().unwrap());
    let page = render(&status, &Extra::default());
    assert!(page.contains(r#"last_drill_age_seconds{database="orders"} 0"#), "{page}");
}
