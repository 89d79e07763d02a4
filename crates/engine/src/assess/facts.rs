//! What is known at one moment.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use sqlite_replicate_api::config::Capture;
use sqlite_replicate_api::{CheckSummary, Pause, Report};

use crate::inspect::Obstacle;

/// What is known of the host at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct HostFacts {
    pub(crate) databases: usize,
    pub(crate) store_endpoint: String,
    /// The folder of the bundled store.
    pub(crate) store_dir: Option<PathBuf>,
    /// The disk that this folder is on, where the system tells.
    pub(crate) store_device: Option<u64>,
    /// Whether the store has served since the engine began, or has had its time to.
    pub(crate) store_expected: bool,
    pub(crate) store_trouble: Option<Report>,
    pub(crate) store_full: bool,
    pub(crate) free_bytes: Option<u64>,
    pub(crate) capture_expected: bool,
    pub(crate) capture_serves: bool,
    /// Programs that end again and again, with their last words.
    pub(crate) loops: Vec<(&'static str, String)>,
    pub(crate) bundle_trouble: Option<(PathBuf, String)>,
    pub(crate) config_trouble: Option<(PathBuf, String)>,
    pub(crate) health_trouble: Option<String>,
    pub(crate) notify_trouble: Option<(String, String)>,
    pub(crate) clock_set_back: Option<f64>,
    pub(crate) pause: Option<Pause>,
}

/// What is known of one database at one moment.
#[derive(Clone, Debug)]
pub(crate) struct DatabaseFacts {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) obstacle: Option<Obstacle>,
    pub(crate) missing: bool,
    pub(crate) replaced: bool,
    pub(crate) restoring: bool,
    /// Whether it is known what the store has of the current epoch.
    pub(crate) store_asked: bool,
    /// Whether anything of the current epoch is stored.
    pub(crate) anything_stored: bool,
    pub(crate) is_captured: bool,
    pub(crate) is_stored: bool,
    /// Since when the oldest commit waits that is not stored.
    pub(crate) waiting_since: Option<Timestamp>,
    /// When the database first came under protection.
    pub(crate) protected_since: Timestamp,
    /// When the present history began, or the engine, whichever was later.
    pub(crate) begun_at: Timestamp,
    /// How long the engine has run, by a clock that nobody sets.
    pub(crate) engine_up: Duration,
    pub(crate) size: u64,
    /// How much of the first whole copy is made, in bytes.
    pub(crate) first_copy: u64,
    pub(crate) wal_size: u64,
    pub(crate) drill: Option<CheckSummary>,
    pub(crate) scan: Option<CheckSummary>,
    pub(crate) unchecked: bool,
    pub(crate) lost: bool,
    pub(crate) same_disk: bool,
    pub(crate) paused: bool,
}

impl DatabaseFacts {
    /// How long a commit may wait before that is a failure (issue: within 3 × sync interval + 2 s it must show).
    pub(crate) fn patience(capture: &Capture) -> Duration {
        capture.sync_interval.duration() * 3 + Duration::from_millis(750)
    }

    /// How much of the first copy is done, 0 to 1, while it is made. Compression makes it less than it is, and sending it
    /// off is not in it: it never says more than is so.
    pub(crate) fn first_copy_done(&self) -> Option<f64> {
        #[allow(clippy::cast_precision_loss)] // A part of a whole, for people.
        let done = self.first_copy as f64 / self.size.max(1) as f64;
        (!self.anything_stored && self.first_copy > 0).then_some(done.min(0.99))
    }

    /// How long the first copy may take before it is a failure: a start, and 5 MB/s.
    pub(crate) fn first_copy_patience(&self) -> Duration {
        Duration::from_secs(30 + self.size / 5_000_000)
    }
}
