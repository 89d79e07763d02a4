//! Makes what runs be what the settings and the facts ask for, again and again: which programs with what, which
//! databases are captured, what the status says.
//!
//! It decides from facts as they are now, never from what it did before, so that nothing is forgotten after a crash.

mod capture;
mod clock;
mod notify;
mod probe;
mod publish;
mod schedule;

pub(crate) use publish::language;

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sqlite_replicate_api::Result;
use tokio::time::timeout;

use crate::children::litestream::{Litestream, LitestreamSpec, Remote};
use crate::children::minio::{Minio, MinioSpec};
use crate::children::{Program, Supervisor};
use crate::config;
use crate::continuity;
use crate::core::{Core, lock};
use crate::identity::Identity;
use crate::protect;
use crate::store::Store;

/// Between two rounds while something moves, and when nothing does.
const BUSY: Duration = Duration::from_millis(200);
const IDLE: Duration = Duration::from_secs(1);
/// A look at everything is followed by a rest of this many times what it took: with very many databases it takes
/// milliseconds, and something always moves.
const REST: u32 = 200;
const SHORTEST_REST: Duration = Duration::from_millis(20);
const LONGEST_REST: Duration = Duration::from_millis(500);

/// What the conductor keeps for itself.
pub(crate) struct Conductor {
    core: Arc<Core>,
    watch: config::Watch,
    store_child: Supervisor<MinioSpec>,
    capture_child: Supervisor<LitestreamSpec>,
    metrics_port: Arc<std::sync::atomic::AtomicU16>,
    port: u16,
    /// What the store client was made for; another means: look again whether it has what it had.
    connected: Option<(Remote, u64)>,
    /// Databases whose file was compared with what the epoch describes.
    settled: std::collections::BTreeMap<sqlite_replicate_api::Name, Identity>,
    /// What the status is to know of the work.
    doing: tokio::sync::watch::Sender<publish::Doing>,
    config_read: Instant,
    capture_restarted: Option<Instant>,
    store_restarted: Option<Instant>,
    clock: clock::Clock,
    /// What failed last, so that it is not logged with each round.
    noted: Option<String>,
    schedule: schedule::Schedule,
}

/// What Litestream's starts are prepared by. Weak, since the core lives longer than its children anyway.
fn prepare_by(core: &Arc<Core>) -> crate::children::litestream::Prepare {
    let core = Arc::downgrade(core);
    Arc::new(move |names| core.upgrade().map_or(Ok(()), |core| continuity::prepare(&core, names)))
}

impl Conductor {
    pub(crate) fn new(core: Arc<Core>, watch: config::Watch) -> Result<Self> {
        let keys = lock(&core.secrets).bundled.clone();
        let minio = Minio::new(core.bundle.minio.clone(), core.home.clone(), keys);
        let metrics_port = Arc::default();
        let litestream = Litestream::new(
            core.bundle.litestream.clone(),
            core.launcher.clone(),
            core.home.clone(),
            Arc::clone(&metrics_port),
            prepare_by(&core),
        );
        Ok(Self {
            watch,
            store_child: Supervisor::new(minio, core.launcher.clone(), core.logs.clone()),
            capture_child: Supervisor::new(litestream, core.launcher.clone(), core.logs.clone()),
            metrics_port,
            port: Minio::choose_port(&core.home)?,
            connected: None,
            settled: Default::default(),
            doing: Default::default(),
            config_read: Instant::now(),
            capture_restarted: None,
            store_restarted: None,
            clock: clock::Clock::new(Timestamp::now(), Instant::now()),
            noted: None,
            schedule: schedule::Schedule::default(),
            core,
        })
    }

    /// Conducts until the engine ends, and then ends the programs gracefully: Litestream's last sync needs the store.
    pub(crate) async fn run(mut self) {
        let probes = tokio::spawn(probe::probe(self.core.clone(), Arc::clone(&self.metrics_port)));
        let mut publisher = publish::Publisher::new(
            self.core.clone(),
            self.store_child.states(),
            self.capture_child.states(),
            self.doing.subscribe(),
        );
        let databases = self.core.config().databases.clone();
        self.protect_all(&databases).await;
        let mut ending = self.core.ending.subscribe();
        // What a program's start or end asks for is done at once, not at the next tick.
        let (mut of_store, mut of_capture) = (self.store_child.states(), self.capture_child.states());
        while !*ending.borrow() {
            publisher.during(self.round()).await;
            let began = Instant::now();
            let moves = publisher.publish().await;
            let rest = (began.elapsed() * REST).clamp(SHORTEST_REST, LONGEST_REST);
            let pause = if moves { BUSY.max(rest) } else { IDLE };
            tokio::select! {
                _ = ending.wait_for(|ending| *ending) => {}
                Ok(()) = of_store.changed() => {}
                Ok(()) = of_capture.changed() => {}
                woken = timeout(pause, self.core.wake.notified()) => {
                    // Many wakings in a row are one.
                    if woken.is_ok() {
                        tokio::time::sleep(rest).await;
                    }
                }
            }
        }
        probes.abort();
        self.end().await;
    }

