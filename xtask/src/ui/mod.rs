//! `cargo xtask ui`: the pages of the dashboard (`ui`), built into `ui/dist`, from where the engine's build takes them;
//! and their tests.

mod ran;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use ring::digest::{Context as Digest, SHA256};

use crate::bundle::{self, Target};
use crate::failure::failure;
use crate::workspace::Workspace;
use crate::{command, repo, system_packages};

pub(crate) use self::ran::Ran;

/// What `cargo xtask ui` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Check and test them as well, in a browser too; arguments after `--` go to its runner.
    #[arg(long)]
    test: bool,
    /// Write the types of the control API for them anew.
    #[arg(long)]
    types: bool,
    /// Arguments for the runner of the browser's tests.
    #[arg(last = true)]
    arguments: Vec<OsString>,
}

/// What the pages are made from, with the words that they share with the program.
const SOURCES: [&str; 2] = ["ui/", "assets/i18n/"];

/// Says of which sources the built pages are. The engine's build passes over names that begin with a dot.
const STAMP: &str = "dist/.sources";

/// Says which packages are installed.
const INSTALLED: &str = "node_modules/.lock";

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    if options.types {
        let mut test = workspace.cargo();
        test.args(["test", "--package", "sqlite-replicate-api", "--lib", "typescript"]);
        command::run(test.env("SQLITE_REPLICATE_WRITE_TYPES", "1"))?;
    }
    build(workspace)?;
    if !options.test {
        return Ok(ExitCode::SUCCESS);
    }
    system_packages::ensure(system_packages::TEST)?;
    check(workspace)?;
    let mut failing = unit_tests(workspace)?.failing;
    let bundle = bundle::ensure(Target::of_this_machine()?)?;
    command::run(workspace.cargo().args(["build", "--package", "sqlite-replicate"]))?;
    let folder = tempfile::tempdir().context("could not make a folder for temporary files")?;
    let mut browser = BrowserTests::new(workspace, &bundle, folder.path())?;
    let succeeded = browser.command(&options.arguments).status().context("could not start Node")?.success();
    failing.extend(browser.ran(succeeded)?.failing);
    Ok(if failing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds the pages, unless they are built from the same sources already.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    install(workspace)?;
    let folder = workspace.root.join("ui");
    let sources = sources(workspace)?;
    if folder.join("dist/index.html").is_file() && read(&folder.join(STAMP)) == sources {
        return Ok(());
    }
    command::run(node(workspace).args(["node_modules/vite/bin/vite.js", "build", "--logLevel", "warn"]))?;
    fs::write(folder.join(STAMP), sources).context("could not write which sources the pages are built from")
}

/// Whether the pages can be built here at all.
pub(crate) fn node_is_there() -> bool {
    command::output(Command::new("node").arg("--version")).is_ok()
}

/// Types and markup, warnings being errors.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let arguments = ["node_modules/svelte-check/bin/svelte-check", "--fail-on-warnings", "--output", "human"];
    command::run(node(workspace).args(arguments))
}

/// The tests that need no browser.
pub(crate) fn unit_tests(workspace: &Workspace) -> Result<Ran> {
    let results = workspace.target.join("ui-unit.json");
    let _ = fs::remove_file(&results);
    let mut command = node(workspace);
    command.args(["node_modules/vitest/vitest.mjs", "run", "--reporter=default", "--reporter=json"]);
    command.arg(format!("--outputFile.json={}", results.display()));
    let ended = command::run(&mut command);
    ran::of_vitest(&results).and_then(|ran| ran.fitting(ended.is_ok()))
}

/// The tests that use the pages in a browser, in front of real engines.
pub(crate) struct BrowserTests {
    command: Option<Command>,
    results: PathBuf,
}

impl BrowserTests {
    /// With this bundle, and this folder for temporary files.
    pub(crate) fn new(workspace: &Workspace, bundle: &Path, folder: &Path) -> Result<Self> {
        let results = workspace.target.join("ui-test.json");
        match fs::remove_file(&results) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("could not remove `{}`", results.display()));
            }
            _ => {}
        }
        let mut command = node(workspace);
        command
            .args(["node_modules/@playwright/test/cli.js", "test"])
            .env("SQLITE_REPLICATE_PROGRAM", workspace.built("sqlite-replicate"))
            .env("SQLITE_REPLICATE_BIN_DIR", bundle)
            .env("UI_OUTPUT", &workspace.target)
            // Compiled tests, kept from one run to the next.
            .env("PWTEST_CACHE_DIR", workspace.target.join("ui-cache"))
            .envs(["TMPDIR", "TMP", "TEMP"].map(|name| (name, folder)));
        Ok(Self { command: Some(command), results })
    }

    /// The command that runs them, to be had once.
    pub(crate) fn command(&mut self, arguments: &[OsString]) -> Command {
        let mut command = self.command.take().unwrap_or_else(|| Command::new("node"));
        command.args(arguments);
        command
    }

    /// What they did, once the command has ended.
    pub(crate) fn ran(&self, succeeded: bool) -> Result<Ran> {
        ran::of_playwright(&self.results)?.fitting(succeeded)
    }
}

fn node(workspace: &Workspace) -> Command {
    let mut command = Command::new("node");
    command.current_dir(workspace.root.join("ui"));
    command
}

/// Installs what the lock file says, unless it is there.
fn install(workspace: &Workspace) -> Result<()> {
    if !node_is_there() {
        return Err(failure("`node` was not found", "install Node 20.19 or newer, see https://nodejs.org"));
    }
    let folder = workspace.root.join("ui");
    let lock = read(&folder.join("package-lock.json"));
    if read(&folder.join(INSTALLED)) == lock {
        return Ok(());
    }
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    // No package needs a script of its own to be installed, so none may run one.
    command::run(Command::new(npm).args(["ci", "--ignore-scripts"]).current_dir(&folder))?;
    fs::write(folder.join(INSTALLED), lock).context("could not write which packages are installed")
}

/// A checksum over everything that the pages are made from.
fn sources(workspace: &Workspace) -> Result<String> {
    let mut digest = Digest::new(&SHA256);
    for file in repo::files(&workspace.root)? {
        let name = file.to_string_lossy().replace('\\', "/");
        let counts = SOURCES.iter().any(|folder| name.starts_with(folder)) && !name.starts_with("ui/e2e/");
        if counts {
            let bytes =
                fs::read(workspace.root.join(&file)).with_context(|| format!("could not read `{name}`"))?;
            digest.update(format!("{name} {}\n", bytes.len()).as_bytes());
            digest.update(&bytes);
        }
    }
    Ok(digest.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A text that may not be there.
fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_are_built_anew_when_a_word_changes() {
        let folder = tempfile::tempdir().unwrap();
        command::run(Command::new("git").args(["init", "--quiet"]).current_dir(folder.path())).unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
            let mut workspace = Workspace::find().unwrap();
            workspace.root = folder.path().to_owned();
            sources(&workspace).unwrap()
        };
        let first = write("ui/src/a.ts", "a");
        assert_eq!(write("ui/e2e/a.spec.ts", "a"), first);
        assert_eq!(write("crates/a.rs", "a"), first);
        let words = write("assets/i18n/en.json", "{}");
        assert_ne!(words, first);
        assert_ne!(write("ui/src/a.ts", "b"), words);
    }
}
