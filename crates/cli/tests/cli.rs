//! The command line as scripts meet it: exit codes, what goes where, and what happens without an engine.
#![allow(clippy::unwrap_used)] // also in functions that are no tests themselves

mod support;

use std::process::Stdio;

use support::{program, run, text};

/// A command line of everything that needs a running engine.
const NEEDS_ENGINE: [&str; 25] = [
    "status",
    "status --watch",
    "dashboard",
    "add a.db",
    "remove orders --yes",
    "databases",
    "history orders",
    "restore orders --to a.db",
    "restore orders --in-place --yes",
    "restore orders --plan",
    "undo-restore orders --yes",
    "snapshot orders monday",
    "recovery-sheet",
    "verify orders",
    "validate orders",
    "scan orders",
    "drill orders",
    "sync orders",
    "checkpoint orders passive",
    "pause",
    "resume",
    "restart",
    "stop",
    "logs",
    "events",
];

#[test]
fn without_an_engine_every_command_says_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    for line in NEEDS_ENGINE {
        let ended = run(home.path(), &line.split(' ').collect::<Vec<_>>());
        let errors = text(&ended.stderr);
        assert_eq!(ended.status.code(), Some(4), "{line}: {errors}");
        assert!(errors.starts_with("error: no engine runs for"), "{line}: {errors}");
        assert!(errors.contains("\nhint: "), "{line}: {errors}");
        assert_eq!(text(&ended.stdout), "", "{line}");
    }
    // Asking changes nothing.
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn with_json_the_same_is_one_object_on_standard_output() {
    let home = tempfile::tempdir().unwrap();
    for line in NEEDS_ENGINE {
        let mut arguments: Vec<_> = line.split(' ').collect();
        arguments.push("--json");
        let ended = run(home.path(), &arguments);
        assert_eq!(ended.status.code(), Some(4), "{line}");
        assert_eq!(text(&ended.stderr), "", "{line}");
        let said = text(&ended.stdout);
        assert_eq!(said.lines().count(), 1, "{line}: {said}");
        let said: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!(said["error"]["code"], "engine-not-running", "{line}");
    }
}

#[test]
fn a_wrong_command_line_ends_with_2_and_says_why() {
    let home = tempfile::tempdir().unwrap();
    for line in ["", "stauts", "restore orders --to a.db --at soon", "restore orders", "pause --for soon"] {
        let ended = run(home.path(), &line.split_whitespace().collect::<Vec<_>>());
        assert_eq!(ended.status.code(), Some(2), "{line}");
        assert_ne!(text(&ended.stderr), "", "{line}");
    }
    let ended = run(home.path(), &["--json", "stauts"]);
    assert_eq!(ended.status.code(), Some(2));
    let said: serde_json::Value = serde_json::from_str(&text(&ended.stdout)).unwrap();
    assert_eq!(said["error"]["code"], "bad-request");
    assert!(said["error"]["hint"].as_str().unwrap().contains("'status'"), "{said}");
    assert_eq!(text(&ended.stderr), "");
}

#[test]
fn help_and_version_are_results() {
    let home = tempfile::tempdir().unwrap();
    for line in ["--help", "help", "-h", "restore --help", "--version", "--json --help"] {
        let ended = run(home.path(), &line.split(' ').collect::<Vec<_>>());
        assert_eq!(ended.status.code(), Some(0), "{line}");
        assert!(text(&ended.stdout).contains("sqlite-replicate"), "{line}");
        assert_eq!(text(&ended.stderr), "", "{line}");
    }
}

#[test]
fn colours_are_for_terminals_unless_asked_for() {
    let home = tempfile::tempdir().unwrap();
    let plain = run(home.path(), &["status"]);
    assert!(!text(&plain.stderr).contains('\u{1b}'));
    let painted = run(home.path(), &["status", "--color", "always"]);
    assert!(text(&painted.stderr).starts_with("\u{1b}[1;31merror:\u{1b}[0m "));
    let json = run(home.path(), &["status", "--color", "always", "--json"]);
    assert!(!text(&json.stdout).contains('\u{1b}'));
}

#[test]
fn a_reader_that_leaves_is_no_panic() {
    let home = tempfile::tempdir().unwrap();
    for arguments in [["completions", "bash"], ["config", "path"], ["--json", "status"], ["help", "restore"]]
    {
        let mut child = program(home.path())
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        assert!([Some(0), Some(4)].contains(&ended.status.code()), "{arguments:?}: {:?}", ended.status);
        assert_eq!(text(&ended.stderr), "", "{arguments:?}");
    }
}

#[test]
fn the_configuration_is_in_the_home_unless_named() {
    let home = tempfile::tempdir().unwrap();
    let ended = run(home.path(), &["config", "path"]);
    assert_eq!(text(&ended.stdout), format!("{}\n", home.path().join("config.toml").display()));
    let named = home.path().join("other.toml");
    let ended = run(home.path(), &["--json", "--config", named.to_str().unwrap(), "config", "path"]);
    let said: serde_json::Value = serde_json::from_str(&text(&ended.stdout)).unwrap();
    assert_eq!(said["path"], named.to_str().unwrap());
}

#[test]
fn a_container_s_start_script_needs_no_engine_where_the_database_exists() {
    let home = tempfile::tempdir().unwrap();
    let target = home.path().join("a.db");
    std::fs::write(&target, "here already").unwrap();
    let target = target.to_str().unwrap();
    let ended = run(
        home.path(),
        &[
            "--json",
            "restore",
            "--from",
            "s3://bucket/a",
            "--to",
            target,
            "--if-db-not-exists",
            "--if-replica-exists",
        ],
    );
    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(text(&ended.stdout), "{\"done\":\"nothing\",\"reason\":\"database-exists\"}\n");
}
