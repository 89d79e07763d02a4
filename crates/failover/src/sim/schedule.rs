//! A schedule: who takes part, what goes wrong when. Drawn from a seed, and made shorter by leaving faults out.

use crate::membership::Mode;
use crate::sim::node::Time;
use crate::sim::random::Random;

/// What a person orders in a simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Click {
    /// Switch over.
    SwitchOver,
    /// Take over, though the peer may run.
    TakeOver,
    /// Take over without what this host lacks.
    TakeOverWaived,
    /// Go on writing.
    Resume,
    /// Go back some commits.
    Restore,
    /// Put a fork in the content's place.
    PromoteFork,
    /// Choose this host's content in a contest.
    ChooseMine,
    /// Choose the peer's.
    ChooseTheirs,
    /// Another mode or other voters.
    Change,
    /// Stop cleanly and start again later.
    Stop,
}

/// A kind of message that can be held up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// The end of an epoch.
    Release,
    /// A lease or a vote.
    Vote,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The engine of a machine dies after so many further actions.
    Crash {
        /// Which machine.
        slot: usize,
        /// Durable steps, messages and tasks until then.
        after: u32,
        /// The whole machine loses power: what the store did not flush is gone.
        power: bool,
    },
    /// The machine sleeps.
    Sleep(usize, Time),
    /// The machine is switched off for so long.
    Off(usize, Time),
    /// Messages from the first to the second are lost for so long.
    Cut(usize, usize, Time),
    /// All messages of one machine are lost for so long.
    Isolate(usize, Time),
    /// Every message is slow for so long.
    Congestion(Time),
    /// All such releases, and half of such votes, take many seconds, for so long.
    Held(Word, Time),
    /// The fence takes as long as it may.
    SlowFence(usize),
    /// The store's objects are gone.
    StoreLost(usize),
    /// The warm copy can't be used.
    WarmLost(usize),
    /// Litestream captures nothing for so long.
    CaptureStopped(usize, Time),
    /// No durable step succeeds for so long.
    FullDisk(usize, Time),
    /// The disk is lost: the machine comes back as a new voter.
    DiskLost(usize),
    /// Somebody clicks.
    Person(usize, Click),
    /// A person answers truly that the other host is switched off, and keeps it off.
    HonestTakeOver(usize, Time),
}

/// Everything that a run depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Draws delays, losses and writes.
    pub seed: u64,
    /// Mode at the start.
    pub mode: Mode,
    /// Witnesses at the start.
    pub witnesses: usize,
    /// Tenths of true time that each clock counts.
    pub clocks: [u64; 5],
    /// Whether each host's program outlives its engine.
    pub external: [bool; 2],
    /// How long things go wrong, in microseconds.
    pub chaos: Time,
    /// What goes wrong when, in order of time.
    pub faults: Vec<(Time, Fault)>,
    /// Messages lost or doubled, of a hundred.
    pub loss: u64,
    /// Messages that come many seconds late, of a hundred.
    pub late: u64,
    /// The machine that never comes back after the chaos.
    pub gone: Option<usize>,
}

const SECOND: Time = 1_000_000;

impl Schedule {
    /// Draws a schedule. The same seed draws the same schedule on every machine.
    pub fn draw(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let (mode, witnesses) = match random.below(100) {
            0..60 => (Mode::Automatic, 1),
            60..66 => (Mode::Automatic, 3),
            66..84 => (Mode::Manual, 0),
            _ => (Mode::AutomaticWithoutWitness, 0),
        };
        let machines = 2 + witnesses.max(1);
        let mut schedule = Self {
            seed,
            mode,
            witnesses,
            clocks: std::array::from_fn(|_| [9, 9, 10, 11, 11][random.below(5) as usize]),
            external: [random.chance(50), random.chance(50)],
            chaos: random.between(10 * SECOND, 70 * SECOND),
            faults: Vec::new(),
            loss: if random.chance(50) { random.below(12) } else { 0 },
            late: if random.chance(50) { random.below(4) } else { 0 },
            gone: random.chance(15).then(|| random.below(machines as u64) as usize),
        };
        let lies = random.chance(40);
        let changes = random.chance(25);
        for _ in 0..random.between(2, 16) {
            let at = random.below(schedule.chaos);
            let fault = draw_fault(&mut random, machines, lies, changes);
            schedule.faults.push((at, fault));
        }
        if random.chance(14) {
            schedule.draw_late_release(&mut random);
        }
        if random.chance(8) {
            schedule.draw_late_votes(&mut random);
        }
        if mode != Mode::Automatic && lies && random.chance(50) {
            schedule.draw_contest(&mut random);
        }
        if random.chance(8) {
            schedule.faults.push((
                random.below(schedule.chaos),
                Fault::DiskLost(random.below(machines as u64) as usize),
            ));
            schedule.gone = None;
        }
        schedule.faults.sort_by_key(|(at, _)| *at);
        schedule
    }

