//! `cargo xtask test`: every check and every test, and one last line that says how it went.
//!
//! Each check counts as one test. A run may leave nothing behind: no process and nothing in its folder for temporary
//! files; each of the two is a test as well.

mod processes;
mod suites;
mod tally;

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs, thread};

use anyhow::{Context, Result, bail};

use crate::bundle::{self, Target};
use crate::workspace::Workspace;
use crate::{command, deny, lint, repo, system_packages};

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

/// Runs everything, always to the end, and says at the end how many passed and failed.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let mut tally = Tally::default();
    if !options.is_selective() {
        tally.check("formatting", || lint::formatting(workspace));
        for (name, check) in repo::CHECKS {
            tally.check(name, || check(workspace));
        }
        if !options.fast {
            tally.check("licences, bans and sources of dependencies", || deny::check(workspace));
            tally.check("Clippy", || lint::clippy(workspace));
        }
    }
    let mut ready = None;
    tally.setup("set-up of the tests", || {
        ready = Some(prepare(workspace, options)?);
        Ok(())
    });
    if let Some(bundle) = ready {
        cargo_tests(workspace, options, &bundle, &mut tally)?;
    }
    Ok(tally.close())
}

/// Installs, bundles and builds all that the tests need, so that none of it happens while they run.
fn prepare(workspace: &Workspace, options: &Options) -> Result<PathBuf> {
    system_packages::ensure(system_packages::TEST)?;
    let bundle = bundle::ensure(Target::of_this_machine()?)?;
    command::run(cargo_test(workspace, options).arg("--no-run"))?;
    Ok(bundle)
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

fn cargo_tests(workspace: &Workspace, options: &Options, bundle: &Path, tally: &mut Tally) -> Result<()> {
    let folder = tempfile::Builder::new()
        .prefix("sqlite-replicate-test-")
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

    let (suites, succeeded, left_behind) = watch(command)?;
    tally.add(suites, succeeded);
    if processes::CAN_BE_FOUND {
        tally.check("no process is left behind", || none_left("processes", &left_behind?));
    }
    tally.check("no temporary file is left behind", || none_left("files", &entries(folder.path())?));
    folder.close().context("could not remove the folder for the tests' temporary files")
}

/// Runs `command`, showing and reading its output; returns its suites, whether it succeeded, and which processes it left.
fn watch(mut command: Command) -> Result<(Suites, bool, Result<Vec<String>>)> {
    eprintln!("+ {}", command::shown(&command));
    // Both streams go through one pipe: only then is each result below the name of its test binary.
    let (reader, writer) = io::pipe().context("could not open a pipe")?;
    command.stdout(writer.try_clone().context("could not open a pipe")?).stderr(writer);
    processes::adopt_orphans()?;
    let child = command.spawn().with_context(|| format!("could not start `{}`", command::shown(&command)))?;
    drop(command); // It holds the pipe's writing end.

    let output = thread::spawn(move || read_suites(reader));
    let succeeded = processes::wait(child)?;
    // A process that was left behind holds the pipe, so it must be ended before the output can end.
    let left_behind = processes::end_left_behind();
    let suites = output.join().map_err(|_| anyhow::anyhow!("the reader of the tests' output panicked"))??;
    Ok((suites, succeeded, left_behind))
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

    /// Watching waits for every child of the process, those of other tests included, so it needs a process of its own.
    #[cfg(target_os = "linux")]
    #[test]
    fn watch_reads_both_streams_and_ends_an_orphan() {
        const ALONE: &str = "XTASK_TEST_WATCHES_ALONE";
        if env::var_os(ALONE).is_none() {
            let name = "test::tests::watch_reads_both_streams_and_ends_an_orphan";
            let output = Command::new(env::current_exe().unwrap())
                .args(["--exact", name, "--nocapture"])
                .env(ALONE, "1")
                .output()
                .unwrap();
            let printed = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success() && printed.contains("1 passed"), "{printed}\n{output:?}");
            return;
        }
        let script = "echo '     Running unittests src/lib.rs (target/debug/deps/a-1)' >&2; \
            echo 'test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured'; setsid sleep 61.25 & exit 3";
        let (suites, succeeded, left_behind) = watch({
            let mut command = Command::new("env");
            command.args(["-i", "PATH=/usr/bin:/bin", "sh", "-c", script]);
            command
        })
        .unwrap();
        assert_eq!((suites.passed, suites.ignored, succeeded), (2, 1, false));
        let left_behind = left_behind.unwrap();
        assert!(left_behind.len() == 1 && left_behind[0].ends_with(" sleep 61.25"), "{left_behind:?}");
    }
}
