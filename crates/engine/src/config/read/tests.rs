//! What is read, from where, and that nothing makes the reader stumble.

mod messages;

use std::path::Path;

use sqlite_replicate_api::Name;
use sqlite_replicate_api::config::{HostName, Language, Listen, NotifyOn, Span, TimeOfDay};

use super::*;

#[cfg(unix)]
const FILE: &str = "/etc/sr/config.toml";
#[cfg(windows)]
const FILE: &str = r"C:\sr\config.toml";

fn around(variables: &[(&str, &str)]) -> Surroundings {
    let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
    Surroundings::new(Path::new(FILE), HostName::nearest("HOST-A"), variables).unwrap()
}

fn read(text: &str) -> Loaded {
    parse(text, &around(&[])).unwrap_or_else(|problems| panic!("{text}: {problems:#?}"))
}

/// The problems of a text, each as `message` or `message | hint`, the file's name left out.
fn problems_with(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let problems = match parse(text, &around(variables)) {
        Ok(loaded) => panic!("{text} was taken: {:?}", loaded.config),
        Err(problems) => problems,
    };
    problems
        .into_iter()
        .map(|problem| {
            assert_eq!(problem.code, ErrorCode::BadConfig);
            assert!(!problem.message.ends_with('.'), "{problem}");
            let message = problem.message.replace(FILE, "F");
            problem.hint.map_or(message.clone(), |hint| format!("{message} | {hint}"))
        })
        .collect()
}

#[test]
fn nothing_written_means_the_defaults() {
    let loaded = read("");
    assert_eq!(loaded.config, Config::new(HostName::nearest("HOST-A")));
    assert!(loaded.show().iter().all(|shown| shown.origin == Origin::Default));
}

#[test]
fn every_setting_is_read() {
    let loaded = read(
        r#"
[host]
name = "FRONT-DESK"
[[database]]
path = "orders.db"
[[database]]
name = "stock"
path = "/data/Stock 2.sqlite"
[store]
bucket = "office"
endpoint = "https://nas.office:9000"
region = "eu-central-1"
[capture]
sync_interval = "500ms"
l0_retention = "2h"
snapshot_interval = "12h"
retention = "30d"
checkpoint_interval = "30s"
min_checkpoint_pages = 500
busy_timeout = "5s"
max_wal = "64MiB"
[health]
listen = "off"
[verify]
drill_at = "12:30"
every = "7d"
scan_at = 04:15
[notify]
webhook = "https://hooks.office/KEY"
on = ["failure"]
[ui]
language = "zh-CN"
start_at_login = false
"#,
    );
    let config = &loaded.config;
    assert_eq!(config.host.name.as_str(), "FRONT-DESK");
    assert_eq!(config.databases[0].name, Name::nearest("orders"));
    assert_eq!(config.databases[0].path, Path::new(FILE).parent().unwrap().join("orders.db"));
    assert_eq!(config.databases[1].name.as_str(), "stock");
    assert_eq!(config.capture.sync_interval, Span::millis(500));
    assert_eq!(config.capture.retention, Span::hours(720));
    assert_eq!(config.capture.min_checkpoint_pages, 500);
    assert_eq!(config.health.listen, Listen::Off);
    assert_eq!(config.verify.scan_at, "04:15".parse::<TimeOfDay>().unwrap());
    assert_eq!(config.notify.on, BTreeSet::from([NotifyOn::Failure]));
    assert_eq!(config.ui.language, Language::Chinese);
    assert!(!config.ui.start_at_login);
    let unset: Vec<_> = loaded.show().into_iter().filter(|s| s.origin == Origin::Default).collect();
    assert_eq!(unset.iter().map(|s| s.key.as_str()).collect::<Vec<_>>(), ["store.data_dir"]);
    let hook = loaded.show().into_iter().find(|s| s.key == "notify.webhook").unwrap();
    assert_eq!(hook.value.as_deref(), Some("https://hooks.office/…"));
    assert_eq!(hook.origin, Origin::File { line: 29 });
    assert!(!format!("{config:?}").contains("KEY"));
}