    /// A switchover whose word of release comes when its sender has long begun another epoch.
    fn draw_late_release(&mut self, random: &mut Random) {
        let at = random.below(self.chaos);
        self.faults.push((at, Fault::Held(Word::Release, 3 * SECOND)));
        for host in 0..2 {
            self.faults.push((at + random.below(2 * SECOND), Fault::Person(host, Click::SwitchOver)));
        }
        let cut = at + random.between(7 * SECOND, 11 * SECOND);
        for host in 0..2 {
            self.faults.push((cut, Fault::Cut(host, 1 - host, 20 * SECOND)));
        }
        self.faults.retain(|(at, _)| *at < self.chaos);
    }

    /// Leases that arrive after the machine that asked for them started anew, and then hears nothing more.
    fn draw_late_votes(&mut self, random: &mut Random) {
        let at = random.below(self.chaos);
        let host = random.below(2) as usize;
        self.faults.push((at, Fault::Held(Word::Vote, 3 * SECOND)));
        self.faults.push((at + 2 * SECOND, Fault::Crash { slot: host, after: 0, power: true }));
        self.faults.push((at + random.between(6 * SECOND, 14 * SECOND), Fault::Isolate(host, 20 * SECOND)));
        self.faults.retain(|(at, _)| *at < self.chaos);
    }

    /// Two people, or a person and the checks, each of whom takes the other host for gone.
    fn draw_contest(&mut self, random: &mut Random) {
        let at = random.below(self.chaos);
        let span = random.between(6 * SECOND, 25 * SECOND);
        for host in 0..2 {
            self.faults.push((at, Fault::Cut(host, 1 - host, span)));
            if random.chance(50) {
                let crash =
                    Fault::Crash { slot: host, after: random.below(3) as u32, power: random.chance(50) };
                self.faults.push((at + random.below(4 * SECOND), crash));
            }
            let clicks = [Click::TakeOver, Click::TakeOver, Click::Restore, Click::Resume];
            for _ in 0..2 {
                let click = clicks[random.below(4) as usize];
                self.faults.push((at + random.below(9 * SECOND), Fault::Person(host, click)));
            }
        }
        self.faults.retain(|(at, _)| *at < self.chaos);
    }

    /// Machines: two hosts, the witnesses, and one that may become a witness where there is none.
    pub fn machines(&self) -> usize {
        2 + self.witnesses.max(1)
    }
}

fn draw_fault(random: &mut Random, machines: usize, lies: bool, changes: bool) -> Fault {
    let slot = random.below(machines as u64) as usize;
    let host = random.below(2) as usize;
    let span = match random.below(3) {
        0 => random.between(SECOND / 10, 2 * SECOND),
        1 => random.between(2 * SECOND, 8 * SECOND),
        _ => random.between(8 * SECOND, 25 * SECOND),
    };
    match random.below(100) {
        0..16 => Fault::Crash { slot, after: random.below(14) as u32, power: random.chance(40) },
        16..26 => Fault::Sleep(slot, span),
        26..34 => Fault::Off(slot, span),
        34..44 => Fault::Cut(slot, random.below(machines as u64) as usize, span),
        44..54 => Fault::Isolate(slot, span),
        54..57 => Fault::Congestion(span),
        57..61 => Fault::SlowFence(host),
        61..64 => Fault::StoreLost(host),
        64..66 => Fault::WarmLost(host),
        66..70 => Fault::CaptureStopped(host, span),
        70..73 => Fault::FullDisk(slot, span),
        73..79 => Fault::Person(host, Click::SwitchOver),
        79..83 => Fault::Person(host, if lies { Click::TakeOver } else { Click::SwitchOver }),
        83..85 => Fault::Person(host, if lies { Click::TakeOverWaived } else { Click::SwitchOver }),
        85..86 => Fault::Person(host, if lies { Click::Resume } else { Click::SwitchOver }),
        86..89 => Fault::HonestTakeOver(host, span + 8 * SECOND),
        89..92 => Fault::Person(host, Click::Restore),
        92..93 => Fault::Person(host, Click::PromoteFork),
        93..94 => {
            Fault::Person(host, if random.chance(50) { Click::ChooseMine } else { Click::ChooseTheirs })
        }
        94..98 if changes => Fault::Person(host, Click::Change),
        _ => Fault::Person(host, Click::Stop),
    }
}
