//! From wanting a term to an opened epoch (docs/failover.md rules 2, 3, 4): standing, the claim, and the steps between
//! the votes and the first write. An in-place restore takes the same steps without a claim.

use crate::host::{Errand, Gate, Host};
use crate::ids::{EpochId, Moment, Position, Term, VoterId};
use crate::lineage::{Lineage, Reason};
use crate::membership::Membership;
use crate::message::{Action, Body, Notice, Obstacle, Role, Task, Vote};
use crate::mutations::Mutation;
use crate::stored::Record;
use crate::tenure::{Promised, Source, Tenure};
use crate::voting::{Ask, AskKind};
use std::time::Duration;

/// A claim under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Campaign {
    ask: Ask,
    source: Source,
    /// Who or what stands in for the missing vote of two, or the votes alone.
    reason: Reason,
    votes: Vec<VoterId>,
    since: Moment,
}

/// A promotion or restore under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Promotion {
    promised: Promised,
    source: Source,
    step: Step,
    since: Moment,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// Waits for the closed gate.
    Fencing,
    /// The base is being fixed.
    Base,
    /// The file is being put in place.
    Moving,
    /// A majority is being asked to store the opening.
    Storing(Vec<VoterId>),
}

impl Host {
    /// What this host could go on from, and the line that it continues; `None` if it could not succeed (rule 4).
    pub(crate) fn candidacy(&self, waived: bool) -> Option<(Source, Lineage)> {
        let stored = &self.voter.stored;
        let me = self.me();
        if stored.aside.is_some() || stored.ballot.membership.as_ref()?.peer_of(me).is_none() {
            return None;
        }
        if let Some(own) = stored.tenure.own_line() {
            return Some((Source::OwnFile, own.lineage().clone()));
        }
        if matches!(stored.tenure, Tenure::Announced(_)) {
            return None;
        }
        let copy = self.copy?;
        let newest = stored.ballot.opened.tip_epoch() == Some(copy);
        if newest || waived { Some((Source::Copy, stored.ballot.opened.up_to(copy)?)) } else { None }
    }

    /// Draws the next moment to stand for a term.
    pub(crate) fn stand_later(&mut self, now: Moment) {
        let beat = self.voter.id.timing.beat;
        self.stand_at = now.after(beat / 4 + self.jitter(beat));
    }

    /// Stands for a term if nobody seems to be primary: without effect on anyone until the claim.
    pub(crate) fn stand_if_free(&mut self, now: Moment, out: &mut Vec<Action>) {
        if self.errand != Errand::None || self.permit(now).is_some() || !self.seems_free(now) {
            return;
        }
        if let Some((source, parent)) = self.candidacy(false) {
            let ask = Ask { kind: AskKind::PreVote, term: self.next_term(), parent, waived: false };
            self.campaign(ask, source, Reason::Vote, now, out);
        }
    }

    fn seems_free(&self, now: Moment) -> bool {
        let Some(membership) = self.voter.membership() else { return false };
        let stored = &self.voter.stored;
        let recent = |span: Duration| self.peer.heard.is_some_and(|heard| now.since(heard) < span);
        let timing = &self.voter.id.timing;
        if recent(timing.lease) && matches!(self.peer.role, Some(Role::Primary)) {
            return false;
        }
        if let Tenure::Opened(opened) = &stored.tenure {
            // Renewals bring the old right back, unless someone was promised a later term.
            return self.seen > opened.epoch().term;
        }
        if let Tenure::Released(released) = &stored.tenure
            && let (Some(_), Some(since)) = (released.heir(), self.heir_until)
            && now < since
        {
            return false;
        }
        if membership.needs_leases() { !self.voter.lending.is_lent(now) } else { recent(timing.beat * 3) }
    }

    pub(crate) fn next_term(&self) -> Term {
        let ballot = &self.voter.stored.ballot;
        let known = ballot.newest().tip_epoch().map_or(Term::default(), |tip| tip.term);
        self.seen.max(ballot.promised_term()).max(known).next()
    }

