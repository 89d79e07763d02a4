//! Asks the bundled programs whether they still answer: a hung one looks healthy to everybody who does not ask.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sqlite_replicate_api::ErrorCode;
use tokio::time::sleep;

use crate::assess::DatabaseFacts;
use crate::children::litestream;
use crate::core::{Core, lock};
use crate::follower::ANSWER;
use crate::inspect::free_bytes;

/// Between two questions on loopback, and to a service that may cost money.
const NEAR: Duration = Duration::from_secs(1);
const FAR: Duration = Duration::from_secs(5);
/// A program that has been silent for this long is ended and started again.
const SILENT: Duration = Duration::from_secs(15);
/// The store is given longer: it may be busy with a large copy on a slow disk, and would have to begin that again.
pub(super) const STORE_SILENT: Duration = Duration::from_secs(45);
/// The object that finds out whether the store takes what it is given.
const PROBE_KEY: &str = "_sqlite-replicate/probe";

/// Probes until it is aborted.
pub(super) async fn probe(core: Arc<Core>, metrics_port: Arc<AtomicU16>) {
    let mut space_asked: Option<Instant> = None;
    loop {
        let config = core.config();
        let bundled = config.store.endpoint.is_none();
        let store = core.store.borrow().clone();
        if let Some(store) = store {
            let answered = store.probe(ANSWER).await;
            let stuck = something_waits(&core);
            let written = if answered.is_ok() && stuck {
                Some(store.put_small(PROBE_KEY, Timestamp::now().to_string().into_bytes()).await)
            } else {
                None
            };
            let mut health = lock(&core.store_health);
            if answered.is_ok() {
                health.answered_at = Some(Instant::now());
            }
            match (answered, written) {
                (Err(report), _) => health.trouble = Some(report),
                (Ok(()), Some(Err(report))) => {
                    health.full = report.code == ErrorCode::NoSpace;
                    health.trouble = (!health.full).then_some(report);
                }
                (Ok(()), written) => {
                    health.trouble = None;
                    if written.is_some() || !stuck {
                        health.full = false;
                    }
                }
            }
        }
        let port = metrics_port.load(Ordering::Relaxed);
        let answers = port == 0 || litestream::serves(port).await;
        core.note_capture_answer(answers);
        if space_asked.is_none_or(|asked| asked.elapsed() > Duration::from_secs(10)) {
            space_asked = Some(Instant::now());
            let dir = config.store.data_dir.clone().unwrap_or_else(|| core.home.store());
            lock(&core.store_health).free_bytes = if bundled { free_bytes(Path::new(&dir)) } else { None };
        }
        core.wake_if_changed();
        sleep(if bundled { NEAR } else { FAR }).await;
    }
}

/// Whether a commit waits longer than it should: then the store is asked to take something.
fn something_waits(core: &Core) -> bool {
    let patience = DatabaseFacts::patience(&core.config().capture);
    let now = Timestamp::now();
    let databases = lock(&core.databases).clone();
    databases.iter().any(|database| {
        let since = database.watched().seen().progress.waiting_since();
        since.is_some_and(|since| now.duration_since(since).unsigned_abs() > patience / 2)
    })
}

impl Core {
    fn note_capture_answer(&self, answers: bool) {
        let mut silent = lock(&self.capture_silent_since);
        *silent = if answers { None } else { silent.or(Some(Instant::now())) };
    }

    fn wake_if_changed(&self) {
        let trouble = lock(&self.store_health).trouble.is_some();
        let silent = lock(&self.capture_silent_since).is_some();
        if trouble || silent {
            self.wake.notify_one();
        }
    }

    /// Whether Litestream answers.
    pub(crate) fn capture_answers(&self) -> bool {
        lock(&self.capture_silent_since).is_none()
    }

    /// Whether Litestream has not answered for so long that it is to be ended.
    pub(crate) fn capture_silent(&self) -> bool {
        lock(&self.capture_silent_since).is_some_and(|since| since.elapsed() > SILENT)
    }
}
