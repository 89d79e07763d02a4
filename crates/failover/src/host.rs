//! A host: what it remembers in a run, what happens to it, and the one rule by which it lets a program write.

use crate::contested::{Contest, Unresolved};
use crate::ids::{EpochId, Moment, Run, Term, VoterId};
use crate::leases::{Leases, RequestId};
use crate::membership::Membership;
use crate::message::{Action, Body, Done, Envelope, Event, Notice, Obstacle, Order, Task, Vote};
use crate::mutations::Mutation;
use crate::peer::Peer;
use crate::promotion::{Campaign, Promotion};
use crate::stored::{Record, Stored};
use crate::switchover::Switchover;
use crate::tenure::Tenure;
use crate::voter::{Identity, Voter};
use crate::voting::{Ask, AskKind, Refusal};
use std::time::Duration;

/// Whether a program can write here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// It can.
    Open,
    /// The fence is being taken.
    Closing,
    /// It can't.
    Closed,
}

/// The right to write, as it stands now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permit {
    /// The only epoch that it is for.
    pub epoch: EpochId,
    /// When the fence has to begin unless leases are renewed; `None` where no leases are needed.
    pub until: Option<Moment>,
}

/// The one thing that a host is busy with, each a reason to keep its program fenced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Errand {
    None,
    Campaign(Campaign),
    Promotion(Promotion),
    /// An announced opening is being taken back; `true` once that has begun, behind the closed gate.
    Undoing(bool),
    Switchover(Switchover),
    Contest(Contest),
    Stopping,
}

/// The state machine of a host that holds data. `(state, event, now) → (state, actions)`: [`Host::step`] changes the
/// state in place and appends the actions.
#[derive(Clone, Debug)]
pub struct Host {
    pub(crate) voter: Voter,
    pub(crate) jitter: u64,
    pub(crate) gate: Gate,
    pub(crate) leases: Leases,
    pub(crate) errand: Errand,
    pub(crate) peer: Peer,
    /// Two voters: whether this run may write its epoch without a further word (rule 1).
    pub(crate) resumed: bool,
    /// The answer of the peer is waited for until then, after a clean stop.
    pub(crate) answer_by: Option<Moment>,
    pub(crate) copy: Option<EpochId>,
    /// The highest term seen anywhere.
    pub(crate) seen: Term,
    /// A contest that found no winner.
    pub(crate) unresolved: Option<Unresolved>,
    /// After a release, only the heir stands until then.
    pub(crate) heir_until: Option<Moment>,
    pub(crate) aside_busy: bool,
    pub(crate) stored_membership: Vec<VoterId>,
    pub(crate) next_beat: Moment,
    pub(crate) next_check: Moment,
    pub(crate) stand_at: Moment,
    last_step: Moment,
}

impl Host {
    /// Starts from what is stored: with the fence, and without any lease (docs/failover.md rule 1). `random` spreads the
    /// candidates of an election.
    pub fn start(id: Identity, stored: Stored, random: u64, now: Moment, out: &mut Vec<Action>) -> Self {
        let voter = Voter::start(id, stored, now);
        let mut host = Self {
            jitter: random | 1,
            gate: Gate::Closing,
            leases: Leases::default(),
            errand: Errand::None,
            peer: Peer::default(),
            resumed: false,
            answer_by: None,
            copy: None,
            seen: voter.stored.ballot.promised_term(),
            unresolved: None,
            heir_until: None,
            aside_busy: false,
            stored_membership: Vec::new(),
            next_beat: now,
            next_check: now.after(voter.id.timing.check),
            stand_at: now,
            last_step: now,
            voter,
        };
        out.push(Action::Begin(Task::Fence));
        host.begin_run(now, out);
        host
    }

    /// What a start and a wake have in common.
    fn begin_run(&mut self, now: Moment, out: &mut Vec<Action>) {
        if self.voter.stored.clean {
            self.answer_by = Some(now.after(self.voter.id.timing.answer));
        }
        self.voter.persist(Record::Began(self.run().next()), out);
        self.stand_later(now);
        match &self.voter.stored.tenure {
            Tenure::Announced(_) => self.errand = Errand::Undoing(false),
            _ if self.voter.stored.receiver_closed.is_some() => {
                self.voter.persist(Record::ReceiverOpened, out);
            }
            _ => {}
        }
        self.settle(now, out);
    }

    /// What is stored.
    pub fn stored(&self) -> &Stored {
        &self.voter.stored
    }

    /// This voter's name.
    pub fn me(&self) -> VoterId {
        self.voter.id.me
    }

    pub(crate) fn run(&self) -> Run {
        self.voter.stored.run
    }

