//! On what and with what was measured.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use rusqlite::Connection;
use serde::Serialize;

use super::Programs;
use crate::command;
use crate::failure::failure;

/// The machine, as its system describes it.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Machine {
    pub(super) processor: String,
    pub(super) cores: usize,
    pub(super) memory_gib: f64,
    pub(super) kernel: String,
    pub(super) disk: String,
}

/// Names and versions of what was measured.
pub(super) type Versions = Vec<(String, String)>;

impl Machine {
    /// This one, with the disk that holds `folder`.
    pub(super) fn here(folder: &Path) -> Result<Self> {
        let read = |path: &str| {
            fs::read_to_string(path).map_err(|error| {
                failure(format!("could not read `{path}`: {error}"), "the benchmark runs on Linux only")
            })
        };
        let processors = read("/proc/cpuinfo")?;
        let value = |line: &str| line.split_once(':').map(|(_, value)| value.trim().to_owned());
        let of_processors =
            |key: &str| processors.lines().filter(|line| line.starts_with(key)).filter_map(value).collect();
        let models: Vec<String> = of_processors("model name");
        let memory = read("/proc/meminfo")?;
        let kilobytes: f64 = memory
            .split_whitespace()
            .nth(1)
            .and_then(|number| number.parse().ok())
            .context("`/proc/meminfo` does not begin with a number")?;
        Ok(Self {
            processor: models.first().cloned().unwrap_or_else(|| "unknown".to_owned()),
            cores: std::thread::available_parallelism().map_or(models.len(), usize::from),
            memory_gib: kilobytes / 1024.0 / 1024.0,
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            disk: disk(&read("/proc/mounts")?, folder),
        })
    }
}

/// Device and file system of a folder.
fn disk(mounts: &str, folder: &Path) -> String {
    let mounted = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ');
        let (device, place, kind) = (fields.next()?, PathBuf::from(fields.next()?), fields.next()?);
        folder.starts_with(&place).then(|| (place.components().count(), format!("{kind} on `{device}`")))
    });
    mounted.max_by_key(|(depth, _)| *depth).map_or_else(|| "unknown".to_owned(), |(_, disk)| disk)
}

/// How many processes wanted to run, on average, in the last 1, 5 and 15 minutes.
pub(super) fn load() -> Result<String> {
    let text = fs::read_to_string("/proc/loadavg").context("could not read `/proc/loadavg`")?;
    Ok(text.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
}

/// The time now, UTC.
pub(super) fn now() -> Result<String> {
    let memory = Connection::open_in_memory().context("could not open SQLite")?;
    let time = memory.query_row("SELECT strftime('%Y-%m-%d %H:%M', 'now')", [], |row| row.get(0));
    time.context("could not ask for the time")
}

/// What exactly is measured.
pub(super) fn versions(programs: &Programs, root: &Path) -> Result<Versions> {
    let last_word = |mut command: Command| -> Result<String> {
        let said = command::output(&mut command)?;
        let line = said.lines().next().unwrap_or_default();
        Ok(line
            .split_whitespace()
            .find(|word| word.contains(|c: char| c.is_ascii_digit()))
            .unwrap_or(line)
            .to_owned())
    };
    let ask = |name: &str, argument: &str| {
        let mut command = programs.bundled(name);
        command.arg(argument);
        last_word(command)
    };
    let mut git = Command::new("git");
    git.current_dir(root).args(["rev-parse", "--short", "HEAD"]);
    let mut ours = programs.ours(root);
    ours.arg("--version");
    let version = format!("{} (commit `{}`)", last_word(ours)?, command::output(&mut git)?.trim());
    Ok(vec![
        ("SQLite Replicate".to_owned(), version),
        ("Litestream".to_owned(), ask("litestream", "version")?),
        ("MinIO".to_owned(), ask("minio", "--version")?),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_is_the_deepest_mount_above_a_folder() {
        let mounts = "/dev/a / ext4 rw 0 0\n/dev/b /data xfs rw 0 0\n/dev/c /database btrfs rw 0 0\n";
        assert_eq!(disk(mounts, Path::new("/data/x/y")), "xfs on `/dev/b`");
        assert_eq!(disk(mounts, Path::new("/home")), "ext4 on `/dev/a`");
    }

    #[test]
    fn the_time_is_a_date_and_a_minute() {
        let now = now().unwrap();
        assert_eq!((now.len(), now.find('-'), now.rfind(':')), (16, Some(4), Some(13)), "{now}");
    }
}
