//! What the parts of a running engine share.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use sqlite_replicate_api::config::Config;
use sqlite_replicate_api::{
    CheckSummary, Epoch, EpochRecord, ErrorCode, HostStatus, Name, Report, Result, Status,
};
use tokio::sync::{Notify, watch};

use crate::bundle::Bundle;
use crate::children::Logs;
use crate::config;
use crate::home::Home;
use crate::jobs::Jobs;
use crate::jobs::fetch::Tools;
use crate::journal::Journal;
use crate::secrets::Secrets;
use crate::store::Store;
use crate::store::layout::HostKey;
use crate::watch::{Watch, Watched};

/// A value that several tasks read and write for moments.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Everything that the parts of a running engine share.
pub(crate) struct Core {
    pub(crate) home: Home,
    pub(crate) bundle: Bundle,
    pub(crate) launcher: PathBuf,
    pub(crate) around: config::Surroundings,
    pub(crate) logs: Logs,
    pub(crate) journal: Journal,
    pub(crate) secrets: Mutex<Secrets>,
    pub(crate) host: HostStatus,
    pub(crate) config: watch::Sender<Arc<Config>>,
    /// What is wrong with the configuration file as it is now.
    pub(crate) config_problems: Mutex<Vec<Report>>,
    /// In the order of the configuration.
    pub(crate) databases: Mutex<Vec<Arc<Database>>>,
    pub(crate) watch: Watch,
    /// The store, once it serves; none while it does not.
    pub(crate) store: watch::Sender<Option<Store>>,
    pub(crate) store_health: Mutex<StoreHealth>,
    /// Questions to the store about single databases at a time: each has its own connection, and they keep their memory.
    pub(crate) asking: tokio::sync::Semaphore,
    pub(crate) jobs: Jobs,
    pub(crate) status: watch::Sender<Arc<Status>>,
    /// Databases that a job has taken out of capture.
    pub(crate) suspended: Mutex<BTreeSet<Name>>,
    /// What Litestream captures now.
    pub(crate) capturing: watch::Sender<BTreeSet<Name>>,
    pub(crate) pause: Mutex<Option<sqlite_replicate_api::Pause>>,
    pub(crate) restarts: Mutex<BTreeSet<&'static str>>,
    /// Told when something changed that the conductor acts on.
    pub(crate) wake: Notify,
    pub(crate) ending: watch::Sender<bool>,
    /// Why `/health` is not served.
    pub(crate) health_trouble: Mutex<Option<String>>,
    /// Where `/health` is served.
    pub(crate) health_address: Mutex<Option<std::net::SocketAddr>>,
    /// Why the last notification did not arrive.
    pub(crate) notify_trouble: Mutex<Option<String>>,
    /// By how many seconds the clock was set back, and when that was seen.
    pub(crate) clock_set_back: Mutex<Option<(f64, Timestamp)>>,
    /// Since when Litestream has not answered.
    pub(crate) capture_silent_since: Mutex<Option<Instant>>,
    /// Whether the engine before this one did not end cleanly.
    pub(crate) unclean: bool,
    pub(crate) began: Instant,
    pub(crate) began_at: Timestamp,
    pub(crate) jobs_ended: [AtomicU64; 2],
}

/// How the store was when it was last asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct StoreHealth {
    /// Why it can't be used.
    pub(crate) trouble: Option<Report>,
    /// Whether writing found it full.
    pub(crate) full: bool,
    pub(crate) answered_at: Option<Instant>,
    pub(crate) free_bytes: Option<u64>,
}

/// One protected database.
pub(crate) struct Database {
    pub(crate) name: Name,
    pub(crate) path: PathBuf,
    pub(crate) id: String,
    pub(crate) line: Mutex<LineState>,
    pub(crate) checks: Mutex<Checks>,
    /// Held by the one long operation that a database takes part in at a time.
    pub(crate) busy: tokio::sync::Mutex<()>,
    /// The last check that the schedule began, as a job's number: it gives way to what a person wants.
    pub(crate) scheduled: Mutex<Option<u64>>,
    /// Whether that one gave way, and is to be made as soon as nothing else runs.
    pub(crate) gave_way: AtomicBool,
    /// Set when the database is no longer protected: its followers end.
    pub(crate) gone: AtomicBool,
    /// Whether a restore into its place is under way.
    pub(crate) restoring: AtomicBool,
    /// When it first came under protection.
    pub(crate) since: Timestamp,
}

