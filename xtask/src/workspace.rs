//! Where this repository is and where Cargo builds it.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::command;

/// The folders of the workspace, as Cargo sees them.
#[derive(Debug, Deserialize)]
pub(crate) struct Workspace {
    /// The repository's root folder.
    #[serde(rename = "workspace_root")]
    pub(crate) root: PathBuf,
    /// Where Cargo puts what it builds (`CARGO_TARGET_DIR` counts).
    #[serde(rename = "target_directory")]
    pub(crate) target: PathBuf,
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
}

impl Workspace {
    /// The workspace that this program belongs to, whatever the current folder is.
    pub(crate) fn find() -> Result<Self> {
        let folder = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from);
        let metadata =
            command::output(command::cargo(&folder).args(["metadata", "--format-version=1", "--no-deps"]))
                .context("could not find the workspace")?;
        serde_json::from_str(&metadata).context("could not read what `cargo metadata` printed")
    }

    /// Whether one of the workspace's packages has this name.
    pub(crate) fn has_package(&self, name: &str) -> bool {
        self.packages.iter().any(|package| package.name == name)
    }

    /// The names of the workspace's packages, for a message.
    pub(crate) fn package_names(&self) -> String {
        self.packages.iter().map(|package| format!("`{}`", package.name)).collect::<Vec<_>>().join(", ")
    }

    /// Cargo, to be run at the root.
    pub(crate) fn cargo(&self) -> std::process::Command {
        command::cargo(&self.root)
    }

    /// The program `name` that `cargo build` (not `--release`) made.
    pub(crate) fn built(&self, name: &str) -> PathBuf {
        self.target.join("debug").join(format!("{name}{}", env::consts::EXE_SUFFIX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_found_with_its_packages() {
        let workspace = Workspace::find().unwrap();
        assert!(workspace.root.join("xtask/Cargo.toml").is_file());
        assert!(workspace.has_package("xtask") && !workspace.has_package("xtas"));
        assert!(workspace.package_names().contains("`sqlite-replicate-engine`"));
    }
}
