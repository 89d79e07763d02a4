//! The bundled programs: where they are, and whether they are the ones that this version was tried with.

use std::path::{Path, PathBuf};
use std::process::Command;

use sqlite_replicate_api::{ErrorCode, Report, Result};

/// The version of Litestream that this engine was tried with. Others are refused: its file format, its folder for
/// captured files and its exit codes are part of what the engine relies on.
pub const LITESTREAM_VERSION: &str = "0.5.18";

/// Litestream and MinIO.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The folder.
    pub dir: PathBuf,
    /// Litestream.
    pub litestream: PathBuf,
    /// MinIO.
    pub minio: PathBuf,
}

/// Finds the bundle: in the folder that was named, in `SQLITE_REPLICATE_BIN_DIR`, or beside this program.
///
/// # Errors
/// [`ErrorCode::BundleBroken`] when a program is not there.
pub fn find(named: Option<&Path>, from_environment: Option<&Path>) -> Result<Bundle> {
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.to_owned()));
    let dir = named.or(from_environment).map(Path::to_owned).or(beside).unwrap_or_default();
    let program = |name: &str| {
        let path = dir.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
        if path.is_file() {
            return Ok(path);
        }
        Err(Report::new(
            ErrorCode::BundleBroken,
            format!("the bundled program `{name}` is not in `{}`", dir.display()),
        )
        .hint("repair the installation; from a checkout run `cargo xtask bundle` and set `SQLITE_REPLICATE_BIN_DIR`"))
    };
    Ok(Bundle { litestream: program("litestream")?, minio: program("minio")?, dir })
}

impl Bundle {
    /// Asks Litestream for its version, and looks whether MinIO may be run: it has no version that says anything, and
    /// takes long to answer. Takes some tens of milliseconds; not for an async thread.
    ///
    /// # Errors
    /// [`ErrorCode::BundleBroken`] when it can't be started or is another version.
    pub fn check(&self) -> Result<()> {
        let broken = |what: String| {
            Report::new(ErrorCode::BundleBroken, what)
                .hint("repair the installation (`cargo xtask bundle` in a checkout)")
        };
        let output = Command::new(&self.litestream).arg("version").env_clear().output().map_err(|error| {
            broken(format!("`{}` can't be started", self.litestream.display())).because(error)
        })?;
        let said = String::from_utf8_lossy(&output.stdout);
        if said.trim().trim_start_matches('v') != LITESTREAM_VERSION {
            return Err(broken(format!(
                "`{}` is version `{}`, not {LITESTREAM_VERSION}",
                self.litestream.display(),
                said.trim()
            )));
        }
        #[cfg(unix)]
        rustix::fs::access(&self.minio, rustix::fs::Access::EXEC_OK).map_err(|error| {
            broken(format!("`{}` can't be started", self.minio.display()))
                .because(std::io::Error::from(error))
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let report = find(Some(dir.path()), None).unwrap_err();
        assert_eq!(report.code, ErrorCode::BundleBroken);
        assert!(report.message.contains("litestream"), "{report}");
    }

    #[cfg(unix)]
    #[test]
    fn another_version_and_a_program_that_can_not_run_are_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        for name in ["litestream", "minio"] {
            std::fs::write(dir.path().join(name), "#!/bin/sh\necho v0.5.16\n").unwrap();
        }
        let bundle = find(Some(dir.path()), None).unwrap();
        assert!(bundle.check().unwrap_err().message.contains("can't be started"));
        std::fs::set_permissions(&bundle.litestream, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(bundle.check().unwrap_err().message.contains("0.5.16"));
        std::fs::write(&bundle.litestream, format!("#!/bin/sh\necho {LITESTREAM_VERSION}\n")).unwrap();
        assert!(bundle.check().unwrap_err().message.contains("minio"));
    }
}
