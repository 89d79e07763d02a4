//! Long operations in words: how far they are, what they will do, how they ended.

use jiff::tz::TimeZone;
use sqlite_replicate_api::{Finding, Outcome, Progress, RestorePlan, ScanReport, Stage, Target, Txid};

use super::text::{bytes, exact, seconds, short};

/// What an operation is at, in one word.
pub(crate) fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Planning => "planning",
        Stage::Syncing => "syncing",
        Stage::Downloading => "downloading",
        Stage::Checking => "checking",
        Stage::Comparing => "comparing",
        Stage::Scanning => "scanning",
        Stage::Healing => "healing",
        Stage::Copying => "copying",
        Stage::Swapping => "swapping",
    }
}

/// How far it is: `120 MB of 1.0 GB, 85.0 MB/s, 11 s left`.
pub(crate) fn progress(progress: &Progress) -> String {
    let mut text = bytes(progress.done);
    if let Some(total) = progress.total {
        text.push_str(&format!(" of {}", bytes(total)));
    }
    if progress.rate >= 1.0 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is at least 1, and the cast stops at the end"
        )]
        let rate = progress.rate as u64;
        text.push_str(&format!(", {}/s", bytes(rate)));
    }
    if let Some(left) = progress.seconds_left {
        text.push_str(&format!(", {} left", seconds(left)));
    }
    text
}

/// What a restore will do, before it is done.
pub(crate) fn plan(plan: &RestorePlan, zone: &TimeZone) -> String {
    let moment = match plan.time {
        // A backup of Litestream 0.3 knows no transactions.
        Some(time) if plan.txid == Txid::default() => exact(time, zone),
        Some(time) => format!("{} (transaction {})", exact(time, zone), short(plan.txid)),
        None => format!("transaction {}", short(plan.txid)),
    };
    let mut text = match &plan.target {
        Target::File(path) => format!("`{}` will hold the state of {moment}.\n", path.display()),
        Target::InPlace => format!("You go back to {moment}.\n"),
    };
    match plan.set_aside {
        Some(0) => text.push_str("No change has been made since then.\n"),
        Some(1) => text.push_str("1 change made since then is set aside; `undo-restore` brings it back.\n"),
        Some(changes) => text.push_str(&format!(
            "{changes} changes made since then are set aside; `undo-restore` brings them back.\n"
        )),
        None => {}
    }
    if let Some(shortfall) = &plan.shortfall {
        text.push_str(&format!("It is not exactly what you asked for: {shortfall}\n"));
    }
    text.push_str(&format!("To fetch: {} from {}", bytes(plan.bytes), plan.source));
    if let Some(epoch) = plan.epoch {
        text.push_str(&format!(", epoch {epoch}"));
    }
    text.push_str(&format!(", {} objects.\n", plan.objects));
    text
}

/// How an operation ended well.
pub(crate) fn outcome(outcome: &Outcome, zone: &TimeZone) -> String {
    match outcome {
        Outcome::Restored { plan, path, bytes: size, seconds: took, epoch } => {
            let moment = plan
                .time
                .map_or_else(|| format!("transaction {}", short(plan.txid)), |time| exact(time, zone));
            let mut text = format!(
                "Restored {moment} to `{}`: {} in {}.\n",
                path.display(),
                bytes(*size),
                seconds(*took)
            );
            if let Some(shortfall) = &plan.shortfall {
                text.push_str(&format!("It is not exactly what you asked for: {shortfall}\n"));
            }
            if epoch.is_some() {
                text.push_str("What was there before is set aside; `undo-restore` brings it back.\n");
            }
            text
        }
        Outcome::Undone { .. } => {
            "The last restore is undone; what was there before it is back.\n".to_owned()
        }
        Outcome::Verified { stored_after, seconds: all } => format!(
            "Verified: a new row was stored after {} and came back in a restored copy after {}.\n",
            seconds(*stored_after),
            seconds(*all)
        ),
        Outcome::Validated { txid, tables, rows, seconds: took } => format!(
            "Validated: a restored copy equals the database at transaction {} ({rows} rows in {tables} tables, {}).\n",
            short(*txid),
            seconds(*took)
        ),
        Outcome::Drilled { txid, rows, bytes: size, seconds: took } => format!(
            "The restore test is good: {} with {rows} rows up to transaction {}, in {}.\n",
            bytes(*size),
            short(*txid),
            seconds(*took)
        ),
        Outcome::Scanned(report) => scanned(report),
        Outcome::Snapshot { name, txid, bytes: size } => {
            format!("The moment of transaction {} is kept as `{name}` ({}).\n", short(*txid), bytes(*size))
        }
    }
}

fn scanned(report: &ScanReport) -> String {
    let mut text = format!("Read {} objects, {}.\n", report.objects, bytes(report.bytes));
    if report.findings.is_empty() {
        text.push_str("Everything is as it was stored, without a hole.\n");
    }
    for finding in &report.findings {
        text.push_str(&match finding {
            Finding::Hole { level, first, last, blocking } => format!(
                "Transactions {} to {} are missing from level {level}{}.\n",
                short(*first),
                short(*last),
                if *blocking { "; the newest state can't be restored" } else { "; other levels hold them" }
            ),
            Finding::Damaged { key, why } => format!("`{key}` is damaged: {why}\n"),
        });
    }
    for healed in &report.healed {
        text.push_str(&format!("Mended: {healed}\n"));
    }
    text
}

#[cfg(test)]
#[path = "jobs_tests.rs"]
mod tests;
