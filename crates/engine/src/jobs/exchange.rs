//! Puts another file into a database's place, keeping the old one: an in-place restore, and its undoing.
//!
//! The order, each step durable before the next one (see [`Phase`]): the new file is complete and checked beside the old
//! one → Litestream and we let go of the database → nobody else has it open → `Prepared` is written down → the old file
//! gets a second name → one rename puts the new file into its place → `Swapped` → the new epoch is opened. A power cut
//! finds either the old file in place or the new one, never neither, and the next start ([`recover`]) knows which.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};
use sqlite_replicate_api::{Base, Epoch, ErrorCode, Name, OpenedBy, Outcome, Report, Result, Stage, Txid};

use super::check::Work;
use super::fetch::{Fetched, remove_database};
use super::restore::beside;
use crate::core::{Core, lock};
use crate::holders::holders;
use crate::home::{keep_access, sync_parent};
use crate::journal::{Operation, Phase};
use crate::protect;

/// How long Litestream may take to let go.
const LET_GO: Duration = Duration::from_secs(30);

/// Where a restored file waits for its turn.
pub(super) fn incoming_path(path: &Path) -> PathBuf {
    beside(path, "incoming")
}

/// Where the old file goes: `orders.db.before-20261121-103107`.
fn aside_path(path: &Path, now: Timestamp) -> PathBuf {
    let stamp = now.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y%m%d-%H%M%S").to_string();
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let free = (0..).map(|n| if n == 0 { String::new() } else { format!("-{n}") });
    free.map(|n| path.with_file_name(format!("{name}.before-{stamp}{n}")))
        .find(|path| !path.exists())
        .unwrap_or_else(|| path.to_owned())
}

/// Puts a restored file into the database's place; gives the epoch that begins.
pub(super) async fn put_in_place(
    work: &Work,
    incoming: Fetched,
    from: Option<Epoch>,
    txid: Txid,
) -> Result<Epoch> {
    let database = &work.database;
    let base = Some(Base { epoch: from.unwrap_or(database.epoch()), txid: Some(txid) });
    let opens = next_record(work, base, OpenedBy::Restore);
    let epoch = opens.epoch;
    let operation = Operation {
        path: database.path.clone(),
        incoming: incoming.path().to_owned(),
        aside: aside_path(&database.path, Timestamp::now()),
        from: database.epoch(),
        opens,
        undo: false,
        phase: Phase::Prepared,
    };
    let kept = incoming.keep();
    let result = exchange(work, operation).await;
    if result.is_err() {
        // Only if it is still there under this name: then nothing was exchanged.
        remove_database(&kept);
    }
    result.map(|()| epoch)
}

/// Undoes the last in-place restore: the file that it set aside comes back, the present one is set aside.
pub(super) async fn undo(work: &Work) -> Result<Outcome> {
    let id = work.database.id.clone();
    let last = work.core.journal.run(move |journal| journal.last_set_aside(&id)).await?;
    let nothing = || {
        Report::new(ErrorCode::NothingToUndo, format!("no restore of `{}` can be undone", work.database.name))
    };
    let last = last.ok_or_else(nothing)?;
    if !last.path.exists() {
        return Err(nothing().because(format!("`{}` is gone", last.path.display())));
    }
    let base = Some(Base { epoch: last.epoch, txid: None });
    let opens = next_record(work, base, OpenedBy::Undo);
    let epoch = opens.epoch;
    let operation = Operation {
        path: work.database.path.clone(),
        incoming: last.path,
        aside: aside_path(&work.database.path, Timestamp::now()),
        from: work.database.epoch(),
        opens,
        undo: true,
        phase: Phase::Prepared,
    };
    exchange(work, operation).await?;
    Ok(Outcome::Undone { epoch })
}

fn next_record(work: &Work, base: Option<Base>, opened_by: OpenedBy) -> sqlite_replicate_api::EpochRecord {
    let database = &work.database;
    let epoch = database.epoch().after_restore();
    protect::record(&work.core, &database.name, &database.id, epoch, base, opened_by)
}

/// The exchange with everything around it: capture is taken off before, and put back whatever happens.
async fn exchange(work: &Work, operation: Operation) -> Result<()> {
    let (core, database) = (&work.core, &work.database);
    work.reporter.at(Stage::Swapping, 0, None);
    database.restoring.store(true, Ordering::Relaxed);
    lock(&core.suspended).insert(database.name.clone());
    core.wake.notify_one();
    let result = exchange_suspended(work, operation.clone()).await;
    match &result {
        Ok(()) => protect::begin(core, database, operation.opens).await,
        // Whatever is at the path now is what goes on.
        Err(_) => core.watch.hold(database.watched()),
    }
    lock(&core.suspended).remove(&database.name);
    database.restoring.store(false, Ordering::Relaxed);
    core.wake.notify_one();
    result
}

