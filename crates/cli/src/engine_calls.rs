//! Every call of the engine that the command line makes, in one place.

use std::ffi::OsString;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;

use futures_util::{Stream, StreamExt};
use serde::Serialize;
use sqlite_replicate_api::{
    Credentials, ErrorCode, Integrity, Moment, Name, Outcome, Progress, Report, RestorePlan, Result,
    SetSetting, Status,
};
use sqlite_replicate_engine as engine;
use sqlite_replicate_engine::{adopt as adoption, bundle, config, offline};
use tokio::sync::watch;

pub(crate) use sqlite_replicate_engine::Handle;
pub(crate) use sqlite_replicate_engine::adopt::SetAside;
pub(crate) use sqlite_replicate_engine::client::Client;
pub(crate) use sqlite_replicate_engine::offline::Source;

/// The other roles that the engine starts this program in (sentinel, child): their exit code, if this is one.
pub(crate) fn run_if_asked() -> Option<ExitCode> {
    engine::entry::run_if_asked()
}

/// The engine that runs for a home folder; `engine-not-running` if there is none.
pub(crate) async fn connect(home: &Path) -> Result<Client> {
    let client = Client::connect(home)?;
    // An address that a killed engine left behind is found out here, not in the middle of a command.
    client.status().await?;
    Ok(client)
}

/// Each new status of an engine.
pub(crate) struct StatusStream(std::pin::Pin<Box<dyn Stream<Item = Result<Status>> + Send>>);

impl StatusStream {
    /// Waits for the next one; none when the engine ended.
    pub(crate) async fn next(&mut self) -> Result<Option<Status>> {
        self.0.next().await.transpose()
    }
}

/// Begins to follow an engine's status, the present one first.
pub(crate) async fn status_stream(client: &Client) -> Result<StatusStream> {
    Ok(StatusStream(Box::pin(client.status_stream().await?)))
}