    /// Whether a program can write here, as far as this run has ordered it.
    pub fn gate(&self) -> Gate {
        self.gate
    }

    /// Takes in one event. `now` is on this host's own clock and never goes back.
    pub fn step(&mut self, now: Moment, event: Event, out: &mut Vec<Action>) {
        match event {
            Event::Tick => self.tick(now, out),
            Event::Woke(random) => self.wake(random, now, out),
            Event::Message(envelope) => self.receive(now, &envelope, out),
            Event::Done(done) => self.done(now, done, out),
            Event::Person(order) => self.obey(now, order, out),
            Event::Copy(copy) => self.copy = copy,
            Event::Applied(epoch, position) => self.peer_applied(epoch, position, now, out),
        }
        self.last_step = now;
        self.settle(now, out);
    }

    /// When the host wants an [`Event::Tick`] at the latest.
    pub fn wake_at(&self, now: Moment) -> Moment {
        let mut at = self.next_beat;
        if let (Gate::Open, Some(Permit { until: Some(until), .. })) = (self.gate, self.permit(now)) {
            at = at.min(until);
        }
        if self.stand_at > now { at.min(self.stand_at) } else { at }
    }

    /// Whether this host may write now, and until when (docs/failover.md rule 1).
    pub fn permit(&self, now: Moment) -> Option<Permit> {
        let stored = &self.voter.stored;
        let epoch = match &stored.tenure {
            Tenure::Opened(opened) => opened.epoch(),
            Tenure::Released(released) if self.voter.mutated(Mutation::ResumeAfterRelease) => {
                released.opened().epoch()
            }
            _ => return None,
        };
        let own_vote = stored.ballot.promised.is_some_and(|p| p.term == epoch.term && p.to == self.me());
        if !own_vote || self.errand != Errand::None || stored.aside.is_some() {
            return None;
        }
        let membership = stored.ballot.membership.as_ref().filter(|m| m.peer_of(self.me()).is_some())?;
        if !membership.needs_leases() {
            return self.resumed.then_some(Permit { epoch, until: None });
        }
        let margin =
            if self.voter.mutated(Mutation::NoMargin) { Duration::ZERO } else { self.voter.id.timing.margin };
        let until = self.leases.majority_until(epoch.term, self.me(), membership)?.before(margin);
        (now < until).then_some(Permit { epoch, until: Some(until) })
    }

    /// Whether the receiver takes objects of `epoch` now (docs/failover.md rules 4, 9).
    pub fn receives(&self, epoch: EpochId) -> bool {
        let open = self.voter.mutated(Mutation::ReceiverOpenWhilePromoting)
            || (self.voter.stored.receiver_closed.is_none()
                && !matches!(self.errand, Errand::Campaign(_) | Errand::Promotion(_) | Errand::Undoing(_)));
        let opened = &self.voter.stored.ballot.opened;
        let newest = opened.tip_epoch() == Some(epoch)
            || (self.voter.mutated(Mutation::ReceiveOlderEpoch) && opened.contains(epoch));
        open && newest && epoch.host != self.me()
    }

    /// Brings the gate, the set-aside file and the errand in line with what is known now.
    fn settle(&mut self, now: Moment, out: &mut Vec<Action>) {
        let permit = self.permit(now);
        match (self.gate, permit) {
            (Gate::Open, None) => {
                self.gate = Gate::Closing;
                out.push(Action::Begin(Task::Fence));
            }
            (Gate::Closed, Some(_)) => {
                self.gate = Gate::Open;
                self.guard(now, out);
                out.push(Action::Unfence);
            }
            _ => {}
        }
        if self.voter.membership().is_some_and(Membership::needs_leases) {
            self.resumed = permit.is_some();
        }
        if self.gate == Gate::Closed {
            self.advance_errand(out);
            self.drive_aside(out);
        }
    }

    /// Sets the guard to when this host's right ends unless it is renewed.
    pub(crate) fn guard(&self, now: Moment, out: &mut Vec<Action>) {
        if let (Gate::Open, Some(permit)) = (self.gate, self.permit(now)) {
            let until = permit.until.unwrap_or_else(|| now.after(self.voter.id.timing.guard));
            out.push(Action::Guard(until));
        }
    }

    /// What an errand waits for the closed gate to do.
    fn advance_errand(&mut self, out: &mut Vec<Action>) {
        match self.errand {
            Errand::Promotion(_) => self.begin_promotion(out),
            Errand::Undoing(_) => self.begin_undo(out),
            Errand::Switchover(_) => self.begin_drain(out),
            Errand::Contest(_) => self.advance_contest(out),
            Errand::Stopping if !self.voter.stored.clean => {
                self.voter.persist(Record::Stopped, out);
                out.push(Action::Halt);
            }
            _ => {}
        }
    }

