//! Where things are within the bucket.
//!
//! ```text
//! <database>/<epoch>-<host>/<level>/<min>-<max>.ltx     Litestream's, one writer ever (DESIGN §3)
//! <database>/<epoch>-<host>/unproved                    how far the line is proved to be whole, while that is in doubt
//! <database>/epochs/<epoch>-<host>.json                 birth certificates
//! <database>/snapshots/<name>-<host>/<level>/…          a named snapshot's objects, ours alone
//! <database>/snapshots/<name>-<host>.json               and its description, written last
//! ```
//!
//! `<host>` is the host's name and eight digits of its random id, so that hosts of one name can share a bucket.

use sqlite_replicate_api::{Epoch, EpochRecord, Name};

/// A host as it stands in keys: `pc-anna-3f2a9c1d`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostKey(String);

impl HostKey {
    /// Made of the host's name and its random id.
    pub(crate) fn new(name: &Name, id: &str) -> Self {
        let digits: String = id.chars().take(8).collect();
        Self(format!("{name}-{digits}"))
    }

    /// The prefix of one epoch's objects, without a slash at its end.
    pub(crate) fn epoch(&self, database: &Name, epoch: Epoch) -> String {
        format!("{database}/{epoch}-{}", self.0)
    }

    /// The prefix of a named snapshot's objects, without a slash at its end.
    pub(crate) fn snapshot(&self, database: &Name, name: &Name) -> String {
        format!("{}{name}-{}", snapshots(database), self.0)
    }
}

/// The key of an epoch's record. It goes by the prefix that the epoch was opened with: the host may have another name now.
pub(crate) fn epoch_record(record: &EpochRecord) -> String {
    let opened_as = record.prefix.rsplit('/').next().unwrap_or(&record.prefix);
    format!("{}{opened_as}.json", epoch_records(&record.database))
}

/// While it is there: the last transaction of a prefix that is proved to leave nothing out (see [`crate::continuity`]).
pub(crate) fn unproved(prefix: &str) -> String {
    format!("{prefix}/unproved")
}

/// Where the records of a database's epochs are.
pub(crate) fn epoch_records(database: &Name) -> String {
    format!("{database}/epochs/")
}

/// Where a database's named snapshots are.
pub(crate) fn snapshots(database: &Name) -> String {
    format!("{database}/snapshots/")
}