/// The line of history that is being written.
pub(crate) struct LineState {
    pub(crate) record: EpochRecord,
    pub(crate) watched: Arc<Watched>,
    /// Whether the store holds the epoch's record: only then is anything captured into it.
    pub(crate) announced: bool,
    /// Whether it was so at an earlier start of the engine: then something of it may be stored.
    pub(crate) announced_before: bool,
}

/// What the last checks found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checks {
    pub(crate) drill: Option<CheckSummary>,
    pub(crate) scan: Option<CheckSummary>,
    /// The history must be scanned before it counts again: the host stopped uncleanly.
    pub(crate) unchecked: bool,
    /// Keys of stored objects that the last scan found damaged, and that were not healed: restores do without them.
    pub(crate) damaged: BTreeSet<String>,
    /// The store lost what it had.
    pub(crate) lost: bool,
}

impl Core {
    /// The configuration in force.
    pub(crate) fn config(&self) -> Arc<Config> {
        self.config.borrow().clone()
    }

    /// This host as it stands in keys.
    pub(crate) fn host_key(&self) -> HostKey {
        HostKey::new(&self.config().host.name.key(), &self.host.id)
    }

    /// A database by name.
    pub(crate) fn database(&self, name: &Name) -> Result<Arc<Database>> {
        let databases = lock(&self.databases);
        databases.iter().find(|database| database.name == *name).cloned().ok_or_else(|| {
            let known: Vec<String> =
                databases.iter().map(|database| format!("`{}`", database.name)).collect();
            let report =
                Report::new(ErrorCode::NoSuchDatabase, format!("no database named `{name}` is protected"));
            if known.is_empty() {
                report.hint("protect one with `sqlite-replicate add PATH`")
            } else {
                report.hint(format!("protected are {}", known.join(", ")))
            }
        })
    }

    /// The store, if it serves.
    pub(crate) fn store(&self) -> Result<Store> {
        self.store.borrow().clone().ok_or_else(|| {
            lock(&self.store_health).trouble.clone().unwrap_or_else(|| {
                Report::new(ErrorCode::StoreUnreachable, "the store does not serve yet")
                    .hint("it takes some seconds after a start; see `sqlite-replicate status`")
            })
        })
    }

    /// What restores need of the installation.
    pub(crate) fn tools(&self) -> Tools {
        Tools {
            litestream: self.bundle.litestream.clone(),
            launcher: self.launcher.clone(),
            scratch: self.home.run(),
        }
    }

    /// Writes down what happened, in the journal and in the log.
    pub(crate) async fn event(&self, kind: &'static str, database: Option<&Name>, text: String) {
        self.logs.push("engine", &text, Timestamp::now());
        let database = database.cloned();
        let noted = self
            .journal
            .run(move |journal| journal.record(Timestamp::now(), kind, database.as_ref(), &text))
            .await;
        if let Err(report) = noted {
            self.logs.push("engine", &format!("an event can't be kept: {report}"), Timestamp::now());
        }
    }

    /// The epochs of a database, oldest first.
    pub(crate) async fn epochs(&self, database: &Database) -> Result<Vec<EpochRecord>> {
        let id = database.id.clone();
        self.journal.run(move |journal| journal.epochs(&id)).await
    }
}

impl Database {
    /// The watch's view of it.
    pub(crate) fn watched(&self) -> Arc<Watched> {
        lock(&self.line).watched.clone()
    }

    /// The epoch that is being written.
    pub(crate) fn record(&self) -> EpochRecord {
        lock(&self.line).record.clone()
    }

    /// The epoch that is being written.
    pub(crate) fn epoch(&self) -> Epoch {
        lock(&self.line).record.epoch
    }
}
