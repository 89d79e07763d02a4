//! The Go toolchain: building a pinned module, and asking a binary what it was built from.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::command;
use crate::failure::failure;

use super::programs::{Program, Target};

/// The machine's Go, with the answers of `go env` that the build needs.
#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) struct Go {
    /// Its version, as `go1.26.8`.
    pub(super) goversion: String,
    /// Where its own sources and licence are.
    pub(super) goroot: PathBuf,
    /// Where it keeps the sources of modules.
    pub(super) gomodcache: PathBuf,
    gohostos: String,
    gohostarch: String,
}

/// A module that is part of a program.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Module {
    /// Its path, as `github.com/minio/mux`.
    pub(super) path: String,
    /// Its exact version.
    pub(super) version: String,
    /// The checksum of its sources, as in `go.sum`.
    pub(super) checksum: String,
}

impl Go {
    /// Go as found on the `PATH`.
    pub(super) fn find() -> Result<Self> {
        let answers = command::output(Command::new("go").args(["env", "-json"]))
            .context("could not ask Go for its settings")?;
        serde_json::from_str(&answers).context("could not read what `go env -json` printed")
    }

    /// Builds `program` for `target` and leaves its executable in `staging`.
    ///
    /// The user's build and module caches are used, so a second build is quick; only the place of the result is ours.
    pub(super) fn install(&self, program: &Program, target: Target, staging: &Path) -> Result<PathBuf> {
        let (system, processor) = target.go_platform();
        let work = staging.join("go");
        let mut install = Command::new("go");
        install
            .args(["install", "-trimpath", "-ldflags", &program.all_linker_flags()])
            .arg(format!("{}@{}", program.package, program.version))
            .envs([("GOOS", system), ("GOARCH", processor), ("GOAMD64", "v1")])
            // Without C the programs depend on no C library of the machine that they will run on.
            .env("CGO_ENABLED", "0");
        // Go refuses GOBIN when it builds for another system, and puts the result below GOPATH instead.
        let native = self.gohostos == system && self.gohostarch == processor;
        if native {
            install.env("GOBIN", work.join("bin"));
        } else {
            install.env_remove("GOBIN").env("GOPATH", &work).env("GOMODCACHE", &self.gomodcache);
        }
        command::run(&mut install).with_context(|| format!("could not build {}", program.title))?;

        let executable = target.executable(program.name);
        let folder =
            if native { work.join("bin") } else { work.join("bin").join(format!("{system}_{processor}")) };
        let place = staging.join(&executable);
        fs::rename(folder.join(&executable), &place)
            .with_context(|| format!("could not take over the built `{executable}`"))?;
        fs::remove_dir_all(&work).with_context(|| format!("could not remove `{}`", work.display()))?;
        self.check_source(program, &place)?;
        Ok(place)
    }

    /// Refuses an executable that was not built from the pinned sources.
    fn check_source(&self, program: &Program, executable: &Path) -> Result<()> {
        let (main, _) = self.modules(executable)?;
        if main.version != program.version || main.checksum != program.checksum {
            return Err(failure(
                format!(
                    "{} was built from `{} {} {}` instead of `{} {}`",
                    program.title, main.path, main.version, main.checksum, program.version, program.checksum
                ),
                "check Go's settings `GOPROXY`, `GOSUMDB` and `GOFLAGS` with `go env`",
            ));
        }
        Ok(())
    }

    /// The modules that `executable` is built from: its own, and those that it depends on.
    pub(super) fn modules(&self, executable: &Path) -> Result<(Module, Vec<Module>)> {
        let listing = command::output(Command::new("go").args(["version", "-m"]).arg(executable))?;
        parse_modules(&listing)
            .with_context(|| format!("could not read what `{}` is built from", executable.display()))
    }

    /// Where the sources of `module` are.
    pub(super) fn sources(&self, module: &Module) -> PathBuf {
        self.gomodcache.join(format!("{}@{}", escaped(&module.path), escaped(&module.version)))
    }
}

/// Reads what `go version -m` prints: tab-separated lines, `mod` for the program's own module, `dep` for each other, and
/// `=>` after one that is replaced.
fn parse_modules(listing: &str) -> Result<(Module, Vec<Module>)> {
    let mut main = None;
    let mut dependencies: Vec<Module> = Vec::new();
    for line in listing.lines() {
        let fields: Vec<&str> = line.split('\t').map(str::trim).filter(|field| !field.is_empty()).collect();
        match fields.as_slice() {
            ["mod", path, version, checksum] => main = Some(module(path, version, checksum)),
            ["dep", path, version, rest @ ..] => {
                // A replaced module has no checksum of its own.
                dependencies.push(module(path, version, rest.first().unwrap_or(&"")));
            }
            ["=>", path, version, checksum] => {
                let Some(replaced) = dependencies.last_mut() else {
                    bail!("a replacement without a module: `{line}`");
                };
                *replaced = module(path, version, checksum);
            }
            _ => {}
        }
    }
    Ok((main.context("it names no module and checksum of its own")?, dependencies))
}

fn module(path: &str, version: &str, checksum: &str) -> Module {
    Module { path: path.into(), version: version.into(), checksum: checksum.into() }
}

/// A module's path as a folder: Go writes `!m` for `M`, since some file systems don't tell the two apart.
fn escaped(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    for letter in path.chars() {
        if letter.is_ascii_uppercase() {
            escaped.push('!');
        }
        escaped.push(letter.to_ascii_lowercase());
    }
    escaped.replace('/', std::path::MAIN_SEPARATOR_STR)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTING: &str = "/tmp/p: go1.26.8\n\tpath\texample.org/p\n\tmod\texample.org/p\tv1.2.3\th1:own=\n\
        \tdep\texample.org/A\tv0.1.0\th1:a=\n\tdep\texample.org/b\tv0.2.0\n\t=>\texample.org/c\tv0.3.0\th1:c=\n\
        \tbuild\t-ldflags=\"-s -w\"\n";

    #[test]
    fn modules_are_read_with_their_replacements() {
        let (main, dependencies) = parse_modules(LISTING).unwrap();
        assert_eq!(main, module("example.org/p", "v1.2.3", "h1:own="));
        assert_eq!(
            dependencies,
            [module("example.org/A", "v0.1.0", "h1:a="), module("example.org/c", "v0.3.0", "h1:c=")]
        );
    }

    #[test]
    fn a_binary_without_module_is_refused() {
        assert!(parse_modules("/tmp/p: go1.26.8\n\tpath\tcommand-line-arguments\n").is_err());
        assert!(parse_modules("/tmp/p: go1.26.8\n\tmod\texample.org/p\t(devel)\t\n").is_err());
    }

    #[test]
    fn capital_letters_are_escaped_as_go_does() {
        assert_eq!(escaped("github.com/Azure/azure-sdk").replace('\\', "/"), "github.com/!azure/azure-sdk");
    }
}
