//! Each deliberate mistake is caught. A simulator that finds nothing proves nothing until it finds these.

use sqlite_replicate_failover::sim::{Property, Schedule, run};
use sqlite_replicate_failover::{Mutation, Mutations};
use std::time::{Duration, Instant};

/// How many schedules, from the first seed on, catch even the rarest mistake; far more than any needs.
const ENOUGH: u64 = 150_000;

fn caught(mutation: Mutation) -> Option<(u64, Property, Duration)> {
    let started = Instant::now();
    (0..ENOUGH).find_map(|seed| {
        let outcome = run(&Schedule::draw(seed), Mutations::only(mutation), false);
        outcome.violation.map(|violation| (seed, violation.property, started.elapsed()))
    })
}

#[test]
fn every_mistake_is_caught_within_a_minute() {
    let mut missed = Vec::new();
    for mutation in Mutation::ALL {
        match caught(mutation) {
            Some((seed, property, time)) => {
                println!("{mutation:?}: {property:?} by seed {seed} after {time:.2?}");
                assert!(time < Duration::from_secs(60), "{mutation:?} took {time:?}");
            }
            None => missed.push(mutation),
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
}
