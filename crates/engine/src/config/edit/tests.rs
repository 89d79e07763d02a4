//! What an edit changes, and that it changes nothing else.

use std::path::Path;

use super::super::{Surroundings, parse};
use super::*;

fn put(text: &str, key: &str, value: &str) -> String {
    let setting = named(key).unwrap();
    set(text, setting, &setting.kind.value_of(value)).unwrap()
}

fn take(text: &str, key: &str) -> String {
    unset(text, named(key).unwrap()).unwrap()
}

fn around() -> Surroundings {
    let file = if cfg!(windows) { r"C:\sr\config.toml" } else { "/sr/config.toml" };
    Surroundings::new(Path::new(file), HostName::nearest("HOST-A"), []).unwrap()
}

const FILE: &str = "# Our shop\n\n[capture]  # how\n# every second would do\nsync_interval   =   \"1s\"   # fast\n\
                    # max_wal = \"512MiB\"\n\n[[database]] # orders\npath = '/data/orders.db'\n\n[ui]\n# end\n";

#[test]
fn a_value_is_replaced_in_its_place() {
    let expected = FILE.replace("\"1s\"   # fast", "\"5s\"   # fast");
    assert_eq!(put(FILE, "capture.sync_interval", "5s"), expected);
    // As the last line without a line end, with Windows line ends, after a byte order mark.
    assert_eq!(put("[ui]\nlanguage = \"en\"", "ui.language", "auto"), "[ui]\nlanguage = \"auto\"");
    let windows = "\u{feff}[ui]\r\nlanguage = 'en' # x\r\n";
    assert_eq!(put(windows, "ui.language", "auto"), "\u{feff}[ui]\r\nlanguage = \"auto\" # x\r\n");
}

#[test]
fn a_new_value_stands_where_one_looks_for_it() {
    // After the line that has it commented out, else after the last, else after the header, else in a new section.
    let line = "# max_wal = \"512MiB\"\n";
    let expected = FILE.replace(line, &format!("{line}max_wal = \"1GB\"\n"));
    assert_eq!(put(FILE, "capture.max_wal", "1GB"), expected);
    let line = "sync_interval   =   \"1s\"   # fast\n";
    let expected = FILE.replace(line, &format!("{line}retention = \"48h\"\n"));
    assert_eq!(put(FILE, "capture.retention", "48h"), expected);
    let expected = FILE.replace("[ui]\n", "[ui]\nlanguage = \"en\"\n");
    assert_eq!(put(FILE, "ui.language", "en"), expected);
    let expected = format!("{FILE}\n[health]\nlisten = \"off\"\n");
    assert_eq!(put(FILE, "health.listen", "off"), expected);
    assert_eq!(put("", "health.listen", "off"), "[health]\nlisten = \"off\"\n");
    assert_eq!(put("[ui]", "ui.start_at_login", "false"), "[ui]\nstart_at_login = false\n");
    assert_eq!(put("# x\r\n[ui]\r\n", "ui.language", "en"), "# x\r\n[ui]\r\nlanguage = \"en\"\r\n");
    let list = "[notify]\non = [\n  \"warning\", # soon\n]\n[ui]\n";
    let hook = put(list, "notify.webhook", "http://nas/x");
    assert_eq!(hook, list.replace("]\n[ui]", "]\nwebhook = \"http://nas/x\"\n[ui]"));
}

#[test]
fn every_way_to_write_a_section_can_be_edited() {
    assert_eq!(
        put("capture.retention = \"48h\"\n[ui]\n", "capture.max_wal", "1GB"),
        "capture.retention = \"48h\"\ncapture.max_wal = \"1GB\"\n[ui]\n"
    );
    assert_eq!(
        put("ui = { language = \"en\" } # x\n", "ui.start_at_login", "false"),
        "ui = { language = \"en\", start_at_login = false } # x\n"
    );
    assert_eq!(
        take("ui = { language = \"en\", start_at_login = false } # x\n", "ui.language"),
        "ui = { start_at_login = false } # x\n"
    );
    assert_eq!(
        take("ui.language = \"en\" # x\nui.start_at_login = false\n", "ui.language"),
        "ui.start_at_login = false\n"
    );
}

#[test]
fn a_value_goes_and_comments_stay() {
    let expected = FILE.replace("sync_interval   =   \"1s\"   # fast\n", "");
    assert_eq!(take(FILE, "capture.sync_interval"), expected);
    assert_eq!(take(FILE, "capture.retention"), FILE, "what is not there stays away");
    assert_eq!(take("[notify]\non = [\n  \"warning\",\n]\n# x\n", "notify.on"), "[notify]\n# x\n");
}

