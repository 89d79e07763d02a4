//! `cargo xtask bench`: how fast and how frugal the engine is, beside bare Litestream and MinIO in the same run.
//!
//! Ours and bare take turns at everything, so that whatever else the machine does meets both. The full run writes
//! `docs/benchmarks.md`; raw data goes to `bench` of the target folder. Nothing else is left, Ctrl-C included.

mod bare;
mod database;
mod footprint;
mod http;
mod lag;
mod machine;
mod ours;
mod page;
mod process;
mod restore;
mod sample;
mod start;
mod stop;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::ValueEnum;
use serde::Serialize;
use tempfile::TempDir;

use self::footprint::Footprint;
use self::machine::{Machine, Versions};
use self::sample::Pair;
use crate::bundle::{self, Target};
use crate::command;
use crate::workspace::Workspace;

const PAGE: &str = "docs/benchmarks.md";

/// What `cargo xtask bench` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// A smoke run of about two minutes with little data: prints, but writes no page.
    #[arg(long)]
    quick: bool,
    /// Measures only these parts: prints, but writes no page.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    Lag,
    Start,
    Restore,
    Idle,
}

/// How much is measured.
struct Amount {
    lags: usize,
    starts: usize,
    small_mb: f64,
    large_mb: f64,
    restores: usize,
    databases: [usize; 2],
    rest: u64,
    idle: u64,
}

const FULL: Amount = Amount {
    lags: 150,
    starts: 8,
    small_mb: 10.0,
    large_mb: 1000.0,
    restores: 3,
    databases: [1, 100],
    rest: 10,
    idle: 60,
};

const QUICK: Amount = Amount {
    lags: 10,
    starts: 2,
    small_mb: 10.0,
    large_mb: 50.0,
    restores: 1,
    databases: [1, 20],
    rest: 3,
    idle: 10,
};

/// Everything that was measured, as it goes into the raw data.
#[derive(Clone, Debug, Default, Serialize)]
struct Results {
    machine: Machine,
    versions: Versions,
    began: String,
    load_before: String,
    load_after: String,
    /// Seconds from commit to restorable.
    lag: Option<Pair>,
    /// Seconds until everything is stored, by megabytes.
    starts: Vec<(f64, Pair)>,
    /// Seconds, by what was checked.
    restores: Vec<(String, f64, Pair)>,
    idle: Vec<Footprint>,
}

/// What is measured: our program and the bundled ones.
#[derive(Clone, Debug)]
struct Programs {
    ours: PathBuf,
    bundle: PathBuf,
}

impl Programs {
    /// Our program with a home folder, with no setting of whoever runs the benchmark.
    fn ours(&self, home: &Path) -> Command {
        let mut command = Command::new(&self.ours);
        for (key, _) in
            env::vars_os().filter(|(key, _)| key.to_string_lossy().starts_with("SQLITE_REPLICATE_"))
        {
            command.env_remove(key);
        }
        command.env("SQLITE_REPLICATE_HOME", home).env("SQLITE_REPLICATE_BIN_DIR", &self.bundle);
        command
    }

    /// A bundled program, with nothing of the environment that could change what it does.
    fn bundled(&self, name: &str) -> Command {
        let mut command = Command::new(self.bundle.join(format!("{name}{}", env::consts::EXE_SUFFIX)));
        let kept = ["PATH", "HOME", "TMPDIR", "TZ", "LANG"];
        command.env_clear().envs(kept.iter().filter_map(|name| Some((*name, env::var_os(name)?))));
        command
    }
}

/// What the parts share.
struct Bench {
    programs: Programs,
    work: TempDir,
}

impl Bench {
    /// A folder of this run, made if it is not there.
    fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.work.path().join(name);
        fs::create_dir_all(&folder).with_context(|| format!("could not create `{}`", folder.display()))?;
        Ok(folder)
    }

    /// Makes room.
    fn clear(&self, name: &str) -> Result<()> {
        let folder = self.work.path().join(name);
        fs::remove_dir_all(&folder).with_context(|| format!("could not remove `{}`", folder.display()))
    }

    fn progress(&self, part: &str, done: usize, of: usize) {
        if done == of || done.is_multiple_of((of / 10).max(1)) {
            self.say(&format!("{part}: {done} of {of}"));
        }
    }

    fn say(&self, text: &str) {
        eprintln!("bench: {text}");
    }
}

/// Builds what is missing, measures, prints, and writes the page if everything was measured.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let bundle = bundle::ensure(Target::of_this_machine()?)?;
    command::run(workspace.cargo().args(["build", "--release", "--package", "sqlite-replicate"]))?;
    stop::listen()?;
    let raw = workspace.target.join("bench");
    fs::create_dir_all(&raw).with_context(|| format!("could not create `{}`", raw.display()))?;
    let program = format!("sqlite-replicate{}", env::consts::EXE_SUFFIX);
    let bench = Bench {
        programs: Programs { ours: workspace.target.join("release").join(program), bundle },
        work: tempfile::Builder::new().prefix("run-").tempdir_in(&raw).context("could not make a folder")?,
    };
    let amount = if options.quick { &QUICK } else { &FULL };
    let results = measure(&bench, &workspace.root, amount, &options.only)?;
    let complete = !options.quick && options.only.is_empty();
    let file = raw.join(if complete { "full.json" } else { "partial.json" });
    let json = serde_json::to_vec_pretty(&results).context("could not write the raw data as JSON")?;
    fs::write(&file, json).with_context(|| format!("could not write `{}`", file.display()))?;
    let page = page::render(&results);
    println!("{page}");
    if complete {
        fs::write(workspace.root.join(PAGE), page).with_context(|| format!("could not write `{PAGE}`"))?;
        eprintln!("bench: written to `{PAGE}`; raw data in `{}`", file.display());
    }
    Ok(())
}

fn measure(bench: &Bench, root: &Path, amount: &Amount, only: &[Part]) -> Result<Results> {
    let wanted = |part| only.is_empty() || only.contains(&part);
    let mut results = Results {
        machine: Machine::here(bench.work.path())?,
        versions: machine::versions(&bench.programs, root)?,
        began: machine::now()?,
        load_before: machine::load()?,
        ..Results::default()
    };
    if wanted(Part::Idle) {
        for databases in amount.databases {
            results.idle.push(footprint::measure(bench, databases, amount.rest, amount.idle)?);
        }
    }
    if wanted(Part::Start) {
        let starts = start::measure(bench, amount.small_mb, amount.starts)?;
        results.starts.push((amount.small_mb, starts));
    }
    if wanted(Part::Lag) {
        results.lag = Some(lag::measure(bench, amount.lags)?);
        bench.clear("lag")?;
    }
    if wanted(Part::Restore) {
        let measured = restore::measure(bench, amount.large_mb, amount.restores)?;
        results.starts.push((amount.large_mb, measured.start));
        results.restores.push(("none".to_owned(), amount.large_mb, measured.unchecked));
        results.restores.push(("full".to_owned(), amount.large_mb, measured.checked));
    }
    results.load_after = machine::load()?;
    Ok(results)
}
