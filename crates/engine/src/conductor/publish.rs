//! Puts together what the status says, and tells the journal and the owner what changed.
//!
//! It goes on while the conductor waits for a program that hangs: that is when the status matters most.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sqlite_replicate_api::config;
use sqlite_replicate_api::text::{self, Language, OverallFacts, Params};
use sqlite_replicate_api::{
    ChildPhase, ChildStatus, Condition, DatabaseStatus, Overall, Status, StoreStatus,
};

use tokio::sync::watch;

use super::notify;
use crate::assess::{
    DatabaseFacts, HostFacts, Settled, Settling, database_conditions, host_conditions, overall_of,
};
use crate::children::litestream::{Litestream, LitestreamSpec};
use crate::children::minio::{Minio, MinioSpec};
use crate::children::{Program, State};
use crate::core::{Core, Database, lock};
use crate::inspect::device_of;

/// The store is expected to serve this long after the engine's start.
const START: Duration = Duration::from_secs(20);
/// How long a clock that was set back is told.
const CLOCK: i64 = 3600;

/// What the conductor says of its own work.
#[derive(Clone, Debug, Default)]
pub(super) struct Doing {
    /// Where the store is to be reached.
    pub(super) endpoint: String,
    /// Whether it was reached since it last began to serve.
    pub(super) connected: bool,
    /// Whether there is something to capture.
    pub(super) captures: bool,
}

/// Says how everything is.
pub(super) struct Publisher {
    core: Arc<Core>,
    store_child: watch::Receiver<State<MinioSpec>>,
    capture_child: watch::Receiver<State<LitestreamSpec>>,
    doing: watch::Receiver<Doing>,
    settling: Settling,
    sender: notify::Sender,
}

impl Publisher {
    pub(super) fn new(
        core: Arc<Core>,
        store_child: watch::Receiver<State<MinioSpec>>,
        capture_child: watch::Receiver<State<LitestreamSpec>>,
        doing: watch::Receiver<Doing>,
    ) -> Self {
        let (settling, sender) = Default::default();
        Self { core, store_child, capture_child, doing, settling, sender }
    }

    /// Waits for a step of the conductor, and publishes meanwhile however long it takes.
    pub(super) async fn during<T>(&mut self, step: impl Future<Output = T>) -> T {
        tokio::pin!(step);
        loop {
            tokio::select! {
                done = &mut step => return done,
                () = tokio::time::sleep(super::BUSY) => {
                    self.publish().await;
                }
            }
        }
    }

