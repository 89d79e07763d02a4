//! The repository's own rules, each a check that reports everything it finds.

mod dependencies;
mod length;
mod links;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::command;
use crate::workspace::Workspace;

type Check = fn(&Workspace) -> Result<()>;

/// Every check, with the sentence that it proves.
pub(crate) const CHECKS: &[(&str, Check)] = &[
    ("each dependency has a reason", dependencies::check),
    ("source files are short", length::check),
    ("links in Markdown lead somewhere", links::check),
];

/// Runs all checks and fails with everything that they found.
pub(crate) fn check_all(workspace: &Workspace) -> Result<()> {
    let mut found = Vec::new();
    for (name, check) in CHECKS {
        match check(workspace) {
            Ok(()) => eprintln!("{name}: ok"),
            Err(error) => found.push(format!("{name}: no\n{error:#}")),
        }
    }
    none("the checks of the repository failed", &found)
}

/// The files of the repository, by their paths from its root: tracked ones and new ones, not those that Git ignores.
pub(crate) fn files(root: &Path) -> Result<Vec<PathBuf>> {
    let list = command::output(
        Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"])
            .current_dir(root),
    )?;
    let names = list.split('\0').filter(|name| !name.is_empty());
    // One that was deleted and not yet committed is still listed.
    Ok(names.map(PathBuf::from).filter(|path| root.join(path).is_file()).collect())
}

/// Fails with all of `problems`, if there are any.
fn none(what: &str, problems: &[String]) -> Result<()> {
    if !problems.is_empty() {
        bail!("{what}:\n{}", problems.join("\n"));
    }
    Ok(())
}
