//! What tests of faults share: a program that remembers what it committed, small disks, what processes are left.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::Value;

use super::host::{Host, database, rows};

/// A program that writes rows of its own numbering and remembers when each was committed.
pub struct Recording {
    stop: Arc<AtomicBool>,
    newest: Arc<AtomicI64>,
    committed: Arc<Mutex<Vec<(i64, Instant)>>>,
    thread: Option<JoinHandle<()>>,
}

impl Recording {
    /// Writes into table `t` until it is stopped, with a pause after each commit.
    pub fn start(path: &Path, pause: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let newest = Arc::new(AtomicI64::new(rows(path)));
        let committed = Arc::new(Mutex::new(Vec::new()));
        let thread = {
            let (stop, newest, committed) = (stop.clone(), newest.clone(), committed.clone());
            let path = path.to_owned();
            std::thread::spawn(move || {
                let db = Connection::open(path).unwrap();
                db.busy_timeout(Duration::from_secs(10)).unwrap();
                db.execute_batch("PRAGMA synchronous = NORMAL").unwrap();
                while !stop.load(Ordering::Relaxed) {
                    let id = newest.load(Ordering::Relaxed) + 1;
                    db.execute("INSERT INTO t (id, v) VALUES (?1, hex(randomblob(20)))", [id]).unwrap();
                    committed.lock().unwrap().push((id, Instant::now()));
                    newest.store(id, Ordering::Relaxed);
                    std::thread::sleep(pause);
                }
            })
        };
        Self { stop, newest, committed, thread: Some(thread) }
    }

    /// The last row that is known to be committed.
    pub fn newest(&self) -> i64 {
        self.newest.load(Ordering::Relaxed)
    }

    /// The last row that was committed before a moment.
    pub fn newest_before(&self, moment: Instant) -> i64 {
        let committed = self.committed.lock().unwrap();
        committed.iter().rev().find(|(_, at)| *at < moment).map_or(0, |(id, _)| *id)
    }

    /// Ends it; the last row.
    pub fn stop(mut self) -> i64 {
        self.end();
        self.newest()
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "a commit failed");
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.end();
    }
}

/// How long after a commit a status may still not know of it: it looks several times a second, on a busy machine less.
const UNSEEN: Duration = Duration::from_millis(600);

/// The newest row that a status claims to be stored: whatever was committed before its oldest commit that is not.
pub fn claimed(host: &Host, name: &str, writing: &Recording) -> Option<i64> {
    let status = host.try_status()?;
    let now = (Instant::now(), jiff::Timestamp::now());
    let about = database(&status, name);
    let lag = about["lag_seconds"].as_f64()?;
    if !about["stored"].is_string() || (lag == 0.0 && about["uncaptured"] == true) {
        return None;
    }
    let at: jiff::Timestamp = status["at"].as_str()?.parse().unwrap();
    let age = Duration::try_from(now.1.duration_since(at)).unwrap_or_default();
    let as_of = now.0.checked_sub(age + Duration::from_secs_f64(lag) + UNSEEN)?;
    Some(writing.newest_before(as_of))
}

/// Restores the newest moment into a new file, which must be whole; its last row.
pub fn restored(host: &Host, name: &str) -> i64 {
    let copy = host.path("restored.db");
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(host.path(&format!("restored.db{suffix}")));
    }
    host.ok(&["restore", name, "--to", copy.to_str().unwrap(), "--integrity", "full"]);
    whole(&copy);
    newest_row(&copy)
}

/// The last row of table `t`.
pub fn newest_row(path: &Path) -> i64 {
    let db = Connection::open(path).unwrap();
    db.query_row("SELECT coalesce(max(id), 0) FROM t", [], |row| row.get(0)).unwrap()
}

/// A database must be whole, and none of its rows missing in between.
pub fn whole(path: &Path) {
    let db = Connection::open(path).unwrap();
    let said: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(said, "ok", "{}", path.display());
    let ids = "WITH s AS (SELECT id, lag(id, 1, 0) OVER (ORDER BY id) AS before FROM t) \
               SELECT coalesce(group_concat((before + 1) || '-' || (id - 1), ', '), '') FROM s WHERE id > before + 1";
    let gaps: String = db.query_row(ids, [], |row| row.get(0)).unwrap();
    assert_eq!(gaps, "", "rows are missing in {}", path.display());
}

/// The processes that an engine of this host started and that are still there, with their command lines.
pub fn processes(host: &Host) -> Vec<(u32, String)> {
    let mark = format!("SQLITE_REPLICATE_TEST_RUN={}", host.home().display());
    let mut found = Vec::new();
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = process.file_name().to_string_lossy().parse::<u32>() else { continue };
        // One that ends meanwhile is not there.
        let Ok(environment) = std::fs::read(process.path().join("environ")) else { continue };
        if environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes()) {
            let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
            found.push((pid, String::from_utf8_lossy(&line).replace('\0', " ")));
        }
    }
    found
}

/// Waits until no process of the host's engine is left.
pub fn none_left(host: &Host) {
    super::until("no process is left", || processes(host).is_empty());
}

/// The process of a bundled program, also of one that does not serve yet.
pub fn any_pid(status: &Value, child: &str) -> Option<u32> {
    let child = status["children"].as_array()?.iter().find(|known| known["name"] == child)?;
    child["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok())
}

/// Kills a process of the test's own that may just have ended by itself.
pub fn kill_if_there(pid: u32) {
    let _ = Command::new("kill").args(["-9", &pid.to_string()]).output();
}

/// A small disk in memory. Only root can make one.
pub struct Disk {
    pub dir: PathBuf,
}

impl Disk {
    /// `None`, with a word on it, where the tests don't run as root.
    pub fn new(dir: PathBuf, megabytes: u32) -> Option<Self> {
        std::fs::create_dir_all(&dir).unwrap();
        let disk = Self { dir };
        let made = disk.mount(&["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"]);
        if !made && !rustix::process::geteuid().is_root() {
            eprintln!("skipped: only root can mount a small disk");
            std::mem::forget(disk);
            return None;
        }
        assert!(made, "a small disk can't be mounted");
        Some(disk)
    }

    /// Takes the right to write away, and gives it back.
    pub fn read_only(&self, read_only: bool) {
        let mode = if read_only { "remount,ro" } else { "remount,rw" };
        assert!(self.mount(&["-o", mode]));
    }

    /// Fills what is free but for some kilobytes.
    pub fn fill(&self) {
        use std::io::Write;
        let mut ballast = std::fs::File::create(self.dir.join("ballast")).unwrap();
        let chunk = vec![1; 64 * 1024];
        while ballast.write_all(&chunk).is_ok() {}
    }

    /// Gives the space back.
    pub fn free(&self) {
        std::fs::remove_file(self.dir.join("ballast")).unwrap();
    }

    fn mount(&self, arguments: &[&str]) -> bool {
        Command::new("mount").args(arguments).arg(&self.dir).status().unwrap().success()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a program that has it open may end a moment later.
        let _ = Command::new("umount").arg("-l").arg(&self.dir).status();
    }
}

/// A small generator for random moments: the seed is printed with a failing test.
pub struct Random(u64);

impl Random {
    /// From the environment, so that a failing run can be repeated, or from the clock.
    pub fn new() -> Self {
        let given = std::env::var("TEST_SEED").ok().and_then(|seed| seed.parse().ok());
        let clock = || std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
        let seed = given.unwrap_or_else(clock) | 1;
        eprintln!("repeat with TEST_SEED={seed}");
        Self(seed)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    pub fn millis(&mut self, limit: u64) -> Duration {
        Duration::from_millis(self.below(limit))
    }
}
