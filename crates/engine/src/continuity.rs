//! No commit is left out across a stop of Litestream.
//!
//! Litestream 0.5.18 can lose commits without a word when it was down, a program committed, and the write-ahead log was
//! started again before it came back: it then goes on incrementally, as if nothing had been in between
//! (docs/field-notes.md). So before each of its starts the log is compared with its newest file: unless the log is
//! the very one that it was reading, the log is emptied into the database and cut, and Litestream begins with a whole copy. And the first
//! file after each start is checked: it must go on in the same log, or be a whole copy. Until it is, nothing new counts as captured.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};
use sqlite_replicate_api::{ErrorCode, Name, OpenedBy, Report, Result, Txid};

use crate::core::{Core, lock};
use crate::inspect::explain;
use crate::ltx;
use crate::protect;
use crate::store::layout::unproved;
use crate::wal::{Coverage, WalTail, captured_covers};
use crate::watch::{Watched, newest_file};

/// How long a program's reader may keep the log from being cut before a new history is begun instead.
const PATIENCE: Duration = Duration::from_secs(3);

/// Makes databases ready for a start of Litestream, which must not be running. Blocking.
///
/// # Errors
/// When a log can't be cut; the next try begins a new history for that database.
pub(crate) fn prepare(core: &Core, names: &[Name]) -> Result<()> {
    for name in names {
        // One that is no longer protected is none of Litestream's business either.
        let Ok(database) = core.database(name) else { continue };
        let watched = database.watched();
        let newest = newest_file(&watched.level_0());
        // The first file after the start before this one may not have been judged: Litestream, or this engine, was killed.
        let unproved = watched.take_cut_wanted() | !watched.is_proved();
        let mut doubt = unproved;
        if let Some((_, header)) = &newest {
            doubt |= !continues(&database.path, header)?;
            if doubt {
                cut(&database.path).inspect_err(|_| watched.want_new_epoch())?;
            }
        }
        if let Some((_, header)) = &newest {
            let prefix = database.record().prefix;
            tokio::runtime::Handle::current().block_on(mark(core, &prefix, header.max, unproved))?;
        }
        watched.expect_succession(newest.map(|(_, header)| header), doubt).map_err(|error| {
            Report::new(ErrorCode::Io, "a start of Litestream can't be prepared").because(error)
        })?;
    }
    Ok(())
}

/// Marks in the store how far the line is proved, before anything after it can come there. A mark that is there already
/// stays while the doubt does: what came after it is what is doubted.
async fn mark(core: &Core, prefix: &str, newest: Txid, keep: bool) -> Result<()> {
    let store = core.store()?;
    let key = unproved(prefix);
    if keep && store.get_small(&key).await.is_ok() {
        return Ok(());
    }
    store.put_small(&key, newest.to_string().into_bytes()).await
}

/// Takes the marks away whose doubt is over: the first sound file is stored, and with it nothing is left out.
///
/// # Errors
/// When the store can't be asked; the next round tries again.
pub(crate) async fn lift_marks(core: &Core) -> Result<()> {
    let databases = lock(&core.databases).clone();
    for database in databases {
        let watched = database.watched();
        let stored = watched.seen().progress.stored_txid();
        if let Some(sound) = watched.sound_from()
            && stored >= Some(sound)
        {
            core.store()?.delete(&unproved(&database.record().prefix)).await?;
            watched.forget_sound_from();
        }
    }
    Ok(())
}

/// Whether the log is the one that Litestream was reading.
fn continues(path: &Path, newest: &ltx::Header) -> Result<bool> {
    let mut tail = WalTail::new(path);
    loop {
        let end = tail.poll().map_err(|error| {
            Report::new(ErrorCode::Io, format!("the log of `{}` can't be read", path.display()))
                .because(error)
        })?;
        match captured_covers(newest, &end) {
            Coverage::Unsettled => {}
            Coverage::Complete | Coverage::Behind { .. } => return Ok(true),
            Coverage::Restarted { .. } => return Ok(false),
        }
    }
}

/// Empties the log into the database and cuts it to nothing.
fn cut(path: &Path) -> Result<()> {
    let call = || -> rusqlite::Result<bool> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(PATIENCE)?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
    };
    match call() {
        Ok(false) => Ok(()),
        Ok(true) => Err(Report::new(
            ErrorCode::DatabaseInUse,
            format!("a program keeps reading `{}`", path.display()),
        )),
        Err(error) => Err(explain(path, &error).report),
    }
}

/// Whether a watched database wants a new history because its log could not be cut; then it is begun.
///
/// # Errors
/// When the journal can't be written.
pub(crate) async fn begin_anew_if_wanted(core: &Arc<Core>) -> Result<()> {
    let databases = lock(&core.databases).clone();
    for database in databases {
        let watched: Arc<Watched> = database.watched();
        if watched.take_new_epoch_wanted() {
            let text = format!(
                "it can't be proved that the history of `{}` has every commit made while it was off, so a new one begins",
                database.name
            );
            core.event("continuity-unproved", Some(&database.name), text).await;
            core.logs.push("engine", "a log could not be cut: a program keeps reading", Timestamp::now());
            protect::open_next(core, &database, OpenedBy::Healing).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_is_read_can_not_be_cut_and_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let db = Connection::open(&path).unwrap();
        db.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1)").unwrap();
        let reader = Connection::open(&path).unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM t").unwrap();
        db.execute_batch("INSERT INTO t VALUES (2)").unwrap();
        assert_eq!(cut(&path).unwrap_err().code, ErrorCode::DatabaseInUse);
        reader.execute_batch("COMMIT").unwrap();
        cut(&path).unwrap();
        assert_eq!(std::fs::metadata(dir.path().join("a.db-wal")).unwrap().len(), 0);
    }
}
