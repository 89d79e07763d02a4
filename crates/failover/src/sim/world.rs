//! The world of one schedule: machines, network and time, one event after the other in one thread.

use crate::host::Host;
use crate::ids::{EpochId, PairId, Term, VoterId};
use crate::leases::Timing;
use crate::membership::{Membership, Setup, Stage, Version};
use crate::message::{Action, Body, Done, Envelope, Event, Task};
use crate::mutations::{Mutation, Mutations};
use crate::sim::content::{Commits, Content, EMPTY};
use crate::sim::disk::{Disk, File};
use crate::sim::node::{Clock, Machine, Node, Power, Time};
use crate::sim::oracle::{Oracle, Violation};
use crate::sim::random::Random;
use crate::sim::schedule::{Fault, Schedule, Word};
use crate::sim::story::Story;
use crate::stored::Stored;
use crate::tenure::{Opened, Tenure};
use crate::voter::{Identity, Witness};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// The pair of every schedule.
pub(crate) const PAIR: PairId = PairId::new(7);

/// What is said on the wire.
#[derive(Clone, Debug)]
pub(crate) enum Payload {
    Protocol(Envelope),
    /// Objects up to a content, on top of one that the receiver should have; `None`: a snapshot.
    Ship(EpochId, Option<Content>, Content),
    /// The receiver has no complete copy of that epoch.
    Need(EpochId),
    /// That voter has flushed, and applied, up to here.
    Acknowledge(VoterId, EpochId, Content, Content),
}

/// What happens.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    Timer(usize),
    Deliver(usize, usize, Payload),
    Fault(Fault),
    /// The end of a span that a fault began.
    Over(Fault),
    Start(usize, u32),
    Write(usize),
    Guard(usize),
    FenceHeld(usize, u32),
    GuardHeld(usize),
    Boot(usize, u32),
    Wake(usize),
    TaskDone(usize, u32),
    /// Capture, shipping, applying.
    Flow(usize, u32),
    /// The received objects are flushed.
    Flushed(usize, u32, EpochId, Option<Content>, Content),
    Person,
}

/// The world.
pub(crate) struct World {
    pub(crate) now: Time,
    pub(crate) steps: u64,
    pub(crate) random: Random,
    pub(crate) schedule: Schedule,
    pub(crate) mutations: Mutations,
    pub(crate) timing: Timing,
    pub(crate) nodes: Vec<Node>,
    pub(crate) commits: Commits,
    pub(crate) oracle: Oracle,
    pub(crate) story: Story,
    /// Until when messages from one machine to another are lost.
    pub(crate) cut: [[Time; 5]; 5],
    pub(crate) congested_until: Time,
    /// Words of this kind are held up until then.
    pub(crate) held: Option<(Word, Time)>,
    /// The chaos is over.
    pub(crate) healed: bool,
    pub(crate) programs_stopped: bool,
    /// When a fault or a click last disturbed the healing.
    pub(crate) disturbed: Time,
    pub(crate) healed_at: Time,
    names: u64,
    queue: BinaryHeap<Reverse<(Time, u64, u32)>>,
    waiting: Vec<Option<Happening>>,
    free: Vec<u32>,
    order: u64,
    spare: Vec<Action>,
}

impl World {
    pub(crate) fn new(schedule: Schedule, mutations: Mutations, story: Story) -> Self {
        let random = Random::new(schedule.seed ^ 0x5EED);
        let mut world = Self {
            now: 0,
            steps: 0,
            random,
            mutations,
            timing: Timing::default(),
            nodes: Vec::new(),
            commits: Commits::new(),
            oracle: Oracle::default(),
            story,
            cut: [[0; 5]; 5],
            congested_until: 0,
            held: None,
            healed: false,
            programs_stopped: false,
            disturbed: 0,
            healed_at: 0,
            names: 0,
            queue: BinaryHeap::new(),
            waiting: Vec::new(),
            free: Vec::new(),
            order: 0,
            spare: Vec::new(),
            schedule,
        };
        world.pair();
        for (at, fault) in world.schedule.faults.clone() {
            world.at(at, Happening::Fault(fault));
        }
        world
    }

