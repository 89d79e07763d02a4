//! The little process that becomes a bundled program: it first asks the system to end it together with the engine.
//!
//! On Linux the request belongs to a process and survives `exec`, so this needs no code between fork and exec. On
//! Windows the Job Object does the same and this is not used.

use std::ffi::OsString;
use std::process::ExitCode;

/// The exit code when the program could not be started, so that the engine can tell it from the program's own.
pub(crate) const NOT_STARTED: u8 = 127;

/// `__child PARENT PROGRAM ARGUMENT…`
#[cfg(unix)]
pub(crate) fn run(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    use std::os::unix::process::CommandExt;

    let parent = arguments.next().and_then(|pid| pid.to_str()?.parse::<i32>().ok());
    let Some(program) = arguments.next() else { return ExitCode::from(NOT_STARTED) };
    #[cfg(target_os = "linux")]
    {
        let signal = Some(rustix::process::Signal::KILL);
        if rustix::process::set_parent_process_death_signal(signal).is_err() {
            return ExitCode::from(NOT_STARTED);
        }
        // The engine may have died before the request: then nobody would ever end this process.
        let now = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get());
        if parent.is_none() || now != parent {
            return ExitCode::from(NOT_STARTED);
        }
    }
    let error = std::process::Command::new(&program).args(arguments).exec();
    #[allow(clippy::print_stderr)] // Read by the engine, which shows it as the reason.
    {
        eprintln!("`{}` can't be started: {error}", program.display());
    }
    ExitCode::from(NOT_STARTED)
}

/// Not used on Windows: see the top of this file.
#[cfg(not(unix))]
pub(crate) fn run(_arguments: impl Iterator<Item = OsString>) -> ExitCode {
    ExitCode::from(NOT_STARTED)
}
