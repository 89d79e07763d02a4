//! Sets aside what the old Litestream kept beside the databases, once it has stopped: its folder gets another name, so
//! that it can be given back.

use std::path::{Path, PathBuf};

use serde::Serialize;
use sqlite_replicate_api::{ErrorCode, Report, Result};

use super::metadata_folder;
use crate::holders::{Holder, holders};
use crate::home::sync_parent;

/// A folder of the old Litestream that got another name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SetAside {
    /// Its name for the old Litestream.
    pub was: PathBuf,
    /// Its name now.
    pub is: PathBuf,
}

/// Sets the old folders of some databases aside: all of them, or none.
///
/// # Errors
/// [`ErrorCode::ForeignLitestream`] while a Litestream has one of the databases open, [`ErrorCode::Io`] when a folder
/// can't be renamed.
pub fn set_aside(databases: &[PathBuf]) -> Result<Vec<SetAside>> {
    for database in databases {
        refuse_running(database)?;
    }
    let mut done = Vec::new();
    for database in databases {
        let was = metadata_folder(database);
        if !was.is_dir() {
            continue;
        }
        let is = free_name(&was);
        if let Err(error) = std::fs::rename(&was, &is).and_then(|()| sync_parent(&was)) {
            put_back(&done)?;
            return Err(Report::new(
                ErrorCode::Io,
                format!("the folder `{}` can't be renamed", was.display()),
            )
            .because(error)
            .hint("give this program's user the right to write the folder above it"));
        }
        done.push(SetAside { was, is });
    }
    Ok(done)
}

/// Gives the folders their old names back.
///
/// # Errors
/// [`ErrorCode::Io`] with the first folder that keeps its new name.
pub fn put_back(done: &[SetAside]) -> Result<()> {
    for SetAside { was, is } in done {
        std::fs::rename(is, was).map_err(|error| {
            let message = format!("the folder `{}` can't get its old name back", is.display());
            Report::new(ErrorCode::Io, message)
                .because(error)
                .hint(format!("rename it to `{}` before the old Litestream starts again", was.display()))
        })?;
    }
    Ok(())
}

fn refuse_running(database: &Path) -> Result<()> {
    let Some(running) = holders(database).into_iter().find(Holder::is_litestream) else {
        return Ok(());
    };
    let message = format!("the old Litestream still replicates `{}`", database.display());
    Err(Report::new(ErrorCode::ForeignLitestream, message).because(format!("{running} has it open")).hint(
        "stop and disable it for good (`systemctl disable --now litestream` for a service), then try again",
    ))
}

/// `.orders.db-litestream.adopted`, with a number if that is taken.
fn free_name(was: &Path) -> PathBuf {
    let named = |n: u32| {
        let mut name = was.as_os_str().to_owned();
        name.push(".adopted");
        if n > 1 {
            name.push(format!("-{n}"));
        }
        PathBuf::from(name)
    };
    (1..).map(named).find(|path| !path.exists()).unwrap_or_else(|| named(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_get_another_name_and_their_own_back() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a.db"), dir.path().join("b.db"));
        let folder = dir.path().join(".a.db-litestream");
        std::fs::create_dir(&folder).unwrap();
        std::fs::create_dir(dir.path().join(".a.db-litestream.adopted")).unwrap();
        let done = set_aside(&[a, b]).unwrap();
        let is = dir.path().join(".a.db-litestream.adopted-2");
        assert_eq!(done, [SetAside { was: folder.clone(), is: is.clone() }]);
        assert!(is.is_dir() && !folder.exists());
        put_back(&done).unwrap();
        assert!(folder.is_dir() && !is.exists());
    }
}