    /// Asks for votes, the own one first. A claimant that can't vote for itself has no claim.
    pub(crate) fn campaign(
        &mut self,
        ask: Ask,
        source: Source,
        reason: Reason,
        now: Moment,
        out: &mut Vec<Action>,
    ) {
        self.seen = self.seen.max(ask.term);
        let pre = ask.kind == AskKind::PreVote;
        self.errand =
            Errand::Campaign(Campaign { ask: ask.clone(), source, reason, votes: Vec::new(), since: now });
        if self.ask_all(&ask, now, out).is_err() {
            self.errand = Errand::None;
        } else {
            self.add_vote(self.me(), pre, now, out);
        }
    }

    /// A granted vote of another.
    pub(crate) fn count_vote(&mut self, from: VoterId, vote: &Vote, now: Moment, out: &mut Vec<Action>) {
        if let Errand::Campaign(campaign) = &self.errand
            && campaign.ask.term == vote.term
        {
            self.add_vote(from, vote.pre, now, out);
        }
    }

    fn add_vote(&mut self, from: VoterId, pre: bool, now: Moment, out: &mut Vec<Action>) {
        let Some(membership) = self.voter.stored.ballot.membership.as_ref() else { return };
        let Errand::Campaign(campaign) = &mut self.errand else { return };
        if pre != (campaign.ask.kind == AskKind::PreVote) {
            return;
        }
        if !campaign.votes.contains(&from) {
            campaign.votes.push(from);
        }
        let stood_in = matches!(campaign.reason, Reason::Person | Reason::Machine);
        if !membership.agreed(&campaign.votes, stood_in) {
            return;
        }
        let Campaign { ask, source, reason, .. } = campaign.clone();
        if pre {
            self.campaign(Ask { kind: AskKind::Claim, ..ask }, source, reason, now, out);
        } else {
            let forced = if ask.waived { Reason::Person } else { reason };
            let promised = Promised::by_claim(ask.term, ask.parent, forced);
            self.errand = Errand::Promotion(Promotion { promised, source, step: Step::Fencing, since: now });
        }
    }

    /// A word from the primary stops a claim that a person or failed checks don't stand behind.
    pub(crate) fn stop_campaign(&mut self) {
        if matches!(&self.errand, Errand::Campaign(campaign) if campaign.reason == Reason::Vote) {
            self.errand = Errand::None;
        }
    }

    /// A person says that the peer is switched off, or wants the votes asked at once (rule 3).
    pub(crate) fn take_over(
        &mut self,
        waived: bool,
        now: Moment,
        out: &mut Vec<Action>,
    ) -> Result<(), Obstacle> {
        let free = matches!(self.errand, Errand::None | Errand::Campaign(_) | Errand::Contest(_));
        if !free || self.permit(now).is_some() {
            return Err(Obstacle::Busy);
        }
        self.leave_contest();
        let (source, parent) = self.candidacy(waived).ok_or(Obstacle::NoCopy)?;
        let ask = Ask { kind: AskKind::Claim, term: self.next_term(), parent, waived };
        let votes_decide = self.voter.membership().is_none_or(Membership::needs_leases);
        let reason = if votes_decide { Reason::Vote } else { Reason::Person };
        self.campaign(ask, source, reason, now, out);
        Ok(())
    }

    /// A person goes on from a fork, because there is no complete copy. What the newest epoch has beyond it becomes a
    /// fork itself, if its host comes back.
    pub(crate) fn take_over_with_fork(
        &mut self,
        epoch: EpochId,
        fork: Position,
        now: Moment,
        out: &mut Vec<Action>,
    ) -> Result<(), Obstacle> {
        let free = matches!(self.errand, Errand::None | Errand::Campaign(_));
        if !free || self.permit(now).is_some() || self.candidacy(true).is_some() {
            return Err(Obstacle::Busy);
        }
        let stored = &self.voter.stored;
        if stored.aside.is_some() || stored.tenure != Tenure::Follows {
            return Err(Obstacle::Busy);
        }
        let parent = stored.ballot.opened.up_to(epoch).unwrap_or_else(|| stored.ballot.opened.clone());
        let ask = Ask { kind: AskKind::Claim, term: self.next_term(), parent, waived: true };
        self.campaign(ask, Source::Restore(fork), Reason::Person, now, out);
        Ok(())
    }

