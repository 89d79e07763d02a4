//! Databases to measure with, of random bytes: nothing that a copy could compress.

use std::path::Path;

use anyhow::{Context, Result};
use rusqlite::Connection;

/// A database in WAL mode of about this many megabytes, everything moved from the log into the file.
pub(super) fn make(path: &Path, megabytes: f64) -> Result<()> {
    let made = || -> rusqlite::Result<()> {
        let db = Connection::open(path)?;
        // Nobody needs it after a crash.
        db.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;
             CREATE TABLE filling (id INTEGER PRIMARY KEY, v BLOB);
             CREATE TABLE marks (id INTEGER PRIMARY KEY, mark BLOB);",
        )?;
        #[allow(clippy::cast_possible_truncation, reason = "far below the limit")]
        let mut left = (megabytes * 1e6 / 4000.0) as i64;
        while left > 0 {
            // A value that fills what a page of 4096 bytes has for it, a few thousand at a time.
            db.execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
                 INSERT INTO filling (v) SELECT randomblob(4000) FROM n",
                [left.min(8000)],
            )?;
            left -= 8000;
            db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        }
        Ok(())
    };
    made().with_context(|| format!("could not make the database `{}`", path.display()))
}

/// A program's connection.
pub(super) fn open(path: &Path) -> Result<Connection> {
    let opened = || -> rusqlite::Result<Connection> {
        let db = Connection::open(path)?;
        db.busy_timeout(std::time::Duration::from_secs(5))?;
        db.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0")?;
        Ok(db)
    };
    opened().with_context(|| format!("could not open the database `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_as_large_as_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        make(&path, 2.0).unwrap();
        let size = path.metadata().unwrap().len();
        assert!((1_900_000..2_300_000).contains(&size), "{size}");
        let fine: String =
            open(&path).unwrap().query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(fine, "ok");
    }
}
