//! `cargo xtask test`: every check and every test, and one last line that says how it went.
//!
//! Each check counts as one test. A run may leave nothing behind: no process and nothing in its folder for temporary
//! files; each of the two is a test as well.

mod processes;
mod suites;
mod tally;

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;
use std::{env, fs, thread};

use anyhow::{Context, Result, bail};

use crate::bundle::{self, Target};
use crate::failure::failure;
use crate::workspace::Workspace;
use crate::{command, deny, lint, repo, system_packages, ui};

use self::suites::Suites;
use self::tally::Tally;

/// What `cargo xtask test` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Leave out Clippy, `cargo deny` and the tests marked as slow (`#[ignore = "slow: …"]`).
    #[arg(long)]
    fast: bool,
    /// Only the tests of this package; may be given several times.
    #[arg(long, short)]
    package: Vec<String>,
    /// Only the tests whose name contains this; may be given several times.
    filter: Vec<String>,
}

impl Options {
    /// Whether a person asked for certain tests, so that the checks of everything else would only be in the way.
    fn is_selective(&self) -> bool {
        !self.package.is_empty() || !self.filter.is_empty()
    }
}

/// Tests run side by side unless `RUST_TEST_THREADS` says otherwise: most of them wait for real programs, so twice the
/// cores of a small machine.
const THREADS: &str = "4";

/// How long the tests may take together. One that waits for ever would otherwise use up the time of a whole run of continuous
/// integration and say nothing.
const LIMIT: Duration = Duration::from_secs(45 * 60);

/// Runs everything, always to the end, and says at the end how many passed and failed.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    if let Some(unknown) = options.package.iter().find(|name| !workspace.has_package(name)) {
        return Err(failure(
            format!("there is no package `{unknown}` here"),
            format!("the packages are {}", workspace.package_names()),
        ));
    }
    let mut tally = Tally::default();
    tally.step("system packages", || system_packages::ensure(system_packages::TEST));
    // Before anything is compiled, as the pages are part of the program.
    let pages = tally.step("pages", || ui::build(workspace));
    if !options.is_selective() {
        checks(workspace, options, &mut tally);
        if pages.is_some() {
            tally.check("the pages' types", || ui::check(workspace));
            let ran = tally.step("tests of the pages", || ui::unit_tests(workspace));
            ran.into_iter().for_each(|ran| tally.count("tests of the pages", ran.passed, ran.failing));
        }
    }
    if let Some(bundle) = tally.step("bundled programs", || bundle::ensure(Target::of_this_machine()?)) {
        // Built beforehand, so that Cargo's progress is seen and no compiler works while tests measure time.
        let built = tally.step("build", || command::run(cargo_test(workspace, options).arg("--no-run")));
        let tested = built.and_then(|()| tally.step("test run", || cargo_tests(workspace, options, &bundle)));
        if let Some(outcome) = tested {
            outcome.count(&mut tally);
        }
        if pages.is_some() && !options.is_selective() && !options.fast {
            browser_tests(workspace, &bundle, &mut tally);
        }
    }
    Ok(tally.close())
}

fn checks(workspace: &Workspace, options: &Options, tally: &mut Tally) {
    tally.check("formatting", || lint::formatting(workspace));
    for (name, check) in repo::CHECKS {
        tally.check(name, || check(workspace));
    }
    if !options.fast {
        tally.check("licences, bans and sources of dependencies", || deny::check(workspace));
        tally.check("Clippy", || lint::clippy(workspace));
    }
}

fn cargo_test(workspace: &Workspace, options: &Options) -> Command {
    let mut command = workspace.cargo();
    command.args(["test", "--no-fail-fast", "--all-features"]);
    if options.package.is_empty() {
        command.arg("--workspace");
    }
    for package in &options.package {
        command.args(["--package", package]);
    }
    command
}

/// What a `cargo test` did and left.
struct Outcome {
    suites: Suites,
    succeeded: bool,
    processes_left: Vec<String>,
    files_left: Vec<String>,
}

impl Outcome {
    fn count(self, tally: &mut Tally) {
        tally.add(self.suites, self.succeeded);
        if processes::CAN_BE_FOUND {
            tally.check("no process is left behind", || none_left("processes", &self.processes_left));
        }
        tally.check("no temporary file is left behind", || none_left("files", &self.files_left));
    }
}

fn cargo_tests(workspace: &Workspace, options: &Options, bundle: &Path) -> Result<Outcome> {
    // A short name: the path of a Unix socket inside may have 107 bytes at most.
    let folder = tempfile::Builder::new()
        .prefix("sr-test-")
        .tempdir()
        .context("could not create a folder for the tests' temporary files")?;
    let threads = env::var_os("RUST_TEST_THREADS").unwrap_or_else(|| OsString::from(THREADS));
    let mut command = cargo_test(workspace, options);
    command.arg("--").args(&options.filter);
    if !options.fast {
        command.arg("--include-ignored");
    }
    command
        // The names of test binaries are read from the output, which colours would split.
        .env("CARGO_TERM_COLOR", "never")
        .env("RUST_TEST_THREADS", threads)
        .env("SQLITE_REPLICATE_BIN_DIR", bundle)
        .env_remove("SQLITE_REPLICATE_HOME")
        .envs(["TMPDIR", "TMP", "TEMP"].map(|name| (name, folder.path())));

    let mut outcome = watch(command, LIMIT)?;
    outcome.files_left = entries(folder.path())?;
    folder.close().context("could not remove the folder for the tests' temporary files")?;
    Ok(outcome)
}

