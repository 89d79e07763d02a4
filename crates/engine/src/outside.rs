//! What can be done for a home folder while no engine runs for it, or beside one that does.

use std::path::Path;
use std::process::Command;

use jiff::Timestamp;
use serde_json::json;
use sqlite_replicate_api::{Credentials, Result};

use crate::bundle::Bundle;
use crate::children::litestream;
use crate::config;
use crate::home::Home;
use crate::journal::Journal;
use crate::secrets::Secrets;

/// Lines of each log in what whoever helps gets.
const LINES: usize = 300;

/// Keeps the keys for an S3 service that is not the bundled one.
///
/// # Errors
/// When the secrets can't be read or written.
pub fn keep_credentials(home: &Path, credentials: &Credentials) -> Result<()> {
    let home = Home::new(home);
    home.create()?;
    let mut secrets = Secrets::load_or_make(&home)?;
    secrets.external = Some(credentials.clone());
    secrets.save(&home)
}

/// The bundled Litestream with a clean environment, the keys of the store and the configuration of the engine's last run.
///
/// # Errors
/// When the secrets can't be read. Without a configuration the command gets none.
pub fn litestream_command(home: &Path, bundle: &Bundle, arguments: &[String]) -> Result<Command> {
    let home = Home::new(home);
    let secrets = Secrets::load_or_make(&home)?;
    let keys = secrets.external.unwrap_or(secrets.bundled);
    let mut command = litestream::command(&bundle.litestream, &keys);
    let mut arguments = arguments.iter();
    let subcommand = arguments.next();
    // The others talk to a socket or to nobody, and refuse the flag.
    let takes_config = subcommand.is_some_and(|name| {
        matches!(name.as_str(), "databases" | "ltx" | "replicate" | "reset" | "restore" | "status")
    });
    command.args(subcommand);
    let config = home.run().join("litestream.yml");
    let named = arguments.as_slice().iter().any(|argument| argument == "-config");
    if config.exists() && takes_config && !named {
        command.arg("-config").arg(config).arg("-no-expand-env");
    }
    command.args(arguments);
    Ok(command)
}

/// Versions, settings without secrets, events and logs of an engine that does not run.
///
/// # Errors
/// When the journal can't be read.
pub fn doctor_of_a_stopped_engine(
    home: &Path,
    around: &config::Surroundings,
    bundle: Result<Bundle>,
) -> Result<serde_json::Value> {
    let home = Home::new(home);
    let (settings, problems) = match config::load(around) {
        Ok(loaded) => (loaded.show(), Vec::new()),
        Err(problems) => (Vec::new(), problems.into_iter().map(|report| report.message).collect::<Vec<_>>()),
    };
    let events =
        if home.journal().exists() { Journal::open(&home.journal())?.events(0, LINES)? } else { Vec::new() };
    let logs = ["engine", "capture", "store"].map(
        |source| json!({ "source": source, "lines": last_lines(&home.logs().join(format!("{source}.log"))) }),
    );
    let bundle = bundle.and_then(|bundle| bundle.check().map(|()| bundle.dir));
    Ok(json!({
        "made_at": Timestamp::now(),
        "version": env!("CARGO_PKG_VERSION"),
        "running": false,
        "system": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        "home": home.dir(),
        "bundle": bundle.as_ref().ok(),
        "problem_of_the_bundle": bundle.err(),
        "settings": settings,
        "problems_of_the_settings": problems,
        "events": events,
        "logs": logs,
    }))
}

fn last_lines(path: &Path) -> Vec<String> {
    let text =
        std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].iter().map(|line| (*line).to_owned()).collect()
}
