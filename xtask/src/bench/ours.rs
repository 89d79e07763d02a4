//! Our side: the real engine with a home folder of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value;

use super::process::Running;
use super::{Programs, http, stop};

/// A running engine. Dropping it ends it, in good order if that is possible, and with it everything that it started.
pub(super) struct Ours {
    programs: Programs,
    home: PathBuf,
    engine: Running,
    /// When it was started.
    pub(super) began: Instant,
}

impl Ours {
    /// Starts an engine with a fresh home in `folder` that protects these databases.
    pub(super) fn start(programs: &Programs, folder: &Path, databases: &[PathBuf]) -> Result<Self> {
        let home = folder.join("home");
        fs::create_dir_all(&home).with_context(|| format!("could not create `{}`", home.display()))?;
        let mut settings = String::from("[health]\nlisten = \"127.0.0.1:0\"\n");
        for database in databases {
            settings.push_str(&format!("[[database]]\npath = {:?}\n", database.display().to_string()));
        }
        fs::write(home.join("config.toml"), settings).context("could not write the settings")?;
        let log = folder.join("engine.txt");
        let mut command = programs.ours(&home);
        let began = Instant::now();
        let engine = Running::start(command.arg("run"), &log)?;
        Ok(Self { programs: programs.clone(), home, engine, began })
    }

    /// The engine's process.
    pub(super) fn pid(&self) -> u32 {
        self.engine.0.id()
    }

    /// A command of the program on this host.
    pub(super) fn command(&self) -> Command {
        self.programs.ours(&self.home)
    }

    /// What the control API says of everything; none before it serves.
    pub(super) fn status(&self) -> Result<Option<Value>> {
        status(&self.home)
    }

    /// Waits until the status says that all of this many databases is stored; how long that took since the start.
    pub(super) fn until_stored(&mut self, databases: usize, step: Duration) -> Result<Duration> {
        let limit = Duration::from_secs(300);
        stop::until("everything is stored", step, limit, || {
            if self.engine.has_ended()? {
                anyhow::bail!("the engine ended; see what it said in its log");
            }
            let stored = status(&self.home)?.is_some_and(|status| all_stored(&status, databases));
            Ok(stored.then(|| self.began.elapsed()))
        })
    }

    /// The folder of level 0 of the only history of a database, in the store.
    pub(super) fn level_0(&self, database: &str) -> Result<PathBuf> {
        let all = self.home.join("store/sqlite-replicate").join(database);
        let found = fs::read_dir(&all)
            .with_context(|| format!("could not read `{}`", all.display()))?
            .flatten()
            .map(|entry| entry.path().join("0000"))
            .find(|path| path.is_dir());
        found.with_context(|| format!("there is no history in `{}`", all.display()))
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        let mut command = self.command();
        command.args(["stop", "--quiet"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let asked = command.status().is_ok_and(|status| status.success());
        let until = Instant::now() + Duration::from_secs(30);
        while asked && Instant::now() < until && matches!(self.engine.has_ended(), Ok(false)) {
            std::thread::sleep(Duration::from_millis(20));
        }
        // What is left now is killed with the engine, which its children don't survive.
    }
}

fn status(home: &Path) -> Result<Option<Value>> {
    let read = |file: &str| fs::read_to_string(home.join(file));
    let (Ok(address), Ok(token)) = (read("control.json"), read("control.token")) else { return Ok(None) };
    let address: Value = serde_json::from_str(&address).context("`control.json` is no JSON")?;
    let port = address["port"].as_u64().and_then(|port| u16::try_from(port).ok());
    let port = port.context("`control.json` has no port")?;
    let Some(body) = http::get(port, "/v1/status", Some(token.trim()))? else { return Ok(None) };
    serde_json::from_slice(&body).map(Some).context("the status is no JSON")
}

fn all_stored(status: &Value, databases: usize) -> bool {
    let all = status["databases"].as_array().map_or(&[][..], Vec::as_slice);
    let stored = |database: &Value| {
        database["stored"].is_string() && database["uncaptured"] == false && database["lag_seconds"] == 0.0
    };
    all.len() == databases && all.iter().all(stored)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn stored_means_everything_of_every_database() {
        let good = json!({ "stored": "1", "uncaptured": false, "lag_seconds": 0.0 });
        let late = json!({ "stored": "1", "uncaptured": false, "lag_seconds": 0.2 });
        let none = json!({ "stored": null, "uncaptured": false, "lag_seconds": 0.0 });
        assert!(all_stored(&json!({ "databases": [good] }), 1));
        assert!(!all_stored(&json!({ "databases": [good] }), 2));
        assert!(!all_stored(&json!({ "databases": [good, late] }), 2));
        assert!(!all_stored(&json!({ "databases": [good, none] }), 2));
    }
}
