//! What a host says of itself: a list of conditions, and one word and one sentence that sum them up (DESIGN §4.2).

use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Epoch, JobSummary, Name, Txid};

/// The one word for everything. The order is that of urgency: of several databases the most urgent one speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Overall {
    /// The last commits are acknowledged on another machine, and the last drill is good.
    Protected,
    /// No peer or copy is set up: history is kept on this PC alone.
    LocalOnly,
    /// This host stands by: no program can write here.
    Fenced,
    /// Somebody paused it.
    Paused,
    /// The first copy, or a long backlog, is on its way.
    CatchingUp,
    /// Safe, but something wants to be looked at.
    Attention,
    /// Commits exist that are nowhere but in the database file itself.
    NotProtected,
    /// Two primaries.
    Contested,
}

impl Overall {
    /// The word in `status --json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Protected => "protected",
            Self::LocalOnly => "local-only",
            Self::Fenced => "fenced",
            Self::Paused => "paused",
            Self::CatchingUp => "catching-up",
            Self::Attention => "attention",
            Self::NotProtected => "not-protected",
            Self::Contested => "contested",
        }
    }
}

impl fmt::Display for Overall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How bad a condition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Severity {
    /// Good to know; changes nothing.
    Info,
    /// On its way to be right by itself: the first copy, a start.
    Progress,
    /// Safe, but somebody should look.
    Warning,
    /// New commits are not safe, or the history can't give back what it should.
    Failure,
}

macro_rules! condition_codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $severity:ident, $visible_after:literal, $screen:ident;)*) => {
        /// What a condition is about, for programs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(test, derive(ts_rs::TS))]
        pub enum ConditionCode {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)*
        }

        impl ConditionCode {
            /// Every code, for documentation and tests.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The text that scripts see: `store-down`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// How bad it is.
            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// Seconds that it must have lasted before it shows, so that nothing flaps.
            pub fn visible_after(self) -> f64 {
                match self { $(Self::$variant => $visible_after,)* }
            }

            /// The screen that fixes it.
            pub fn screen(self) -> Screen {
                match self { $(Self::$variant => Screen::$screen,)* }
            }
        }
    };
}

condition_codes! {
    /// The first capture of this database, or a start of the engine, is under way.
    Starting = "starting", Progress, 0.0, Overview;
    /// The first full copy is on its way into the store.
    FirstCopy = "first-copy", Progress, 0.0, Overview;
    /// The store's history is being checked after an unclean stop.
    Checking = "checking", Progress, 0.0, Overview;
    /// A restore into the database's place is under way.
    Restoring = "restoring", Progress, 0.0, Restore;
    /// The store does not answer.
    StoreDown = "store-down", Failure, 2.0, Logs;
    /// The store refuses our credentials or lacks permissions.
    StoreRefused = "store-refused", Failure, 0.0, Settings;
    /// The store's disk is full.
    StoreFull = "store-full", Failure, 0.0, Settings;
    /// Litestream does not run.
    CaptureDown = "capture-down", Failure, 2.0, Logs;
    /// A bundled program ends again and again.
    CrashLoop = "crash-loop", Warning, 0.0, Logs;
    /// A bundled program is missing, of another version or can't be started.
    BundleBroken = "bundle-broken", Failure, 0.0, About;
    /// Commits wait longer than they should for being stored.
    Behind = "behind", Failure, 0.0, Logs;
    /// The database's file is gone.
    DatabaseMissing = "database-missing", Failure, 0.0, Settings;
    /// Another file stands at the database's path since the engine began.
    DatabaseReplaced = "database-replaced", Warning, 0.0, Restore;
    /// The file at the database's path is not a SQLite database.
    NotADatabase = "not-a-database", Failure, 0.0, Settings;
    /// The database is encrypted, or not one at all.
    DatabaseEncrypted = "database-encrypted", Failure, 0.0, Settings;
    /// SQLite says that the database is damaged.
    DatabaseDamaged = "database-damaged", Failure, 0.0, Restore;
    /// The database or its folder can't be written.
    DatabaseReadOnly = "database-read-only", Failure, 0.0, Settings;
    /// A program holds the database for itself alone (`locking_mode=EXCLUSIVE`) or in another journal mode.
    DatabaseHeld = "database-held", Failure, 5.0, Settings;
    /// The database lies on a network drive.
    DatabaseRemote = "database-remote", Failure, 0.0, Settings;
    /// Another Litestream replicates this database.
    ForeignLitestream = "foreign-litestream", Failure, 0.0, Settings;
    /// The write-ahead log grows: some program keeps a reader open.
    WalGrowing = "wal-growing", Warning, 0.0, Activity;
    /// The store's history has a hole or a damaged object.
    HistoryDamaged = "history-damaged", Failure, 0.0, Restore;
    /// The store no longer has the history that was kept in it; a new one has begun.
    HistoryLost = "history-lost", Warning, 0.0, Restore;
    /// The last scan of the history is too old.
    ScanOverdue = "scan-overdue", Warning, 0.0, Overview;
    /// No restore has ever been tried.
    NeverDrilled = "never-drilled", Info, 0.0, Overview;
    /// The last restore test is too old.
    DrillOverdue = "drill-overdue", Warning, 0.0, Overview;
    /// The last restore test failed.
    DrillFailed = "drill-failed", Failure, 0.0, Restore;
    /// The configuration file is wrong; the last good one goes on.
    ConfigBad = "config-bad", Warning, 0.0, Settings;
    /// The port for `/health` is taken.
    HealthPortTaken = "health-port-taken", Warning, 0.0, Settings;
    /// The notification address does not answer.
    NotifyFailing = "notify-failing", Warning, 0.0, Settings;
    /// The store lies on the same disk as the database.
    SameDisk = "same-disk", Info, 0.0, Settings;
    /// Little space is left.
    LowSpace = "low-space", Warning, 10.0, Settings;
    /// The clock was set back.
    ClockSetBack = "clock-set-back", Warning, 0.0, Activity;
    /// Somebody paused it.
    Paused = "paused", Info, 0.0, Overview;
    /// Nothing is protected yet.
    NoDatabases = "no-databases", Info, 0.0, Settings;
}

