//! The command line as a whole: what every command takes, and the list of commands. What one command takes is beside
//! the code that runs it.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::de::DeserializeOwned;
use sqlite_replicate_api::{ErrorCode, Report};

use crate::commands::{
    config, dashboard, databases, doctor, engine, history, jobs, litestream, logs, restore, run, sheet,
    status,
};
use crate::sample_app;

/// Keeps SQLite databases safe: a history that any past moment can be restored from, and the truth about it.
#[derive(Debug, Parser)]
#[command(name = "sqlite-replicate", version, max_term_width = 100, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The variable for `--config`.
pub(crate) const CONFIG_VARIABLE: &str = "SQLITE_REPLICATE_CONFIG";

/// What every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// Folder of everything that belongs to this host [default: a folder of the system or of the user]
    #[arg(long, global = true, value_name = "DIR", env = "SQLITE_REPLICATE_HOME", hide_env_values = true)]
    pub(crate) home: Option<PathBuf>,
    /// Configuration [default: `config.toml` in the home folder]
    #[arg(long, global = true, value_name = "FILE", env = CONFIG_VARIABLE, hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,
    /// Folder of the bundled Litestream and MinIO [default: beside this program]
    #[arg(long, global = true, value_name = "DIR", env = "SQLITE_REPLICATE_BIN_DIR", hide_env_values = true)]
    pub(crate) bundle: Option<PathBuf>,
    /// Results, progress and errors as JSON on standard output, one object a line
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Only results and errors: no progress, no advice
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Colours
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    pub(crate) color: Color,
}

/// When output is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the engine in this terminal until Ctrl-C
    Run(run::Run),
    /// Says how safe the databases are
    Status(status::Status),
    /// Opens the dashboard in the browser, by a link that works once
    Dashboard(dashboard::Dashboard),
    /// Protects a database
    Add(databases::Add),
    /// Takes over what a Litestream configuration protects
    Adopt(databases::Adopt),
    /// Stops protecting a database; its history stays
    Remove(databases::Remove),
    /// Lists the protected databases
    Databases,
    /// Shows what a database can be brought back to
    History(history::History),
    /// Brings a past moment back
    Restore(restore::Restore),
    /// Undoes the last restore into a database's place
    UndoRestore(restore::UndoRestore),
    /// Keeps the present moment under a name, past retention
    Snapshot(jobs::Snapshot),
    /// Writes the sheet that restores onto an empty PC; it holds keys
    RecoverySheet(sheet::RecoverySheet),
    /// Writes a row, waits until it is stored, restores, and looks for the row
    Verify(jobs::OneDatabase),
    /// Restores the present moment and compares it with the database, row by row
    Validate(jobs::OneDatabase),
    /// Checks every stored object of a database's history
    Scan(jobs::Scan),
    /// Restores only to prove that it works
    Drill(jobs::OneDatabase),
    /// Waits until everything committed so far is stored
    Sync(jobs::OneDatabase),
    /// Moves the write-ahead log into the database
    Checkpoint(engine::Checkpoint),
    /// Stops capturing for a while
    Pause(engine::Pause),
    /// Goes on after a pause
    Resume,
    /// Starts the bundled programs again
    Restart(engine::Restart),
    /// Ends the running engine
    Stop(engine::Stop),
    /// Checks, shows and changes the configuration
    #[command(subcommand)]
    Config(config::Config),
    /// Shows what the engine and the bundled programs say
    Logs(logs::Logs),
    /// Shows what happened
    Events(logs::Events),
    /// Collects what whoever helps needs to know, without secrets
    Doctor(doctor::Doctor),
    /// Runs the bundled Litestream with the engine's environment and configuration
    Litestream(litestream::Litestream),
    /// A small program that writes to a database, to try things with
    SampleApp(sample_app::SampleApp),
    /// Writes completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// A parser for the words of a type that is read from JSON by the same words.
pub(crate) fn word<T>(words: &'static [&'static str]) -> impl TypedValueParser<Value = T>
where
    T: DeserializeOwned + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(words).try_map(|word| serde_json::from_value(serde_json::Value::String(word)))
}

/// A command line that can't be understood, as scripts get it.
pub(crate) fn report(error: &clap::Error) -> Report {
    let text = error.render().to_string();
    let mut paragraphs = text.split("\n\n");
    let first = paragraphs.next().unwrap_or_default().trim_start_matches("error: ");
    let words: Vec<&str> = first.split_whitespace().collect();
    let hint = paragraphs.map(str::trim).find(|paragraph| paragraph.starts_with("tip: "));
    let report = Report::new(ErrorCode::BadRequest, words.join(" "));
    match hint {
        Some(hint) => report.hint(hint.trim_start_matches("tip: ")),
        None => report.hint("`sqlite-replicate help` lists every command, `--help` what one takes"),
    }
}

#[cfg(test)]
mod tests;
