//! How long to wait before a program that ended by itself is started again (DESIGN §4.1): pure.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);
/// A run of this length was a good one.
const GOOD_RUN: Duration = Duration::from_secs(60);
/// This many short runs in a row are a crash loop, which the owner is told.
const LOOP: u32 = 3;

/// Counts the short runs in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Backoff {
    short_runs: u32,
}

impl Backoff {
    /// A run ended by itself after `lasted`: the time to wait before the next one.
    pub(crate) fn ended(&mut self, lasted: Duration) -> Duration {
        if lasted >= GOOD_RUN {
            self.short_runs = 0;
        }
        let wait = FIRST * 2u32.pow(self.short_runs.min(5));
        self.short_runs = self.short_runs.saturating_add(1);
        wait.min(LONGEST)
    }

    /// Whether it ends again and again.
    pub(crate) fn is_loop(self) -> bool {
        self.short_runs >= LOOP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_from_one_to_thirty_seconds_and_starts_again_after_a_good_run() {
        let mut backoff = Backoff::default();
        let short = Duration::from_secs(5);
        let waits: Vec<u64> = (0..7).map(|_| backoff.ended(short).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
        assert!(backoff.is_loop());
        assert_eq!(backoff.ended(GOOD_RUN).as_secs(), 1);
        assert!(!backoff.is_loop());
    }
}
