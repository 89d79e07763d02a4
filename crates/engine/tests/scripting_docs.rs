//! `docs/scripting.md` is true: each code stands where it belongs.

use sqlite_replicate_api::{ErrorCode, JobRequest, Pause, RestoreRequest, http_status};

const DOCS: &str = include_str!("../../../docs/scripting.md");

/// The rows of the table under a heading, in cells.
fn table(first_cell: &str) -> Vec<Vec<&'static str>> {
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>();
    DOCS.lines()
        .skip_while(|line| !line.starts_with(&format!("| {first_cell} |")))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(cells)
        .collect()
}

#[test]
fn every_error_has_its_exit_code() {
    let table = table("exit");
    for code in ErrorCode::ALL {
        let rows: Vec<_> = table.iter().filter(|row| row[1].contains(&format!("`{code}`"))).collect();
        assert_eq!(rows.len(), 1, "{code}");
        assert_eq!(rows[0][0], code.exit_code().to_string(), "{code}");
    }
    let codes: usize = table.iter().map(|row| row[1].matches('`').count() / 2).sum();
    assert_eq!(codes, ErrorCode::ALL.len());
}

#[test]
fn every_error_has_its_http_status() {
    let table = table("status");
    for code in ErrorCode::ALL {
        let status = http_status(*code).to_string();
        let row = table.iter().find(|row| row[0] == status).unwrap_or_else(|| panic!("{status} for {code}"));
        let named = row[1].contains(&format!("`{code}`"));
        // These two are rows of their own, in words.
        let in_words = ["401", "422", "504"].contains(&row[0]);
        assert!(named || in_words, "{code} is {status}");
    }
}

#[test]
fn its_examples_are_understood() {
    let examples: Vec<_> =
        DOCS.split("```json").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(examples.len(), 2);
    serde_json::from_str::<sqlite_replicate_api::Report>(examples[0]).unwrap();
    serde_json::from_str::<RestoreRequest>(examples[1]).unwrap();

    for moment in [
        r#""newest""#,
        r#"{"at": "2026-11-21T10:30:00Z"}"#,
        r#"{"txid": {"txid": "00000000000000ff", "epoch": "1.0"}}"#,
        r#"{"txid": {"txid": "ff"}}"#,
        r#"{"snapshot": "before-update"}"#,
    ] {
        for target in [r#""in-place""#, r#"{"file": "/srv/restored.db"}"#] {
            let fields = format!(r#""moment": {moment}, "target": {target}"#);
            serde_json::from_str::<RestoreRequest>(&format!("{{{fields}}}")).unwrap();
            serde_json::from_str::<JobRequest>(&format!(r#"{{"kind": "restore", {fields}}}"#)).unwrap();
        }
    }
    for job in [
        r#"{"kind": "undo-restore"}"#,
        r#"{"kind": "verify"}"#,
        r#"{"kind": "validate"}"#,
        r#"{"kind": "drill"}"#,
        r#"{"kind": "scan", "heal": true}"#,
        r#"{"kind": "snapshot", "name": "before-update"}"#,
    ] {
        serde_json::from_str::<JobRequest>(job).unwrap();
    }
    serde_json::from_str::<Pause>(r#"{"until":"2026-11-22T08:00:00Z"}"#).unwrap();
}
