//! What happened, and what was checked.

use jiff::Timestamp;
use rusqlite::OptionalExtension;
use sqlite_replicate_api::{CheckSummary, Event, Name, Result};

use super::Journal;

/// Events kept.
const EVENTS: u64 = 20_000;

fn time(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH)
}

impl Journal {
    /// Adds an event.
    pub(crate) fn record(
        &self,
        at: Timestamp,
        kind: &str,
        database: Option<&Name>,
        text: &str,
    ) -> Result<()> {
        self.with(|db| {
            let sql = "INSERT INTO event (at, kind, database, text) VALUES (?1, ?2, ?3, ?4)";
            db.execute(sql, (at.as_millisecond(), kind, database.map(Name::as_str), text))?;
            let newest = db.last_insert_rowid();
            db.execute("DELETE FROM event WHERE id <= ?1", [newest - EVENTS.cast_signed()]).map(drop)
        })
    }

    /// Events after an id, oldest first. With `after` 0 the newest ones.
    pub(crate) fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>> {
        self.with(|db| {
            let sql = if after == 0 {
                "SELECT * FROM (SELECT id, at, kind, database, text FROM event WHERE id > ?1 ORDER BY id DESC LIMIT ?2) ORDER BY id"
            } else {
                "SELECT id, at, kind, database, text FROM event WHERE id > ?1 ORDER BY id LIMIT ?2"
            };
            let mut rows = db.prepare(sql)?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            rows.query_map((after.cast_signed(), limit), |row| {
                let database: Option<String> = row.get(3)?;
                Ok(Event {
                    id: row.get::<_, i64>(0)?.cast_unsigned(),
                    at: time(row.get(1)?),
                    kind: row.get(2)?,
                    database: database.and_then(|name| name.parse().ok()),
                    text: row.get(4)?,
                })
            })?
            .collect()
        })
    }

    /// Adds the result of a check (`drill`, `verify`, `validate`, `scan`).
    pub(crate) fn record_check(&self, database_id: &str, kind: &str, check: &CheckSummary) -> Result<()> {
        self.with(|db| {
            let sql = "INSERT INTO \"check\" (at, database_id, kind, good, text) VALUES (?1, ?2, ?3, ?4, ?5)";
            db.execute(sql, (check.at.as_millisecond(), database_id, kind, check.good, &check.text)).map(drop)
        })
    }

    /// The last check of one of some kinds.
    pub(crate) fn last_check(&self, database_id: &str, kinds: [&str; 2]) -> Result<Option<CheckSummary>> {
        self.with(|db| {
            let sql = "SELECT at, good, text FROM \"check\" WHERE database_id = ?1 AND kind IN (?2, ?3) ORDER BY id DESC LIMIT 1";
            db.query_row(sql, (database_id, kinds[0], kinds[1]), |row| {
                Ok(CheckSummary { at: time(row.get(0)?), good: row.get(1)?, text: row.get(2)? })
            })
            .optional()
        })
    }
}
