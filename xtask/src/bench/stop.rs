//! Waiting that ends at Ctrl-C: everything that was started and made goes away on the way out.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::failure::failure;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C ends the run in good order.
pub(super) fn listen() -> Result<()> {
    ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed)).context("could not take over Ctrl-C")
}

/// Fails once somebody has pressed Ctrl-C.
pub(super) fn check() -> Result<()> {
    if INTERRUPTED.load(Ordering::Relaxed) {
        return Err(failure("interrupted", "nothing was written; everything that was started has ended"));
    }
    Ok(())
}

/// Waits, unless somebody presses Ctrl-C.
pub(super) fn pause(time: Duration) -> Result<()> {
    let until = Instant::now() + time;
    loop {
        check()?;
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        sleep(left.min(Duration::from_millis(100)));
    }
}

/// Asks every `step` until there is an answer; fails after `limit`, saying what it waited for.
pub(super) fn until<T>(
    what: &str,
    step: Duration,
    limit: Duration,
    mut ask: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let began = Instant::now();
    loop {
        check()?;
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if began.elapsed() > limit {
            return Err(failure(
                format!("waited {} s in vain until {what}", limit.as_secs()),
                "something else may load this machine; try again",
            ));
        }
        sleep(step);
    }
}
