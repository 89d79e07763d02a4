//! The numbers and names of the protocol, each a type of its own so that none can stand in for another.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Which host may write. Only grows, and has one holder (docs/failover.md rule 2).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Term(u64);

impl Term {
    /// The term that pairing gives to the host it names as primary.
    pub const FIRST: Self = Self(1);

    /// A term as it was stored or received.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The next higher term, the lowest that a claimant who saw this one may ask for.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Counts the epochs of one database within a term: grows with each in-place restore.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EpochNumber(u32);

impl EpochNumber {
    /// The first epoch of a term.
    pub const FIRST: Self = Self(1);

    /// The number of the next in-place restore.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A transaction of one epoch. Counts anew in each epoch, so it says nothing without its epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Txid(u64);

impl Txid {
    /// A transaction number as Litestream counts it.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }
}

/// A hash over the content of the database (or of all databases that move together).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Digest(u64);

impl Digest {
    /// A digest as the engine computed it.
    pub const fn new(value: u64) -> Self {
        Self(value)
    }
    /// The value that was given to [`Digest::new`].
    pub const fn value(self) -> u64 {
        self.0
    }
}

/// Where a content stands: compared for equality only. Whether one content contains another is told by lineage,
/// never by these numbers (docs/failover.md rule 6).
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Last transaction.
    pub txid: Txid,
    /// What the content hashes to.
    pub digest: Digest,
}

/// A voter's random name. A voter that lost its state gets a new one: it *is* a new voter (rule 2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VoterId(u64);

impl VoterId {
    /// A name that was drawn at random when the voter was set up.
    pub const fn new(value: u64) -> Self {
        Self(value)
    }
}

/// The random name of a pair of hosts, drawn at pairing. Messages of another pair are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PairId(u64);

impl PairId {
    /// A name that was drawn at random at pairing.
    pub const fn new(value: u64) -> Self {
        Self(value)
    }
}

/// One run of a host, counted on its disk from start to start and wake to wake, so that a late word of an earlier run is
/// known as such.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Run(u64);

impl Run {
    /// The run that follows this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// One unbroken line of history: `<term>.<number>` and the only host that ever writes it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EpochId {
    /// Term in which it was opened.
    pub term: Term,
    /// Grows with each in-place restore within the term.
    pub number: EpochNumber,
    /// Its one writer. Last in the order, where it settles a draw between two terms of the same number (rule 7).
    pub host: VoterId,
}

impl EpochId {
    /// What a database is called that lay at a host's path before pairing: in no line, so always a fork.
    pub const fn stray(host: VoterId) -> Self {
        Self { term: Term(0), number: EpochNumber(0), host }
    }
}

/// A moment on one voter's own clock, which counts sleep and is never compared with another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Moment(u64);

impl Moment {
    /// Microseconds since some start of this voter's clock.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }
    /// Microseconds, as given to [`Moment::from_micros`].
    pub const fn micros(self) -> u64 {
        self.0
    }
    /// This moment plus `span`; the far end of time rather than a wrapped one.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(micros(span)))
    }
    /// This moment minus `span`, not before the clock's start.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(micros(span)))
    }
    /// Time passed since `earlier`, zero if that is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

fn micros(span: Duration) -> u64 {
    span.as_secs().saturating_mul(1_000_000).saturating_add(u64::from(span.subsec_micros()))
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
impl fmt::Display for VoterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
impl fmt::Display for EpochId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}-{}", self.term.0, self.number.0, self.host.0)
    }
}

/// Names are short wherever they are printed: the simulator's stories and the journal are read by people.
macro_rules! debug_as_display {
    ($($name:ty),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}
debug_as_display!(Term, VoterId, EpochId, Position);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{:x}", self.txid.0, self.digest.0)
    }
}
