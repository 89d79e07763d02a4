//! `run`: the engine in this process, with a live status on a terminal and lines elsewhere.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use sqlite_replicate_api::{AddDatabase, Condition, ErrorCode, Name, Report, Result, Severity, Status};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

use super::sample::Sample;
use super::status::Watcher;
use super::{Context, environment, now};
use crate::engine_calls::{Engine, Handle, Options};
use crate::home;
use crate::interrupt::Interrupt;
use crate::output::{Done, Output};
use crate::render;

/// Runs the engine in this terminal until Ctrl-C
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Databases to protect from now on, beside those of the configuration
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Makes a sample database, lets a sample program write to it, and protects it
    #[arg(long)]
    sample: bool,
}

pub(crate) async fn run(command: Run, context: &Context<'_>) -> Done {
    // From here on a Ctrl-C waits until it is asked for, so that none comes between start and clean end.
    let mut interrupt = Interrupt::listen()?;
    if !context.output.live() {
        log_to_stderr()?;
    }
    let options = Options {
        home: context.home.clone(),
        config: context.config.clone(),
        bundle: context.bundle.clone(),
        environment: environment(),
    };
    let engine = Engine::start(options)?;
    let attended = attend(&command, context, &engine, &mut interrupt).await;
    let ended = tokio::select! {
        () = engine.shutdown() => Ok(()),
        () = interrupt.next() => Err(Report::new(
            ErrorCode::Cancelled,
            "you left before everything had ended; the bundled programs end with this one",
        )),
    };
    // What went wrong first is what matters.
    attended.and(ended.map_err(Into::into))
}

/// What `tracing` says, for whoever runs this as a service; on a terminal `logs` has it.
fn log_to_stderr() -> Result<()> {
    let filter = std::env::var(super::LOG_VARIABLE).unwrap_or_else(|_| "info".to_owned());
    let filter = EnvFilter::try_new(&filter).map_err(|error| {
        Report::new(
            ErrorCode::BadRequest,
            format!("the variable `{}` can't be understood", super::LOG_VARIABLE),
        )
        .because(error)
        .hint("write for example `info` or `debug`")
    })?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .try_init()
        .map_err(|error| {
            Report::new(ErrorCode::Internal, "the log can't be written to standard error").because(error)
        })
}

async fn attend(command: &Run, context: &Context<'_>, engine: &Engine, interrupt: &mut Interrupt) -> Done {
    let handle = engine.handle();
    for path in &command.paths {
        protect(&handle, &home::absolute(path)?, None, context.output).await?;
    }
    let mut sample = None;
    if command.sample {
        let started = Sample::start(&context.home.join("sample")).await?;
        let name = Name::nearest("sample");
        let protected = protect(&handle, started.database(), Some(name), context.output).await;
        if let Err(report) = protected {
            started.end().await?;
            return Err(report.into());
        }
        sample = Some(started);
    }
    let shown = watch(context.output, engine, &mut sample, interrupt).await;
    let ended = match sample {
        Some(sample) => sample.end().await,
        None => Ok(()),
    };
    shown.and(ended.map_err(Into::into))
}

/// Protects a database, unless the configuration names it already.
async fn protect(handle: &Handle, path: &Path, name: Option<Name>, output: &Output) -> Result<()> {
    let status = handle.status().await?;
    if status.databases.iter().any(|database| same_file(&database.path, path)) {
        return Ok(());
    }
    let added = handle.add(AddDatabase { path: path.to_owned(), name, dry_run: false }).await?;
    for advice in &added.advice {
        output.note(&format!("advice: {advice}"));
    }
    Ok(())
}

/// Whether two paths name one file, through whatever links.
fn same_file(one: &Path, other: &Path) -> bool {
    // Where one can't be followed, whoever protects the database says why.
    one == other || one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

/// Shows the status until Ctrl-C, or until the engine ends.
async fn watch(
    output: &Output,
    engine: &Engine,
    sample: &mut Option<Sample>,
    interrupt: &mut Interrupt,
) -> Done {
    let mut statuses = engine.watch_status();
    let mut screen = Screen::new(output);
    let ended = engine.ended();
    tokio::pin!(ended);
    loop {
        let head = sample.as_mut().map(Sample::head).transpose()?.unwrap_or_default();
        screen.show(&mut statuses, head)?;
        tokio::select! {
            () = interrupt.next() => {
                output.note("Ending…");
                return Ok(());
            }
            () = &mut ended => {
                output.note("The engine has ended.");
                return Ok(());
            }
            Ok(()) = statuses.changed() => {}
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
}

/// A live screen, or lines that say what changed.
enum Screen<'a> {
    Live(Watcher<'a>),
    Lines { output: &'a Output, last: Option<Arc<Status>> },
}

impl<'a> Screen<'a> {
    fn new(output: &'a Output) -> Self {
        if output.live() { Self::Live(Watcher::new(output)) } else { Self::Lines { output, last: None } }
    }

    fn show(&mut self, statuses: &mut watch::Receiver<Arc<Status>>, head: String) -> Done {
        let status = statuses.borrow_and_update().clone();
        match self {
            Self::Live(watcher) => {
                watcher.head(head);
                watcher.show(status)
            }
            Self::Lines { output, last } => {
                let lines = changes(last.as_deref(), &status);
                *last = Some(Arc::clone(&status));
                if lines.is_empty() || output.quiet() {
                    return Ok(());
                }
                let at = render::exact(status.at, now().time_zone());
                let lines = lines.iter().map(|line| format!("{at} {line}\n")).collect::<String>();
                output.result(&*status, |_| lines)
            }
        }
    }
}

/// What is other than it was, in lines: the one word and sentence, databases, conditions that came and went.
fn changes(before: Option<&Status>, after: &Status) -> Vec<String> {
    let mut lines = Vec::new();
    if before.is_none_or(|before| before.overall != after.overall) {
        lines.push(format!("{}: {}", after.overall, after.sentence));
    }
    let no_conditions = Vec::new();
    let host_before = before.map_or(&no_conditions, |before| &before.conditions);
    conditions(&mut lines, "", host_before, &after.conditions);
    for database in &after.databases {
        let old = before.and_then(|before| before.databases.iter().find(|old| old.name == database.name));
        if old.is_none_or(|old| old.overall != database.overall) {
            lines.push(format!("{} {}: {}", database.name, database.overall, database.sentence));
        }
        let name = format!("{} ", database.name);
        conditions(
            &mut lines,
            &name,
            old.map_or(&no_conditions, |old| &old.conditions),
            &database.conditions,
        );
    }
    let gone = before.iter().flat_map(|before| &before.databases);
    let gone = gone.filter(|old| !after.databases.iter().any(|database| database.name == old.name));
    lines.extend(gone.map(|old| format!("{} is no longer protected", old.name)));
    lines
}

fn conditions(lines: &mut Vec<String>, of: &str, before: &[Condition], after: &[Condition]) {
    // What is on its way to be right by itself is what the word and the sentence say.
    let told = |condition: &&Condition| condition.severity != Severity::Progress;
    let lacks =
        |list: &[Condition], condition: &Condition| !list.iter().any(|other| other.code == condition.code);
    for condition in after.iter().filter(told).filter(|condition| lacks(before, condition)) {
        let hint = condition.hint.as_ref().map_or_else(String::new, |hint| format!(" ({hint})"));
        lines.push(format!("{of}{}: {}{hint}", condition.code, condition.text));
    }
    for condition in before.iter().filter(told).filter(|condition| lacks(after, condition)) {
        lines.push(format!("{of}{} is over", condition.code));
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