/// The pages in a browser, in front of real engines.
fn browser_tests(workspace: &Workspace, bundle: &Path, tally: &mut Tally) {
    const NAME: &str = "the pages in a browser";
    // The program itself: what `cargo test` built is only its tests.
    let built = tally
        .step("program", || command::run(workspace.cargo().args(["build", "--package", "sqlite-replicate"])));
    let run = || {
        let folder = tempfile::Builder::new().prefix("sr-ui-").tempdir()?;
        let mut browser = ui::BrowserTests::new(workspace, bundle, folder.path())?;
        let mut outcome = watch(browser.command(&[]), LIMIT)?;
        outcome.files_left = entries(folder.path())?;
        folder.close().context("could not remove the folder for the pages' temporary files")?;
        Ok((browser.ran(outcome.succeeded)?, outcome))
    };
    let Some((ran, outcome)) = built.and_then(|()| tally.step(NAME, run)) else { return };
    tally.count(NAME, ran.passed, ran.failing);
    if processes::CAN_BE_FOUND {
        tally.check("the browser and its engines are ended", || {
            none_left("processes", &outcome.processes_left)
        });
    }
    tally.check("they leave no temporary file", || none_left("files", &outcome.files_left));
}

/// Runs `command`, showing and reading its output, and ends whatever it leaves running.
fn watch(mut command: Command, limit: Duration) -> Result<Outcome> {
    eprintln!("+ {}", command::shown(&command));
    // Both streams go through one pipe: only then is each result below the name of its test binary.
    let (reader, writer) = io::pipe().context("could not open a pipe")?;
    command.stdout(writer.try_clone().context("could not open a pipe")?).stderr(writer);
    processes::adopt_orphans()?;
    let child = command.spawn().with_context(|| format!("could not start `{}`", command::shown(&command)))?;
    drop(command); // It holds the pipe's writing end.

    let output = thread::spawn(move || read_suites(reader));
    let succeeded = processes::wait(child, limit)?;
    // A process that was left behind holds the pipe, so it must be ended before the output can end.
    let processes_left = processes::end_left_behind()?;
    let suites = output.join().map_err(|_| anyhow::anyhow!("the reader of the tests' output panicked"))??;
    Ok(Outcome { suites, succeeded, processes_left, files_left: Vec::new() })
}

fn read_suites(reader: impl io::Read) -> Result<Suites> {
    let mut suites = Suites::default();
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).context("could not read the tests' output")? > 0 {
        io::stdout().lock().write_all(&line).context("could not show the tests' output")?;
        suites.read_line(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
    Ok(suites)
}

fn entries(folder: &Path) -> Result<Vec<String>> {
    fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path().display().to_string())).collect())
        .with_context(|| format!("could not read `{}`", folder.display()))
}

fn none_left(what: &str, left: &[String]) -> Result<()> {
    if !left.is_empty() {
        bail!("the tests left {} {what} behind:\n{}", left.len(), left.join("\n"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leftover_is_an_error_that_names_it() {
        none_left("files", &[]).unwrap();
        let error = none_left("files", &["/tmp/a".into()]).unwrap_err().to_string();
        assert!(error.contains("1 files") && error.contains("/tmp/a"), "{error}");
    }

    #[test]
    fn entries_lists_files_and_folders() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(entries(folder.path()).unwrap(), [""; 0]);
        fs::create_dir(folder.path().join("sub")).unwrap();
        assert_eq!(entries(folder.path()).unwrap().len(), 1);
    }

    /// Runs the test `name` again in a process of its own, and says whether this is that process. Watching waits for every
    /// child of its process, so other tests must not start theirs there.
    #[cfg(target_os = "linux")]
    fn is_alone(name: &str) -> bool {
        const ALONE: &str = "XTASK_TEST_WATCHES_ALONE";
        if env::var_os(ALONE).is_some() {
            return true;
        }
        let mut again = Command::new(env::current_exe().unwrap());
        again.args(["--exact", &format!("test::tests::{name}"), "--nocapture"]).env(ALONE, "1");
        let output = again.output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && printed.contains("1 passed"), "{printed}\n{output:?}");
        false
    }

    #[cfg(target_os = "linux")]
    fn shell(script: &str) -> Command {
        let mut command = Command::new("env");
        command.args(["-i", "PATH=/usr/bin:/bin", "sh", "-c", script]);
        command
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn watch_reads_both_streams_and_ends_an_orphan() {
        if !is_alone("watch_reads_both_streams_and_ends_an_orphan") {
            return;
        }
        let script = "echo '     Running unittests src/lib.rs (target/debug/deps/a-1)' >&2; \
            echo 'test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured'; setsid sleep 61.25 & exit 3";
        let outcome = watch(shell(script), LIMIT).unwrap();
        assert_eq!((outcome.suites.passed, outcome.suites.ignored, outcome.succeeded), (2, 1, false));
        let left = outcome.processes_left;
        assert!(left.len() == 1 && left[0].ends_with(" sleep 61.25"), "{left:?}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn watch_leaves_no_zombie_of_an_orphan_that_ended() {
        if !is_alone("watch_leaves_no_zombie_of_an_orphan_that_ended") {
            return;
        }
        let script = "(sleep 0 & echo $! >&3) 3>&1 | { read pid; sleep 0.5; test ! -e /proc/$pid; }";
        assert!(watch(shell(script), LIMIT).unwrap().succeeded);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn watch_ends_what_takes_too_long() {
        if !is_alone("watch_ends_what_takes_too_long") {
            return;
        }
        let script = "echo '     Running unittests src/lib.rs (target/debug/deps/a-1)'; sleep 62.25; true";
        let outcome = watch(shell(script), Duration::from_millis(300)).unwrap();
        assert!(!outcome.succeeded);
        assert_eq!(outcome.suites.without_result().len(), 1);
        assert_eq!(outcome.processes_left, [""; 0]);
    }
}
