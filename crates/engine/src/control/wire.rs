//! Bodies and paths of the control API that only the two ends of it need, here for both.

use serde::{Deserialize, Serialize};
use sqlite_replicate_api::{CheckpointMode, Restart};

/// `POST /v1/databases/{name}/checkpoint`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckpointBody {
    /// How thorough.
    pub(crate) mode: CheckpointMode,
}

/// `POST /v1/restart`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RestartBody {
    /// Which programs.
    #[serde(default)]
    pub(crate) what: Restart,
}

/// `GET /v1/events?after=&limit=`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventsQuery {
    /// Only events with a greater id.
    #[serde(default)]
    pub(crate) after: u64,
    /// At most so many.
    #[serde(default = "hundred")]
    pub(crate) limit: usize,
}

/// `GET /v1/logs?source=&lines=`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogsQuery {
    /// Only of this source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
    /// At most so many.
    #[serde(default = "hundred")]
    pub(crate) lines: usize,
}

/// At most so many events or lines are given at a time, whatever was asked for.
pub(crate) const MOST: usize = 10_000;

fn hundred() -> usize {
    100
}

/// The name of the events of a stream of statuses.
pub(crate) const STATUS_EVENT: &str = "status";

/// The name of the events of a stream about a job.
pub(crate) const JOB_EVENT: &str = "job";
