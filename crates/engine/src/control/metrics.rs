//! `GET /metrics`: the status as figures, in the text format of Prometheus (docs/scripting.md lists them).

use std::collections::BTreeMap;
use std::fmt::{Display, Write};

use jiff::{SignedDuration, Timestamp};
use sqlite_replicate_api::{
    CheckSummary, ChildPhase, Condition, DatabaseStatus, JobState, Overall, Severity, Status,
};

/// The type of what [`render`] gives.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What the figures need beyond the status.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Extra {
    /// Seconds since the engine began.
    pub uptime_seconds: f64,
    /// Long operations that ended well since then.
    pub jobs_succeeded: u64,
    /// Long operations that ended badly or were cancelled since then.
    pub jobs_failed: u64,
}

const STATES: [Overall; 8] = [
    Overall::Protected,
    Overall::LocalOnly,
    Overall::Fenced,
    Overall::Paused,
    Overall::CatchingUp,
    Overall::Attention,
    Overall::NotProtected,
    Overall::Contested,
];

const SEVERITIES: [(Severity, &str); 4] = [
    (Severity::Info, "info"),
    (Severity::Progress, "progress"),
    (Severity::Warning, "warning"),
    (Severity::Failure, "failure"),
];

/// The status and more as figures.
pub fn render(status: &Status, extra: &Extra) -> String {
    let mut page = Page(String::new());
    host(&mut page, status, extra);
    for_each_database(&mut page, status);
    conditions(&mut page, status);
    parts(&mut page, status);
    jobs(&mut page, status, extra);
    page.0
}

fn host(page: &mut Page, status: &Status, extra: &Extra) {
    page.family("up", Kind::Gauge, "1 while the engine answers.");
    page.sample("up", &[], 1);
    page.family("build_info", Kind::Gauge, "Always 1; the version is a label.");
    page.sample("build_info", &[("version", &status.version)], 1);
    page.family("uptime_seconds", Kind::Gauge, "Seconds since the engine began.");
    page.sample("uptime_seconds", &[], extra.uptime_seconds);
    page.family("overall", Kind::Gauge, "1 for the state that the host is in, 0 for the others.");
    for state in STATES {
        page.sample("overall", &[("state", state.as_str())], u8::from(state == status.overall));
    }
}

fn for_each_database(page: &mut Page, status: &Status) {
    let all = &status.databases;
    page.family(
        "database_overall",
        Kind::Gauge,
        "1 for the state that the database is in, 0 for the others.",
    );
    for database in all {
        for state in STATES {
            let labels = [("database", database.name.as_str()), ("state", state.as_str())];
            page.sample("database_overall", &labels, u8::from(state == database.overall));
        }
    }
    page.each(
        all,
        "database_lag_seconds",
        "Age of the oldest commit that is not yet where it must be.",
        |d| Some(d.lag_seconds),
    );
    let help = "Newest transaction here, stored, and acknowledged by another machine.";
    page.family("database_transaction", Kind::Gauge, help);
    for database in all {
        let places =
            [("here", database.here), ("stored", database.stored), ("acknowledged", database.acknowledged)];
        for (place, txid) in places {
            if let Some(txid) = txid {
                let labels = [("database", database.name.as_str()), ("place", place)];
                page.sample("database_transaction", &labels, txid.0);
            }
        }
    }
    page.each(all, "database_uncaptured", "1 while commits exist that were not captured yet.", |d| {
        Some(f64::from(u8::from(d.uncaptured)))
    });
    page.each(all, "database_size_bytes", "Size of the database file.", |d| Some(d.size_bytes as f64));
    page.each(all, "database_wal_bytes", "Size of the write-ahead log.", |d| Some(d.wal_bytes as f64));
    let help = "Seconds since the last restore test; absent before the first.";
    page.each(all, "database_last_drill_age_seconds", help, |d| age(d.last_drill.as_ref(), status.at));
    page.each(all, "database_last_drill_good", "1 if the last restore test worked, 0 if not.", |d| {
        good(d.last_drill.as_ref())
    });
    let help = "Seconds since the last scan of the stored history; absent before the first.";
    page.each(all, "database_last_scan_age_seconds", help, |d| age(d.last_scan.as_ref(), status.at));
    page.each(all, "database_last_scan_good", "1 if the last scan found nothing wrong, 0 if it did.", |d| {
        good(d.last_scan.as_ref())
    });
}

