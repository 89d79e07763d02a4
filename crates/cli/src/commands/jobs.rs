//! Long operations of a running engine: `verify`, `validate`, `scan`, `drill`, `snapshot`, and how each is followed.

use clap::Args;
use sqlite_replicate_api::{ErrorCode, JobRequest, Name, Outcome, Report, Result};

use super::{Context, now};
use crate::engine_calls::{self, Client};
use crate::interrupt::Interrupt;
use crate::output::{Done, End};
use crate::progress::Meter;
use crate::render;

/// One protected database
#[derive(Debug, Args)]
pub(crate) struct OneDatabase {
    /// The database's name
    pub(crate) database: Name,
}

/// Checks every stored object of a database's history
#[derive(Debug, Args)]
pub(crate) struct Scan {
    /// The database's name
    database: Name,
    /// Also mends what is found
    #[arg(long)]
    heal: bool,
}

/// Keeps the present moment under a name, past retention
#[derive(Debug, Args)]
pub(crate) struct Snapshot {
    /// The database's name
    database: Name,
    /// The snapshot's name
    name: Name,
}

pub(crate) async fn verify(command: OneDatabase, context: &Context<'_>) -> Done {
    job(context, &command.database, JobRequest::Verify).await
}

pub(crate) async fn validate(command: OneDatabase, context: &Context<'_>) -> Done {
    job(context, &command.database, JobRequest::Validate).await
}

pub(crate) async fn drill(command: OneDatabase, context: &Context<'_>) -> Done {
    job(context, &command.database, JobRequest::Drill).await
}

pub(crate) async fn snapshot(command: Snapshot, context: &Context<'_>) -> Done {
    job(context, &command.database, JobRequest::Snapshot { name: command.name }).await
}

pub(crate) async fn scan(command: Scan, context: &Context<'_>) -> Done {
    let client = context.connect().await?;
    let name = &command.database;
    let outcome = follow(context, &client, name, JobRequest::Scan { heal: command.heal }).await?;
    show(context, &outcome)?;
    unhealthy(name, &outcome).map_or(Ok(()), |report| Err(report.into()))
}

/// What a script has to learn from a scan that found something and mended nothing.
fn unhealthy(database: &Name, outcome: &Outcome) -> Option<Report> {
    let Outcome::Scanned(report) = outcome else { return None };
    if report.findings.is_empty() || !report.healed.is_empty() {
        return None;
    }
    let found = report.findings.len();
    let things = if found == 1 { "1 thing" } else { &format!("{found} things") };
    let report = Report::new(
        ErrorCode::HistoryDamaged,
        format!("the stored history of {database} has {things} wrong"),
    );
    Some(report.hint(format!(
        "`sqlite-replicate scan {database} --heal` mends it; the database itself is not touched"
    )))
}

async fn job(context: &Context<'_>, database: &Name, request: JobRequest) -> Done {
    let client = context.connect().await?;
    let outcome = follow(context, &client, database, request).await?;
    show(context, &outcome)
}

/// Says how an operation ended.
pub(crate) fn show(context: &Context<'_>, outcome: &Outcome) -> Done {
    context.output.result(outcome, |_| render::outcome(outcome, now().time_zone()))
}

/// Begins a long operation and shows how far it is until it ends. Ctrl-C cancels it, and waits until the engine says
/// that it did; a second one leaves it to the engine.
pub(crate) async fn follow(
    context: &Context<'_>,
    client: &Client,
    database: &Name,
    request: JobRequest,
) -> Done<Outcome> {
    let mut interrupt = Interrupt::listen()?;
    let job = client.start_job(database, request).await?;
    let meter = Meter::new(context.output);
    let end = {
        let following = engine_calls::follow_job(client, job.id, |progress| meter.show(&progress));
        tokio::pin!(following);
        let mut asked = false;
        loop {
            tokio::select! {
                end = &mut following => break end,
                () = interrupt.next() => {
                    if asked {
                        break Err(left_behind(job.id));
                    }
                    asked = true;
                    meter.note("cancelling…");
                    cancel(client, job.id).await?;
                }
            }
        }
    };
    match (end, meter.end()) {
        (Ok(outcome), Ok(()) | Err(End::ReaderGone)) => Ok(outcome),
        (Err(report), _) => Err(report.into()),
        (Ok(_), Err(end)) => Err(end),
    }
}

/// Asks for the end of an operation. One that has just ended by itself is no failure: how it ended is said anyway.
async fn cancel(client: &Client, id: u64) -> Result<()> {
    match client.cancel_job(id).await {
        Err(_) if client.job(id).await.is_ok_and(|job| job.state.ended()) => Ok(()),
        answer => answer,
    }
}

fn left_behind(id: u64) -> Report {
    let message = format!("you left before operation {id} was cancelled; the engine goes on cancelling it");
    Report::new(ErrorCode::Cancelled, message).hint("`sqlite-replicate status` shows what still runs")
}

#[cfg(test)]
mod tests {
    use sqlite_replicate_api::{Finding, ScanReport};

    use super::*;

    fn scanned(findings: usize, healed: &[&str]) -> Outcome {
        let finding = Finding::Damaged { key: "a".to_owned(), why: "b".to_owned() };
        Outcome::Scanned(ScanReport {
            findings: vec![finding; findings],
            healed: healed.iter().map(|text| (*text).to_owned()).collect(),
            ..ScanReport::default()
        })
    }

    #[test]
    fn a_scan_that_found_something_fails_unless_it_was_mended() {
        let name: Name = "orders".parse().unwrap();
        assert_eq!(unhealthy(&name, &scanned(0, &[])), None);
        assert_eq!(unhealthy(&name, &scanned(1, &["forced a snapshot"])), None);
        let report = unhealthy(&name, &scanned(1, &[])).unwrap();
        assert_eq!(report.code.exit_code(), 13);
        assert_eq!(report.message, "the stored history of orders has 1 thing wrong");
    }
}
