//! What is missing from a listing, and what that costs.

use sqlite_replicate_api::Txid;

use super::{Level, Listing, Object};

/// What a hole costs. In order of how bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Nothing is lost but fineness: another level has these transactions as a part of longer files.
    Coarsens,
    /// The newest state can be restored, by a snapshot behind the hole; moments from the hole up to that
    /// snapshot can't.
    HidesMoments,
    /// No snapshot reaches past the hole: nothing behind it can be restored, the newest state included, and
    /// Litestream refuses any restore that does not name a transaction before it.
    BlocksNewest,
}

/// Transactions that objects should hold and don't.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    /// The level where it shows; for a hole in all levels, the finest that goes on behind it.
    pub level: Level,
    /// The last transaction before the hole; 0 if there is nothing before.
    pub after: Txid,
    /// The first transaction behind the hole.
    pub before: Txid,
    /// What it costs.
    pub effect: Effect,
    /// Litestream can't compact past it any more, whatever snapshots are made: the finer level is never
    /// trimmed again and grows without bound. Ends when the missing object is put back, or when the objects
    /// before the hole that the next level doesn't have are removed (a snapshot must reach past the hole
    /// first).
    pub stalls_compaction: bool,
}

impl Hole {
    fn new(level: Level, after: Txid, before: Txid, effect: Effect) -> Self {
        Self { level, after, before, effect, stalls_compaction: false }
    }
}

impl Listing {
    /// All holes, oldest first, however much they matter; normal trimming by retention is none.
    ///
    /// A stretch that no level but 9 has is a hole unless retention explains it: retention of level 0 only
    /// removes what level 1 has, that of higher levels only what ends before the oldest snapshot, and none
    /// cuts in the middle of a level. A stretch that is only missing in the middle of one level
    /// [`Effect::Coarsens`]: also seen on a copy that was off for longer than level 0 is kept.
    pub fn holes(&self) -> Vec<Hole> {
        let runs = self.runs();
        let mut holes = self.missing_everywhere(&runs);
        holes.extend(self.missing_in_one_level(&runs));
        holes.sort_by_key(|h| (h.after, h.level));
        for hole in &mut holes {
            hole.stalls_compaction = Level::ALL.windows(2).any(|pair| self.stalls(pair[0], pair[1], hole));
        }
        holes
    }

    /// Whether `fine` has objects on both sides of a hole that still have to go into `coarse`.
    fn stalls(&self, fine: Level, coarse: Level, hole: &Hole) -> bool {
        // A level above level 1 that is empty may not be configured at all.
        if coarse.is_snapshot() || (fine > Level::CAPTURED && self.level(coarse).is_empty()) {
            return false;
        }
        let done = self.level(coarse).last().map_or(Txid(0), |o| o.max);
        let rest = || self.level(fine).iter().filter(|o| o.min > done);
        rest().any(|o| o.max <= hole.after) && rest().any(|o| o.min >= hole.before)
    }

    /// The stretches of transactions that levels 0 … 8 hold together, with the level of the first object.
    fn runs(&self) -> Vec<Run> {
        let mut objects: Vec<&Object> = self.increments().iter().collect();
        objects.sort_by_key(|o| (o.min, o.level));
        let mut runs: Vec<Run> = Vec::new();
        for object in objects {
            match runs.last_mut() {
                Some(run) if object.min <= run.last.next() => run.last = run.last.max(object.max),
                _ => runs.push(Run { first: object.min, last: object.max, level: object.level }),
            }
        }
        runs
    }

    fn missing_everywhere(&self, runs: &[Run]) -> Vec<Hole> {
        let mut after = Txid(0);
        let mut holes = Vec::new();
        for run in runs {
            if run.first > after.next() {
                let reaches = |snapshot: Option<&Object>| snapshot.is_some_and(|o| o.max.next() >= run.first);
                let effect = if !reaches(self.snapshots().last()) {
                    Some(Effect::BlocksNewest)
                } else if !reaches(self.snapshots().first()) || !self.may_be_trimmed(after, run) {
                    Some(Effect::HidesMoments)
                } else {
                    None
                };
                holes.extend(effect.map(|effect| Hole::new(run.level, after, run.first, effect)));
            }
            after = run.last;
        }
        holes
    }

