//! What `add` and `run` make of files that can't be protected: a reason, a hint, and nothing changed.
#![allow(clippy::unwrap_used)] // also in functions that are no tests themselves

mod support;

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use support::host::{Host, all_stored, contents, database, shows_for};

/// A database in SQLite's default journal mode, which nobody has ever switched to WAL.
fn plain_database(path: &Path) -> Connection {
    let db = Connection::open(path).unwrap();
    db.execute_batch(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
         INSERT INTO t (v) SELECT hex(randomblob(50)) FROM n",
    )
    .unwrap();
    db
}

/// What looks like an encrypted database: whole pages of noise.
fn noise(path: &Path) {
    let mut noise = vec![0; 8192];
    let mut source = std::fs::File::open("/dev/urandom").unwrap();
    std::io::Read::read_exact(&mut source, &mut noise).unwrap();
    std::fs::write(path, noise).unwrap();
}

/// A database with pages of rubbish in its middle.
fn damaged(path: &Path) {
    drop(plain_database(path));
    let mut bytes = std::fs::read(path).unwrap();
    bytes[8192..20_480].fill(0xA5);
    std::fs::write(path, bytes).unwrap();
}

/// Files that can't be protected, and the programs that are in the way of some.
struct Bad {
    dir: PathBuf,
    _programs: Vec<Connection>,
}

impl Bad {
    fn new(dir: PathBuf) -> Self {
        std::fs::create_dir(&dir).unwrap();
        let at = |name: &str| dir.join(name);
        std::fs::create_dir(at("folder.db")).unwrap();
        std::fs::write(at("list.db"), "a shopping list, not a database\n".repeat(50)).unwrap();
        noise(&at("encrypted.db"));
        damaged(&at("damaged.db"));
        let busy = plain_database(&at("busy.db"));
        busy.execute_batch("BEGIN EXCLUSIVE; INSERT INTO t (v) VALUES ('half done')").unwrap();
        let alone = plain_database(&at("alone.db"));
        alone
            .execute_batch(
                "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; INSERT INTO t (v) VALUES ('mine')",
            )
            .unwrap();
        Self { dir, _programs: vec![busy, alone] }
    }

    fn path(&self, name: &str) -> String {
        self.dir.join(format!("{name}.db")).to_str().unwrap().to_owned()
    }
}

/// The kinds of bad files: name, exit code of `add`, what it says, the condition of `run`.
const BAD: [(&str, i32, &str, &str); 7] = [
    ("gone", 7, "does not exist", "database-missing"),
    ("folder", 7, "is not a SQLite database", "not-a-database"),
    ("list", 7, "is not a SQLite database", "not-a-database"),
    ("encrypted", 7, "is an encrypted database", "database-encrypted"),
    ("damaged", 7, "is damaged", ""),
    ("busy", 8, "holds the database", "database-held"),
    ("alone", 8, "holds the database", "database-held"),
];

#[test]
fn what_can_not_be_protected_is_refused_and_nothing_changes() {
    let mut host = Host::new();
    host.start();
    let bad = Bad::new(host.path("data"));
    let before = contents(&bad.dir);
    let config = std::fs::read_to_string(host.home().join("config.toml")).unwrap();
    for (name, code, says, _) in BAD {
        let path = bad.path(name);
        let said = host.fails(&["add", &path], code);
        assert!(said.starts_with("error: ") && said.contains(says), "{name}: {said}");
        assert!(said.contains(&format!("`{path}`")), "{name} is not named: {said}");
        assert!(said.contains("\nhint: "), "{name} has no hint: {said}");
        assert_eq!(contents(&bad.dir), before, "{name}: `add` changed something");
    }
    assert_eq!(std::fs::read_to_string(host.home().join("config.toml")).unwrap(), config);
}

#[test]
fn looking_changes_nothing_and_a_bad_file_is_found_by_looking_too() {
    let mut host = Host::new();
    host.start();
    let data = host.path("data");
    std::fs::create_dir(&data).unwrap();
    let path = data.join("orders.db");
    drop(plain_database(&path));
    let before = contents(&data);
    let said = host.ok(&["add", path.to_str().unwrap(), "--dry-run"]);
    assert!(said.contains("can be protected as orders"), "{said}");
    assert!(said.contains("WAL mode") && said.contains("_litestream_seq"), "{said}");
    assert_eq!(contents(&data), before, "`add --dry-run` changed something");
    assert!(host.status()["databases"].as_array().unwrap().is_empty());
}

