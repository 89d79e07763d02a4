//! Processes that this run started: ended when they are dropped, and what the system says about their cost.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::command;

/// A process of this run's own. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Running(pub(super) Child);

impl Running {
    /// Starts it with its output in `log`, out of the reach of the terminal's Ctrl-C: it is ended in order.
    pub(super) fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let output = File::create(log).with_context(|| format!("could not create `{}`", log.display()))?;
        let errors = output.try_clone().context("could not share a log")?;
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        let started = command.spawn();
        Ok(Self(started.with_context(|| format!("could not start `{}`", command::shown(command)))?))
    }

    /// Whether it has ended.
    pub(super) fn has_ended(&mut self) -> Result<bool> {
        Ok(self.0.try_wait().context("could not ask for a process")?.is_some())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone afterwards.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a process costs, in bytes and seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Cost {
    /// Resident memory, and that with shared pages counted by their share.
    pub(super) rss: u64,
    pub(super) pss: u64,
    /// The most that was ever resident.
    pub(super) peak: u64,
    /// User and system time since it began.
    pub(super) cpu_seconds: f64,
}

/// What a process costs now, by `/proc`.
pub(super) fn cost(pid: u32) -> Result<Cost> {
    let read = |file: &str| {
        fs::read_to_string(format!("/proc/{pid}/{file}"))
            .with_context(|| format!("could not read `{file}` of process {pid}"))
    };
    let (memory, status, stat) = (read("smaps_rollup")?, read("status")?, read("stat")?);
    Ok(Cost {
        rss: kilobytes(&memory, "Rss:").context("`smaps_rollup` has no Rss")? * 1024,
        pss: kilobytes(&memory, "Pss:").context("`smaps_rollup` has no Pss")? * 1024,
        peak: kilobytes(&status, "VmHWM:").context("`status` has no VmHWM")? * 1024,
        cpu_seconds: cpu_seconds(&stat).context("`stat` has no times")?,
    })
}

fn kilobytes(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with(key))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Fields 14 and 15 of `/proc/PID/stat`, in hundredths of a second on every Linux (`USER_HZ`). The name, field 2, may
/// hold anything but ends with the last parenthesis.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_any_name() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 3 0 100 200 300";
        assert_eq!(cpu_seconds(stat), Some(2.0));
        assert_eq!(cpu_seconds("42 (a"), None);
    }

    #[test]
    fn memory_is_read_by_its_key() {
        let text = "55-ff ---p 00000000 00:00 0 [rollup]\nRss:    12 kB\nPss:     7 kB\nPss_Dirty: 3 kB\n";
        assert_eq!((kilobytes(text, "Rss:"), kilobytes(text, "Pss:")), (Some(12), Some(7)));
        assert_eq!(kilobytes(text, "Swap:"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_costs_something() {
        let cost = cost(std::process::id()).unwrap();
        assert!(cost.rss > 0 && cost.pss <= cost.rss && cost.peak >= cost.rss / 2, "{cost:?}");
    }
}
