//! What two hosts say to each other once a beat, what a host makes of it, and what it makes of silence (docs/failover.md
//! rules 1, 3).

use crate::host::{Errand, Host};
use crate::ids::{EpochId, Moment, Run, VoterId};
use crate::lineage::{Reason, Relation};
use crate::membership::Membership;
use crate::message::{Action, Body, Hello, Role};
use crate::tenure::Tenure;
use crate::voting::{Ask, AskKind};

/// What is known of the peer in this run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peer {
    id: Option<VoterId>,
    /// The peer's newest run that was heard of, and when its newest word was sent, on its clock.
    spoke: Option<(Run, Moment)>,
    pub(crate) heard: Option<Moment>,
    pub(crate) role: Option<Role>,
    pub(crate) copy: Option<EpochId>,
    /// Checks that failed in a row.
    pub(crate) failures: u32,
}

impl Peer {
    /// Anything at all arrived from `id`. A new voter in the old one's place begins anew: what was heard before is not
    /// about it.
    pub(crate) fn spoke_at(&mut self, id: VoterId, now: Moment) {
        if self.id != Some(id) {
            *self = Self { id: Some(id), ..Self::default() };
        }
        self.heard = Some(now);
        self.failures = 0;
    }

    /// Takes note of a word's age. Returns whether it is the newest of the peer's newest run, and answers this run: a
    /// word that answers no one may be as old as the network likes.
    fn is_current(&mut self, hello: &Hello, mine: Run) -> bool {
        let word = Some((hello.run, hello.sent));
        if word < self.spoke {
            return false;
        }
        self.spoke = word;
        hello.heard == Some(mine)
    }
}

impl Host {
    fn role(&self) -> Role {
        match (&self.errand, &self.voter.stored.tenure) {
            (Errand::Campaign(_) | Errand::Promotion(_) | Errand::Undoing(_), _)
            | (_, Tenure::Announced(_)) => Role::Claimant,
            (_, Tenure::Opened(opened)) if self.holds_own_promise(opened.epoch().term) => Role::Primary,
            _ => Role::Standby,
        }
    }

    pub(crate) fn greet(&self, now: Moment, out: &mut Vec<Action>) {
        let me = self.me();
        let Some(peer) = self.voter.membership().and_then(|membership| membership.peer_of(me)) else {
            return;
        };
        let ballot = &self.voter.stored.ballot;
        let hello = Hello {
            run: self.run(),
            sent: now,
            heard: self.peer.spoke.map(|(run, _)| run),
            opened: ballot.opened.clone(),
            promised: ballot.promised_term(),
            role: self.role(),
            copy: self.copy,
        };
        self.voter.send(peer, Body::Hello(hello), out);
    }

    /// A word from the peer.
    pub(crate) fn hear(&mut self, hello: &Hello, now: Moment, out: &mut Vec<Action>) {
        let unanswered = self.peer.spoke.is_none_or(|(run, _)| run < hello.run);
        let current = self.peer.is_current(hello, self.run());
        if unanswered {
            self.greet(now, out);
        }
        if !current {
            return;
        }
        self.peer.role = Some(hello.role);
        self.peer.copy = hello.copy;
        self.seen = self.seen.max(hello.promised);
        if let Some(opened) = self.voter.stored.tenure.opened() {
            let known = matches!(opened.lineage().relation(&hello.opened), Relation::Same | Relation::Ahead);
            if known && hello.role == Role::Standby && hello.promised <= opened.epoch().term {
                self.resumed = true;
                self.answer_by = None;
            }
        }
        if hello.role == Role::Primary {
            self.stop_campaign();
        }
        self.learn_of_peer(&hello.opened, out);
    }

    /// `automatic-without-witness`: checks that fail in a row stand in for the missing vote, counted only after a
    /// success in this run (rule 3).
    pub(crate) fn check_peer(&mut self, now: Moment, out: &mut Vec<Action>) {
        if now < self.next_check {
            return;
        }
        let timing = self.voter.id.timing;
        self.next_check = now.after(timing.check);
        let Peer { heard: Some(heard), .. } = self.peer else { return };
        self.peer.failures = if now.since(heard) >= timing.check { self.peer.failures + 1 } else { 0 };
        let by_checks = self.voter.membership().is_some_and(Membership::takes_over_by_checks);
        if !by_checks
            || self.peer.failures < timing.failures
            || self.errand != Errand::None
            || self.permit(now).is_some()
        {
            return;
        }
        if let Some((source, parent)) = self.candidacy(false) {
            let ask = Ask { kind: AskKind::Claim, term: self.next_term(), parent, waived: false };
            self.campaign(ask, source, Reason::Machine, now, out);
        }
    }
}
