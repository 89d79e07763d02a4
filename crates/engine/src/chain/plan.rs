//! Which objects a restore takes.

use sqlite_replicate_api::Txid;

use super::{Listing, Object};

/// The objects of a restore, in the order in which they are applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainPlan {
    /// At least one; the first is a whole database.
    pub objects: Vec<Object>,
    /// How much has to be read, in bytes.
    pub bytes: u64,
    /// The transaction that the result is at.
    pub reached: Txid,
}

/// Why a restore can't be planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// There are no objects.
    #[error("there is no history")]
    Empty,
    /// The target can't be reached: it lies in or behind a hole, between two restore points, or is not there
    /// at all. Without a target: something behind a hole is newer than everything that can be reached, and
    /// Litestream refuses.
    #[error("{}", unreachable_text(target, newest_before))]
    Unreachable {
        /// What was asked for; `None` is the newest.
        target: Option<Txid>,
        /// The newest transaction up to the target that can be restored: what to offer instead.
        newest_before: Option<Txid>,
    },
}

fn unreachable_text(target: &Option<Txid>, newest_before: &Option<Txid>) -> String {
    let what = target.map_or_else(|| "the newest transaction".to_owned(), |t| format!("transaction {t}"));
    match newest_before {
        Some(before) => format!("{what} can't be restored; the newest that can before it is {before}"),
        None => format!("{what} can't be restored, and nothing before it"),
    }
}

impl Listing {
    /// The objects that Litestream's restore takes: the newest snapshot up to the target, then again and
    /// again the object that reaches furthest without going beyond the target.
    ///
    /// # Errors
    /// [`ChainError`]; exactly where `litestream restore` refuses.
    pub fn plan(&self, target: Option<Txid>) -> Result<ChainPlan, ChainError> {
        if self.objects().is_empty() {
            return Err(ChainError::Empty);
        }
        let objects = self.chain(target.unwrap_or(Txid(u64::MAX)));
        let reached = objects.last().map(|o| o.max);
        let complete = match target {
            Some(target) => reached == Some(target),
            None => reached == self.newest(),
        };
        match reached {
            Some(reached) if complete => {
                Ok(ChainPlan { bytes: objects.iter().map(|o| o.size).sum(), objects, reached })
            }
            _ => {
                let newest_before = self
                    .points()
                    .iter()
                    .map(|p| p.txid())
                    .filter(|txid| target.is_none_or(|t| *txid <= t))
                    .max();
                Err(ChainError::Unreachable { target, newest_before })
            }
        }
    }

    /// The chain that reaches furthest, never beyond `limit`; empty if nothing can be restored.
    fn chain(&self, limit: Txid) -> Vec<Object> {
        let base = self.snapshots().iter().rfind(|o| o.max <= limit);
        let mut chain: Vec<Object> = base.into_iter().copied().collect();
        let mut reached = base.map_or(Txid(0), |o| o.max);
        // By first transaction, so that each object is looked at once however long the history is.
        let mut rest: Vec<&Object> =
            self.increments().iter().filter(|o| o.max <= limit && o.max > reached).collect();
        rest.sort_by_key(|o| o.min);
        let mut rest = rest.into_iter().peekable();
        let mut best: Option<&Object> = None;
        loop {
            while let Some(object) = rest.next_if(|o| o.min <= reached.next()) {
                if best.is_none_or(|best| preference(object) > preference(best)) {
                    best = Some(object);
                }
            }
            match best.take_if(|o| o.extends(reached)) {
                Some(object) => {
                    reached = object.max;
                    chain.push(*object);
                }
                None => return chain,
            }
        }
    }
}

/// Of two objects that could come next Litestream takes the one that reaches further, then the longer, then
/// the higher.
fn preference(object: &Object) -> (Txid, std::cmp::Reverse<Txid>, super::Level) {
    (object.max, std::cmp::Reverse(object.min), object.level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::oracle::{self, listing, object};

    fn keys(plan: &ChainPlan) -> Vec<(u8, u64, u64)> {
        plan.objects.iter().map(|o| (o.level.number(), o.min.0, o.max.0)).collect()
    }

    #[test]
    fn the_furthest_reaching_object_wins() {
        let all = listing(&[(0, 1, 1), (0, 2, 2), (0, 3, 3), (0, 4, 4), (1, 1, 2), (1, 3, 4), (2, 1, 4)]);
        let plan = all.plan(None).unwrap();
        assert_eq!(keys(&plan), [(2, 1, 4)]);
        assert_eq!(plan.bytes, object(2, 1, 4).size);
        assert_eq!(keys(&all.plan(Some(Txid(3))).unwrap()), [(1, 1, 2), (0, 3, 3)]);
        let snapshot = listing(&[(9, 1, 3), (1, 1, 4), (0, 5, 5)]);
        assert_eq!(keys(&snapshot.plan(None).unwrap()), [(9, 1, 3), (1, 1, 4), (0, 5, 5)]);
        assert_eq!(keys(&snapshot.plan(Some(Txid(3))).unwrap()), [(9, 1, 3)]);
    }

    #[test]
    fn a_hole_ends_in_an_offer() {
        let hole = listing(&[(0, 1, 1), (0, 2, 2), (0, 4, 4)]);
        let refused = |target, newest_before| Err(ChainError::Unreachable { target, newest_before });
        assert_eq!(hole.plan(None), refused(None, Some(Txid(2))));
        assert_eq!(hole.plan(Some(Txid(4))), refused(Some(Txid(4)), Some(Txid(2))));
        assert_eq!(hole.plan(Some(Txid(1))).unwrap().reached, Txid(1));
        assert_eq!(listing(&[]).plan(None), Err(ChainError::Empty));
        assert_eq!(listing(&[(0, 5, 5)]).plan(None), refused(None, None));
        let text = hole.plan(None).unwrap_err().to_string();
        assert!(text.ends_with("the newest that can before it is 0000000000000002"), "{text}");
    }

    #[test]
    fn every_subset_agrees_with_litestreams_rules_read_literally() {
        oracle::each_subset(|listing| {
            for target in (1..=8).map(|t| Some(Txid(t))).chain([None]) {
                let expected = oracle::litestream_plan(listing, target);
                let plan = listing.plan(target);
                assert_eq!(
                    plan.as_ref().ok().map(|p| &p.objects),
                    expected.as_ref(),
                    "{listing:?} {target:?}"
                );
                if let Err(ChainError::Unreachable { newest_before, .. }) = plan {
                    let offer = (1..=target.map_or(8, |t| t.0))
                        .rev()
                        .map(Txid)
                        .find(|t| oracle::litestream_plan(listing, Some(*t)).is_some());
                    assert_eq!(newest_before, offer, "{listing:?} {target:?}");
                }
            }
        });
    }
}
