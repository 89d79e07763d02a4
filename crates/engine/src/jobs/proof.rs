//! Proofs that the history gives back what the database holds: drill, verify, validate (DESIGN §4.4).

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use sqlite_replicate_api::{ErrorCode, Integrity, Moment, Outcome, Report, Result, Stage, Txid};

use super::cancelled;
use super::check::Work;
use super::compare::{Content, content};
use super::fetch::{Fetched, fetch, with_connection};
use super::plan::Line;
use crate::inspect::explain;
use crate::secrets::random_hex;
use crate::sync;

/// How long a proof waits until the last commits are stored, beyond a few intervals.
const STORED_LIMIT: Duration = Duration::from_secs(60);
/// The table in the user's database that a verification writes one row into, and takes it out again.
const TABLE: &str = "_sqlite_replicate_verification";

/// A proof's copy: restored into a folder of ours, gone afterwards.
async fn copy(work: &Work, moment: &Moment, integrity: Integrity) -> Result<(Fetched, Txid)> {
    let line = Line::of(work.core.store()?, &work.database.record());
    let planned = line.plan(moment).await?;
    if let Some(shortfall) = &planned.shortfall {
        return Err(Report::new(ErrorCode::HistoryDamaged, "the newest state can't be restored")
            .because(shortfall.clone())
            .hint("run `sqlite-replicate scan --heal`"));
    }
    let path = work_path(work)?;
    let fetched = fetch(&work.core.tools(), &planned, path, integrity, &work.reporter, &work.cancel).await?;
    Ok((fetched, planned.chain.reached))
}

fn work_path(work: &Work) -> Result<PathBuf> {
    Ok(work.core.home.work().join(format!("{}-{}.db", work.database.name, random_hex(4)?)))
}

/// Waits until everything committed so far is stored; the transaction and the seconds.
pub(crate) async fn until_stored(work: &Work) -> Result<Txid> {
    work.reporter.at(Stage::Syncing, 0, None);
    let limit = work.core.config().capture.sync_interval.duration() * 3 + STORED_LIMIT;
    let waiting = sync::sync(&work.core, &work.database, limit);
    tokio::select! {
        synced = waiting => synced.map(|synced| synced.txid),
        () = work.cancel.cancelled() => Err(cancelled()),
    }
}

/// Restores the newest state only to see that it works.
pub(super) async fn drill(work: &Work) -> Result<Outcome> {
    let began = Instant::now();
    let stored = work.database.watched().seen().progress.stored_txid();
    let (copy, txid) = copy(work, &Moment::Newest, Integrity::Full).await?;
    if stored.is_some_and(|stored| txid < stored) {
        return Err(Report::new(
            ErrorCode::VerificationFailed,
            "the restored copy is older than what was stored",
        ));
    }
    let found = content_of(work, copy.path()).await?;
    let bytes = std::fs::metadata(copy.path()).map_or(0, |metadata| metadata.len());
    let seconds = began.elapsed().as_secs_f64();
    Ok(Outcome::Drilled { txid, rows: found.rows(), bytes, seconds })
}

async fn content_of(work: &Work, path: &Path) -> Result<Content> {
    work.reporter.at(Stage::Comparing, 0, None);
    with_connection(path, &work.cancel, content).await?.map_err(|error| unreadable_copy(&error))
}

fn unreadable_copy(error: &rusqlite::Error) -> Report {
    Report::new(ErrorCode::RestoreDamaged, "the restored copy can't be read").because(error.to_string())
}

fn open(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).map_err(|error| explain(path, &error).report)?;
    connection.busy_timeout(Duration::from_secs(10)).map_err(|error| explain(path, &error).report)?;
    // A proof never does the program's checkpoints for it.
    connection.pragma_update(None, "wal_autocheckpoint", 0).map_err(|error| explain(path, &error).report)?;
    Ok(connection)
}

/// Something short on the live database, away from the engine's thread.
async fn on_database<T: Send + 'static>(
    path: &Path,
    call: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
) -> Result<T> {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || {
        let mut connection = open(&path)?;
        call(&mut connection).map_err(|error| explain(&path, &error).report)
    })
    .await
    .unwrap_or_else(|error| {
        Err(Report::new(ErrorCode::Internal, "a proof failed by a defect").because(error))
    })
}

