//! A look at a database before it is protected, and whenever it is taken hold of: is it SQLite, is it local, can it be
//! written, does somebody else hold it.
//!
//! POSIX locks belong to a process, and closing *any* descriptor of a file drops all of the process's locks on it. So
//! this process never opens a database file but through SQLite; the one exception, the header of a file that SQLite has
//! refused, holds no lock that could be lost.

use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode as Sqlite, OpenFlags};
use sqlite_replicate_api::{ConditionCode, ErrorCode, Report};

use crate::adopt::metadata_folder;
use crate::holders::{Holder, holders};

/// Why a database can't be protected now: what the status shows, and what a command says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Obstacle {
    pub(crate) condition: ConditionCode,
    pub(crate) report: Report,
}

impl Obstacle {
    fn new(condition: ConditionCode, code: ErrorCode, message: String) -> Self {
        Self { condition, report: Report::new(code, message) }
    }

    fn because(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.report = self.report.because(cause);
        self
    }

    fn hint(mut self, hint: &str) -> Self {
        self.report = self.report.hint(hint);
        self
    }
}

/// What identifies a file at a path: another one there is another database.
pub(crate) fn file_mark(path: &Path) -> std::io::Result<String> {
    mark_of(&std::fs::metadata(path)?)
}

/// The disk that a file is on, where the system tells.
pub(crate) fn device_of(metadata: &std::fs::Metadata) -> Option<u64> {
    #[cfg(unix)]
    {
        Some(std::os::unix::fs::MetadataExt::dev(metadata))
    }
    #[cfg(not(unix))]
    {
        let _ = metadata;
        None
    }
}

/// The same of a file that was looked at already.
pub(crate) fn mark_of(metadata: &std::fs::Metadata) -> std::io::Result<String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        // The number of a deleted file is used again; its birth tells the two apart, where the file system knows it.
        let born = metadata.created().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        let born = born.map_or(0, |born| born.as_nanos());
        Ok(format!("{}:{}:{born}", metadata.dev(), metadata.ino()))
    }
    #[cfg(not(unix))]
    {
        let created = metadata.created()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Ok(format!("{}", created.as_nanos()))
    }
}

/// Opens a database as the engine holds it: in WAL mode, never checkpointing, never deleting the log.
///
/// # Errors
/// An [`Obstacle`] that says what is in the way.
pub(crate) fn hold(path: &Path, wait: Duration) -> Result<Connection, Obstacle> {
    look_at_file(path)?;
    let hold = || -> rusqlite::Result<Connection> {
        let connection = open(path, wait)?;
        if journal_mode(&connection)? != "wal" {
            let mode: String = connection.query_row("PRAGMA journal_mode = wal", [], |row| row.get(0))?;
            if mode != "wal" {
                return Err(failure(rusqlite::ffi::SQLITE_BUSY, Some(format!("mode stays `{mode}`"))));
            }
        }
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        // The shared lock that the first read takes lasts as long as the connection.
        read_first(&connection)?;
        Ok(connection)
    };
    hold().map_err(|error| explain(path, &error))
}

/// Opens a database only to look at it: whether it could be held, without a change to it.
///
/// # Errors
/// As [`hold`].
pub(crate) fn examine(path: &Path, wait: Duration) -> Result<Connection, Obstacle> {
    look_at_file(path)?;
    let examine = || -> rusqlite::Result<Connection> {
        let connection = open(path, wait)?;
        let mode = journal_mode(&connection)?;
        read_first(&connection)?;
        if mode != "wal" {
            // Switching to WAL mode takes this lock. Nothing is written for it.
            connection.execute_batch("BEGIN EXCLUSIVE; ROLLBACK")?;
        }
        Ok(connection)
    };
    let connection = examine().map_err(|error| explain(path, &error))?;
    try_folder(path)?;
    Ok(connection)
}

