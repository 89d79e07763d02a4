//! Operations on a database's file that a power cut may interrupt: written down before each step.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::OptionalExtension;
use serde::{Deserialize, Serialize};
use sqlite_replicate_api::{Epoch, EpochRecord, ErrorCode, Report, Result};

use super::Journal;

/// An exchange of a database's file: an in-place restore, or its undoing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Operation {
    /// The database's path.
    pub(crate) path: PathBuf,
    /// The file that takes its place, in the same folder.
    pub(crate) incoming: PathBuf,
    /// Where the old file goes, in the same folder.
    pub(crate) aside: PathBuf,
    /// The epoch of the old file.
    pub(crate) from: Epoch,
    /// The epoch that begins with the new file.
    pub(crate) opens: EpochRecord,
    /// Whether this undoes an in-place restore.
    pub(crate) undo: bool,
    /// How far it is.
    pub(crate) phase: Phase,
}

/// How far an operation is. Each is durable before the step after it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Phase {
    /// Nothing at the database's path has changed yet. The next start takes `incoming` away and goes on as before,
    /// unless `incoming` is gone: then the exchange has happened, and it goes on as from `Swapped`.
    Prepared,
    /// The new file is in place. The next start opens the new epoch.
    Swapped,
}

/// A file that was set aside by an in-place restore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SetAside {
    pub(crate) id: i64,
    pub(crate) path: PathBuf,
    pub(crate) epoch: Epoch,
    pub(crate) at: Timestamp,
}

fn unreadable(error: serde_json::Error) -> Report {
    Report::new(ErrorCode::Internal, "an operation in the engine's own memory can't be understood")
        .because(error)
}

/// What took place, for whoever looks later.
fn told(operation: &Operation) -> String {
    let (name, aside) = (&operation.opens.database, operation.aside.display());
    match operation.undo {
        false => format!("a restored state of `{name}` is in its place; what was there is kept as `{aside}`"),
        true => format!("the restore of `{name}` is undone; what was there is kept as `{aside}`"),
    }
}

impl Journal {
    /// Writes down how far an operation is.
    pub(crate) fn note_operation(&self, database_id: &str, operation: &Operation) -> Result<()> {
        let text = serde_json::to_string(operation).map_err(unreadable)?;
        self.with(|db| {
            db.execute("INSERT OR REPLACE INTO operation VALUES (?1, ?2)", [database_id, &text]).map(drop)
        })
    }

    /// An operation that did not come to its end.
    pub(crate) fn operation(&self, database_id: &str) -> Result<Option<Operation>> {
        let text: Option<String> = self.with(|db| {
            db.query_row("SELECT operation FROM operation WHERE database_id = ?1", [database_id], |row| {
                row.get(0)
            })
            .optional()
        })?;
        text.map(|text| serde_json::from_str(&text).map_err(unreadable)).transpose()
    }

    /// It was given up before anything changed.
    pub(crate) fn drop_operation(&self, database_id: &str) -> Result<()> {
        self.with(|db| db.execute("DELETE FROM operation WHERE database_id = ?1", [database_id]).map(drop))
    }

    /// It is done: in one transaction the new epoch is opened, the old file is listed as set aside (or, after an undo,
    /// the one that came back is no longer), the operation is forgotten, and that it took place is told.
    pub(crate) fn finish_operation(
        &self,
        database_id: &str,
        operation: &Operation,
        at: Timestamp,
    ) -> Result<()> {
        let record = serde_json::to_string(&operation.opens).map_err(unreadable)?;
        let epoch = operation.opens.epoch;
        self.with(|db| {
            let transaction = db.transaction()?;
            transaction.execute(
                "INSERT OR IGNORE INTO epoch (database_id, term, n, record) VALUES (?1, ?2, ?3, ?4)",
                (database_id, epoch.term.cast_signed(), epoch.n.cast_signed(), record),
            )?;
            if operation.undo {
                transaction.execute(
                    "UPDATE set_aside SET undone = 1 WHERE id = (SELECT max(id) FROM set_aside WHERE database_id = ?1 AND undone = 0)",
                    [database_id],
                )?;
            }
            transaction.execute(
                "INSERT INTO set_aside (database_id, at, path, epoch, undone) VALUES (?1, ?2, ?3, ?4, ?5)",
                (
                    database_id,
                    at.as_millisecond(),
                    operation.aside.to_string_lossy(),
                    operation.from.to_string(),
                    operation.undo,
                ),
            )?;
            transaction.execute("DELETE FROM operation WHERE database_id = ?1", [database_id])?;
            transaction.execute(
                "INSERT INTO event (at, kind, database, text) VALUES (?1, 'restore-finished', ?2, ?3)",
                (at.as_millisecond(), operation.opens.database.as_str(), told(operation)),
            )?;
            transaction.commit()
        })
    }

    /// The file that the last in-place restore set aside, unless that was undone.
    pub(crate) fn last_set_aside(&self, database_id: &str) -> Result<Option<SetAside>> {
        self.with(|db| {
            let sql = "SELECT id, path, epoch, at FROM set_aside WHERE database_id = ?1 AND undone = 0 ORDER BY id DESC LIMIT 1";
            db.query_row(sql, [database_id], |row| {
                let (path, epoch): (String, String) = (row.get(1)?, row.get(2)?);
                Ok(SetAside {
                    id: row.get(0)?,
                    path: Path::new(&path).to_owned(),
                    epoch: epoch.parse().unwrap_or(Epoch::FIRST),
                    at: Timestamp::from_millisecond(row.get(3)?).unwrap_or(Timestamp::UNIX_EPOCH),
                })
            })
            .optional()
        })
    }
}
