//! The settings of one host: what they mean, which values they take, what they are wired to.
//!
//! [`Config`] holds the values; [`SETTINGS`] is the one table that says everything else about each of them. Reading the
//! file, the environment and changes is `sqlite_replicate_engine::config`.

mod check;
mod kinds;
mod settings;
mod text;
mod units;

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use check::Conflict;
pub use kinds::{Kind, Value};
pub use settings::{DATABASE, LATER_SECTIONS, LaterSection, Restart, SECTIONS, SETTINGS, Setting};
pub use text::{Bucket, Endpoint, HostName, Language, Listen, NotifyOn, Region, Webhook};
pub use units::{ByteSize, Span, TimeOfDay};

use crate::Name;

/// The most databases that one host protects.
pub const MAX_DATABASES: usize = 100;

/// All settings of one host, complete: what nobody set has its default.
///
/// The sections are those of the file (`docs/configuration.md`), so a serialized `Config` reads like one. Deserializing
/// checks the form of each value alone; bounds ([`Setting::apply`]) and relations ([`Config::conflicts`]) are checked
/// where a configuration is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// This host.
    pub host: Host,
    /// What is protected; `[[database]]` in the file. Names and paths are unique, paths absolute.
    #[serde(default, rename = "database")]
    pub databases: Vec<Database>,
    /// Where history lives.
    #[serde(default)]
    pub store: Store,
    /// How changes are captured and how long history is kept.
    #[serde(default)]
    pub capture: Capture,
    /// What other programs may ask about this host's state.
    #[serde(default)]
    pub health: Health,
    /// Proofs that the history can be restored.
    #[serde(default)]
    pub verify: Verify,
    /// Who is told when something is wrong.
    #[serde(default)]
    pub notify: Notify,
    /// The tray program and its window.
    #[serde(default)]
    pub ui: Ui,
}

impl Config {
    /// The defaults: nothing is protected yet. `machine` is the machine's name, which no default can know.
    pub fn new(machine: HostName) -> Self {
        Self {
            host: Host { name: machine },
            databases: Vec::new(),
            store: Store::default(),
            capture: Capture::default(),
            health: Health::default(),
            verify: Verify::default(),
            notify: Notify::default(),
            ui: Ui::default(),
        }
    }
}

/// `[host]`: this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// What people call this PC: `HOST-A`. Default: the machine's name. Part of the keys in the store
    /// (`<database>/<epoch>-<host>/`), so that hosts can share a bucket; a change begins a new history there.
    pub name: HostName,
}

/// `[[database]]`: one protected database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// What commands, folders and keys in the store call it. Default: the nearest [`Name`] to the file's name without
    /// its extension. The same on both hosts.
    pub name: Name,
    /// The SQLite file. No default. In the file, a relative path starts at the configuration's folder; here it is
    /// absolute. Litestream: `dbs[].path`.
    pub path: PathBuf,
}

/// `[store]`: where history lives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// The folder of the bundled MinIO. Default (`None`): `store` in the home folder. Not together with `endpoint`.
    pub data_dir: Option<PathBuf>,
    /// The bucket. Default: `sqlite-replicate`. 3 to 63 characters. Litestream: `replica.bucket`.
    pub bucket: Bucket,
    /// Another S3 service to use instead of the bundled MinIO, which then is not started. Default: none. Its keys come
    /// from the environment or the vault, never from here. Litestream: `replica.endpoint`.
    pub endpoint: Option<Endpoint>,
    /// The region that the S3 service expects. Default: `us-east-1`, by most services ignored. Only with `endpoint`.
    /// Litestream: `replica.region`.
    pub region: Option<Region>,
}

