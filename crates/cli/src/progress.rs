//! How far a long operation is: a bar on a terminal, JSON lines for programs, one line a stage for logs.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use sqlite_replicate_api::{Progress, Stage};

use crate::output::{Done, End, Output};
use crate::render;

/// Where the end of a stage can be seen.
const KNOWN: &str = "{prefix:>12} [{bar:20}] {percent:>3} %  {wide_msg}";
/// Where it can't.
const UNKNOWN: &str = "{prefix:>12} {spinner} {wide_msg}";

/// Shows the progress of one operation.
pub(crate) struct Meter<'a> {
    output: &'a Output,
    bar: Option<ProgressBar>,
    shown: Mutex<Shown>,
}

#[derive(Default)]
struct Shown {
    stage: Option<Stage>,
    total: Option<u64>,
    /// The first line that could not be written: the operation goes on, and the command says so at its end.
    lost: Option<End>,
}

impl<'a> Meter<'a> {
    /// Begins.
    pub(crate) fn new(output: &'a Output) -> Self {
        let bar = output.bars().then(|| {
            let bar = ProgressBar::new_spinner();
            // It shows that it is alive where the operation itself has nothing to say for a while.
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { output, bar, shown: Mutex::default() }
    }

    /// Shows how far it is.
    pub(crate) fn show(&self, progress: &Progress) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = shown.stage != Some(progress.stage);
        let restyled = begins || shown.total.is_some() != progress.total.is_some();
        (shown.stage, shown.total) = (Some(progress.stage), progress.total);
        if self.output.json() {
            if shown.lost.is_none() {
                shown.lost = self.output.object(&json!({ "progress": progress })).err();
            }
        } else if let Some(bar) = &self.bar {
            draw(bar, progress, restyled);
        } else if begins {
            self.output.note(render::stage(progress.stage));
        }
    }

    /// Says something above the bar.
    pub(crate) fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.output.note(text)),
            None => self.output.note(text),
        }
    }

    /// Takes the bar away; fails if a line could not be written.
    pub(crate) fn end(self) -> Done {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.lost.take().map_or(Ok(()), Err)
    }
}

impl Drop for Meter<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn draw(bar: &ProgressBar, progress: &Progress, restyled: bool) {
    if restyled {
        if let Some(style) = style(if progress.total.is_some() { KNOWN } else { UNKNOWN }) {
            bar.set_style(style);
        }
        bar.set_prefix(render::stage(progress.stage));
    }
    if let Some(total) = progress.total {
        bar.set_length(total);
    }
    bar.set_position(progress.done);
    bar.set_message(render::progress(progress));
}

fn style(template: &str) -> Option<ProgressStyle> {
    ProgressStyle::with_template(template).ok().map(|style| style.progress_chars("=> "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::testing::{Gone, Kept, output};

    fn at(stage: Stage, done: u64) -> Progress {
        Progress { stage, done, total: Some(100), rate: 0.0, seconds_left: None }
    }

    #[test]
    fn the_bars_can_be_drawn() {
        assert!(style(KNOWN).is_some() && style(UNKNOWN).is_some());
    }

    #[test]
    fn logs_get_one_line_a_stage() {
        let words = Kept::default();
        let out = output(Kept::default(), words.clone(), false);
        let meter = Meter::new(&out);
        for (stage, done) in [(Stage::Downloading, 1), (Stage::Downloading, 2), (Stage::Checking, 0)] {
            meter.show(&at(stage, done));
        }
        meter.end().unwrap();
        assert_eq!(words.text(), "downloading\nchecking\n");
    }

    #[test]
    fn programs_get_every_report() {
        let results = Kept::default();
        let out = output(results.clone(), Kept::default(), true);
        let meter = Meter::new(&out);
        meter.show(&at(Stage::Downloading, 1));
        meter.end().unwrap();
        let line = "{\"progress\":{\"done\":1,\"rate\":0.0,\"seconds_left\":null,\"stage\":\"downloading\",\
                    \"total\":100}}\n";
        assert_eq!(results.text(), line);
    }

    #[test]
    fn an_operation_goes_on_when_nobody_reads() {
        let out = output(Gone, Gone, true);
        let meter = Meter::new(&out);
        meter.show(&at(Stage::Downloading, 1));
        meter.show(&at(Stage::Downloading, 2));
        assert!(matches!(meter.end(), Err(End::ReaderGone)));
    }
}
