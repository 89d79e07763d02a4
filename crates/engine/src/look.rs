//! Calls that only look: the status now, what a database can be brought back to, what whoever helps needs to see.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use sqlite_replicate_api::{
    CheckpointMode, Checkpointed, EpochHistory, EpochRecord, ErrorCode, History, HistoryHole, LevelSummary,
    Report, RestorePoint, Result, Status, Txid,
};

use crate::bundle::LITESTREAM_VERSION;
use crate::chain::{Effect, Listing};
use crate::config;
use crate::control::metrics::{self as figures, Extra};
use crate::core::{Core, Database, lock};
use crate::inspect::explain;
use crate::jobs::plan::Line;
use crate::jobs::snapshot;
use crate::ltx::Level;
use crate::sheet::Sheet;

/// Events and log lines in what whoever helps gets.
const DOCTOR_EVENTS: usize = 500;
const DOCTOR_LINES: usize = 500;

/// The status as it is now: the last published one, with places and ages as they are at this moment.
pub(crate) fn now(core: &Core) -> Status {
    let mut status = Status::clone(&core.status.borrow());
    let now = Timestamp::now();
    for (shown, database) in status.databases.iter_mut().zip(lock(&core.databases).iter()) {
        let watched = database.watched();
        let seen = watched.seen();
        if shown.name == database.name {
            let since = seen.progress.waiting_since();
            shown.lag_seconds = since.map_or(0.0, |since| now.duration_since(since).as_secs_f64().max(0.0));
            shown.here = seen.progress.captured_txid();
            shown.stored = seen.progress.stored_txid();
            shown.uncaptured = !seen.progress.is_captured();
            shown.last_commit_at = seen.progress.last_commit_at();
        }
    }
    // Not the time: a conductor that no longer publishes must not look alive.
    status.jobs = core.jobs.all();
    status
}

/// Everything that a database can be brought back to.
pub(crate) async fn history(core: &Core, database: &Database) -> Result<History> {
    let store = core.store()?;
    let mut epochs = Vec::new();
    for record in core.epochs(database).await? {
        let line = Line::of(store.clone(), &record);
        epochs.push(epoch_history(record, &line.listing().await?));
    }
    let snapshots = snapshot::all(&store, &database.name, &database.id).await?;
    Ok(History { database: database.name.clone(), epochs, snapshots })
}

/// What one listing can give back.
pub(crate) fn epoch_history(record: EpochRecord, listing: &Listing) -> EpochHistory {
    let levels = Level::ALL.into_iter().filter_map(|level| {
        let objects = listing.level(level);
        let (first, last) = (objects.first()?, objects.last()?);
        Some(LevelSummary {
            level: level.number(),
            objects: objects.len() as u64,
            bytes: objects.iter().map(|object| object.size).sum(),
            first: first.min,
            last: last.max,
            from: objects.iter().map(|object| object.stored_at).min()?,
            to: objects.iter().map(|object| object.stored_at).max()?,
        })
    });
    let holes = listing.holes().into_iter().map(|hole| HistoryHole {
        level: hole.level.number(),
        first: hole.after.next(),
        last: Txid(hole.before.0.saturating_sub(1)),
        blocking: hole.effect == Effect::BlocksNewest,
    });
    let points = listing.points().into_iter().map(|point| RestorePoint {
        txid: point.txid(),
        level: point.level().number(),
        time: point.timestamp().unwrap_or(point.object.stored_at),
        bytes: point.object.size,
    });
    EpochHistory { levels: levels.collect(), holes: holes.collect(), points: points.collect(), record }
}

/// Moves the log into the database, as a connection of its own.
pub(crate) async fn checkpoint(path: PathBuf, mode: CheckpointMode) -> Result<Checkpointed> {
    let mode = match mode {
        CheckpointMode::Passive => "PASSIVE",
        CheckpointMode::Full => "FULL",
        CheckpointMode::Restart => "RESTART",
        CheckpointMode::Truncate => "TRUNCATE",
    };
    tokio::task::spawn_blocking(move || {
        let call = || -> rusqlite::Result<Checkpointed> {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(&path, flags)?;
            connection.busy_timeout(Duration::from_secs(2))?;
            connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
                // -1 where there is no log.
                let pages = |index| row.get::<_, i64>(index).map(|pages| u64::try_from(pages).unwrap_or(0));
                Ok(Checkpointed { busy: row.get(0)?, log_pages: pages(1)?, done_pages: pages(2)? })
            })
        };
        call().map_err(|error| explain(&path, &error).report)
    })
    .await
    .unwrap_or_else(|error| {
        Err(Report::new(ErrorCode::Internal, "the checkpoint failed by a defect").because(error))
    })
}

/// The printable sheet that restores onto an empty PC.
pub(crate) async fn recovery_sheet(core: &Core) -> Result<String> {
    let databases = lock(&core.databases).clone();
    let store = core.store()?;
    let config = core.config();
    let bundled = config.store.endpoint.is_none();
    let data_dir = bundled.then(|| config.store.data_dir.clone().unwrap_or_else(|| core.home.store()));
    Ok(Sheet::new(
        &core.host,
        store.remote(),
        data_dir,
        databases.iter().map(|database| (&database.name, &database.path)),
    )
    .print(&Timestamp::now().to_zoned(jiff::tz::TimeZone::system())))
}

/// Versions, configuration without secrets, status, events, logs.
pub(crate) async fn doctor(core: &Core) -> Result<serde_json::Value> {
    let events = core.journal.run(|journal| journal.events(0, DOCTOR_EVENTS)).await?;
    let settings = config::load(&core.around)
        .map(|loaded| loaded.show())
        .map_err(|problems| problems.into_iter().map(|report| report.message).collect::<Vec<_>>());
    let (settings, problems) = match settings {
        Ok(settings) => (settings, Vec::new()),
        Err(problems) => (Vec::new(), problems),
    };
    Ok(json!({
        "made_at": Timestamp::now(),
        "version": env!("CARGO_PKG_VERSION"),
        "litestream": LITESTREAM_VERSION,
        "system": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        "home": core.home.dir(),
        "bundle": core.bundle.dir,
        "uptime_seconds": core.began.elapsed().as_secs(),
        "settings": settings,
        "problems_of_the_settings": problems,
        "health_address": crate::engine::health_address(core),
        "status": now(core),
        "events": events,
        "logs": core.logs.last(None, DOCTOR_LINES),
    }))
}

/// Figures in the text format of Prometheus.
pub(crate) fn metrics(core: &Core) -> String {
    let extra = Extra {
        uptime_seconds: core.began.elapsed().as_secs_f64(),
        jobs_succeeded: core.jobs_ended[0].load(Ordering::Relaxed),
        jobs_failed: core.jobs_ended[1].load(Ordering::Relaxed),
    };
    figures::render(&now(core), &extra)
}