/// `[capture]`: how changes are captured and how long history is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Capture {
    /// How often changes are looked for and sent to the store: 100 ms to 1 h, default 1 s. Litestream: both
    /// `monitor-interval` (database to its own folder) and `replica.sync-interval` (from there to the store); the
    /// second waits for the first, so a commit is in the store after one interval, two at most, plus the upload.
    pub sync_interval: Span,
    /// For how long any transaction can be restored (later: any half minute): 1 min to 30 d, default 1 h. Never below
    /// the 30 s after which level 1 takes over. Litestream: `l0-retention`.
    pub l0_retention: Span,
    /// How often a whole copy is stored, from which a restore starts: 1 min to 30 d, default 24 h.
    /// Litestream: `snapshot.interval`.
    pub snapshot_interval: Span,
    /// For how long history is kept: 1 min to 3650 d, default 72 h. Litestream: `snapshot.retention`.
    pub retention: Span,
    /// The longest time that captured changes wait in the `-wal` file until they move into the database file: 1 s to
    /// 24 h, default 1 min. Litestream: `checkpoint-interval`.
    pub checkpoint_interval: Span,
    /// The number of pages in the `-wal` file that makes this happen at once: 1 to 1,000,000, default 1000.
    /// Litestream: `min-checkpoint-page-count`.
    pub min_checkpoint_pages: u32,
    /// How long Litestream waits for a lock of the database: 10 ms to 1 min, default 1 s. Litestream: `busy-timeout`.
    pub busy_timeout: Span,
    /// The size of the `-wal` file above which writers are held up to shorten it, and above which the status warns:
    /// 1 MiB to 1 TiB, default 512 MiB. Litestream: `truncate-page-n`, by [`Capture::truncate_pages`].
    pub max_wal: ByteSize,
}

impl Default for Capture {
    fn default() -> Self {
        Self {
            sync_interval: Span::seconds(1),
            l0_retention: Span::hours(1),
            snapshot_interval: Span::hours(24),
            retention: Span::hours(72),
            checkpoint_interval: Span::minutes(1),
            min_checkpoint_pages: 1000,
            busy_timeout: Span::seconds(1),
            max_wal: ByteSize::mebibytes(512),
        }
    }
}

impl Capture {
    /// `max_wal` in pages of a database, for Litestream's `truncate-page-n`.
    ///
    /// Always more than `min_checkpoint_pages`, or writers would be held up at every checkpoint: large pages can make
    /// `max_wal` too small for that. Never 0, which Litestream would take for its own default.
    pub fn truncate_pages(&self, page_size: u32) -> u32 {
        // A WAL is a header of 32 bytes, then one frame per page with a header of 24 bytes.
        let frame = u64::from(page_size) + 24;
        let pages = self.max_wal.bytes().saturating_sub(32) / frame;
        let least = self.min_checkpoint_pages.saturating_add(1);
        // Litestream computes with signed 32-bit page numbers on some platforms.
        u32::try_from(pages).unwrap_or(u32::MAX).max(least).min(i32::MAX as u32)
    }
}

/// `[health]`: what other programs may ask about this host's state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Health {
    /// Where `/health` and `/metrics` answer. Default: `127.0.0.1:3001`, this PC alone.
    pub listen: Listen,
}

/// `[verify]`: proofs that the history can be restored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Verify {
    /// When drills start, in local time. Default: `02:00`.
    pub drill_at: TimeOfDay,
    /// How often there is a drill, counted from `drill_at`: 1 h to 30 d, default 24 h.
    pub every: Span,
    /// When the daily scan of the store starts, in local time. Default: `03:00`.
    pub scan_at: TimeOfDay,
}

impl Default for Verify {
    fn default() -> Self {
        Self { drill_at: TimeOfDay::whole_hour(2), every: Span::hours(24), scan_at: TimeOfDay::whole_hour(3) }
    }
}

/// `[notify]`: who is told when something is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Notify {
    /// An address that gets a POST with each notification. Default: none. It may hold a key: never shown or logged.
    pub webhook: Option<Webhook>,
    /// Which conditions are told, on the desktop and to the webhook. Default: both.
    pub on: BTreeSet<NotifyOn>,
}

impl Default for Notify {
    fn default() -> Self {
        Self { webhook: None, on: BTreeSet::from([NotifyOn::Warning, NotifyOn::Failure]) }
    }
}

/// `[ui]`: the tray program and its window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ui {
    /// The language of tray and window. Default: the system's.
    pub language: Language,
    /// Whether the tray program starts when somebody logs in. Default: yes.
    pub start_at_login: bool,
}

impl Default for Ui {
    fn default() -> Self {
        Self { language: Language::Auto, start_at_login: true }
    }
}