impl fmt::Display for ConditionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where the office finds what fixes a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Screen {
    /// The first screen.
    Overview,
    /// Going back to a past moment.
    Restore,
    /// Every setting.
    Settings,
    /// The journal of events.
    Activity,
    /// What the bundled programs say.
    Logs,
    /// Versions and licences.
    About,
}

/// One thing to know about a host or a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Condition {
    /// For programs.
    pub code: ConditionCode,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence of truth, in the configured language.
    pub text: String,
    /// What to do about it, in the configured language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Since when it has lasted.
    pub since: Timestamp,
    /// The screen that fixes it.
    pub screen: Screen,
}

/// A host, as others see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct HostStatus {
    /// What the owner calls it.
    pub name: String,
    /// Random, made at the first start.
    pub id: String,
}

/// A check of the history: a drill, a verification, a validation or a scan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct CheckSummary {
    /// When it ended.
    pub at: Timestamp,
    /// Whether it found what it should.
    pub good: bool,
    /// What it found, in a sentence.
    pub text: String,
}

/// One protected database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct DatabaseStatus {
    /// What it is called.
    pub name: Name,
    /// Where it is.
    pub path: PathBuf,
    /// The word for this database.
    pub overall: Overall,
    /// One sentence of truth, in the configured language.
    pub sentence: String,
    /// The line of history that is being written.
    pub epoch: Epoch,
    /// Size of the database file, in bytes.
    pub size_bytes: u64,
    /// Size of its write-ahead log, in bytes.
    pub wal_bytes: u64,
    /// Newest transaction that Litestream has captured on this PC.
    pub here: Option<Txid>,
    /// Whether commits exist that Litestream has not captured yet.
    pub uncaptured: bool,
    /// Newest transaction that the store lists, with everything before it.
    pub stored: Option<Txid>,
    /// Newest transaction that another machine has acknowledged; none without a peer.
    pub acknowledged: Option<Txid>,
    /// Age in seconds of the oldest commit that is not where it must be (acknowledged by the peer, or without a peer
    /// stored); 0 when there is none.
    pub lag_seconds: f64,
    /// When the last commit was seen.
    pub last_commit_at: Option<Timestamp>,
    /// When everything up to then was known to be stored.
    pub last_stored_at: Option<Timestamp>,
    /// The last restore made to prove that it works (a drill or a `verify`).
    pub last_drill: Option<CheckSummary>,
    /// The last scan of the stored history.
    pub last_scan: Option<CheckSummary>,
    /// What is to be known about it.
    pub conditions: Vec<Condition>,
}

/// How a bundled program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum ChildPhase {
    /// Not wanted now.
    Stopped,
    /// Started, does not serve yet.
    Starting,
    /// Serves.
    Ready,
    /// Ended by itself; will be started again.
    BackingOff,
}

/// A bundled program that the engine runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ChildStatus {
    /// `store` or `capture`.
    pub name: String,
    /// How it is.
    pub phase: ChildPhase,
    /// Its process, while there is one.
    pub pid: Option<u32>,
    /// How often it ended by itself since the engine began.
    pub restarts: u32,
}

/// Where history is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct StoreStatus {
    /// Whether it is the bundled one.
    pub bundled: bool,
    /// Its address, without credentials.
    pub endpoint: String,
    /// The bucket.
    pub bucket: String,
    /// The folder of the bundled one.
    pub data_dir: Option<PathBuf>,
    /// Whether it answered the last time it was asked.
    pub reachable: bool,
    /// Free space where it lies, in bytes, if known.
    pub free_bytes: Option<u64>,
}

/// Everything a screen shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Status {
    /// Of the program.
    pub version: String,
    /// This host.
    pub host: HostStatus,
    /// The one word.
    pub overall: Overall,
    /// One sentence of truth, in the configured language.
    pub sentence: String,
    /// When this was true.
    pub at: Timestamp,
    /// Every protected database, in the order of the configuration.
    pub databases: Vec<DatabaseStatus>,
    /// Where history is kept.
    pub store: StoreStatus,
    /// The bundled programs.
    pub children: Vec<ChildStatus>,
    /// What concerns the whole host.
    pub conditions: Vec<Condition>,
    /// Long operations that run, or ended lately.
    pub jobs: Vec<JobSummary>,
    /// Until when it is paused, if there is an end.
    pub paused_until: Option<Timestamp>,
}
