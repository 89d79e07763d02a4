//! Follows what the store has of one database: asks it whenever Litestream has captured something, and now and then
//! whether what was there still is.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use sqlite_replicate_api::{Report, Result, Txid};
use tokio::time::{Instant, sleep, timeout};

use crate::core::{Core, Database};
use crate::ltx::{Level, LtxKey, LtxName};
use crate::store::{Listed, Store, level_prefix, object_of};
use crate::watch::Watched;

/// How long one question may take: a store that hangs must not look healthy.
pub(crate) const ANSWER: Duration = Duration::from_secs(1);
/// Pauses between questions while something is on its way, growing.
const FIRST_PAUSE: Duration = Duration::from_millis(25);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// Between two looks whether what was stored still is.
const RECHECK: Duration = Duration::from_secs(30);

/// Follows one epoch of a database until another one begins or the database is given up.
pub(crate) async fn follow(core: Arc<Core>, database: Arc<Database>, watched: Arc<Watched>, prefix: String) {
    let mut rechecked = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let over = database.gone.load(Ordering::Relaxed) || !Arc::ptr_eq(&watched, &database.watched());
        if over || *core.ending.borrow() {
            return;
        }
        let (captured, stored) = {
            let seen = watched.seen();
            (seen.progress.captured_txid(), seen.progress.stored_txid())
        };
        let recheck = rechecked.elapsed() > RECHECK;
        if captured.is_none() || (captured <= stored && !recheck) {
            pause = FIRST_PAUSE;
            // The time limit is for noticing the end.
            let _ = timeout(Duration::from_secs(2), watched.captured.notified()).await;
            continue;
        }
        let Ok(store) = core.store() else {
            sleep(LONGEST_PAUSE).await;
            continue;
        };
        let after = if recheck { stored.map(|stored| Txid(stored.0.saturating_sub(1))) } else { stored };
        let answer = {
            // Never closed while anybody holds the core.
            let Ok(_turn) = core.asking.acquire().await else { return };
            // On the heap, and only while it lasts: a request of the S3 client takes more than 100 kB.
            Box::pin(newest_after(&store, &prefix, after)).await
        };
        match answer {
            Ok(newest) => {
                let newest = if recheck { newest } else { newest.max(stored) };
                let first = !watched.seen().progress.is_asked();
                watched.seen().progress.stored(newest, Timestamp::now());
                // What waits at a start has waited since before it.
                if let Some(since) = watched.waiting_since(newest).filter(|_| first) {
                    let interval = core.config().capture.sync_interval.duration();
                    watched.seen().progress.backdate(since - interval);
                }
                if recheck {
                    rechecked = Instant::now();
                }
                let advanced = newest > stored;
                pause = if advanced { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
                if newest != stored {
                    core.wake.notify_one();
                }
            }
            Err(report) => {
                note_trouble(&core, report);
                pause = LONGEST_PAUSE;
            }
        }
        sleep(pause).await;
    }
}

fn note_trouble(core: &Core, report: Report) {
    tracing::debug!(%report, "the store can't be asked");
    core.wake.notify_one();
}

/// The newest transaction of level 0 after one, with no transaction missing in between.
pub(crate) async fn newest_after(store: &Store, prefix: &str, after: Option<Txid>) -> Result<Option<Txid>> {
    let level = level_prefix(prefix, Level::CAPTURED);
    let mut newest = after;
    loop {
        // Names begin with the first transaction, so whatever begins with a later one sorts behind this.
        let start = newest.map(|txid| format!("{prefix}/{}", last_key_of(txid)));
        let (page, more): (Vec<Listed>, bool) = store.page(&level, start.as_deref(), ANSWER).await?;
        let mut progressed = false;
        for object in page.iter().filter_map(|listed| object_of(prefix, listed)) {
            // What level 0 begins with after trimming by retention has nothing before it.
            if newest.is_none_or(|newest| object.min <= newest.next() && object.max > newest) {
                newest = Some(object.max);
                progressed = true;
            }
        }
        if !more || !progressed {
            return Ok(newest);
        }
    }
}

fn last_key_of(txid: Txid) -> LtxKey {
    LtxKey { level: Level::CAPTURED, name: LtxName { min: txid, max: Txid(u64::MAX) } }
}
