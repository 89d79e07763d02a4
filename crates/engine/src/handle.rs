//! The engine's calls, for whoever embeds it; the control API offers the same over HTTP.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sqlite_replicate_api::{
    About, AddDatabase, Added, CheckConfig, CheckpointMode, Checkpointed, ConfigCheck, ConfigText,
    Credentials, ErrorCode, Event, History, JobRequest, JobSummary, LogLine, Name, Pause, ReplaceConfig,
    Report, Restart, RestorePlan, RestoreRequest, Result, SetSetting, SettingRow, Status, Synced,
};
use tokio::sync::watch;

use crate::children::Program;
use crate::children::litestream::Litestream;
use crate::children::minio::Minio;
use crate::core::{Core, lock};
use crate::jobs::{check, restore};
use crate::{add, config, look, settings, sync};

/// How long a `sync` may take at most, beyond a few intervals.
const SYNC_LIMIT: Duration = Duration::from_secs(120);

/// A running engine's calls. Cheap to clone; usable from any thread and any async runtime.
///
/// Every call answers [`ErrorCode::EngineNotRunning`] once the engine has ended.
#[derive(Clone)]
pub struct Handle {
    core: Arc<Core>,
    runtime: tokio::runtime::Handle,
}

impl Handle {
    pub(crate) fn new(core: Arc<Core>, runtime: tokio::runtime::Handle) -> Self {
        Self { core, runtime }
    }

    /// Runs a call on the engine's own thread.
    async fn run<T, F>(&self, call: impl FnOnce(Arc<Core>) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let ended = || Report::new(ErrorCode::EngineNotRunning, "the engine has ended");
        if *self.core.ending.borrow() {
            return Err(ended());
        }
        match self.runtime.spawn(call(self.core.clone())).await {
            Ok(result) => result,
            Err(error) if error.is_panic() => {
                Err(Report::new(ErrorCode::Internal, "the call failed by a defect of this program"))
            }
            Err(_) => Err(ended()),
        }
    }

    /// Everything a screen shows, as it is now.
    ///
    /// # Errors
    /// [`ErrorCode::EngineNotRunning`].
    pub async fn status(&self) -> Result<Status> {
        self.run(|core| async move { Ok(look::now(&core)) }).await
    }

    /// Follows the status: a new one whenever something but the time has changed.
    pub fn watch_status(&self) -> watch::Receiver<Arc<Status>> {
        self.core.status.subscribe()
    }

    /// Protects a database: looks whether that can be done, and writes it into the settings.
    ///
    /// # Errors
    /// What is in the way; the settings are then as they were.
    pub async fn add(&self, add: AddDatabase) -> Result<Added> {
        self.run(|core| async move { add::add(&core, add).await }).await
    }

    /// Stops protecting a database; its file and its history stay.
    ///
    /// # Errors
    /// [`ErrorCode::NoSuchDatabase`], or settings that can't be written.
    pub async fn remove(&self, name: &Name) -> Result<()> {
        let name = name.clone();
        self.run(|core| async move {
            core.database(&name)?;
            add::edit(&core, move |text| config::remove_database(text, &name)).await
        })
        .await
    }

    /// What a database can be brought back to.
    ///
    /// # Errors
    /// [`ErrorCode::NoSuchDatabase`], and what the store can have.
    pub async fn history(&self, name: &Name) -> Result<History> {
        let name = name.clone();
        self.run(|core| async move {
            let database = core.database(&name)?;
            look::history(&core, &database).await
        })
        .await
    }

    /// What a restore would do.
    ///
    /// # Errors
    /// [`ErrorCode::NoSuchRestorePoint`], and what the store can have.
    pub async fn plan(&self, name: &Name, request: &RestoreRequest) -> Result<RestorePlan> {
        let (name, request) = (name.clone(), request.clone());
        self.run(|core| async move {
            let database = core.database(&name)?;
            let planned = restore::plan(&core, &database, &request).await?;
            Ok(planned.shown(request.target))
        })
        .await
    }

