//! `cargo xtask run`: the main job, built and started with one command.

use std::env;
use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::bundle::{self, Target};
use crate::workspace::Workspace;
use crate::{command, system_packages, ui};

/// What `cargo xtask run` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Arguments for `sqlite-replicate run`.
    #[arg(last = true)]
    arguments: Vec<OsString>,
}

/// Bundles, builds and becomes `sqlite-replicate run`.
///
/// The build is a debug build: the first start counts, an optimised build takes 1.6 times the work and shares nothing with the
/// tests' build, and the code that moves bytes (SQLite, compression, checksums) is optimised in debug builds as well.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    system_packages::ensure(system_packages::RUN)?;
    let bundle = bundle::ensure(Target::of_this_machine()?)?;
    // The dashboard is part of the program where it can be built; the main job needs no Node.
    if ui::node_is_there() {
        ui::build(workspace)?;
    } else {
        eprintln!("Node was not found: this program will have no dashboard");
    }
    command::run(workspace.cargo().args(["build", "--package", "sqlite-replicate"]))?;

    let mut program = Command::new(workspace.built("sqlite-replicate"));
    program.arg("run").env("SQLITE_REPLICATE_BIN_DIR", bundle);
    if names_a_home(&options.arguments, env::var_os("SQLITE_REPLICATE_HOME")) {
        program.args(&options.arguments);
    } else {
        let home = workspace.target.join("sample-home");
        eprintln!("no `--home` or `--config` given: protecting a sample database in `{}`", home.display());
        program.arg("--sample").args(&options.arguments).env("SQLITE_REPLICATE_HOME", home);
    }
    eprintln!("+ {}", command::shown(&program));
    become_program(program)
}

fn names_a_home(arguments: &[OsString], home_variable: Option<OsString>) -> bool {
    let named = arguments.iter().filter_map(|argument| argument.to_str()).any(|argument| {
        ["--home", "--config"].iter().any(|option| {
            argument.strip_prefix(option).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
        })
    });
    named || home_variable.is_some_and(|value| !value.is_empty())
}

/// On Unix the chore *becomes* the program: Ctrl-C, signals and the exit code are the program's own, and nothing stays
/// behind that could outlive it.
#[cfg(unix)]
fn become_program(mut program: Command) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    Err(program.exec()).with_context(|| format!("could not start `{}`", command::shown(&program)))
}

/// Windows has no such thing, so the chore waits. Ctrl-C reaches every program of the console; this one must survive it, to
/// wait until the other has stopped in good order.
#[cfg(windows)]
fn become_program(mut program: Command) -> Result<ExitCode> {
    ctrlc::set_handler(|| {}).context("could not take over Ctrl-C")?;
    let status =
        program.status().with_context(|| format!("could not start `{}`", command::shown(&program)))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(arguments: &[&str], variable: Option<&str>) -> bool {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        names_a_home(&arguments, variable.map(OsString::from))
    }

    #[test]
    fn a_home_is_named_by_option_or_variable() {
        assert!(
            named(&["--home", "/h"], None) && named(&["--home=/h"], None) && named(&["--config", "c"], None)
        );
        assert!(named(&[], Some("/h")));
    }

    #[test]
    fn other_arguments_leave_the_sample() {
        assert!(!named(&["--homeless", "--verbose"], None) && !named(&[], Some("")) && !named(&[], None));
    }
}
