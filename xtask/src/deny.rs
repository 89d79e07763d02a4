//! `cargo deny`: licences, banned crates and sources of all dependencies, by the rules in `deny.toml`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::workspace::Workspace;
use crate::{cache, command};

/// The version that is installed; its rules file has the same form for all of 0.20.
const VERSION: &str = "0.20.2";

/// Fails if a dependency breaks a rule. The advisories are not asked: their database needs a network that a build has not.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let deny = installed(workspace)?;
    command::run(workspace.cargo().args(["fetch", "--quiet"]))?;
    let mut command = command::inside_cargo(&deny, &workspace.root);
    command.args(["--offline", "--workspace", "--all-features", "check", "licenses", "bans", "sources"]);
    command::run(&mut command).context("a dependency breaks a rule of `deny.toml`")
}

/// The installed `cargo-deny`, built on first use.
///
/// Without optimisation: that builds in under a minute instead of several, and a check still takes a second.
fn installed(workspace: &Workspace) -> Result<PathBuf> {
    let tools = cache::root()?.join("tools");
    let root = tools.join(format!("cargo-deny-{VERSION}"));
    let program = root.join("bin").join(format!("cargo-deny{}", std::env::consts::EXE_SUFFIX));
    if program.is_file() {
        return Ok(program);
    }
    let _lock = cache::lock(&tools.join("lock"))?;
    if program.is_file() {
        return Ok(program);
    }
    eprintln!("installing cargo-deny {VERSION} into `{}` (about a minute) …", root.display());
    let build = root.join("build");
    command::run(
        workspace
            .cargo()
            .args(["install", "--locked", "--version", VERSION, "--profile", "dev", "--no-track", "--root"])
            .arg(&root)
            .arg("cargo-deny")
            // A fixed build folder: an interrupted installation goes on where it was.
            .env("CARGO_TARGET_DIR", &build)
            .env("CARGO_PROFILE_DEV_DEBUG", "false")
            .env("CARGO_INCREMENTAL", "0"),
    )
    .context("could not install cargo-deny")?;
    fs::remove_dir_all(&build).with_context(|| format!("could not remove `{}`", build.display()))?;
    Ok(program)
}