    /// Publishes the status; whether something moves, so that the next look should come soon.
    pub(super) async fn publish(&mut self) -> bool {
        let now = Timestamp::now();
        let language = language(&self.core);
        let databases = lock(&self.core.databases).clone();
        let host = self.host_facts(databases.len(), now);
        let mut told: Vec<(Option<sqlite_replicate_api::Name>, Settled)> = Vec::new();
        let mut ended = Vec::new();
        let look = self.settling.look(None, host_conditions(&host, now), now);
        ended.extend(look.ended.iter().map(|code| (None, *code)));
        let host_shown = look.shown;
        told.extend(host_shown.iter().map(|settled| (None, settled.clone())));
        let mut statuses = Vec::new();
        let mut worst = overall_of(host_shown.iter().map(|settled| settled.raised.code));
        let mut reason = host_shown.first().cloned();
        let mut moves = false;
        let mut done = None;
        for database in &databases {
            let facts = database_facts(&self.core, database, &host);
            moves |= facts.waiting_since.is_some() || !facts.is_captured;
            let raised = database_conditions(&facts, &self.core.config(), now);
            let look = self.settling.look(Some(database.name.as_str()), raised, now);
            ended.extend(look.ended.iter().map(|code| (Some(database.name.clone()), *code)));
            told.extend(look.shown.iter().map(|settled| (Some(database.name.clone()), settled.clone())));
            let overall = overall_of(look.shown.iter().map(|settled| settled.raised.code));
            if overall > worst {
                worst = overall;
                reason = look.shown.first().cloned();
                done = facts.first_copy_done();
            }
            statuses.push(database_status(database, &facts, overall, &look.shown, language, now));
        }
        let sentence = sentence(&self.core, worst, reason.as_ref(), done, &statuses, language, now);
        let status = Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            host: self.core.host.clone(),
            overall: worst,
            sentence,
            at: now,
            databases: statuses,
            store: self.store_status(),
            children: vec![
                child(Minio::NAME, &self.store_child.borrow()),
                child(Litestream::NAME, &self.capture_child.borrow()),
            ],
            conditions: host_shown.iter().map(|settled| condition(settled, language)).collect(),
            jobs: self.core.jobs.all(),
            paused_until: lock(&self.core.pause).and_then(|pause| pause.until),
        };
        self.core.status.send_if_modified(|before| {
            let mut status = status;
            // A later look at the same is no news.
            status.at = before.at;
            let same = status == **before;
            status.at = now;
            *before = Arc::new(status);
            !same
        });
        self.tell(told, ended, language).await;
        moves || self.core.jobs.any_running() || host.store_trouble.is_some()
    }

    /// What changed goes into the journal, and to whoever wants to be told.
    async fn tell(
        &mut self,
        shown: Vec<(Option<sqlite_replicate_api::Name>, Settled)>,
        ended: Vec<(Option<sqlite_replicate_api::Name>, sqlite_replicate_api::ConditionCode)>,
        language: Language,
    ) {
        for (about, settled) in shown.into_iter().filter(|(_, settled)| settled.new) {
            let code = settled.raised.code;
            let words = text::condition(code, &settled.raised.params, language);
            self.core.event("condition-raised", about.as_ref(), format!("{code}: {}", words.text)).await;
            self.sender.raised(&self.core, about.as_ref(), code, &words.text);
        }
        for (about, code) in ended {
            self.core.event("condition-ended", about.as_ref(), format!("{code}: over")).await;
            self.sender.ended(&self.core, about.as_ref(), code);
        }
    }

    fn host_facts(&self, databases: usize, now: Timestamp) -> HostFacts {
        let core = &self.core;
        let config = core.config();
        let (store, capture) = (self.store_child.borrow().clone(), self.capture_child.borrow().clone());
        let doing = self.doing.borrow().clone();
        let health = lock(&core.store_health).clone();
        let bundled = config.store.endpoint.is_none();
        let trouble = if bundled && store.serving.is_none() { store.trouble.clone() } else { health.trouble };
        let not_serving = || {
            let code = sqlite_replicate_api::ErrorCode::StoreUnreachable;
            sqlite_replicate_api::Report::new(code, "the store does not serve")
        };
        let trouble = trouble.or_else(|| core.store.borrow().is_none().then(not_serving));
        let mut loops = Vec::new();
        for (name, looping) in [(Minio::NAME, store.looping), (Litestream::NAME, capture.looping)] {
            if looping {
                let last = core.logs.last(Some(name), 1).pop().map(|line| line.text);
                loops.push((name, last.unwrap_or_default()));
            }
        }
        let broken = [&store.trouble, &capture.trouble]
            .into_iter()
            .flatten()
            .find(|report| report.code == sqlite_replicate_api::ErrorCode::BundleBroken);
        let problem = lock(&core.config_problems).first().cloned();
        let store_dir = bundled.then(|| config.store.data_dir.clone().unwrap_or_else(|| core.home.store()));
        HostFacts {
            databases,
            store_endpoint: doing.endpoint,
            store_device: store_dir
                .as_ref()
                .and_then(|dir| std::fs::metadata(dir).ok())
                .and_then(|metadata| device_of(&metadata)),
            store_dir,
            store_expected: core.began.elapsed() > START
                || doing.connected
                || store.starts > 0 && store.trouble.is_some(),
            store_trouble: trouble,
            store_full: health.full,
            free_bytes: health.free_bytes,
            capture_expected: doing.captures && core.began.elapsed() > START / 4,
            capture_serves: capture.serving.is_some() && core.capture_answers(),
            loops,
            bundle_trouble: broken.map(|report| (core.bundle.dir.clone(), report.message.clone())),
            config_trouble: problem.map(|report| (core.around.file().to_owned(), report.message)),
            health_trouble: lock(&core.health_trouble).clone(),
            notify_trouble: lock(&core.notify_trouble).clone().map(|why| (self.sender.place(core), why)),
            clock_set_back: lock(&core.clock_set_back)
                .filter(|(_, at)| now.duration_since(*at).as_secs() < CLOCK)
                .map(|(by, _)| by),
            pause: *lock(&core.pause),
        }
    }

    fn store_status(&self) -> StoreStatus {
        let config = self.core.config();
        let health = lock(&self.core.store_health);
        let bundled = config.store.endpoint.is_none();
        StoreStatus {
            bundled,
            endpoint: self.doing.borrow().endpoint.clone(),
            bucket: config.store.bucket.as_str().to_owned(),
            data_dir: bundled
                .then(|| config.store.data_dir.clone().unwrap_or_else(|| self.core.home.store())),
            reachable: self.core.store.borrow().is_some() && health.trouble.is_none(),
            // To the hundred megabytes: a number that changes with each write is no news.
            free_bytes: health.free_bytes.map(|free| free / 100_000_000 * 100_000_000),
        }
    }
}

