//! From the start of the program until everything committed before is stored.

use std::time::Duration;

use anyhow::Result;

use super::bare::Bare;
use super::ours::Ours;
use super::sample::Pair;
use super::{Bench, database};

/// Between two questions of the observer.
const LOOK: Duration = Duration::from_millis(10);

/// Seconds, so many starts of each side by turns, each with fresh folders.
pub(super) fn measure(bench: &Bench, megabytes: f64, rounds: usize) -> Result<Pair> {
    let mut pair = Pair::default();
    for n in 1..=rounds {
        let folder = bench.folder("start")?;
        let (of_ours, of_bare) = (folder.join("ours.db"), folder.join("bare.db"));
        database::make(&of_ours, megabytes)?;
        database::make(&of_bare, megabytes)?;
        let mut ours = Ours::start(&bench.programs, &bench.folder("start/a")?, &[of_ours])?;
        pair.ours.push(ours.until_stored(1, LOOK)?.as_secs_f64());
        drop(ours);
        let databases = [of_bare];
        let bare = Bare::start(&bench.programs, &bench.folder("start/b")?, &databases)?;
        pair.bare.push(bare.until_stored(&databases, LOOK)?.as_secs_f64());
        drop(bare);
        bench.clear("start")?;
        bench.progress(&format!("start with {megabytes} MB"), n, rounds);
    }
    Ok(pair)
}
