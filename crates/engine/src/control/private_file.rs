//! Writes files of the home folder that only the owner may read, so that nobody ever sees half of one.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Puts `bytes` at `path` in one step: private from its creation, flushed, renamed.
///
/// On Windows the file inherits the access rights of its folder, which belongs to the owner.
///
/// # Errors
/// Whatever the file system says; the old file is then still there.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_added_extension("new");
    // Left over by a crash. Only one engine at a time writes here: it holds the lock of the home folder.
    remove_if_there(&new)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&new, path)
}

/// Takes a file away that may be gone already.
///
/// # Errors
/// Whatever the file system says, except that there is no such file.
pub(crate) fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
