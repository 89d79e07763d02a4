//! The one word that the owner is told, decided from what is proven and nothing else (docs/architecture.md 4.2).

use crate::host::{Gate, Host};
use crate::ids::{EpochId, Moment, Position};
use crate::mutations::Mutation;
use crate::tenure::Tenure;

/// What the engine can prove about the data of the current epoch at this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The end of the last commit.
    pub committed: Position,
    /// The end of what Litestream captured.
    pub captured: Position,
    /// What the peer acknowledged in this run of its store, and in which epoch.
    pub acknowledged: Option<(EpochId, Position)>,
    /// Whether the last drill was good.
    pub drill_good: bool,
}

/// The overall status of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overall {
    /// The last commits are acknowledged on another machine, and the last drill is good.
    Protected,
    /// Something is not acknowledged yet.
    CatchingUp,
    /// The last drill was not good.
    Attention,
    /// This host is not primary, or may not write now.
    Fenced,
    /// Two primaries.
    Contested,
}

impl Host {
    /// What this host shows for a primary's data.
    pub fn overall(&self, now: Moment, evidence: &Evidence) -> Overall {
        if self.is_contested() {
            return Overall::Contested;
        }
        let Tenure::Opened(opened) = &self.voter.stored.tenure else { return Overall::Fenced };
        if self.gate != Gate::Open || self.permit(now).is_none() {
            return Overall::Fenced;
        }
        let on_captured =
            self.voter.mutated(Mutation::GreenOnCaptured) && evidence.captured == evidence.committed;
        if evidence.acknowledged != Some((opened.epoch(), evidence.committed)) && !on_captured {
            return Overall::CatchingUp;
        }
        if evidence.drill_good { Overall::Protected } else { Overall::Attention }
    }

    /// Whether a person has to say something before anyone can write: the peer is silent and there is no vote to
    /// replace it, or two hosts wrote side by side.
    pub fn awaits_person(&self, now: Moment) -> bool {
        let silent = self.peer.heard.is_none_or(|heard| now.since(heard) >= self.voter.id.timing.lease);
        self.unresolved.is_some() || (silent && self.permit(now).is_none())
    }
}
