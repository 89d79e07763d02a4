//! What a database's history can give back.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Epoch, Name, Txid};

/// Why an epoch was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum OpenedBy {
    /// The database came under protection.
    Protection,
    /// An in-place restore.
    Restore,
    /// A file that somebody put in the database's place.
    Replacement,
    /// The history before can no longer be continued: holes that nothing could fill, or the store was lost.
    Healing,
    /// The undoing of an in-place restore.
    Undo,
    /// A vote of hosts.
    Vote,
    /// A person's word.
    Person,
    /// A machine's decision without a vote.
    Machine,
}

/// Where an epoch comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Base {
    /// The epoch before.
    pub epoch: Epoch,
    /// The last transaction of it that is part of this one; none means that it isn't known.
    pub txid: Option<Txid>,
}

/// The birth certificate of an epoch. It is kept in the engine's journal and beside the objects in the store, so that a
/// history can be read where nothing else is left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct EpochRecord {
    /// The epoch.
    pub epoch: Epoch,
    /// The random id of the database.
    pub database_id: String,
    /// What the database is called.
    pub database: Name,
    /// The random id of the host that writes it.
    pub host_id: String,
    /// What the host is called.
    pub host: String,
    /// Where its objects are, within the bucket.
    pub prefix: String,
    /// Where it comes from; none for the first.
    pub base: Option<Base>,
    /// Why it was opened.
    pub opened_by: OpenedBy,
    /// When.
    pub opened_at: Timestamp,
}

/// One transaction that a restore can end with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RestorePoint {
    /// The transaction.
    pub txid: Txid,
    /// The finest level that ends with it: 0 each sync, 1 each half minute, …, 9 snapshots.
    pub level: u8,
    /// When the object was stored: not earlier than the commit.
    pub time: Timestamp,
    /// The object's size in bytes.
    pub bytes: u64,
}

/// The objects of one level of one epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LevelSummary {
    /// The level.
    pub level: u8,
    /// How many.
    pub objects: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// First and last transaction.
    pub first: Txid,
    /// See `first`.
    pub last: Txid,
    /// When the oldest and the newest were stored.
    pub from: Timestamp,
    /// See `from`.
    pub to: Timestamp,
}

/// Transactions that are missing from a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct HistoryHole {
    /// The level.
    pub level: u8,
    /// The first missing transaction.
    pub first: Txid,
    /// The last missing transaction.
    pub last: Txid,
    /// Whether the newest state can't be restored because of it.
    pub blocking: bool,
}

/// One epoch and what it can give back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct EpochHistory {
    /// Its birth certificate.
    pub record: EpochRecord,
    /// Its objects by level.
    pub levels: Vec<LevelSummary>,
    /// What is missing.
    pub holes: Vec<HistoryHole>,
    /// Every transaction that a restore can end with, oldest first.
    pub points: Vec<RestorePoint>,
}

/// A moment with a name, kept past retention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct NamedSnapshot {
    /// The name.
    pub name: Name,
    /// The epoch that it was taken from.
    pub epoch: Epoch,
    /// The transaction.
    pub txid: Txid,
    /// When it was made.
    pub created_at: Timestamp,
    /// Where its objects are, within the bucket.
    pub prefix: String,
    /// Bytes that it takes in the store.
    pub bytes: u64,
}

/// Everything that a database can be brought back to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct History {
    /// The database.
    pub database: Name,
    /// Its epochs, oldest first.
    pub epochs: Vec<EpochHistory>,
    /// Its named snapshots, oldest first.
    pub snapshots: Vec<NamedSnapshot>,
}