#[test]
fn bad_files_of_the_configuration_are_shown_and_keep_nobody_else_from_being_protected() {
    let mut host = Host::new();
    let bad = Bad::new(host.path("data"));
    let good = host.database("good.db", 10);
    let mut config = std::fs::read_to_string(host.home().join("config.toml")).unwrap();
    let shown = BAD.iter().filter(|(_, _, _, condition)| !condition.is_empty());
    for path in shown.clone().map(|(name, ..)| bad.path(name)).chain([good.display().to_string()]) {
        config.push_str(&format!("[[database]]\npath = '{path}'\n"));
    }
    host.configure(&config);
    host.start();
    host.until("the good one is stored", |status| all_stored(status, "good"));
    let status = host.until("all of them are shown", |status| {
        shown.clone().all(|(name, _, _, condition)| shows_for(status, name, condition))
    });
    assert_eq!(status["overall"], "not-protected");
    assert_eq!(database(&status, "good")["overall"], "local-only");
    for (name, _, _, condition) in shown {
        let database = database(&status, name);
        assert_eq!(database["overall"], "not-protected", "{name}");
        assert_eq!(database["conditions"][0]["code"], *condition, "{database:#}");
    }
    // The programs go, the missing file comes: nobody has to tell the engine.
    let (gone, busy) = (bad.path("gone"), bad.path("busy"));
    drop(bad);
    drop(plain_database(Path::new(&gone)));
    host.until("what was mended is stored", |status| {
        ["gone", "busy", "alone"].iter().all(|name| all_stored(status, name))
    });
    let rows: i64 =
        Connection::open(busy).unwrap().query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 500, "what was half done did not vanish");
}

#[test]
fn a_folder_that_can_not_be_written_is_refused() {
    let mut host = Host::new();
    let data = host.path("data");
    std::fs::create_dir(&data).unwrap();
    let plain = data.join("plain.db");
    drop(plain_database(&plain));
    let logged = data.join("logged.db");
    plain_database(&logged).execute_batch("PRAGMA journal_mode = WAL").unwrap();
    let mut config = std::fs::read_to_string(host.home().join("config.toml")).unwrap();
    config.push_str(&format!("[[database]]\nname = 'known'\npath = '{}'\n", plain.display()));
    host.configure(&config);
    let before = contents(&data);
    let dir = data.display();
    host.start_among_mounts(&format!("mount --bind '{dir}' '{dir}'; mount -o remount,bind,ro '{dir}'"));
    for path in [&logged, &plain] {
        // One is known already; a look says what is in the way all the same.
        let said =
            host.fails(&["add", path.to_str().unwrap(), "--name", "new"], if path == &plain { 6 } else { 7 });
        assert!(said.contains(&format!("`{}`", path.display())), "{said}");
    }
    host.until("it is shown", |status| shows_for(status, "known", "database-read-only"));
    assert_eq!(contents(&data), before);
}

#[test]
fn a_history_that_would_not_fit_is_refused() {
    let mut host = Host::new();
    let store = host.path("store");
    std::fs::create_dir(&store).unwrap();
    host.configure(&format!(
        "[health]\nlisten = \"off\"\n[ui]\nlanguage = \"en\"\n[store]\ndata_dir = '{}'\n",
        store.display()
    ));
    let data = host.path("data");
    std::fs::create_dir(&data).unwrap();
    let path = data.join("orders.db");
    let db = plain_database(&path);
    db.execute_batch("INSERT INTO t (v) VALUES (zeroblob(5000000))").unwrap();
    drop(db);
    let before = contents(&data);
    host.start_among_mounts(&format!("mount -t tmpfs -o size=16m none '{}'", store.display()));
    let said = host.fails(&["add", path.to_str().unwrap()], 12);
    assert!(said.contains("not enough space") && said.contains("store.data_dir"), "{said}");
    assert_eq!(contents(&data), before);
}

#[test]
fn one_file_is_protected_once_whatever_the_way_to_it() {
    let mut host = Host::new();
    host.start();
    let path = host.database("orders.db", 10);
    let (link, other) = (host.path("link.db"), host.database("other.db", 1));
    std::os::unix::fs::symlink(&path, &link).unwrap();
    std::fs::create_dir(host.path("sub")).unwrap();
    host.protect(&path);
    let dotted = host.path("sub/../orders.db");
    for same in [&path, &link, &dotted] {
        let said = host.fails(&["add", same.to_str().unwrap(), "--name", "again"], 6);
        assert!(said.contains("is protected already, as `orders`"), "{said}");
    }
    let said = host.fails(&["add", other.to_str().unwrap(), "--name", "orders"], 6);
    assert!(said.contains("another database is called `orders`") && said.contains("--name"), "{said}");
    // The same by hand: the mistake is shown, and what was good goes on.
    let file = host.home().join("config.toml");
    let good = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{good}\n[[database]]\nname = 'again'\npath = '{}'\n", link.display()))
        .unwrap();
    host.until("the mistake is shown", |status| support::host::shows(status, "config-bad"));
    let said = host.fails(&["config", "check"], 3);
    assert!(said.contains("is the same file as"), "{said}");
    assert!(all_stored(&host.status(), "orders"));
    std::fs::write(&file, good).unwrap();
    host.until("the mistake is over", |status| !support::host::shows(status, "config-bad"));
}
