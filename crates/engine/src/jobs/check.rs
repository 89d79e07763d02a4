//! Begins an operation on a database, one at a time for each, and keeps what it found.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use sqlite_replicate_api::{
    CheckSummary, ErrorCode, Finding, JobRequest, JobState, JobSummary, Outcome, Report, Result,
};

use super::{Cancel, Reporter, exchange, proof, restore, scan, snapshot};
use crate::core::{Core, Database, lock};
use crate::retention;

/// How long a check may take to give way: it asks between objects.
const WAY: Duration = Duration::from_secs(20);

/// What an operation works with.
#[derive(Clone)]
pub(crate) struct Work {
    pub(crate) core: Arc<Core>,
    pub(crate) database: Arc<Database>,
    pub(crate) reporter: Reporter,
    pub(crate) cancel: Cancel,
}

/// Begins an operation as a job.
pub(crate) fn begin(core: &Arc<Core>, database: &Arc<Database>, request: JobRequest) -> JobSummary {
    let (its_core, its_database, its_request) = (core.clone(), database.clone(), request.clone());
    let noted_core = core.clone();
    let noted_database = database.clone();
    core.wake.notify_one();
    core.jobs.begin(
        database.name.clone(),
        request,
        move |reporter, cancel| async move {
            let work = Work { core: its_core, database: its_database, reporter, cancel };
            let _busy = work.database.busy.try_lock().map_err(|_| busy(&work.database))?;
            run(&work, its_request).await
        },
        move |summary| {
            let index = usize::from(!matches!(summary.state, JobState::Succeeded { .. }));
            noted_core.jobs_ended[index].fetch_add(1, Ordering::Relaxed);
            tokio::spawn(note(noted_core, noted_database, summary.clone()));
        },
    )
}

fn busy(database: &Database) -> Report {
    Report::new(ErrorCode::Busy, format!("another operation on `{}` runs", database.name))
        .hint("wait for its end, or cancel it; `sqlite-replicate status` shows it")
}

/// Makes way for what a person wants: a check of the schedule is cancelled, and made later.
///
/// # Errors
/// [`ErrorCode::Busy`] while something else runs, or a check that does not end.
pub(crate) async fn make_way(core: &Core, database: &Database) -> Result<()> {
    if database.busy.try_lock().is_ok() {
        return Ok(());
    }
    let check = *lock(&database.scheduled);
    let running = check.filter(|id| core.jobs.watch(*id).is_ok_and(|job| !job.borrow().state.ended()));
    let Some(id) = running else { return Err(busy(database)) };
    database.gave_way.store(true, Ordering::Relaxed);
    core.jobs.cancel(id)?;
    tokio::time::timeout(WAY, database.busy.lock()).await.map(drop).map_err(|_| busy(database))
}

async fn run(work: &Work, request: JobRequest) -> Result<Outcome> {
    match request {
        JobRequest::Restore(request) => restore::restore(work, &request).await,
        JobRequest::UndoRestore => exchange::undo(work).await,
        JobRequest::Verify => proof::verify(work).await,
        JobRequest::Validate => proof::validate(work).await,
        JobRequest::Drill => proof::drill(work).await,
        JobRequest::Scan { heal } => scan::scan(work, heal).await,
        JobRequest::Snapshot { name } => snapshot::snapshot(work, name).await,
    }
}

/// Keeps what an operation found, in the journal and for the status.
async fn note(core: Arc<Core>, database: Arc<Database>, summary: JobSummary) {
    let kind = summary.request.kind();
    let text = match &summary.state {
        JobState::Succeeded { outcome } => format!("{kind} of `{}`: {}", database.name, said(outcome)),
        JobState::Failed { error } => format!("{kind} of `{}` failed: {error}", database.name),
        JobState::Running { .. } => return,
    };
    core.event(
        if matches!(summary.state, JobState::Succeeded { .. }) { "job-done" } else { "job-failed" },
        Some(&database.name),
        text,
    )
    .await;
    if let Some(check) = as_check(&summary) {
        {
            let mut checks = lock(&database.checks);
            if kind == "scan" {
                checks.scan = Some(check.clone());
                checks.unchecked &= !check.good;
                checks.lost &= !check.good;
            } else if kind != "validate" {
                checks.drill = Some(check.clone());
            }
        }
        let (id, checks) = (database.id.clone(), lock(&database.checks).clone());
        let noted = core
            .journal
            .run(move |journal| {
                if !checks.lost {
                    journal.set_fact(&format!("history-lost {id}"), "")?;
                }
                if !checks.unchecked {
                    journal.set_fact(&format!("unchecked {id}"), "")?;
                }
                journal.record_check(&id, kind, &check)
            })
            .await;
        let trimmed = if noted.is_ok() { retention::trim(&core, &database).await } else { noted };
        if let Err(report) = trimmed {
            core.logs.push("engine", &report.to_string(), Timestamp::now());
        }
    }
    core.wake.notify_one();
}

/// What a check proves. One that somebody cancelled, or that could not be made, proves nothing either way.
fn as_check(summary: &JobSummary) -> Option<CheckSummary> {
    let kind = summary.request.kind();
    if !matches!(kind, "drill" | "verify" | "validate" | "scan") {
        return None;
    }
    let at = Timestamp::now();
    match &summary.state {
        JobState::Succeeded { outcome } => {
            let good = match outcome {
                Outcome::Scanned(report) => report.findings.is_empty() || !report.healed.is_empty(),
                _ => true,
            };
            Some(CheckSummary { at, good, text: said(outcome) })
        }
        JobState::Failed { error } => match error.code {
            ErrorCode::RestoreDamaged
            | ErrorCode::VerificationFailed
            | ErrorCode::HistoryDamaged
            | ErrorCode::NoSuchRestorePoint => {
                Some(CheckSummary { at, good: false, text: error.message.clone() })
            }
            _ => None,
        },
        JobState::Running { .. } => None,
    }
}

/// An outcome in a sentence, for the journal.
pub(crate) fn said(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Restored { plan, path, seconds, .. } => {
            format!("transaction {} restored to `{}` in {seconds:.1} s", plan.txid, path.display())
        }
        Outcome::Undone { epoch } => format!("undone; history {epoch} begins"),
        Outcome::Verified { stored_after, seconds } => {
            format!(
                "a row was stored after {stored_after:.1} s and found in a restored copy after {seconds:.1} s"
            )
        }
        Outcome::Validated { txid, tables, rows, .. } => {
            format!("{rows} rows of {tables} tables are the same at transaction {txid}")
        }
        Outcome::Drilled { txid, rows, seconds, .. } => {
            format!("transaction {txid} with {rows} rows restored and checked in {seconds:.1} s")
        }
        Outcome::Scanned(report) if report.findings.is_empty() => {
            format!("{} stored objects are whole", report.objects)
        }
        Outcome::Scanned(report) => {
            let healed = if report.healed.is_empty() {
                "nothing was mended".to_owned()
            } else {
                report.healed.join("; ")
            };
            let first = report.findings.first().map(finding).unwrap_or_default();
            format!(
                "{} findings in {} objects, the first: {first}; {healed}",
                report.findings.len(),
                report.objects
            )
        }
        Outcome::Snapshot { name, txid, .. } => format!("transaction {txid} is kept as `{name}`"),
    }
}

/// A finding in a few words.
pub(crate) fn finding(finding: &Finding) -> String {
    match finding {
        Finding::Hole { level, first, last, .. } => {
            format!("level {level} lacks transactions {first} to {last}")
        }
        Finding::Damaged { key, why } => format!("`{key}` is damaged ({why})"),
    }
}
