//! Brings a past moment back: into a new file, or into the database's place.

use std::path::{Path, PathBuf};
use std::time::Instant;

use sqlite_replicate_api::{
    EpochRecord, ErrorCode, Integrity, Moment, NamedSnapshot, OpenedBy, Outcome, Report, RestoreRequest,
    Result, Stage, Target,
};

use super::check::Work;
use super::fetch::{Fetched, Tools, fetch};
use super::plan::{Line, Planned, line_of};
use super::scan::damaged;
use super::{Cancel, Reporter, exchange, snapshot};
use crate::core::{Core, Database, lock};
use crate::home::sync_parent;

/// Plans a restore of a protected database.
pub(crate) async fn plan(core: &Core, database: &Database, request: &RestoreRequest) -> Result<Planned> {
    let store = core.store()?;
    let epochs = core.epochs(database).await?;
    let snapshots: Vec<NamedSnapshot> = snapshot::all(&store, &database.name, &database.id).await?;
    let (prefix, epoch) = line_of(&request.moment, &epochs, &snapshots)?;
    let line = Line { store, prefix, epoch: Some(epoch), database: Some(database.name.clone()) };
    let damaged = lock(&database.checks).damaged.clone();
    let (line, moment) = match request.moment {
        Moment::Newest => newest(line, &epochs).await?,
        _ => (line, request.moment.clone()),
    };
    let skipped =
        (line.epoch != Some(epoch)).then(|| format!("nothing of the history {epoch} is stored yet"));
    let mut planned = line.plan_around(&moment, &damaged).await?;
    if database.watched().is_in_doubt() || line.epoch != Some(database.epoch()) {
        planned = line.as_far_as_proved(planned, &moment).await?;
    }
    planned.shortfall = match (skipped, planned.shortfall) {
        (Some(skipped), Some(other)) => Some(format!("{skipped}; {other}")),
        (skipped, other) => skipped.or(other),
    };
    Ok(planned)
}

/// Where the newest moment is. A history that has just begun may have nothing stored yet: then it is what it began with, as
/// far as the one before it has that.
async fn newest(mut line: Line, epochs: &[EpochRecord]) -> Result<(Line, Moment)> {
    let mut moment = Moment::Newest;
    while line.listing().await?.newest().is_none()
        && let Some(record) = epochs.iter().find(|record| Some(record.epoch) == line.epoch)
        && let Some(base) = record.base.as_ref().filter(|base| base.epoch < record.epoch)
        && let Some(before) = epochs.iter().find(|before| before.epoch == base.epoch)
    {
        moment = match (record.opened_by, base.txid) {
            (OpenedBy::Restore, Some(txid)) => Moment::Txid { txid, epoch: Some(before.epoch) },
            _ => Moment::Newest,
        };
        line = Line { prefix: before.prefix.clone(), epoch: Some(before.epoch), ..line };
    }
    Ok((line, moment))
}

