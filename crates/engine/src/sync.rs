//! Waits until commits have come where they should: captured by Litestream, stored.

use std::time::{Duration, Instant};

use sqlite_replicate_api::{ErrorCode, Report, Result, Synced, Txid};

use crate::children::litestream;
use crate::core::{Core, Database, lock};

/// Waits until everything committed so far is captured; gives the transaction that it is in.
pub(crate) async fn captured(core: &Core, database: &Database, limit: Duration) -> Result<Txid> {
    let began = Instant::now();
    // The watch must have looked once after the call, so that every commit before it was seen.
    let settle = Duration::from_millis(260);
    hurry(core, database);
    loop {
        let done = {
            let watched = database.watched();
            let seen = watched.seen();
            seen.progress.is_captured().then(|| seen.progress.captured_txid()).flatten()
        };
        if let Some(txid) = done
            && began.elapsed() > settle
        {
            return Ok(txid);
        }
        if began.elapsed() > limit {
            return Err(Report::new(
                ErrorCode::Timeout,
                format!("the changes of `{}` are not captured in time", database.name),
            )
            .hint("see `sqlite-replicate status`"));
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// Waits until everything committed so far is stored.
pub(crate) async fn sync(core: &Core, database: &Database, limit: Duration) -> Result<Synced> {
    let began = Instant::now();
    if lock(&core.pause).is_some() {
        return Err(
            Report::new(ErrorCode::Busy, "protection is paused").hint("go on with `sqlite-replicate resume`")
        );
    }
    let txid = captured(core, database, limit).await?;
    loop {
        if database.watched().seen().progress.stored_txid() >= Some(txid) {
            return Ok(Synced { txid, seconds: began.elapsed().as_secs_f64() });
        }
        if began.elapsed() > limit {
            let store = core.store().err().or_else(|| lock(&core.store_health).trouble.clone());
            let report = Report::new(
                ErrorCode::Timeout,
                format!("the changes of `{}` are not stored in time", database.name),
            );
            let report = match store {
                Some(trouble) => report.because(trouble),
                None => report,
            };
            return Err(report.hint("see `sqlite-replicate status`"));
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// Asks Litestream over its control socket not to wait for the interval. Where there is no socket, the interval it is.
fn hurry(core: &Core, database: &Database) {
    let Some(socket) = litestream::socket_path(&core.home).filter(|socket| socket.exists()) else {
        return;
    };
    if core.config().capture.sync_interval.duration() <= Duration::from_secs(2) {
        return;
    }
    let keys = lock(&core.secrets).bundled.clone();
    let mut command = litestream::command(&core.bundle.litestream, &keys);
    command.args(["sync", "-wait", "-socket"]).arg(socket).arg(&database.path);
    command
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    tokio::task::spawn_blocking(move || {
        if let Err(error) = command.status() {
            tracing::warn!(%error, "Litestream can't be asked to hurry");
        }
    });
}
