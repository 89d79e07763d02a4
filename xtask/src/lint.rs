//! Formatting and lints, the same for a person and for continuous integration.

use anyhow::{Context, Result};

use crate::command;
use crate::workspace::Workspace;

/// Formats every Rust file in place.
pub(crate) fn format(workspace: &Workspace) -> Result<()> {
    command::run(workspace.cargo().args(["fmt", "--all"]))
}

/// Fails, showing the differences, if a Rust file is not formatted.
pub(crate) fn formatting(workspace: &Workspace) -> Result<()> {
    command::run(workspace.cargo().args(["fmt", "--all", "--check"]))
        .context("some files are not formatted; `cargo xtask fmt` formats them")
}

/// Clippy over everything, each warning an error.
pub(crate) fn clippy(workspace: &Workspace) -> Result<()> {
    command::run(workspace.cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ]))
}
