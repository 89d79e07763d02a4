//! The planned change of the primary, which loses nothing (docs/failover.md rule 5).

use crate::host::{Errand, Host};
use crate::ids::{EpochId, Moment, Position, VoterId};
use crate::message::{Action, Body, Notice, Obstacle, Task};
use crate::stored::Record;
use crate::tenure::{Heir, Tenure};

/// A switchover under way. Until the release, any failure resumes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Switchover {
    heir: VoterId,
    step: Step,
    since: Moment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The program is stopped and the fence taken.
    Fencing,
    /// The last sync.
    Draining,
    /// The standby has to acknowledge and apply exactly this.
    Waiting(Position),
}

impl Host {
    /// A person wants the peer to be primary.
    pub(crate) fn switch_over(&mut self, now: Moment) -> Result<(), Obstacle> {
        if self.errand != Errand::None || self.permit(now).is_none() {
            return Err(Obstacle::Busy);
        }
        let epoch = self.voter.stored.tenure.opened().ok_or(Obstacle::NotPrimary)?.epoch();
        let me = self.me();
        let peer = self.voter.membership().and_then(|membership| membership.peer_of(me));
        let heir = peer.filter(|_| self.peer.copy == Some(epoch)).ok_or(Obstacle::NoCopy)?;
        self.errand = Errand::Switchover(Switchover { heir, step: Step::Fencing, since: now });
        Ok(())
    }

    /// The gate is closed.
    pub(crate) fn begin_drain(&mut self, out: &mut Vec<Action>) {
        if let Errand::Switchover(switchover) = &mut self.errand
            && switchover.step == Step::Fencing
        {
            switchover.step = Step::Draining;
            out.push(Action::Begin(Task::Drain));
        }
    }

    /// Everything committed is captured.
    pub(crate) fn drained(&mut self, position: Position) {
        match &mut self.errand {
            Errand::Switchover(switchover) if switchover.step == Step::Draining => {
                switchover.step = Step::Waiting(position);
            }
            Errand::Contest(_) => self.contest_drained(position),
            _ => {}
        }
    }

    /// The standby is exactly there: the epoch ends, to this peer and for this term.
    pub(crate) fn peer_applied(
        &mut self,
        epoch: EpochId,
        position: Position,
        now: Moment,
        out: &mut Vec<Action>,
    ) {
        let Errand::Switchover(Switchover { heir, step: Step::Waiting(wanted), .. }) = self.errand else {
            return;
        };
        let Tenure::Opened(opened) = &self.voter.stored.tenure else { return };
        if opened.epoch() != epoch || position != wanted || !self.is_fenced() {
            return;
        }
        let heir = Heir { host: heir, term: self.seen.max(epoch.term).next(), position };
        let released = opened.release(Some(heir));
        self.errand = Errand::None;
        self.heir_until = Some(now.after(self.voter.id.timing.patience));
        self.voter.persist(Record::Released(released), out);
        let (me, mutations) = (self.me(), self.voter.id.mutations);
        self.voter.lending.release(me, epoch.term, heir.host, &mutations);
        self.leases.void();
        let voters = self.voter.membership().map(crate::membership::Membership::voters).unwrap_or_default();
        for voter in voters.into_iter().filter(|voter| *voter != me) {
            self.voter.send(voter, Body::Release(epoch, heir), out);
        }
    }

    /// The peer's epoch has ended for ever.
    pub(crate) fn released_by(
        &mut self,
        from: VoterId,
        epoch: EpochId,
        heir: &Heir,
        now: Moment,
        out: &mut Vec<Action>,
    ) {
        let mutations = self.voter.id.mutations;
        self.voter.lending.release(from, epoch.term, heir.host, &mutations);
        let newest = self.voter.stored.ballot.opened.tip_epoch() == Some(epoch);
        if heir.host == self.me() && newest {
            self.peer.role = None;
            self.claim_as_heir(heir.term, now, out);
        }
    }

    /// Gives up what took too long: the program goes on here.
    pub(crate) fn give_up_slow_errand(&mut self, now: Moment, out: &mut Vec<Action>) {
        if let Errand::Switchover(switchover) = &self.errand
            && now.since(switchover.since) >= self.voter.id.timing.patience * 2
        {
            self.errand = Errand::None;
            out.push(Action::Tell(Notice::SwitchOverFailed));
        }
        self.tend_promotion(now, out);
        self.send_facts(out);
    }
}