    /// Whether retention could have removed what lies between `after` and `run`, which the oldest snapshot
    /// contains.
    fn may_be_trimmed(&self, after: Txid, run: &Run) -> bool {
        let goes_across = |level: Level| {
            let objects = self.level(level);
            objects.first().is_some_and(|o| o.max <= after)
                && objects.last().is_some_and(|o| o.min >= run.first)
        };
        let middle = Level::ALL.into_iter().any(|level| !level.is_snapshot() && goes_across(level));
        let front_of_captured = self.level(Level::CAPTURED).first().is_some_and(|o| o.min == run.first);
        let has_compacted = self.increments().iter().any(|o| o.level > Level::CAPTURED);
        // Level 0 is only trimmed up to where level 1 ends, so its first object follows on something.
        !middle && !(front_of_captured && (has_compacted || after == Txid(0)))
    }

    fn missing_in_one_level(&self, runs: &[Run]) -> Vec<Hole> {
        let mut holes = Vec::new();
        for level in Level::ALL.into_iter().filter(|l| !l.is_snapshot()) {
            let mut objects = self.level(level).iter();
            let Some(first) = objects.next() else { continue };
            let mut after = first.max;
            for object in objects {
                let held = |run: &Run| run.first <= after.next() && run.last.next() >= object.min;
                if object.min > after.next() && runs.iter().any(held) {
                    holes.push(Hole::new(level, after, object.min, Effect::Coarsens));
                }
                after = after.max(object.max);
            }
        }
        holes
    }
}

struct Run {
    first: Txid,
    last: Txid,
    level: Level,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::oracle::{self, listing};
    use Effect::{BlocksNewest, Coarsens, HidesMoments};

    fn holes(objects: &[(u8, u64, u64)]) -> Vec<(u8, u64, u64, Effect)> {
        listing(objects).holes().iter().map(|h| (h.level.number(), h.after.0, h.before.0, h.effect)).collect()
    }

    #[test]
    fn the_newest_state_is_blocked_exactly_where_litestream_refuses() {
        oracle::each_subset(|listing| {
            let blocked = listing.holes().iter().any(|h| h.effect == BlocksNewest);
            let refused = !listing.objects().is_empty() && oracle::litestream_plan(listing, None).is_none();
            assert_eq!(blocked, refused, "{listing:?}");
        });
    }

    #[test]
    fn a_whole_history_has_no_hole() {
        assert_eq!(holes(&[]), []);
        assert_eq!(holes(&[(0, 1, 1), (0, 2, 2), (0, 3, 7)]), []);
        // Overlaps are no holes.
        assert_eq!(holes(&[(0, 1, 3), (0, 2, 4), (1, 1, 4)]), []);
    }

    #[test]
    fn normal_trimming_is_no_hole() {
        // Level 0 from its front, as far as level 1 goes.
        assert_eq!(holes(&[(1, 1, 10), (1, 11, 20), (0, 18, 18), (0, 19, 25)]), []);
        assert_eq!(holes(&[(1, 1, 10), (1, 11, 20), (0, 21, 21)]), []);
        // Levels 1 and 2 up to the snapshot before the oldest that is left.
        assert_eq!(holes(&[(9, 1, 30), (9, 1, 50), (2, 21, 40), (1, 35, 45), (0, 44, 55)]), []);
        // The last file of a level is always kept, however old it is.
        assert_eq!(holes(&[(9, 1, 30), (3, 1, 10), (1, 28, 45), (0, 44, 55)]), []);
        // Only a snapshot is left.
        assert_eq!(holes(&[(9, 1, 30)]), []);
    }

