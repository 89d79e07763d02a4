//! A database's history: epochs, levels, holes, named snapshots and, if wanted, single moments.

use jiff::tz::TimeZone;
use sqlite_replicate_api::{EpochHistory, History, LevelSummary, NamedSnapshot, OpenedBy, RestorePoint};

use super::text::{bytes, exact, short, table};
use crate::output::Paint;

/// The whole history, newest epoch first, with the last `points` moments of each.
pub(crate) fn history(history: &History, points: usize, zone: &TimeZone, paint: Paint) -> String {
    let mut text = String::new();
    if history.epochs.iter().all(|epoch| epoch.levels.is_empty()) {
        text.push_str(&format!("Nothing of {} is stored yet.\n", history.database));
    }
    for epoch in history.epochs.iter().rev() {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&head(epoch, zone, paint));
        text.push_str(&levels(&epoch.levels, zone));
        for hole in &epoch.holes {
            let effect =
                if hole.blocking { "the newest state can't be restored" } else { "other levels hold them" };
            let line = format!(
                "transactions {} to {} are missing from level {}: {effect}",
                short(hole.first),
                short(hole.last),
                hole.level
            );
            let line = if hole.blocking { paint.red(&line) } else { paint.yellow(&line) };
            text.push_str(&format!("  {line}\n"));
        }
        let skipped = epoch.points.len().saturating_sub(points);
        text.push_str(&moments(&epoch.points[skipped..], zone));
    }
    text.push_str(&snapshots(&history.snapshots, zone, paint));
    text
}

fn head(epoch: &EpochHistory, zone: &TimeZone, paint: Paint) -> String {
    let record = &epoch.record;
    let why = match record.opened_by {
        OpenedBy::Protection => "when protection began",
        OpenedBy::Restore => "by a restore",
        OpenedBy::Replacement => "because another file was put in its place",
        OpenedBy::Healing => "because the one before could not be continued",
        OpenedBy::Undo => "by undoing a restore",
        OpenedBy::Vote => "by a vote",
        OpenedBy::Person => "by a person",
        OpenedBy::Machine => "by the machine",
    };
    let base = match &record.base {
        None => String::new(),
        Some(base) => match base.txid {
            Some(txid) => format!(", from {} of epoch {}", short(txid), base.epoch),
            None => format!(", from epoch {}", base.epoch),
        },
    };
    let title = paint.bold(&format!("Epoch {}", record.epoch));
    format!("{title}, opened {} {why}{base}, on {}\n", exact(record.opened_at, zone), record.host)
}

fn levels(levels: &[LevelSummary], zone: &TimeZone) -> String {
    if levels.is_empty() {
        return String::new();
    }
    let cells = |cells: [&str; 6]| cells.map(str::to_owned).to_vec();
    let mut rows = vec![cells(["  level", "from", "to", "transactions", "objects", "size"])];
    rows.extend(levels.iter().map(|level| {
        vec![
            format!("  {}", if level.level == 9 { "snapshots".to_owned() } else { level.level.to_string() }),
            exact(level.from, zone),
            exact(level.to, zone),
            format!("{} to {}", short(level.first), short(level.last)),
            level.objects.to_string(),
            bytes(level.bytes),
        ]
    }));
    table(&rows)
}

fn moments(points: &[RestorePoint], zone: &TimeZone) -> String {
    let rows = points.iter().map(|point| {
        vec![
            format!("  {}", exact(point.time, zone)),
            short(point.txid),
            format!("level {}", point.level),
            bytes(point.bytes),
        ]
    });
    table(&rows.collect::<Vec<_>>())
}

fn snapshots(snapshots: &[NamedSnapshot], zone: &TimeZone, paint: Paint) -> String {
    if snapshots.is_empty() {
        return String::new();
    }
    let rows = snapshots.iter().map(|snapshot| {
        vec![
            format!("  {}", snapshot.name),
            exact(snapshot.created_at, zone),
            format!("{} of epoch {}", short(snapshot.txid), snapshot.epoch),
            bytes(snapshot.bytes),
        ]
    });
    format!("\n{}\n{}", paint.bold("Named snapshots"), table(&rows.collect::<Vec<_>>()))
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