/// What can be said without opening a file.
fn look_at_file(path: &Path) -> Result<(), Obstacle> {
    let metadata = std::fs::metadata(path).map_err(|error| {
        let gone = error.kind() == std::io::ErrorKind::NotFound;
        let (condition, code, how) = if gone {
            (ConditionCode::DatabaseMissing, ErrorCode::DatabaseMissing, "does not exist")
        } else {
            (ConditionCode::DatabaseReadOnly, ErrorCode::DatabaseReadOnly, "can't be looked at")
        };
        let obstacle = Obstacle::new(condition, code, format!("the database `{}` {how}", path.display()));
        let hint = "check the path; bring the file back, or restore it with `sqlite-replicate restore`";
        if gone { obstacle.hint(hint) } else { obstacle.because(error) }
    })?;
    if !metadata.is_file() {
        return Err(not_a_database(path, "it is not a file"));
    }
    if is_remote(path) {
        let message = format!("the database `{}` lies on a network drive", path.display());
        return Err(Obstacle::new(ConditionCode::DatabaseRemote, ErrorCode::DatabaseRemote, message).hint(
            "protect it on the PC that holds the disk: SQLite's locks and its log don't work over a network",
        ));
    }
    Ok(())
}

/// A connection that leaves the log as it is when it closes.
fn open(path: &Path, wait: Duration) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(wait)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(connection)
}

fn journal_mode(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))
}

/// The first read finds out what the file is, and whether it was opened for writing.
fn read_first(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
    if connection.is_readonly(rusqlite::MAIN_DB)? {
        return Err(failure(rusqlite::ffi::SQLITE_READONLY, None));
    }
    Ok(())
}

fn failure(code: i32, why: Option<String>) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), why)
}

/// The log and its index are made beside the database, so its folder must be writable as well.
fn try_folder(path: &Path) -> Result<(), Obstacle> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".writable");
    let trial = path.with_file_name(name);
    let tried = std::fs::OpenOptions::new().write(true).create_new(true).open(&trial).map(drop);
    match tried {
        Ok(()) => std::fs::remove_file(&trial),
        // Left by one that was killed.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => std::fs::remove_file(&trial),
        Err(error) => Err(error),
    }
    .map_err(|error| read_only(path, error.to_string()))
}

fn read_only(path: &Path, why: String) -> Obstacle {
    let message =
        format!("the database `{}`, or the folder that it lies in, can't be written", path.display());
    Obstacle::new(ConditionCode::DatabaseReadOnly, ErrorCode::DatabaseReadOnly, message)
        .because(why)
        .hint("give this program's user the right to write the file and its folder")
}

fn not_a_database(path: &Path, why: &str) -> Obstacle {
    let message = format!("`{}` is not a SQLite database", path.display());
    Obstacle::new(ConditionCode::NotADatabase, ErrorCode::NotADatabase, message)
        .because(why.to_owned())
        .hint("choose the file in which your program keeps its data, often named `.db` or `.sqlite`")
}

/// What an error of SQLite means for the office.
pub(crate) fn explain(path: &Path, error: &rusqlite::Error) -> Obstacle {
    let name = path.display();
    let text = error.to_string();
    match error.sqlite_error_code() {
        Some(Sqlite::NotADatabase) if looks_encrypted(path) => Obstacle::new(
            ConditionCode::DatabaseEncrypted,
            ErrorCode::DatabaseEncrypted,
            format!("`{name}` is an encrypted database, or no database at all"),
        )
        .hint("an encrypted database can't be protected: switch its encryption off, or use an encrypted disk instead"),
        Some(Sqlite::NotADatabase) => not_a_database(path, &text),
        Some(Sqlite::DatabaseCorrupt) => Obstacle::new(
            ConditionCode::DatabaseDamaged,
            ErrorCode::DatabaseDamaged,
            format!("the database `{name}` is damaged"),
        )
        .because(text)
        .hint("restore a moment before the damage with `sqlite-replicate restore`"),
        Some(
            Sqlite::ReadOnly | Sqlite::CannotOpen | Sqlite::PermissionDenied | Sqlite::SystemIoFailure,
        ) => read_only(path, text),
        Some(Sqlite::DatabaseBusy | Sqlite::DatabaseLocked) => Obstacle::new(
            ConditionCode::DatabaseHeld,
            ErrorCode::DatabaseInUse,
            format!("a program holds the database `{name}` for itself alone"),
        )
        .because(text)
        .hint("close that program once, or set `PRAGMA locking_mode = NORMAL` in it"),
        _ => Obstacle::new(ConditionCode::DatabaseReadOnly, ErrorCode::Io, format!("the database `{name}` can't be opened"))
            .because(text),
    }
}

