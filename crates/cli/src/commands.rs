//! What each command does, one module for each group of them.

pub(crate) mod config;
pub(crate) mod dashboard;
pub(crate) mod databases;
pub(crate) mod doctor;
pub(crate) mod engine;
pub(crate) mod history;
pub(crate) mod jobs;
pub(crate) mod litestream;
pub(crate) mod logs;
pub(crate) mod restore;
pub(crate) mod run;
mod sample;
pub(crate) mod sheet;
pub(crate) mod status;

use std::path::PathBuf;

use clap::CommandFactory;
use jiff::Zoned;
use sqlite_replicate_api::{ErrorCode, Result};

use crate::args::{self, Cli, Command, Global};
use crate::engine_calls::{self, Client, Environment};
use crate::home;
use crate::output::{Done, Output};
use crate::sample_app;

/// What every command works with.
pub(crate) struct Context<'a> {
    pub(crate) home: PathBuf,
    pub(crate) config: PathBuf,
    pub(crate) bundle: Option<PathBuf>,
    pub(crate) output: &'a Output,
}

impl<'a> Context<'a> {
    fn new(global: Global, output: &'a Output) -> Result<Self> {
        let home = home::folder(global.home)?;
        let config = match global.config {
            Some(config) => home::absolute(&config)?,
            None => home.join("config.toml"),
        };
        let bundle = global.bundle.map(|bundle| home::absolute(&bundle)).transpose()?;
        Ok(Self { home, config, bundle, output })
    }

    /// The engine that runs for the home folder.
    pub(crate) async fn connect(&self) -> Result<Client> {
        engine_calls::connect(&self.home).await.map_err(|report| match (&report.code, &report.hint) {
            (ErrorCode::EngineNotRunning, None) => {
                report.hint("start it with `sqlite-replicate run`, or name its folder with `--home DIR`")
            }
            _ => report,
        })
    }

    /// The engine, where one runs.
    pub(crate) async fn connect_if_running(&self) -> Result<Option<Client>> {
        let answer = match engine_calls::connect(&self.home).await {
            // An engine that was killed leaves its address behind: only an answer shows that it runs.
            Ok(client) => client.status().await.map(|_| client),
            Err(report) => Err(report),
        };
        match answer {
            Ok(client) => Ok(Some(client)),
            Err(report) if report.code == ErrorCode::EngineNotRunning => Ok(None),
            Err(report) => Err(report),
        }
    }
}

/// The clock on this machine's wall.
pub(crate) fn now() -> Zoned {
    Zoned::now()
}

/// The variable that says what `run` logs.
pub(crate) const LOG_VARIABLE: &str = "SQLITE_REPLICATE_LOG";

/// Our variables, which stand for settings and keys; without the one that the command line alone knows.
pub(crate) fn environment() -> Environment {
    std::env::vars_os()
        .filter(|(key, _)| {
            key.to_string_lossy().starts_with("SQLITE_REPLICATE_") && key != args::CONFIG_VARIABLE
        })
        .collect()
}

/// Runs a command to its end.
pub(crate) async fn run(cli: Cli, output: &Output) -> Done {
    // These two know nothing of engines and homes.
    match cli.command {
        Command::Completions { shell } => return completions(shell, output),
        Command::SampleApp(app) => return sample_app::run(app, output).await,
        _ => {}
    }
    let context = Context::new(cli.global, output)?;
    let context = &context;
    match cli.command {
        Command::Run(command) => run::run(command, context).await,
        Command::Status(command) => status::run(command, context).await,
        Command::Dashboard(command) => dashboard::run(command, context).await,
        Command::Add(command) => databases::add(command, context).await,
        Command::Adopt(command) => databases::adopt(command, context).await,
        Command::Remove(command) => databases::remove(command, context).await,
        Command::Databases => databases::list(context).await,
        Command::History(command) => history::run(command, context).await,
        Command::Restore(command) => restore::run(command, context).await,
        Command::UndoRestore(command) => restore::undo(command, context).await,
        Command::Snapshot(command) => jobs::snapshot(command, context).await,
        Command::RecoverySheet(command) => sheet::run(command, context).await,
        Command::Verify(command) => jobs::verify(command, context).await,
        Command::Validate(command) => jobs::validate(command, context).await,
        Command::Scan(command) => jobs::scan(command, context).await,
        Command::Drill(command) => jobs::drill(command, context).await,
        Command::Sync(command) => engine::sync(command, context).await,
        Command::Checkpoint(command) => engine::checkpoint(command, context).await,
        Command::Pause(command) => engine::pause(command, context).await,
        Command::Resume => engine::resume(context).await,
        Command::Restart(command) => engine::restart(command, context).await,
        Command::Stop(command) => engine::stop(command, context).await,
        Command::Config(command) => config::run(command, context).await,
        Command::Logs(command) => logs::logs(command, context).await,
        Command::Events(command) => logs::events(command, context).await,
        Command::Doctor(command) => doctor::run(command, context).await,
        Command::Litestream(command) => litestream::run(command, context).await,
        Command::Completions { .. } | Command::SampleApp(_) => Ok(()), // done above
    }
}

fn completions(shell: clap_complete::Shell, output: &Output) -> Done {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "sqlite-replicate", &mut script);
    output.raw(&String::from_utf8_lossy(&script))
}
