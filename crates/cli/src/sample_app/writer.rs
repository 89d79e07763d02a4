//! The writing core of the sample program: a thread with its own SQLite connection.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::config::DbConfig;
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
    /// Starts it on a database, which is made where it does not exist, and waits until the first row is written or
    /// could not be: at most two seconds, while SQLite waits for a lock. `payload` is bytes of ballast in each row.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(database: PathBuf, every: Duration, payload: u32) -> std::io::Result<Self> {
        let health = Arc::new(Mutex::new(Health::default()));
        let (end, ended) = mpsc::channel();
        let shared = Arc::clone(&health);
        let (tried, first) = mpsc::channel::<()>();
        let write = move || {
            let mut rows = Rows { database: &database, payload, open: None, made: false };
            note(&shared, rows.add());
            drop(tried);
            write_until(&ended, every, &mut rows, &shared);
        };
        let thread = std::thread::Builder::new().name("writer".to_owned()).spawn(write)?;
        // Nothing is ever sent: what is waited for is the end of the sender.
        let _ = first.recv();
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

/// Adds a row whenever one is due, until the sender of `ended` is gone.
fn write_until(ended: &mpsc::Receiver<()>, every: Duration, rows: &mut Rows<'_>, health: &Mutex<Health>) {
    let mut due = Instant::now();
    loop {
        due += every;
        let now = Instant::now();
        if due < now {
            due = now;
        }
        match ended.recv_timeout(due - now) {
            Err(RecvTimeoutError::Timeout) => note(health, rows.add()),
            Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    if let Err(error) = rows.kept() {
        note(health, Err(error));
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

/// The rows of a database, through a connection that is made again whenever it must be.
struct Rows<'a> {
    database: &'a Path,
    payload: u32,
    open: Option<(Connection, Option<Identity>)>,
    /// Whether the database was ever there. From then on none is made: where it is away, something is being done to
    /// it, and an empty one would be in the way.
    made: bool,
}

impl Rows<'_> {
    fn add(&mut self) -> rusqlite::Result<(i64, Timestamp)> {
        let connection = match self.kept()? {
            Some(connection) => connection,
            None => self.connect()?,
        };
        match insert(&connection, self.payload) {
            Ok(row) => {
                self.open = Some((connection, identity(self.database)));
                Ok(row)
            }
            // A connection that failed is not used again: perhaps its file is just being taken away.
            Err(error) => abandon(connection).and(Err(error)),
        }
    }

    /// The connection, if its file still stands at the path.
    fn kept(&mut self) -> rusqlite::Result<Option<Connection>> {
        match self.open.take() {
            Some((connection, file)) if file == identity(self.database) => Ok(Some(connection)),
            Some((connection, _)) => abandon(connection).map(|()| None),
            None => Ok(None),
        }
    }

    fn connect(&mut self) -> rusqlite::Result<Connection> {
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        flags.set(OpenFlags::SQLITE_OPEN_CREATE, !self.made);
        let connection = Connection::open_with_flags(self.database, flags)?;
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
        self.made = true;
        Ok(connection)
    }
}

fn insert(connection: &Connection, payload: u32) -> rusqlite::Result<(i64, Timestamp)> {
    let at = Timestamp::now();
    let row =
        "INSERT INTO events (at, payload) VALUES (?1, CASE ?2 WHEN 0 THEN NULL ELSE randomblob(?2) END)";
    connection.prepare_cached(row)?.execute((at.to_string(), payload))?;
    Ok((connection.last_insert_rowid(), at))
}

/// Closes a connection whose file may no longer be at its path: a restore puts another one there. SQLite would end its
/// last connection by deleting the `-wal` file *by name*, and that one belongs to the other database now.
fn abandon(connection: Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.close().map_err(|(_, error)| error)
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
