//! What the watch has seen of one database.

use std::path::PathBuf;

use crate::identity::Identity;
use crate::inspect::Obstacle;

use super::Progress;

/// What the watch has seen of one database.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Whether we hold it: nothing is in the way of capturing it.
    pub(crate) held: bool,
    /// What is in the way.
    pub(crate) obstacle: Option<Obstacle>,
    /// The file that we hold, as it was last seen.
    pub(crate) mark: Option<Identity>,
    /// Whether the file that we hold is not the one that the epoch describes.
    pub(crate) another: bool,
    /// Where the log of the file before it was put, because it did not belong to the one that we hold.
    pub(crate) log_aside: Option<PathBuf>,
    /// The disk that the file at its path is on, where the system tells.
    pub(crate) device: Option<u64>,
    /// Whether the file that we hold is no longer at its path.
    pub(crate) missing: bool,
    /// Whether another file is at its path.
    pub(crate) replaced: bool,
    /// In bytes.
    pub(crate) page_size: u32,
    /// Of the database file, in bytes.
    pub(crate) size: u64,
    /// Of the write-ahead log, in bytes.
    pub(crate) wal_size: u64,
    /// How much Litestream has written of the first whole copy, in bytes, while it makes one.
    pub(crate) first_copy: u64,
    /// Why the log could not be read at the last look.
    pub(crate) trouble: Option<String>,
    /// How far its commits have come.
    pub(crate) progress: Progress,
}
