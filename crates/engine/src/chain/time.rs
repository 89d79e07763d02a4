//! Which transaction was the newest at a wanted time, with few look-ups.
//!
//! A LIST does not say when the transactions in an object were captured, only a look at each object does (its
//! metadata or header). So the search asks for one object at a time: about 3 log₂ n of n points.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Listing, Object, Point};

/// A search by time over the points of a listing. Pure: the caller does the look-ups.
///
/// ```
/// # use sqlite_replicate_engine::chain::{Listing, TimeSearch};
/// # fn look_up(_: &sqlite_replicate_engine::chain::Object) -> jiff::Timestamp { jiff::Timestamp::UNIX_EPOCH }
/// # let (listing, wanted) = (Listing::default(), jiff::Timestamp::UNIX_EPOCH);
/// let mut search = TimeSearch::new(&listing, wanted);
/// while let Some(object) = search.next_probe() {
///     search.answer(look_up(&object));
/// }
/// assert!(search.found().is_none(), "there is no history");
/// ```
///
/// **What it finds**: the newest transaction captured at or before the wanted time. Clocks are set back and
/// forth, so the times need not grow; then several transactions fit. The search takes the newest that it can
/// tell: it looks first at the newest point, and before it settles on one, at points ever further behind it
/// (1, 3, 7, …); whichever is not later than the wanted time moves the search there. So a single wrong stamp
/// misleads it by at most that transaction, a clock that ran ahead for a while does not hide what came after
/// it was put right, and after a clock was set back the later pass of that hour wins. Newest is the safe
/// side: nothing that was there at the wanted time is left out, and one who sees too much can go further
/// back. At last it looks at points ever further before the answer, only for [`Found::clock_went_back`]: the
/// answer deserves a look. A stretch of odd times that is shorter than its distance from the answer can be
/// missed.
#[derive(Clone, Debug)]
pub struct TimeSearch {
    points: Vec<Point>,
    wanted: Timestamp,
    known: BTreeMap<usize, Timestamp>,
}

/// What a [`TimeSearch`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The point, with its time.
    pub point: Point,
    /// Whether, among the points that were looked at, a newer one had an earlier time: there may be another
    /// moment of the same time.
    pub clock_went_back: bool,
}

impl TimeSearch {
    /// Begins a search. Times that the listing has are used, not asked for.
    pub fn new(listing: &Listing, wanted: Timestamp) -> Self {
        let points = listing.points();
        let known = points.iter().enumerate().filter_map(|(i, p)| Some((i, p.timestamp()?))).collect();
        Self { points, wanted, known }
    }

    /// The object whose capture time is wanted next; `None` when the search is over. Asking again without an
    /// answer gives the same object.
    ///
    /// If the object is gone (compacted meanwhile), begin again with a new listing.
    pub fn next_probe(&self) -> Option<Object> {
        self.search().err().map(|i| self.points[i].object)
    }

    /// The capture time of the object that [`Self::next_probe`] named. Ignored when the search is over.
    pub fn answer(&mut self, timestamp: Timestamp) {
        if let Err(i) = self.search() {
            self.known.insert(i, timestamp);
        }
    }

    /// The result; `None` while probes are wanted, and if everything is later than the wanted time.
    pub fn found(&self) -> Option<Found> {
        let i = self.search().ok()??;
        let mut point = self.points[i];
        point.object.timestamp = self.known.get(&i).copied();
        let times: Vec<&Timestamp> = self.known.values().collect();
        Some(Found { point, clock_went_back: !times.is_sorted() })
    }

    /// Runs the search on what is known; `Err` names the first point whose time is needed and isn't known.
    /// Going through it anew at each step costs less than one look-up and leaves no state to get wrong.
    fn search(&self) -> Result<Option<usize>, usize> {
        let is_late = |i: usize| self.known.get(&i).map(|t| *t > self.wanted).ok_or(i);
        let Some(last) = self.points.len().checked_sub(1) else { return Ok(None) };
        if !is_late(last)? {
            look_before(last, &is_late)?;
            return Ok(Some(last));
        }
        // `early` is the best so far; `late` was looked at and is later than the wanted time.
        let mut early: Option<usize> = None;
        loop {
            let mut late = last;
            loop {
                let from = early.map_or(0, |i| i + 1);
                if from == late {
                    break;
                }
                let middle = from + (late - from) / 2;
                if is_late(middle)? {
                    late = middle;
                } else {
                    early = Some(middle);
                }
            }
            match first_early_behind(late, last, &is_late)? {
                Some(newer) => early = Some(newer),
                None => break,
            }
        }
        if let Some(early) = early {
            look_before(early, &is_late)?;
        }
        Ok(early)
    }
}

/// Looks 1, 3, 7, … points behind `late` for one that is not late.
fn first_early_behind(
    late: usize,
    last: usize,
    is_late: &impl Fn(usize) -> Result<bool, usize>,
) -> Result<Option<usize>, usize> {
    let mut distance = 1;
    while late + distance < last {
        if !is_late(late + distance)? {
            return Ok(Some(late + distance));
        }
        distance = distance * 2 + 1;
    }
    Ok(None)
}