/// An encrypted database is whole pages of noise; a text or a picture begins with something readable or is not.
fn looks_encrypted(path: &Path) -> bool {
    let mut header = [0; 512];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut header));
    let whole_pages = std::fs::metadata(path).is_ok_and(|metadata| metadata.len() % 512 == 0);
    let mut seen = [false; 256];
    header.iter().for_each(|byte| seen[usize::from(*byte)] = true);
    // 512 random bytes hit about 221 of 256 values; text, zeros and headers of other formats far fewer.
    read.is_ok() && whole_pages && seen.iter().filter(|seen| **seen).count() > 180
}

/// Whether a path lies on a network file system.
pub(crate) fn is_remote(path: &Path) -> bool {
    #[cfg(target_os = "linux")]
    {
        rustix::fs::statfs(path).is_ok_and(|statfs| is_remote_type(statfs.f_type.cast_unsigned()))
    }
    #[cfg(not(target_os = "linux"))]
    {
        // `\\server\share`; mapped drives are looked up by the Windows part.
        path.to_string_lossy().starts_with(r"\\") && !path.to_string_lossy().starts_with(r"\\?\")
    }
}

/// The magic numbers of statfs(2) for NFS, SMB, CIFS, SMB2, AFS, Coda, 9P, Ceph.
#[cfg(target_os = "linux")]
fn is_remote_type(magic: u64) -> bool {
    const REMOTE: [u64; 8] =
        [0x6969, 0x517B, 0xFF53_4D42, 0xFE53_4D42, 0x5346_414F, 0x7375_7245, 0x0102_1997, 0x00C3_6400];
    REMOTE.contains(&(magic & 0xFFFF_FFFF))
}

/// A foreign Litestream on the database: two damage each other. Its folder gives it away.
pub(crate) fn foreign_litestream(path: &Path) -> Option<Obstacle> {
    let folder = Some(metadata_folder(path)).filter(|folder| folder.is_dir())?;
    Some(foreign(path, format!("its folder `{}` is there", folder.display())))
}

/// A foreign Litestream that has the database open now, wherever it keeps its folder. Not to be asked about a database
/// that our own Litestream may have open.
pub(crate) fn running_litestream(path: &Path) -> Option<Obstacle> {
    let running = holders(path).into_iter().find(Holder::is_litestream)?;
    Some(foreign(path, format!("{running} has it open")))
}

fn foreign(path: &Path, why: String) -> Obstacle {
    let message = format!("another Litestream replicates the database `{}`", path.display());
    Obstacle::new(ConditionCode::ForeignLitestream, ErrorCode::ForeignLitestream, message).because(why).hint(
        "take its set-up over with `sqlite-replicate adopt`; or stop it for good and take its folder away",
    )
}

/// Looks for damage for as long as `limit`. `Ok(false)`: not all was looked at.
pub(crate) fn look_for_damage(
    connection: &mut Connection,
    path: &Path,
    limit: Duration,
) -> Result<bool, Obstacle> {
    let until = Instant::now() + limit;
    let set = connection.progress_handler(1_000, Some(move || Instant::now() > until));
    let found: rusqlite::Result<String> =
        set.and_then(|()| connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)));
    let _ = connection.progress_handler(0, None::<fn() -> bool>);
    match found {
        Ok(text) if text == "ok" => Ok(true),
        Ok(text) => Err(Obstacle::new(
            ConditionCode::DatabaseDamaged,
            ErrorCode::DatabaseDamaged,
            format!("the database `{}` is damaged", path.display()),
        )
        .because(text)
        .hint("repair it first, with its program's help or `sqlite3 .recover`; a damaged database would be kept as it is")),
        Err(error) if error.sqlite_error_code() == Some(Sqlite::OperationInterrupted) => Ok(false),
        Err(error) => Err(explain(path, &error)),
    }
}

