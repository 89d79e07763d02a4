//! `cargo xtask simulate`: many thousands of failovers in one thread, from a seed.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;

use crate::command;
use crate::workspace::Workspace;

/// What `cargo xtask simulate` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Arguments for the simulator.
    #[arg(last = true)]
    arguments: Vec<OsString>,
}

/// Builds the simulator with optimisation (it is pure computing, so this pays within seconds) and runs it.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    command::run(
        workspace
            .cargo()
            .args(["run", "--release", "--package", "sqlite-replicate-failover"])
            .args(["--features", "simulator", "--bin", "simulate", "--"])
            .args(&options.arguments),
    )?;
    Ok(ExitCode::SUCCESS)
}