/// Restores as a job.
pub(super) async fn restore(work: &Work, request: &RestoreRequest) -> Result<Outcome> {
    let began = Instant::now();
    work.reporter.at(Stage::Planning, 0, None);
    if let Target::File(path) = &request.target {
        refuse_existing(path)?;
    }
    let planned = plan(&work.core, &work.database, request).await?;
    match &request.target {
        Target::File(path) => {
            let tools = work.core.tools();
            let wanted = Wanted { moment: &request.moment, integrity: request.integrity, path };
            let planned = to_file(&tools, planned, &wanted, &work.reporter, &work.cancel).await?;
            lock(&work.database.checks).damaged.extend(planned.damaged.iter().cloned());
            let shown = planned.shown(request.target.clone());
            let bytes = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
            let seconds = began.elapsed().as_secs_f64();
            Ok(Outcome::Restored { plan: shown, path: path.clone(), bytes, seconds, epoch: None })
        }
        Target::InPlace => {
            // A full check, whatever was asked for: this file takes the place of the one that people work with.
            let incoming = exchange::incoming_path(&work.database.path);
            let tools = work.core.tools();
            let fetched =
                fetch(&tools, &planned, incoming, Integrity::Full, &work.reporter, &work.cancel).await;
            if fetched.as_ref().is_err_and(|report| report.code == ErrorCode::HistoryDamaged) {
                // Another moment than the one that somebody has agreed to never takes the database's place; the next plan
                // says which one can.
                let found = damaged(&planned.line, &planned.chain.objects, &work.cancel).await?;
                lock(&work.database.checks).damaged.extend(found);
            }
            let fetched = fetched?;
            work.cancel.check()?;
            let shown = planned.shown(request.target.clone());
            let bytes = std::fs::metadata(fetched.path()).map_or(0, |metadata| metadata.len());
            let epoch =
                exchange::put_in_place(work, fetched, planned.line.epoch, planned.chain.reached).await?;
            let seconds = began.elapsed().as_secs_f64();
            let path = work.database.path.clone();
            Ok(Outcome::Restored { plan: shown, path, bytes, seconds, epoch: Some(epoch) })
        }
    }
}

fn refuse_existing(path: &Path) -> Result<()> {
    if std::fs::symlink_metadata(path).is_err() {
        return Ok(());
    }
    Err(Report::new(ErrorCode::TargetExists, format!("`{}` exists already", path.display()))
        .hint("choose another name with `--to`; nothing is ever overwritten"))
}

/// What somebody wants in a new file.
pub(crate) struct Wanted<'a> {
    pub(crate) moment: &'a Moment,
    pub(crate) integrity: Integrity,
    pub(crate) path: &'a Path,
}

/// Restores into a new file. It appears under its name only when it is complete, checked and flushed.
///
/// Where an object turns out to be damaged, it becomes the newest moment that does without it: gives the plan that
/// was carried out.
pub(crate) async fn to_file(
    tools: &Tools,
    mut planned: Planned,
    wanted: &Wanted<'_>,
    reporter: &Reporter,
    cancel: &Cancel,
) -> Result<Planned> {
    refuse_existing(wanted.path)?;
    let fetched = loop {
        let path = beside(wanted.path, "restoring");
        match fetch(tools, &planned, path, wanted.integrity, reporter, cancel).await {
            Err(report) if report.code == ErrorCode::HistoryDamaged => {
                let mut without = damaged(&planned.line, &planned.chain.objects, cancel).await?;
                if without.is_empty() {
                    return Err(report);
                }
                without.extend(planned.damaged.iter().cloned());
                planned = planned.line.plan_around(wanted.moment, &without).await?;
            }
            fetched => break fetched?,
        }
    };
    cancel.check()?;
    let path = wanted.path.to_owned();
    tokio::task::spawn_blocking(move || give_name(fetched, &path))
        .await
        .unwrap_or_else(|error| Err(Report::new(ErrorCode::Internal, "the engine ends").because(error)))?;
    Ok(planned)
}

/// Gives a fetched file its name. A power cut before leaves no file of that name, one after leaves all of it.
fn give_name(fetched: Fetched, path: &Path) -> Result<()> {
    let trouble = |error: std::io::Error| {
        Report::new(ErrorCode::Io, format!("`{}` can't be written", path.display())).because(error)
    };
    std::fs::File::open(fetched.path()).and_then(|file| file.sync_all()).map_err(trouble)?;
    // A link fails if the name was taken meanwhile; a rename would overwrite. Some file systems have no links.
    match std::fs::hard_link(fetched.path(), path) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return refuse_existing(path),
        Err(_) => {
            refuse_existing(path)?;
            std::fs::rename(fetched.path(), path).map_err(trouble)?;
        }
    }
    drop(fetched);
    sync_parent(path).map_err(trouble)
}

/// A name for a file of ours in the same folder, and so on the same disk.
pub(crate) fn beside(path: &Path, what: &str) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.{what}"))
}
