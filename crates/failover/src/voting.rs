//! A voter's promises: who may claim a term, and what it stores of openings (docs/failover.md rule 2). The same for
//! hosts and witnesses, and for a host's vote towards itself.

use crate::ids::{EpochId, Moment, Term, VoterId};
use crate::leases::Timing;
use crate::lineage::{Lineage, Relation};
use crate::membership::{Membership, Version};
use crate::mutations::{Mutation, Mutations};
use serde::{Deserialize, Serialize};

/// The highest term that a voter promised, and to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// The term.
    pub term: Term,
    /// Its only claimant, as far as this voter goes.
    pub to: VoterId,
}

/// What a voter keeps on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ballot {
    /// The highest promise. It also says who may hold a lease from before a restart.
    pub promised: Option<Promise>,
    /// The newest epoch known to be opened, with its line.
    pub opened: Lineage,
    /// An opening that this voter stored, without knowing whether a majority did.
    pub recorded: Option<Lineage>,
    /// Mode and voters; `None` in a voter that nobody has admitted yet, or that lost its state.
    pub membership: Option<Membership>,
}

/// What an ask is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AskKind {
    /// Would you? Without effect.
    PreVote,
    /// Promise the term and lend a lease.
    Claim,
    /// Lend the lease anew. The lineage's newest epoch is opened.
    Renew,
}

/// A claimant's or primary's request to a voter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// What for.
    pub kind: AskKind,
    /// Term asked for or held.
    pub term: Term,
    /// The line that the new epoch would continue; of a renewal, the line of the opened epoch.
    pub parent: Lineage,
    /// A person waived the check of the line, knowing that commits become a fork.
    pub waived: bool,
}

/// Why a voter refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// It has no vote in this pair.
    #[error("no vote: not admitted, or retired")]
    NoVote,
    /// The two know different versions of the membership.
    #[error("another version of the membership")]
    OtherMembership,
    /// A term at least as high is another's.
    #[error("a term at least as high is promised")]
    Promised,
    /// It started less than a lease ago and may have lent what it no longer knows.
    #[error("started less than a lease ago")]
    Quiet,
    /// Another holds its lease, or writes.
    #[error("the lease is another's")]
    Leased,
    /// The claimant's line lacks an epoch that this voter knows as opened.
    #[error("the claimant lacks the newest epoch")]
    Behind,
}

/// What a voter lent, in memory only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lent {
    to: VoterId,
    term: Term,
    until: Moment,
    released_to: Option<VoterId>,
}

/// What a voter remembers between starts: nothing but when it may be generous again.
#[derive(Clone, Debug)]
pub struct Lending {
    lent: Option<Lent>,
    quiet_until: Moment,
}

impl Lending {
    /// After any start or wake: nothing to others for one full lease.
    pub fn starting(now: Moment, timing: &Timing, mutations: &Mutations) -> Self {
        let quiet = if mutations.has(Mutation::VoterForgetsLease) { now } else { now.after(timing.lease) };
        Self { lent: None, quiet_until: quiet }
    }

    /// Lends to `promise`'s claimant for one lease from `now`.
    pub fn lend(&mut self, promise: Promise, now: Moment, timing: &Timing) {
        let until = now.after(timing.lease);
        self.lent = Some(Lent { to: promise.to, term: promise.term, until, released_to: None });
    }

    /// The holder of `term` released it to `heir`. A late word about an earlier term has no effect.
    pub fn release(&mut self, holder: VoterId, term: Term, heir: VoterId, mutations: &Mutations) {
        let any = mutations.has(Mutation::ReleaseOfAnyTerm);
        if let Some(lent) = self.lent.as_mut().filter(|l| l.to == holder && (any || l.term == term)) {
            lent.released_to = Some(heir);
        }
    }

    /// Takes back what was lent to `holder`, who doesn't write and knows it: the voter itself.
    pub fn reclaim(&mut self, holder: VoterId) {
        self.lent = self.lent.filter(|lent| lent.to != holder);
    }

    /// Whether a lease to someone other than `claimant` is alive and not released to it.
    fn keeps_from(&self, claimant: VoterId, now: Moment) -> bool {
        self.lent.is_some_and(|l| l.to != claimant && now < l.until && l.released_to != Some(claimant))
    }

    /// Whether anybody's lease is alive here, as far as this run knows.
    pub fn is_lent(&self, now: Moment) -> bool {
        self.lent.is_some_and(|l| now < l.until && l.released_to.is_none())
    }
}

impl Ballot {
    /// A voter that knows nothing and may do nothing.
    pub fn blank() -> Self {
        Self { promised: None, opened: Lineage::empty(), recorded: None, membership: None }
    }