/// Free bytes for this user where a path (or the nearest folder above it that exists) lies; none if unknown.
pub(crate) fn free_bytes(path: &Path) -> Option<u64> {
    let existing = path.ancestors().find(|path| path.exists())?;
    #[cfg(unix)]
    {
        let stat = rustix::fs::statvfs(existing).ok()?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let _ = existing;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn obstacle(path: &Path) -> ConditionCode {
        hold(path, Duration::ZERO).map(drop).unwrap_err().condition
    }

    #[test]
    fn what_is_no_database_is_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        assert_eq!(obstacle(&path), ConditionCode::DatabaseMissing);
        assert_eq!(obstacle(dir.path()), ConditionCode::NotADatabase);
        std::fs::write(&path, "a shopping list, not a database".repeat(50)).unwrap();
        assert_eq!(obstacle(&path), ConditionCode::NotADatabase);
        let mut noise = vec![0; 8192];
        ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut noise).unwrap();
        std::fs::write(&path, noise).unwrap();
        assert_eq!(obstacle(&path), ConditionCode::DatabaseEncrypted);
    }

    #[test]
    fn a_damaged_database_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let db = Connection::open(&path).unwrap();
        db.execute_batch(
            "CREATE TABLE t (a);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
             INSERT INTO t SELECT randomblob(500) FROM n",
        )
        .unwrap();
        drop(db);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[4096..12_288].fill(0xA5);
        std::fs::write(&path, bytes).unwrap();
        let mut db = hold(&path, Duration::ZERO).unwrap();
        let found = look_for_damage(&mut db, &path, Duration::from_secs(10)).unwrap_err();
        assert_eq!(found.condition, ConditionCode::DatabaseDamaged);
    }

    #[test]
    fn a_program_that_keeps_it_for_itself_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let db = Connection::open(&path).unwrap();
        db.execute_batch("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; CREATE TABLE t (a)")
            .unwrap();
        assert_eq!(obstacle(&path), ConditionCode::DatabaseHeld);
        drop(db);
        hold(&path, Duration::ZERO).unwrap();
    }

    #[test]
    fn holding_it_keeps_the_log_when_the_program_closes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        Connection::open(&path)
            .unwrap()
            .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (a)")
            .unwrap();
        let held = hold(&path, Duration::ZERO).unwrap();
        Connection::open(&path).unwrap().execute_batch("INSERT INTO t VALUES (1)").unwrap();
        assert!(std::fs::metadata(dir.path().join("a.db-wal")).unwrap().len() > 0);
        drop(held);
        assert!(std::fs::metadata(dir.path().join("a.db-wal")).unwrap().len() > 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn network_file_systems_are_known() {
        assert!(is_remote_type(0x6969) && is_remote_type(0xFF53_4D42) && !is_remote_type(0xEF53));
        assert!(!is_remote(Path::new("/")));
    }

    #[test]
    fn a_foreign_litestream_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        assert_eq!(foreign_litestream(&path), None);
        std::fs::create_dir(dir.path().join(".a.db-litestream")).unwrap();
        assert_eq!(foreign_litestream(&path).unwrap().condition, ConditionCode::ForeignLitestream);
    }
}