    /// Begins a long operation.
    ///
    /// # Errors
    /// [`ErrorCode::NoSuchDatabase`], and [`ErrorCode::Busy`] while another one of this database runs.
    pub async fn start_job(&self, name: &Name, request: JobRequest) -> Result<JobSummary> {
        let name = name.clone();
        self.run(|core| async move {
            let database = core.database(&name)?;
            check::make_way(&core, &database).await?;
            Ok(check::begin(&core, &database, request))
        })
        .await
    }

    /// How a long operation is.
    ///
    /// # Errors
    /// [`ErrorCode::NoSuchRestorePoint`] for a job that is not known (any more).
    pub async fn job(&self, id: u64) -> Result<JobSummary> {
        self.watch_job(id).map(|job| job.borrow().clone())
    }

    /// Follows a long operation.
    ///
    /// # Errors
    /// As [`Handle::job`].
    pub fn watch_job(&self, id: u64) -> Result<watch::Receiver<JobSummary>> {
        self.core.jobs.watch(id)
    }

    /// Asks a long operation to end without a trace. It may already be past the point of no return.
    ///
    /// # Errors
    /// As [`Handle::job`].
    pub async fn cancel_job(&self, id: u64) -> Result<()> {
        self.core.jobs.cancel(id)
    }

    /// Waits until everything committed so far is stored.
    ///
    /// # Errors
    /// [`ErrorCode::Timeout`] with what is in the way.
    pub async fn sync(&self, name: &Name) -> Result<Synced> {
        let name = name.clone();
        self.run(|core| async move {
            let database = core.database(&name)?;
            let limit = core.config().capture.sync_interval.duration() * 3 + SYNC_LIMIT;
            sync::sync(&core, &database, limit).await
        })
        .await
    }

    /// Moves the write-ahead log into the database.
    ///
    /// # Errors
    /// What SQLite can have. That somebody was in the way is not one: see [`Checkpointed::busy`].
    pub async fn checkpoint(&self, name: &Name, mode: CheckpointMode) -> Result<Checkpointed> {
        let name = name.clone();
        self.run(|core| async move {
            let path = core.database(&name)?.path.clone();
            look::checkpoint(path, mode).await
        })
        .await
    }

    /// Stops capturing for a while.
    ///
    /// # Errors
    /// [`ErrorCode::BadRequest`] for a time that is over.
    pub async fn pause(&self, pause: Pause) -> Result<()> {
        self.run(move |core| async move {
            if pause.until.is_some_and(|until| until <= Timestamp::now()) {
                return Err(Report::new(ErrorCode::BadRequest, "the pause would end before it begins"));
            }
            let text = serde_json::to_string(&pause).map_err(|error| {
                Report::new(ErrorCode::Internal, "the pause can't be kept").because(error)
            })?;
            core.journal.run(move |journal| journal.set_fact("pause", &text)).await?;
            *lock(&core.pause) = Some(pause);
            core.event("paused", None, "paused".to_owned()).await;
            core.wake.notify_one();
            Ok(())
        })
        .await
    }

    /// Goes on after a pause. Without one nothing happens.
    ///
    /// # Errors
    /// When that can't be kept.
    pub async fn resume(&self) -> Result<()> {
        self.run(|core| async move {
            core.journal.run(|journal| journal.set_fact("pause", "")).await?;
            let paused = lock(&core.pause).take().is_some();
            if paused {
                core.event("resumed", None, "resumed".to_owned()).await;
            }
            core.wake.notify_one();
            Ok(())
        })
        .await
    }

    /// Starts bundled programs again.
    ///
    /// # Errors
    /// [`ErrorCode::EngineNotRunning`].
    pub async fn restart(&self, what: Restart) -> Result<()> {
        self.run(move |core| async move {
            {
                let mut restarts = lock(&core.restarts);
                if what != Restart::Capture {
                    restarts.insert(Minio::NAME);
                }
                if what != Restart::Store {
                    restarts.insert(Litestream::NAME);
                }
            }
            core.wake.notify_one();
            Ok(())
        })
        .await
    }

