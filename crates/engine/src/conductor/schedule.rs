//! When drills and scans are due, and that they then run: one at a time, so that they never load the PC together.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use sqlite_replicate_api::JobRequest;
use sqlite_replicate_api::config::TimeOfDay;

use crate::core::{Core, Database, lock};
use crate::jobs::check;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(2);
/// A check that could not begin, or failed, is tried again after this time.
const AGAIN: SignedDuration = SignedDuration::from_mins(30);
const DAY: SignedDuration = SignedDuration::from_hours(24);

#[derive(Default)]
pub(super) struct Schedule {
    looked: Option<Instant>,
    tried: std::collections::BTreeMap<(String, &'static str), Timestamp>,
}

impl Schedule {
    /// Begins the next check that is due, unless an operation runs.
    pub(super) async fn look(&mut self, core: &Arc<Core>) {
        if self.looked.is_some_and(|looked| looked.elapsed() < EVERY) || core.jobs.any_running() {
            return;
        }
        self.looked = Some(Instant::now());
        if core.store().is_err() || lock(&core.store_health).trouble.is_some() {
            return;
        }
        let now = Zoned::now();
        let databases = lock(&core.databases).clone();
        for database in databases {
            let ready = database.watched().seen().progress.stored_txid().is_some();
            if !ready || database.busy.try_lock().is_err() {
                continue;
            }
            if database.gave_way.swap(false, Ordering::Relaxed) {
                self.tried.retain(|(id, _), _| *id != database.id);
            }
            let Some(request) = self.due(core, &database, &now) else { continue };
            self.tried.insert((database.id.clone(), request.kind()), now.timestamp());
            *lock(&database.scheduled) = Some(check::begin(core, &database, request).id);
            return;
        }
    }

    fn due(&self, core: &Core, database: &Database, now: &Zoned) -> Option<JobRequest> {
        let checks = lock(&database.checks).clone();
        let tried = |kind| self.tried.get(&(database.id.clone(), kind)).copied();
        let scan = JobRequest::Scan { heal: true };
        let rested = |kind| tried(kind).is_none_or(|at| now.timestamp().duration_since(at) > AGAIN);
        if checks.unchecked && rested("scan") {
            return Some(scan);
        }
        let verify = &core.config().verify;
        let every = SignedDuration::try_from(verify.every.duration()).unwrap_or(DAY);
        let last_scan = checks.scan.map(|scan| scan.at).max(tried("scan"));
        if is_due(last_scan, database.since, verify.scan_at, DAY, now) {
            return Some(scan);
        }
        let last_drill = checks.drill.map(|drill| drill.at).max(tried("drill"));
        is_due(last_drill, database.since, verify.drill_at, every, now).then_some(JobRequest::Drill)
    }
}

/// Whether something that is to happen at `at` (local time) and then every `every` is due, when it last happened at
/// `last`, or never since `began`. What was missed while the PC was off is made up for once.
fn is_due(
    last: Option<Timestamp>,
    began: Timestamp,
    at: TimeOfDay,
    every: SignedDuration,
    now: &Zoned,
) -> bool {
    let done = last.unwrap_or(began);
    if done > now.timestamp() {
        // The clock was set back: what lies in the future says nothing.
        return true;
    }
    // A day's slack: a week is over at the hour of the week before, even if that one began late.
    let long_enough = |slot: Timestamp| every <= DAY || slot.duration_since(done) >= every - DAY / 2;
    newest_slot(at, every, now).is_some_and(|slot| slot > done && long_enough(slot))
}

/// The newest of the times `at + n × every` of yesterday and today that is not after now.
fn newest_slot(at: TimeOfDay, every: SignedDuration, now: &Zoned) -> Option<Timestamp> {
    let zone: TimeZone = now.time_zone().clone();
    let first = |date: jiff::civil::Date| date.to_datetime(at.time()).to_zoned(zone.clone()).ok();
    let today = first(now.date())?.timestamp();
    let mut slot =
        if today <= now.timestamp() { today } else { first(now.date().yesterday().ok()?)?.timestamp() };
    if every < DAY && every > SignedDuration::ZERO {
        while let Ok(next) = slot.checked_add(every)
            && next <= now.timestamp()
        {
            slot = next;
        }
        return Some(slot);
    }
    Some(slot)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(text: &str) -> Zoned {
        format!("{text}[Europe/Berlin]").parse().unwrap()
    }

    fn stamp(text: &str) -> Timestamp {
        now(text).timestamp()
    }

    fn due(last: Option<Timestamp>, began: Timestamp, every: SignedDuration, now: &Zoned) -> bool {
        is_due(last, began, "02:00".parse().unwrap(), every, now)
    }

    #[test]
    fn a_daily_check_is_due_once_a_day_at_its_time() {
        let began = stamp("2026-03-02T12:00");
        assert!(!due(None, began, DAY, &now("2026-03-02T23:00")));
        assert!(due(None, began, DAY, &now("2026-03-03T02:00")));
        let last = Some(stamp("2026-03-03T02:00"));
        assert!(!due(last, began, DAY, &now("2026-03-04T01:59")));
        assert!(due(last, began, DAY, &now("2026-03-04T02:00")));
    }

    #[test]
    fn what_was_missed_is_made_up_for_once() {
        let began = stamp("2026-03-02T12:00");
        assert!(due(Some(began), began, DAY, &now("2026-03-09T08:30")));
        let made_up = Some(stamp("2026-03-09T08:31"));
        assert!(!due(made_up, began, DAY, &now("2026-03-09T20:00")));
    }

    #[test]
    fn an_hourly_check_goes_through_the_day() {
        let hour = SignedDuration::from_hours(1);
        let last = Some(stamp("2026-03-09T08:00"));
        assert!(!due(last, stamp("2026-03-01T00:00"), hour, &now("2026-03-09T08:59")));
        assert!(due(last, stamp("2026-03-01T00:00"), hour, &now("2026-03-09T09:00")));
    }

    #[test]
    fn a_weekly_check_is_due_once_a_week() {
        let week = SignedDuration::from_hours(7 * 24);
        let last = Some(stamp("2026-03-02T02:05"));
        assert!(!due(last, stamp("2026-03-01T00:00"), week, &now("2026-03-08T12:00")));
        assert!(due(last, stamp("2026-03-01T00:00"), week, &now("2026-03-09T02:00")));
    }

    #[test]
    fn a_check_in_the_future_means_that_the_clock_was_set_back() {
        assert!(due(
            Some(stamp("2027-01-01T00:00")),
            stamp("2026-01-01T00:00"),
            DAY,
            &now("2026-03-09T08:59")
        ));
    }
}