    /// The heir of a release claims at once.
    pub(crate) fn claim_as_heir(&mut self, term: Term, now: Moment, out: &mut Vec<Action>) {
        if self.errand != Errand::None {
            return;
        }
        if let Some((source, parent)) = self.candidacy(false) {
            let ask = Ask { kind: AskKind::Claim, term: term.max(self.next_term()), parent, waived: false };
            self.campaign(ask, source, Reason::Vote, now, out);
        }
    }

    /// An earlier moment or a fork takes the place of the content: `<term>.<n+1>` (rule 10).
    pub(crate) fn restore(&mut self, position: Position, now: Moment) -> Result<(), Obstacle> {
        if self.errand != Errand::None || self.permit(now).is_none() {
            return Err(Obstacle::Busy);
        }
        let opened = self.voter.stored.tenure.opened().ok_or(Obstacle::NotPrimary)?;
        let promised = Promised::by_holder(opened);
        self.errand = Errand::Promotion(Promotion {
            promised,
            source: Source::Restore(position),
            step: Step::Fencing,
            since: now,
        });
        Ok(())
    }

    /// The gate is closed: no more acknowledgements, durably, then the base.
    pub(crate) fn begin_promotion(&mut self, out: &mut Vec<Action>) {
        let parent = self.voter.stored.ballot.opened.clone();
        let Errand::Promotion(promotion) = &mut self.errand else { return };
        if promotion.step != Step::Fencing {
            return;
        }
        promotion.step = Step::Base;
        let (term, source) = (promotion.promised.term(), promotion.source);
        let parent = promotion.promised.parent().tip_epoch().or(parent.tip_epoch());
        if !self.voter.mutated(Mutation::ReceiverOpenWhilePromoting) {
            self.voter.persist(Record::ReceiverClosed(term), out);
        }
        out.push(Action::Begin(Task::TakeBase(term, source, parent)));
    }

    /// Epoch and base are recorded before the file moves.
    pub(crate) fn base_taken(&mut self, term: Term, base: Option<Position>, out: &mut Vec<Action>) {
        let me = self.me();
        let Errand::Promotion(promotion) = &mut self.errand else { return };
        if promotion.step != Step::Base || promotion.promised.term() != term {
            return;
        }
        let Some(base) = base else { return self.undo(out) };
        let announced = promotion.promised.announce(me, base, promotion.source, &self.voter.stored.tenure);
        promotion.step = Step::Moving;
        let (opening, source) = (*announced.opening(), announced.source());
        self.voter.persist(Record::Announced(announced), out);
        out.push(Action::Begin(Task::MoveFile(opening, source)));
    }

    /// The file is in place: a majority has to store the opening before anything is written.
    pub(crate) fn file_moved(&mut self, epoch: EpochId, moved: bool, now: Moment, out: &mut Vec<Action>) {
        let me = self.me();
        let Tenure::Announced(announced) = &self.voter.stored.tenure else { return };
        let lineage = announced.lineage();
        let Errand::Promotion(promotion) = &mut self.errand else { return };
        if promotion.step != Step::Moving || announced.opening().epoch != epoch {
            return;
        }
        promotion.step = Step::Storing(Vec::new());
        if !moved || !self.voter.store_opening(&lineage, me, out) {
            return self.undo(out);
        }
        self.ask_to_store(out);
        self.opening_stored(me, epoch, now, out);
    }

    /// Sends the announced opening to all other voters.
    fn ask_to_store(&self, out: &mut Vec<Action>) {
        let Tenure::Announced(announced) = &self.voter.stored.tenure else { return };
        let Some(membership) = self.voter.membership() else { return };
        for voter in membership.voters().into_iter().filter(|voter| *voter != self.me()) {
            self.voter.send(voter, Body::Store(announced.lineage()), out);
        }
    }

