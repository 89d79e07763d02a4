//! Changes of mode and voters (docs/failover.md rule 10): proposed by the primary, stored by both hosts and by every
//! new voter before they count, or forced by a person who answers for those who are gone.

use crate::host::{Errand, Host};
use crate::ids::Term;
use crate::membership::{Membership, Setup, Stage};
use crate::message::{Action, Body, Envelope, Obstacle};
use crate::mutations::Mutation;
use crate::stored::Record;

impl Host {
    /// A person wants another mode or other voters.
    pub(crate) fn change(&mut self, to: Setup, forced: bool, out: &mut Vec<Action>) -> Result<(), Obstacle> {
        match self.errand {
            _ if self.is_contested() && !forced => return Err(Obstacle::Busy),
            Errand::None | Errand::Contest(_) => {}
            // Its votes would be given under the old membership.
            Errand::Campaign(_) => self.errand = Errand::None,
            _ => return Err(Obstacle::Busy),
        }
        let me = self.me();
        let current = self.voter.membership().ok_or(Obstacle::Setup)?;
        let term = match self.voter.stored.tenure.opened() {
            Some(opened) => opened.epoch().term,
            None if forced => current.version.term.max(self.newest_term()),
            None => return Err(Obstacle::NotPrimary),
        };
        if !to.hosts.contains(&me) {
            return Err(Obstacle::Setup);
        }
        let changed = if forced { current.forced(to, term, me) } else { current.proposing(to, term, me) };
        let changed = changed.ok_or(Obstacle::Setup)?;
        self.put_in_force(changed, out);
        if self.voter.mutated(Mutation::SettleAtOnce) {
            self.settle_change(term, out);
        }
        Ok(())
    }

    fn newest_term(&self) -> Term {
        self.voter.stored.ballot.newest().tip_epoch().map_or(Term::default(), |tip| tip.term)
    }

    fn put_in_force(&mut self, membership: Membership, out: &mut Vec<Action>) {
        self.voter.persist(Record::Membership(membership), out);
        self.leave_contest_to_votes();
        self.stored_membership = vec![self.me()];
        self.push_membership(out);
    }

    fn settle_change(&mut self, term: Term, out: &mut Vec<Action>) {
        let me = self.me();
        if let Some(settled) = self.voter.membership().map(|current| current.settling(term, me)) {
            self.put_in_force(settled, out);
        }
    }

    /// Where votes decide, the later epoch is the current one: there is no contest to go on with.
    fn leave_contest_to_votes(&mut self) {
        if self.is_contested() && !self.contests() {
            self.unresolved = None;
            self.errand = Errand::None;
        }
    }

    /// Any word of a voter says which version it has stored. A change under way counts once all have it who must.
    pub(crate) fn note_version(&mut self, envelope: &Envelope, out: &mut Vec<Action>) {
        let Some(current) = self.voter.membership() else { return };
        if envelope.version != Some(current.version) || self.stored_membership.contains(&envelope.from) {
            return;
        }
        self.stored_membership.push(envelope.from);
        let Some(opened) = self.voter.stored.tenure.opened() else { return };
        let term = opened.epoch().term;
        let me = self.me();
        if !self.stored_membership.contains(&me) {
            self.stored_membership.push(me);
        }
        let at_rest = self.errand == Errand::None && !self.is_contested();
        if current.may_settle(&self.stored_membership) && at_rest && self.holds_own_promise(term) {
            self.settle_change(term, out);
        }
    }

    /// The primary, and the host whose stamp the membership bears, repeat it to those who have not been heard to know
    /// it: a voter that was just admitted can't ask.
    pub(crate) fn push_membership(&self, out: &mut Vec<Action>) {
        let me = self.me();
        let Some(current) = self.voter.membership() else { return };
        if self.voter.stored.tenure.opened().is_none() && current.version.host != me {
            return;
        }
        for voter in current.voters() {
            if voter != me && !self.stored_membership.contains(&voter) {
                self.voter.send(voter, Body::Membership(Box::new(current.clone())), out);
            }
        }
    }

    /// A newer membership. A host that promotes itself adopts nothing: its votes were given under the old one. A mere
    /// claim is dropped instead, and its votes with it. What is not adopted now is repeated by the primary.
    pub(crate) fn hear_membership(&mut self, membership: Membership, out: &mut Vec<Action>) {
        if matches!(self.errand, Errand::Promotion(_) | Errand::Undoing(_)) {
            return;
        }
        if self.is_contested() && matches!(membership.stage, Stage::Changing { .. }) {
            // First it has to be clear who is primary: a contest is settled by one rule on both hosts, or both give up.
            return;
        }
        let needs = |known: Option<&Membership>| known.is_some_and(Membership::needs_leases);
        if needs(Some(&membership)) && !needs(self.voter.membership()) && !self.is_fenced() {
            // Who writes without leases stops first: `automatic` begins with one writer.
            return;
        }
        if self.voter.adopt(membership, out) {
            self.leave_contest_to_votes();
            self.stored_membership.clear();
            if matches!(self.errand, Errand::Campaign(_)) {
                self.errand = Errand::None;
            }
        }
    }
}