/// Waits for the end of a long operation.
pub(crate) async fn follow_job(
    client: &Client,
    id: u64,
    on_progress: impl FnMut(Progress),
) -> Result<Outcome> {
    client.follow_job(id, on_progress).await
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
pub(crate) struct Engine(engine::Engine);

impl Engine {
    /// Returns as soon as it is clear that it can start.
    pub(crate) fn start(options: Options) -> Result<Self> {
        let Options { home, config, bundle, environment } = options;
        let options = engine::Options { home, config: Some(config), bundle, launcher: None, environment };
        engine::Engine::start(options).map(Self)
    }

    pub(crate) fn handle(&self) -> Handle {
        self.0.handle()
    }

    pub(crate) fn watch_status(&self) -> watch::Receiver<Arc<Status>> {
        self.0.handle().watch_status()
    }

    /// Resolves when it ended by itself, or because somebody asked over the control API.
    pub(crate) async fn ended(&self) {
        self.0.ended().await;
    }

    /// Ends it, and waits until it did.
    pub(crate) async fn shutdown(&self) {
        self.0.shutdown().await;
    }
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

impl OfflineRestore {
    fn request(self) -> Result<offline::Request> {
        Ok(offline::Request {
            source: self.source,
            database: self.database,
            moment: self.moment,
            target: std::path::absolute(&self.target).map_err(|error| {
                let message = format!("`{}` can't be found from here", self.target.display());
                Report::new(ErrorCode::BadRequest, message).because(error)
            })?,
            integrity: self.integrity,
            credentials: self.credentials,
            home: self.home,
            bundle: find_bundle(self.bundle)?,
            launcher: this_program()?,
        })
    }
}

fn this_program() -> Result<PathBuf> {
    std::env::current_exe()
        .map_err(|error| Report::new(ErrorCode::Internal, "this program can't be found").because(error))
}

fn find_bundle(named: Option<PathBuf>) -> Result<bundle::Bundle> {
    let from_environment = std::env::var_os("SQLITE_REPLICATE_BIN_DIR").map(PathBuf::from);
    bundle::find(named.as_deref(), from_environment.as_deref())
}

/// What a restore without an engine would do.
pub(crate) async fn offline_plan(request: &OfflineRestore) -> Result<RestorePlan> {
    offline::plan(&request.clone().request()?).await
}

/// Restores without an engine. When `cancel` resolves it ends with `cancelled` and leaves no trace.
pub(crate) async fn offline_restore(
    request: OfflineRestore,
    on_progress: impl Fn(Progress) + Send + Sync + 'static,
    cancel: impl Future<Output = ()> + Send + 'static,
) -> Result<Outcome> {
    offline::restore(request.request()?, on_progress, cancel).await
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

fn around(path: &Path, environment: Environment) -> Result<config::Surroundings> {
    config::Surroundings::new(path, engine::machine_name(), environment)
}

fn one(report: Report) -> Vec<Report> {
    vec![report]
}

/// Reads a configuration and the variables over it as `run` would: every setting, then every database.
pub(crate) fn config_shown(path: &Path, environment: &Environment) -> Checked<Vec<Shown>> {
    let loaded = config::load(&around(path, environment.clone()).map_err(one)?)?;
    let shown = loaded.show().into_iter();
    Ok(shown.map(|s| Shown { key: s.key, value: s.value, origin: s.origin.to_string() }).collect())
}

/// Refuses what is no setting's key, with the nearest one as a hint.
pub(crate) fn config_key(key: &str) -> Result<()> {
    config::named(key).map(drop)
}

/// Changes one setting in the file; comments survive. A file that does not exist is made.
pub(crate) fn config_set(path: &Path, environment: &Environment, set: &SetSetting) -> Checked {
    let setting = config::named(&set.key).map_err(one)?;
    let around = around(path, environment.clone()).map_err(one)?;
    let edit = |text: &str| match &set.value {
        Some(value) => config::set(text, setting, &setting.kind.value_of(value)),
        None => config::unset(text, setting),
    };
    config::change(&around, edit).map(drop)
}

/// Keeps the keys for an S3 service in the secrets file of a home folder.
pub(crate) fn keep_credentials(home: &Path, credentials: &Credentials) -> Result<()> {
    engine::keep_credentials(home, credentials)
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
/// What could not be put into force is refused here, before anybody is asked.
pub(crate) fn adopt(
    litestream_yml: &Path,
    config_file: &Path,
    environment: &Environment,
) -> Checked<Adoption> {
    let text = std::fs::read_to_string(litestream_yml).map_err(|error| {
        let message = format!("`{}` can't be read", litestream_yml.display());
        one(Report::new(ErrorCode::BadRequest, message).because(error))
    })?;
    let plan = adoption::plan(&text, litestream_yml, &|name| std::env::var(name).ok())?;
    let base = match std::fs::read_to_string(config_file) {
        Ok(base) => Some(base),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            let message = format!("`{}` can't be read", config_file.display());
            return Err(one(Report::new(ErrorCode::ConfigUnreadable, message).because(error)));
        }
    };
    let around = around(config_file, environment.clone()).map_err(one)?;
    let before = base.as_deref().unwrap_or(config::SAMPLE);
    let protected = config::parse(before, &around)?.config.databases;
    let again = |database: &adoption::AdoptedDatabase| {
        let same = |path: &Path| config::file_identity(path) == config::file_identity(&database.path);
        let first = protected.iter().find(|known| same(&known.path))?;
        let message = format!("`{}` is protected already, as `{}`", database.path.display(), first.name);
        Some(Report::new(ErrorCode::DatabaseAlreadyProtected, message))
    };
    let again: Vec<Report> = plan.databases.iter().filter_map(again).collect();
    if !again.is_empty() {
        return Err(again);
    }
    let edited = plan.edit(before).map_err(one)?;
    config::parse(&edited, &around)?;
    let translated = |t: &adoption::Translated| format!("`{}` becomes `{}` = {}", t.key, t.setting, t.value);
    let noted = |note: &adoption::Note| format!("`{}`: {}", note.key, note.why);
    let credentials = plan.store.as_ref().and_then(|store| store.credentials.as_ref());
    Ok(Adoption {
        base,
        text: edited,
        databases: plan.databases.iter().map(|d| (d.name.clone(), d.path.clone())).collect(),
        translated: plan.translated.iter().map(translated).collect(),
        no_effect: plan.no_effect.iter().map(noted).collect(),
        not_supported: plan.not_supported.iter().map(noted).collect(),
        credentials: credentials.map(|keys| Credentials {
            access_key_id: keys.access_key_id.reveal().to_owned(),
            secret_access_key: keys.secret_access_key.reveal().to_owned(),
        }),
        warnings: plan.warnings,
    })
}

/// Sets aside what the old Litestream kept beside the databases that are taken over; refused while it runs.
pub(crate) fn set_old_litestream_aside(adoption: &Adoption) -> Result<Vec<SetAside>> {
    let paths: Vec<PathBuf> = adoption.databases.iter().map(|(_, path)| path.clone()).collect();
    adoption::set_aside(&paths)
}

/// Puts back what was set aside.
pub(crate) fn put_old_litestream_back(done: &[SetAside]) -> Result<()> {
    adoption::put_back(done)
}

/// Writes the whole configuration; refused when the file is no longer `base`, or when `text` is not a good one.
pub(crate) fn config_replace(
    path: &Path,
    environment: &Environment,
    base: Option<&str>,
    text: &str,
) -> Checked {
    config::save(&around(path, environment.clone()).map_err(one)?, base, text).map(drop)
}

/// What `doctor` can say when no engine runs.
pub(crate) async fn offline_doctor(
    home: &Path,
    config_file: &Path,
    bundle: Option<PathBuf>,
    environment: Environment,
) -> Result<serde_json::Value> {
    let found = find_bundle(bundle);
    engine::doctor_of_a_stopped_engine(home, &around(config_file, environment)?, found)
}

/// The bundled Litestream with the environment and the configuration of a home folder.
pub(crate) fn litestream_command(
    home: &Path,
    bundle: Option<PathBuf>,
    arguments: &[String],
) -> Result<Command> {
    engine::litestream_command(home, &find_bundle(bundle)?, arguments)
}
