//! What the engine costs while nobody writes: memory, and processor time over a minute.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;

use super::ours::Ours;
use super::process::{Cost, cost};
use super::{Bench, database, stop};

/// What one program cost while it was idle.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Idle {
    /// `engine`, `store` or `capture`.
    pub(super) program: String,
    pub(super) memory: Cost,
    /// Of one core, in per cent.
    pub(super) cpu_percent: f64,
}

/// What the engine and its children cost with so many databases.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Footprint {
    pub(super) databases: usize,
    pub(super) seconds: u64,
    pub(super) programs: Vec<Idle>,
}

/// Measures for `seconds` after everything is stored and has come to rest for as long as `rest`.
pub(super) fn measure(bench: &Bench, databases: usize, rest: u64, seconds: u64) -> Result<Footprint> {
    let folder = bench.folder("idle")?;
    let paths: Vec<PathBuf> = (1..=databases).map(|n| folder.join(format!("database-{n}.db"))).collect();
    for path in &paths {
        database::make(path, 0.1)?;
    }
    let mut ours = Ours::start(&bench.programs, &bench.folder("idle/a")?, &paths)?;
    ours.until_stored(databases, Duration::from_millis(100))?;
    stop::pause(Duration::from_secs(rest))?;
    let status = ours.status()?.context("the engine does not answer")?;
    let mut pids = vec![("engine".to_owned(), ours.pid())];
    for child in status["children"].as_array().into_iter().flatten() {
        let pid = child["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
        let name = child["name"].as_str().unwrap_or_default().to_owned();
        pids.push((name, pid.context("a bundled program does not run")?));
    }
    let before = costs(&pids)?;
    let began = Instant::now();
    bench.say(&format!("idle with {databases} databases, {seconds} s"));
    stop::pause(Duration::from_secs(seconds))?;
    let after = costs(&pids)?;
    let took = began.elapsed().as_secs_f64();
    let programs = pids.into_iter().zip(before).zip(after);
    let programs = programs.map(|(((program, _), before), after)| Idle {
        program,
        memory: after,
        cpu_percent: (after.cpu_seconds - before.cpu_seconds) / took * 100.0,
    });
    let footprint = Footprint { databases, seconds, programs: programs.collect() };
    drop(ours);
    bench.clear("idle")?;
    Ok(footprint)
}

fn costs(pids: &[(String, u32)]) -> Result<Vec<Cost>> {
    pids.iter().map(|(_, pid)| cost(*pid)).collect()
}
