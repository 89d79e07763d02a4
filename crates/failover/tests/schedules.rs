//! A minute of schedules without a violation, on every core; replay, shrinking and stories.

use sqlite_replicate_failover::sim::{Outcome, Schedule, run, shrink};
use sqlite_replicate_failover::{Mutation, Mutations};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);

fn plain(schedule: &Schedule) -> Outcome {
    run(schedule, Mutations::default(), false)
}

#[test]
fn a_minute_of_schedules_breaks_nothing() {
    let (next, steps) = (AtomicU64::new(0), AtomicU64::new(0));
    let started = Instant::now();
    let jobs = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while started.elapsed() < MINUTE {
                    let schedule = Schedule::draw(next.fetch_add(1, Ordering::Relaxed));
                    let outcome = plain(&schedule);
                    steps.fetch_add(outcome.steps, Ordering::Relaxed);
                    assert_eq!(outcome.violation, None, "seed {}", schedule.seed);
                }
            });
        }
    });
    let (schedules, steps) = (next.into_inner(), steps.into_inner());
    let rate = steps as f64 / started.elapsed().as_secs_f64() / jobs as f64;
    println!("{schedules} schedules, {steps} steps, {rate:.0} steps a second and core");
    assert!(schedules > 1_000, "only {schedules} schedules in a minute say little");
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 0..300 {
        let schedule = Schedule::draw(seed);
        let (first, second) =
            (run(&schedule, Mutations::default(), true), run(&schedule, Mutations::default(), true));
        assert_eq!(first.steps, second.steps, "seed {seed}");
        assert_eq!(first.story, second.story, "seed {seed}");
        assert_eq!(first.steps, plain(&schedule).steps, "seed {seed}: being told changes nothing");
    }
}

#[test]
fn a_failing_schedule_shrinks_to_a_short_story() {
    let mutations = Mutations::only(Mutation::NoMargin);
    let failing =
        (0..).map(Schedule::draw).find_map(|s| Some((run(&s, mutations, false).violation?.property, s)));
    let (property, long) = failing.expect("the range of seeds has no end");
    let short = shrink(&long, mutations, property);
    let told = run(&short, mutations, true);
    assert_eq!(told.violation.map(|violation| violation.property), Some(property));
    assert!(short.faults.len() <= long.faults.len());
    assert!(short.faults.len() <= 4, "{:?}", short.faults);
    let story = told.story.join("\n");
    for word in ["HOST-A", "HOST-B", "Unfence", "OneWriter"] {
        assert!(story.contains(word), "no `{word}` in\n{story}");
    }
}