fn age(check: Option<&CheckSummary>, now: Timestamp) -> Option<f64> {
    check.map(|check| now.duration_since(check.at).max(SignedDuration::ZERO).as_secs_f64())
}

fn good(check: Option<&CheckSummary>) -> Option<f64> {
    check.map(|check| f64::from(u8::from(check.good)))
}

fn conditions(page: &mut Page, status: &Status) {
    page.family(
        "conditions",
        Kind::Gauge,
        "Conditions that show, by severity; `database` is empty for the host.",
    );
    let of_databases = status.databases.iter().map(|d| (d.name.as_str(), &d.conditions));
    for (database, conditions) in std::iter::once(("", &status.conditions)).chain(of_databases) {
        for (severity, word) in SEVERITIES {
            let count = conditions.iter().filter(|c: &&Condition| c.severity == severity).count();
            page.sample("conditions", &[("database", database), ("severity", word)], count);
        }
    }
}

fn parts(page: &mut Page, status: &Status) {
    page.family("child_ready", Kind::Gauge, "1 while the bundled program serves.");
    for child in &status.children {
        let ready = u8::from(child.phase == ChildPhase::Ready);
        page.sample("child_ready", &[("child", &child.name)], ready);
    }
    page.family("child_restarts_total", Kind::Counter, "How often the bundled program ended by itself.");
    for child in &status.children {
        page.sample("child_restarts_total", &[("child", &child.name)], child.restarts);
    }
    page.family("store_reachable", Kind::Gauge, "1 if the store answered the last time it was asked.");
    page.sample("store_reachable", &[], u8::from(status.store.reachable));
    if let Some(free) = status.store.free_bytes {
        page.family("store_free_bytes", Kind::Gauge, "Free space where the store lies.");
        page.sample("store_free_bytes", &[], free);
    }
}

fn jobs(page: &mut Page, status: &Status, extra: &Extra) {
    let mut running = BTreeMap::<&str, u64>::new();
    for job in &status.jobs {
        if matches!(job.state, JobState::Running { .. }) {
            *running.entry(job.request.kind()).or_default() += 1;
        }
    }
    page.family("jobs_running", Kind::Gauge, "Long operations that run, by kind; absent where none does.");
    for (kind, count) in running {
        page.sample("jobs_running", &[("kind", kind)], count);
    }
    page.family("jobs_ended_total", Kind::Counter, "Long operations that ended since the engine began.");
    page.sample("jobs_ended_total", &[("result", "succeeded")], extra.jobs_succeeded);
    page.sample("jobs_ended_total", &[("result", "failed")], extra.jobs_failed);
}

#[derive(Clone, Copy)]
enum Kind {
    Gauge,
    Counter,
}

struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
        };
        self.line(format_args!("# HELP sqlite_replicate_{name} {help}"));
        self.line(format_args!("# TYPE sqlite_replicate_{name} {kind}"));
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        if labels.is_empty() {
            return self.line(format_args!("sqlite_replicate_{name} {value}"));
        }
        let labels: Vec<_> =
            labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value))).collect();
        self.line(format_args!("sqlite_replicate_{name}{{{}}} {value}", labels.join(",")));
    }

    /// A gauge for each database that has it.
    fn each(
        &mut self,
        all: &[DatabaseStatus],
        name: &str,
        help: &str,
        value: impl Fn(&DatabaseStatus) -> Option<f64>,
    ) {
        self.family(name, Kind::Gauge, help);
        for database in all {
            if let Some(value) = value(database) {
                self.sample(name, &[("database", database.name.as_str())], value);
            }
        }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing into a `String` can't fail.
        let _ = writeln!(self.0, "{line}");
    }
}

/// A label's value as the format wants it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests;
