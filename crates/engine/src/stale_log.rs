//! The log of a file that somebody has replaced. SQLite would mix it into the new file, and so destroy that: whoever copies
//! yesterday's file over today's does not think of the log beside it, which we keep there longer than a program would.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::jobs::fetch::uri_path;
use crate::ltx::Header;
use crate::wal::WalTail;
use crate::watch::wal_path;

/// Takes the log away from beside a file that is not the one it belongs to, and gives where it is now; none if it stays.
///
/// It stays unless it is certain that it is the old file's (it is the one that Litestream has captured last), that nothing in it
/// is only there (all of it is captured), that the new file is whole without it, and that no program has it open. Blocking: the
/// new file is read as a whole.
pub(crate) fn set_aside(database: &Path, captured: &Header) -> Option<PathBuf> {
    let end = WalTail::new(database).poll().ok()?;
    let is_captured = end.salts == captured.wal_salts && end.offset == captured.wal_end() && !end.more;
    if !is_captured {
        return None;
    }
    // Held until the log is away, so that nobody opens the database in between.
    let alone = hold_alone(database)?;
    if !is_whole(database) {
        return None;
    }
    let log = wal_path(database);
    let stamp = Timestamp::now().strftime("%Y%m%d-%H%M%S");
    let aside = PathBuf::from(format!("{}.before-{stamp}-wal", database.display()));
    let moved = !aside.exists() && std::fs::rename(&log, &aside).is_ok();
    drop(alone);
    moved.then_some(aside)
}

/// Whether the file is a whole database without its log.
fn is_whole(database: &Path) -> bool {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(format!("file:{}?immutable=1", uri_path(database)), flags)
        .and_then(|db| db.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0)))
        .is_ok_and(|found| found == "ok")
}

/// The database as nobody else has it open; none if somebody has. Nothing of the log is moved into it.
fn hold_alone(database: &Path) -> Option<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags).ok()?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).ok()?;
    connection.busy_timeout(Duration::ZERO).ok()?;
    connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE").ok()?;
    let read = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0));
    match read {
        Ok(_) => Some(connection),
        // With the wrong log it may well be damaged; the lock is held all the same.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => Some(connection),
        Err(_) => None,
    }
}