    /// The newest epoch that this voter stored, opened or perhaps opened.
    pub fn newest(&self) -> &Lineage {
        match &self.recorded {
            Some(recorded) if recorded.is_later_than(&self.opened) => recorded,
            _ => &self.opened,
        }
    }

    /// The highest term promised, or the lowest of all.
    pub fn promised_term(&self) -> Term {
        self.promised.map_or(Term::default(), |promise| promise.term)
    }

    /// Whether this voter would grant `ask` of `claimant`, who knows `version` of the membership.
    ///
    /// # Errors
    /// The first reason against it (docs/failover.md rule 2).
    pub fn judge(&self, lending: &Lending, claim: &Claim<'_>) -> Result<Promise, Refusal> {
        let Claim { me, claimant, version, ask, now, mutations } = *claim;
        let membership = self.membership.as_ref().ok_or(Refusal::NoVote)?;
        if !membership.is_voter(me) || !membership.is_voter(claimant) {
            return Err(Refusal::NoVote);
        }
        let wanted = Promise { term: ask.term, to: claimant };
        if self.opened.tip_epoch().is_some_and(|tip| tip.term > ask.term) {
            return Err(Refusal::Promised);
        }
        if self.promised == Some(wanted) {
            return Ok(wanted);
        }
        if version != membership.version {
            return Err(Refusal::OtherMembership);
        }
        let retiring = !membership.newest().voters().any(|voter| voter == me);
        if retiring && mutations.has(Mutation::RetiringVotersSilent) {
            return Err(Refusal::NoVote);
        }
        if self.promised.is_some_and(|promise| promise.term >= ask.term) {
            return Err(Refusal::Promised);
        }
        let last_to = self.promised.map(|promise| promise.to);
        if now < lending.quiet_until && last_to != Some(claimant) {
            return Err(Refusal::Quiet);
        }
        if lending.keeps_from(claimant, now) && !mutations.has(Mutation::LeaseIgnored) {
            return Err(Refusal::Leased);
        }
        let checked = !ask.waived && !mutations.has(Mutation::NoParentCheck);
        if checked && !continues(&ask.parent, self.newest(), claimant, mutations) {
            return Err(Refusal::Behind);
        }
        Ok(wanted)
    }

    /// Whether to store `opening` as asked by `host`: only the holder of the last promise may open, or a claimant
    /// with an older line could be promised a term while an opening that it lacks is still being stored.
    pub fn may_record(&self, lineage: &Lineage, host: VoterId, mutations: &Mutations) -> bool {
        let Some(tip) = lineage.tip_epoch() else { return false };
        let unchecked = mutations.has(Mutation::RecordWithoutPromise);
        tip.host == host && (unchecked || self.promised == Some(Promise { term: tip.term, to: host }))
    }

    /// Whether `theirs`, known to be opened, is news to this voter: it continues what is known, or is later than
    /// something that can't have been opened by a majority.
    pub fn is_news(&self, theirs: &Lineage) -> bool {
        match self.opened.relation(theirs) {
            Relation::Same | Relation::Ahead => false,
            Relation::Behind => true,
            Relation::Apart => theirs.is_later_than(&self.opened),
        }
    }

    /// Stores that `lineage` is opened.
    pub(crate) fn learn(&mut self, lineage: Lineage) {
        if self.recorded.as_ref().is_some_and(|recorded| !recorded.is_later_than(&lineage)) {
            self.recorded = None;
        }
        self.opened = lineage;
    }
}

/// An ask with everything that the judgement depends on.
#[derive(Clone, Copy)]
pub struct Claim<'a> {
    /// The voter.
    pub me: VoterId,
    /// Who asks.
    pub claimant: VoterId,
    /// The claimant's version of the membership.
    pub version: Version,
    /// What is asked.
    pub ask: &'a Ask,
    /// The voter's time.
    pub now: Moment,
    /// Deliberate mistakes, in the simulator only.
    pub mutations: &'a Mutations,
}

/// Whether `parent` contains the newest epoch of `known`. An epoch of the claimant's own that it leaves out is no
/// obstacle: it alone could have written there and its own line would hold it if it had (a voter stored the opening,
/// and the claimant crashed before it learnt that a majority did).
fn continues(parent: &Lineage, known: &Lineage, claimant: VoterId, mutations: &Mutations) -> bool {
    let void = |epoch: EpochId| epoch.host == claimant && !mutations.has(Mutation::OwnVoidBars);
    known
        .openings()
        .iter()
        .rev()
        .map(|o| o.epoch)
        .find(|e| parent.contains(*e) || !void(*e))
        .is_none_or(|e| parent.contains(e))
}
