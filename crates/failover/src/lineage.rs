//! The line of epochs that a content came from. Lineage is compared, never numbers alone.

use crate::ids::{EpochId, Position};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// What an epoch begins with: a content, named by where it stood in an earlier epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// The epoch whose line holds the content; `None` for the very first epoch of a pair.
    pub epoch: Option<EpochId>,
    /// Where the content stands.
    pub position: Position,
}

/// Why an epoch was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// Pairing named the primary.
    Pairing,
    /// A majority voted.
    Vote,
    /// A person stood in for the missing vote, or waived the lineage check.
    Person,
    /// `automatic-without-witness` found the peer gone.
    Machine,
    /// An earlier moment, or a fork, was put in the place of the content.
    Restore,
}

/// The record of an epoch: what is announced, stored by the voters, and then opened (docs/failover.md rule 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// The epoch, with its host.
    pub epoch: EpochId,
    /// The epoch that it follows.
    pub parent: Option<EpochId>,
    /// The content that it begins with.
    pub base: Base,
    /// Why.
    pub reason: Reason,
}

/// A line of epochs, oldest first, each the parent of the next.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Opening>", into = "Vec<Opening>")]
pub struct Lineage(Arc<[Opening]>);

impl From<Vec<Opening>> for Lineage {
    fn from(openings: Vec<Opening>) -> Self {
        Self(openings.into())
    }
}
impl From<Lineage> for Vec<Opening> {
    fn from(lineage: Lineage) -> Self {
        lineage.0.to_vec()
    }
}

impl fmt::Debug for Lineage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, opening) in self.0.iter().enumerate() {
            write!(f, "{}{}", if at == 0 { "" } else { " > " }, opening.epoch)?;
        }
        Ok(())
    }
}

/// How two lineages stand to each other, seen from the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The same newest epoch.
    Same,
    /// The other continues this one.
    Behind,
    /// This one continues the other.
    Ahead,
    /// Neither contains the other's newest epoch.
    Apart,
}

impl Lineage {
    /// How many epochs are remembered. An older one counts as not contained, which errs on the side of refusing
    /// and of keeping a fork.
    pub const REMEMBERED: usize = 64;

    /// The line of nothing: a voter that has heard of no epoch.
    pub fn empty() -> Self {
        Self(Arc::from([]))
    }

    /// The newest opening.
    pub fn tip(&self) -> Option<&Opening> {
        self.0.last()
    }

    /// The newest epoch.
    pub fn tip_epoch(&self) -> Option<EpochId> {
        self.tip().map(|opening| opening.epoch)
    }

    /// All remembered openings, oldest first.
    pub fn openings(&self) -> &[Opening] {
        &self.0
    }

    /// Whether `epoch` is in this line.
    pub fn contains(&self, epoch: EpochId) -> bool {
        self.0.iter().rev().any(|opening| opening.epoch == epoch)
    }

    /// The opening that followed `epoch` in this line.
    pub fn successor(&self, epoch: EpochId) -> Option<&Opening> {
        self.0.iter().find(|opening| opening.parent == Some(epoch))
    }

    /// Whether a content of `epoch` was replaced by an earlier moment or a fork later in this line.
    pub fn restored_since(&self, epoch: EpochId) -> bool {
        self.0.iter().rev().take_while(|o| o.epoch != epoch).any(|o| o.reason == Reason::Restore)
    }

    /// This line up to and with `epoch`; `None` if it is not in it.
    pub fn up_to(&self, epoch: EpochId) -> Option<Self> {
        let end = self.0.iter().position(|opening| opening.epoch == epoch)?;
        if end + 1 == self.0.len() { Some(self.clone()) } else { Some(Self(self.0[..=end].into())) }
    }

    /// This line continued by `opening`.
    #[must_use]
    pub fn with(&self, opening: Opening) -> Self {
        let skip = (self.0.len() + 1).saturating_sub(Self::REMEMBERED);
        Self(self.0.iter().skip(skip).copied().chain([opening]).collect())
    }

    /// How this line stands to `other`.
    pub fn relation(&self, other: &Self) -> Relation {
        match (self.tip_epoch(), other.tip_epoch()) {
            (mine, theirs) if mine == theirs => Relation::Same,
            (None, _) => Relation::Behind,
            (_, None) => Relation::Ahead,
            (Some(mine), Some(theirs)) => {
                if other.contains(mine) {
                    Relation::Behind
                } else if self.contains(theirs) {
                    Relation::Ahead
                } else {
                    Relation::Apart
                }
            }
        }
    }

    /// Whether this line's newest epoch is numbered above the other's. Says which of two openings came later where
    /// at most one of them can have been opened by a majority; never whether one contains the other.
    pub fn is_later_than(&self, other: &Self) -> bool {
        self.tip_epoch() > other.tip_epoch()
    }
}
