//! `cargo xtask bundle`: Litestream and MinIO, built from source at pinned versions, with their licences.
//!
//! A bundle is one folder, complete or absent: it is built beside its place and renamed into it. Its name is derived from
//! what goes in (versions, flags, target), so a changed pin makes a new folder and an old checkout finds its old one.

mod go;
mod manifest;
mod notices;
mod programs;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::cache;

use self::go::Go;
use self::manifest::Manifest;
pub(crate) use self::programs::Target;
use self::programs::{PROGRAMS, key};

/// The folder with the bundle for `target`, built if it is missing or damaged.
pub(crate) fn ensure(target: Target) -> Result<PathBuf> {
    let bundles = cache::root()?.join("bundle");
    let key = key(target, PROGRAMS);
    let folder = bundles.join(&key);
    if damage(&folder).is_none() {
        return Ok(folder);
    }
    // One lock for all bundles: two Go builds at once would only take turns on the same cores.
    let _lock = cache::lock(&bundles.join("lock"))?;
    // Another run may have built it while this one waited.
    let Some(damage) = damage(&folder) else { return Ok(folder) };
    if folder.exists() {
        eprintln!("the bundle in `{}` will be built again: {damage:#}", folder.display());
    }
    let staging = bundles.join(format!("{key}.building"));
    build(target, &staging, &folder).with_context(|| format!("could not build the bundle for `{target}`"))?;
    Ok(folder)
}

/// What keeps the bundle in `folder` from being used: a program is not there with the content that it was built with.
fn damage(folder: &Path) -> Option<anyhow::Error> {
    Manifest::read(folder).and_then(|manifest| manifest.check(folder)).err()
}

/// Builds into `staging`, from which an interrupted build may have left something, and moves it to `folder`.
fn build(target: Target, staging: &Path, folder: &Path) -> Result<()> {
    let go = Go::find()?;
    remove_if_there(staging)?;
    fs::create_dir_all(staging).with_context(|| format!("could not create `{}`", staging.display()))?;

    let mut built = Vec::new();
    for (index, program) in PROGRAMS.iter().enumerate() {
        eprintln!(
            "building {} {} for {target} ({} of {}; the first time takes some minutes) …",
            program.name,
            program.version,
            index + 1,
            PROGRAMS.len()
        );
        let started = Instant::now();
        let binary = go.install(program, target, staging)?;
        eprintln!("built {} in {} s", program.name, started.elapsed().as_secs());
        built.push((program, binary));
    }
    notices::write(&go, target, &built, staging)?;
    // The manifest comes last: it says that everything before it is there.
    Manifest::of(&go, target, &built)?.write(staging)?;

    remove_if_there(folder)?;
    fs::rename(staging, folder)
        .with_context(|| format!("could not move `{}` to `{}`", staging.display(), folder.display()))
}

fn remove_if_there(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("could not remove `{}`", folder.display()))?;
    }
    Ok(())
}
