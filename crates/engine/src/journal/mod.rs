//! The engine's own memory: one SQLite file with `synchronous=FULL`, so that what it said is still so after a power cut.
//!
//! Every call is one short transaction. Callers on the engine's thread use [`Journal::run`], which keeps a slow disk
//! from stopping everything else.

mod epochs;
mod events;
mod operations;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension};
use sqlite_replicate_api::{ErrorCode, Report, Result};

pub(crate) use operations::{Operation, Phase};

/// Steps from an empty file to today's tables; a later version adds steps and never changes one.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE fact (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    CREATE TABLE database (name TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE epoch (
        database_id TEXT NOT NULL, term INTEGER NOT NULL, n INTEGER NOT NULL, record TEXT NOT NULL,
        file TEXT NOT NULL DEFAULT '', announced INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (database_id, term, n)) STRICT;
    CREATE TABLE event (
        id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, kind TEXT NOT NULL, database TEXT, text TEXT NOT NULL) STRICT;
    CREATE TABLE \"check\" (
        id INTEGER PRIMARY KEY, at INTEGER NOT NULL, database_id TEXT NOT NULL, kind TEXT NOT NULL,
        good INTEGER NOT NULL, text TEXT NOT NULL) STRICT;
    CREATE INDEX check_latest ON \"check\" (database_id, kind, at);
    CREATE TABLE operation (database_id TEXT PRIMARY KEY, operation TEXT NOT NULL) STRICT;
    CREATE TABLE set_aside (
        id INTEGER PRIMARY KEY AUTOINCREMENT, database_id TEXT NOT NULL, at INTEGER NOT NULL, path TEXT NOT NULL,
        epoch TEXT NOT NULL, undone INTEGER NOT NULL DEFAULT 0) STRICT;
"];

/// The journal of a host. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    connection: Arc<Mutex<Connection>>,
}

fn trouble(error: rusqlite::Error) -> Report {
    Report::new(ErrorCode::Io, "the engine's own memory can't be read or written")
        .because(error)
        .hint("check the space and the permissions of the home folder")
}

impl Journal {
    /// Opens it, or makes it.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let open = || -> rusqlite::Result<Connection> {
            let mut connection = Connection::open(path)?;
            connection.busy_timeout(std::time::Duration::from_secs(5))?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            let done: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
            for (version, step) in (1u32..).zip(MIGRATIONS).skip(done as usize) {
                let transaction = connection.transaction()?;
                transaction.execute_batch(step)?;
                transaction.pragma_update(None, "user_version", version)?;
                transaction.commit()?;
            }
            Ok(connection)
        };
        let connection = open().map_err(|error| {
            Report::new(
                ErrorCode::Io,
                format!("the engine's own memory `{}` can't be opened", path.display()),
            )
            .because(error)
            .hint("check the space and the permissions of the home folder")
        })?;
        crate::home::make_file_private(path).map_err(|error| {
            Report::new(ErrorCode::Io, format!("`{}` can't be made private", path.display())).because(error)
        })?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    /// Runs a call of the journal away from the engine's thread.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let journal = self.clone();
        tokio::task::spawn_blocking(move || call(&journal))
            .await
            .unwrap_or_else(|_| Err(Report::new(ErrorCode::Internal, "the engine ends")))
    }

    fn with<T>(&self, call: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        call(&mut connection).map_err(trouble)
    }

    /// A remembered fact.
    pub(crate) fn fact(&self, key: &str) -> Result<Option<String>> {
        self.with(|db| {
            db.query_row("SELECT value FROM fact WHERE key = ?1", [key], |row| row.get(0)).optional()
        })
    }

    /// The host stopped uncleanly: every history is to be checked, and stays so until it was.
    pub(crate) fn doubt_all(&self) -> Result<()> {
        self.with(|db| {
            let sql = "INSERT OR REPLACE INTO fact SELECT 'unchecked ' || id, '1' FROM database";
            db.execute(sql, []).map(drop)
        })
    }

    /// Remembers a fact.
    pub(crate) fn set_fact(&self, key: &str, value: &str) -> Result<()> {
        self.with(|db| db.execute("INSERT OR REPLACE INTO fact VALUES (?1, ?2)", [key, value]).map(drop))
    }

    /// A fact that is made once and then stays: an id.
    pub(crate) fn lasting_fact(&self, key: &str, make: impl FnOnce() -> Result<String>) -> Result<String> {
        if let Some(value) = self.fact(key)? {
            return Ok(value);
        }
        let value = make()?;
        self.set_fact(key, &value)?;
        Ok(value)
    }
}
