//! What sentences about conditions are filled with.

use std::collections::BTreeMap;
use std::fmt::Display;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Language;
use super::render::{Scene, Value};
use crate::ConditionCode;

/// Something that a condition's sentence names. Set it with the method of [`Params`] that is named here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Param {
    /// Where something listens or is sent to: host and port, never a whole URL, which may hold a secret. [`Params::text`]
    Address,
    /// By how much the clock was set back. [`Params::seconds`]
    By,
    /// When the history was last scanned; if never, when protection began. [`Params::time`]
    Checked,
    /// The database's name. [`Params::text`]
    Database,
    /// When a restore was last tried; if never, when protection began. [`Params::time`]
    Drilled,
    /// The store's address, without credentials. [`Params::text`]
    Endpoint,
    /// Free space. [`Params::bytes`]
    Free,
    /// `store` or `capture`, as in [`crate::ChildStatus`]. [`Params::text`]
    Part,
    /// A file or folder. [`Params::text`]
    Path,
    /// When the oldest commit was made that is not stored. [`Params::time`]
    Since,
    /// Size of the write-ahead log. [`Params::bytes`]
    Size,
    /// A cause in a few words, without a final period; for a program that ends its last line of output. [`Params::text`]
    Why,
}

impl Param {
    /// Every parameter.
    pub const ALL: &'static [Self] = &[
        Self::Address,
        Self::By,
        Self::Checked,
        Self::Database,
        Self::Drilled,
        Self::Endpoint,
        Self::Free,
        Self::Part,
        Self::Path,
        Self::Since,
        Self::Size,
        Self::Why,
    ];

    /// What each condition's sentence and hint are filled with; nothing else is used.
    ///
    /// | condition | parameters |
    /// |---|---|
    /// | `starting` `first-copy` `checking` `restoring` | database |
    /// | `store-down` `store-refused` | endpoint |
    /// | `store-full` | path (of the store's folder) |
    /// | `capture-down` `paused` `no-databases` | none |
    /// | `crash-loop` | part, why (its last line of output) |
    /// | `bundle-broken` | path (of the program), why |
    /// | `behind` | database, since |
    /// | `database-missing` `not-a-database` `database-read-only` `database-remote` | database, path |
    /// | `database-replaced` `database-encrypted` `database-held` `foreign-litestream` `history-damaged` `history-lost` `never-drilled` | database |
    /// | `database-damaged` | database, why |
    /// | `wal-growing` | database, size |
    /// | `scan-overdue` | database, checked |
    /// | `drill-overdue` | database, drilled |
    /// | `drill-failed` | database, why |
    /// | `config-bad` | path, why |
    /// | `health-port-taken` | address |
    /// | `notify-failing` | address, why |
    /// | `same-disk` | path (of the store's folder) |
    /// | `low-space` | path, free |
    /// | `clock-set-back` | by |
    pub fn of(code: ConditionCode) -> &'static [Self] {
        use ConditionCode as C;
        match code {
            C::Starting | C::FirstCopy | C::Checking | C::Restoring => &[Self::Database],
            C::StoreDown | C::StoreRefused => &[Self::Endpoint],
            C::StoreFull | C::SameDisk => &[Self::Path],
            C::CaptureDown | C::Paused | C::NoDatabases => &[],
            C::CrashLoop => &[Self::Part, Self::Why],
            C::BundleBroken | C::ConfigBad => &[Self::Path, Self::Why],
            C::Behind => &[Self::Database, Self::Since],
            C::DatabaseMissing | C::NotADatabase | C::DatabaseReadOnly | C::DatabaseRemote => {
                &[Self::Database, Self::Path]
            }
            C::DatabaseReplaced | C::DatabaseEncrypted | C::DatabaseHeld | C::ForeignLitestream => {
                &[Self::Database]
            }
            C::HistoryDamaged | C::HistoryLost | C::NeverDrilled => &[Self::Database],
            C::DatabaseDamaged | C::DrillFailed => &[Self::Database, Self::Why],
            C::WalGrowing => &[Self::Database, Self::Size],
            C::ScanOverdue => &[Self::Checked, Self::Database],
            C::DrillOverdue => &[Self::Database, Self::Drilled],
            C::HealthPortTaken => &[Self::Address],
            C::NotifyFailing => &[Self::Address, Self::Why],
            C::LowSpace => &[Self::Free, Self::Path],
            C::ClockSetBack => &[Self::By],
        }
    }

    /// Its name in the catalogue.
    pub fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::By => "by",
            Self::Checked => "checked",
            Self::Database => "database",
            Self::Drilled => "drilled",
            Self::Endpoint => "endpoint",
            Self::Free => "free",
            Self::Part => "part",
            Self::Path => "path",
            Self::Since => "since",
            Self::Size => "size",
            Self::Why => "why",
        }
    }
}

/// What a sentence is filled with.
#[derive(Clone, Debug, PartialEq)]
pub struct Params {
    values: BTreeMap<&'static str, Value>,
    now: Timestamp,
    zone: TimeZone,
}

impl Params {
    /// Nothing yet. `now` is what ages are counted from; clock times are those of this PC's time zone.
    pub fn new(now: Timestamp) -> Self {
        Self { values: BTreeMap::new(), now, zone: TimeZone::system() }
    }

    /// Says clock times in another time zone.
    #[must_use]
    pub fn in_zone(self, zone: TimeZone) -> Self {
        Self { zone, ..self }
    }

    /// A name, a path (with its `display()`), a cause.
    #[must_use]
    pub fn text(self, param: Param, text: impl Display) -> Self {
        self.with(param, Value::Text(text.to_string()))
    }

    /// A size in bytes.
    #[must_use]
    pub fn bytes(self, param: Param, bytes: u64) -> Self {
        self.with(param, Value::Bytes(bytes))
    }

    /// A duration in seconds.
    #[must_use]
    pub fn seconds(self, param: Param, seconds: f64) -> Self {
        self.with(param, Value::Seconds(seconds))
    }

    /// A moment.
    #[must_use]
    pub fn time(self, param: Param, at: Timestamp) -> Self {
        self.with(param, Value::Time(at))
    }

    /// What the sentence of a condition needs and was not given.
    pub fn missing(&self, code: ConditionCode) -> Vec<Param> {
        Param::of(code).iter().copied().filter(|param| !self.values.contains_key(param.name())).collect()
    }

    fn with(mut self, param: Param, value: Value) -> Self {
        self.values.insert(param.name(), value);
        self
    }

    pub(super) fn named(&self, name: &str) -> Option<Value> {
        self.values.get(name).cloned()
    }

    pub(super) fn scene(&self, language: Language) -> Scene<'_> {
        Scene { language, now: self.now, zone: &self.zone }
    }
}
