//! Configuration: one TOML file, overridden by the environment; read, checked as a whole, edited, watched.
//!
//! What settings there are is `sqlite_replicate_api::config`; this is how their values come and go. Nothing here keeps a
//! value of its own, so a new setting is one field and one row of the table there.

mod changes;
mod databases;
mod edit;
mod environment;
mod hints;
mod read;
mod reference;
mod save;
mod spelling;
mod watch;

use sqlite_replicate_api::{ErrorCode, Report};

pub use changes::{Changes, diff};
pub use databases::file_identity;
pub use edit::{add_database, named, remove_database, set, unset};
pub use environment::{DATABASE_VARIABLE, RESERVED, Surroundings};
pub use read::{Loaded, Origin, Shown, load, parse};
pub use reference::{SAMPLE, reference, sample};
pub use save::{change, save};
pub use watch::{Observed, Watch};

/// All problems of a configuration as one: the first, with the others as hint.
pub fn as_one(problems: Vec<Report>) -> Report {
    let mut problems = problems.into_iter();
    let first =
        problems.next().unwrap_or_else(|| Report::new(ErrorCode::BadConfig, "the configuration is wrong"));
    let with_hint = |report: Report| match report.hint {
        Some(hint) => format!("{} ({hint})", report.message),
        None => report.message,
    };
    let more: Vec<String> = problems.map(with_hint).collect();
    if more.is_empty() {
        return first;
    }
    let hint = first.hint.clone().map(|hint| format!("{hint}; ")).unwrap_or_default();
    first.hint(format!("{hint}also wrong: {}", more.join("; ")))
}