    /// Sets all machines up as pairing does, the first host as primary.
    fn pair(&mut self) {
        let ids: Vec<VoterId> = (0..self.schedule.machines()).map(|_| self.new_name()).collect();
        let witnesses = ids[2..2 + self.schedule.witnesses].to_vec();
        let setup = Setup { mode: self.schedule.mode, hosts: [ids[0], ids[1]], witnesses };
        let version = Version { term: Term::FIRST, number: 0, host: ids[0] };
        let membership = Membership { version, stage: Stage::Settled(setup) };
        let opened = Opened::by_pairing(ids[0], self.commits.position(EMPTY));
        self.oracle.paired(&opened);
        for (slot, id) in ids.into_iter().enumerate() {
            let tenure = if slot == 0 { Tenure::Opened(opened.clone()) } else { Tenure::Follows };
            let member = membership.is_voter(id);
            let mut stored =
                if member { Stored::paired(membership.clone(), &opened, tenure) } else { Stored::blank() };
            let file = File { epoch: opened.epoch(), committed: EMPTY, captured: EMPTY };
            let mut disk = Disk { path: (slot == 0).then_some(file), ..Disk::default() };
            if slot == 1 && self.random.chance(20) {
                let committed = self.commits.commit(EMPTY, slot);
                disk.path = Some(File { epoch: EpochId::stray(id), committed, captured: committed });
                stored = Stored::paired_with_stray(membership.clone(), &opened, id);
            }
            let clock = Clock { tenths: self.schedule.clocks[slot], offset: self.random.below(1 << 40) };
            let external = slot < 2 && self.schedule.external[slot];
            self.nodes.push(new_node(id, clock, stored, disk, external));
            self.start(slot);
            if slot < 2 {
                self.at(self.now + 1000, Happening::Write(slot));
            }
        }
    }

    pub(crate) fn new_name(&mut self) -> VoterId {
        self.names += 1;
        VoterId::new(self.names)
    }

    pub(crate) fn at(&mut self, time: Time, happening: Happening) {
        let place = match self.free.pop() {
            Some(place) => {
                self.waiting[place as usize] = Some(happening);
                place
            }
            None => {
                self.waiting.push(Some(happening));
                (self.waiting.len() - 1) as u32
            }
        };
        self.order += 1;
        self.queue.push(Reverse((time.max(self.now), self.order, place)));
    }

    pub(crate) fn after(&mut self, span: Time, happening: Happening) {
        self.at(self.now + span, happening);
    }

    /// Makes the next thing happen, unless it comes after `end`.
    pub(crate) fn step(&mut self, end: Time) -> Result<bool, Violation> {
        let Some(Reverse((time, _, _))) = self.queue.peek().copied() else { return Ok(false) };
        if time > end {
            return Ok(false);
        }
        let Some(Reverse((_, _, place))) = self.queue.pop() else { return Ok(false) };
        self.now = time;
        let Some(happening) = self.waiting[place as usize].take() else { return Ok(true) };
        self.free.push(place);
        self.happen(happening);
        self.oracle.verdict()?;
        Ok(true)
    }