async fn exchange_suspended(work: &Work, operation: Operation) -> Result<()> {
    let (core, database) = (&work.core, &work.database);
    let mut capturing = core.capturing.subscribe();
    let name = database.name.clone();
    let let_go = capturing.wait_for(|capturing| !capturing.contains(&name));
    tokio::time::timeout(LET_GO, let_go)
        .await
        .map_err(|_| {
            Report::new(ErrorCode::Timeout, format!("Litestream does not let go of `{name}`"))
                .hint("try again; `sqlite-replicate restart capture` may help")
        })?
        .map_err(|_| super::cancelled())?;
    core.watch.release(&database.name).await;
    work.cancel.check()?;
    let (journal, id) = (core.journal.clone(), database.id.clone());
    tokio::task::spawn_blocking(move || {
        let alone = hold_alone(&operation.path)?;
        journal.note_operation(&id, &operation)?;
        if let Err(report) = swap(&operation, alone) {
            if operation.incoming.exists() {
                // Nothing was exchanged. A second name for the old file may be there.
                let _ = std::fs::remove_file(&operation.aside);
                journal.drop_operation(&id)?;
            }
            return Err(report);
        }
        journal.note_operation(&id, &Operation { phase: Phase::Swapped, ..operation.clone() })?;
        journal.finish_operation(&id, &operation, Timestamp::now())
    })
    .await
    .unwrap_or_else(|error| {
        Err(Report::new(ErrorCode::Internal, "the exchange failed by a defect").because(error))
    })
}

/// Makes sure that nobody else has the database open, with its log emptied into it; held until the connection closes.
///
/// `None`: there is no database that SQLite could hold (it is gone, or damaged).
fn hold_alone(path: &Path) -> Result<Option<Connection>> {
    if !path.exists() {
        return Ok(None);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let hold = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(Duration::from_secs(3))?;
        // Leaving WAL mode is only allowed to a connection that is alone.
        let mode: String = connection.query_row("PRAGMA journal_mode = delete", [], |row| row.get(0))?;
        connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT")?;
        if mode == "delete" { Ok(connection) } else { Err(busy()) }
    };
    match hold() {
        Ok(connection) => Ok(Some(connection)),
        Err(error) => match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => Ok(None),
            _ => Err(in_use(path, &error)),
        },
    }
}

fn busy() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY), None)
}

fn in_use(path: &Path, error: &rusqlite::Error) -> Report {
    let report = Report::new(ErrorCode::DatabaseInUse, format!("a program has `{}` open", path.display()));
    let holders = holders(path);
    let report = if holders.is_empty() {
        report.because(error.to_string())
    } else {
        report.because(holders.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
    };
    report.hint("close that program, then try again; nothing was changed")
}

/// The exchange itself. Every state that a power cut can leave is settled by [`recover`].
fn swap(operation: &Operation, alone: Option<Connection>) -> Result<()> {
    let trouble = |error: std::io::Error| {
        Report::new(ErrorCode::Io, format!("the file at `{}` can't be exchanged", operation.path.display()))
            .because(error)
            .hint("check the permissions and the space of its folder; nothing was changed")
    };
    // The program, which may run as another user than we do, uses the new file as it did the old one; and nobody else.
    std::fs::File::open(&operation.incoming)
        .and_then(|file| keep_access(&file, &operation.path).and_then(|()| file.sync_all()))
        .map_err(trouble)?;
    if operation.path.exists() {
        // From now on the old file has two names; which one is gone first does not matter.
        if std::fs::hard_link(&operation.path, &operation.aside).is_err() {
            // A file system without links: for a moment nothing is at the path. `recover` puts it right.
            std::fs::rename(&operation.path, &operation.aside).map_err(trouble)?;
        }
        sync_parent(&operation.path).map_err(trouble)?;
    }
    // The log of a database that SQLite could not hold belongs to the old file: beside the new one it would destroy it.
    for suffix in ["-wal", "-shm", "-journal"] {
        let with = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
        if with(&operation.path).exists() {
            std::fs::rename(with(&operation.path), with(&operation.aside)).map_err(trouble)?;
        }
    }
    // Windows does not rename over a file that somebody has open, ourselves included.
    let alone = if cfg!(windows) {
        drop(alone);
        None
    } else {
        alone
    };
    std::fs::rename(&operation.incoming, &operation.path).map_err(trouble)?;
    sync_parent(&operation.path).map_err(trouble)?;
    drop(alone);
    Ok(())
}

/// Settles what an exchange left that a power cut interrupted. Called before the database is touched in any other way.
pub(crate) async fn recover(core: &Core, id: &str, name: &Name, path: &Path) -> Result<()> {
    let known = id.to_owned();
    let Some(operation) = core.journal.run(move |journal| journal.operation(&known)).await? else {
        // A restore that was interrupted before it wrote anything down leaves at most its copy.
        remove_database(&incoming_path(path));
        return Ok(());
    };
    let swapped = operation.phase == Phase::Swapped || !operation.incoming.exists();
    let id = id.to_owned();
    if swapped {
        let finished = operation.clone();
        return core
            .journal
            .run(move |journal| journal.finish_operation(&id, &finished, Timestamp::now()))
            .await;
    }
    let trouble = |error: std::io::Error| {
        Report::new(ErrorCode::Io, format!("the interrupted restore of `{name}` can't be settled"))
            .because(error)
    };
    if operation.aside.exists() {
        if !operation.path.exists() {
            // Without links the old file was moved before the new one came.
            std::fs::rename(&operation.aside, &operation.path).map_err(trouble)?;
        } else {
            std::fs::remove_file(&operation.aside).map_err(trouble)?;
        }
        for suffix in ["-wal", "-shm", "-journal"] {
            let with = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
            if with(&operation.aside).exists() {
                std::fs::rename(with(&operation.aside), with(&operation.path)).map_err(trouble)?;
            }
        }
        sync_parent(&operation.path).map_err(trouble)?;
    }
    if !operation.undo {
        remove_database(&operation.incoming);
    }
    core.journal.run(move |journal| journal.drop_operation(&id)).await?;
    core.event("restore-dropped", Some(name), format!("the interrupted restore of `{name}` changed nothing"))
        .await;
    Ok(())
}
