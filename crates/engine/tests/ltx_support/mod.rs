//! The real Litestream for tests: databases in a temporary folder, each replicated to a folder of files
//! beside it.

// Each test file is a program of its own and uses a part of this.
#![allow(dead_code, unreachable_pub)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::Connection;
use sqlite_replicate_api::Txid;
use sqlite_replicate_engine::chain::{Listing, Object};
use sqlite_replicate_engine::ltx::{Header, Level, LtxName};
use sqlite_replicate_engine::wal::{WalTail, captured_covers};
use tempfile::TempDir;

/// A folder with databases and their replicas; Litestream is ended when it goes.
pub struct Office {
    pub folder: TempDir,
    pub names: Vec<String>,
    running: Option<Child>,
}

impl Office {
    /// Configures Litestream for databases that need not exist yet. `settings` is YAML for the top of the
    /// configuration.
    pub fn new(names: &[&str], settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = format!("logging: {{level: warn, stderr: true}}\n{settings}\ndbs:\n");
        for name in names {
            let path = |kind: &str| folder.path().join(format!("{name}{kind}")).display().to_string();
            config.push_str(&format!(
                "- path: '{}'\n  meta-path: '{}'\n  monitor-interval: 50ms\n  \
                 replica: {{type: file, path: '{}', sync-interval: 50ms}}\n",
                path(".db"),
                path(".meta"),
                path(".replica"),
            ));
        }
        fs::write(folder.path().join("litestream.yml"), config).unwrap();
        Self { folder, names: names.iter().map(|n| (*n).to_owned()).collect(), running: None }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.db"))
    }

    /// A program's connection: WAL, and checkpoints left to Litestream.
    pub fn open(&self, name: &str) -> Connection {
        let db = Connection::open(self.path(name)).unwrap();
        db.busy_timeout(Duration::from_secs(20)).unwrap();
        db.execute_batch(
            "PRAGMA journal_mode = wal; PRAGMA synchronous = off; PRAGMA wal_autocheckpoint = 0",
        )
        .unwrap();
        db
    }

    fn command(&self, command: &str) -> Command {
        let mut all = Command::new(litestream());
        all.arg(command).arg("-config").arg(self.folder.path().join("litestream.yml"));
        // Nothing of the tester's own may reach it.
        all.env_clear().envs(
            std::env::vars().filter(|(k, _)| !["AWS_", "LITESTREAM_"].iter().any(|p| k.starts_with(p))),
        );
        all.stdin(Stdio::null());
        all
    }

    pub fn start(&mut self) {
        let log = fs::File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let child = self.command("replicate").stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        assert!(self.running.replace(child).is_none(), "one at a time");
    }

    /// Ends it without a last word: what it has not captured is not captured.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.running.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Captures once and ends; `options` like `-force-snapshot`.
    pub fn replicate_once(&self, options: &[&str]) {
        assert!(self.running.is_none(), "one at a time");
        let output = self.command("replicate").arg("-once").args(options).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// `litestream restore` of one database to a new file.
    pub fn restore(&self, name: &str, to: &Path, txid: Option<Txid>) -> Output {
        self.restore_command(to, txid).arg(self.path(name)).output().unwrap()
    }

    /// What `litestream restore` would take, as (level, name); `None` if it refuses.
    pub fn dry_run(&self, name: &str, txid: Option<Txid>) -> Option<Vec<(u8, String)>> {
        let to = self.folder.path().join("never");
        let output = self
            .restore_command(&to, txid)
            .args(["-dry-run", "-json"])
            .arg(self.path(name))
            .output()
            .unwrap();
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr);
            let refused = ["no matching backup files available", "non-contiguous ltx files"];
            assert!(refused.iter().any(|r| text.contains(r)), "{output:?}");
            return None;
        }
        let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let file = |f: &serde_json::Value| {
            (u8::try_from(f["level"].as_u64().unwrap()).unwrap(), f["name"].as_str().unwrap().to_owned())
        };
        Some(plan["files"].as_array().unwrap().iter().map(file).collect())
    }

    fn restore_command(&self, to: &Path, txid: Option<Txid>) -> Command {
        let mut command = self.command("restore");
        command.arg("-o").arg(to);
        if let Some(txid) = txid {
            command.arg("-txid").arg(txid.to_string());
        }
        command
    }

    /// The replica's objects with their files.
    pub fn files(&self, name: &str) -> Vec<(Object, PathBuf)> {
        files_below(&self.folder.path().join(format!("{name}.replica")))
    }

    pub fn listing(&self, name: &str) -> Listing {
        self.files(name).into_iter().map(|(object, _)| object).collect()
    }

    /// The header of the newest file in Litestream's own level 0.
    pub fn captured(&self, name: &str) -> Option<Header> {
        let (_, newest) = self.captured_files(name).pop()?;
        // Retention may take it away in between.
        Header::parse(&fs::read(newest).ok()?).ok()
    }

    /// The files of Litestream's own level 0, in order.
    pub fn captured_files(&self, name: &str) -> Vec<(Object, PathBuf)> {
        let mut files = files_below(&self.folder.path().join(format!("{name}.meta")));
        files.retain(|(object, _)| object.level == Level::CAPTURED);
        files
    }

    /// Waits until everything committed is captured, and gives the newest transaction.
    pub fn wait_until_captured(&self, name: &str, tail: &mut WalTail) -> Txid {
        wait_for("everything to be captured", || {
            let end = tail.poll().unwrap();
            let header = self.captured(name)?;
            captured_covers(&header, &end).is_complete().then_some(header.max)
        })
    }

    /// Waits until the replica holds a transaction.
    pub fn wait_until_stored(&self, name: &str, txid: Txid) {
        wait_for("the replica", || (self.listing(name).newest()? >= txid).then_some(()));
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        if let Some(mut child) = self.running.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("Litestream's log:\n{}", self.log());
        }
    }
}

fn litestream() -> PathBuf {
    let folder = std::env::var_os("SQLITE_REPLICATE_BIN_DIR").expect(
        "SQLITE_REPLICATE_BIN_DIR is not set: run `cargo xtask bundle`, or the tests by `cargo xtask test`",
    );
    let path = Path::new(&folder).join(format!("litestream{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "{} is missing: run `cargo xtask bundle`", path.display());
    path
}

/// The LTX files of Litestream's folder or file replica.
fn files_below(folder: &Path) -> Vec<(Object, PathBuf)> {
    let mut files = Vec::new();
    for level in Level::ALL {
        let Ok(entries) = fs::read_dir(folder.join("ltx").join(level.to_string())) else { continue };
        for entry in entries {
            let entry = entry.unwrap();
            // Others are being written (`.tmp`), or are deleted before they can be looked at.
            let Ok(name) = entry.file_name().to_string_lossy().parse::<LtxName>() else { continue };
            let Ok(meta) = entry.metadata() else { continue };
            let stored_at = Timestamp::try_from(meta.modified().unwrap()).unwrap();
            let (size, timestamp) = (meta.len(), None);
            let object = Object { level, min: name.min, max: name.max, size, stored_at, timestamp };
            files.push((object, entry.path()));
        }
    }
    files.sort_by_key(|(object, _)| object.key());
    files
}

/// Asks until there is an answer; half a minute at most.
pub fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Random numbers that are the same in each run (xorshift64*).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub fn bytes(&mut self, n: usize) -> Vec<u8> {
        (0..n).map(|_| self.next().to_le_bytes()[7]).collect()
    }
}
