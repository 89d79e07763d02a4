//! A host's own epoch from the vote to its end, each state a type of its own: what is promised can only be announced,
//! what is announced can only be opened or undone, and only what is opened may be written (docs/failover.md rules 1, 4, 5).

use crate::ids::{EpochId, EpochNumber, Position, Term, VoterId};
use crate::lineage::{Base, Lineage, Opening, Reason};
use serde::{Deserialize, Serialize};

/// Where the content of a new epoch comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// The copy that this standby received: inbox, store and warm copy together.
    Copy,
    /// The fenced file of this host's own ended epoch.
    OwnFile,
    /// An earlier moment or a fork, to take the place of the current content.
    Restore(Position),
}

/// A term that a majority promised to this host, or that stands in for it. Nothing is on disk but the votes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promised {
    term: Term,
    number: EpochNumber,
    parent: Lineage,
    reason: Reason,
}

/// An opening that is on this host's disk: the file may be moved. Nothing may be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    opening: Opening,
    parent: Lineage,
    source: Source,
    before: Option<Opened>,
}

/// An epoch that a majority stored as opened. The only state in which a host may write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    lineage: Lineage,
    opening: Opening,
}

/// An epoch that has ended for ever. Its file is still in place, fenced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    opened: Opened,
    heir: Option<Heir>,
}

/// To whom an epoch was released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heir {
    /// The standby of the switchover.
    pub host: VoterId,
    /// The term that it was released to.
    pub term: Term,
    /// What the standby had acknowledged and applied: everything.
    pub position: Position,
}

/// What a host is to its own epoch, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tenure {
    /// Standby: no file of its own at the program's path.
    Follows,
    /// An opening is being made.
    Announced(Announced),
    /// Primary.
    Opened(Opened),
    /// Was primary; resuming needs a new epoch.
    Released(Released),
}

impl Promised {
    /// The term that a claim won.
    pub(crate) fn by_claim(term: Term, parent: Lineage, reason: Reason) -> Self {
        Self { term, number: EpochNumber::FIRST, parent, reason }
    }

    /// The primary's own term, for an in-place restore (rule 10).
    pub(crate) fn by_holder(opened: &Opened) -> Self {
        let EpochId { term, number, .. } = opened.epoch();
        Self { term, number: number.next(), parent: opened.lineage.clone(), reason: Reason::Restore }
    }

    /// The term.
    pub fn term(&self) -> Term {
        self.term
    }

    /// The line that the new epoch will continue.
    pub fn parent(&self) -> &Lineage {
        &self.parent
    }

    /// Fixes epoch and base.
    pub(crate) fn announce(
        &self,
        host: VoterId,
        base: Position,
        source: Source,
        before: &Tenure,
    ) -> Announced {
        let parent = self.parent.tip_epoch();
        let epoch = EpochId { term: self.term, number: self.number, host };
        let opening =
            Opening { epoch, parent, base: Base { epoch: parent, position: base }, reason: self.reason };
        let before = match before {
            Tenure::Opened(opened) | Tenure::Released(Released { opened, .. }) => Some(opened.clone()),
            Tenure::Follows | Tenure::Announced(_) => None,
        };
        Announced { opening, parent: self.parent.clone(), source, before }
    }
}

impl Announced {
    /// The opening.
    pub fn opening(&self) -> &Opening {
        &self.opening
    }

    /// Where its content comes from.
    pub fn source(&self) -> Source {
        self.source
    }

    /// The line with the opening.
    pub fn lineage(&self) -> Lineage {
        self.parent.with(self.opening)
    }

    /// A majority, or what stands in for it, stored the opening.
    pub(crate) fn opened(&self) -> Opened {
        Opened { lineage: self.lineage(), opening: self.opening }
    }

    /// Back to what was before. An own epoch has ended all the same: its number or term is burnt.
    pub(crate) fn undone(&self) -> Tenure {
        match &self.before {
            Some(opened) => Tenure::Released(Released { opened: opened.clone(), heir: None }),
            None => Tenure::Follows,
        }
    }
}

impl Opened {
    /// The first epoch of a pair, on the host that pairing names as primary.
    pub fn by_pairing(host: VoterId, position: Position) -> Self {
        let epoch = EpochId { term: Term::FIRST, number: EpochNumber::FIRST, host };
        let base = Base { epoch: None, position };
        let opening = Opening { epoch, parent: None, base, reason: Reason::Pairing };
        Self { lineage: Lineage::empty().with(opening), opening }
    }

    /// The epoch.
    pub fn epoch(&self) -> EpochId {
        self.opening.epoch
    }

    /// Its line.
    pub fn lineage(&self) -> &Lineage {
        &self.lineage
    }

    /// Its record.
    pub fn opening(&self) -> &Opening {
        &self.opening
    }

    /// Ends it for ever.
    pub(crate) fn release(&self, heir: Option<Heir>) -> Released {
        Released { opened: self.clone(), heir }
    }
}

impl Released {
    /// What it was.
    pub fn opened(&self) -> &Opened {
        &self.opened
    }

    /// To whom it was released, if to anyone.
    pub fn heir(&self) -> Option<&Heir> {
        self.heir.as_ref()
    }
}

impl Tenure {
    /// The own epoch whose file lies at the program's path, and its line.
    pub fn own_line(&self) -> Option<&Opened> {
        match self {
            Self::Opened(opened) | Self::Released(Released { opened, .. }) => Some(opened),
            Self::Follows | Self::Announced(_) => None,
        }
    }

    /// The opened epoch, if this host is primary.
    pub fn opened(&self) -> Option<&Opened> {
        if let Self::Opened(opened) = self { Some(opened) } else { None }
    }
}
