//! The engine's calls, for whoever embeds it; the control API offers the same over HTTP.

<<<<<<< HEAD

=======
#![allow(unused, clippy::todo)]

use std::sync::Arc;
>>>>>>> control

use sqlite_replicate_api::{
    AddDatabase, Added, CheckpointMode, Checkpointed, ConfigText, Credentials, Event, History, JobRequest,
    JobSummary, LogLine, Name, Pause, ReplaceConfig, Restart, RestorePlan, RestoreRequest, Result,
    SetSetting, Status, Synced,
};
<<<<<<< HEAD
=======
use tokio::sync::watch;
>>>>>>> control

/// A running engine's calls. Cheap to clone.
#[derive(Clone)]
pub struct Handle {}

impl Handle {
    /// Everything a screen shows.
    pub async fn status(&self) -> Result<Status> {
        todo!()
    }

    /// Protects a database.
    pub async fn add(&self, add: AddDatabase) -> Result<Added> {
        todo!()
    }

    /// Stops protecting a database; its history stays.
    pub async fn remove(&self, name: &Name) -> Result<()> {
        todo!()
    }

    /// What a database can be brought back to.
    pub async fn history(&self, name: &Name) -> Result<History> {
        todo!()
    }

    /// What a restore would do.
    pub async fn plan(&self, name: &Name, request: &RestoreRequest) -> Result<RestorePlan> {
        todo!()
    }

    /// Begins a long operation.
    pub async fn start_job(&self, name: &Name, request: JobRequest) -> Result<JobSummary> {
        todo!()
    }

    /// How a long operation is.
    pub async fn job(&self, id: u64) -> Result<JobSummary> {
        todo!()
    }

    /// Asks a long operation to end without a trace.
    pub async fn cancel_job(&self, id: u64) -> Result<()> {
        todo!()
    }

    /// Waits until everything committed so far is stored.
    pub async fn sync(&self, name: &Name) -> Result<Synced> {
        todo!()
    }

    /// Moves the write-ahead log into the database.
    pub async fn checkpoint(&self, name: &Name, mode: CheckpointMode) -> Result<Checkpointed> {
        todo!()
    }

    /// Stops capturing for a while.
    pub async fn pause(&self, pause: Pause) -> Result<()> {
        todo!()
    }

    /// Goes on after a pause.
    pub async fn resume(&self) -> Result<()> {
        todo!()
    }

    /// Starts bundled programs again.
    pub async fn restart(&self, what: Restart) -> Result<()> {
        todo!()
    }

    /// The journal of events after an id, oldest first.
    pub async fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>> {
        todo!()
    }

    /// The last lines of the bundled programs and the engine, oldest first.
    pub async fn logs(&self, source: Option<&str>, lines: usize) -> Result<Vec<LogLine>> {
        todo!()
    }

    /// The configuration file.
    pub async fn config_text(&self) -> Result<ConfigText> {
        todo!()
    }

    /// Replaces the configuration file.
    pub async fn replace_config(&self, replace: ReplaceConfig) -> Result<()> {
        todo!()
    }

    /// Changes one setting; comments survive.
    pub async fn set_setting(&self, set: SetSetting) -> Result<()> {
        todo!()
    }

    /// Keeps the keys for an S3 service that is not the bundled one.
    pub async fn set_credentials(&self, credentials: Credentials) -> Result<()> {
        todo!()
    }

    /// The printable sheet that restores onto an empty PC; it holds keys.
    pub async fn recovery_sheet(&self) -> Result<String> {
        todo!()
    }

    /// Versions, configuration without secrets, status, events, logs: for whoever helps.
    pub async fn doctor(&self) -> Result<serde_json::Value> {
        todo!()
    }

    /// Figures in the text format of Prometheus.
    pub async fn metrics(&self) -> Result<String> {
        todo!()
    }

    /// Asks the engine to end.
    pub async fn shutdown(&self) -> Result<()> {
        todo!()
    }
<<<<<<< HEAD
=======

    /// The status, and every later one.
    pub fn watch_status(&self) -> watch::Receiver<Arc<Status>> {
        todo!()
    }

    /// How a long operation is, and every later state of it.
    pub fn watch_job(&self, id: u64) -> Result<watch::Receiver<JobSummary>> {
        todo!()
    }
>>>>>>> control
}
