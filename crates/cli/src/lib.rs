//! The command line of SQLite Replicate, and the sample program that examples and tests let write to a database.

mod args;
mod commands;
mod confirm;
mod engine_calls;
mod files;
mod home;
mod interrupt;
mod live;
mod output;
mod progress;
mod render;
pub mod sample_app;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use sqlite_replicate_api::{ErrorCode, Report};

use crate::args::{Cli, Color};
use crate::output::{End, Output};

/// What the program does, from its arguments to its exit code.
pub fn main() -> ExitCode {
    // First of all: the engine starts this very program in other roles, which know nothing of commands.
    if let Some(code) = engine_calls::run_if_asked() {
        return code;
    }
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return misread(&error, &arguments),
    };
    let output = Output::standard(cli.global.json, cli.global.quiet, cli.global.color);
    let end = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(commands::run(cli, &output)),
        Err(error) => {
            Err(Report::new(ErrorCode::Internal, "the program can't start its threads").because(error).into())
        }
    };
    ExitCode::from(match end {
        // Whoever read our output has all it wanted.
        Ok(()) | Err(End::ReaderGone) => 0,
        Err(End::Code(code)) => code,
        Err(End::Failed(report)) => failed(&output, &[report]),
        Err(End::FailedAll(reports)) => failed(&output, &reports),
    })
}

/// Says what went wrong; the first thing decides about the exit code.
fn failed(output: &Output, reports: &[Report]) -> u8 {
    for report in reports {
        output.error(report);
    }
    reports.first().map_or(ErrorCode::Internal, |report| report.code).exit_code()
}

/// Help and version, or a command line that can't be understood.
fn misread(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    let asked_for = matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    if asked_for || !arguments.iter().any(|argument| argument == "--json") {
        // There is nowhere left to say that standard output or error is gone.
        let _ = error.print();
        return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
    }
    let report = args::report(error);
    Output::standard(true, false, Color::Never).error(&report);
    ExitCode::from(report.code.exit_code())
}
