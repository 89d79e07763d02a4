//! `restore` and `undo-restore`: through the running engine, or without any from an S3 address or a recovery sheet.

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Zoned;
use jiff::tz::TimeZone;
use serde_json::json;
use sqlite_replicate_api::{
    Credentials, Epoch, ErrorCode, Integrity, JobRequest, Moment, Name, Outcome, Report, RestorePlan,
    RestoreRequest, Result, Target, Txid, when,
};
use tokio::sync::{oneshot, watch};

use super::config::read_credentials;
use super::jobs::{self, OneDatabase};
use super::{Context, now};
use crate::args::word;
use crate::confirm::confirm;
use crate::engine_calls::{self, Client, OfflineRestore, Source};
use crate::home;
use crate::interrupt::Interrupt;
use crate::output::{Done, End, Output};
use crate::progress::Meter;
use crate::render;

/// Brings a past moment back
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The database's name; with `--from` and `--sheet` only where they hold several
    #[arg(required_unless_present_any = ["from", "sheet"])]
    database: Option<Name>,

    /// The moment: `10:30`, `yesterday 17:00`, `2 h ago`, `2026-11-20 17:00`, RFC 3339 [default: the newest]
    #[arg(long, value_name = "TIME", group = "moment", help_heading = "Which moment")]
    at: Option<String>,
    /// A transaction, as `history` shows it (hexadecimal)
    #[arg(long, value_name = "N", group = "moment", help_heading = "Which moment")]
    txid: Option<Txid>,
    /// A named snapshot
    #[arg(long, value_name = "NAME", group = "moment", help_heading = "Which moment")]
    snapshot: Option<Name>,
    /// The epoch of `--txid`, where it is not the newest
    #[arg(long, value_name = "EPOCH", requires = "txid", help_heading = "Which moment")]
    epoch: Option<Epoch>,
    /// The time zone of `--at`, such as `Europe/Berlin` [default: this machine's]
    #[arg(long, value_name = "ZONE", value_parser = time_zone, help_heading = "Which moment")]
    time_zone: Option<TimeZone>,

    /// A new file
    #[arg(long, value_name = "FILE", group = "target", help_heading = "Where to")]
    to: Option<PathBuf>,
    /// The database's own place; what is there now is set aside and can be brought back
    #[arg(long, group = "target", conflicts_with_all = ["from", "sheet"], help_heading = "Where to")]
    in_place: bool,

    /// A history without an engine: `s3://bucket/prefix?endpoint=http://host:9000`
    #[arg(long, value_name = "S3-URL", group = "source", requires = "to", help_heading = "Where from")]
    from: Option<String>,
    /// A recovery sheet, without an engine
    #[arg(long, value_name = "FILE", group = "source", requires = "to", help_heading = "Where from")]
    sheet: Option<PathBuf>,
    /// Reads the keys for `--from` as two lines from standard input [default: from variables]
    #[arg(long, requires = "from", help_heading = "Where from")]
    credentials_from_stdin: bool,

    /// How thoroughly the restored database is checked
    #[arg(long, value_name = "HOW", default_value = "full",
          value_parser = word::<Integrity>(&["quick", "full", "none"]))]
    integrity: Integrity,
    /// Only says what would be done
    #[arg(long)]
    plan: bool,
    /// Does nothing, successfully, where the target exists
    #[arg(long)]
    if_db_not_exists: bool,
    /// Does nothing, successfully, where there is no history yet
    #[arg(long)]
    if_replica_exists: bool,
    /// Does not ask before `--in-place`
    #[arg(long, short)]
    yes: bool,
}

/// Undoes the last restore into a database's place
#[derive(Debug, Args)]
pub(crate) struct UndoRestore {
    #[command(flatten)]
    of: OneDatabase,
    /// Does not ask
    #[arg(long, short)]
    yes: bool,
}

fn time_zone(name: &str) -> Result<TimeZone, String> {
    if name.eq_ignore_ascii_case("local") {
        return Ok(TimeZone::system());
    }
    TimeZone::get(name)
        .map_err(|_| "it is no time zone; write for example `Europe/Berlin` or `UTC`".to_owned())
}

impl Restore {
    fn moment(&self, now: &Zoned) -> Result<Moment> {
        if let Some(text) = &self.at {
            return Ok(Moment::At(when::parse(text, now)?));
        }
        if let Some(txid) = self.txid {
            return Ok(Moment::Txid { txid, epoch: self.epoch });
        }
        Ok(self.snapshot.clone().map_or(Moment::Newest, Moment::Snapshot))
    }

