//! Every message about a bad configuration, word for word.

use super::*;

#[track_caller]
fn refused(text: &str, expected: &str) {
    assert_eq!(problems_with(text, &[]), [expected], "{text}");
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
    let problems = problems_with("[store]\nendpoint = \"https://me:KEY@nas\"\n", &[]);
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

#[cfg(unix)]
#[test]
fn a_link_to_a_listed_database_is_that_database() {
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("a.db"), folder.path().join("b.db"));
    std::fs::write(&file, b"").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let (file, link) = (file.display(), link.display());
    refused(
        &format!("[[database]]\npath = '{file}'\n[[database]]\npath = '{link}'\n"),
        &format!("`F:4:8`: `{link}` is the same file as `{file}` on line 2 | remove one of the two"),
    );
}
