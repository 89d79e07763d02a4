//! The failover decisions of SQLite Replicate: pure functions of `(state, event, now) → (state, actions)`.
//!
//! No I/O, no clock, no randomness: all of it comes from outside. `docs/failover.md` states the rules that the modules
//! cite by number, and why they hold. [`Host`] is the state machine of a host with data, [`Witness`] that of a voter
//! without. Both ask for one durable step at a time ([`Action::Persist`]), so that a crash may come between any two.
//!
//! One pair of hosts runs one `Host` each. Databases that move together are one content to it: the engine adds their
//! transactions up and hashes their digests together into a [`Position`], which is only ever compared for equality.

mod change;
mod contested;
mod host;
mod ids;
mod leases;
mod lineage;
mod membership;
mod message;
mod mutations;
mod peer;
mod promotion;
mod rejoin;
#[cfg(feature = "simulator")]
pub mod sim;
mod status;
mod stored;
mod switchover;
mod tenure;
mod voter;
mod voting;

pub use contested::{Facts, Verdict, decide};
pub use host::{Gate, Host, Permit};
pub use ids::{Digest, EpochId, EpochNumber, Moment, PairId, Position, Run, Term, Txid, VoterId};
pub use leases::{Leases, RequestId, Timing};
pub use lineage::{Base, Lineage, Opening, Reason, Relation};
pub use membership::{Membership, Mode, Setup, SetupError, Stage, Version};
pub use message::{Action, Body, Done, Envelope, Event, Hello, Notice, Obstacle, Order, Role, Task, Vote};
#[cfg(feature = "simulator")]
pub use mutations::Mutation;
pub use mutations::Mutations;
pub use rejoin::{Aside, AsideStage, Comparison};
pub use status::{Evidence, Overall};
pub use stored::{Record, Stored};
pub use tenure::{Announced, Heir, Opened, Promised, Released, Source, Tenure};
pub use voter::{Identity, Witness};
pub use voting::{Ask, AskKind, Ballot, Claim, Lending, Promise, Refusal};
