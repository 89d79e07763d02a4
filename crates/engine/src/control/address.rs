//! `control.json`: where the control API of a home folder's engine is, so that clients find it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sqlite_replicate_api::{ControlAddress, ErrorCode, Report, Result};

use super::token;
use crate::home::{remove_if_there, write_private};

const FILE: &str = "control.json";

/// The published address of a control API. Dropping it withdraws it as well, but can only log what went wrong then.
#[derive(Debug)]
pub struct Published {
    home: PathBuf,
    there: bool,
}

/// Writes `control.json` into the home folder. Call it once the control API serves.
///
/// # Errors
/// Whatever the file system says.
pub fn publish(home: &Path, port: u16) -> io::Result<Published> {
    let address =
        ControlAddress { port, pid: std::process::id(), version: env!("CARGO_PKG_VERSION").to_owned() };
    let bytes = serde_json::to_vec(&address).map_err(io::Error::other)?;
    write_private(&home.join(FILE), &bytes)?;
    Ok(Published { home: home.to_owned(), there: true })
}

impl Published {
    /// Takes `control.json` and `control.token` away: nobody shall knock at a port that is no longer ours.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn withdraw(mut self) -> io::Result<()> {
        self.there = false;
        take_away(&self.home)
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        if self.there
            && let Err(error) = take_away(&self.home)
        {
            tracing::warn!(%error, "the address of the control API could not be taken away");
        }
    }
}

fn take_away(home: &Path) -> io::Result<()> {
    remove_if_there(&home.join(FILE))?;
    token::remove(home)
}

/// Where the engine of a home folder listens, by its own word.
///
/// # Errors
/// [`ErrorCode::EngineNotRunning`] when there is no such word, or none that can be understood.
pub(crate) fn read(home: &Path) -> Result<ControlAddress> {
    let path = home.join(FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(not_running(home));
        }
        Err(error) => {
            return Err(
                Report::new(ErrorCode::Io, format!("`{}` can't be read", path.display())).because(error)
            );
        }
    };
    serde_json::from_slice(&bytes).map_err(|error| {
        let mut report = not_running(home);
        report.causes.push(format!("`{}` is not what an engine writes", path.display()));
        report.because(error)
    })
}

/// What is said when nobody answers for a home folder.
pub(crate) fn not_running(home: &Path) -> Report {
    Report::new(ErrorCode::EngineNotRunning, format!("no engine runs for `{}`", home.display()))
        .hint("start it with `sqlite-replicate run`, or name another folder with `--home`")
}
