//! The one folder in which everything of a host lives (`--home DIR`), and the lock that keeps a second engine out.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use sqlite_replicate_api::{ErrorCode, Name, Report, Result};

/// Where things are within a host's folder. Nothing is touched by asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Home(PathBuf);

impl Home {
    /// The folder; it need not exist yet.
    pub(crate) fn new(dir: impl Into<PathBuf>) -> Self {
        Self(dir.into())
    }

    /// The folder itself.
    pub(crate) fn dir(&self) -> &Path {
        &self.0
    }

    /// The settings.
    pub(crate) fn config(&self) -> PathBuf {
        self.0.join("config.toml")
    }

    /// The engine's own database.
    pub(crate) fn journal(&self) -> PathBuf {
        self.0.join("engine.db")
    }

    /// Keys, readable by the owner alone.
    pub(crate) fn secrets(&self) -> PathBuf {
        self.0.join("secrets.json")
    }

    /// Where the bundled store keeps its data unless the settings say otherwise.
    pub(crate) fn store(&self) -> PathBuf {
        self.0.join("store")
    }

    /// Litestream's own files of one database in one epoch. Each epoch has a fresh folder: Litestream must never
    /// meet the transaction numbers of another line of history.
    pub(crate) fn capture(&self, name: &Name, epoch: &str) -> PathBuf {
        self.0.join("capture").join(name.as_str()).join(epoch)
    }

    /// Every epoch's folder of one database.
    pub(crate) fn capture_all(&self, name: &Name) -> PathBuf {
        self.0.join("capture").join(name.as_str())
    }

    /// Files that exist only while the engine runs.
    pub(crate) fn run(&self) -> PathBuf {
        self.0.join("run")
    }

    /// Databases restored for proof; emptied at each start.
    pub(crate) fn work(&self) -> PathBuf {
        self.0.join("work")
    }

    /// What the bundled programs and the engine wrote.
    pub(crate) fn logs(&self) -> PathBuf {
        self.0.join("logs")
    }

    /// Makes the folders, readable by the owner alone.
    ///
    /// # Errors
    /// When a folder can't be made.
    pub(crate) fn create(&self) -> Result<()> {
        let make = || -> io::Result<()> {
            for dir in [self.0.clone(), self.run(), self.work(), self.logs(), self.0.join("capture")] {
                make_private_dir(&dir)?;
            }
            Ok(())
        };
        make().map_err(|error| {
            Report::new(ErrorCode::Io, format!("the folder `{}` can't be made", self.0.display()))
                .because(error)
                .hint("choose a folder that you can write with `--home`")
        })
    }

    /// Takes the lock that says that an engine runs for this folder. It ends with the process, however that ends.
    ///
    /// # Errors
    /// [`ErrorCode::EngineAlreadyRunning`] when another engine holds it.
    pub(crate) fn lock(&self) -> Result<HomeLock> {
        let path = self.0.join("engine.lock");
        let failed = |error: io::Error| {
            Report::new(ErrorCode::Io, format!("`{}` can't be locked", path.display())).because(error)
        };
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(HomeLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Report::new(
                ErrorCode::EngineAlreadyRunning,
                format!("another engine already runs for `{}`", self.0.display()),
            )
            .hint(
                "use the one that runs (`sqlite-replicate status`), or end it with `sqlite-replicate stop`",
            )),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

/// Held while an engine runs.
#[derive(Debug)]
pub(crate) struct HomeLock {
    _file: File,
}

/// Makes a folder, and those above it, that nobody but the owner can read.
pub(crate) fn make_private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Writes a file that nobody but the owner can read, so that a power cut leaves either the old one or the new one.
///
/// On Windows it inherits the access rights of its folder, which belongs to the owner.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    use std::io::Write;
    let new = path.with_added_extension("new");
    // Left over by a crash, perhaps with other rights. Only one engine at a time writes here.
    remove_if_there(&new)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&new)?;
    file.write_all(content)?;
    file.sync_all()?;
    drop(file);
    std::fs::rename(&new, path)?;
    sync_parent(path)
}

/// Takes a file away that may be gone already.
pub(crate) fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Takes a file away from everybody but its owner.
pub(crate) fn make_file_private(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Who may read and write the old file may do so with the new one.
#[cfg(unix)]
pub(crate) fn keep_access(new: &File, old: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let old = match std::fs::metadata(old) {
        Ok(old) => old,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let own = new.metadata()?;
    if (own.uid(), own.gid()) != (old.uid(), old.gid()) {
        fchown(new, Some(old.uid()), Some(old.gid()))?;
    }
    new.set_permissions(old.permissions())
}

/// Windows gives a new file the access rights of its folder, as it did with the old one.
#[cfg(not(unix))]
pub(crate) fn keep_access(_new: &File, _old: &Path) -> io::Result<()> {
    Ok(())
}

/// Makes a rename in the folder of `path` durable. Windows has no such thing for folders.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(parent) = path.parent() {
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        File::open(parent)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_engine_is_refused_and_a_later_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(dir.path());
        home.create().unwrap();
        let lock = home.lock().unwrap();
        assert_eq!(home.lock().unwrap_err().code, ErrorCode::EngineAlreadyRunning);
        drop(lock);
        home.lock().unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn private_files_are_private() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secrets.json");
        write_private(&path, b"x").unwrap();
        write_private(&path, b"y").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"y");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
