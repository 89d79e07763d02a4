//! Whether the clock on the wall goes with the time that passes: pure.

use std::time::Instant;

use jiff::Timestamp;

/// Less than this many seconds is what time servers correct every day.
const CORRECTION: f64 = 5.0;

/// The last look at both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    wall: Timestamp,
    passed: Instant,
}

impl Clock {
    /// Begins to look.
    pub(super) fn new(wall: Timestamp, passed: Instant) -> Self {
        Self { wall, passed }
    }

    /// By how many seconds the clock was set back since the last look, if it was.
    pub(super) fn look(&mut self, wall: Timestamp, passed: Instant) -> Option<f64> {
        let before = std::mem::replace(self, Self { wall, passed });
        let should = passed.saturating_duration_since(before.passed).as_secs_f64();
        let back = should - wall.duration_since(before.wall).as_secs_f64();
        (back > CORRECTION).then_some(back)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_a_clock_that_goes_back_is_told_and_only_once() {
        let begun = Instant::now();
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let after = |seconds| begun + Duration::from_secs(seconds);
        let mut clock = Clock::new(at(1_000), begun);
        assert_eq!(clock.look(at(1_001), after(1)), None);
        assert_eq!(clock.look(at(999), after(2)), None, "a correction");
        assert_eq!(clock.look(at(400), after(3)), Some(600.0));
        assert_eq!(clock.look(at(401), after(4)), None);
        // Set forward, or the PC has slept: nothing is lost by it.
        assert_eq!(clock.look(at(9_000), after(5)), None);
    }
}
