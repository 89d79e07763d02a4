//! Databases and their epochs.

use rusqlite::OptionalExtension;
use sqlite_replicate_api::{Epoch, EpochRecord, ErrorCode, Name, Report, Result};

use super::Journal;

fn unreadable(error: serde_json::Error) -> Report {
    Report::new(ErrorCode::Internal, "a record in the engine's own memory can't be understood").because(error)
}

impl Journal {
    /// The random id of a database; made when it is seen for the first time.
    pub(crate) fn database_id(&self, name: &Name, make: impl FnOnce() -> Result<String>) -> Result<String> {
        let found = self.with(|db| {
            db.query_row("SELECT id FROM database WHERE name = ?1", [name.as_str()], |row| row.get(0))
                .optional()
        })?;
        if let Some(id) = found {
            return Ok(id);
        }
        let id = make()?;
        self.with(|db| db.execute("INSERT INTO database VALUES (?1, ?2)", [name.as_str(), &id]))?;
        Ok(id)
    }

    /// Every epoch of a database, oldest first, with what is known of its file (see `file_mark`).
    pub(crate) fn epochs(&self, database_id: &str) -> Result<Vec<EpochRecord>> {
        let texts = self.with(|db| {
            let mut rows = db.prepare("SELECT record FROM epoch WHERE database_id = ?1 ORDER BY term, n")?;
            rows.query_map([database_id], |row| row.get::<_, String>(0))?
                .collect::<rusqlite::Result<Vec<_>>>()
        })?;
        texts.iter().map(|text| serde_json::from_str(text).map_err(unreadable)).collect()
    }

    /// Opens an epoch. It is the current one from now on.
    pub(crate) fn open_epoch(&self, record: &EpochRecord) -> Result<()> {
        let text = serde_json::to_string(record).map_err(unreadable)?;
        self.with(|db| {
            db.execute(
                "INSERT INTO epoch (database_id, term, n, record) VALUES (?1, ?2, ?3, ?4)",
                (&record.database_id, record.epoch.term.cast_signed(), record.epoch.n.cast_signed(), text),
            )
            .map(drop)
        })
    }

    /// Forgets an epoch whose objects have been deleted.
    pub(crate) fn forget_epoch(&self, database_id: &str, epoch: Epoch) -> Result<()> {
        self.with(|db| {
            db.execute(
                "DELETE FROM epoch WHERE database_id = ?1 AND term = ?2 AND n = ?3",
                (database_id, epoch.term.cast_signed(), epoch.n.cast_signed()),
            )
            .map(drop)
        })
    }

    /// Whether the store holds the record of an epoch.
    pub(crate) fn announced(&self, database_id: &str, epoch: Epoch) -> Result<bool> {
        self.with(|db| {
            let sql = "SELECT announced FROM epoch WHERE database_id = ?1 AND term = ?2 AND n = ?3";
            let key = (database_id, epoch.term.cast_signed(), epoch.n.cast_signed());
            db.query_row(sql, key, |row| row.get(0)).optional().map(|found| found.unwrap_or(false))
        })
    }

    /// The store holds the record of an epoch.
    pub(crate) fn set_announced(&self, database_id: &str, epoch: Epoch) -> Result<()> {
        self.with(|db| {
            let sql = "UPDATE epoch SET announced = 1 WHERE database_id = ?1 AND term = ?2 AND n = ?3";
            db.execute(sql, (database_id, epoch.term.cast_signed(), epoch.n.cast_signed())).map(drop)
        })
    }

    /// What identifies the file that an epoch describes (device and file number): another one at the same path is
    /// another database.
    pub(crate) fn file_mark(&self, database_id: &str, epoch: Epoch) -> Result<String> {
        self.with(|db| {
            let sql = "SELECT file FROM epoch WHERE database_id = ?1 AND term = ?2 AND n = ?3";
            let key = (database_id, epoch.term.cast_signed(), epoch.n.cast_signed());
            db.query_row(sql, key, |row| row.get(0)).optional().map(Option::unwrap_or_default)
        })
    }

    /// Remembers it.
    pub(crate) fn set_file_mark(&self, database_id: &str, epoch: Epoch, mark: &str) -> Result<()> {
        self.with(|db| {
            let sql = "UPDATE epoch SET file = ?4 WHERE database_id = ?1 AND term = ?2 AND n = ?3";
            db.execute(sql, (database_id, epoch.term.cast_signed(), epoch.n.cast_signed(), mark)).map(drop)
        })
    }
}
