//! Whether the file at a database's path is still the one that an epoch describes.
//!
//! Another file has another number on its disk, or was born at another time. A file that was *copied over* has neither:
//! what it holds tells. Two counters in it only grow for as long as it is the same database: SQLite's changes of the
//! schema, and Litestream's checkpoints. They are read from the file alone, without its log, because the log that lies
//! beside a replaced file may still be the old one's.

use std::path::Path;
use std::time::UNIX_EPOCH;

use rusqlite::{Connection, OpenFlags};
use serde::{Deserialize, Serialize};

use crate::inspect::file_mark;
use crate::jobs::fetch::uri_path;

/// What a file was when it was last seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// See [`file_mark`].
    pub(crate) file: String,
    /// Changes of the schema, as the file without its log has it.
    schema: Option<i64>,
    /// Litestream's checkpoints, as the file without its log has it; none before the first one.
    checkpoints: Option<i64>,
    /// Bytes per page. Litestream never gets over a change of it.
    page_size: Option<i64>,
    /// Size in bytes and time of the last change, in nanoseconds since 1970.
    touched: (u64, u128),
}

impl Identity {
    /// Looks at a file without taking any lock, and without disturbing those that others, or other parts of this
    /// process, have: SQLite opens it.
    ///
    /// # Errors
    /// When it is not there, or can't be looked at.
    pub(crate) fn of(path: &Path) -> std::io::Result<Self> {
        let touched = touched(path)?;
        let file = file_mark(path)?;
        let found = inside(path).unwrap_or_default();
        Ok(Self { file, touched, ..found })
    }

    /// Whether a file that is copied over this one would be noticed: Litestream's count has reached the file.
    pub(crate) fn is_telling(&self) -> bool {
        self.checkpoints.is_some()
    }

    /// Whether nobody has written the file itself since; its log may have grown.
    pub(crate) fn is_untouched(&self, path: &Path) -> bool {
        file_mark(path).is_ok_and(|mark| mark == self.file)
            && touched(path).is_ok_and(|touched| touched == self.touched)
    }

    /// Whether a file that was seen later was written without Litestream's count going on, as its checkpoints let it.
    pub(crate) fn is_rewritten_as(&self, later: &Self) -> bool {
        later.touched != self.touched && (later.schema, later.checkpoints) == (self.schema, self.checkpoints)
    }

    /// Whether a file that was seen later can be this one.
    pub(crate) fn goes_on_as(&self, later: &Self) -> bool {
        // An older state, or none at all where there was one, is another database. `None` sorts first.
        self.file == later.file
            && later.schema >= self.schema
            && later.checkpoints >= self.checkpoints
            && (self.page_size.is_none() || later.page_size == self.page_size)
    }
}

fn touched(path: &Path) -> std::io::Result<(u64, u128)> {
    let metadata = std::fs::metadata(path)?;
    let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok((metadata.len(), modified.as_nanos()))
}

/// What the file without its log says. `immutable` means: no lock, no log, no trace.
fn inside(path: &Path) -> rusqlite::Result<Identity> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(format!("file:{}?immutable=1", uri_path(path)), flags)?;
    let number = |sql: &str| db.query_row(sql, [], |row| row.get(0));
    Ok(Identity {
        schema: Some(number("PRAGMA schema_version")?),
        page_size: Some(number("PRAGMA page_size")?),
        checkpoints: number("SELECT coalesce(max(seq), 0) FROM _litestream_seq").ok(),
        ..Identity::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(path: &Path, statements: &str) {
        Connection::open(path).unwrap().execute_batch(statements).unwrap();
    }

    #[test]
    fn a_database_that_goes_on_is_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        database(&path, "PRAGMA journal_mode = WAL; CREATE TABLE t (a)");
        let first = Identity::of(&path).unwrap();
        assert!(first.is_untouched(&path));
        database(
            &path,
            "CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER); INSERT INTO _litestream_seq VALUES (1, 1)",
        );
        let second = Identity::of(&path).unwrap();
        database(&path, "UPDATE _litestream_seq SET seq = 2; VACUUM");
        let third = Identity::of(&path).unwrap();
        assert!(first.goes_on_as(&second) && second.goes_on_as(&third) && first.goes_on_as(&third));
        assert!(!second.is_untouched(&path) && third.is_untouched(&path));
    }

    #[test]
    fn what_was_copied_over_it_is_another() {
        let dir = tempfile::tempdir().unwrap();
        let (path, old) = (dir.path().join("a.db"), dir.path().join("old.db"));
        database(
            &path,
            "CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER); INSERT INTO _litestream_seq VALUES (1, 1)",
        );
        std::fs::copy(&path, &old).unwrap();
        database(&path, "UPDATE _litestream_seq SET seq = 2");
        let known = Identity::of(&path).unwrap();
        std::fs::copy(&old, &path).unwrap();
        let later = Identity::of(&path).unwrap();
        assert_eq!(later.file, known.file);
        assert!(!known.goes_on_as(&later));
        std::fs::write(&path, "no database at all").unwrap();
        assert!(!known.goes_on_as(&Identity::of(&path).unwrap()));
    }

    #[test]
    fn one_of_another_page_size_is_another() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        database(&path, "CREATE TABLE t (a)");
        let known = Identity::of(&path).unwrap();
        database(&path, "PRAGMA page_size = 8192; VACUUM");
        assert!(!known.goes_on_as(&Identity::of(&path).unwrap()));
    }

    #[test]
    fn a_new_file_is_another_even_with_the_old_ones_number() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        database(&path, "CREATE TABLE t (a)");
        let known = Identity::of(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        database(&path, "CREATE TABLE t (a)");
        assert!(!known.goes_on_as(&Identity::of(&path).unwrap()));
    }
}
