//! From the types of the control API to text for people: pure functions of a value and of `now`.

#[cfg(test)]
pub(crate) mod fixtures;
mod history;
mod jobs;
mod status;
mod text;

pub(crate) use history::history;
pub(crate) use jobs::{outcome, plan, progress, stage};
pub(crate) use status::status;
pub(crate) use text::{bytes, exact, short, table};

use sqlite_replicate_api::Report;

use crate::output::Paint;

/// An error as it stands on standard error: what happened, why, what to do next.
pub(crate) fn error(report: &Report, paint: Paint) -> String {
    let mut text = format!("{} {}\n", paint.red("error:"), report.message);
    for cause in &report.causes {
        // A cause of several lines (the last words of a program) stays together.
        let cause = cause.trim_end().replace('\n', "\n             ");
        text.push_str(&format!("  {} {cause}\n", paint.dim("caused by:")));
    }
    if let Some(hint) = &report.hint {
        text.push_str(&format!("{} {hint}\n", paint.cyan("hint:")));
    }
    text
}

#[cfg(test)]
mod tests {
    use sqlite_replicate_api::ErrorCode;

    use super::*;

    #[test]
    fn an_error_says_what_why_and_what_next() {
        let mut report = Report::new(ErrorCode::NotADatabase, "`a.db` is not a SQLite database")
            .hint("look at what wrote it");
        report.causes = vec!["file is not a database".to_owned(), "it begins with:\nPK".to_owned()];
        assert_eq!(
            error(&report, Paint(false)),
            "error: `a.db` is not a SQLite database\n\
             \x20 caused by: file is not a database\n\
             \x20 caused by: it begins with:\n             PK\n\
             hint: look at what wrote it\n"
        );
        assert_eq!(
            error(&Report::new(ErrorCode::Io, "gone"), Paint(true)),
            "\u{1b}[1;31merror:\u{1b}[0m gone\n"
        );
    }
}
