//! The one table of settings. The file's keys, suggestions for mistyped ones, the environment's names, the
//! documentation and the settings screen all come from it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::kinds::{Kind, Typed, Value};
use super::{
    Bucket, ByteSize, Config, Endpoint, HostName, Language, Listen, NotifyOn, Region, Span, TimeOfDay,
    Webhook,
};

/// Which part starts again when a setting changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Restart {
    /// None: the change takes effect at once.
    Nothing,
    /// Litestream. The programs that write go on, and what they commit meanwhile is captured after it.
    Capture,
    /// The store, and Litestream with it.
    Store,
}

/// One setting: everything about it but its value.
#[derive(Debug)]
pub struct Setting {
    /// The section: `capture`.
    pub section: &'static str,
    /// The key in its section: `sync_interval`.
    pub key: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// One plain sentence: what it is for.
    pub about: &'static str,
    /// The part, or the key of Litestream, that it sets.
    pub wired_to: &'static str,
    /// What starts again when it changes.
    pub restarts: Restart,
    /// Whether both hosts of a pair must have the same value.
    pub shared: bool,
    bounds: Option<(u64, u64)>,
    default_note: Option<&'static str>,
    access: Option<Access>,
}

/// How a setting that stands once is read from and written to a [`Config`].
#[derive(Debug)]
struct Access {
    get: fn(&Config) -> Option<Value>,
    set: fn(&mut Config, &Value) -> bool,
}

/// The section of the protected databases, which stands as often as there are databases.
pub const DATABASE: &str = "database";

/// The sections, in the order in which they are written.
pub const SECTIONS: &[&str] = &["host", DATABASE, "store", "capture", "health", "verify", "notify", "ui"];

/// A section that a later version brings. Naming it is an error until then: nobody shall think that it works.
#[derive(Debug)]
pub struct LaterSection {
    /// The section's name.
    pub section: &'static str,
    /// What it will do: follows "this version can't …".
    pub can_not: &'static str,
}

/// The sections of later versions.
pub const LATER_SECTIONS: &[LaterSection] = &[
    LaterSection { section: "peer", can_not: "connect a second PC" },
    LaterSection { section: "copy", can_not: "keep a copy in a further store" },
    LaterSection { section: "standby", can_not: "keep a warm copy for a second PC" },
    LaterSection { section: "failover", can_not: "move the work to a second PC" },
    LaterSection { section: "application", can_not: "start and stop the program that uses the database" },
];

impl Setting {
    /// `section.key`, as commands and messages name it.
    pub fn path(&self) -> String {
        format!("{}.{}", self.section, self.key)
    }

    /// The environment variable that overrides the file; none for what stands once per database.
    pub fn variable(&self) -> Option<String> {
        self.access.as_ref()?;
        Some(format!("SQLITE_REPLICATE_{}_{}", self.section, self.key).to_ascii_uppercase())
    }

