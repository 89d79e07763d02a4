//! Where a host's files are, if nobody says.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use sqlite_replicate_api::{ErrorCode, Report, Result};

/// The home folder: the one that is named, else the platform's.
pub(crate) fn folder(named: Option<PathBuf>) -> Result<PathBuf> {
    let folder = match named {
        Some(named) => Some(named),
        None => default(administrator(), |name| std::env::var_os(name).filter(|value| !value.is_empty())),
    };
    let folder = folder.ok_or_else(|| {
        Report::new(ErrorCode::BadRequest, "there is no home folder to keep anything in")
            .hint("name one with `--home DIR` or the variable SQLITE_REPLICATE_HOME")
    })?;
    absolute(&folder)
}

/// A path that holds wherever the engine runs.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| {
        Report::new(ErrorCode::Io, format!("`{}` is not a path", path.display())).because(error)
    })
}

#[cfg(windows)]
fn default(_administrator: bool, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    variable("LOCALAPPDATA").map(|data| PathBuf::from(data).join("SQLite Replicate"))
}

#[cfg(not(windows))]
fn default(administrator: bool, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    if administrator {
        return Some(PathBuf::from("/var/lib/sqlite-replicate"));
    }
    // The specification of XDG has relative paths ignored.
    let data = variable("XDG_DATA_HOME").map(PathBuf::from).filter(|data| data.is_absolute());
    let data = data.or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".local/share")));
    data.map(|data| data.join("sqlite-replicate"))
}

#[cfg(unix)]
fn administrator() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(not(unix))]
fn administrator() -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn with(administrator: bool, variables: &[(&str, &str)]) -> Option<String> {
        let variable = |name: &str| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
        };
        default(administrator, variable).map(|path| path.display().to_string())
    }

    #[test]
    fn a_home_for_everybody() {
        let home = ("HOME", "/home/ann");
        assert_eq!(with(true, &[home]).as_deref(), Some("/var/lib/sqlite-replicate"));
        assert_eq!(with(false, &[home]).as_deref(), Some("/home/ann/.local/share/sqlite-replicate"));
        let xdg = ("XDG_DATA_HOME", "/data");
        assert_eq!(with(false, &[home, xdg]).as_deref(), Some("/data/sqlite-replicate"));
        let relative = ("XDG_DATA_HOME", "data");
        assert_eq!(
            with(false, &[home, relative]).as_deref(),
            Some("/home/ann/.local/share/sqlite-replicate")
        );
        assert_eq!(with(false, &[]), None);
    }

    #[test]
    fn a_named_home_is_made_absolute() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(folder(Some(PathBuf::from("a"))).unwrap(), here.join("a"));
    }
}