    /// The journal of events after an id, oldest first; with `after` 0 the newest ones.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>> {
        self.run(
            move |core| async move { core.journal.run(move |journal| journal.events(after, limit)).await },
        )
        .await
    }

    /// The last lines of the bundled programs and the engine, oldest first.
    ///
    /// # Errors
    /// None today.
    pub async fn logs(&self, source: Option<&str>, lines: usize) -> Result<Vec<LogLine>> {
        Ok(self.core.logs.last(source, lines))
    }

    /// The configuration file.
    ///
    /// # Errors
    /// [`ErrorCode::ConfigUnreadable`].
    pub async fn config_text(&self) -> Result<ConfigText> {
        self.run(|core| async move { add::config_text(&core).await }).await
    }

    /// Replaces the configuration file, if it still is what was read.
    ///
    /// # Errors
    /// [`ErrorCode::BadConfig`] with everything that is wrong; the file is then as it was.
    pub async fn replace_config(&self, replace: ReplaceConfig) -> Result<()> {
        self.run(|core| async move { add::replace(&core, replace).await }).await
    }

    /// Changes one setting; comments survive.
    ///
    /// # Errors
    /// As [`Handle::replace_config`].
    pub async fn set_setting(&self, set: SetSetting) -> Result<()> {
        self.run(|core| async move { add::set(&core, set).await }).await
    }

    /// Looks at a configuration, or at one change of it, and saves nothing.
    ///
    /// # Errors
    /// [`ErrorCode::ConfigUnreadable`]. What is wrong with the configuration is no error of this call.
    pub async fn check_config(&self, check: CheckConfig) -> Result<ConfigCheck> {
        self.run(|core| async move { settings::check(&core, check).await }).await
    }

    /// Every setting with its value, where that comes from, and what it takes.
    ///
    /// # Errors
    /// None today: where the file is wrong, these are the last good values.
    pub async fn settings(&self) -> Result<Vec<SettingRow>> {
        self.run(|core| async move { settings::rows(&core).await }).await
    }

    /// What this program is made of.
    ///
    /// # Errors
    /// [`ErrorCode::EngineNotRunning`].
    pub async fn about(&self) -> Result<About> {
        self.run(|core| async move { settings::about(&core).await }).await
    }

    /// Keeps the keys for an S3 service that is not the bundled one.
    ///
    /// # Errors
    /// When they can't be written.
    pub async fn set_credentials(&self, credentials: Credentials) -> Result<()> {
        self.run(|core| async move {
            let mut secrets = lock(&core.secrets).clone();
            secrets.external = Some(credentials);
            secrets.save(&core.home)?;
            *lock(&core.secrets) = secrets;
            core.event("credentials-changed", None, "new keys for the store are kept".to_owned()).await;
            core.wake.notify_one();
            Ok(())
        })
        .await
    }

    /// The printable sheet that restores onto an empty PC; it holds keys.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn recovery_sheet(&self) -> Result<String> {
        self.run(|core| async move { look::recovery_sheet(&core).await }).await
    }

    /// Versions, configuration without secrets, status, events, logs: for whoever helps.
    ///
    /// # Errors
    /// When the journal can't be read.
    pub async fn doctor(&self) -> Result<serde_json::Value> {
        self.run(|core| async move { look::doctor(&core).await }).await
    }

    /// Figures in the text format of Prometheus.
    ///
    /// # Errors
    /// [`ErrorCode::EngineNotRunning`].
    pub async fn metrics(&self) -> Result<String> {
        self.run(|core| async move { Ok(look::metrics(&core)) }).await
    }

    /// Asks the engine to end. It then ends by itself; [`crate::Engine::ended`] waits for that.
    ///
    /// # Errors
    /// [`ErrorCode::EngineNotRunning`].
    pub async fn shutdown(&self) -> Result<()> {
        self.end();
        Ok(())
    }

    pub(crate) fn end(&self) {
        self.core.ending.send_replace(true);
        self.core.wake.notify_one();
    }
}
