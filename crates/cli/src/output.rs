//! Where everything that this program says goes: results to standard output, the rest to standard error; with `--json`
//! everything to standard output, one object a line.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use console::Term;
use serde::Serialize;
use serde_json::json;
use sqlite_replicate_api::{ErrorCode, Report};

use crate::args::Color;
use crate::render;

/// Why a command ends other than well.
#[derive(Debug)]
pub(crate) enum End {
    /// It failed.
    Failed(Report),
    /// Several things are wrong at once, as in a configuration.
    FailedAll(Vec<Report>),
    /// Nobody reads its output any more (`… | head`), which is nothing to complain about.
    ReaderGone,
    /// A program that it ran in its place ended with this code.
    Code(u8),
}

impl From<Report> for End {
    fn from(report: Report) -> Self {
        Self::Failed(report)
    }
}

impl From<Vec<Report>> for End {
    fn from(reports: Vec<Report>) -> Self {
        Self::FailedAll(reports)
    }
}

/// What a command returns.
pub(crate) type Done<T = ()> = Result<T, End>;

/// The colours of a text, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Paint(pub(crate) bool);

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.with("1;31", text)
    }

    pub(crate) fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }

    pub(crate) fn cyan(self, text: &str) -> String {
        self.with("36", text)
    }
}

/// One side of the program's output.
struct Side {
    to: Mutex<Box<dyn Write + Send>>,
    paint: Paint,
    terminal: bool,
}

impl Side {
    fn lock(&self) -> MutexGuard<'_, Box<dyn Write + Send>> {
        // Whoever panicked while writing left at worst half a line.
        self.to.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, text: &str) -> io::Result<()> {
        let mut to = self.lock();
        to.write_all(text.as_bytes())?;
        to.flush()
    }
}

/// Where everything that this program says goes.
pub(crate) struct Output {
    results: Side,
    words: Side,
    json: bool,
    quiet: bool,
}

impl Output {
    /// The process's own.
    pub(crate) fn standard(json: bool, quiet: bool, color: Color) -> Self {
        let side = |to: Box<dyn Write + Send>, terminal: bool, term: &Term| {
            let on = match color {
                Color::Always => true,
                Color::Never => false,
                // Asks for NO_COLOR as well, and switches colours on in a Windows console.
                Color::Auto => terminal && term.features().colors_supported(),
            };
            Side { to: Mutex::new(to), paint: Paint(on && !json), terminal }
        };
        Self {
            results: side(Box::new(io::stdout()), io::stdout().is_terminal(), &Term::stdout()),
            words: side(Box::new(io::stderr()), io::stderr().is_terminal(), &Term::stderr()),
            json,
            quiet,
        }
    }

    /// Whether JSON is wanted.
    pub(crate) fn json(&self) -> bool {
        self.json
    }

    /// Whether only results and errors are wanted.
    pub(crate) fn quiet(&self) -> bool {
        self.quiet
    }

    /// Whether somebody sits before the results, so that a screen can be redrawn.
    pub(crate) fn live(&self) -> bool {
        self.results.terminal
            && !self.json
            && !self.quiet
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
    }

    /// Whether somebody sits before standard error, so that a bar can be drawn.
    pub(crate) fn bars(&self) -> bool {
        self.words.terminal && !self.json && !self.quiet
    }

    /// The colours of results.
    pub(crate) fn paint(&self) -> Paint {
        self.results.paint
    }

    /// The columns of the terminal; 80 where there is none.
    pub(crate) fn width(&self) -> usize {
        if !self.results.terminal {
            return 80;
        }
        Term::stdout().size_checked().map_or(80, |(_, columns)| usize::from(columns))
    }

    /// A result: an object for programs, a text for people.
    pub(crate) fn result(&self, value: &impl Serialize, text: impl FnOnce(Paint) -> String) -> Done {
        if self.json { self.object(value) } else { self.text(&text(self.results.paint)) }
    }

    /// A text, ended with a line break.
    pub(crate) fn text(&self, text: &str) -> Done {
        let ended = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        self.raw(&format!("{text}{ended}"))
    }

    /// A text as it is.
    pub(crate) fn raw(&self, text: &str) -> Done {
        self.results.write(text).map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => End::ReaderGone,
            _ => Report::new(ErrorCode::Io, "the result can't be written to standard output")
                .because(error)
                .into(),
        })
    }

    /// One object on a line of its own.
    pub(crate) fn object(&self, value: &impl Serialize) -> Done {
        let line = serde_json::to_string(value).map_err(|error| {
            Report::new(ErrorCode::Internal, "a result can't be written as JSON").because(error)
        })?;
        self.text(&line)
    }

    /// A word by the way, for people; nothing with `--quiet` or `--json`.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet && !self.json {
            // A word by the way is worth no failure.
            let _ = self.words.write(&format!("{text}\n"));
        }
    }

    /// A question to a person: its answer is waited for on the same line.
    pub(crate) fn ask(&self, text: &str) -> Done {
        self.words
            .write(text)
            .map_err(|error| Report::new(ErrorCode::Io, "a question can't be asked").because(error).into())
    }

    /// What went wrong.
    pub(crate) fn error(&self, report: &Report) {
        // There is nowhere left to say that this could not be said; the exit code says it all the same.
        if self.json {
            let _ = self.object(&json!({ "error": report }));
        } else {
            let _ = self.words.write(&render::error(report, self.words.paint));
        }
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! An output that a test reads back.

    use std::sync::Arc;

    use super::*;

    /// What was written.
    #[derive(Clone, Default)]
    pub(crate) struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Kept {
        /// As text.
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A pipe whose reader is gone.
    pub(crate) struct Gone;

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// An output to two writers without terminal and colours.
    pub(crate) fn output(
        results: impl Write + Send + 'static,
        words: impl Write + Send + 'static,
        json: bool,
    ) -> Output {
        let side =
            |to: Box<dyn Write + Send>| Side { to: Mutex::new(to), paint: Paint(false), terminal: false };
        Output { results: side(Box::new(results)), words: side(Box::new(words)), json, quiet: false }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{Gone, Kept, output};
    use super::*;

    #[test]
    fn results_and_words_go_their_own_ways() {
        let (results, words) = (Kept::default(), Kept::default());
        let out = output(results.clone(), words.clone(), false);
        out.result(&json!({ "a": 1 }), |_| "one".to_owned()).unwrap();
        out.note("by the way");
        out.error(&Report::new(ErrorCode::Io, "`a.db` can't be read"));
        assert_eq!(results.text(), "one\n");
        assert_eq!(words.text(), "by the way\nerror: `a.db` can't be read\n");
    }

    #[test]
    fn with_json_everything_is_one_object_a_line_on_standard_output() {
        let (results, words) = (Kept::default(), Kept::default());
        let out = output(results.clone(), words.clone(), true);
        out.result(&json!({ "a": "x\ny" }), |_| unreachable!()).unwrap();
        out.note("by the way");
        out.error(&Report::new(ErrorCode::Busy, "not now"));
        assert_eq!(
            results.text(),
            "{\"a\":\"x\\ny\"}\n{\"error\":{\"code\":\"busy\",\"message\":\"not now\"}}\n"
        );
        assert_eq!(words.text(), "");
    }

    #[test]
    fn a_reader_that_is_gone_is_no_failure_and_no_panic() {
        let out = output(Gone, Gone, true);
        assert!(matches!(out.text("one"), Err(End::ReaderGone)));
        out.error(&Report::new(ErrorCode::Io, "lost"));
        let out = output(Gone, Gone, false);
        out.note("lost");
        out.error(&Report::new(ErrorCode::Io, "lost"));
    }
}