/// A row that goes all the way and comes back.
pub(super) async fn verify(work: &Work) -> Result<Outcome> {
    let token = random_hex(16)?;
    let (path, written) = (work.database.path.clone(), token.clone());
    let began = Instant::now();
    on_database(&path, move |db| {
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS {TABLE} (token TEXT PRIMARY KEY, at TEXT NOT NULL)"
        ))?;
        // What an interrupted verification left.
        transaction.execute(&format!("DELETE FROM {TABLE}"), [])?;
        transaction.execute(
            &format!("INSERT INTO {TABLE} VALUES (?1, ?2)"),
            (&written, Timestamp::now().to_string()),
        )?;
        transaction.commit()
    })
    .await?;
    let result = verify_written(work, &token, began).await;
    // Taken out again whatever came of it.
    let removed = on_database(&path, |db| db.execute(&format!("DELETE FROM {TABLE}"), []).map(drop)).await;
    let outcome = result?;
    removed?;
    Ok(outcome)
}

async fn verify_written(work: &Work, token: &str, began: Instant) -> Result<Outcome> {
    until_stored(work).await?;
    let stored_after = began.elapsed().as_secs_f64();
    let (copy, _) = copy(work, &Moment::Newest, Integrity::Full).await?;
    let wanted = token.to_owned();
    let found = with_connection(copy.path(), &work.cancel, move |db| {
        db.query_row(&format!("SELECT count(*) FROM {TABLE} WHERE token = ?1"), [wanted], |row| {
            row.get::<_, i64>(0)
        })
    })
    .await?
    .map_err(|error| unreadable_copy(&error))?;
    if found != 1 {
        return Err(Report::new(ErrorCode::VerificationFailed, "the row that was just written is not in the restored copy")
            .hint("new changes may not be safe: see `sqlite-replicate status`, and run `sqlite-replicate scan --heal`"));
    }
    Ok(Outcome::Verified { stored_after, seconds: began.elapsed().as_secs_f64() })
}

/// Compares the database with a restore of exactly the same transaction.
pub(super) async fn validate(work: &Work) -> Result<Outcome> {
    let began = Instant::now();
    let (txid, snapshot) = freeze(work).await?;
    until_stored_at_least(work, txid).await?;
    let epoch = work.database.epoch();
    let (copy, _) = copy(work, &Moment::Txid { txid, epoch: Some(epoch) }, Integrity::Full).await?;
    let restored = content_of(work, copy.path()).await?;
    let live = tokio::task::spawn_blocking(move || {
        let found = content(&snapshot);
        // Ends the read transaction, which holds the log back.
        drop(snapshot);
        found
    })
    .await
    .map_err(|error| Report::new(ErrorCode::Internal, "a proof failed by a defect").because(error))?
    .map_err(|error| explain(&work.database.path, &error).report)?;
    if let Some(difference) = live.difference(&restored) {
        return Err(Report::new(
            ErrorCode::VerificationFailed,
            "the restored copy differs from the database",
        )
        .because(difference)
        .hint("run `sqlite-replicate scan --heal`, then validate again"));
    }
    let (tables, rows) = (live.tables(), live.rows());
    Ok(Outcome::Validated { txid, tables, rows, seconds: began.elapsed().as_secs_f64() })
}

/// Under a short write lock: waits until everything is captured, notes the transaction, and takes a read snapshot of
/// exactly that state. Litestream captures while somebody else holds the lock.
async fn freeze(work: &Work) -> Result<(Txid, Connection)> {
    work.reporter.at(Stage::Syncing, 0, None);
    // Most of the backlog first, so that the lock is short.
    until_stored(work).await?;
    let path = work.database.path.clone();
    let locked = {
        let path = path.clone();
        tokio::task::spawn_blocking(move || {
            let connection = open(&path)?;
            connection.execute_batch("BEGIN IMMEDIATE").map_err(|error| explain(&path, &error).report)?;
            Ok::<_, Report>(connection)
        })
        .await
        .map_err(|error| Report::new(ErrorCode::Internal, "a proof failed by a defect").because(error))??
    };
    let captured = sync::captured(&work.core, &work.database, Duration::from_secs(20));
    let captured = tokio::select! {
        captured = captured => captured,
        () = work.cancel.cancelled() => Err(cancelled()),
    };
    tokio::task::spawn_blocking(move || {
        let result = captured.and_then(|txid| {
            let reader = open(&path)?;
            let begin = reader.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema");
            begin.map_err(|error| explain(&path, &error).report)?;
            Ok((txid, reader))
        });
        // The program goes on from here.
        locked.execute_batch("ROLLBACK").map_err(|error| explain(&path, &error).report)?;
        result
    })
    .await
    .unwrap_or_else(|error| {
        Err(Report::new(ErrorCode::Internal, "a proof failed by a defect").because(error))
    })
}

async fn until_stored_at_least(work: &Work, txid: Txid) -> Result<()> {
    let began = Instant::now();
    while work.database.watched().seen().progress.stored_txid() < Some(txid) {
        work.cancel.check()?;
        if began.elapsed() > STORED_LIMIT {
            return Err(Report::new(ErrorCode::Timeout, "the last commits are not stored in time")
                .hint("see `sqlite-replicate status`"));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
