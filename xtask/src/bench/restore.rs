//! Restoring a large database, by our command and by bare `litestream restore`, by turns.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::bare::Bare;
use super::ours::Ours;
use super::process::Running;
use super::sample::Pair;
use super::{Bench, database, stop};

/// What restores of one database took, in seconds, and what each start before them took.
pub(super) struct Measured {
    pub(super) start: Pair,
    pub(super) unchecked: Pair,
    pub(super) checked: Pair,
}

/// Protects one database on both sides, then restores it so many times on each, with and without the full check.
pub(super) fn measure(bench: &Bench, megabytes: f64, rounds: usize) -> Result<Measured> {
    let folder = bench.folder("restore")?;
    let (of_ours, of_bare) = (folder.join("ours.db"), folder.join("bare.db"));
    bench.say(&format!("making a database of {megabytes} MB"));
    database::make(&of_ours, megabytes)?;
    fs::copy(&of_ours, &of_bare).context("could not copy the database")?;
    flush()?;
    let look = Duration::from_millis(50);
    bench.say("protecting it");
    let mut ours = Ours::start(&bench.programs, &bench.folder("restore/a")?, std::slice::from_ref(&of_ours))?;
    let start_of_ours = ours.until_stored(1, look)?.as_secs_f64();
    flush()?;
    let bare = Bare::start(&bench.programs, &bench.folder("restore/b")?, std::slice::from_ref(&of_bare))?;
    let start_of_bare = bare.until_stored(std::slice::from_ref(&of_bare), look)?.as_secs_f64();
    let start = Pair { ours: vec![start_of_ours], bare: vec![start_of_bare] };
    let mut measured = Measured { start, unchecked: Pair::default(), checked: Pair::default() };
    for n in 1..=rounds {
        for (integrity, pair) in [("none", &mut measured.unchecked), ("full", &mut measured.checked)] {
            let to = folder.join("restored.db");
            let mut command = ours.command();
            command.args(["restore", "ours", "--integrity", integrity, "--to"]).arg(&to);
            pair.ours.push(timed(&mut command, &to, &of_ours, &folder)?);
            pair.bare.push(timed(&mut bare.restore(&of_bare, integrity, &to), &to, &of_bare, &folder)?);
        }
        bench.progress("restore", n, rounds);
    }
    drop((ours, bare));
    bench.clear("restore")?;
    Ok(measured)
}

/// Runs a restore, which must make a file of the size of the database; then removes the file.
fn timed(command: &mut Command, to: &Path, of: &Path, folder: &Path) -> Result<f64> {
    // What the restore before left to be written must not slow this one.
    flush()?;
    let log = folder.join("restore.txt");
    let began = Instant::now();
    let mut running = Running::start(command, &log)?;
    let seconds = stop::until("a restore ends", Duration::from_millis(5), Duration::from_secs(600), || {
        Ok(running.has_ended()?.then(|| began.elapsed().as_secs_f64()))
    })?;
    let size = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    if size(to) < size(of) / 2 {
        let said = fs::read_to_string(&log).unwrap_or_default();
        anyhow::bail!("a restore made no database; it said: {}", said.trim());
    }
    fs::remove_file(to).context("could not remove a restored database")?;
    Ok(seconds)
}

/// Waits until the disk has everything.
fn flush() -> Result<()> {
    crate::command::output(&mut Command::new("sync")).map(drop)
}