    fn happen(&mut self, happening: Happening) {
        if let Happening::Timer(slot) = happening {
            if self.nodes[slot].timer_at != Some(self.now) {
                return;
            }
            self.nodes[slot].timer_at = None;
        }
        self.steps += 1;
        match happening {
            Happening::Timer(slot) => self.drive(slot, Event::Tick),
            Happening::Deliver(from, to, payload) => self.deliver(from, to, payload),
            Happening::Fault(fault) => self.strike(fault),
            Happening::Over(fault) => self.end_fault(fault),
            Happening::Start(slot, boot) => {
                if self.nodes[slot].boot == boot {
                    self.start(slot);
                }
            }
            Happening::Write(slot) => self.program_writes(slot),
            Happening::Guard(slot) => self.guard_fences(slot),
            Happening::FenceHeld(slot, boot) => {
                if self.nodes[slot].boot == boot {
                    self.fence_held(slot);
                }
            }
            Happening::TaskDone(slot, boot) => {
                if self.nodes[slot].boot == boot {
                    self.task_done(slot);
                }
            }
            Happening::Flow(slot, boot) => {
                if self.nodes[slot].boot == boot {
                    self.flow(slot);
                }
            }
            Happening::Flushed(slot, boot, epoch, from, to) => {
                if self.nodes[slot].boot == boot {
                    self.flushed(slot, epoch, from, to);
                }
            }
            Happening::GuardHeld(slot) => self.guard_held(slot),
            Happening::Boot(slot, boot) => {
                if self.nodes[slot].boot == boot {
                    self.boot(slot);
                }
            }
            Happening::Wake(slot) => self.wake(slot),
            Happening::Person => self.person_helps(),
        }
    }

    /// Starts the engine or witness of a machine from what is stored.
    pub(crate) fn start(&mut self, slot: usize) {
        let node = &mut self.nodes[slot];
        if node.power == Power::Asleep {
            let boot = node.boot;
            return self.after(500_000, Happening::Start(slot, boot));
        }
        if node.power != Power::On || node.machine.is_some() {
            return;
        }
        node.boot += 1;
        let boot = node.boot;
        node.tasks.clear();
        node.working = false;
        node.started = false;
        node.shipping = None;
        node.told_copy = None;
        let id = Identity { me: node.id, pair: PAIR, timing: self.timing, mutations: self.mutations };
        let now = node.clock.at(self.now);
        let mut out = std::mem::take(&mut self.spare);
        let random = self.random.next();
        let stored = node.stored.clone();
        node.window_until = node.window_until.max(self.now + 1_300_000);
        self.story.tell(self.now, slot, || "the engine starts".to_owned());
        node.machine = Some(if slot < 2 {
            Machine::Host(Box::new(Host::start(id, stored, random, now, &mut out)))
        } else {
            Machine::Witness(Box::new(Witness::start(id, stored, now)))
        });
        self.carry_out(slot, &mut out);
        self.spare = out;
        if slot < 2 {
            self.after(50_000, Happening::Flow(slot, boot));
        }
        self.set_timer(slot);
    }

    /// Gives `event` to the host of a machine and carries out what it wants.
    pub(crate) fn drive(&mut self, slot: usize, event: Event) {
        let node = &mut self.nodes[slot];
        if node.power != Power::On {
            return;
        }
        let now = node.clock.at(self.now);
        let mut out = std::mem::take(&mut self.spare);
        self.story.event(self.now, slot, &event);
        match &mut node.machine {
            Some(Machine::Host(host)) => host.step(now, event, &mut out),
            Some(Machine::Witness(witness)) => match event {
                Event::Message(envelope) => witness.receive(now, &envelope, &mut out),
                Event::Woke(_) => witness.woke(now),
                _ => {}
            },
            None => {}
        }
        self.carry_out(slot, &mut out);
        out.clear();
        self.spare = out;
        self.set_timer(slot);
    }

    /// Carries out actions one by one; a crash may come before any of them.
    fn carry_out(&mut self, slot: usize, out: &mut Vec<Action>) {
        for action in out.drain(..) {
            if let Some((after, power)) = self.nodes[slot].crash_in {
                if after == 0 {
                    self.nodes[slot].crash_in = None;
                    return self.crash(slot, power);
                }
                self.nodes[slot].crash_in = Some((after - 1, power));
            }
            self.story.action(self.now, slot, &action);
            if !self.act(slot, action) {
                return;
            }
        }
    }

