//! The status screen: one sentence of truth first, then each database, then what wants to be looked at.

use console::measure_text_width;
use jiff::Zoned;
use sqlite_replicate_api::{
    ChildPhase, ChildStatus, Condition, DatabaseStatus, JobState, Overall, Severity, Status, StoreStatus,
};

use super::jobs::stage;
use super::text::{ago, bytes, exact, padded, seconds, short, wrap};
use crate::output::Paint;

/// Names longer than this have their sentence on the next line.
const NAME_COLUMNS: usize = 24;

/// The whole screen, in lines of at most `width` columns.
pub(crate) fn status(status: &Status, now: &Zoned, width: usize, paint: Paint) -> String {
    let mut screen = Screen { width: width.max(20), paint, text: String::new() };
    screen.lines(0, &status.sentence, |line| coloured(status.overall, line, paint));
    if !status.databases.is_empty() {
        screen.text.push('\n');
    }
    let names = status.databases.iter().map(|db| measure_text_width(db.name.as_str()));
    let names = names.filter(|name| *name <= NAME_COLUMNS).max().unwrap_or(0);
    for database in &status.databases {
        screen.database(database, names, now);
    }
    if let Some(until) = status.paused_until {
        screen.lines(0, &format!("Paused until {}.", exact(until, now.time_zone())), |line| line);
    }
    screen.jobs(status);
    if !status.conditions.is_empty() {
        screen.text.push('\n');
        for condition in &status.conditions {
            screen.condition(0, condition, now);
        }
    }
    screen.text.push('\n');
    let store = store_line(&status.store);
    screen.lines(0, &store, |line| paint.dim(&line));
    for line in status.children.iter().filter_map(child_line) {
        screen.lines(0, &line, |line| paint.dim(&line));
    }
    screen.text
}

/// How a bundled program is; nothing when all is as it should be.
fn child_line(child: &ChildStatus) -> Option<String> {
    let how = match child.phase {
        ChildPhase::Ready if child.restarts == 0 => return None,
        ChildPhase::Ready => "runs",
        ChildPhase::Starting => "starts",
        ChildPhase::BackingOff => "ended by itself and will be started again",
        ChildPhase::Stopped => "does not run",
    };
    let restarts = match child.restarts {
        0 => String::new(),
        1 => "; it was started again once".to_owned(),
        times => format!("; it was started again {times} times"),
    };
    let name = match child.name.as_str() {
        "store" => "The store",
        "capture" => "The capture",
        other => other,
    };
    Some(format!("{name} {how}{restarts}."))
}

struct Screen {
    width: usize,
    paint: Paint,
    text: String,
}

impl Screen {
    /// Adds a text in lines that begin `indent` columns from the left.
    fn lines(&mut self, indent: usize, text: &str, paint: impl Fn(String) -> String) {
        for line in wrap(text, self.width - indent) {
            self.text.push_str(&" ".repeat(indent));
            self.text.push_str(&paint(line));
            self.text.push('\n');
        }
    }

    fn database(&mut self, database: &DatabaseStatus, names: usize, now: &Zoned) {
        let name = database.name.as_str();
        let beside = measure_text_width(name) <= names && self.width >= names + 40;
        let indent = if beside { names + 4 } else { 4 };
        let paint = self.paint;
        let start = self.text.len();
        self.lines(indent, &database.sentence, |line| coloured(database.overall, line, paint));
        let head = format!("  {}", paint.bold(name));
        if beside {
            // The name takes the place of the first line's blanks.
            let head = padded(&head, indent);
            self.text.replace_range(start..start + indent, &head);
        } else {
            self.text.insert_str(start, &format!("{head}\n"));
        }
        let facts = together(&facts(database, now), self.width - indent);
        self.lines(indent, &facts, |line| paint.dim(&line.replace(HELD, " ")));
        for condition in &database.conditions {
            self.condition(indent, condition, now);
        }
    }

    fn condition(&mut self, indent: usize, condition: &Condition, now: &Zoned) {
        let paint = self.paint;
        let sign = match condition.severity {
            Severity::Failure => paint.red("✕"),
            Severity::Warning => paint.yellow("!"),
            Severity::Progress => paint.cyan("…"),
            Severity::Info => paint.dim("·"),
        };
        let since = match condition.severity {
            Severity::Info => String::new(),
            _ => format!(" (began {})", ago(condition.since, now)),
        };
        let start = self.text.len();
        self.lines(indent + 2, &format!("{}{since}", condition.text), |line| line);
        self.text.replace_range(start..start + indent + 2, &format!("{}{sign} ", " ".repeat(indent)));
        if let Some(hint) = &condition.hint {
            self.lines(indent + 2, &format!("hint: {hint}"), |line| paint.dim(&line));
        }
    }

    fn jobs(&mut self, status: &Status) {
        for job in &status.jobs {
            let JobState::Running { progress } = &job.state else { continue };
            let how = progress.as_ref().map_or_else(String::new, |progress| {
                let left = progress.seconds_left.map(|left| format!(", {} left", seconds(left)));
                format!(": {}{}", stage(progress.stage), left.unwrap_or_default())
            });
            self.lines(2, &format!("{} of {}{how}", job.request.kind(), job.database), |line| line);
        }
    }
}

/// Red is for what is not safe, and for nothing else.
fn coloured(overall: Overall, line: String, paint: Paint) -> String {
    match overall {
        Overall::NotProtected | Overall::Contested => paint.red(&line),
        Overall::Attention => paint.yellow(&line),
        _ => paint.bold(&line),
    }
}

/// A blank at which no line ends.
const HELD: char = '\u{a0}';

/// Facts one after the other; each stays on one line where it fits into one.
fn together(facts: &[String], width: usize) -> String {
    let held = facts.iter().map(|fact| {
        let fits = measure_text_width(fact) + 2 <= width;
        if fits { fact.replace(' ', &HELD.to_string()) } else { fact.clone() }
    });
    held.collect::<Vec<_>>().join(&format!("{HELD}· "))
}

/// What an expert asks first: lag, transactions, the last proof.
fn facts(database: &DatabaseStatus, now: &Zoned) -> Vec<String> {
    let mut facts = vec![format!("lag {}", seconds(database.lag_seconds)), transactions(database)];
    facts.push(match &database.last_drill {
        None => "no restore test yet".to_owned(),
        Some(drill) if drill.good => format!("restore test good {}", ago(drill.at, now)),
        Some(drill) => format!("restore test FAILED {}", ago(drill.at, now)),
    });
    facts.push(bytes(database.size_bytes));
    facts
}

fn transactions(database: &DatabaseStatus) -> String {
    let Some(here) = database.here else { return "nothing captured yet".to_owned() };
    let mut text = format!("transaction {} here", short(here));
    let mut reached = |whom: &str, txid| {
        text.push_str(&match txid {
            None => format!(", none {whom}"),
            Some(txid) if txid == here => format!(", {whom}"),
            Some(txid) => format!(", {} {whom}", short(txid)),
        });
    };
    reached("stored", database.stored);
    if database.acknowledged.is_some() {
        reached("acknowledged", database.acknowledged);
    }
    if database.uncaptured {
        text.push_str(", newer changes on their way");
    }
    text
}

fn store_line(store: &StoreStatus) -> String {
    let place = match &store.data_dir {
        Some(folder) => folder.display().to_string(),
        None => format!("{}, bucket {}", store.endpoint, store.bucket),
    };
    let free = store.free_bytes.map_or_else(String::new, |free| format!(", {} free", bytes(free)));
    let answers = if store.reachable { "" } else { ", does not answer" };
    format!("History is kept in {place}{free}{answers}.")
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