    /// The setting that `section.key` names.
    pub fn find(path: &str) -> Option<&'static Self> {
        let (section, key) = path.split_once('.')?;
        SETTINGS.iter().find(|s| s.section == section && s.key == key)
    }

    /// Whether the value may never be shown.
    pub fn is_secret(&self) -> bool {
        self.kind == Kind::Secret
    }

    /// The value in `config`; `None` if it is not set and has no default, or stands once per database.
    pub fn get(&self, config: &Config) -> Option<Value> {
        (self.access.as_ref()?.get)(config)
    }

    /// The value for a screen or a message: never a secret.
    pub fn shown(&self, value: &Value) -> String {
        match value {
            Value::Text(text) if self.is_secret() => {
                text.parse::<Webhook>().map_or_else(|_| "…".to_owned(), |hook| hook.to_string())
            }
            // No good value, but a password all the same.
            Value::Text(text) if self.kind == Kind::Endpoint && text.contains('@') => "…".to_owned(),
            _ => value.to_string(),
        }
    }

    /// Sets the value in `config`.
    ///
    /// # Errors
    /// What the value must be, if this one is of another kind or out of bounds: follows "`x` must be". `config` is unchanged.
    pub fn apply(&self, config: &mut Config, value: &Value) -> Result<(), String> {
        self.check(value)?;
        let Some(access) = &self.access else {
            return Err(format!("in one of the sections `[[{DATABASE}]]`"));
        };
        if (access.set)(config, value) { Ok(()) } else { Err(self.kind.expected()) }
    }

    /// The least and the greatest value, as a person writes them.
    pub fn bounds(&self) -> Option<(String, String)> {
        self.bounds.map(|(least, most)| (self.kind.measured(least), self.kind.measured(most)))
    }

    /// The default for tables and screens: the value, or in words where it depends on the machine or is to be left out.
    pub fn default_text(&self) -> String {
        if let Some(note) = self.default_note {
            return note.to_owned();
        }
        let defaults = Config::new(HostName::nearest(""));
        self.get(&defaults).map_or_else(|| "none".to_owned(), |value| format!("`{value}`"))
    }

    /// The default where it is a value: none where it depends on the machine or where there is none.
    pub fn default_value(&self) -> Option<Value> {
        (self.section != "host").then(|| self.get(&Config::new(HostName::nearest(""))))?
    }

    fn check(&self, value: &Value) -> Result<(), String> {
        let Some((least, most)) = self.bounds else { return Ok(()) };
        let in_words = || format!("from `{}` to `{}`", self.kind.measured(least), self.kind.measured(most));
        match self.kind.measure(value) {
            Some(number) if (least..=most).contains(&number) => Ok(()),
            Some(_) => Err(in_words()),
            // A negative count is a number all the same.
            None if matches!((self.kind, value), (Kind::Count, Value::Count(_))) => Err(in_words()),
            None => Err(self.kind.expected()),
        }
    }

    const fn bounded(mut self, least: u64, most: u64) -> Self {
        self.bounds = Some((least, most));
        self
    }

    const fn default_is(mut self, note: &'static str) -> Self {
        self.default_note = Some(note);
        self
    }

    const fn restarts(mut self, what: Restart) -> Self {
        self.restarts = what;
        self
    }

    const fn shared(mut self) -> Self {
        self.shared = true;
        self
    }
}

/// A row of the table. Type and access come from the field of [`Config`] of the same name, so they can't differ.
macro_rules! setting {
    ($section:ident . $key:ident : $type:ty, $about:literal, $wired_to:literal) => {
        Setting {
            access: Some(Access {
                get: |config| config.$section.$key.write(),
                set: |config, value| match <$type>::read(value) {
                    Some(read) => {
                        config.$section.$key = read;
                        true
                    }
                    None => false,
                },
            }),
            ..Setting::bare(stringify!($section), stringify!($key), <$type>::KIND, $about, $wired_to)
        }
    };
}

impl Setting {
    const fn bare(
        section: &'static str,
        key: &'static str,
        kind: Kind,
        about: &'static str,
        wired_to: &'static str,
    ) -> Self {
        let (restarts, shared) = (Restart::Nothing, false);
        Self {
            section,
            key,
            kind,
            about,
            wired_to,
            restarts,
            shared,
            bounds: None,
            default_note: None,
            access: None,
        }
    }
}

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const MIB: u64 = 1 << 20;