    fn tick(&mut self, now: Moment, out: &mut Vec<Action>) {
        if now >= self.next_beat {
            self.next_beat = now.after(self.voter.id.timing.beat);
            self.beat(now, out);
        }
        if now >= self.stand_at {
            self.stand_later(now);
            self.stand_if_free(now, out);
        }
    }

    /// Once a beat: renew, speak to the peer, give up what took too long.
    fn beat(&mut self, now: Moment, out: &mut Vec<Action>) {
        if self.answer_by.is_some_and(|by| now >= by) {
            self.answer_by = None;
            self.resumed = true;
        }
        self.renew(now, out);
        self.greet(now, out);
        self.check_peer(now, out);
        self.give_up_slow_errand(now, out);
        self.push_membership(out);
        self.guard(now, out);
    }

    /// Asks all voters for the lease anew, own vote included.
    pub(crate) fn renew(&mut self, now: Moment, out: &mut Vec<Action>) {
        let Some(opened) = self.voter.stored.tenure.opened() else { return };
        if !self.voter.membership().is_some_and(Membership::needs_leases) {
            return;
        }
        let (term, parent) = (opened.epoch().term, opened.lineage().clone());
        if self.ask_all(&Ask { kind: AskKind::Renew, term, parent, waived: false }, now, out).is_err() {
            // The own vote went to another or to a later term: only a new claim can help, which `stand_if_free` makes.
            self.leases.void();
        }
    }

    /// Sends `ask` to every other voter and judges it oneself.
    pub(crate) fn ask_all(&mut self, ask: &Ask, now: Moment, out: &mut Vec<Action>) -> Result<(), Refusal> {
        let me = self.me();
        let Some(membership) = self.voter.membership() else { return Err(Refusal::NoVote) };
        let voters = membership.voters();
        let request = RequestId { run: self.run(), sent: now };
        let version = Some(membership.version);
        let own = Envelope {
            from: me,
            to: me,
            pair: self.voter.id.pair,
            version,
            body: Body::Ask(request, ask.clone()),
        };
        let promise = self.voter.judge(me, ask, &own, now)?;
        if ask.kind != AskKind::PreVote {
            self.voter.promise(promise, now, out);
            let lease = self.voter.id.timing.lease;
            self.leases.note(me, ask.term, now, lease);
        }
        for voter in voters.into_iter().filter(|voter| *voter != me) {
            self.voter.send(voter, Body::Ask(request, ask.clone()), out);
        }
        Ok(())
    }

    pub(crate) fn holds_own_promise(&self, term: Term) -> bool {
        let me = self.me();
        self.voter.stored.ballot.promised.is_some_and(|p| p.term == term && p.to == me)
    }

    /// Leases and answers from before count for nothing any more (docs/failover.md rule 1).
    fn wake(&mut self, random: u64, now: Moment, out: &mut Vec<Action>) {
        #[cfg(feature = "simulator")]
        if self.voter.mutated(Mutation::LeasesSurviveWake) {
            self.leases.survive(now.since(self.last_step));
            return;
        }
        let (id, stored, copy) = (self.voter.id.clone(), self.voter.stored.clone(), self.copy);
        let busy = self.aside_busy;
        *self = Self::start(id, stored, random, now, out);
        self.copy = copy;
        self.aside_busy = busy;
    }

    fn receive(&mut self, now: Moment, envelope: &Envelope, out: &mut Vec<Action>) {
        if !self.voter.admits(envelope, out) {
            return;
        }
        let from = envelope.from;
        self.note_version(envelope, out);
        if self.voter.membership().and_then(|m| m.peer_of(self.me())) == Some(from) {
            self.peer.spoke_at(from, now);
        }
        match &envelope.body {
            Body::Hello(hello) => self.hear(hello, now, out),
            Body::Ask(request, ask) => self.vote(*request, ask, envelope, now, out),
            Body::Vote(vote) => self.count(from, vote, now, out),
            Body::Store(lineage) => {
                if let (true, Some(epoch)) =
                    (self.voter.store_opening(lineage, from, out), lineage.tip_epoch())
                {
                    self.voter.send(from, Body::HasStored(epoch), out);
                }
            }
            Body::HasStored(epoch) => self.opening_stored(from, *epoch, now, out),
            Body::Release(epoch, heir) => self.released_by(from, *epoch, heir, now, out),
            Body::Contest(lineage, facts, answer) => self.hear_facts(from, lineage, *facts, *answer, out),
            Body::Membership(membership) => self.hear_membership((**membership).clone(), out),
        }
    }

