//! What is accepted, what is refused, and in which words.

use std::path::{Path, PathBuf};

use sqlite_replicate_api::Name;
use sqlite_replicate_api::config::{HostName, Language, Listen, NotifyOn, Span, TimeOfDay};

use super::*;
use crate::config::DATABASE_VARIABLE;

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

#[track_caller]
fn refused(text: &str, expected: &str) {
    assert_eq!(problems_with(text, &[]), [expected], "{text}");
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
fn unknown_words_get_a_suggestion() {
    refused("[captur]\n", "`F:1:2`: unknown section `[captur]` | did you mean `[capture]`?");
    refused(
        "[[databases]]\npath = '/a'\n",
        "`F:1:3`: unknown section `[databases]` | did you mean `[[database]]`?",
    );
    refused(
        "[wallpaper]\n",
        "`F:1:2`: unknown section `[wallpaper]` | sections are `[host]`, `[[database]]`, `[store]`, `[capture]`, \
         `[health]`, `[verify]`, `[notify]`, `[ui]`",
    );
    refused(
        "[capture]\nsync-interval = \"1s\"\n",
        "`F:2:1`: unknown key `sync-interval` in `[capture]` | did you mean `sync_interval`?",
    );
    refused(
        "[store]\nretention = \"1d\"\n",
        "`F:2:1`: unknown key `retention` in `[store]` | `retention` belongs to `[capture]`",
    );
    refused(
        "[host]\ncolour = 1\n",
        "`F:2:1`: unknown key `colour` in `[host]` | keys of `[host]` are `name`",
    );
    refused(
        "retention = \"1d\"\n",
        "`F:1:1`: unknown key `retention` outside of a section | `retention` belongs to `[capture]`",
    );
    refused(
        "colour = 1\n",
        "`F:1:1`: unknown key `colour` outside of a section | every key belongs to a section such as `[capture]`",
    );
    refused(
        "[[database]]\npath = '/a.db'\nnme = 'x'\n",
        "`F:3:1`: unknown key `nme` in `[[database]]` | did you mean `name`?",
    );
}

#[test]
fn values_of_the_wrong_kind_say_how_to_write_them() {
    refused(
        "[capture]\nsync_interval = 5\n",
        "`F:2:17`: `capture.sync_interval` must be a duration such as `500ms`, `1s`, `24h` or `1d`, not the number \
         `5` | write its unit, in quotes: `sync_interval = \"5s\"`",
    );
    refused(
        "[capture]\nsync_interval = \"5 minutes\"\n",
        "`F:2:17`: `capture.sync_interval` must be a duration such as `500ms`, `1s`, `24h` or `1d`, not `5 minutes`",
    );
    refused(
        "[capture]\nsync_interval = 1.5\n",
        "`F:2:17`: `capture.sync_interval` must be a duration such as `500ms`, `1s`, `24h` or `1d`, not the number \
         `1.5`",
    );
    refused(
        "[capture]\nsync_interval = \"1ms\"\n",
        "`F:2:17`: `capture.sync_interval` must be from `100ms` to `1h`, not `1ms`",
    );
    refused(
        "[capture]\nmin_checkpoint_pages = \"500\"\n",
        "`F:2:24`: `capture.min_checkpoint_pages` must be a whole number, not the text `500` | write it without quotes: \
         `min_checkpoint_pages = 500`",
    );
    refused(
        "[capture]\nmin_checkpoint_pages = 0\n",
        "`F:2:24`: `capture.min_checkpoint_pages` must be from `1` to `1000000`, not `0`",
    );
    refused(
        "[capture]\nmax_wal = 64\n",
        "`F:2:11`: `capture.max_wal` must be a size such as `64MiB` or `1GB`, not the number `64` | write its unit, \
         in quotes: `max_wal = \"64MiB\"`",
    );
    refused(
        "[verify]\ndrill_at = \"2:00\"\n",
        "`F:2:12`: `verify.drill_at` must be a time of day such as `02:00`, not `2:00`",
    );
    refused(
        "[ui]\nlanguage = \"zh-cn\"\n",
        "`F:2:12`: `ui.language` must be one of `auto`, `en`, `zh-CN`, not `zh-cn` | did you mean `zh-CN`?",
    );
    refused(
        "[ui]\nstart_at_login = \"true\"\n",
        "`F:2:18`: `ui.start_at_login` must be `true` or `false`, not the text `true` | write it without quotes: \
         `start_at_login = true`",
    );
    refused(
        "[notify]\non = \"warning\"\n",
        "`F:2:6`: `notify.on` must be a list of `warning`, `failure`, not `warning` | write it as a list: \
         `on = [\"warning\"]`",
    );
    refused(
        "[notify]\non = [\"warnings\", 3]\n",
        "`F:2:6`: `notify.on` must be a list of `warning`, `failure`, not `warnings,3` | did you mean `warning`?",
    );
    refused(
        "[host]\nname = \"Front desk\"\n",
        "`F:2:8`: `host.name` must be a host name (letters, digits, `.`, `_` and `-`) such as `HOST-A`, not `Front \
         desk` | `Front-desk` would do",
    );
    refused(
        "capture = 5\n",
        "`F:1:1`: `capture` must be a section, not the number `5` | write `[capture]` on a line, once",
    );
    refused(
        "[capture.sync_interval]\nx = 1\n",
        "`F:1:1`: `capture.sync_interval` must be a duration such as `500ms`, `1s`, `24h` or `1d`, not a section",
    );
    refused(
        "[store]\nendpoint = \"nas:9000\"\n",
        "`F:2:12`: `store.endpoint` must be an address such as `https://nas.office:9000`, without path, user and \
         password, not `nas:9000`",
    );
    refused(
        "[health]\nlisten = 3001\n",
        "`F:2:10`: `health.listen` must be an address with port such as `127.0.0.1:3001`, or `off`, not the number \
         `3001`",
    );
}

#[test]
fn what_is_no_toml_is_told_with_its_place() {
    refused(
        "[capture]\nsync_interval = 5m # fast\n",
        "`F:2:17`: not valid TOML: string values must be quoted, expected literal string | put the value in quotes: \
         `\"5m\"`",
    );
    refused("[capture\n", "`F:1:9`: not valid TOML: unclosed table, expected `]`");
    refused("[ui]\nlanguage = \"en\"\nlanguage = \"en\"\n", "`F:3:1`: not valid TOML: duplicate key");
    refused(
        "[[database]]\npath = \"C:\\Users\\a.db\"\n",
        "`F:2:13`: not valid TOML: too few unicode value digits, expected unicode hexadecimal value | in double \
         quotes `\\` has a meaning of its own: write a path in single quotes, such as 'C:\\Data\\orders.db'",
    );
    let problems = problems_with("[notify]\nwebhook = https://hooks.office/KEY\n", &[]);
    assert!(!problems[0].contains("KEY"), "{problems:?}");
    let problems = problems_with("[notify]\nwebhook = \"hooks.office/KEY\"\n", &[]);
    assert!(!problems[0].contains("KEY"), "{problems:?}");
}

#[test]
fn what_later_versions_bring_is_refused_not_ignored() {
    refused(
        "[peer]\nendpoint = \"HOST-B:7443\"\n",
        "`F:1:2`: `[peer]` can't be used yet: this version can't connect a second PC | remove the section, or put \
         `#` before its lines",
    );
    for later in LATER_SECTIONS {
        for text in [format!("[{}]\n", later.section), format!("[[{}]]\n", later.section)] {
            let problems = problems_with(&text, &[]);
            assert!(problems[0].contains("this version can't"), "{problems:?}");
        }
        let variable = format!("SQLITE_REPLICATE_{}_X", later.section.to_uppercase());
        let problems = problems_with("", &[(&variable, "1")]);
        assert!(problems[0].contains("this version can't"), "{problems:?}");
    }
}

#[test]
fn paths_are_checked_before_they_mislead() {
    refused(
        "[[database]]\npath = \"C:\\temp\\new.db\"\n",
        "`F:2:8`: `database.path` has characters that no path has: `\"C:\\temp\\new.db\"` | in double quotes `\\` \
         has a meaning of its own: write a path in single quotes, such as 'C:\\Data\\orders.db'",
    );
    refused(
        "[[database]]\npath = '~/orders.db'\n",
        "`F:2:8`: `database.path` begins with `~`, which has no meaning here: `~/orders.db` | write the whole path: \
         a service has no home folder",
    );
    refused(
        "[[database]]\npath = ''\n",
        "`F:2:8`: `database.path` is empty | write the path of the file or folder",
    );
    refused(
        "[[database]]\nname = 'orders'\n",
        "`F:2:1`: a `[[database]]` without `path` | write the whole path of the SQLite file: `path = '…'`",
    );
    refused("[[database]]\npath = 5\n", "`F:2:8`: `database.path` must be a path, not the number `5`");
    refused(
        "[[database]]\npath = '/a.db'\nname = 'A b'\n",
        "`F:3:8`: `database.name` must be a name (a-z, 0-9, `.`, `_` and `-`) such as `orders`, not `A b` | `a-b` \
         would do",
    );
    refused(
        "[database]\npath = '/a.db'\n",
        "`F:1:2`: `[database]` stands for one of many | write `[[database]]`, once for each database",
    );
    refused(
        "database = '/a.db'\n",
        "`F:1:1`: `database` must be sections, not a text | write `[[database]]` on a line, and `path = '…'` below it",
    );
}

#[cfg(unix)]
#[test]
fn no_file_and_no_name_stands_twice() {
    refused(
        "[[database]]\npath = '/data/a.db'\n[[database]]\nname = 'b'\npath = '/data/a.db'\n",
        "`F:5:8`: `/data/a.db` is listed twice, first on line 2 | remove one of the two",
    );
    refused(
        "[[database]]\npath = '/data/a.db'\n[[database]]\nname = 'b'\npath = '/data/../data/a.db'\n",
        "`F:5:8`: `/data/../data/a.db` is the same file as `/data/a.db` on line 2 | remove one of the two",
    );
    refused(
        "[[database]]\npath = '/data/a.db'\n[[database]]\npath = '/data/old/a.db'\n",
        "`F:4:8`: `/data/old/a.db` would be called `a` like the database on line 2 | give one of them another `name`",
    );
    let many: String = (0..101).map(|n| format!("[[database]]\npath = '/data/{n}.db'\n")).collect();
    refused(
        &many,
        "`F:202:8`: 101 databases are listed, more than 100 | protect the others from another home folder with its \
         own configuration",
    );
}

#[test]
fn settings_that_do_not_fit_together_point_to_the_one_that_was_set() {
    refused(
        "[capture]\nretention = \"1h\"\n",
        "`F:2:13`: `capture.retention` is `1h`, shorter than `capture.snapshot_interval` with `24h` | a restore \
         starts from a snapshot: keep history for at least one `snapshot_interval`",
    );
    refused(
        "[capture]\nsnapshot_interval = \"7d\"\n",
        "`F:2:21`: `capture.retention` is `72h`, shorter than `capture.snapshot_interval` with `7d` | a restore \
         starts from a snapshot: keep history for at least one `snapshot_interval`",
    );
    refused(
        "[store]\nregion = \"eu\"\n",
        "`F:2:10`: `store.region` has no effect without `store.endpoint` | remove `region`: the bundled MinIO has none",
    );
    // One refused value is one problem, not two.
    assert_eq!(problems_with("[capture]\nretention = \"1h\"\nsnapshot_interval = \"x\"\n", &[]).len(), 1);
    let variables = [("SQLITE_REPLICATE_CAPTURE_RETENTION", "1h")];
    assert!(problems_with("", &variables)[0].starts_with("`capture.retention` is `1h`, shorter than"));
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
    let around = around(&[("SQLITE_REPLICATE_DATABASE", "/data/b.db:/data/c.db")]);
    let loaded = parse("[[database]]\npath = '/data/a.db'\n", &around).unwrap();
    let paths: Vec<_> = loaded.config.databases.iter().map(|d| d.path.clone()).collect();
    assert_eq!(paths, [PathBuf::from("/data/a.db"), "/data/b.db".into(), "/data/c.db".into()]);
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
fn mistakes_in_the_environment_are_told() {
    let problem = |name: &str, value: &str| problems_with("", &[(name, value)]).join("\n");
    assert_eq!(
        problem("SQLITE_REPLICATE_CAPTURE_SYNC_INTERVAL", "5"),
        "`SQLITE_REPLICATE_CAPTURE_SYNC_INTERVAL` must be a duration such as `500ms`, `1s`, `24h` or `1d`, not `5`"
    );
    assert_eq!(
        problem("SQLITE_REPLICATE_CAPTURE_MIN_CHECKPOINT_PAGES", "many"),
        "`SQLITE_REPLICATE_CAPTURE_MIN_CHECKPOINT_PAGES` must be a whole number, not `many`"
    );
    assert_eq!(
        problem("SQLITE_REPLICATE_CAPTURE_SYNC_INTERVALL", "5s"),
        "unknown variable `SQLITE_REPLICATE_CAPTURE_SYNC_INTERVALL` | did you mean \
         `SQLITE_REPLICATE_CAPTURE_SYNC_INTERVAL`?"
    );
    assert_eq!(
        problem("SQLITE_REPLICATE_HOM", "/srv"),
        "unknown variable `SQLITE_REPLICATE_HOM` | did you mean `SQLITE_REPLICATE_HOME`?"
    );
    assert_eq!(
        problem("SQLITE_REPLICATE_WALLPAPER", "x"),
        "unknown variable `SQLITE_REPLICATE_WALLPAPER` | variables are named `SQLITE_REPLICATE_<SECTION>_<KEY>`"
    );
    assert_eq!(
        problem("SQLITE_REPLICATE_DATABASE_PATH", "/a.db"),
        "unknown variable `SQLITE_REPLICATE_DATABASE_PATH` | `SQLITE_REPLICATE_DATABASE` adds databases by their paths"
    );
    assert_eq!(
        problem("SQLITE_REPLICATE_STORE_DATA_DIR", "store"),
        "`SQLITE_REPLICATE_STORE_DATA_DIR` must be a whole path, not `store` | relative paths are understood in the \
         file alone, from its folder"
    );
    assert!(!problem("SQLITE_REPLICATE_NOTIFY_WEBHOOK", "hooks.office/KEY").contains("KEY"));
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