/// Every setting, in the order in which they are documented.
pub static SETTINGS: &[Setting] = &[
    setting!(host.name: HostName,
        "What this PC is called, in messages and in the store.", "the keys in the store")
        .default_is("the machine's name").restarts(Restart::Capture),
    Setting::bare(DATABASE, "name", Kind::Name,
        "What the database is called, in commands and in the store.", "the keys in the store")
        .default_is("the file's name without its extension").restarts(Restart::Capture).shared(),
    Setting::bare(DATABASE, "path", Kind::Path,
        "The SQLite file to protect; a relative path starts at the configuration's folder.", "`dbs[].path`")
        .default_is("required").restarts(Restart::Capture),
    setting!(store.data_dir: Option<PathBuf>,
        "The folder that the history is kept in.", "MinIO's folder")
        .default_is("`store` in the home folder").restarts(Restart::Store),
    setting!(store.bucket: Bucket,
        "The bucket that the history is kept in.", "`replica.bucket`").restarts(Restart::Store),
    setting!(store.endpoint: Option<Endpoint>,
        "The address of an S3 service to use instead of the bundled MinIO.", "`replica.endpoint`")
        .restarts(Restart::Store),
    setting!(store.region: Option<Region>,
        "The region that the S3 service at `endpoint` expects.", "`replica.region`").restarts(Restart::Store),
    setting!(capture.sync_interval: Span,
        "How often changes are looked for and sent to the store.", "`monitor-interval`, `replica.sync-interval`")
        .bounded(100, HOUR).restarts(Restart::Capture),
    setting!(capture.l0_retention: Span,
        "For how long any single transaction can be restored; older history is as fine as half a minute.",
        "`l0-retention`").bounded(MINUTE, 30 * DAY).restarts(Restart::Capture),
    setting!(capture.snapshot_interval: Span,
        "How often a whole copy is stored, which restores start from.", "`snapshot.interval`")
        .bounded(MINUTE, 30 * DAY).restarts(Restart::Capture),
    setting!(capture.retention: Span,
        "For how long history is kept.", "`snapshot.retention`")
        .bounded(MINUTE, 3650 * DAY).restarts(Restart::Capture),
    setting!(capture.checkpoint_interval: Span,
        "The longest time that captured changes wait before they move from the `-wal` file into the database file.",
        "`checkpoint-interval`").bounded(SECOND, DAY).restarts(Restart::Capture),
    setting!(capture.min_checkpoint_pages: u32,
        "How many pages in the `-wal` file make them move at once.", "`min-checkpoint-page-count`")
        .bounded(1, 1_000_000).restarts(Restart::Capture),
    setting!(capture.busy_timeout: Span,
        "How long Litestream waits while another program holds the database.", "`busy-timeout`")
        .bounded(10, MINUTE).restarts(Restart::Capture),
    setting!(capture.max_wal: ByteSize,
        "The size of the `-wal` file above which writers are held up to shorten it, and the status warns.",
        "`truncate-page-n`").bounded(MIB, MIB * MIB).restarts(Restart::Capture),
    setting!(health.listen: Listen,
        "The address where `/health` and `/metrics` answer.", "the health listener"),
    setting!(verify.drill_at: TimeOfDay,
        "When drills start, in local time.", "the drill schedule"),
    setting!(verify.every: Span,
        "How often a drill proves that the history can be restored.", "the drill schedule")
        .bounded(HOUR, 30 * DAY),
    setting!(verify.scan_at: TimeOfDay,
        "When the daily scan of the whole store starts, in local time.", "the scan schedule"),
    setting!(notify.webhook: Option<Webhook>,
        "An address that gets a POST with each notification; it is never shown.", "notifications"),
    setting!(notify.on: BTreeSet<NotifyOn>,
        "Which conditions are told, on the desktop and to the webhook.", "notifications")
        .default_is("`[\"warning\", \"failure\"]`"),
    setting!(ui.language: Language,
        "The language of tray and window.", "the tray program"),
    setting!(ui.start_at_login: bool,
        "Whether the tray program starts when somebody logs in.", "the tray program"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Name;

    fn defaults() -> Config {
        Config::new(HostName::nearest("HOST-A"))
    }

    #[test]
    fn every_default_is_a_value_that_its_setting_takes() {
        for setting in SETTINGS {
            let Some(value) = setting.get(&defaults()) else { continue };
            let mut config = defaults();
            assert_eq!(setting.apply(&mut config, &value), Ok(()), "{}", setting.path());
            assert_eq!(config, defaults(), "{}", setting.path());
            // What the environment gives for it is read as the same value.
            assert_eq!(setting.kind.value_of(&value.to_string()), value, "{}", setting.path());
        }
    }

    #[test]
    fn the_table_names_every_field_of_the_configuration_and_nothing_else() {
        let mut config = defaults();
        config.store.data_dir = Some("/s".into());
        config.store.endpoint = "http://nas".parse().ok();
        config.store.region = "eu".parse().ok();
        config.notify.webhook = "http://nas/x".parse().ok();
        config.databases.push(super::super::Database { name: Name::nearest("a"), path: "/a".into() });
        let json = serde_json::to_value(&config).unwrap();
        let mut fields = Vec::new();
        for (section, keys) in json.as_object().unwrap() {
            let keys = if section == DATABASE { &keys[0] } else { keys };
            fields.extend(keys.as_object().unwrap().keys().map(|key| format!("{section}.{key}")));
        }
        let mut rows: Vec<String> = SETTINGS.iter().map(Setting::path).collect();
        fields.sort();
        rows.sort();
        assert_eq!(rows, fields);
        for setting in SETTINGS {
            assert!(SECTIONS.contains(&setting.section));
            assert!(setting.about.ends_with('.'), "{} is no sentence", setting.path());
        }
    }

    #[test]
    fn bounds_are_inclusive_and_named_in_the_refusal() {
        let setting = Setting::find("capture.sync_interval").unwrap();
        let mut config = defaults();
        for good in ["100ms", "1h"] {
            assert_eq!(setting.apply(&mut config, &Value::Text(good.to_owned())), Ok(()));
        }
        for bad in ["99ms", "3600001ms", "0s"] {
            let refusal = setting.apply(&mut config, &Value::Text(bad.to_owned()));
            assert_eq!(refusal, Err("from `100ms` to `1h`".to_owned()), "{bad}");
        }
        assert_eq!(config.capture.sync_interval, Span::hours(1), "a refused value changes nothing");
        let pages = Setting::find("capture.min_checkpoint_pages").unwrap();
        for bad in [0, -1, 1_000_001, i64::MAX] {
            let refusal = pages.apply(&mut config, &Value::Count(bad));
            assert_eq!(refusal, Err("from `1` to `1000000`".to_owned()), "{bad}");
        }
    }

    #[test]
    fn a_value_of_another_kind_is_refused_by_every_setting() {
        for setting in SETTINGS.iter().filter(|s| s.access.is_some()) {
            let fits = |value: &Value| setting.apply(&mut defaults(), value).is_ok();
            let text = Value::Text("\u{0}".to_owned());
            let kinds = [Value::Flag(true), Value::Count(5), text, Value::List(vec!["x".to_owned()])];
            let taken = kinds.iter().filter(|value| fits(value)).count();
            let expected = usize::from(matches!(setting.kind, Kind::Flag | Kind::Count));
            assert_eq!(taken, expected, "{}", setting.path());
        }
    }

    #[test]
    fn variables_are_unique_and_databases_have_none() {
        let mut names: Vec<String> = SETTINGS.iter().filter_map(Setting::variable).collect();
        assert!(names.contains(&"SQLITE_REPLICATE_CAPTURE_SYNC_INTERVAL".to_owned()));
        assert!(Setting::find("database.path").unwrap().variable().is_none());
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn a_secret_is_not_shown() {
        let setting = Setting::find("notify.webhook").unwrap();
        let shown = |text: &str| setting.shown(&Value::Text(text.to_owned()));
        assert_eq!(shown("https://hooks.office/KEY"), "https://hooks.office/…");
        assert_eq!(shown("hooks.office/KEY"), "…");
        let endpoint = Setting::find("store.endpoint").unwrap();
        assert_eq!(endpoint.shown(&Value::Text("https://me:KEY@nas".to_owned())), "…");
    }
}