    /// One action. Returns whether the engine still runs.
    fn act(&mut self, slot: usize, action: Action) -> bool {
        match action {
            Action::Persist(record) => {
                if self.nodes[slot].disk_full {
                    self.crash(slot, false);
                    return false;
                }
                self.nodes[slot].stored.apply(&record);
                self.oracle.persisted(slot, &record, &self.nodes, &self.commits);
            }
            Action::Send(envelope) => {
                if let Some(to) = self.nodes.iter().position(|node| node.id == envelope.to) {
                    self.send(slot, to, Payload::Protocol(envelope));
                }
            }
            Action::Unfence => self.unfence(slot),
            Action::Guard(moment) => {
                let at = self.nodes[slot].clock.when(moment);
                let armed = self.nodes[slot].guard_at.is_some();
                self.nodes[slot].guard_at = Some(at);
                if !armed {
                    self.at(at, Happening::Guard(slot));
                }
            }
            Action::Begin(Task::Fence) => {
                let span = self.fence_span(slot);
                let boot = self.nodes[slot].boot;
                self.after(span, Happening::FenceHeld(slot, boot));
            }
            Action::Begin(task) => {
                self.nodes[slot].tasks.push_back(task);
                self.begin_task(slot);
            }
            Action::Tell(_) => {}
            Action::Halt => {
                self.halt(slot);
                return false;
            }
        }
        true
    }

    /// Asks for a timer no later than the host wants one, a little late as real ones are.
    fn set_timer(&mut self, slot: usize) {
        let node = &self.nodes[slot];
        let Some(host) = node.host() else { return };
        let wanted = node.clock.when(host.wake_at(node.clock.at(self.now))).max(self.now + 1);
        let late = node.clock.span(self.random.below(50_000));
        let at = wanted + late;
        if node.timer_at.is_none_or(|set| set > at || set <= self.now) {
            self.nodes[slot].timer_at = Some(at);
            self.at(at, Happening::Timer(slot));
        }
    }

    /// Sends a message: perhaps lost, doubled, slow or very late.
    pub(crate) fn send(&mut self, from: usize, to: usize, payload: Payload) {
        if self.random.chance(self.schedule.loss) && !self.healed {
            return;
        }
        if self.random.chance(self.schedule.loss) && !self.healed {
            let span = self.travel_time();
            self.after(span, Happening::Deliver(from, to, payload.clone()));
        }
        let span = if self.is_held(&payload) {
            self.random.between(2_000_000, 22_000_000)
        } else {
            self.travel_time()
        };
        self.after(span, Happening::Deliver(from, to, payload));
    }

    fn is_held(&mut self, payload: &Payload) -> bool {
        let Some((word, _)) = self.held.filter(|(_, until)| self.now < *until) else { return false };
        let Payload::Protocol(Envelope { body, .. }) = payload else { return false };
        match word {
            Word::Release => matches!(body, Body::Release(..)),
            Word::Vote => matches!(body, Body::Vote(_)) && self.random.chance(50),
        }
    }

    fn travel_time(&mut self) -> Time {
        if self.healed {
            return self.random.between(500, 20_000);
        }
        if self.random.chance(self.schedule.late) {
            return self.random.between(1_000_000, 20_000_000);
        }
        let slow = if self.now < self.congested_until { 1_500_000 } else { 25_000 };
        self.random.between(300, slow)
    }

    pub(crate) fn mutated(&self, mutation: Mutation) -> bool {
        self.mutations.has(mutation)
    }

    pub(crate) fn finish(&mut self, slot: usize, done: Done) {
        self.drive(slot, Event::Done(done));
    }
}

fn new_node(id: VoterId, clock: Clock, stored: Stored, disk: Disk, external: bool) -> Node {
    Node {
        id,
        power: Power::On,
        clock,
        machine: None,
        stored,
        disk,
        boot: 0,
        external,
        started: false,
        fenced: true,
        guard_at: None,
        window_until: 0,
        timer_at: None,
        tasks: VecDeque::new(),
        working: false,
        crash_in: None,
        capture_stopped: false,
        disk_full: false,
        slow_fence: false,
        shipping: None,
        told_copy: None,
    }
}
