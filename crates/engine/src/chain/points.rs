//! Which moments can be restored exactly.

use std::cmp::Reverse;

use jiff::Timestamp;
use sqlite_replicate_api::Txid;

use super::{Level, Listing, Object};

/// A transaction that a restore reaches exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// The finest object that ends there. A snapshot only if nothing else does: its time is when it was made,
    /// which is later than the capture of its last transaction.
    pub object: Object,
    /// Whether the history between the point before and this one is all there. `false` at the oldest point,
    /// and where only a snapshot leads on.
    pub unbroken: bool,
}

impl Point {
    /// The transaction.
    pub fn txid(&self) -> Txid {
        self.object.max
    }

    /// How fine the history is here.
    pub fn level(&self) -> Level {
        self.object.level
    }

    /// When the transaction was captured, if that was looked up (see [`super::TimeSearch`]).
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.object.timestamp
    }
}

/// A stretch of points of one level with an unbroken history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestorableSpan {
    /// First point.
    pub first: Txid,
    /// Last point.
    pub last: Txid,
    /// How fine: level 0 about a second, 1 half a minute, and so on as configured.
    pub level: Level,
    /// How many points, both ends included.
    pub points: u64,
}

impl RestorableSpan {
    /// Whether every transaction in between is a point.
    pub fn is_exact(&self) -> bool {
        self.points == (self.last.0 - self.first.0).saturating_add(1)
    }
}

impl Listing {
    /// Every transaction that can be restored exactly, oldest first. O(n log n).
    pub fn points(&self) -> Vec<Point> {
        let mut objects: Vec<&Object> = self.objects().iter().collect();
        // By the end, finest last; so the last of a group that fits is the one to name.
        objects.sort_by_key(|o| (o.max, Reverse(o.level), o.min));
        let mut points: Vec<Point> = Vec::new();
        for group in objects.chunk_by(|a, b| a.max == b.max) {
            // Whatever can be reached before this group at all, the furthest of it is the best to go on from.
            let reached = points.last().map_or(Txid(0), Point::txid);
            let usable = || group.iter().filter(|o| o.min <= reached.next());
            let Some(object) = usable().next_back() else { continue };
            let unbroken = !points.is_empty() && usable().any(|o| !o.level.is_snapshot());
            points.push(Point { object: **object, unbroken });
        }
        points
    }

    /// The points as few stretches, oldest first: what a history screen shows when there are too many to
    /// list.
    pub fn restorable(&self) -> Vec<RestorableSpan> {
        let mut spans: Vec<RestorableSpan> = Vec::new();
        for point in self.points() {
            let txid = point.txid();
            match spans.last_mut() {
                Some(span) if span.level == point.level() && (point.unbroken || span.level.is_snapshot()) => {
                    span.last = txid;
                    span.points += 1;
                }
                _ => spans.push(RestorableSpan { first: txid, last: txid, level: point.level(), points: 1 }),
            }
        }
        spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::oracle::{self, listing};

    #[test]
    fn points_are_what_litestream_can_restore() {
        oracle::each_subset(|listing| {
            let points: Vec<_> = listing.points().iter().map(Point::txid).collect();
            let expected: Vec<_> =
                (1..=8).map(Txid).filter(|t| oracle::litestream_plan(listing, Some(*t)).is_some()).collect();
            assert_eq!(points, expected, "{listing:?}");
        });
    }

    #[test]
    fn a_point_is_named_by_its_finest_object() {
        let all = listing(&[(9, 1, 3), (1, 1, 2), (1, 3, 4), (0, 3, 3), (0, 4, 4), (0, 6, 6), (9, 1, 8)]);
        let points: Vec<_> =
            all.points().iter().map(|p| (p.txid().0, p.level().number(), p.unbroken)).collect();
        assert_eq!(points, [(2, 1, false), (3, 0, true), (4, 0, true), (8, 9, false)]);
    }

    #[test]
    fn an_object_behind_a_hole_does_not_name_the_snapshot_that_ends_there() {
        let all = listing(&[(0, 1, 1), (0, 5, 5), (9, 1, 5), (0, 6, 6)]);
        let points: Vec<_> =
            all.points().iter().map(|p| (p.txid().0, p.level().number(), p.unbroken)).collect();
        assert_eq!(points, [(1, 0, false), (5, 9, false), (6, 0, true)]);
    }

    #[test]
    fn spans_say_how_fine_the_history_is() {
        let all = listing(&[
            (9, 1, 10),
            (2, 11, 20),
            (2, 21, 30),
            (1, 31, 33),
            (0, 32, 32),
            (0, 33, 33),
            (0, 34, 34),
            (9, 1, 40),
            (0, 41, 41),
        ]);
        let spans: Vec<_> = all
            .restorable()
            .iter()
            .map(|s| (s.first.0, s.last.0, s.level.number(), s.points, s.is_exact()))
            .collect();
        let expected = [
            (10, 10, 9, 1, true),
            (20, 30, 2, 2, false),
            (33, 33, 1, 1, true),
            (34, 34, 0, 1, true),
            (40, 40, 9, 1, true),
            (41, 41, 0, 1, true),
        ];
        assert_eq!(spans, expected);
    }
}
