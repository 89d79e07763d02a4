//! Files that this program writes for a person.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;

use sqlite_replicate_api::{ErrorCode, Report, Result};

/// Makes a file that only its owner can read. A file that exists is left alone.
pub(crate) fn create_private(path: &Path, text: &str) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Report::new(ErrorCode::TargetExists, format!("`{}` exists", path.display()))
                .hint("name another file, or take that one away first")
        }
        _ => Report::new(ErrorCode::Io, format!("`{}` can't be made", path.display())).because(error),
    })?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| {
        Report::new(ErrorCode::Io, format!("`{}` can't be written", path.display())).because(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_owner_reads_it_and_nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sheet.txt");
        create_private(&path, "keys").unwrap();
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&path).unwrap());
            assert_eq!(mode & 0o777, 0o600);
        }
        assert_eq!(create_private(&path, "other").unwrap_err().code, ErrorCode::TargetExists);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "keys");
        let nowhere = folder.path().join("none/sheet.txt");
        assert_eq!(create_private(&nowhere, "").unwrap_err().code, ErrorCode::Io);
    }
}
