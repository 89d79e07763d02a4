//! What the tests of this module compare with: Litestream's rules, read literally and slowly.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sqlite_replicate_api::Txid;

use super::{Level, Listing, Object};

/// An object whose size tells it from others.
pub(super) fn object(level: u8, min: u64, max: u64) -> Object {
    Object {
        level: Level::new(level).unwrap(),
        min: Txid(min),
        max: Txid(max),
        size: 10_000 * u64::from(level) + 100 * min + max,
        stored_at: Timestamp::UNIX_EPOCH,
        timestamp: None,
    }
}

/// A listing of (level, first, last).
pub(super) fn listing(objects: &[(u8, u64, u64)]) -> Listing {
    objects.iter().map(|(level, min, max)| object(*level, *min, *max)).collect()
}

/// Every listing that a few objects of transactions 1 … 8 can make: 16,384 of them.
pub(super) fn each_subset(mut check: impl FnMut(&Listing)) {
    const ALL: [(u8, u64, u64); 14] = [
        (0, 1, 1),
        (0, 2, 2),
        (0, 3, 3),
        (0, 4, 4),
        (0, 5, 6),
        (0, 7, 7),
        (1, 1, 2),
        (1, 2, 4),
        (1, 3, 5),
        (1, 6, 8),
        (2, 1, 4),
        (2, 5, 8),
        (9, 1, 4),
        (9, 1, 7),
    ];
    for subset in 0_u32..1 << ALL.len() {
        let chosen: Vec<_> = (0..ALL.len()).filter(|i| subset >> i & 1 == 1).map(|i| ALL[i]).collect();
        check(&listing(&chosen));
    }
}

/// The objects of `litestream restore`, `None` where it refuses. Checked on the way against all possible
/// chains.
pub(super) fn litestream_plan(listing: &Listing, target: Option<Txid>) -> Option<Vec<Object>> {
    let limit = target.unwrap_or(Txid(u64::MAX));
    let mut plan: Vec<Object> = Vec::new();
    plan.extend(listing.snapshots().iter().filter(|o| o.max <= limit).max_by_key(|o| o.max));
    let mut reached = plan.first().map_or(Txid(0), |o| o.max);
    loop {
        let mut candidates: Vec<&Object> = listing
            .objects()
            .iter()
            .filter(|o| {
                !o.level.is_snapshot() && o.max <= limit && o.min.0 <= reached.0 + 1 && o.max > reached
            })
            .collect();
        candidates.sort_by(|a, b| b.max.cmp(&a.max).then(a.min.cmp(&b.min)).then(b.level.cmp(&a.level)));
        let Some(next) = candidates.first() else { break };
        reached = next.max;
        plan.push(**next);
    }
    let behind = listing.objects().iter().any(|o| !o.level.is_snapshot() && o.min.0 > reached.0 + 1);
    let refused = plan.is_empty() || target.map_or(behind, |t| reached < t);
    if let Some(target) = target {
        assert_eq!(!refused, reachable(listing, target), "{listing:?} {target:?}");
    }
    (!refused).then_some(plan)
}

/// Whether any chain at all ends exactly at a transaction.
fn reachable(listing: &Listing, target: Txid) -> bool {
    let mut reached = BTreeSet::from([0]);
    loop {
        let next = listing.objects().iter().find(|o| {
            o.max <= target
                && !reached.contains(&o.max.0)
                && reached.iter().any(|r| o.min.0 <= r + 1 && *r < o.max.0)
        });
        match next {
            Some(object) => reached.insert(object.max.0),
            None => return reached.contains(&target.0),
        };
    }
}
