//! Long operations: what is asked for, how far they are, how they ended.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Epoch, Name, Report, Txid};

/// How thoroughly a restored database is checked before anybody gets it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Integrity {
    /// Not at all.
    None,
    /// `PRAGMA quick_check`: structure.
    Quick,
    /// `PRAGMA integrity_check`: structure and indexes.
    #[default]
    Full,
}

/// Which moment to go back to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Moment {
    /// The newest there is.
    #[default]
    Newest,
    /// The newest transaction that was captured at or before this time.
    At(Timestamp),
    /// Exactly this transaction of the newest epoch, or of the epoch that is named.
    Txid {
        /// The transaction.
        txid: Txid,
        /// Its epoch; none means the newest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        epoch: Option<Epoch>,
    },
    /// A named snapshot.
    Snapshot(Name),
}

/// Where the restored database goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Target {
    /// A new file; it must not exist.
    File(PathBuf),
    /// The database's own place: the old files are set aside, a new epoch begins.
    InPlace,
}

/// A wanted restore.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RestoreRequest {
    /// Which moment.
    #[serde(default)]
    pub moment: Moment,
    /// Where to.
    pub target: Target,
    /// How thoroughly it is checked.
    #[serde(default)]
    pub integrity: Integrity,
}

/// What a restore will do, said before it is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RestorePlan {
    /// The database, where it is known by name.
    pub database: Option<Name>,
    /// From where: the store's address and the prefix, without credentials.
    pub source: String,
    /// The epoch that it is taken from.
    pub epoch: Option<Epoch>,
    /// The transaction that it ends with; 0 for a backup of Litestream 0.3, which knows none.
    pub txid: Txid,
    /// When that transaction was captured.
    pub time: Option<Timestamp>,
    /// Objects to fetch.
    pub objects: usize,
    /// Their size in bytes.
    pub bytes: u64,
    /// Where it goes.
    pub target: Target,
    /// Transactions that are set aside by an in-place restore: captured after the chosen moment.
    pub set_aside: Option<u64>,
    /// Why it is not exactly what was asked for (a hole in the history), in a sentence.
    pub shortfall: Option<String>,
}

/// What a job does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum JobRequest {
    /// Brings a past moment back.
    Restore(RestoreRequest),
    /// Undoes the last in-place restore.
    UndoRestore,
    /// Writes a row, waits until it is stored, restores, and looks for the row.
    Verify,
    /// Restores the present moment and compares it with the database, row by row.
    Validate,
    /// Restores only to prove that it works.
    Drill,
    /// Checks every stored object of the current epoch.
    Scan {
        /// Whether what is found is also mended.
        heal: bool,
    },
    /// Keeps the present moment under a name, past retention.
    Snapshot {
        /// The name.
        name: Name,
    },
}

impl JobRequest {
    /// The kind as scripts see it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Restore(_) => "restore",
            Self::UndoRestore => "undo-restore",
            Self::Verify => "verify",
            Self::Validate => "validate",
            Self::Drill => "drill",
            Self::Scan { .. } => "scan",
            Self::Snapshot { .. } => "snapshot",
        }
    }
}

/// What a job is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Stage {
    /// Looks at the history.
    Planning,
    /// Waits until the last commits are stored.
    Syncing,
    /// Fetches objects and puts the database together.
    Downloading,
    /// Checks what was put together.
    Checking,
    /// Compares it with the database.
    Comparing,
    /// Reads stored objects.
    Scanning,
    /// Mends the history.
    Healing,
    /// Copies objects.
    Copying,
    /// Puts the file into its place.
    Swapping,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Progress {
    /// What it is at.
    pub stage: Stage,
    /// Done so far, in bytes.
    pub done: u64,
    /// To be done in all, in bytes, if known.
    pub total: Option<u64>,
    /// Bytes a second lately.
    pub rate: f64,
    /// Seconds left in this stage, if that can be said.
    pub seconds_left: Option<f64>,
}

/// How a job ended well.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Outcome {
    /// A past moment is back.
    Restored {
        /// What was done.
        plan: RestorePlan,
        /// Where the file is.
        path: PathBuf,
        /// Its size in bytes.
        bytes: u64,
        /// Seconds it took.
        seconds: f64,
        /// The epoch that an in-place restore opened.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        epoch: Option<Epoch>,
    },
    /// The last in-place restore is undone.
    Undone {
        /// The epoch that it opened.
        epoch: Epoch,
    },
    /// A row went all the way and came back.
    Verified {
        /// Seconds from the commit until it was stored.
        stored_after: f64,
        /// Seconds from the commit until it was found in the restored copy.
        seconds: f64,
    },
    /// The restored copy equals the database.
    Validated {
        /// The transaction that was compared.
        txid: Txid,
        /// Tables that were compared.
        tables: u64,
        /// Rows that were compared.
        rows: u64,
        /// Seconds it took.
        seconds: f64,
    },
    /// A restore made only for proof worked.
    Drilled {
        /// The newest transaction that it held.
        txid: Txid,
        /// Rows in all tables.
        rows: u64,
        /// Its size in bytes.
        bytes: u64,
        /// Seconds it took.
        seconds: f64,
    },
    /// The stored history was read.
    Scanned(ScanReport),
    /// A moment has a name.
    Snapshot {
        /// The name.
        name: Name,
        /// The transaction.
        txid: Txid,
        /// Bytes that it takes in the store.
        bytes: u64,
    },
}

/// What a scan found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ScanReport {
    /// Objects that were read.
    pub objects: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// What is wrong; empty when all is well.
    pub findings: Vec<Finding>,
    /// How it was mended, in sentences; empty when nothing was mended.
    pub healed: Vec<String>,
}

/// One thing that is wrong with a stored history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "finding", rename_all = "kebab-case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Finding {
    /// Transactions between two objects of a level are in no object of that level.
    Hole {
        /// The level.
        level: u8,
        /// The first missing transaction.
        first: Txid,
        /// The last missing transaction.
        last: Txid,
        /// Whether the newest state can't be restored because of it.
        blocking: bool,
    },
    /// An object is not what it was when it was stored.
    Damaged {
        /// Its key.
        key: String,
        /// What is wrong with it.
        why: String,
    },
}

/// How a job is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum JobState {
    /// It runs.
    Running {
        /// How far it is; none before the first report.
        progress: Option<Progress>,
    },
    /// It ended well.
    Succeeded {
        /// With what.
        outcome: Outcome,
    },
    /// It ended badly, or somebody cancelled it.
    Failed {
        /// Why.
        error: Report,
    },
}

impl JobState {
    /// Whether it has ended.
    pub fn ended(&self) -> bool {
        !matches!(self, Self::Running { .. })
    }
}

/// A job and how it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct JobSummary {
    /// Grows with each job of an engine.
    pub id: u64,
    /// What it does.
    pub request: JobRequest,
    /// To which database.
    pub database: Name,
    /// When it began.
    pub started_at: Timestamp,
    /// How it is.
    #[serde(flatten)]
    pub state: JobState,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_in_a_request_is_refused_and_not_passed_over() {
        let restore = r#"{"kind":"restore","moment":{"at":"2026-11-21T10:30:00Z"},"target":"in-place"}"#;
        assert!(matches!(serde_json::from_str(restore), Ok(JobRequest::Restore(_))));
        // Would bring the newest moment back into place.
        assert!(serde_json::from_str::<JobRequest>(&restore.replace("moment", "momment")).is_err());
        assert!(serde_json::from_str::<crate::Pause>(r#"{"untill":"2026-11-21T10:30:00Z"}"#).is_err());
    }
}
