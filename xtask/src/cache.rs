//! Where the chores keep what is worth keeping between checkouts: bundled programs and tools.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::failure::failure;

/// The variable that overrides the cache folder.
pub(crate) const VARIABLE: &str = "SQLITE_REPLICATE_CACHE";

/// The cache folder: `SQLITE_REPLICATE_CACHE`, or `sqlite-replicate` in the user's own cache folder.
pub(crate) fn root() -> Result<PathBuf> {
    root_from(cfg!(windows), |name| env::var_os(name).filter(|value| !value.is_empty()))
}

fn root_from(windows: bool, variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf> {
    let (users, fallback) = if windows {
        (variable("LOCALAPPDATA").map(PathBuf::from), None)
    } else {
        (
            variable("XDG_CACHE_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute()),
            variable("HOME").map(|home| PathBuf::from(home).join(".cache")),
        )
    };
    let chosen = variable(VARIABLE).map(PathBuf::from);
    chosen.or_else(|| users.or(fallback).map(|folder| folder.join("sqlite-replicate"))).ok_or_else(|| {
        failure("there is no cache folder", format!("set `{VARIABLE}` to a folder of your choice"))
    })
}

/// Holds the lock file `path` until the result is dropped, saying so if another run has it now.
///
/// The operating system frees the lock when its holder dies, so an interrupted run blocks nobody.
pub(crate) fn lock(path: &Path) -> Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| {
            failure(
                format!("could not create `{}`: {error}", folder.display()),
                format!("set `{VARIABLE}` to a folder that you can write to"),
            )
        })?;
    }
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .with_context(|| format!("could not open the lock file `{}`", path.display()))?;
    let locked = match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            eprintln!("waiting for another run that holds `{}` …", path.display());
            file.lock()
        }
        Err(TryLockError::Error(error)) => Err(error),
        Ok(()) => Ok(()),
    };
    locked.with_context(|| format!("could not lock `{}`", path.display()))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root_with(windows: bool, variables: &[(&str, &str)]) -> Result<PathBuf> {
        root_from(windows, |name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
        })
    }

    #[test]
    fn the_variable_wins() {
        let root = root_with(false, &[(VARIABLE, "/c"), ("XDG_CACHE_HOME", "/x"), ("HOME", "/h")]).unwrap();
        assert_eq!(root, Path::new("/c"));
    }

    #[test]
    fn linux_follows_xdg_and_falls_back_to_home() {
        assert_eq!(
            root_with(false, &[("XDG_CACHE_HOME", "/x"), ("HOME", "/h")]).unwrap(),
            Path::new("/x/sqlite-replicate")
        );
        assert_eq!(root_with(false, &[("HOME", "/h")]).unwrap(), Path::new("/h/.cache/sqlite-replicate"));
    }

    #[test]
    fn a_relative_xdg_folder_counts_as_unset() {
        let root = root_with(false, &[("XDG_CACHE_HOME", "x"), ("HOME", "/h")]).unwrap();
        assert_eq!(root, Path::new("/h/.cache/sqlite-replicate"));
    }

    #[test]
    fn windows_uses_local_app_data() {
        let root = root_with(true, &[("LOCALAPPDATA", "L"), ("HOME", "/h")]).unwrap();
        assert_eq!(root, Path::new("L").join("sqlite-replicate"));
    }

    #[test]
    fn without_any_folder_the_hint_names_the_variable() {
        let report = crate::failure::report(&root_with(false, &[]).unwrap_err());
        assert!(report.contains(VARIABLE), "{report}");
    }

    #[test]
    fn a_lock_is_held_until_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/lock");
        let held = lock(&path).unwrap();
        let second = File::options().write(true).open(&path).unwrap();
        assert!(matches!(second.try_lock(), Err(TryLockError::WouldBlock)));
        drop(held);
        second.try_lock().unwrap();
    }
}
