//! Writes a configuration so that at no moment there is half of one, and no other change is lost.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sqlite_replicate_api::{ErrorCode, Report, Result};

use super::environment::Surroundings;
use super::read::{Loaded, parse, read_text};
use super::reference::SAMPLE;
use crate::home::keep_access;

/// Changes the file of `around` by `edit`, which gets its text (that of [`SAMPLE`] if there is no file).
///
/// # Errors
/// Those of `edit` and of [`save`]. The file is then as it was.
pub fn change(
    around: &Surroundings,
    edit: impl FnOnce(&str) -> Result<String>,
) -> Result<Loaded, Vec<Report>> {
    let one = |report| vec![report];
    let before = read_text(around).map_err(one)?;
    let text = edit(before.as_deref().unwrap_or(SAMPLE)).map_err(one)?;
    save(around, before.as_deref(), &text)
}

/// Writes `text` to the file of `around` if it is a good configuration and the file still holds `before` (`None`: is not
/// there).
///
/// # Errors
/// Everything that is wrong with `text`; [`ErrorCode::ConfigUnreadable`] if somebody else changed the file meanwhile or
/// it can't be written. The file is then as it was.
pub fn save(around: &Surroundings, before: Option<&str>, text: &str) -> Result<Loaded, Vec<Report>> {
    let loaded = parse(text, around)?;
    let one = |report| vec![report];
    if read_text(around).map_err(one)?.as_deref() != before {
        let message = format!("`{}` was changed by somebody else meanwhile", around.file().display());
        let hint = "nothing was written: look at the file, then try again";
        return Err(one(Report::new(ErrorCode::ConfigUnreadable, message).hint(hint)));
    }
    if before != Some(text) {
        replace_file(around.file(), text).map_err(|error| {
            let message = format!("`{}` can't be written", around.file().display());
            one(Report::new(ErrorCode::ConfigUnreadable, message).because(error))
        })?;
    }
    Ok(loaded)
}

/// Puts a complete new file in the place of the old one.
fn replace_file(file: &Path, text: &str) -> io::Result<()> {
    // The file that a link points to is the one to replace.
    let file = if file.is_symlink() { file.canonicalize()? } else { file.to_owned() };
    let folder = file.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(folder)?;
    let new = beside(&file);
    let written = write_new(&new, &file, text).and_then(|()| fs::rename(&new, &file));
    if written.is_err() {
        // What failed is worth telling, not that its rest could not be removed either.
        let _ = fs::remove_file(&new);
    }
    written?;
    sync_folder(folder)
}

/// A name that no other process writes to.
fn beside(file: &Path) -> PathBuf {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    file.with_file_name(format!(".{name}.{}.new", std::process::id()))
}

fn write_new(new: &Path, old: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    // An address for notifications may hold a key.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(new)?;
    file.write_all(text.as_bytes())?;
    keep_access(&file, old)?;
    file.sync_all()
}

/// Makes a rename survive a power cut.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Windows can't flush a folder; NTFS writes renames to its journal in order.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use sqlite_replicate_api::config::{HostName, Setting, Span, Value};

    use super::super::{load, set};
    use super::*;

    fn around(folder: &Path) -> Surroundings {
        Surroundings::new(&folder.join("sub/config.toml"), HostName::nearest("HOST-A"), []).unwrap()
    }

    fn every(text: &str, span: &str) -> Result<String> {
        set(text, Setting::find("verify.every").unwrap(), &Value::Text(span.to_owned()))
    }

    fn files_in(folder: &Path) -> usize {
        fs::read_dir(folder.join("sub")).unwrap().count()
    }

    #[test]
    fn a_change_is_written_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let around = around(folder.path());
        let saved = change(&around, |text| every(text, "2h")).unwrap();
        assert_eq!(saved.config.verify.every, Span::hours(2));
        assert_eq!(load(&around).unwrap(), saved);
        assert_eq!(files_in(folder.path()), 1, "nothing is left beside it");
    }

    #[test]
    fn a_bad_change_leaves_the_file_alone() {
        let folder = tempfile::tempdir().unwrap();
        let around = around(folder.path());
        let good = change(&around, |text| every(text, "2h")).unwrap().text;
        let problems = save(&around, good.as_deref(), "[verify]\nevery = \"2s\"\n").unwrap_err();
        assert_eq!(problems[0].code, ErrorCode::BadConfig);
        assert_eq!(change(&around, |text| every(text, "2s")).unwrap_err()[0].code, ErrorCode::BadRequest);
        assert_eq!(load(&around).unwrap().text, good);
    }

    #[test]
    fn a_change_by_somebody_else_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let around = around(folder.path());
        change(&around, |text| every(text, "2h")).unwrap();
        let problems = change(&around, |text| {
            fs::write(around.file(), "# mine\n").unwrap();
            every(text, "3h")
        });
        let problem = problems.unwrap_err().remove(0);
        let file = around.file().display();
        assert_eq!(problem.message, format!("`{file}` was changed by somebody else meanwhile"));
        assert_eq!(load(&around).unwrap().text.as_deref(), Some("# mine\n"));
        // Nor is a file that appeared, or one that vanished.
        assert!(save(&around, None, "").is_err());
        fs::remove_file(around.file()).unwrap();
        assert!(save(&around, Some("# mine\n"), "").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn access_rights_and_links_stay() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let mode = |file: &Path| fs::metadata(file).unwrap().permissions().mode() & 0o777;
        let around = around(folder.path());
        change(&around, |text| every(text, "2h")).unwrap();
        assert_eq!(mode(around.file()), 0o600);
        fs::set_permissions(around.file(), fs::Permissions::from_mode(0o640)).unwrap();

        let link = folder.path().join("link.toml");
        std::os::unix::fs::symlink(around.file(), &link).unwrap();
        let through = Surroundings::new(&link, HostName::nearest("HOST-A"), []).unwrap();
        change(&through, |text| every(text, "3h")).unwrap();
        assert!(link.is_symlink());
        assert_eq!(mode(around.file()), 0o640);
        assert_eq!(load(&around).unwrap().config.verify.every, Span::hours(3));
    }

    #[test]
    fn a_place_that_can_not_be_written_is_told() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("sub"), "a file where the folder should be").unwrap();
        let problem = change(&around(folder.path()), |text| every(text, "2h")).unwrap_err().remove(0);
        assert_eq!(problem.code, ErrorCode::ConfigUnreadable);
        assert!(!problem.causes.is_empty());
    }
}
