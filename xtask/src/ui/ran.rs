//! Reads what the runners of the pages' tests wrote: how many passed, which failed.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// What a runner did.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) passed: usize,
    /// The names of those that failed; one that was left out counts as failed.
    pub(crate) failing: Vec<String>,
}

impl Ran {
    /// Itself, if it fits how the runner ended.
    pub(super) fn fitting(self, succeeded: bool) -> Result<Self> {
        if self.passed == 0 && self.failing.is_empty() {
            bail!("no test ran");
        }
        if !succeeded && self.failing.is_empty() {
            bail!("the runner failed, though no test did");
        }
        Ok(self)
    }

    fn add(&mut self, name: &str, passed: bool) {
        if passed { self.passed += 1 } else { self.failing.push(name.to_owned()) }
    }
}

/// The results of Vitest.
pub(super) fn of_vitest(path: &Path) -> Result<Ran> {
    let results = read(path)?;
    let mut ran = Ran::default();
    for file in items(&results["testResults"]) {
        let name = file["name"].as_str().unwrap_or_default();
        for test in items(&file["assertionResults"]) {
            ran.add(test["fullName"].as_str().unwrap_or(name), test["status"] == "passed");
        }
        // A file that could not even be read has no tests to fail.
        if items(&file["assertionResults"]).is_empty() {
            ran.add(name, false);
        }
    }
    Ok(ran)
}

/// The results of Playwright.
pub(super) fn of_playwright(path: &Path) -> Result<Ran> {
    let results = read(path)?;
    let mut ran = Ran::default();
    for error in items(&results["errors"]) {
        ran.add(error["message"].as_str().unwrap_or("an error outside of tests"), false);
    }
    suites(&results["suites"], &mut ran);
    Ok(ran)
}

fn suites(list: &Value, ran: &mut Ran) {
    for suite in items(list) {
        suites(&suite["suites"], ran);
        for spec in items(&suite["specs"]) {
            let title = spec["title"].as_str().unwrap_or_default();
            for test in items(&spec["tests"]) {
                ran.add(title, test["status"] == "expected");
            }
        }
    }
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn read(path: &Path) -> Result<Value> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("the runner left no results in `{}`", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("`{}` is not valid JSON", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        file
    }

    fn ran(passed: usize, failing: &[&str]) -> Ran {
        Ran { passed, failing: failing.iter().map(|name| (*name).to_owned()).collect() }
    }

    #[test]
    fn vitest_is_understood() {
        let text = r#"{"testResults":[{"name":"a.test.ts","assertionResults":[
            {"fullName":"one","status":"passed"},{"fullName":"two","status":"failed"},{"fullName":"three","status":"skipped"}]},
            {"name":"b.test.ts","assertionResults":[]}]}"#;
        assert_eq!(of_vitest(file(text).path()).unwrap(), ran(1, &["two", "three", "b.test.ts"]));
    }

    #[test]
    fn playwright_is_understood_with_its_folders() {
        let text = r#"{"errors":[{"message":"broken"}],"suites":[{"specs":[{"title":"one","tests":[{"status":"expected"}]}],
            "suites":[{"specs":[{"title":"two","tests":[{"status":"unexpected"}]},{"title":"three","tests":[{"status":"skipped"}]}]}]}]}"#;
        assert_eq!(of_playwright(file(text).path()).unwrap(), ran(1, &["broken", "two", "three"]));
    }

    #[test]
    fn what_can_not_be_right_is_an_error() {
        assert!(ran(0, &[]).fitting(true).is_err());
        assert!(ran(1, &[]).fitting(false).is_err());
        assert!(ran(1, &["two"]).fitting(false).is_ok() && ran(1, &[]).fitting(true).is_ok());
        assert!(of_vitest(Path::new("/nowhere.json")).is_err());
    }
}
