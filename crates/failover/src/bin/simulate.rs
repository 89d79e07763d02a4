//! `simulate`: runs schedules until the time is over, and says how many, how long, and what broke.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool speaks on its standard streams"
)]

use sqlite_replicate_failover::Mutations;
use sqlite_replicate_failover::sim::{Outcome, Schedule, run, shrink};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What was asked for.
struct Options {
    span: Duration,
    seed: Option<u64>,
    trace: bool,
    jobs: usize,
}

/// Totals of all jobs.
#[derive(Default)]
struct Totals {
    schedules: AtomicU64,
    steps: AtomicU64,
    violations: AtomicU64,
    slowest: AtomicU64,
}

fn main() -> ExitCode {
    let options = match parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("error: {problem}\nusage: simulate [--for 60s] [--seed N] [--trace] [--jobs N]");
            return ExitCode::from(2);
        }
    };
    let totals = Totals::default();
    match options.seed {
        Some(seed) => one(seed, options.trace, &totals),
        None => many(&options, &totals),
    }
    let [schedules, steps, violations] = [&totals.schedules, &totals.steps, &totals.violations].map(load);
    println!("{schedules} schedules, {steps} steps, {violations} violations");
    ExitCode::from(u8::from(violations > 0))
}

fn load(number: &AtomicU64) -> u64 {
    number.load(Ordering::Relaxed)
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let jobs = thread::available_parallelism().map_or(1, usize::from);
    let mut options = Options { span: Duration::from_secs(60), seed: None, trace: false, jobs };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("`{argument}` needs a value"));
        match argument.as_str() {
            "--for" => options.span = duration(&value()?)?,
            "--seed" => options.seed = Some(number(&value()?)?),
            "--jobs" => options.jobs = number(&value()?)?.clamp(1, 1024) as usize,
            "--trace" => options.trace = true,
            other => return Err(format!("`{other}` is not known")),
        }
    }
    Ok(options)
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("`{text}` is not a number"))
}

fn duration(text: &str) -> Result<Duration, String> {
    let unit =
        [("h", 3600), ("m", 60), ("s", 1)].into_iter().find_map(|(u, s)| Some((text.strip_suffix(u)?, s)));
    let (digits, seconds) =
        unit.ok_or_else(|| format!("`{text}` is not a duration such as `60s` or `1h`"))?;
    Ok(Duration::from_secs(number(digits)? * seconds))
}

/// One schedule, as often as one likes: the same seed is the same run.
fn one(seed: u64, trace: bool, totals: &Totals) {
    let schedule = Schedule::draw(seed);
    if trace {
        println!("{schedule:?}");
    }
    let outcome = run(&schedule, Mutations::default(), trace);
    for line in &outcome.story {
        println!("{line}");
    }
    add(totals, &outcome);
    if outcome.violation.is_some() {
        report(&schedule, &outcome);
    }
}

/// Schedules of seeds that were never tried, on all jobs, until the time is over.
fn many(options: &Options, totals: &Totals) {
    let first = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs() << 24);
    let next = AtomicU64::new(first);
    let started = Instant::now();
    let speaking = Mutex::new(Duration::ZERO);
    thread::scope(|scope| {
        for _ in 0..options.jobs {
            scope.spawn(|| {
                while started.elapsed() < options.span {
                    let schedule = Schedule::draw(next.fetch_add(1, Ordering::Relaxed));
                    let outcome = run(&schedule, Mutations::default(), false);
                    add(totals, &outcome);
                    if outcome.violation.is_some() && load(&totals.violations) <= 5 {
                        report(&schedule, &outcome);
                    }
                    progress(&speaking, started.elapsed(), options, totals);
                }
            });
        }
    });
}

fn add(totals: &Totals, outcome: &Outcome) {
    totals.schedules.fetch_add(1, Ordering::Relaxed);
    totals.steps.fetch_add(outcome.steps, Ordering::Relaxed);
    totals.slowest.fetch_max(outcome.rest, Ordering::Relaxed);
    if outcome.violation.is_some() {
        totals.violations.fetch_add(1, Ordering::Relaxed);
    }
}

/// Every ten seconds, one line on how far it is.
fn progress(speaking: &Mutex<Duration>, elapsed: Duration, options: &Options, totals: &Totals) {
    let Ok(mut last) = speaking.try_lock() else { return };
    if elapsed < *last + Duration::from_secs(10) {
        return;
    }
    *last = elapsed;
    let steps = load(&totals.steps);
    let rate = steps as f64 / elapsed.as_secs_f64() / options.jobs as f64 / 1e6;
    eprintln!(
        "{:>5} of {} s: {} schedules, {steps} steps ({rate:.2} million a second and job), slowest rest {:.1} s, {} violations",
        elapsed.as_secs(),
        options.span.as_secs(),
        load(&totals.schedules),
        load(&totals.slowest) as f64 / 1e6,
        load(&totals.violations)
    );
}

/// The story of a violation, made short.
fn report(schedule: &Schedule, outcome: &Outcome) {
    let Some(violation) = &outcome.violation else { return };
    eprintln!("seed {}: {violation}", schedule.seed);
    let short = shrink(schedule, Mutations::default(), violation.property);
    let told = run(&short, Mutations::default(), true);
    eprintln!("{short:?}");
    for line in told.story {
        eprintln!("{line}");
    }
}
