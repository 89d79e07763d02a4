//! One simulated machine: its clock, its power, its program, fence and guard, its disk, and the voter that runs there.

use crate::host::Host;
use crate::ids::{EpochId, Moment, VoterId};
use crate::message::Task;
use crate::sim::content::Content;
use crate::sim::disk::Disk;
use crate::stored::Stored;
use crate::voter::Witness;
use std::collections::VecDeque;

/// True time in microseconds since the schedule began.
pub(crate) type Time = u64;

/// Whether a machine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Power {
    On,
    Asleep,
    Off,
    /// Never to come back.
    Gone,
}

/// The voter of a machine, while its engine runs.
#[derive(Debug)]
pub(crate) enum Machine {
    Host(Box<Host>),
    Witness(Box<Witness>),
}

/// A clock that counts sleep and runs at exactly 0.9, 1.0 or 1.1 of true time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    pub(crate) tenths: u64,
    pub(crate) offset: u64,
}

impl Clock {
    pub(crate) fn at(&self, time: Time) -> Moment {
        Moment::from_micros(self.offset + time * self.tenths / 10)
    }

    /// The first true time at which this clock shows `moment`.
    pub(crate) fn when(&self, moment: Moment) -> Time {
        (moment.micros().saturating_sub(self.offset) * 10).div_ceil(self.tenths)
    }

    /// How much true time passes while this clock counts `micros`.
    pub(crate) fn span(&self, micros: u64) -> Time {
        micros * 10 / self.tenths
    }
}

/// What the sending side of shipping remembers in one run of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shipping {
    pub(crate) epoch: EpochId,
    pub(crate) peer: VoterId,
    /// What the peer acknowledged, and what it applied.
    pub(crate) acknowledged: Option<(Content, Content)>,
    /// Whether the peer asked for a snapshot.
    pub(crate) snapshot: bool,
}

/// One machine.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) id: VoterId,
    pub(crate) power: Power,
    pub(crate) clock: Clock,
    pub(crate) machine: Option<Machine>,
    pub(crate) stored: Stored,
    pub(crate) disk: Disk,
    /// Counts the starts of the engine: what an earlier one began never ends.
    pub(crate) boot: u32,
    /// The program outlives the engine and starts at boot by itself.
    pub(crate) external: bool,
    /// The engine let its own program start.
    pub(crate) started: bool,
    pub(crate) fenced: bool,
    pub(crate) guard_at: Option<Time>,
    /// Until then the program may write beside the protocol: what the guard can't prevent at boot and wake.
    pub(crate) window_until: Time,
    pub(crate) timer_at: Option<Time>,
    pub(crate) tasks: VecDeque<Task>,
    pub(crate) working: bool,
    /// Crash after that many more actions; `true`: of the whole machine.
    pub(crate) crash_in: Option<(u32, bool)>,
    pub(crate) capture_stopped: bool,
    pub(crate) disk_full: bool,
    pub(crate) slow_fence: bool,
    pub(crate) shipping: Option<Shipping>,
    pub(crate) told_copy: Option<EpochId>,
}

impl Node {
    pub(crate) fn host(&self) -> Option<&Host> {
        match &self.machine {
            Some(Machine::Host(host)) => Some(host),
            _ => None,
        }
    }

    /// Whether the program could commit at this instant.
    pub(crate) fn can_write(&self) -> bool {
        let running = self.external || (self.started && self.machine.is_some());
        self.power == Power::On && running && !self.fenced && self.disk.path.is_some()
    }

    pub(crate) fn engine_runs(&self) -> bool {
        self.power == Power::On && self.machine.is_some()
    }
}
