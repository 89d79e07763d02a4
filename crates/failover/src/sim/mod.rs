//! The deterministic simulator: a whole cluster in one thread, with everything that goes wrong drawn from a seed, and
//! a judge that looks after every step. Test support; never shipped.

mod content;
mod disk;
mod faults;
mod flow;
mod machine;
mod node;
mod oracle;
mod random;
mod schedule;
mod shrink;
mod story;
mod world;

pub use oracle::{Property, Violation};
pub use schedule::{Click, Fault, Schedule, Word};
pub use shrink::shrink;

use crate::mutations::Mutations;
use story::Story;
use world::World;

/// How a schedule ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Events that happened.
    pub steps: u64,
    /// What was broken first, if anything.
    pub violation: Option<Violation>,
    /// The story, if it was asked for.
    pub story: Vec<String>,
    /// Microseconds from the last fault or click to a primary with its standby caught up.
    pub rest: u64,
}

/// Runs a schedule to its end, or to the first violation.
pub fn run(schedule: &Schedule, mutations: Mutations, told: bool) -> Outcome {
    let story = if told { Story::told() } else { Story::silent() };
    let mut world = World::new(schedule.clone(), mutations, story);
    let result = play(&mut world);
    let (violation, rest) = match result {
        Ok(rest) => (None, rest),
        Err(violation) => {
            world.story.tell(world.now, 0, || format!("*** {violation}"));
            (Some(violation), 0)
        }
    };
    Outcome { steps: world.steps, violation, story: world.story.lines(), rest }
}

/// Far more steps than any schedule needs: hosts that answer each other's answers never come to rest.
const STORM: u64 = 20_000;

/// Chaos, healing, rest, and the last look.
fn play(world: &mut World) -> Result<u64, Violation> {
    let chaos = world.schedule.chaos;
    while world.step(chaos)? {}
    world.now = chaos;
    world.heal();
    world.oracle.verdict()?;
    let alive = [0, 1].map(|slot| world.schedule.gone != Some(slot));
    if world.is_bereft() {
        world.oracle.check_end(0, &world.nodes, alive, &world.commits);
        return world.oracle.verdict().map(|()| 0);
    }
    let mut until = world.now;
    let primary = loop {
        until += 250_000;
        while world.step(until)? {}
        world.now = until;
        if let Some(primary) = world.primary() {
            break primary;
        }
        if world.is_overdue() || world.steps > STORM {
            let unrest = world.unrest();
            world.oracle.not_live(|| format!("no single primary: {unrest}"));
            world.oracle.verdict()?;
        }
    };
    let rest = world.now - world.disturbed;
    world.programs_stopped = true;
    world.disturbed = world.now;
    while !world.primary().is_some_and(|primary| world.is_caught_up(primary)) {
        until += 250_000;
        while world.step(until)? {}
        world.now = until;
        if world.is_overdue() || world.steps > STORM {
            let unrest = world.unrest();
            world.oracle.not_live(|| format!("the standby does not catch up: {unrest}"));
            world.oracle.verdict()?;
        }
    }
    let primary = world.primary().unwrap_or(primary);
    let current = world.current(primary);
    world.oracle.check_end(current, &world.nodes, alive, &world.commits);
    world.oracle.verdict()?;
    Ok(rest)
}
