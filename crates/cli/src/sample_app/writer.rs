//! The writing core of the sample program: a thread with its own SQLite connection.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};
use serde::Serialize;

/// How long SQLite waits for a lock before the writer says that it can't write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// How the writing goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Health {
    /// Rows that were committed since the start.
    pub written: u64,
    /// The last of them.
    pub last_id: Option<i64>,
    /// When it was committed.
    pub last_at: Option<Timestamp>,
    /// Why the last try failed; none when it worked, or before the first.
    pub trouble: Option<String>,
}

/// A row of `events`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Grows with each row.
    pub id: i64,
    /// When it was written, RFC 3339.
    pub at: String,
}

/// A running writer: it adds a row to `events` every so often, each in a transaction of its own, flushed to disk.
///
/// A database that is locked, read-only or away is tried again; rows that fell due meanwhile are left out.
pub struct Writer {
    health: Arc<Mutex<Health>>,
    end: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl Writer {
    /// Starts it on a database, which is made where it does not exist. `payload` is bytes of ballast in each row.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(database: PathBuf, every: Duration, payload: u32) -> std::io::Result<Self> {
        let health = Arc::new(Mutex::new(Health::default()));
        let (end, ended) = mpsc::channel();
        let shared = Arc::clone(&health);
        let write = move || write_until(&ended, &database, every, payload, &shared);
        let thread = std::thread::Builder::new().name("writer".to_owned()).spawn(write)?;
        Ok(Self { health, end, thread })
    }

    /// How it goes, now and later.
    pub fn health(&self) -> Arc<Mutex<Health>> {
        Arc::clone(&self.health)
    }

    /// Lets it finish the row under way and waits for its end.
    pub fn stop(self) {
        drop(self.end);
        // A panic of the thread has been printed; there is nothing to be mended here.
        let _ = self.thread.join();
    }
}

/// The newest rows, newest first, and how many there are in all; read through a connection of its own.
///
/// # Errors
/// Where the database is away or can't be read.
pub fn latest(database: &Path, limit: u32) -> rusqlite::Result<(i64, Vec<Event>)> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    let count: i64 = connection.query_row("SELECT count(*) FROM events", [], |row| row.get(0))?;
    let mut statement = connection.prepare("SELECT id, at FROM events ORDER BY id DESC LIMIT ?1")?;
    let rows = statement.query_map([limit], |row| Ok(Event { id: row.get(0)?, at: row.get(1)? }))?;
    Ok((count, rows.collect::<rusqlite::Result<_>>()?))
}

fn write_until(
    ended: &mpsc::Receiver<()>,
    database: &Path,
    every: Duration,
    payload: u32,
    health: &Mutex<Health>,
) {
    let mut open = None;
    let mut due = Instant::now();
    loop {
        // A connection after a failure is a new one: the file may have been put in its place meanwhile.
        let written = match open.take().filter(|open: &Open| open.still_there(database)) {
            Some(open) => Ok(open),
            None => Open::new(database),
        }
        .and_then(|mut now_open| {
            let row = now_open.write(payload)?;
            open = Some(now_open);
            Ok(row)
        });
        note(health, written);
        due += every;
        let now = Instant::now();
        if due < now {
            due = now;
        }
        match ended.recv_timeout(due - now) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn note(health: &Mutex<Health>, written: rusqlite::Result<(i64, Timestamp)>) {
    let mut health = health.lock().unwrap_or_else(PoisonError::into_inner);
    match written {
        Ok((id, at)) => {
            health.written += 1;
            (health.last_id, health.last_at, health.trouble) = (Some(id), Some(at), None);
        }
        Err(error) => health.trouble = Some(error.to_string()),
    }
}

/// An open connection, and which file it belongs to.
struct Open {
    connection: Connection,
    file: Option<Identity>,
}

impl Open {
    fn new(database: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(database)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS events (
                 id INTEGER PRIMARY KEY AUTOINCREMENT,
                 at TEXT NOT NULL,
                 payload BLOB
             )",
        )?;
        Ok(Self { connection, file: identity(database) })
    }

    /// Whether the file of this connection still stands at its path: a restore may have put another one there.
    fn still_there(&self, database: &Path) -> bool {
        self.file == identity(database)
    }

    fn write(&mut self, payload: u32) -> rusqlite::Result<(i64, Timestamp)> {
        let at = Timestamp::now();
        let sql =
            "INSERT INTO events (at, payload) VALUES (?1, CASE ?2 WHEN 0 THEN NULL ELSE randomblob(?2) END)";
        self.connection.prepare_cached(sql)?.execute((at.to_string(), payload))?;
        Ok((self.connection.last_insert_rowid(), at))
    }
}

type Identity = (u64, u64);

#[cfg(unix)]
fn identity(database: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(database).ok().map(|file| (file.dev(), file.ino()))
}

/// Elsewhere a file that a program has open can't be replaced.
#[cfg(not(unix))]
fn identity(_: &Path) -> Option<Identity> {
    None
}
