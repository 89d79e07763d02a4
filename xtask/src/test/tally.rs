//! The count of what passed and failed, and the words at the end.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;

use crate::failure;

use super::suites::Suites;

/// What passed and failed so far.
#[derive(Default)]
pub(super) struct Tally {
    passed: usize,
    failed: usize,
    left_out: usize,
    failures: Vec<String>,
}

impl Tally {
    /// Runs one check and counts it as one test.
    pub(super) fn check(&mut self, name: &str, check: impl FnOnce() -> Result<()>) {
        if self.carry_out(name, check, "ok").is_some() {
            self.passed += 1;
        }
    }

    /// Runs what is no test: only its failure counts. Returns what it made.
    pub(super) fn step<T>(&mut self, name: &str, step: impl FnOnce() -> Result<T>) -> Option<T> {
        self.carry_out(name, step, "done")
    }

    fn carry_out<T>(&mut self, name: &str, step: impl FnOnce() -> Result<T>, word: &str) -> Option<T> {
        eprintln!("\n== {name}");
        let started = Instant::now();
        let result = step();
        let seconds = started.elapsed().as_secs_f32();
        match result {
            Ok(made) => {
                eprintln!("== {name}: {word} ({seconds:.1} s)");
                Some(made)
            }
            Err(error) => {
                self.fail(name, &failure::report(&error));
                None
            }
        }
    }

    /// Counts the tests of a `cargo test`, and every sign that it did not do what it says.
    pub(super) fn add(&mut self, suites: Suites, succeeded: bool) {
        if suites.passed + suites.failed == 0 {
            self.fail("tests", "no test ran");
        }
        for suite in suites.without_result() {
            self.fail(suite, "it ended without a result: crashed, killed, or left by `exit`");
        }
        if !succeeded && suites.failed == 0 && self.failures.is_empty() {
            self.fail("tests", "`cargo test` failed, though no test did");
        }
        self.passed += suites.passed;
        self.failed += suites.failed;
        self.left_out += suites.ignored;
        self.failures.extend(suites.failing);
    }

    /// Counts tests that another runner ran.
    pub(super) fn count(&mut self, name: &str, passed: usize, failing: Vec<String>) {
        if passed + failing.len() == 0 {
            self.fail(name, "no test ran");
        }
        self.passed += passed;
        self.failed += failing.len();
        self.failures.extend(failing);
    }

    fn fail(&mut self, name: &str, why: &str) {
        eprintln!("== {name}: FAILED\n{why}");
        self.failed += 1;
        self.failures.push(name.to_owned());
    }

    /// Prints the summary, the plain line last, and returns the exit code: 0 only if something ran and nothing failed.
    pub(super) fn close(mut self) -> ExitCode {
        if self.passed + self.failed == 0 {
            self.fail("tests", "nothing ran");
        }
        eprintln!();
        for failure in &self.failures {
            eprintln!("failed: {failure}");
        }
        if self.left_out > 0 {
            eprintln!("{} slow tests were left out", self.left_out);
        }
        println!("{}", self.last_line());
        if self.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn last_line(&self) -> String {
        format!("{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suites(lines: &[&str]) -> Suites {
        let mut suites = Suites::default();
        lines.iter().for_each(|line| suites.read_line(line));
        suites
    }

    const HEADER: &str = "     Running unittests src/lib.rs (target/debug/deps/a-1)";
    const OK: &str =
        "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0s";
    const BAD: &str =
        "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0s";

    fn line_of(lines: &[&str], succeeded: bool) -> String {
        let mut tally = Tally::default();
        tally.add(suites(lines), succeeded);
        tally.last_line()
    }

    #[test]
    fn checks_and_tests_are_counted_together() {
        let mut tally = Tally::default();
        tally.check("good", || Ok(()));
        tally.check("bad", || Err(anyhow::anyhow!("broken")));
        assert_eq!(tally.step("done", || Ok(5)), Some(5));
        tally.add(suites(&[HEADER, OK]), true);
        assert_eq!(tally.last_line(), "4 passed, 1 failed");
        assert_eq!(tally.failures, ["bad"]);
        assert_eq!(tally.close(), ExitCode::FAILURE);
    }

    #[test]
    fn all_good_exits_with_0() {
        let mut tally = Tally::default();
        tally.add(suites(&[HEADER, OK]), true);
        assert_eq!(tally.close(), ExitCode::SUCCESS);
    }

    #[test]
    fn failed_tests_are_counted_once() {
        assert_eq!(line_of(&[HEADER, BAD], false), "1 passed, 2 failed");
    }

    #[test]
    fn no_test_at_all_is_a_failure() {
        assert_eq!(line_of(&[], true), "0 passed, 1 failed");
        assert_eq!(Tally::default().close(), ExitCode::FAILURE);
    }

    #[test]
    fn a_failure_of_cargo_itself_is_a_failure() {
        assert_eq!(line_of(&[HEADER, OK], false), "3 passed, 1 failed");
    }

    #[test]
    fn a_binary_that_ends_without_result_is_a_failure_even_if_cargo_is_content() {
        assert_eq!(line_of(&[HEADER, OK, HEADER], true), "3 passed, 1 failed");
    }

    #[test]
    fn a_failed_step_is_a_failure() {
        let mut tally = Tally::default();
        assert_eq!(tally.step("bundle", || Err::<(), _>(anyhow::anyhow!("no Go"))), None);
        assert_eq!(tally.last_line(), "0 passed, 1 failed");
    }
}