    /// Where it goes; a plan without a target is one for the database's own place.
    fn target(&self) -> Result<Target> {
        match &self.to {
            Some(path) => Ok(Target::File(home::absolute(path)?)),
            None if self.in_place || self.plan => Ok(Target::InPlace),
            None => Err(Report::new(ErrorCode::BadRequest, "a restore needs a place to go to")
                .hint("`--to FILE` makes a new file; `--in-place` replaces the database, and can be undone")),
        }
    }

    fn now(&self) -> Zoned {
        let now = now();
        self.time_zone.as_ref().map_or_else(|| now.clone(), |zone| now.with_time_zone(zone.clone()))
    }
}

pub(crate) async fn run(command: Restore, context: &Context<'_>) -> Done {
    let now = command.now();
    let request = RestoreRequest {
        moment: command.moment(&now)?,
        target: command.target()?,
        integrity: command.integrity,
    };
    let zone = now.time_zone();
    let source = match (&command.from, &command.sheet) {
        (Some(url), _) => Some(Source::Url(url.clone())),
        (_, Some(sheet)) => Some(Source::Sheet(home::absolute(sheet)?)),
        _ => None,
    };
    let done = match (source, command.database.clone()) {
        (Some(source), _) => without_engine(&command, source, request, zone, context).await,
        (None, Some(name)) => with_engine(&command, &name, request, zone, context).await,
        (None, None) => Err(Report::new(ErrorCode::BadRequest, "a restore needs a database's name").into()),
    };
    match done {
        Err(End::Failed(report))
            if command.if_replica_exists && report.code == ErrorCode::NoSuchRestorePoint =>
        {
            nothing_to_do(context.output, "no-history", "there is no history to restore from")
        }
        done => done,
    }
}

fn nothing_to_do(output: &Output, reason: &str, text: &str) -> Done {
    output.result(&json!({ "done": "nothing", "reason": reason }), |_| format!("Nothing to do: {text}."))
}

fn exists_already(output: &Output, path: &Path) -> Done {
    nothing_to_do(output, "database-exists", &format!("`{}` exists", path.display()))
}

/// Whether something is there, a broken link included; what can't be looked at is not taken for nothing.
fn exists(path: &Path) -> Result<bool> {
    match path.symlink_metadata() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => {
            Err(Report::new(ErrorCode::Io, format!("`{}` can't be looked at", path.display())).because(error))
        }
    }
}

async fn with_engine(
    command: &Restore,
    name: &Name,
    request: RestoreRequest,
    zone: &TimeZone,
    context: &Context<'_>,
) -> Done {
    let client = context.connect().await?;
    if command.if_db_not_exists {
        let path = match &request.target {
            Target::File(path) => path.clone(),
            Target::InPlace => place(&client, name).await?,
        };
        if exists(&path)? {
            return exists_already(context.output, &path);
        }
    }
    if command.plan {
        let plan = client.plan(name, &request).await?;
        return show_plan(context.output, &plan, zone);
    }
    if request.target == Target::InPlace && !command.yes {
        let plan = client.plan(name, &request).await?;
        context.output.note(render::plan(&plan, zone).trim_end());
        let path = place(&client, name).await?;
        confirm(context.output, &format!("Replace `{}`?", path.display()), false)?;
    }
    let outcome = jobs::follow(context, &client, name, JobRequest::Restore(request)).await?;
    show_outcome(context.output, &outcome, zone)
}

/// Where a protected database is.
async fn place(client: &Client, name: &Name) -> Result<PathBuf> {
    let status = client.status().await?;
    let found = status.databases.iter().find(|database| database.name == *name);
    found.map(|database| database.path.clone()).ok_or_else(|| {
        Report::new(ErrorCode::NoSuchDatabase, format!("no database called `{name}` is protected"))
            .hint("`sqlite-replicate databases` lists those that are")
    })
}

fn show_plan(output: &Output, plan: &RestorePlan, zone: &TimeZone) -> Done {
    output.result(plan, |_| render::plan(plan, zone))
}

fn show_outcome(output: &Output, outcome: &Outcome, zone: &TimeZone) -> Done {
    output.result(outcome, |_| render::outcome(outcome, zone))
}