#[test]
fn all_ways_to_write_toml_are_read_alike() {
    let plain =
        read("[capture]\nsync_interval = \"2s\"\nretention = \"48h\"\n[[database]]\npath = '/a.db'\n").config;
    for text in [
        "database = [{ path = '/a.db' }]\ncapture = { sync_interval = \"2s\", retention = \"2d\" }\n",
        "capture.sync_interval = '2s'\ncapture.retention = '48h'\n[[database]]\npath = '/a.db'",
        "\u{feff}[capture]\r\nsync_interval = \"2s\"\r\nretention = \"48h\"\r\n[[database]]\r\npath = '/a.db'\r\n",
    ] {
        assert_eq!(read(text).config, plain, "{text}");
    }
}

#[test]
fn all_problems_are_told_at_once_in_the_order_of_the_file() {
    let text = "[capture]\nsync_interval = 5\ncolour = \"red\"\n\n[peer]\nendpoint = \"x\"\n[ui]\nlanguage = \"de\"\n";
    let variables = [("SQLITE_REPLICATE_UI_LANGUAGE", "fr")];
    let found = problems_with(text, &variables);
    let places: Vec<_> = found.iter().map(|p| p.split(' ').next().unwrap()).collect();
    let variable = "`SQLITE_REPLICATE_UI_LANGUAGE`";
    assert_eq!(places, ["`F:2:17`:", "`F:3:1`:", "`F:5:2`:", "`F:8:12`:", variable], "{found:#?}");
}

#[test]
fn the_environment_stands_over_the_file() {
    let around = around(&[
        ("SQLITE_REPLICATE_CAPTURE_SYNC_INTERVAL", "5s"),
        ("SQLITE_REPLICATE_CAPTURE_MIN_CHECKPOINT_PAGES", "7"),
        ("SQLITE_REPLICATE_UI_START_AT_LOGIN", "false"),
        ("SQLITE_REPLICATE_NOTIFY_ON", "failure, warning"),
        ("SQLITE_REPLICATE_HOST_NAME", ""),
        ("SQLITE_REPLICATE_HOME", "/srv"),
        ("SQLITE_REPLICATE_STORE_ACCESS_KEY_ID", "id"),
        ("PATH", "/bin"),
    ]);
    let loaded = parse("[capture]\nsync_interval = \"2s\"\nretention = \"48h\"\n", &around).unwrap();
    assert_eq!(loaded.config.capture.sync_interval, Span::seconds(5));
    assert_eq!(loaded.config.capture.min_checkpoint_pages, 7);
    assert!(!loaded.config.ui.start_at_login);
    assert_eq!(loaded.config.notify.on.len(), 2);
    assert_eq!(loaded.config.host.name.as_str(), "HOST-A");
    let origin = |path| loaded.origin(Setting::find(path).unwrap()).clone();
    let variable = "SQLITE_REPLICATE_CAPTURE_SYNC_INTERVAL".to_owned();
    assert_eq!(origin("capture.sync_interval"), Origin::Environment { variable });
    assert_eq!(origin("capture.retention"), Origin::File { line: 3 });
    assert_eq!(origin("capture.max_wal"), Origin::Default);
}

#[cfg(unix)]
#[test]
fn the_environment_adds_databases() {
    use crate::config::DATABASE_VARIABLE;
    let around = around(&[("SQLITE_REPLICATE_DATABASE", "/data/b.db:/data/c.db")]);
    let loaded = parse("[[database]]\npath = '/data/a.db'\n", &around).unwrap();
    let paths: Vec<_> = loaded.config.databases.iter().map(|d| d.path.clone()).collect();
    assert_eq!(paths, ["/data/a.db", "/data/b.db", "/data/c.db"].map(std::path::PathBuf::from));
    let shown: Vec<_> =
        loaded.show().into_iter().rev().take(3).map(|s| (s.key, s.origin.to_string())).collect();
    let expected = [("c", DATABASE_VARIABLE), ("b", DATABASE_VARIABLE), ("a", "line 2")];
    assert_eq!(shown, expected.map(|(name, origin)| (format!("database.{name}"), origin.to_owned())));
    assert_eq!(
        problems_with(
            "[[database]]\npath = '/data/a.db'\n",
            &[("SQLITE_REPLICATE_DATABASE", "/data/a.db:b.db")]
        ),
        [
            "`SQLITE_REPLICATE_DATABASE` must hold whole paths, not `b.db`",
            "`/data/a.db` is listed twice, first on line 2 | remove one of the two",
        ]
    );
}

