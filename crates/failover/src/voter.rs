//! What every voter does, host or witness: answer asks, store openings, learn. A host adds its own reasons to refuse.

use crate::ids::{Moment, PairId, VoterId};
use crate::leases::{RequestId, Timing};
use crate::lineage::Lineage;
use crate::membership::Membership;
use crate::message::{Action, Body, Envelope, Vote};
use crate::mutations::{Mutation, Mutations};
use crate::stored::{Record, Stored};
use crate::voting::{Ask, AskKind, Claim, Lending, Promise, Refusal};

/// Who a voter is, and by which spans it goes.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Its random name.
    pub me: VoterId,
    /// Its pair.
    pub pair: PairId,
    /// The spans of the protocol.
    pub timing: Timing,
    /// Deliberate mistakes, in the simulator only.
    pub mutations: Mutations,
}

/// The part of a host or witness that votes.
#[derive(Clone, Debug)]
pub(crate) struct Voter {
    pub(crate) id: Identity,
    pub(crate) stored: Stored,
    pub(crate) lending: Lending,
}

impl Voter {
    pub(crate) fn start(id: Identity, stored: Stored, now: Moment) -> Self {
        let lending = Lending::starting(now, &id.timing, &id.mutations);
        Self { id, stored, lending }
    }

    pub(crate) fn mutated(&self, mutation: Mutation) -> bool {
        self.id.mutations.has(mutation)
    }

    pub(crate) fn persist(&mut self, record: Record, out: &mut Vec<Action>) {
        self.stored.apply(&record);
        out.push(Action::Persist(record));
    }

    pub(crate) fn membership(&self) -> Option<&Membership> {
        self.stored.ballot.membership.as_ref()
    }

    pub(crate) fn send(&self, to: VoterId, body: Body, out: &mut Vec<Action>) {
        let version = self.membership().map(|membership| membership.version);
        out.push(Action::Send(Envelope { from: self.id.me, to, pair: self.id.pair, version, body }));
    }

    /// Whether a message concerns this voter. Answers one who knows an older membership with the newer one, which
    /// also tells a voter that was removed while it was away.
    pub(crate) fn admits(&self, envelope: &Envelope, out: &mut Vec<Action>) -> bool {
        if envelope.to != self.id.me || envelope.pair != self.id.pair {
            return false;
        }
        let speaks_of_it = matches!(envelope.body, Body::Membership(_));
        let Some(mine) = self.membership() else { return speaks_of_it };
        if !speaks_of_it && envelope.version < Some(mine.version) {
            self.send(envelope.from, Body::Membership(Box::new(mine.clone())), out);
        }
        speaks_of_it || mine.is_voter(envelope.from)
    }

    /// Judges an ask, of this voter itself as well.
    pub(crate) fn judge(
        &self,
        claimant: VoterId,
        ask: &Ask,
        envelope: &Envelope,
        now: Moment,
    ) -> Result<Promise, Refusal> {
        let version = envelope.version.ok_or(Refusal::OtherMembership)?;
        let claim = Claim { me: self.id.me, claimant, version, ask, now, mutations: &self.id.mutations };
        self.stored.ballot.judge(&self.lending, &claim)
    }

    /// Gives a promise: durable first, then the lease.
    pub(crate) fn promise(&mut self, promise: Promise, now: Moment, out: &mut Vec<Action>) {
        if self.stored.ballot.promised != Some(promise) {
            if self.mutated(Mutation::PromiseNotStored) {
                self.stored.ballot.promised = Some(promise);
            } else {
                self.persist(Record::Promised(promise), out);
            }
        }
        self.lending.lend(promise, now, &self.id.timing);
    }

    /// Answers an ask with a verdict that is already made.
    pub(crate) fn answer(
        &mut self,
        to: VoterId,
        request: RequestId,
        ask: &Ask,
        verdict: Result<Promise, Refusal>,
        now: Moment,
        out: &mut Vec<Action>,
    ) {
        let pre = ask.kind == AskKind::PreVote;
        if let (Ok(promise), false) = (verdict, pre) {
            self.promise(promise, now, out);
        }
        let ballot = &self.stored.ballot;
        let (promised, opened) = (ballot.promised_term(), ballot.opened.clone());
        let vote = Vote { request, term: ask.term, verdict: verdict.map(drop), pre, promised, opened };
        self.send(to, Body::Vote(vote), out);
    }

    /// Stores an opening for its host, if the last promise is its.
    pub(crate) fn store_opening(&mut self, lineage: &Lineage, host: VoterId, out: &mut Vec<Action>) -> bool {
        let ballot = &self.stored.ballot;
        let Some(epoch) = lineage.tip_epoch() else { return false };
        if ballot.opened.contains(epoch) || ballot.recorded.as_ref() == Some(lineage) {
            return true;
        }
        if !ballot.may_record(lineage, host, &self.id.mutations) {
            return false;
        }
        self.persist(Record::Recorded(lineage.clone()), out);
        true
    }

    /// Takes a newer membership.
    pub(crate) fn adopt(&mut self, membership: Membership, out: &mut Vec<Action>) -> bool {
        let newer = self.membership().map(|mine| mine.version) < Some(membership.version);
        let admitted = self.membership().is_some() || membership.is_voter(self.id.me);
        if newer && admitted {
            self.persist(Record::Membership(membership), out);
        }
        newer && admitted
    }
}

/// A voter without data.
#[derive(Clone, Debug)]
pub struct Witness {
    voter: Voter,
}

impl Witness {
    /// Starts from what is stored. `now` is on the witness's own clock.
    pub fn start(id: Identity, stored: Stored, now: Moment) -> Self {
        Self { voter: Voter::start(id, stored, now) }
    }

    /// What is stored.
    pub fn stored(&self) -> &Stored {
        &self.voter.stored
    }

    /// This machine slept: as after a start, nothing to others for one full lease.
    pub fn woke(&mut self, now: Moment) {
        self.voter.lending = Lending::starting(now, &self.voter.id.timing, &self.voter.id.mutations);
    }

    /// A message arrived (docs/failover.md rules 2, 4, 10).
    pub fn receive(&mut self, now: Moment, envelope: &Envelope, out: &mut Vec<Action>) {
        let voter = &mut self.voter;
        if !voter.admits(envelope, out) {
            return;
        }
        let from = envelope.from;
        match &envelope.body {
            Body::Ask(request, ask) => {
                if ask.kind == AskKind::Renew && voter.stored.ballot.is_news(&ask.parent) {
                    voter.persist(Record::Learned(ask.parent.clone()), out);
                }
                let verdict = voter.judge(from, ask, envelope, now);
                voter.answer(from, *request, ask, verdict, now, out);
            }
            Body::Store(lineage) => {
                if let (true, Some(epoch)) = (voter.store_opening(lineage, from, out), lineage.tip_epoch()) {
                    voter.send(from, Body::HasStored(epoch), out);
                }
            }
            Body::Release(epoch, heir) => {
                let mutations = voter.id.mutations;
                voter.lending.release(from, epoch.term, heir.host, &mutations);
            }
            Body::Membership(membership) => {
                voter.adopt((**membership).clone(), out);
            }
            Body::Hello(_) | Body::Vote(_) | Body::HasStored(_) | Body::Contest(..) => {}
        }
    }
}
