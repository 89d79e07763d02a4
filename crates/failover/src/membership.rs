//! Mode and voters as replicated state with a version (docs/failover.md rule 10). While a change is under way, the
//! old setup and the new one both have to agree: the stricter of both holds.

use crate::ids::{Term, VoterId};
use serde::{Deserialize, Serialize};

/// Who decides on a takeover (rule 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// Two voters; a person stands in for the vote of a host that is gone.
    Manual,
    /// An odd number of voters; a majority decides and the primary needs leases.
    Automatic,
    /// Two voters; checks that fail in a row stand in for the missing vote.
    AutomaticWithoutWitness,
}

/// Who votes, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// Who decides.
    pub mode: Mode,
    /// The two hosts that hold data.
    pub hosts: [VoterId; 2],
    /// Voters without data.
    pub witnesses: Vec<VoterId>,
}

/// A setup that can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// Votes could end in a draw, or leases could not be counted.
    #[error("`automatic` needs an odd number of voters")]
    EvenVoters,
    /// A witness would have no say.
    #[error("this mode has two voters and no witness")]
    WitnessWithoutVote,
    /// The same voter twice.
    #[error("a voter is named twice")]
    NamedTwice,
}

impl Setup {
    /// Checks that the mode and the voters go together.
    ///
    /// # Errors
    /// Says what does not.
    pub fn check(&self) -> Result<(), SetupError> {
        let voters: Vec<VoterId> = self.voters().collect();
        if voters.iter().enumerate().any(|(i, voter)| voters[..i].contains(voter)) {
            return Err(SetupError::NamedTwice);
        }
        match self.mode {
            Mode::Automatic if voters.len().is_multiple_of(2) => Err(SetupError::EvenVoters),
            Mode::Manual | Mode::AutomaticWithoutWitness if voters.len() != 2 => {
                Err(SetupError::WitnessWithoutVote)
            }
            _ => Ok(()),
        }
    }

    /// Hosts and witnesses.
    pub fn voters(&self) -> impl Iterator<Item = VoterId> + '_ {
        self.hosts.iter().chain(&self.witnesses).copied()
    }

    /// Voters that make a majority: both, where there are two.
    pub fn majority(&self) -> usize {
        (2 + self.witnesses.len()) / 2 + 1
    }

    fn has_two_voters(&self) -> bool {
        self.witnesses.is_empty()
    }

    /// Whether `votes` decide. `stood_in`: one of two votes is enough.
    fn agreed(&self, votes: &[VoterId], stood_in: bool) -> bool {
        let given = self.voters().filter(|voter| votes.contains(voter)).count();
        given >= self.majority() || (stood_in && self.has_two_voters() && given >= 1)
    }
}

/// Orders changes. A host that opens an epoch stamps the setup with its own term, so that a change which a
/// superseded primary proposed, and which never counted, loses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version {
    /// Term of the host that proposed it.
    pub term: Term,
    /// Grows with each step of a change.
    pub number: u32,
    /// Who proposed it.
    pub host: VoterId,
}

/// What is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// One setup.
    Settled(Setup),
    /// On the way: both setups have to agree to everything.
    Changing {
        /// What was in force.
        from: Setup,
        /// What was asked for.
        to: Setup,
    },
}

/// The setup with its version, as stored by each voter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// Orders it among all others of the pair.
    pub version: Version,
    /// What is in force.
    pub stage: Stage,
}

impl Membership {
    /// The setups that have to agree: one, or two while a change is under way.
    pub fn setups(&self) -> impl Iterator<Item = &Setup> {
        let (one, other) = match &self.stage {
            Stage::Settled(setup) => (setup, None),
            Stage::Changing { from, to } => (from, Some(to)),
        };
        [Some(one), other].into_iter().flatten()
    }

    /// The setup that is in force or asked for: whom to send to, whom to show.
    pub fn newest(&self) -> &Setup {
        match &self.stage {
            Stage::Settled(setup) | Stage::Changing { to: setup, .. } => setup,
        }
    }

    /// Everyone who votes in any setup.
    pub fn voters(&self) -> Vec<VoterId> {
        let mut all: Vec<VoterId> = self.setups().flat_map(Setup::voters).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Whether `voter` votes in any setup.
    pub fn is_voter(&self, voter: VoterId) -> bool {
        self.setups().any(|setup| setup.voters().any(|v| v == voter))
    }

    /// The other host, as far as `me` is a host of the newest setup.
    pub fn peer_of(&self, me: VoterId) -> Option<VoterId> {
        let hosts = self.newest().hosts;
        hosts.contains(&me).then(|| if hosts[0] == me { hosts[1] } else { hosts[0] })
    }

    /// Whether the votes (or records) of `votes` decide, in every setup. `stood_in`: a person or failed checks stand
    /// in for the missing vote of two; where a witness votes, nothing stands in for a vote (rule 3).
    pub fn agreed(&self, votes: &[VoterId], stood_in: bool) -> bool {
        self.setups().all(|setup| setup.agreed(votes, stood_in))
    }

    /// The setups whose primary writes only with leases from a majority (rule 1).
    pub fn leased_setups(&self) -> impl Iterator<Item = &Setup> {
        self.setups().filter(|setup| setup.mode == Mode::Automatic)
    }

    /// Whether the primary needs leases from a majority.
    pub fn needs_leases(&self) -> bool {
        self.leased_setups().next().is_some()
    }

    /// The mode that holds: of two, the one that leaves more to people and needs leases where either does.
    pub fn takes_over_by_checks(&self) -> bool {
        self.setups().all(|setup| setup.mode == Mode::AutomaticWithoutWitness)
    }

    /// The first step of a change by the primary of `term`.
    #[must_use]
    pub fn proposing(&self, to: Setup, term: Term, host: VoterId) -> Option<Self> {
        let Stage::Settled(from) = &self.stage else { return None };
        (from != &to && to.check().is_ok()).then(|| Self {
            version: self.next_version(term, host),
            stage: Stage::Changing { from: from.clone(), to },
        })
    }

    /// A change for which a person answers instead of those who are gone: in force at once.
    #[must_use]
    pub fn forced(&self, to: Setup, term: Term, host: VoterId) -> Option<Self> {
        let news = self.stage != Stage::Settled(to.clone());
        (news && to.check().is_ok())
            .then(|| Self { version: self.next_version(term, host), stage: Stage::Settled(to) })
    }

    /// The second step: the new setup alone. Only right once [`Membership::may_settle`].
    #[must_use]
    pub fn settling(&self, term: Term, host: VoterId) -> Self {
        Self { version: self.next_version(term, host), stage: Stage::Settled(self.newest().clone()) }
    }

    /// Whether a change counts: everyone who votes afterwards has stored it, both hosts of the old setup too, and the
    /// voters that it removes have retired, unless they are dead and both hosts have stored it (rule 10).
    pub fn may_settle(&self, stored: &[VoterId]) -> bool {
        let Stage::Changing { from, to } = &self.stage else { return false };
        to.voters().chain(from.hosts).all(|voter| stored.contains(&voter))
    }

    /// The same stage, stamped by the host that opened an epoch in `term`.
    #[must_use]
    pub fn stamped(&self, term: Term, host: VoterId) -> Self {
        Self { version: self.next_version(term, host), stage: self.stage.clone() }
    }

    fn next_version(&self, term: Term, host: VoterId) -> Version {
        let number = if self.version.term == term { self.version.number + 1 } else { 0 };
        Version { term, number, host }
    }
}