    /// Answers an ask. A primary that writes, or is handing over, gives its vote to nobody else.
    fn vote(
        &mut self,
        request: RequestId,
        ask: &Ask,
        envelope: &Envelope,
        now: Moment,
        out: &mut Vec<Action>,
    ) {
        if ask.kind == AskKind::Renew {
            self.learn(&ask.parent, out);
        }
        let keeps =
            self.gate != Gate::Closed || matches!(self.errand, Errand::Switchover(_) | Errand::Promotion(_));
        if !keeps {
            // Without a majority the lease to oneself carries nothing: it must not bar others for ever.
            let me = self.me();
            self.voter.lending.reclaim(me);
        }
        let verdict = match self.voter.judge(envelope.from, ask, envelope, now) {
            Ok(_) if keeps && self.voter.stored.tenure != Tenure::Follows => Err(Refusal::Leased),
            verdict => verdict,
        };
        self.voter.answer(envelope.from, request, ask, verdict, now, out);
    }

    /// A voter's answer: a lease, a vote, or news.
    fn count(&mut self, from: VoterId, vote: &Vote, now: Moment, out: &mut Vec<Action>) {
        self.seen = self.seen.max(vote.promised);
        if vote.verdict == Err(Refusal::Promised) {
            // Equal terms bar each other too.
            self.seen = self.seen.max(vote.term.next());
        }
        let current = vote.request.run == self.run() || self.voter.mutated(Mutation::ReplyOfEarlierRun);
        if current && vote.verdict.is_ok() {
            if !vote.pre {
                let from_reply = self.voter.mutated(Mutation::LeaseFromReply);
                let sent = if from_reply { now } else { vote.request.sent };
                let lease = self.voter.id.timing.lease;
                self.leases.note(from, vote.term, sent, lease);
                self.guard(now, out);
            }
            self.count_vote(from, vote, now, out);
        }
        self.learn(&vote.opened, out);
    }

    fn done(&mut self, now: Moment, done: Done, out: &mut Vec<Action>) {
        match done {
            Done::Fenced => {
                if self.gate == Gate::Closing {
                    self.gate = Gate::Closed;
                }
            }
            Done::Drained(position) => self.drained(position),
            Done::BaseTaken(term, position) => self.base_taken(term, position, out),
            Done::FileMoved(epoch, moved) => self.file_moved(epoch, moved, now, out),
            Done::Undone(epoch) => self.undone(epoch, now, out),
            Done::SetAside => self.was_set_aside(out),
            Done::Compared(comparison) => self.was_compared(comparison, out),
            Done::ForkKept => self.fork_kept(out),
            Done::AsideDropped => self.aside_dropped(out),
        }
    }

    fn obey(&mut self, now: Moment, order: Order, out: &mut Vec<Action>) {
        let refused = match order {
            Order::SwitchOver => self.switch_over(now),
            Order::TakeOver { waived } => self.take_over(waived, now, out),
            Order::TakeOverWithFork { epoch, position } => {
                self.take_over_with_fork(epoch, position, now, out)
            }
            Order::Resume => self.resume(),
            Order::Restore(position) => self.restore(position, now),
            Order::Choose { mine } => self.choose(mine, out),
            Order::Change { to, forced } => self.change(*to, forced, out),
            Order::Stop => self.stop(),
        };
        if let Err(obstacle) = refused {
            out.push(Action::Tell(Notice::Refused(obstacle)));
        }
    }

    /// A person answers for the peer: it is switched off and has taken over nothing.
    fn resume(&mut self) -> Result<(), Obstacle> {
        let opened = self.voter.stored.tenure.opened().ok_or(Obstacle::NotPrimary)?;
        if self.voter.membership().is_some_and(Membership::needs_leases) {
            return Err(Obstacle::VotesDecide);
        }
        if !self.holds_own_promise(opened.epoch().term) {
            return Err(Obstacle::VotesDecide);
        }
        self.leave_contest();
        self.resumed = true;
        Ok(())
    }

    fn stop(&mut self) -> Result<(), Obstacle> {
        if self.errand != Errand::None {
            return Err(Obstacle::Busy);
        }
        self.errand = Errand::Stopping;
        Ok(())
    }

    /// A number from 0 to `below`, different on each host and in each run.
    pub(crate) fn jitter(&mut self, below: Duration) -> Duration {
        self.jitter ^= self.jitter << 13;
        self.jitter ^= self.jitter >> 7;
        self.jitter ^= self.jitter << 17;
        below.mul_f64((self.jitter % 1024) as f64 / 1024.0)
    }
}