    /// `from` stored the opening; with a majority, or what stands in for it, the epoch is opened.
    pub(crate) fn opening_stored(
        &mut self,
        from: VoterId,
        epoch: EpochId,
        now: Moment,
        out: &mut Vec<Action>,
    ) {
        let me = self.me();
        let Tenure::Announced(announced) = &self.voter.stored.tenure else { return };
        let Some(membership) = self.voter.stored.ballot.membership.as_ref() else { return };
        let Errand::Promotion(Promotion { step: Step::Storing(stored), .. }) = &mut self.errand else {
            return;
        };
        if announced.opening().epoch != epoch {
            return;
        }
        if !stored.contains(&from) {
            stored.push(from);
        }
        let stood_in = announced.opening().reason != Reason::Vote;
        if !membership.agreed(stored, stood_in) && !self.voter.id.mutations.has(Mutation::WriteBeforeOpened) {
            return;
        }
        let (opened, stamped) = (announced.opened(), membership.stamped(epoch.term, me));
        self.errand = Errand::None;
        self.stored_membership.clear();
        self.voter.persist(Record::Opened(opened, stamped), out);
        self.resumed = true;
        out.push(Action::Tell(Notice::Opened(epoch)));
        self.renew(now, out);
        self.greet(now, out);
    }

    /// Repeats what may have been lost, and gives up what took too long or can't succeed any more.
    pub(crate) fn tend_promotion(&mut self, now: Moment, out: &mut Vec<Action>) {
        let patience = self.voter.id.timing.patience;
        match &self.errand {
            Errand::Campaign(campaign) if now.since(campaign.since) >= patience / 2 => {
                self.errand = Errand::None
            }
            Errand::Promotion(promotion) => {
                let (term, parent) = (promotion.promised.term(), promotion.promised.parent().clone());
                let late =
                    now.since(promotion.since) >= patience * 2 && matches!(promotion.step, Step::Storing(_));
                let claim = Ask { kind: AskKind::Claim, term, parent, waived: true };
                if late || self.ask_all(&claim, now, out).is_err() {
                    self.undo(out);
                } else if matches!(&self.errand, Errand::Promotion(Promotion { step: Step::Storing(_), .. }))
                {
                    self.ask_to_store(out);
                }
            }
            _ => {}
        }
    }

    /// Takes back a promotion that can't succeed: nothing was written, the term is burnt.
    pub(crate) fn undo(&mut self, out: &mut Vec<Action>) {
        if matches!(self.voter.stored.tenure, Tenure::Announced(_)) {
            self.errand = Errand::Undoing(false);
        } else {
            self.errand = Errand::None;
            if self.voter.stored.receiver_closed.is_some() {
                self.voter.persist(Record::ReceiverOpened, out);
            }
        }
    }

    /// The gate is closed: take the announced opening back.
    pub(crate) fn begin_undo(&mut self, out: &mut Vec<Action>) {
        if let (Errand::Undoing(begun @ false), Tenure::Announced(announced)) =
            (&mut self.errand, &self.voter.stored.tenure)
        {
            *begun = true;
            out.push(Action::Begin(Task::Undo(*announced.opening(), announced.source())));
        }
    }

    /// The announced opening is taken back.
    pub(crate) fn undone(&mut self, epoch: EpochId, now: Moment, out: &mut Vec<Action>) {
        let Tenure::Announced(announced) = &self.voter.stored.tenure else { return };
        if announced.opening().epoch != epoch || !matches!(self.errand, Errand::Undoing(_)) {
            return;
        }
        let before = announced.undone();
        self.voter.persist(Record::Undone(before), out);
        self.errand = Errand::None;
        self.stand_later(now);
    }

    /// Whether the fence is taken: nothing may be moved before.
    pub(crate) fn is_fenced(&self) -> bool {
        self.gate == Gate::Closed
    }
}