#[test]
fn files_are_read_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    let around = Surroundings::new(&file, HostName::nearest("HOST-A"), []).unwrap();
    assert_eq!(load(&around).unwrap().text, None, "no file: the defaults");
    std::fs::write(&file, "[store]\ndata_dir = \"history\"\n").unwrap();
    let loaded = load(&around).unwrap();
    assert_eq!(loaded.config.store.data_dir, Some(folder.path().join("history")));
    assert_eq!(loaded.text.as_deref(), Some("[store]\ndata_dir = \"history\"\n"));

    std::fs::write(&file, b"[host]\nname = \"\xff\"\n").unwrap();
    let problem = load(&around).unwrap_err().remove(0);
    assert_eq!(problem.message, format!("`{}:2`: not written in UTF-8", file.display()));

    std::fs::write(&file, "#".repeat(MAX_BYTES + 1)).unwrap();
    assert_eq!(load(&around).unwrap_err()[0].code, ErrorCode::BadConfig);

    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    let problem = load(&around).unwrap_err().remove(0);
    assert_eq!(problem.code, ErrorCode::ConfigUnreadable);
    assert_eq!(problem.causes.len(), 1);
}

#[cfg(unix)]
#[test]
fn a_link_to_nowhere_is_not_a_missing_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    std::os::unix::fs::symlink(folder.path().join("gone.toml"), &file).unwrap();
    let around = Surroundings::new(&file, HostName::nearest("HOST-A"), []).unwrap();
    assert_eq!(load(&around).unwrap_err()[0].code, ErrorCode::ConfigUnreadable);
}

/// Random edits of a good file: never a panic, never a problem without a place, and what is taken is within bounds.
#[test]
fn no_text_makes_the_reader_stumble() {
    let good = "[host]\nname = \"A\" # é\n[[database]]\npath = 'ö.db'\n[capture]\nsync_interval = \"1s\"\n\
                min_checkpoint_pages = 100\n[notify]\non = [\"warning\"]\n[verify]\nscan_at = 03:00\n";
    let pieces =
        ["[", "]", "\"", "'", "=", "\n", "#", "{", "}", ",", ".", "\u{feff}", "é", "\\", "1", "-", "[["];
    // A plain linear congruential generator: the same texts in each run.
    let mut state: u64 = 42;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut taken = 0;
    for _ in 0..4000 {
        let mut text = good.to_owned();
        for _ in 0..=random(3) {
            let at = text.floor_char_boundary(random(text.len()));
            match random(3) {
                0 => text.insert_str(at, pieces[random(pieces.len())]),
                1 => drop(text.remove(at)),
                _ => text.truncate(text.floor_char_boundary(at.max(1))),
            }
            if text.is_empty() {
                break;
            }
        }
        match parse(&text, &around(&[])) {
            Ok(loaded) => {
                taken += 1;
                assert!(loaded.config.conflicts().is_empty());
                for setting in SETTINGS {
                    let Some(value) = setting.get(&loaded.config) else { continue };
                    let mut again = loaded.config.clone();
                    assert_eq!(setting.apply(&mut again, &value), Ok(()), "{text}");
                }
            }
            Err(problems) => {
                for problem in problems {
                    assert!(problem.message.starts_with(&format!("`{FILE}:")), "{text}: {problem}");
                }
            }
        }
    }
    assert!(taken > 100, "the edits were too rough to test anything: {taken}");
}