/// The language of the sentences.
pub(crate) fn language(core: &Core) -> Language {
    let chosen = match core.config().ui.language {
        config::Language::Auto => None,
        config::Language::English => Some(Language::En),
        config::Language::Chinese => Some(Language::ZhCn),
    };
    let locale = |name| std::env::var(name).unwrap_or_default();
    let locales = [locale("LC_ALL"), locale("LC_MESSAGES"), locale("LANG")];
    Language::resolve(chosen, &[&locales[0], &locales[1], &locales[2]])
}

fn child<S>(name: &str, state: &State<S>) -> ChildStatus {
    let phase = if state.serving.is_some() { ChildPhase::Ready } else { state.phase };
    ChildStatus { name: name.to_owned(), phase, pid: state.pid, restarts: state.restarts }
}

fn condition(settled: &Settled, language: Language) -> Condition {
    let code = settled.raised.code;
    let words = text::condition(code, &settled.raised.params, language);
    Condition {
        code,
        severity: code.severity(),
        text: words.text,
        hint: words.hint,
        since: settled.since,
        screen: code.screen(),
    }
}

fn database_facts(core: &Core, database: &Database, host: &HostFacts) -> DatabaseFacts {
    let watched = database.watched();
    let seen = watched.seen();
    let checks = lock(&database.checks).clone();
    let restoring = database.restoring.load(std::sync::atomic::Ordering::Relaxed);
    DatabaseFacts {
        name: database.name.to_string(),
        path: database.path.clone(),
        obstacle: seen.obstacle.clone(),
        missing: seen.missing,
        replaced: seen.replaced,
        restoring,
        store_asked: seen.progress.is_asked() || !lock(&database.line).announced_before,
        anything_stored: seen.progress.stored_txid().is_some(),
        is_captured: seen.progress.is_captured(),
        is_stored: seen.progress.is_stored(),
        waiting_since: seen.progress.waiting_since(),
        protected_since: database.since,
        engine_up: core.began.elapsed(),
        begun_at: lock(&database.line).record.opened_at.max(core.began_at),
        size: seen.size,
        first_copy: seen.first_copy,
        wal_size: seen.wal_size,
        drill: checks.drill,
        scan: checks.scan,
        unchecked: checks.unchecked,
        lost: checks.lost,
        same_disk: same_disk(host, &database.path, seen.device),
        paused: lock(&core.pause).is_some(),
    }
}

/// Whether a database and the store are on one file system: then one broken disk takes both.
fn same_disk(host: &HostFacts, path: &std::path::Path, device: Option<u64>) -> bool {
    let Some(dir) = &host.store_dir else { return false };
    if cfg!(unix) {
        return device.is_some() && device == host.store_device;
    }
    dir.components().next() == path.components().next()
}

fn database_status(
    database: &Database,
    facts: &DatabaseFacts,
    overall: Overall,
    shown: &[Settled],
    language: Language,
    now: Timestamp,
) -> DatabaseStatus {
    let watched = database.watched();
    let seen = watched.seen();
    let progress = &seen.progress;
    let reason = shown.first().map(|settled| (settled.raised.code, &settled.raised.params));
    let mut words = OverallFacts::new(overall, now);
    words.reason = reason;
    words.done = facts.first_copy_done();
    words.since = facts.waiting_since;
    let lag = facts.waiting_since.map_or(0.0, |since| now.duration_since(since).as_secs_f64().max(0.0));
    DatabaseStatus {
        name: database.name.clone(),
        path: database.path.clone(),
        overall,
        sentence: text::sentence(&words, language),
        epoch: database.epoch(),
        size_bytes: facts.size,
        wal_bytes: facts.wal_size,
        here: progress.captured_txid(),
        uncaptured: !facts.is_captured,
        stored: progress.stored_txid(),
        acknowledged: None,
        lag_seconds: lag,
        last_commit_at: progress.last_commit_at(),
        last_stored_at: if facts.is_stored { progress.last_commit_at() } else { facts.waiting_since },
        last_drill: facts.drill.clone(),
        last_scan: facts.scan.clone(),
        conditions: shown.iter().map(|settled| condition(settled, language)).collect(),
    }
}

fn sentence(
    core: &Core,
    overall: Overall,
    reason: Option<&Settled>,
    done: Option<f64>,
    statuses: &[DatabaseStatus],
    language: Language,
    now: Timestamp,
) -> String {
    let params: Option<(_, &Params)> = reason.map(|settled| (settled.raised.code, &settled.raised.params));
    let facts = OverallFacts {
        zone: TimeZone::system(),
        databases: statuses.len(),
        done,
        paused_until: lock(&core.pause).and_then(|pause| pause.until),
        since: statuses
            .iter()
            .filter(|status| status.lag_seconds > 0.0)
            .filter_map(|status| status.last_stored_at)
            .min(),
        reason: params,
        ..OverallFacts::new(overall, now)
    };
    text::sentence(&facts, language)
}
