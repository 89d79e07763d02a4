//! From a commit until the object of level 0 that holds it is in the store: from then on a restore has it.
//!
//! Both sides run at the same time and are written to by turns, so that whatever else the machine does meets both. The
//! observer looks into MinIO's folder, where an object appears by one rename, complete, and is listed from then on. That
//! it holds the commit is told by random bytes that the commit wrote and the object contains.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ring::rand::{SecureRandom, SystemRandom};
use rusqlite::Connection;

use super::bare::Bare;
use super::ours::Ours;
use super::sample::Pair;
use super::{Bench, database, stop};

/// Between two looks of the observer.
pub(super) const LOOK: Duration = Duration::from_millis(5);

/// Seconds from commit to restorable, so many of each side.
pub(super) fn measure(bench: &Bench, samples: usize) -> Result<Pair> {
    let folder = bench.folder("lag")?;
    let (of_ours, of_bare) = (folder.join("ours.db"), folder.join("bare.db"));
    database::make(&of_ours, 10.0)?;
    database::make(&of_bare, 10.0)?;
    let mut ours = Ours::start(&bench.programs, &bench.folder("lag/a")?, std::slice::from_ref(&of_ours))?;
    let bare = Bare::start(&bench.programs, &bench.folder("lag/b")?, std::slice::from_ref(&of_bare))?;
    ours.until_stored(1, LOOK * 10)?;
    bare.until_stored(std::slice::from_ref(&of_bare), LOOK * 10)?;
    let mut sides = [Side::new(&of_ours, ours.level_0("ours")?)?, Side::new(&of_bare, bare.level_0("bare"))?];
    let mut pair = Pair::default();
    for n in 1..=samples {
        // Who goes first changes too: nothing that happens once a second can always meet the same side.
        let order = if n % 2 == 0 { [0, 1] } else { [1, 0] };
        for side in order {
            let lag = sides[side].sample()?;
            if side == 0 { pair.ours.push(lag) } else { pair.bare.push(lag) }
        }
        bench.progress("lag", n, samples);
    }
    Ok(pair)
}

struct Side {
    program: Connection,
    store: PathBuf,
    known: BTreeSet<PathBuf>,
    random: SystemRandom,
}

impl Side {
    fn new(database: &Path, store: PathBuf) -> Result<Self> {
        let mut side = Self {
            program: database::open(database)?,
            store,
            known: BTreeSet::new(),
            random: SystemRandom::new(),
        };
        side.new_objects()?;
        Ok(side)
    }

    /// One commit at a random moment of the second, and how long it takes to be stored.
    fn sample(&mut self) -> Result<f64> {
        let mut mark = [0; 16];
        self.random.fill(&mut mark).map_err(|_| anyhow::anyhow!("the system has no random numbers"))?;
        // A thousandth of a second is fine enough for the phase.
        let wait = u64::from(u16::from_be_bytes([mark[0], mark[1]])) % 1000;
        stop::pause(Duration::from_millis(wait))?;
        self.new_objects()?;
        self.program
            .execute("INSERT INTO marks (mark) VALUES (?1)", [&mark[..]])
            .context("could not write")?;
        let committed = Instant::now();
        stop::until("a commit is stored", LOOK, Duration::from_secs(60), || {
            for object in self.new_objects()? {
                if holds(&object, &mark)? {
                    return Ok(Some(committed.elapsed().as_secs_f64()));
                }
            }
            Ok(None)
        })
    }

    /// Objects that have come since the last call.
    fn new_objects(&mut self) -> Result<Vec<PathBuf>> {
        let listed = fs::read_dir(&self.store)
            .with_context(|| format!("could not read `{}`", self.store.display()))?
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| !self.known.contains(path) && path.join("xl.meta").is_file());
        let new: Vec<PathBuf> = listed.collect();
        self.known.extend(new.iter().cloned());
        Ok(new)
    }
}

/// Whether an object, small ones being in MinIO's description of them, contains these bytes. Litestream compresses, but
/// random bytes stay as they are.
fn holds(object: &Path, mark: &[u8]) -> Result<bool> {
    for entry in fs::read_dir(object).with_context(|| format!("could not read `{}`", object.display()))? {
        let path = entry?.path();
        let found = if path.is_dir() {
            holds(&path, mark)?
        } else {
            let bytes = fs::read(&path).with_context(|| format!("could not read `{}`", path.display()))?;
            bytes.windows(mark.len()).any(|window| window == mark)
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_wherever_the_object_keeps_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let object = folder.path().join("1-1.ltx");
        fs::create_dir_all(object.join("id")).unwrap();
        fs::write(object.join("xl.meta"), b"head").unwrap();
        fs::write(object.join("id/part.1"), b"..the-mark..").unwrap();
        assert!(holds(&object, b"the-mark").unwrap());
        assert!(!holds(&object, b"another").unwrap());
    }
}
