//! What is bundled: the pinned sources, how they are built, and for which systems.

use std::fmt;

use anyhow::Result;
use clap::ValueEnum;
use ring::digest::{SHA256, digest};

use crate::failure::failure;

/// A program that is built from a Go module, unchanged.
pub(super) struct Program {
    /// The name of its executable, without `.exe`.
    pub(super) name: &'static str,
    /// What it is called in texts for people.
    pub(super) title: &'static str,
    /// Its Go module.
    pub(super) module: &'static str,
    /// The package of that module which is the program.
    pub(super) package: &'static str,
    /// The module's exact version.
    pub(super) version: &'static str,
    /// The checksum of the module's sources, as in `go.sum`; a build from anything else is refused.
    pub(super) checksum: &'static str,
    /// Its licence, as an SPDX expression.
    pub(super) licence: &'static str,
    /// Where its authors publish the source.
    pub(super) repository: &'static str,
    /// What the linker is told besides [`LINKER_FLAGS`].
    pub(super) linker_flags: &'static str,
}

/// Leaves out symbol tables and debug information: a quarter of the size, and nobody debugs these here.
pub(super) const LINKER_FLAGS: &str = "-s -w";

/// Every bundled program.
pub(super) const PROGRAMS: &[Program] = &[
    Program {
        name: "litestream",
        title: "Litestream",
        module: "github.com/benbjohnson/litestream",
        package: "github.com/benbjohnson/litestream/cmd/litestream",
        version: "v0.5.18",
        checksum: "h1:kelmbbFQvlgrm8dRrpt9bqvDrJ69OgWQca8hSflNF2U=",
        licence: "Apache-2.0",
        repository: "https://github.com/benbjohnson/litestream",
        // It takes its version from the module's.
        linker_flags: "",
    },
    Program {
        name: "minio",
        title: "MinIO",
        module: "github.com/minio/minio",
        package: "github.com/minio/minio",
        version: "v0.0.0-20260212201848-7aac2a2c5b7c",
        checksum: "h1:/qdoYujxF5MBLDMVLeiYJ/7fBa1HikX39Dvzb9Ji8pA=",
        licence: "AGPL-3.0-or-later",
        repository: "https://github.com/minio/minio",
        // Without these `minio --version` says `DEVELOPMENT.GOGET`, whatever was built.
        linker_flags: "-X github.com/minio/minio/cmd.ReleaseTag=v0.0.0-20260212201848-7aac2a2c5b7c \
                       -X github.com/minio/minio/cmd.CommitID=7aac2a2c5b7c \
                       -X github.com/minio/minio/cmd.Version=2026-02-12T20:18:48Z",
    },
];

impl Program {
    /// Everything the linker is told.
    pub(super) fn all_linker_flags(&self) -> String {
        format!("{LINKER_FLAGS} {}", self.linker_flags).trim_end().to_owned()
    }
}

/// A system that bundles are built for, by the name of its Rust target.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Target {
    /// Linux on x86-64.
    #[value(name = "x86_64-unknown-linux-gnu")]
    Linux,
    /// Windows on x86-64.
    #[value(name = "x86_64-pc-windows-gnu")]
    Windows,
}

impl Target {
    /// The target for the machine that this runs on.
    pub(crate) fn of_this_machine() -> Result<Self> {
        match (std::env::consts::OS, std::env::consts::ARCH) {
            ("linux", "x86_64") => Ok(Self::Linux),
            ("windows", "x86_64") => Ok(Self::Windows),
            (system, processor) => Err(failure(
                format!("there is no bundle for {system} on {processor}"),
                "use Linux or Windows on x86-64, or name a target with `--target`",
            )),
        }
    }

    /// Go's names for the system and the processor.
    pub(super) fn go_platform(self) -> (&'static str, &'static str) {
        match self {
            Self::Linux => ("linux", "amd64"),
            Self::Windows => ("windows", "amd64"),
        }
    }

    /// The file name of the executable `name`.
    pub(super) fn executable(self, name: &str) -> String {
        match self {
            Self::Linux => name.to_owned(),
            Self::Windows => format!("{name}.exe"),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Linux => "x86_64-unknown-linux-gnu",
            Self::Windows => "x86_64-pc-windows-gnu",
        })
    }
}

/// The form of the bundle's folder; raised when other files belong into it.
const LAYOUT: u32 = 2;

/// The name of the bundle's folder: for people the target and the first program's version, for exactness a digest of all
/// that goes in.
pub(super) fn key(target: Target, programs: &[Program]) -> String {
    let mut text = format!("layout {LAYOUT}\ntarget {target}\n");
    for program in programs {
        text.push_str(&format!(
            "{} {} {} {}\n",
            program.package,
            program.version,
            program.checksum,
            program.all_linker_flags()
        ));
    }
    let hash = hex(digest(&SHA256, text.as_bytes()).as_ref());
    let versions: Vec<String> =
        programs.iter().map(|program| format!("{}-{}", program.name, short(program.version))).collect();
    format!("{}-{target}-{}", versions.join("-"), &hash[..12])
}

/// A pseudo-version's date and commit say more than its number, which is always 0.
fn short(version: &str) -> &str {
    version.strip_prefix("v0.0.0-").unwrap_or(version)
}

/// `bytes` in hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(version: &'static str, linker_flags: &'static str) -> Program {
        Program {
            name: "p",
            title: "P",
            module: "example.org/p",
            package: "example.org/p",
            version,
            checksum: "h1:x",
            licence: "MIT",
            repository: "https://example.org",
            linker_flags,
        }
    }

    #[test]
    fn the_key_is_stable() {
        let once = key(Target::Linux, &[program("v1.0.0", "")]);
        assert_eq!(once, key(Target::Linux, &[program("v1.0.0", "")]));
        assert!(once.starts_with("p-v1.0.0-x86_64-unknown-linux-gnu-"), "{once}");
    }

    #[test]
    fn the_key_changes_with_version_flags_and_target() {
        let base = key(Target::Linux, &[program("v1.0.0", "")]);
        assert_ne!(base, key(Target::Linux, &[program("v1.0.1", "")]));
        assert_ne!(base, key(Target::Linux, &[program("v1.0.0", "-X a.b=c")]));
        assert_ne!(base, key(Target::Windows, &[program("v1.0.0", "")]));
    }

    #[test]
    fn minio_is_linked_with_the_version_that_it_is_built_from() {
        let minio = PROGRAMS.iter().find(|program| program.name == "minio").unwrap();
        assert!(minio.linker_flags.contains(&format!("ReleaseTag={} ", minio.version)));
        assert!(
            minio.version.ends_with("7aac2a2c5b7c") && minio.linker_flags.contains("CommitID=7aac2a2c5b7c ")
        );
    }

    #[test]
    fn targets_are_shown_as_they_are_typed() {
        for target in Target::value_variants() {
            assert_eq!(target.to_string(), target.to_possible_value().unwrap().get_name());
        }
    }
}
