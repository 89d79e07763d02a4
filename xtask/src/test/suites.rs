//! Reading what `cargo test` prints: which test binaries ran, and how many of their tests passed.

/// The sums over all test binaries that were seen.
#[derive(Default, Debug)]
pub(super) struct Suites {
    /// Tests that passed.
    pub(super) passed: usize,
    /// Tests that failed.
    pub(super) failed: usize,
    /// Tests that were left out because they are marked so.
    pub(super) ignored: usize,
    /// The names of the tests that failed, with their test binary.
    pub(super) failing: Vec<String>,
    silent: Vec<String>,
    current: Option<String>,
    /// The one before, since documentation tests print several results.
    last: Option<String>,
}

impl Suites {
    /// Takes in one line of the output, standard output and standard error being one stream.
    pub(super) fn read_line(&mut self, line: &str) {
        if let Some(name) = suite_started(line) {
            self.silent.extend(self.current.replace(name));
        } else if let Some((passed, failed, ignored)) = result(line) {
            self.last = self.current.take().or(self.last.take());
            self.passed += passed;
            self.failed += failed;
            self.ignored += ignored;
        } else if let Some(test) = failed_test(line) {
            let suite = self.current.as_ref().or(self.last.as_ref());
            self.failing
                .push(format!("{test} in {}", suite.map_or("an unknown test binary", String::as_str)));
        }
    }

    /// Test binaries that started and never said how they ended: crashed, killed, or left by `exit`, which Cargo would take
    /// for success.
    pub(super) fn without_result(&self) -> Vec<&str> {
        self.silent.iter().chain(&self.current).map(String::as_str).collect()
    }
}

fn suite_started(line: &str) -> Option<String> {
    if let Some(binary) = line.strip_prefix("     Running ").filter(|binary| binary.ends_with(')')) {
        return Some(binary.to_owned());
    }
    line.strip_prefix("   Doc-tests ").map(|package| format!("documentation of {package}"))
}

/// The name in `test some::name ... FAILED`.
fn failed_test(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED")
}

/// The numbers of `test result: ok. 3 passed; 1 failed; 0 ignored; …`. A child that wrote its last words without a line
/// break can stand before it.
fn result(line: &str) -> Option<(usize, usize, usize)> {
    let (_, rest) = line.rsplit_once("test result: ")?;
    let (_, counts) = rest.split_once(". ")?;
    let count = |name: &str| {
        counts.split("; ").find_map(|part| part.strip_suffix(name)?.trim_end().parse::<usize>().ok())
    };
    Some((count("passed")?, count("failed")?, count("ignored")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: &str =
        "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.00s";
    const BAD: &str =
        "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s";
    const FIRST: &str = "     Running unittests src/lib.rs (target/debug/deps/first-0a1b)";
    const SECOND: &str = "     Running tests/second.rs (target/debug/deps/second-0a1b)";

    fn read(lines: &[&str]) -> Suites {
        let mut suites = Suites::default();
        lines.iter().for_each(|line| suites.read_line(line));
        suites
    }

    #[test]
    fn results_are_added_up() {
        let suites =
            read(&[FIRST, "", "running 3 tests", "test a ... ok", OK, SECOND, "test b::c ... FAILED", BAD]);
        assert_eq!((suites.passed, suites.failed, suites.ignored), (4, 2, 1));
        assert_eq!(suites.failing, ["b::c in tests/second.rs (target/debug/deps/second-0a1b)"]);
        assert!(suites.without_result().is_empty());
    }

    #[test]
    fn a_binary_without_result_is_named_in_the_middle_and_at_the_end() {
        let suites = read(&[FIRST, "running 3 tests", SECOND, "running 1 test"]);
        assert_eq!(
            suites.without_result(),
            [
                "unittests src/lib.rs (target/debug/deps/first-0a1b)",
                "tests/second.rs (target/debug/deps/second-0a1b)"
            ]
        );
    }

    #[test]
    fn documentation_may_have_several_results_under_one_name() {
        let suites = read(&["   Doc-tests engine", OK, OK]);
        assert_eq!(suites.passed, 6);
        assert!(suites.without_result().is_empty());
    }

    #[test]
    fn a_result_after_unfinished_output_counts() {
        assert_eq!(read(&[FIRST, &format!("last words{OK}")]).passed, 3);
    }

    #[test]
    fn what_only_looks_like_a_result_does_not_count() {
        let suites = read(&["test result: ok", "test result: ok. many passed", "     Running out of time"]);
        assert_eq!((suites.passed, suites.failed), (0, 0));
        assert!(suites.without_result().is_empty());
    }
}