    #[test]
    fn a_lost_object_blocks_everything_behind_it() {
        assert_eq!(holes(&[(0, 1, 1), (0, 2, 2), (0, 4, 4)]), [(0, 2, 4, BlocksNewest)]);
        assert_eq!(holes(&[(9, 1, 2), (0, 4, 4)]), [(0, 0, 4, BlocksNewest)]);
        assert_eq!(holes(&[(0, 2, 2)]), [(0, 0, 2, BlocksNewest)]);
        // The only snapshot, from a history that was trimmed.
        assert_eq!(holes(&[(2, 21, 40), (1, 35, 45)]), [(2, 0, 21, BlocksNewest)]);
        // Level 1 lost its end, of which level 0 has only the rest.
        assert_eq!(holes(&[(1, 1, 10), (0, 18, 25)]), [(0, 10, 18, BlocksNewest)]);
        // The same in two levels is one hole.
        assert_eq!(holes(&[(1, 1, 9), (1, 13, 20), (0, 1, 9), (0, 13, 22)]), [(0, 9, 13, BlocksNewest)]);
    }

    #[test]
    fn behind_a_snapshot_a_hole_only_hides_moments() {
        let base = [(0, 1, 1), (0, 2, 2), (0, 4, 4)];
        assert_eq!(holes(&[&base[..], &[(9, 1, 4)]].concat()), [(0, 2, 4, HidesMoments)]);
        assert_eq!(holes(&[&base[..], &[(9, 1, 3)]].concat()), [(0, 2, 4, HidesMoments)]);
        assert_eq!(holes(&[&base[..], &[(9, 1, 2)]].concat()), [(0, 2, 4, BlocksNewest)]);
        // Retention never removes what is newer than the oldest snapshot.
        assert_eq!(holes(&[(9, 1, 5), (9, 1, 30), (2, 1, 9), (1, 12, 40)]), [(1, 9, 12, HidesMoments)]);
        // Level 0 lost its front before level 1 had it.
        assert_eq!(holes(&[(9, 1, 30), (1, 1, 9), (0, 12, 40)]), [(0, 9, 12, HidesMoments)]);
        assert_eq!(holes(&[(9, 1, 30), (0, 12, 40)]), [(0, 0, 12, HidesMoments)]);
    }

    #[test]
    fn a_hole_stalls_compaction_if_both_sides_have_to_go_up() {
        let stalls = |objects: &[(u8, u64, u64)]| -> Vec<bool> {
            listing(objects).holes().iter().map(|h| h.stalls_compaction).collect()
        };
        // As tried with Litestream: also after a snapshot.
        assert_eq!(stalls(&[(1, 1, 15), (0, 16, 22), (0, 24, 40), (9, 1, 24)]), [true]);
        assert_eq!(stalls(&[(0, 1, 22), (0, 24, 40)]), [true]);
        // The next compaction begins behind the hole.
        assert_eq!(stalls(&[(1, 1, 22), (0, 20, 22), (0, 24, 40), (9, 1, 24)]), [false]);
        // The hole is in what was compacted before.
        assert_eq!(stalls(&[(1, 1, 30), (0, 20, 22), (0, 24, 40)]), [false]);
        // Level 1 into level 2; and level 2, which may be the last.
        assert_eq!(stalls(&[(2, 1, 15), (1, 16, 22), (1, 24, 40), (9, 1, 24)]), [true]);
        assert_eq!(stalls(&[(2, 1, 15), (2, 17, 30), (9, 1, 24)]), [false]);
    }

    #[test]
    fn what_another_level_has_is_only_coarser() {
        assert_eq!(holes(&[(0, 1, 1), (0, 3, 3), (1, 1, 3)]), [(0, 1, 3, Coarsens)]);
        assert_eq!(holes(&[(0, 1, 9), (1, 1, 3), (1, 7, 9)]), [(1, 3, 7, Coarsens)]);
        // Two other levels hold it together.
        assert_eq!(holes(&[(0, 1, 1), (0, 7, 7), (1, 1, 4), (2, 5, 6)]), [(0, 1, 7, Coarsens)]);
        // Held in part: what is missing is what counts.
        assert_eq!(holes(&[(0, 1, 1), (0, 7, 7), (1, 2, 4)]), [(0, 4, 7, BlocksNewest)]);
    }
}
