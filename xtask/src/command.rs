//! Running other programs: said before, checked after.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::failure::failure;

/// Runs `command` with our own streams; any exit code but 0 is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = shown(command);
    eprintln!("+ {line}");
    let status = command.status().map_err(|error| not_started(command, &error))?;
    if status.success() {
        return Ok(());
    }
    Err(failure(format!("`{line}` ended with {status}"), "what it printed is above"))
}

/// Runs `command` quietly and returns what it wrote to standard output; any exit code but 0 is an error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let line = shown(command);
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| not_started(command, &error))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(anyhow::anyhow!("{}", said.trim()))
            .with_context(|| format!("`{line}` ended with {}", output.status));
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{line}` printed something that is not text"))
}

/// Cargo, to be run in `folder` as a person would run it there.
pub(crate) fn cargo(folder: &Path) -> Command {
    inside_cargo(Path::new(&env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"))), folder)
}

/// `program`, which is Cargo or calls it, to be run in `folder` as a person would run it there.
///
/// `cargo xtask` is itself started by Cargo, which tells it its own package by environment variables. A nested Cargo takes
/// them for changed inputs of build scripts that watch them (`ring` does) and would build those again each time.
pub(crate) fn inside_cargo(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder);
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(belongs_to_this_package) {
            command.env_remove(name);
        }
    }
    command
}

fn belongs_to_this_package(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| variable.starts_with(start))
        || ["CARGO_BIN_NAME", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE"].contains(&variable)
}

/// The command as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_stem().unwrap_or(command.get_program());
    let mut line = program.to_string_lossy().into_owned();
    for argument in command.get_args() {
        let argument = argument.to_string_lossy();
        line.push(' ');
        if argument.is_empty() || argument.contains([' ', '"', '\'']) {
            line.push_str(&format!("{argument:?}"));
        } else {
            line.push_str(&argument);
        }
    }
    line
}

fn not_started(command: &Command, error: &io::Error) -> anyhow::Error {
    let program = command.get_program().to_string_lossy().into_owned();
    if error.kind() != io::ErrorKind::NotFound {
        return failure(
            format!("`{program}` could not be started: {error}"),
            "check that it may be executed",
        );
    }
    let hint = match program.as_str() {
        "go" => "install Go 1.26 or newer, see https://go.dev/doc/install",
        "git" => "install Git, see https://git-scm.com/downloads",
        _ => "check that it is installed and on the PATH",
    };
    failure(format!("`{program}` was not found"), hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_quotes_what_a_shell_would_split() {
        let mut command = Command::new("/usr/bin/go");
        command.args(["install", "-ldflags", "-s -w", ""]);
        assert_eq!(shown(&command), r#"go install -ldflags "-s -w" """#);
    }

    #[test]
    fn a_missing_program_is_named_with_what_to_install() {
        let error = not_started(&Command::new("go"), &io::ErrorKind::NotFound.into());
        let report = crate::failure::report(&error);
        assert!(report.contains("`go` was not found") && report.contains("hint: install Go"), "{report}");
    }

    #[test]
    fn run_fails_with_the_command_when_the_exit_code_is_not_zero() {
        let error = run(cargo(Path::new(".")).arg("--no-such-option").stderr(Stdio::null())).unwrap_err();
        assert!(error.to_string().contains("--no-such-option"), "{error}");
    }

    #[test]
    fn output_tells_what_the_program_said_when_it_failed() {
        let error = output(cargo(Path::new(".")).args(["--no-such-option"])).unwrap_err();
        assert!(format!("{error:#}").contains("unexpected argument"), "{error:#}");
    }

    #[test]
    fn cargo_forgets_which_package_started_this_chore() {
        assert!(belongs_to_this_package("CARGO_PKG_NAME") && belongs_to_this_package("CARGO_MANIFEST_DIR"));
        assert!(!belongs_to_this_package("CARGO_TARGET_DIR") && !belongs_to_this_package("CARGO_HOME"));
    }
}
