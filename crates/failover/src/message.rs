//! What voters say to each other, what happens to one, and what it wants done.

use crate::contested::Facts;
use crate::ids::{EpochId, Moment, PairId, Position, Run, Term, VoterId};
use crate::leases::RequestId;
use crate::lineage::{Lineage, Opening};
use crate::membership::{Membership, Setup, Version};
use crate::rejoin::Comparison;
use crate::stored::Record;
use crate::tenure::{Heir, Source};
use crate::voting::{Ask, Refusal};
use serde::{Deserialize, Serialize};

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Sender.
    pub from: VoterId,
    /// Receiver.
    pub to: VoterId,
    /// Messages of another pair are refused.
    pub pair: PairId,
    /// The sender's version of the membership.
    pub version: Option<Version>,
    /// What it says.
    pub body: Body,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// A host's word to its peer, once a beat.
    Hello(Hello),
    /// A request for a promise or a lease.
    Ask(RequestId, Ask),
    /// The answer to an ask.
    Vote(Vote),
    /// Store this opening: its newest epoch is announced, not opened.
    Store(Lineage),
    /// The opening of this epoch is stored.
    HasStored(EpochId),
    /// The sender's epoch of this term has ended for ever.
    Release(EpochId, Heir),
    /// What the sender knows of its side of a contest, with the line that the facts are about. `true`: an answer, which
    /// wants none itself.
    Contest(Lineage, Facts, bool),
    /// Mode and voters, to one who knows an older version.
    Membership(Box<Membership>),
}

/// A host's word about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The sender's run.
    pub run: Run,
    /// When it was sent, on the sender's clock: an older word of the same run is no news.
    pub sent: Moment,
    /// The receiver's run, as far as the sender heard of it: makes this an answer.
    pub heard: Option<Run>,
    /// The newest opened epoch that the sender knows.
    pub opened: Lineage,
    /// Highest term promised.
    pub promised: Term,
    /// What the sender is.
    pub role: Role,
    /// The epoch of which the sender holds a complete copy.
    pub copy: Option<EpochId>,
}

/// What a host is, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Its epoch is opened and not released.
    Primary,
    /// It claims a term or promotes itself.
    Claimant,
    /// Neither.
    Standby,
}

/// A voter's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// The request.
    pub request: RequestId,
    /// The term that was asked for.
    pub term: Term,
    /// Granted or refused.
    pub verdict: Result<(), Refusal>,
    /// Whether the ask was one without effect.
    pub pre: bool,
    /// Highest term that the voter promised.
    pub promised: Term,
    /// The newest opened epoch that the voter knows.
    pub opened: Lineage,
}

/// What happens to a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The moment of [`crate::Host::wake_at`] has come, or any other.
    Tick,
    /// The clock jumped: this machine slept. With a random number.
    Woke(u64),
    /// A message arrived.
    Message(Envelope),
    /// A task was carried out.
    Done(Done),
    /// A person clicked.
    Person(Order),
    /// This standby holds a complete copy of this epoch, up to what it acknowledged; `None`: of none.
    Copy(Option<EpochId>),
    /// The peer has acknowledged and applied this content of this epoch.
    Applied(EpochId, Position),
}

/// What a person may order. What can't be done is refused with a [`Notice::Refused`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Make the peer primary, losing nothing.
    SwitchOver,
    /// The peer is switched off: make this host primary. `waived`: even if it lacks an opened epoch.
    TakeOver {
        /// Commits of that epoch become a fork.
        waived: bool,
    },
    /// The peer is switched off and there is no complete copy: make this host primary with this fork.
    TakeOverWithFork {
        /// The epoch that the fork was written in.
        epoch: EpochId,
        /// The fork.
        position: Position,
    },
    /// The peer is switched off: go on writing the own epoch.
    Resume,
    /// Put an earlier moment or a fork in the place of the content.
    Restore(Position),
    /// In a contest: keep this host's content, or the peer's.
    Choose {
        /// This host's.
        mine: bool,
    },
    /// Change mode or voters. `forced`: whoever has to store it and can't is gone for ever.
    Change {
        /// What is wanted.
        to: Box<Setup>,
        /// A person answers for those who are gone.
        forced: bool,
    },
    /// Stop cleanly.
    Stop,
}

/// What a host wants done, in this order. The engine carries out one after the other; after a crash in between, the
/// rest never happened. A step that can't be made durable ends the run: the host starts again from what is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make the step durable.
    Persist(Record),
    /// Send. May be lost.
    Send(Envelope),
    /// Let the program write, and start it.
    Unfence,
    /// Tell the guard to take the fence at this moment, unless it is told another before.
    Guard(Moment),
    /// Begin a task. Tasks are carried out in order; each ends in an [`Event::Done`].
    Begin(Task),
    /// Something that the owner is told, and that is journaled.
    Tell(Notice),
    /// The clean stop is complete.
    Halt,
}

/// What takes time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Let no program write: within [`crate::Timing::fence`], by ending it if need be.
    Fence,
    /// Capture everything that is committed in the fenced file.
    Drain,
    /// Fix the content of an epoch that continues this one: let the applier finish, stop it, take the longest
    /// unbroken of inbox, store and warm copy; or read the fenced own file.
    TakeBase(Term, Source, Option<EpochId>),
    /// Put the content in place, with an empty prefix and fresh Litestream metadata.
    MoveFile(Opening, Source),
    /// Take an announced opening back: nothing was written. What differs from its base after all is kept as a fork.
    Undo(Opening, Source),
    /// Rename what is at the program's path out of the way, once; put the placeholder there (rule 8).
    SetAside(EpochId),
    /// Compare the set-aside file, WAL included, with this content.
    Compare(Position),
    /// Make the set-aside file a fork: immutable, announced, copied to both hosts.
    KeepFork,
    /// Delete the set-aside file, which the complete warm copy contains.
    DropAside,
    /// Make the set-aside file, which equals what this epoch began with, the copy of that epoch; if a snapshot completed
    /// that copy meanwhile, delete the file instead: the copy may have acknowledged more already.
    SeedCopy(EpochId),
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// No program can write.
    Fenced,
    /// Everything committed is captured: here it ends.
    Drained(Position),
    /// The base of that term; `None`: there is no complete copy.
    BaseTaken(Term, Option<Position>),
    /// The file of that epoch is in place; `false`: it could not be put there.
    FileMoved(EpochId, bool),
    /// That opening is taken back.
    Undone(EpochId),
    /// The file is aside.
    SetAside,
    /// How it compares.
    Compared(Comparison),
    /// The fork is kept.
    ForkKept,
    /// The equal file is gone, or became the copy.
    AsideDropped,
}

/// What the owner is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// This host opened an epoch.
    Opened(EpochId),
    /// This host's epoch ended: another's is current.
    Superseded(EpochId),
    /// Writes that are not in the current epoch are kept.
    Fork(EpochId),
    /// Both hosts wrote; a person has to choose.
    Contested,
    /// An order can't be carried out now.
    Refused(Obstacle),
    /// A switchover was given up; the program goes on here.
    SwitchOverFailed,
}

/// Why an order can't be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// Another errand is under way.
    #[error("something else is under way")]
    Busy,
    /// Only the primary can.
    #[error("this host is not primary")]
    NotPrimary,
    /// There is no complete copy to go on from.
    #[error("the peer or this host has no complete copy")]
    NoCopy,
    /// The mode leaves this to the votes (rule 3).
    #[error("the witness decides; if it is gone for ever, remove it first")]
    VotesDecide,
    /// The wanted setup can't be used, or is in force.
    #[error("the wanted mode and voters can't be used")]
    Setup,
}