async fn without_engine(
    command: &Restore,
    source: Source,
    request: RestoreRequest,
    zone: &TimeZone,
    context: &Context<'_>,
) -> Done {
    let Target::File(target) = request.target else {
        let report = Report::new(ErrorCode::BadRequest, "a restore without an engine makes a new file");
        return Err(report.hint("name it with `--to FILE`").into());
    };
    if command.if_db_not_exists && exists(&target)? {
        return exists_already(context.output, &target);
    }
    let credentials = if command.credentials_from_stdin {
        Some(read_credentials(context.output)?)
    } else {
        credentials(|name| std::env::var(name).ok())?
    };
    let offline = OfflineRestore {
        source,
        database: command.database.clone(),
        moment: request.moment,
        target,
        integrity: request.integrity,
        credentials,
        home: context.home.clone(),
        bundle: context.bundle.clone(),
    };
    if command.plan {
        let plan = engine_calls::offline_plan(&offline).await?;
        return show_plan(context.output, &plan, zone);
    }
    let outcome = follow(offline, context).await?;
    show_outcome(context.output, &outcome, zone)
}

/// Restores in this process, shows how far it is, and cancels it at Ctrl-C.
async fn follow(request: OfflineRestore, context: &Context<'_>) -> Done<Outcome> {
    let mut interrupt = Interrupt::listen()?;
    let (say, mut said) = watch::channel(None);
    let (cancel, cancelled) = oneshot::channel::<()>();
    let mut cancel = Some(cancel);
    let until_cancelled = async move {
        if cancelled.await.is_err() {
            // Nobody can cancel any more: the restore has ended.
            std::future::pending::<()>().await;
        }
    };
    let on_progress = move |progress| {
        say.send_replace(Some(progress));
    };
    let restoring = engine_calls::offline_restore(request, on_progress, until_cancelled);
    tokio::pin!(restoring);
    let meter = Meter::new(context.output);
    let end = loop {
        tokio::select! {
            end = &mut restoring => break end,
            Ok(()) = said.changed() => {
                if let Some(progress) = &*said.borrow_and_update() {
                    meter.show(progress);
                }
            }
            () = interrupt.next(), if cancel.is_some() => {
                meter.note("cancelling…");
                // It may just have ended by itself: then there is nobody to hear it.
                let _ = cancel.take().map(|cancel| cancel.send(()));
            }
        }
    };
    match (end, meter.end()) {
        (Ok(outcome), Ok(()) | Err(End::ReaderGone)) => Ok(outcome),
        (Err(report), _) => Err(report.into()),
        (Ok(_), Err(end)) => Err(end),
    }
}

/// Variables for keys: our own, and those that scripts for Litestream and for S3 have already.
const CREDENTIAL_VARIABLES: [(&str, &str); 3] = [
    ("SQLITE_REPLICATE_STORE_ACCESS_KEY_ID", "SQLITE_REPLICATE_STORE_SECRET_ACCESS_KEY"),
    ("LITESTREAM_ACCESS_KEY_ID", "LITESTREAM_SECRET_ACCESS_KEY"),
    ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
];

fn credentials(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Credentials>> {
    let variable = |name| variable(name).filter(|value| !value.is_empty());
    for (id, secret) in CREDENTIAL_VARIABLES {
        let missing = match (variable(id), variable(secret)) {
            (Some(access_key_id), Some(secret_access_key)) => {
                return Ok(Some(Credentials { access_key_id, secret_access_key }));
            }
            (None, None) => continue,
            (Some(_), None) => secret,
            (None, Some(_)) => id,
        };
        return Err(Report::new(ErrorCode::BadRequest, format!("the variable `{missing}` is not set"))
            .hint(format!("`{id}` and `{secret}` belong together")));
    }
    Ok(None)
}

pub(crate) async fn undo(command: UndoRestore, context: &Context<'_>) -> Done {
    let name = &command.of.database;
    let client = context.connect().await?;
    confirm(
        context.output,
        &format!(
            "Bring {name} back to what it was before its last restore? What was written since is set aside."
        ),
        command.yes,
    )?;
    let outcome = jobs::follow(context, &client, name, JobRequest::UndoRestore).await?;
    jobs::show(context, &outcome)
}

#[cfg(test)]
#[path = "restore_tests.rs"]
mod tests;
