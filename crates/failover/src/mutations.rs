//! Deliberate mistakes that the simulator must catch. Without the feature `simulator` there are none.

/// One mistake. Each leaves out one clause of docs/failover.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "simulator"),
    allow(dead_code, unreachable_pub, reason = "only the simulator makes them")
)]
pub enum Mutation {
    /// The holder fences only when its leases have run out (rule 1).
    NoMargin,
    /// A voter lends to others straight after its start (rule 2).
    VoterForgetsLease,
    /// Leases are kept over sleep, as by a clock that stands still then (rule 1).
    LeasesSurviveWake,
    /// A released epoch is written again (rule 5).
    ResumeAfterRelease,
    /// The receiver acknowledges while the base is fixed (rules 4, 9).
    ReceiverOpenWhilePromoting,
    /// What is in the inbox but not yet in the store is left out of the base (rule 4).
    BaseFromStoreOnly,
    /// A set-aside file is judged by what was captured of it (rule 6).
    ForkByCaptured,
    /// A superseded file is deleted before it is compared (rule 6).
    DeleteBeforeCompare,
    /// Nothing fences a program that outlives its engine (rule 1).
    GuardAbsent,
    /// A voter doesn't ask whether the claimant has the newest epoch (rule 2).
    NoParentCheck,
    /// A voter promises while its lease to another is alive (rule 2).
    LeaseIgnored,
    /// A late release of an earlier term frees a lease (rule 5).
    ReleaseOfAnyTerm,
    /// A voter stores an opening though it promised a higher term since (rule 4).
    RecordWithoutPromise,
    /// A lease is counted from the reply, not from the request (rule 1).
    LeaseFromReply,
    /// The new primary writes before a majority stored the opening (rule 4).
    WriteBeforeOpened,
    /// The receiver takes any epoch (rule 9).
    ReceiveOlderEpoch,
    /// The receiver acknowledges before its inbox is flushed (docs/architecture.md 2).
    AckBeforeFlush,
    /// A promise is given before it is on disk (rule 2).
    PromiseNotStored,
    /// A change of the membership counts at once (rule 10).
    SettleAtOnce,
    /// A status is green for what is captured but not acknowledged.
    GreenOnCaptured,
    /// An equal file goes before the warm copy is complete (rule 6).
    DropWithoutCopy,
    /// In a contest without a winner both sides wait for the other to give up (rule 7).
    ContestBothStay,
    /// A reply to a request from before a start or a wake counts (rule 1).
    ReplyOfEarlierRun,
    /// As first designed: an opening that its own host took back bars that host too (rule 2).
    OwnVoidBars,
    /// As first designed: an equal file waits for a complete copy instead of becoming it (rule 6).
    EqualWaits,
    /// As first designed: a voter that a change removes gives no vote any more while the change is under way (rule 10).
    RetiringVotersSilent,
}

/// The mistakes that a simulated host makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mutations {
    #[cfg(feature = "simulator")]
    bits: u32,
}

impl Mutations {
    /// Just one.
    #[cfg(feature = "simulator")]
    pub fn only(mutation: Mutation) -> Self {
        Self { bits: 1 << mutation as u32 }
    }

    /// Whether `mutation` is made; never, outside the simulator.
    #[cfg(feature = "simulator")]
    pub fn has(&self, mutation: Mutation) -> bool {
        self.bits & (1 << mutation as u32) != 0
    }

    /// Whether `mutation` is made; never, outside the simulator.
    #[cfg(not(feature = "simulator"))]
    #[expect(clippy::unused_self, reason = "the same call as in the simulator")]
    pub(crate) const fn has(&self, _mutation: Mutation) -> bool {
        false
    }
}

#[cfg(feature = "simulator")]
impl Mutation {
    /// Every mistake, in the order of their declaration.
    pub const ALL: [Self; 26] = [
        Self::NoMargin,
        Self::VoterForgetsLease,
        Self::LeasesSurviveWake,
        Self::ResumeAfterRelease,
        Self::ReceiverOpenWhilePromoting,
        Self::BaseFromStoreOnly,
        Self::ForkByCaptured,
        Self::DeleteBeforeCompare,
        Self::GuardAbsent,
        Self::NoParentCheck,
        Self::LeaseIgnored,
        Self::ReleaseOfAnyTerm,
        Self::RecordWithoutPromise,
        Self::LeaseFromReply,
        Self::WriteBeforeOpened,
        Self::ReceiveOlderEpoch,
        Self::AckBeforeFlush,
        Self::PromiseNotStored,
        Self::SettleAtOnce,
        Self::GreenOnCaptured,
        Self::DropWithoutCopy,
        Self::ContestBothStay,
        Self::ReplyOfEarlierRun,
        Self::OwnVoidBars,
        Self::EqualWaits,
        Self::RetiringVotersSilent,
    ];
}