    /// One round. A step that fails is tried again in the next one, and keeps no other step from being made.
    async fn round(&mut self) {
        self.read_config().await;
        self.watch_clock().await;
        self.obey_restarts();
        self.conduct_store();
        self.tell_doing();
        let connected = self.connect().await;
        self.note(connected);
        self.tell_doing();
        let begun = continuity::begin_anew_if_wanted(&self.core).await;
        self.note(begun);
        let lifted = continuity::lift_marks(&self.core).await;
        self.note(lifted);
        self.conduct_databases().await;
        self.conduct_capture().await;
        self.tell_doing();
        self.schedule.look(&self.core).await;
    }

    fn tell_doing(&self) {
        self.doing.send_replace(publish::Doing {
            endpoint: self.remote().endpoint,
            connected: self.connected.is_some(),
            captures: self.captures_anything(),
        });
    }

    /// Logs what failed, once as long as it stays the same.
    fn note(&mut self, result: Result<()>) {
        let Err(report) = result else { return };
        let text = format!("{report}: {}", report.causes.join(": "));
        if self.noted.as_ref() != Some(&text) {
            self.core.logs.push("engine", &text, Timestamp::now());
            self.noted = Some(text);
        }
    }

    async fn end(self) {
        self.core.jobs.cancel_all();
        let jobs_end = async {
            while self.core.jobs.any_running() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if timeout(Duration::from_secs(10), jobs_end).await.is_err() {
            tracing::warn!("an operation does not end");
        }
        self.capture_child.want(None);
        self.capture_child.wait_until(|state| state.pid.is_none()).await;
        self.remember_files().await;
        self.store_child.want(None);
        self.store_child.wait_until(|state| state.pid.is_none()).await;
    }

    /// Remembers the files as they are now that nothing of ours writes into them any more: what is different at the
    /// next start, others have done.
    async fn remember_files(&self) {
        let databases = lock(&self.core.databases).clone();
        for database in databases {
            let seen = database.watched().seen().mark.clone();
            let (Some(seen), Ok(now)) = (seen, Identity::of(&database.path)) else { continue };
            let settled = self.settled.get(&database.name).is_some_and(|settled| settled.goes_on_as(&seen));
            // Another file is left for the next start to find.
            if settled && seen.goes_on_as(&now) {
                protect::remember_file(&self.core, &database, &now).await;
            }
        }
    }

    /// Looks at the configuration file about once a second.
    async fn read_config(&mut self) {
        if self.config_read.elapsed() < Duration::from_millis(500) {
            return;
        }
        self.config_read = Instant::now();
        match self.watch.poll() {
            config::Observed::Nothing => {}
            config::Observed::Good(changes) => {
                lock(&self.core.config_problems).clear();
                self.adopt_config(&changes).await;
            }
            config::Observed::Bad(problems) => {
                let text = problems.first().map(ToString::to_string).unwrap_or_default();
                *lock(&self.core.config_problems) = problems;
                self.core.event("config-bad", None, format!("the configuration is wrong: {text}")).await;
            }
        }
    }

    async fn adopt_config(&mut self, changes: &config::Changes) {
        self.core.config.send_replace(Arc::new(self.watch.good().config.clone()));
        self.core.event("config-changed", None, "new settings are in force".to_owned()).await;
        let moved = changes.moved.iter().map(|(before, _)| before);
        for gone in changes.removed.iter().chain(moved) {
            self.give_up(&gone.name).await;
        }
        let moved = changes.moved.iter().map(|(_, now)| now);
        let added: Vec<_> = changes.added.iter().chain(moved).cloned().collect();
        self.protect_all(&added).await;
        let order: Vec<_> =
            self.core.config().databases.iter().map(|database| database.name.clone()).collect();
        lock(&self.core.databases).sort_by_key(|database| {
            order.iter().position(|name| *name == database.name).unwrap_or(usize::MAX)
        });
    }

    async fn protect_all(&mut self, databases: &[sqlite_replicate_api::config::Database]) {
        for settings in databases {
            match protect::protect(&self.core, settings).await {
                Ok(database) => lock(&self.core.databases).push(database),
                Err(report) => {
                    let text = format!("`{}` can't be protected: {report}", settings.name);
                    self.core.event("protect-failed", Some(&settings.name), text).await;
                }
            }
        }
    }

    /// Stops capturing a database, then lets it go.
    async fn give_up(&mut self, name: &sqlite_replicate_api::Name) {
        let found = {
            let mut databases = lock(&self.core.databases);
            let index = databases.iter().position(|database| database.name == *name);
            index.map(|index| databases.remove(index))
        };
        let Some(database) = found else { return };
        self.settled.remove(name);
        self.conduct_capture().await;
        self.capture_settles().await;
        protect::release(&self.core, &database).await;
    }

    /// A clock that goes back is told: retention and times of restore points go by it.
    async fn watch_clock(&mut self) {
        let now = Timestamp::now();
        if let Some(back) = self.clock.look(now, Instant::now()) {
            *lock(&self.core.clock_set_back) = Some((back, now));
            self.core.event("clock-set-back", None, format!("the clock was set back by {back:.0} s")).await;
        }
    }

    fn obey_restarts(&mut self) {
        let wanted = std::mem::take(&mut *lock(&self.core.restarts));
        if wanted.contains(Minio::NAME) {
            self.store_child.restart();
        }
        if wanted.contains(Litestream::NAME) {
            self.capture_child.restart();
        }
    }

    /// The bundled store runs whenever no other is configured.
    fn conduct_store(&mut self) {
        let config = self.core.config();
        if config.store.endpoint.is_some() {
            return self.store_child.want(None);
        }
        let state = self.store_child.state();
        // A program that took the port while the store was down keeps it.
        if state.pid.is_none()
            && state.trouble.is_some()
            && let Ok(port) = Minio::choose_port(&self.core.home)
        {
            self.port = port;
        }
        let data_dir = config.store.data_dir.clone().unwrap_or_else(|| self.core.home.store());
        self.restart_lost_store(&data_dir);
        self.store_child.want(Some(MinioSpec { data_dir, port: self.port }));
    }

    /// A store whose folder was taken away under it never finds it again, and a hung one stays hung: it is started again.
    fn restart_lost_store(&mut self, data_dir: &std::path::Path) {
        let Some(ready_at) = self.store_child.state().ready_at else { return };
        let answered_at = lock(&self.core.store_health).answered_at;
        let silent = answered_at.max(Some(ready_at)).is_some_and(|at| at.elapsed() > probe::STORE_SILENT);
        // MinIO keeps its own memory there, from before it serves on.
        let gone = !data_dir.join(".minio.sys").exists();
        if (silent || gone) && self.store_restarted.is_none_or(|at| at < ready_at) {
            self.store_restarted = Some(Instant::now());
            let why = if gone { "the store's folder is gone" } else { "the store does not answer" };
            self.core.logs.push("engine", &format!("{why}; it is started again"), Timestamp::now());
            self.store_child.restart();
        }
    }

    fn remote(&self) -> Remote {
        let config = self.core.config();
        let secrets = lock(&self.core.secrets).clone();
        let bucket = config.store.bucket.as_str().to_owned();
        let region = config.store.region.as_ref().map_or("us-east-1", |region| region.as_str()).to_owned();
        match &config.store.endpoint {
            Some(endpoint) => {
                let none = sqlite_replicate_api::Credentials {
                    access_key_id: String::new(),
                    secret_access_key: String::new(),
                };
                let keys = secrets.external.unwrap_or(none);
                Remote { endpoint: endpoint.as_str().to_owned(), region, bucket, keys }
            }
            None => {
                let endpoint = format!("http://127.0.0.1:{}", self.port);
                Remote { endpoint, region, bucket, keys: secrets.bundled }
            }
        }
    }

    /// Connects to the store as soon as it serves, and again after each of its starts.
    async fn connect(&mut self) -> Result<()> {
        let remote = self.remote();
        let bundled = self.core.config().store.endpoint.is_none();
        let state = self.store_child.state();
        if bundled && state.serving.is_none() {
            self.connected = None;
            self.core.store.send_if_modified(|store| store.take().is_some());
            return Ok(());
        }
        let silent = lock(&self.core.store_health)
            .trouble
            .as_ref()
            .is_some_and(|report| report.code == sqlite_replicate_api::ErrorCode::NoSuchRestorePoint);
        if self.connected.as_ref() == Some(&(remote.clone(), state.starts)) && !silent {
            return Ok(());
        }
        let store = Store::new(remote.clone());
        match store.ensure_bucket().await {
            Ok(()) => {
                for database in lock(&self.core.databases).iter() {
                    lock(&database.line).announced = false;
                }
                self.connected = Some((remote, state.starts));
                lock(&self.core.store_health).trouble = None;
                self.core.store.send_replace(Some(store));
                Ok(())
            }
            Err(report) => {
                lock(&self.core.store_health).trouble = Some(report.clone());
                Err(report)
            }
        }
    }
}
