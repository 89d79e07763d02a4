//! What a chore needs from the operating system: installed on Debian after saying so, named elsewhere.

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::command;
use crate::failure::failure;

/// A package of Debian's, the program (or a file of Debian's, by its whole path) that shows that it is there, and what it
/// is for.
pub(crate) struct SystemPackage {
    debian: &'static str,
    program: &'static str,
    purpose: &'static str,
}

/// What `cargo xtask run` needs.
pub(crate) const RUN: &[SystemPackage] = &[];

/// What `cargo xtask test` needs.
pub(crate) const TEST: &[SystemPackage] = &[
    SystemPackage {
        debian: "git",
        program: "git",
        purpose: "lists the files that the checks of the repository read",
    },
    SystemPackage {
        debian: "faketime",
        program: "faketime",
        purpose: "sets back the clock of a tested engine",
    },
    SystemPackage { debian: "chromium", program: "chromium", purpose: "shows the pages to their tests" },
    SystemPackage {
        debian: "fonts-noto-cjk",
        program: "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
        purpose: "shows the Chinese half of the pages",
    },
    SystemPackage {
        debian: "sqlite3",
        program: "sqlite3",
        purpose: "writes to databases as a program of its own, beside the pages",
    },
];

/// Makes sure that all of `packages` are there.
pub(crate) fn ensure(packages: &[SystemPackage]) -> Result<()> {
    let search_path = env::var_os("PATH").unwrap_or_default();
    let on_path = |program: &str| {
        env::split_paths(&search_path).any(|folder| {
            folder.join(program).is_file() || folder.join(program).with_extension("exe").is_file()
        })
    };
    let is_debian = Path::new("/etc/debian_version").exists();
    // A file has its place on Debian alone; a program is found wherever it is.
    let counts = |package: &&SystemPackage| is_debian || !package.program.starts_with('/');
    let missing: Vec<&SystemPackage> =
        packages.iter().filter(counts).filter(|package| !on_path(package.program)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = names(&missing);
    for package in &missing {
        eprintln!("missing: `{}`, which {}", package.debian, package.purpose);
    }
    if !is_debian {
        return Err(failure(
            format!("these programs are missing: {names}"),
            format!("install what provides {names} on your system, and run this again"),
        ));
    }
    eprintln!("installing the Debian packages {names} …");
    install(&missing, on_path("sudo"))
        .with_context(|| format!("could not install the missing Debian packages {names}"))
}

fn install(packages: &[&SystemPackage], has_sudo: bool) -> Result<()> {
    command::run(as_root(has_sudo)?.args(["apt-get", "update"]))?;
    command::run(
        as_root(has_sudo)?
            .args(["apt-get", "install", "--yes", "--no-install-recommends"])
            .args(packages.iter().map(|package| package.debian)),
    )
}

/// `env`, as root: straight away or through sudo.
fn as_root(has_sudo: bool) -> Result<Command> {
    let mut command = if is_root()? {
        Command::new("env")
    } else if has_sudo {
        let mut sudo = Command::new("sudo");
        sudo.arg("env");
        sudo
    } else {
        return Err(failure("there is no `sudo`", "run this once as root, or install the packages by hand"));
    };
    command.arg("DEBIAN_FRONTEND=noninteractive");
    Ok(command)
}

fn is_root() -> Result<bool> {
    Ok(command::output(Command::new("id").arg("-u"))?.trim() == "0")
}

fn names(packages: &[&SystemPackage]) -> String {
    packages.iter().map(|package| format!("`{}`", package.debian)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABSENT: SystemPackage = SystemPackage {
        debian: "no-such-package",
        program: "no-such-program-anywhere",
        purpose: "is not needed",
    };

    #[test]
    fn what_is_there_is_not_installed() {
        let present = SystemPackage { debian: "cargo", program: "cargo", purpose: "builds" };
        ensure(&[present]).unwrap();
    }

    #[test]
    fn packages_are_listed_by_their_debian_names() {
        assert_eq!(names(&[&ABSENT, &TEST[0]]), "`no-such-package`, `git`");
    }
}
