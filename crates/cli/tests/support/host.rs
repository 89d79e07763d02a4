//! A whole host for a test: a home folder, the real engine with the real Litestream and MinIO, databases, and a program
//! that writes with its own SQLite connection.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

use super::{program, text};

/// The folder of Litestream and MinIO that the tests run with.
pub fn bundle() -> PathBuf {
    let dir = std::env::var_os("SQLITE_REPLICATE_BIN_DIR");
    PathBuf::from(dir.expect("SQLITE_REPLICATE_BIN_DIR is not set: run the tests by `cargo xtask test`"))
}

/// A host. Its engine is ended, and its folder removed, with the test.
pub struct Host {
    pub dir: TempDir,
    pub engine: Option<Child>,
    pub variables: Vec<(String, String)>,
    /// The folder of Litestream and MinIO.
    pub bundle: PathBuf,
}

impl Host {
    /// A host that nothing was done to yet. Its health port is free of others, its language English.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let host = Self { dir, engine: None, variables: Vec::new(), bundle: bundle() };
        std::fs::create_dir(host.home()).unwrap();
        host.configure("[health]\nlisten = \"127.0.0.1:0\"\n[ui]\nlanguage = \"en\"\n");
        host
    }

    pub fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes the whole configuration.
    pub fn configure(&self, toml: &str) {
        std::fs::write(self.home().join("config.toml"), toml).unwrap();
    }

    /// Makes a database with a table `t (id, v)`.
    pub fn database(&self, name: &str, rows: usize) -> PathBuf {
        let path = self.path(name);
        let db = Connection::open(&path).unwrap();
        db.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)")
            .unwrap();
        insert(&db, rows);
        path
    }

    /// Starts the engine and waits until it can be asked.
    pub fn start(&mut self) {
        self.spawn();
        self.until("the engine answers", |_| true);
    }

    /// Starts the engine without waiting for anything.
    pub fn spawn(&mut self) {
        let mut command = self.command();
        // Passed on to whatever it starts, so that the test finds what is left.
        command.env("SQLITE_REPLICATE_TEST_RUN", self.home());
        command.arg("run").stdout(Stdio::null()).stderr(Stdio::null());
        self.engine = Some(command.spawn().unwrap());
    }

    /// Starts the engine among mounts of its own, which a shell script makes (see [`among_mounts`]).
    pub fn start_among_mounts(&mut self, script: &str) {
        let mut command = among_mounts(script, &self.command());
        command.arg("run").stdout(Stdio::null()).stderr(Stdio::null());
        self.engine = Some(command.spawn().unwrap());
        self.until("the engine answers", |_| true);
    }

    /// The program with this host's home and the bundle.
    pub fn command(&self) -> Command {
        let mut command = program(&self.home());
        command.env("SQLITE_REPLICATE_BIN_DIR", &self.bundle);
        command.envs(self.variables.iter().map(|(key, value)| (key, value)));
        command
    }

    /// Runs a command of the program on this host.
    pub fn cli(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    /// Runs a command that must succeed; what it wrote to standard output.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let output = self.cli(arguments);
        assert!(output.status.success(), "{arguments:?}: {}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    }

    /// Runs a command that must fail with an exit code; what it wrote to standard error.
    pub fn fails(&self, arguments: &[&str], code: i32) -> String {
        let output = self.cli(arguments);
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}{errors}", text(&output.stdout));
        errors
    }

    /// The status, if the engine answers.
    pub fn try_status(&self) -> Option<Value> {
        let output = self.cli(&["status", "--json"]);
        output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
    }

    pub fn status(&self) -> Value {
        self.try_status().expect("the engine does not answer")
    }

    /// Waits until the status is as wanted, and gives it.
    pub fn until(&self, what: &str, so: impl Fn(&Value) -> bool) -> Value {
        self.until_within(Duration::from_secs(60), what, so)
    }

    pub fn until_within(&self, limit: Duration, what: &str, so: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        let mut last = None;
        loop {
            if let Some(status) = self.try_status() {
                if so(&status) {
                    return status;
                }
                last = Some(status);
            }
            let ended = self.engine.as_ref().is_some_and(|engine| !alive(engine.id()));
            assert!(!ended, "the engine ended before: {what}; last: {last:#?}\n{}", self.log());
            assert!(begun.elapsed() < limit, "never: {what}; last: {last:#?}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Adds a database and waits until everything of it is stored.
    pub fn protect(&self, path: &Path) {
        self.ok(&["add", path.to_str().unwrap()]);
        let name = path.file_stem().unwrap().to_str().unwrap();
        self.until("everything is stored", |status| all_stored(status, name));
    }

    /// The process of a bundled program (`store`, `capture`).
    pub fn pid(&self, child: &str) -> u32 {
        let status = self.until("the program runs", |status| child_pid(status, child).is_some());
        child_pid(&status, child).unwrap()
    }

    /// Ends the engine gracefully.
    pub fn stop(&mut self) {
        self.ok(&["stop"]);
        if let Some(mut engine) = self.engine.take() {
            let begun = Instant::now();
            while engine.try_wait().unwrap().is_none() {
                assert!(begun.elapsed() < Duration::from_secs(60), "the engine does not end\n{}", self.log());
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// Cuts the engine's power.
    pub fn kill(&mut self) {
        if let Some(mut engine) = self.engine.take() {
            engine.kill().unwrap();
            engine.wait().unwrap();
        }
    }

    /// The last lines of the engine's logs, for a failing test's message.
    pub fn log(&self) -> String {
        let mut all = String::new();
        for source in ["engine", "capture", "store"] {
            let lines =
                std::fs::read_to_string(self.home().join(format!("logs/{source}.log"))).unwrap_or_default();
            let lines: Vec<&str> = lines.lines().collect();
            let last = lines[lines.len().saturating_sub(15)..].join("\n");
            all.push_str(&format!("--- {source}\n{last}\n"));
        }
        all
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if self.engine.is_some() {
            let _ = self.cli(&["stop"]);
            let mut engine = self.engine.take().unwrap();
            let begun = Instant::now();
            while engine.try_wait().is_ok_and(|ended| ended.is_none()) {
                if begun.elapsed() > Duration::from_secs(20) {
                    let _ = engine.kill();
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

/// The same command among mounts of its own, which a shell script makes: they are nobody else's, and go with it.
pub fn among_mounts(script: &str, command: &Command) -> Command {
    let mut wrapped = Command::new("unshare");
    // Whoever is not root may mount in a user namespace of their own.
    let how = if rustix::process::geteuid().is_root() { "-m" } else { "-rm" };
    wrapped.args([how, "sh", "-e", "-c", &format!("{script}\nexec \"$@\""), "sh"]);
    wrapped.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(key, value),
            None => wrapped.env_remove(key),
        };
    }
    wrapped
}

/// Every file below a folder with its size and check sum, to show that nothing changed.
///
/// Another process reads them: closing a file here would drop the locks of this process's own connections to it.
pub fn contents(dir: &Path) -> BTreeSet<String> {
    let listed =
        Command::new("find").arg(dir).args(["-type", "f", "-exec", "cksum", "{}", "+"]).output().unwrap();
    assert!(listed.status.success(), "{}", text(&listed.stderr));
    text(&listed.stdout).lines().map(str::to_owned).collect()
}

/// Sends a signal to a process of the test's own.
pub fn signal(pid: u32, signal: &str) {
    let sent = std::process::Command::new("kill").args([signal, &pid.to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Whether a process is there.
pub fn alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // A zombie has ended.
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with('Z'))
}

pub fn database<'a>(status: &'a Value, name: &str) -> &'a Value {
    status["databases"]
        .as_array()
        .unwrap()
        .iter()
        .find(|database| database["name"] == name)
        .unwrap_or(&Value::Null)
}

pub fn all_stored(status: &Value, name: &str) -> bool {
    let database = database(status, name);
    database["stored"].is_string() && database["uncaptured"] == false && database["lag_seconds"] == 0.0
}

pub fn child_pid(status: &Value, child: &str) -> Option<u32> {
    let child = status["children"].as_array()?.iter().find(|known| known["name"] == child)?;
    (child["phase"] == "ready").then(|| child["pid"].as_u64())?.and_then(|pid| u32::try_from(pid).ok())
}

/// Whether a condition is shown for one database.
pub fn shows_for(status: &Value, name: &str, code: &str) -> bool {
    let conditions = database(status, name)["conditions"].as_array();
    conditions.into_iter().flatten().any(|condition| condition["code"] == code)
}

/// Whether a condition is shown, for the host or any database.
pub fn shows(status: &Value, code: &str) -> bool {
    let databases = status["databases"].as_array().into_iter().flatten();
    let all = std::iter::once(status).chain(databases);
    all.flat_map(|whom| whom["conditions"].as_array().into_iter().flatten())
        .any(|condition| condition["code"] == code)
}

pub fn insert(db: &Connection, rows: usize) {
    let many = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) \
         INSERT INTO t (v) SELECT hex(randomblob(50)) FROM n"
    );
    if rows > 0 {
        db.execute_batch(&many).unwrap();
    }
}

/// How many rows a database's table `t` has.
pub fn rows(path: &Path) -> i64 {
    let db = Connection::open(path).unwrap();
    db.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap()
}

/// A program that writes one row after the other until it is dropped, as the office's own would.
pub struct Writing {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<i64>>,
}

impl Writing {
    pub fn start(path: &Path, pause: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, path) = (stop.clone(), path.to_owned());
        let thread = std::thread::spawn(move || {
            let db = Connection::open(path).unwrap();
            db.busy_timeout(Duration::from_secs(5)).unwrap();
            while !stopped.load(Ordering::Relaxed) {
                // A lock that lasts longer than the wait is tried again, as a patient program does.
                let _ = db.execute("INSERT INTO t (v) VALUES (datetime())", []);
                std::thread::sleep(pause);
            }
            db.query_row("SELECT max(id) FROM t", [], |row| row.get(0)).unwrap()
        });
        Self { stop, thread: Some(thread) }
    }

    /// Ends it; the last row's number.
    pub fn stop(mut self) -> i64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