/// Looks 1, 3, 7, … points before the answer, so that a clock that went back shows.
fn look_before(answer: usize, is_late: &impl Fn(usize) -> Result<bool, usize>) -> Result<(), usize> {
    let mut distance = 1;
    while let Some(i) = answer.checked_sub(distance) {
        is_late(i)?;
        distance = distance * 2 + 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::oracle::object;

    fn second(n: i64) -> Timestamp {
        Timestamp::from_second(n).unwrap()
    }

    /// Searches a history whose transaction i + 1 was captured at second `times[i]`.
    fn search(times: &[i64], wanted: i64) -> (Option<u64>, bool, usize) {
        let listing: Listing = (1..=times.len() as u64).map(|i| object(0, i, i)).collect();
        let mut search = TimeSearch::new(&listing, second(wanted));
        let mut probes = 0;
        while let Some(object) = search.next_probe() {
            assert_eq!(search.next_probe(), Some(object), "asking is free");
            assert_eq!(search.found(), None, "not before it is over");
            search.answer(second(times[object.max.0 as usize - 1]));
            probes += 1;
        }
        let found = search.found();
        if let Some(found) = found {
            let time = times[found.point.txid().0 as usize - 1];
            assert_eq!(found.point.timestamp(), Some(second(time)));
            assert!(time <= wanted);
        }
        (found.map(|f| f.point.txid().0), found.is_some_and(|f| f.clock_went_back), probes)
    }

    #[test]
    fn a_clock_that_only_goes_on_gives_the_newest_transaction_up_to_the_time() {
        for n in 0..40_i64 {
            let times: Vec<i64> = (0..n).map(|i| 10 + i / 2 * 3).collect();
            for wanted in 0..80 {
                let expected = times.iter().rposition(|t| *t <= wanted).map(|i| i as u64 + 1);
                let (found, back, _) = search(&times, wanted);
                assert_eq!((found, back), (expected, false), "{n} {wanted}");
            }
        }
    }

    #[test]
    fn ten_thousand_points_take_few_probes() {
        let times: Vec<i64> = (0..10_000).collect();
        for wanted in [-1, 0, 1, 4_999, 5_000, 9_998, 9_999, 20_000] {
            let (found, _, probes) = search(&times, wanted);
            assert_eq!(found, (wanted >= 0).then(|| wanted.min(9_999) as u64 + 1));
            assert!(probes <= 45, "{wanted}: {probes}");
        }
    }

    #[test]
    fn one_wrong_stamp_misleads_by_one_transaction_at_most() {
        for n in 1..30_usize {
            for wrong in 0..n {
                for stamp in [-1000, 1000] {
                    let mut times: Vec<i64> = (0..n as i64).collect();
                    times[wrong] = stamp;
                    for wanted in 0..n {
                        let (found, ..) = search(&times, wanted as i64);
                        let found = found.map_or(-1, |t| t as i64 - 1);
                        let right = found == wanted as i64;
                        let beside = found == wrong as i64 || wrong == wanted;
                        assert!(right || beside, "{times:?} at {wanted}: {found}");
                    }
                }
            }
        }
    }

    #[test]
    fn after_a_clock_was_set_back_the_newer_pass_wins() {
        // An hour, then the clock is set back by an hour, then it goes on for two.
        let times: Vec<i64> = (0..3600).chain(0..7200).collect();
        let (found, back, _) = search(&times, 1800);
        assert_eq!(found, Some(3600 + 1800 + 1));
        assert!(back);
        // Set back for good: everything is before the end of the first pass.
        let times: Vec<i64> = (5000..9000).chain(0..100).collect();
        assert_eq!(search(&times, 7000).0, Some(4100));
    }

    #[test]
    fn a_clock_that_ran_ahead_hides_nothing_after_it_was_put_right() {
        let times: Vec<i64> = (0..100).chain(1_000_100..1_000_200).chain(200..1000).collect();
        for wanted in [300, 500, 998] {
            assert_eq!(search(&times, wanted).0, Some(wanted as u64 + 1), "{wanted}");
        }
        assert!(search(&times, 300).1, "near enough to be seen");
        // In the middle, where the search looks first.
        let times: Vec<i64> = (0..490).chain(1_000_000..1_000_016).chain(506..1000).collect();
        let (found, back, _) = search(&times, 800);
        assert_eq!((found, back), (Some(801), true));
    }

    #[test]
    fn known_times_are_not_asked_for() {
        let listing: Listing = (1..=100)
            .map(|i| {
                let mut object = object(0, i, i);
                object.timestamp = Some(second(i as i64));
                object
            })
            .collect();
        let search = TimeSearch::new(&listing, second(50));
        assert_eq!(search.next_probe(), None);
        assert_eq!(search.found().unwrap().point.txid().0, 50);
        assert_eq!(TimeSearch::new(&listing, second(0)).found(), None);
    }
}
