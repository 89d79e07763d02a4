//! Which databases Litestream captures, and what happens to files that are not what they were.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sqlite_replicate_api::{Name, Result};

use super::Conductor;
use crate::assess::DatabaseFacts;
use crate::children::litestream::{Captured, LitestreamSpec, Pace};
use crate::core::{Core, Database, lock};
use crate::protect;

/// Between two restarts of a Litestream that does not catch up.
const RESTART_PAUSE: Duration = Duration::from_secs(30);

impl Conductor {
    /// Settles what the watch found of each database's file, and announces epochs.
    pub(super) async fn conduct_databases(&mut self) {
        let databases = lock(&self.core.databases).clone();
        for database in databases {
            if lock(&self.core.suspended).contains(&database.name) {
                continue;
            }
            let conducted = self.conduct_database(&database).await;
            self.note(conducted);
        }
    }

    async fn conduct_database(&mut self, database: &Arc<Database>) -> Result<()> {
        let watched = database.watched();
        let (held, mark, wrong) = {
            let seen = watched.seen();
            (seen.held, seen.mark.clone(), seen.missing || seen.replaced)
        };
        if wrong {
            self.grip_again(database).await;
            return Ok(());
        }
        if let (true, Some(mark)) = (held, mark)
            && self.settled.get(&database.name) != Some(&mark)
            && protect::settle_file(&self.core, database, &mark).await?
        {
            self.settled.insert(database.name.clone(), mark);
        }
        if !lock(&database.line).announced
            && let Ok(store) = self.core.store()
        {
            protect::announce(&self.core, database, &store).await?;
        }
        Ok(())
    }

    /// The file at the path is not the one that is held: Litestream lets go of it first, then we do.
    async fn grip_again(&mut self, database: &Arc<Database>) {
        self.settled.remove(&database.name);
        self.conduct_capture().await;
        self.capture_settles().await;
        self.core.watch.release(&database.name).await;
        database.watched().seen().held = false;
        database.watched().seen().missing = false;
        database.watched().seen().replaced = false;
        // Last: from then on the watch writes what it sees.
        self.core.watch.hold(database.watched());
    }

    /// Whether nothing is in the way of capturing a database.
    fn can_capture(&self, database: &Database, suspended: &BTreeSet<Name>) -> bool {
        let line = lock(&database.line);
        let seen = line.watched.seen();
        seen.held
            && !seen.missing
            && !seen.replaced
            && line.announced
            && !seen.another
            && self.settled.get(&database.name).map(|settled| &settled.file)
                == seen.mark.as_ref().map(|mark| &mark.file)
            && !suspended.contains(&database.name)
    }

    /// Whether Litestream is wanted at all.
    pub(super) fn captures_anything(&self) -> bool {
        let suspended = lock(&self.core.suspended);
        let databases = lock(&self.core.databases);
        lock(&self.core.pause).is_none()
            && databases.iter().any(|database| self.can_capture(database, &suspended))
    }

    pub(super) fn capture_spec(&self) -> Option<LitestreamSpec> {
        if lock(&self.core.pause).is_some() {
            return None;
        }
        let config = self.core.config();
        let suspended = lock(&self.core.suspended).clone();
        let databases: Vec<Captured> = lock(&self.core.databases)
            .iter()
            .filter(|database| self.can_capture(database, &suspended))
            .map(|database| captured(&self.core, database))
            .collect();
        let capture = &config.capture;
        let pace = Pace {
            sync_interval: capture.sync_interval.duration(),
            l0_retention: capture.l0_retention.duration(),
            snapshot_interval: capture.snapshot_interval.duration(),
            retention: capture.retention.duration(),
            checkpoint_interval: capture.checkpoint_interval.duration(),
            min_checkpoint_pages: u64::from(capture.min_checkpoint_pages),
            busy_timeout: capture.busy_timeout.duration(),
        };
        (!databases.is_empty()).then(|| LitestreamSpec { databases, remote: self.remote(), pace })
    }

