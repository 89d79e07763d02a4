//! Every chore of this repository: `cargo xtask run | test | bundle | …`. A machine with Rust, Go and Node needs nothing
//! else installed by hand; continuous integration calls the same commands.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "what a chore prints is its user interface")]

mod bench;
mod bundle;
mod cache;
mod command;
mod deny;
mod failure;
mod lint;
mod repo;
mod run;
mod simulate;
mod system_packages;
mod test;
mod ui;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::bundle::Target;
use crate::workspace::Workspace;

/// Every chore of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Protect a sample database and show its live status until Ctrl-C; with `-- --home DIR`, protect your own.
    ///
    /// Builds everything that is missing first. Arguments after `--` go to `sqlite-replicate run`.
    Run(run::Options),
    /// Run every test; the last line is `N passed, N failed`.
    ///
    /// Without a filter this includes formatting, lints, licences and the checks of the repository itself.
    Test(test::Options),
    /// Build the bundled Litestream and MinIO; the last line is the folder that holds them.
    Bundle {
        /// The system that the programs are for; this machine's if left out.
        #[arg(long, value_enum)]
        target: Option<Target>,
    },
    /// Measure speed and footprint beside bare Litestream and MinIO; writes `docs/benchmarks.md`.
    Bench(bench::Options),
    /// Build the pages of the dashboard, which the next build of the program takes in.
    Ui(ui::Options),
    /// Run the failover simulator, optimised; arguments after `--` go to it.
    Simulate(simulate::Options),
    /// Format all Rust code in place.
    Fmt {
        /// Change nothing; fail if a file is not formatted.
        #[arg(long)]
        check: bool,
    },
    /// Check formatting, Clippy's lints, and the dependencies' licences, bans and sources.
    Lint,
    /// Check the repository itself: dependencies have reasons, files are short, links lead somewhere.
    CheckRepo,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match carry_out(arguments.chore) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{}", failure::report(&error));
            ExitCode::FAILURE
        }
    }
}

fn carry_out(chore: Chore) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    match chore {
        Chore::Run(options) => return run::run(&workspace, &options),
        Chore::Test(options) => return test::run(&workspace, &options),
        Chore::Ui(options) => return ui::run(&workspace, &options),
        Chore::Simulate(options) => return simulate::run(&workspace, &options),
        Chore::Bench(options) => bench::run(&workspace, &options)?,
        Chore::Bundle { target } => {
            let target = target.map_or_else(Target::of_this_machine, Ok)?;
            println!("{}", bundle::ensure(target)?.display());
        }
        Chore::Fmt { check: true } => lint::formatting(&workspace)?,
        Chore::Fmt { check: false } => lint::format(&workspace)?,
        Chore::Lint => {
            lint::formatting(&workspace)?;
            lint::clippy(&workspace)?;
            deny::check(&workspace)?;
        }
        Chore::CheckRepo => repo::check_all(&workspace)?,
    }
    Ok(ExitCode::SUCCESS)
}
