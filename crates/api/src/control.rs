//! The control API: HTTP on loopback, with a bearer token from a file that only the owner can read (docs/scripting.md).
//!
//! Bodies are JSON. A failure is a [`crate::Report`] with a fitting HTTP status.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{ErrorCode, Name, Report, Txid};

/// Where an engine's control API is, written to `control.json` in its home folder while it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlAddress {
    /// The port on 127.0.0.1.
    pub port: u16,
    /// The engine's process.
    pub pid: u32,
    /// Its version.
    pub version: String,
}

/// `POST /v1/databases`: protects a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AddDatabase {
    /// Where it is; absolute.
    pub path: PathBuf,
    /// What to call it; none means after the file.
    #[serde(default)]
    pub name: Option<Name>,
    /// Only looks, and says what would be done.
    #[serde(default)]
    pub dry_run: bool,
}

/// What `add` found and did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Added {
    /// What it is called.
    pub name: Name,
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// What changes in the database: WAL is switched on, Litestream's two small tables.
    pub changes: Vec<String>,
    /// What only the program itself can set, and other advice.
    pub advice: Vec<String>,
    /// Whether its history is kept on the same disk, so that a broken disk takes both.
    #[serde(default)]
    pub same_disk: bool,
}

/// `POST /v1/pause`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Pause {
    /// When it resumes by itself; none means when it is told to.
    #[serde(default)]
    pub until: Option<Timestamp>,
}

/// Which bundled programs `POST /v1/restart` starts again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Restart {
    /// Both.
    #[default]
    All,
    /// MinIO.
    Store,
    /// Litestream.
    Capture,
}

/// A mode of `PRAGMA wal_checkpoint`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckpointMode {
    /// As much as possible without waiting.
    Passive,
    /// Waits for writers and readers, then everything.
    Full,
    /// And the log starts from its beginning.
    Restart,
    /// And the log's file is cut to nothing.
    Truncate,
}

/// What a checkpoint did (SQLite's own three numbers).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpointed {
    /// Whether somebody was in the way, so that it could not finish.
    pub busy: bool,
    /// Pages in the log.
    pub log_pages: u64,
    /// Of these, pages that are now in the database.
    pub done_pages: u64,
}

/// The configuration as text, and what it was when it was read, so that two editors don't undo each other's work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ConfigText {
    /// The file.
    pub path: PathBuf,
    /// The TOML.
    pub text: String,
}

/// `PATCH /v1/config`: one setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SetSetting {
    /// `capture.sync_interval`.
    pub key: String,
    /// As written in the file, without quotes; none takes the line out.
    pub value: Option<String>,
}

/// Something that happened, kept in the engine's journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Event {
    /// Grows with each event of a host.
    pub id: u64,
    /// When.
    pub at: Timestamp,
    /// What, for programs: `started`, `condition-raised`, `restore-finished`, …
    pub kind: String,
    /// To which database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<Name>,
    /// In a sentence.
    pub text: String,
}

/// A line that a bundled program or the engine wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LogLine {
    /// When it was read.
    pub at: Timestamp,
    /// `store`, `capture` or `engine`.
    pub source: String,
    /// The line.
    pub text: String,
}

/// The HTTP status for an error code.
pub fn http_status(code: ErrorCode) -> u16 {
    match code {
        ErrorCode::BadRequest | ErrorCode::BadConfig | ErrorCode::Unsupported => 400,
        ErrorCode::Unauthorized => 401,
        ErrorCode::NoSuchDatabase | ErrorCode::NoSuchRestorePoint | ErrorCode::NothingToUndo => 404,
        ErrorCode::Busy
        | ErrorCode::DatabaseInUse
        | ErrorCode::TargetExists
        | ErrorCode::DatabaseAlreadyProtected
        | ErrorCode::ForeignLitestream => 409,
        ErrorCode::StoreUnreachable | ErrorCode::StoreRefused | ErrorCode::EngineNotRunning => 503,
        ErrorCode::Timeout => 504,
        ErrorCode::NoSpace => 507,
        ErrorCode::Internal | ErrorCode::Io => 500,
        _ => 422,
    }
}

impl From<crate::BadName> for Report {
    fn from(bad: crate::BadName) -> Self {
        Self::new(ErrorCode::BadRequest, bad.to_string())
    }
}

/// `PUT /v1/config`: the whole file. Refused when the file is no longer `base`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ReplaceConfig {
    /// What was read before editing.
    pub base: String,
    /// What is to be written.
    pub text: String,
}

/// `PUT /v1/credentials`: keys for an S3 service that is not the bundled one. They are kept in the engine's secrets
/// file and never shown again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Credentials {
    /// The access key's id.
    pub access_key_id: String,
    /// The secret key.
    pub secret_access_key: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// What `POST /v1/databases/{name}/sync` waited for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Synced {
    /// Everything committed before the call is stored with this transaction.
    pub txid: Txid,
    /// Seconds it took.
    pub seconds: f64,
}