    /// Lets Litestream run with what can be captured now.
    pub(super) async fn conduct_capture(&mut self) {
        self.end_pause().await;
        let spec = self.capture_spec();
        let state = self.capture_child.state();
        // Without a store Litestream can't start; one that runs goes on and catches up later.
        let startable = self.core.store().is_ok()
            || state
                .serving
                .as_ref()
                .is_some_and(|serving| spec.as_ref().is_some_and(|s| s.remote == serving.remote));
        if spec.is_none() || startable {
            self.capture_child.want(spec);
        }
        self.tell_capturing();
        self.restart_if_stuck();
    }

    async fn end_pause(&mut self) {
        let over = lock(&self.core.pause)
            .and_then(|pause| pause.until)
            .is_some_and(|until| until <= Timestamp::now());
        if over {
            *lock(&self.core.pause) = None;
            let stored = self.core.journal.run(|journal| journal.set_fact("pause", "")).await;
            if let Err(report) = stored {
                self.core.logs.push("engine", &report.to_string(), Timestamp::now());
            }
            self.core.event("resumed", None, "the pause is over".to_owned()).await;
        }
    }

    /// Says which databases a running Litestream may have open.
    fn tell_capturing(&self) {
        let state = self.capture_child.state();
        let names: BTreeSet<Name> = match (&state.serving, state.pid) {
            (Some(serving), _) => serving.databases.iter().map(|database| database.name.clone()).collect(),
            // Started or ending: it may have any of them open.
            (None, Some(_)) => {
                lock(&self.core.databases).iter().map(|database| database.name.clone()).collect()
            }
            (None, None) => BTreeSet::new(),
        };
        self.core.capturing.send_if_modified(|now| {
            let changed = *now != names;
            *now = names;
            changed
        });
    }

    /// Waits until Litestream runs with what is wanted, or does not run.
    pub(super) async fn capture_settles(&self) {
        let wanted = self.capture_spec();
        let settled = self.capture_child.wait_until(|state| match (&state.serving, state.pid) {
            (Some(serving), _) => Some(&**serving) == wanted.as_ref(),
            (None, pid) => pid.is_none(),
        });
        if tokio::time::timeout(Duration::from_secs(30), settled).await.is_err() {
            tracing::warn!("Litestream does not settle");
        }
        self.tell_capturing();
    }

    /// After the store was gone Litestream may wait for minutes before it tries again, and a stopped one for ever:
    /// then it is started again.
    fn restart_if_stuck(&mut self) {
        if self.capture_child.state().serving.is_some()
            && lock(&self.core.databases).iter().any(|database| database.watched().is_doubtful())
        {
            self.core.logs.push(
                "engine",
                "what Litestream captured first can't be trusted; it begins again",
                Timestamp::now(),
            );
            return self.capture_child.restart();
        }
        let recently = |since: Option<Instant>, pause| since.is_some_and(|since| since.elapsed() < pause);
        let state = self.capture_child.state();
        let settling = recently(state.ready_at, Duration::from_secs(8))
            || recently(self.capture_restarted, RESTART_PAUSE);
        if state.serving.is_none() || settling || lock(&self.core.store_health).trouble.is_some() {
            return;
        }
        let patience = DatabaseFacts::patience(&self.core.config().capture) + Duration::from_secs(3);
        let now = Timestamp::now();
        let stuck = lock(&self.core.databases).iter().any(|database| {
            let watched = database.watched();
            let seen = watched.seen();
            let waited = seen.progress.waiting_since().map(|since| now.duration_since(since).unsigned_abs());
            seen.held
                && waited.is_some_and(|waited| waited > patience)
                && seen.progress.stored_txid().is_some()
        });
        if stuck || self.core.capture_silent() {
            self.capture_restarted = Some(Instant::now());
            self.core.logs.push("engine", "Litestream does not catch up and is started again", now);
            self.capture_child.restart();
        }
    }
}

fn captured(core: &Core, database: &Database) -> Captured {
    let line = lock(&database.line);
    let page_size = line.watched.seen().page_size;
    Captured {
        name: database.name.clone(),
        path: database.path.clone(),
        meta: line.watched.meta.clone(),
        prefix: line.record.prefix.clone(),
        truncate_pages: u64::from(core.config().capture.truncate_pages(page_size)),
    }
}
