//! Makes a failing schedule short: leaves out what is not needed for the same property to break.

use crate::mutations::Mutations;
use crate::sim::schedule::Schedule;
use crate::sim::{Property, run};

/// The shortest schedule found that breaks the same property as `schedule`. Gives up after some hundred runs.
pub fn shrink(schedule: &Schedule, mutations: Mutations, property: Property) -> Schedule {
    let mut best = schedule.clone();
    let mut left = 600;
    let mut fails = |candidate: &Schedule| {
        left -= 1;
        left > 0 && run(candidate, mutations, false).violation.is_some_and(|v| v.property == property)
    };
    for calmer in calmer(&best) {
        if fails(&calmer) {
            best = calmer;
        }
    }
    let mut chunk = best.faults.len().div_ceil(2);
    while chunk > 0 {
        let mut at = 0;
        while at < best.faults.len() {
            let mut candidate = best.clone();
            candidate.faults.drain(at..(at + chunk).min(best.faults.len()));
            if fails(&candidate) {
                best = candidate;
            } else {
                at += chunk;
            }
        }
        chunk /= 2;
    }
    for seed in 0..40 {
        // Other delays may need a shorter chaos.
        let last = best.faults.last().map_or(0, |(at, _)| *at);
        for chaos in [last + 1_000_000, last + 4_000_000, last + 10_000_000] {
            let candidate =
                Schedule { chaos, seed: if seed == 0 { best.seed } else { seed }, ..best.clone() };
            if chaos < best.chaos && fails(&candidate) {
                best = candidate;
            }
        }
    }
    best
}

/// Variants with less noise.
fn calmer(schedule: &Schedule) -> Vec<Schedule> {
    let s = || schedule.clone();
    vec![
        Schedule { late: 0, loss: 0, gone: None, clocks: [10; 5], ..s() },
        Schedule { late: 0, loss: 0, ..s() },
        Schedule { late: 0, ..s() },
        Schedule { loss: 0, ..s() },
    ]
}
