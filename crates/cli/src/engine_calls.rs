//! Every call of the engine that the command line makes, in one place.

#![allow(dead_code)] // until every body below is connected

use std::ffi::OsString;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;

use serde::Serialize;
use sqlite_replicate_api::{
    Credentials, ErrorCode, Integrity, Moment, Name, Outcome, Progress, Report, RestorePlan, Result,
    SetSetting, Status,
};
use tokio::sync::watch;

pub(crate) use sqlite_replicate_engine::client::Client;
pub(crate) use sqlite_replicate_engine::handle::Handle;

/// The other roles that the engine starts this program in (sentinel, child): their exit code, if this is one.
pub(crate) fn run_if_asked() -> Option<ExitCode> {
    None
}

/// The engine that runs for a home folder; `engine-not-running` if there is none.
pub(crate) async fn connect(home: &Path) -> Result<Client> {
    Err(Report::new(ErrorCode::EngineNotRunning, format!("no engine runs for `{}`", home.display())))
}

/// Each new status of an engine.
pub(crate) struct StatusStream {}

impl StatusStream {
    /// Waits for the next one; none when the engine ended.
    pub(crate) async fn next(&mut self) -> Result<Option<Status>> {
        unimplemented!()
    }
}

/// Begins to follow an engine's status, the present one first.
pub(crate) async fn status_stream(_client: &Client) -> Result<StatusStream> {
    unimplemented!()
}

/// Waits for the end of a long operation.
pub(crate) async fn follow_job(
    _client: &Client,
    _id: u64,
    _on_progress: impl FnMut(Progress),
) -> Result<Outcome> {
    unimplemented!()
}

/// The variables whose names begin with `SQLITE_REPLICATE_`.
pub(crate) type Environment = Vec<(OsString, OsString)>;

/// What an engine is started with.
pub(crate) struct Options {
    pub(crate) home: PathBuf,
    pub(crate) config: PathBuf,
    pub(crate) bundle: Option<PathBuf>,
    pub(crate) environment: Environment,
}

/// An engine in this process.
pub(crate) struct Engine {}

impl Engine {
    /// Returns as soon as it is clear that it can start.
    pub(crate) fn start(_options: Options) -> Result<Self> {
        unimplemented!()
    }

    pub(crate) fn handle(&self) -> Handle {
        unimplemented!()
    }

    pub(crate) fn watch_status(&self) -> watch::Receiver<Arc<Status>> {
        unimplemented!()
    }

    /// Resolves when it ended by itself, or because somebody asked over the control API.
    pub(crate) async fn ended(&self) {
        unimplemented!()
    }

    /// Ends it, and waits until it did.
    pub(crate) async fn shutdown(&self) {
        unimplemented!()
    }
}

/// Where a restore without an engine takes the history from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// `s3://bucket/prefix?endpoint=…`
    Url(String),
    /// A recovery sheet.
    Sheet(PathBuf),
}

/// A restore without an engine.
#[derive(Clone)]
pub(crate) struct OfflineRestore {
    pub(crate) source: Source,
    /// Which database of the source, where it holds several.
    pub(crate) database: Option<Name>,
    pub(crate) moment: Moment,
    pub(crate) target: PathBuf,
    pub(crate) integrity: Integrity,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) home: PathBuf,
    pub(crate) bundle: Option<PathBuf>,
}

/// What a restore without an engine would do.
pub(crate) async fn offline_plan(_request: &OfflineRestore) -> Result<RestorePlan> {
    unimplemented!()
}

/// Restores without an engine. When `cancel` resolves it ends with `cancelled` and leaves no trace.
pub(crate) async fn offline_restore(
    _request: OfflineRestore,
    _on_progress: impl Fn(Progress) + Send + Sync + 'static,
    _cancel: impl Future<Output = ()> + Send + 'static,
) -> Result<Outcome> {
    unimplemented!()
}

/// What is wrong with a configuration: everything at once.
pub(crate) type Checked<T = ()> = std::result::Result<T, Vec<Report>>;

/// A setting as it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Shown {
    /// `capture.sync_interval`; `database.<name>` for a database's path.
    pub(crate) key: String,
    /// Never a secret.
    pub(crate) value: Option<String>,
    /// `default`, `line 7`, or a variable's name.
    pub(crate) origin: String,
}

/// Reads a configuration and the variables over it as `run` would: every setting, then every database.
pub(crate) fn config_shown(_path: &Path, _environment: &Environment) -> Checked<Vec<Shown>> {
    unimplemented!()
}

/// Refuses what is no setting's key, with the nearest one as a hint.
pub(crate) fn config_key(_key: &str) -> Result<()> {
    unimplemented!()
}

/// Changes one setting in the file; comments survive. A file that does not exist is made.
pub(crate) fn config_set(_path: &Path, _environment: &Environment, _set: &SetSetting) -> Checked {
    unimplemented!()
}

/// Keeps the keys for an S3 service in the secrets file of a home folder.
pub(crate) fn keep_credentials(_home: &Path, _credentials: &Credentials) -> Result<()> {
    unimplemented!()
}

/// An existing Litestream set-up in our words.
pub(crate) struct Adoption {
    /// What the configuration was when it was read; none where there was no file.
    pub(crate) base: Option<String>,
    /// What it becomes.
    pub(crate) text: String,
    /// The databases that are taken over.
    pub(crate) databases: Vec<(Name, PathBuf)>,
    /// What each key became: ``"`sync-interval` becomes `capture.sync_interval` = 1s"``.
    pub(crate) translated: Vec<String>,
    /// Keys that change nothing here, or never did, and why.
    pub(crate) no_effect: Vec<String>,
    /// Keys that ask for something that is not done here, and why.
    pub(crate) not_supported: Vec<String>,
    /// What a person should read before going on.
    pub(crate) warnings: Vec<String>,
    /// The keys of its S3 service.
    pub(crate) credentials: Option<Credentials>,
}

/// Reads a `litestream.yml` (v0.3 or v0.5) and writes it in our words into the configuration that stands at `config`.
pub(crate) fn adopt(_litestream_yml: &Path, _config: &Path) -> Checked<Adoption> {
    unimplemented!()
}

/// Writes the whole configuration; refused when the file is no longer `base`, or when `text` is not a good one.
pub(crate) fn config_replace(
    _path: &Path,
    _environment: &Environment,
    _base: Option<&str>,
    _text: &str,
) -> Checked {
    unimplemented!()
}

/// What `doctor` can say when no engine runs.
pub(crate) async fn offline_doctor(
    _home: &Path,
    _config: &Path,
    _bundle: Option<PathBuf>,
) -> Result<serde_json::Value> {
    unimplemented!()
}

/// The bundled Litestream with the environment and the configuration of a home folder.
pub(crate) fn litestream_command(
    _home: &Path,
    _bundle: Option<PathBuf>,
    _arguments: &[String],
) -> Result<Command> {
    unimplemented!()
}