#[test]
fn databases_come_and_go() {
    let name = Name::nearest("stock");
    let added = add_database(FILE, Some(&name), Path::new("/data/stock 2.db")).unwrap();
    let block = "\n[[database]]\nname = \"stock\"\npath = \"/data/stock 2.db\"\n";
    let line = "path = '/data/orders.db'\n";
    assert_eq!(added, FILE.replace(line, &format!("{line}{block}")));
    assert_eq!(remove_database(&added, &name).unwrap(), FILE);

    let first = add_database("# x\n", None, Path::new("/a.db")).unwrap();
    assert_eq!(first, "# x\n\n[[database]]\npath = \"/a.db\"\n");
    assert_eq!(remove_database(&first, &Name::nearest("a")).unwrap(), "# x\n");
    assert_eq!(add_database("", None, Path::new("/a.db")).unwrap(), "[[database]]\npath = \"/a.db\"\n");

    let inline = "database = [{ path = '/a.db' }] # x\n";
    let both = add_database(inline, Some(&name), Path::new("/b.db")).unwrap();
    let databases = parse(&both, &around()).unwrap().config.databases;
    assert_eq!(databases.iter().map(|d| d.name.as_str()).collect::<Vec<_>>(), ["a", "stock"], "{both}");
    let one = remove_database(&both, &Name::nearest("a")).unwrap();
    let databases = parse(&one, &around()).unwrap().config.databases;
    assert_eq!(databases.iter().map(|d| d.name.as_str()).collect::<Vec<_>>(), ["stock"], "{one}");
    assert!(one.ends_with("] # x\n"), "{one}");
}

#[test]
fn a_windows_path_survives() {
    for path in [r"C:\temp\new\orders.db", r"\\?\C:\x.db", "C:\\O'Neil \"x\"\\a.db", "订单/数据.db"] {
        let text = add_database("", None, Path::new(path)).unwrap();
        let document = Document::parse(text.as_str()).unwrap();
        let found = document[DATABASE].as_array_of_tables().unwrap().get(0).unwrap()["path"].as_str();
        assert_eq!(found, Some(path), "{text}");
    }
}

#[test]
fn what_can_not_be_done_says_why() {
    let error = |result: Result<String>| {
        let report = result.unwrap_err();
        (report.code, report.message, report.hint.unwrap_or_default())
    };
    let interval = named("capture.sync_interval").unwrap();
    assert_eq!(
        error(set("", interval, &Value::Text("5".to_owned()))),
        (
            ErrorCode::BadRequest,
            "`capture.sync_interval` must be a duration such as `500ms`, `1s`, `24h` or `1d`, not `5`"
                .to_owned(),
            String::new()
        )
    );
    let (code, _, hint) = error(set("[capture\n", interval, &Value::Text("5s".to_owned())));
    assert_eq!((code, hint.as_str()), (ErrorCode::BadConfig, "`sqlite-replicate config check` says where"));
    let broken = "[notify]\nwebhook = https://hooks.office/KEY\n";
    assert!(!format!("{:?}", unset(broken, interval).unwrap_err()).contains("KEY"));
    for odd in ["capture = 1\n", "[[capture]]\n", "[capture.sync_interval]\nx = 1\n"] {
        assert_eq!(error(set(odd, interval, &Value::Text("5s".to_owned()))).0, ErrorCode::BadConfig, "{odd}");
    }
    assert_eq!(error(unset("capture = 1\n", interval)).0, ErrorCode::BadConfig);
    assert_eq!(error(add_database("database = 1\n", None, Path::new("/a"))).0, ErrorCode::BadConfig);
    let gone = error(remove_database(FILE, &Name::nearest("stock")));
    assert_eq!(gone.0, ErrorCode::NoSuchDatabase);
    assert_eq!(gone.1, "the configuration lists no database called `stock`");
    assert_eq!(error(remove_database("", &Name::nearest("stock"))).0, ErrorCode::NoSuchDatabase);
    let unknown = named("capture.sync_intervall").unwrap_err();
    assert_eq!(unknown.hint.as_deref(), Some("did you mean `capture.sync_interval`?"));
    assert_eq!(named("database.path").unwrap_err().code, ErrorCode::BadRequest);
}

/// Any sequence of edits gives what was asked for, and whoever takes everything back has the file as it was.
#[test]
fn edits_can_be_taken_back() {
    let values = [
        ("host.name", "A"),
        ("store.bucket", "office"),
        ("capture.sync_interval", "2s"),
        ("capture.min_checkpoint_pages", "77"),
        ("capture.max_wal", "1GB"),
        ("verify.scan_at", "04:00"),
        ("notify.on", "warning"),
        ("notify.webhook", "http://nas/x"),
        ("ui.start_at_login", "false"),
    ];
    for (begin, bare) in
        [(super::super::SAMPLE, true), (FILE, false), ("[host]\r\n# x\r\n[store]\r\n", false)]
    {
        let mut text = begin.to_owned();
        for (i, (key, value)) in values.iter().enumerate() {
            text = put(&text, key, value);
            let name = Name::nearest(&format!("db{i}"));
            text = add_database(&text, Some(&name), Path::new(&format!("/data/{i}.db"))).unwrap();
            let config = parse(&text, &around()).unwrap_or_else(|e| panic!("{text}: {e:#?}")).config;
            assert_eq!(named(key).unwrap().get(&config).unwrap().to_string(), *value);
            assert_eq!(config.databases.last().unwrap().name, name);
        }
        for (i, (key, _)) in values.iter().enumerate().rev() {
            text = take(&text, key);
            text = remove_database(&text, &Name::nearest(&format!("db{i}"))).unwrap();
        }
        let expected = parse(begin, &around()).unwrap().config;
        let left = parse(&text, &around()).unwrap().config;
        // The one value that was there before was taken away as well.
        assert_eq!(left.databases, expected.databases);
        if bare {
            assert_eq!(text, begin, "the sample has every section, so nothing is left over");
        }
        assert_eq!(text.contains("\r\n"), begin.contains("\r\n"));
        assert_eq!(text.matches('\n').count() - text.matches("\r\n").count() == 0, begin.contains("\r\n"));
    }
}
