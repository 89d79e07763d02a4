//! Leases: a term's right to write, for seconds. The holder's count of what voters granted it (docs/failover.md rule 1).

use crate::ids::{Moment, Run, Term, VoterId};
use crate::membership::Membership;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The spans of the protocol. All of them are measured on one clock each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long a lease lasts, counted by the holder from sending and by the voter from granting.
    pub lease: Duration,
    /// How long before its leases run out the holder begins to fence.
    pub margin: Duration,
    /// How long a fence may take, by ending the program if need be.
    pub fence: Duration,
    /// Between two renewals, and two words to the peer.
    pub beat: Duration,
    /// How long a host waits for the peer's answer after a clean stop, with two voters.
    pub answer: Duration,
    /// Between two checks of the peer.
    pub check: Duration,
    /// Checks that must fail in a row, in `automatic-without-witness`.
    pub failures: u32,
    /// How long one step of a claim, an opening or a switchover may take before it is given up.
    pub patience: Duration,
    /// How long after the last renewal of anything the guard takes the fence, with two voters.
    pub guard: Duration,
}

impl Default for Timing {
    /// The values of the rules: right as long as no two clocks differ by more than 0.9 to 1.1 of true time, because
    /// `(lease - margin + fence) / 0.9 < lease / 1.1`.
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(5),
            margin: Duration::from_secs(2),
            fence: Duration::from_secs(1),
            beat: Duration::from_secs(1),
            answer: Duration::from_secs(10),
            check: Duration::from_secs(5),
            failures: 3,
            patience: Duration::from_secs(4),
            guard: Duration::from_secs(3),
        }
    }
}

/// Names a request. The reply repeats it, so that a lease is counted from when *this* request was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestId {
    /// The sender's run: a reply to a request from before a start or a wake counts for nothing.
    pub run: Run,
    /// When it was sent, on the sender's clock.
    pub sent: Moment,
}

/// What a claimant or primary holds, for one term. Empty after each start and wake.
#[derive(Clone, Debug, Default)]
pub struct Leases {
    term: Option<Term>,
    until: Vec<(VoterId, Moment)>,
}

impl Leases {
    /// Forgets everything: a start or a wake.
    pub fn void(&mut self) {
        self.term = None;
        self.until.clear();
    }

    /// Notes that `voter` granted `term` in answer to a request sent at `sent`.
    pub fn note(&mut self, voter: VoterId, term: Term, sent: Moment, lease: Duration) {
        if self.term < Some(term) {
            self.term = Some(term);
            self.until.clear();
        }
        if self.term != Some(term) {
            return;
        }
        let until = sent.after(lease);
        match self.until.iter_mut().find(|(v, _)| *v == voter) {
            Some((_, known)) => *known = (*known).max(until),
            None => self.until.push((voter, until)),
        }
    }

    /// How long a majority of every setup that needs leases lasts for `term`; `None` if there is none. The holder's
    /// own vote has to be among them.
    pub fn majority_until(&self, term: Term, me: VoterId, membership: &Membership) -> Option<Moment> {
        if self.term != Some(term) {
            return None;
        }
        let of = |voter: VoterId| self.until.iter().find(|(v, _)| *v == voter).map(|(_, until)| *until);
        let mut end = of(me)?;
        for setup in membership.leased_setups() {
            let mut held: [Option<Moment>; 9] = [None; 9];
            for (place, voter) in held.iter_mut().zip(setup.voters()) {
                *place = of(voter);
            }
            held.sort_unstable_by(|a, b| b.cmp(a));
            end = end.min(held.get(setup.majority() - 1).copied().flatten()?);
        }
        Some(end)
    }

    /// Moves every lease by `jump`, as a clock that stands still in sleep would.
    #[cfg(feature = "simulator")]
    pub(crate) fn survive(&mut self, jump: Duration) {
        for (_, until) in &mut self.until {
            *until = until.after(jump);
        }
    }
}
