//! Reads the file: all problems at once, each with its place and a way out.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde::{Deserialize, Serialize};
use sqlite_replicate_api::config::{
    Config, DATABASE, Kind, LATER_SECTIONS, LaterSection, SECTIONS, SETTINGS, Setting, Value,
};
use sqlite_replicate_api::{ErrorCode, Report};
use toml_edit::{Document, Item, TableLike};

use super::databases::Found;
use super::environment::{self, Surroundings};
use super::hints::{WINDOWS_PATH_HINT, given, header, key_hint, listed, path_problem, rewrite_hint};
use super::spelling::nearest;

/// More than any configuration: what is larger is another file.
const MAX_BYTES: usize = 1 << 20;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "from")]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// The file.
    File {
        /// The line, from 1.
        line: usize,
    },
    /// The environment.
    Environment {
        /// The variable's name.
        variable: String,
    },
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { line } => write!(f, "line {line}"),
            Self::Environment { variable } => f.write_str(variable),
        }
    }
}

/// One line of `config show`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// `capture.sync_interval`; `database.<name>` for a database.
    pub key: String,
    /// The value, a database's path; `None` if it is not set. Never a secret.
    pub value: Option<String>,
    /// Where it comes from.
    pub origin: Origin,
}

/// A good configuration, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// The file's text; `None` if there is no file.
    pub text: Option<String>,
    origins: BTreeMap<String, Origin>,
    /// One for each of `config.databases`.
    database_origins: Vec<Origin>,
}

impl Loaded {
    /// Where the value of a setting comes from.
    pub fn origin(&self, setting: &Setting) -> &Origin {
        self.origins.get(&setting.path()).unwrap_or(&Origin::Default)
    }

    /// Every setting, then every database, with value and origin.
    pub fn show(&self) -> Vec<Shown> {
        let settings = SETTINGS.iter().filter(|s| s.section != DATABASE).map(|setting| Shown {
            key: setting.path(),
            value: setting.get(&self.config).map(|value| setting.shown(&value)),
            origin: self.origin(setting).clone(),
        });
        let databases = self.config.databases.iter().zip(&self.database_origins);
        let databases = databases.map(|(database, origin)| Shown {
            key: format!("{DATABASE}.{}", database.name),
            value: Some(database.path.display().to_string()),
            origin: origin.clone(),
        });
        settings.chain(databases).collect()
    }
}

/// Reads the file of `around`. A file that is not there is an empty one.
///
/// # Errors
/// Everything that is wrong, in the order of the file: [`ErrorCode::BadConfig`], or [`ErrorCode::ConfigUnreadable`].
pub fn load(around: &Surroundings) -> Result<Loaded, Vec<Report>> {
    let text = read_text(around).map_err(|report| vec![report])?;
    let loaded = parse(text.as_deref().unwrap_or(""), around)?;
    Ok(Loaded { text, ..loaded })
}

/// The file's text, `None` if there is no file.
pub(crate) fn read_text(around: &Surroundings) -> Result<Option<String>, Report> {
    let file = around.file();
    let unreadable = |error| {
        let message = format!("`{}` can't be read", file.display());
        Report::new(ErrorCode::ConfigUnreadable, message).because(error)
    };
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        // A link to nowhere is a fault, not a missing file: it would protect nothing without a word.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !file.is_symlink() => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    if bytes.len() > MAX_BYTES {
        let message = format!("`{}` is too large for a configuration", file.display());
        return Err(Report::new(ErrorCode::BadConfig, message));
    }
    String::from_utf8(bytes).map(Some).map_err(|error| {
        let line = line_of(error.as_bytes(), error.utf8_error().valid_up_to());
        let message = format!("`{}:{line}`: not written in UTF-8", file.display());
        Report::new(ErrorCode::BadConfig, message).hint("save the file with the encoding UTF-8")
    })
}

/// Reads a text as if it stood in the file of `around`.
///
/// # Errors
/// Everything that is wrong, in the order of the text: [`ErrorCode::BadConfig`].
pub fn parse(text: &str, around: &Surroundings) -> Result<Loaded, Vec<Report>> {
    let mut reading = Reading::new(text, around);
    match Document::parse(text) {
        Ok(document) => reading.document(&document),
        Err(error) => reading.syntax(&error),
    }
    environment::overlay(&mut reading);
    reading.finish()
}

fn line_of(text: &[u8], offset: usize) -> usize {
    1 + text.iter().take(offset).filter(|byte| **byte == b'\n').count()
}

/// A configuration while it is read.
pub(crate) struct Reading<'a> {
    pub(crate) text: &'a str,
    pub(crate) around: &'a Surroundings,
    pub(crate) config: Config,
    pub(crate) found: Vec<Found>,
    pub(crate) database_origins: Vec<Origin>,
    origins: BTreeMap<String, Origin>,
    /// Where the values of the file stand.
    places: BTreeMap<String, usize>,
    /// Settings whose value was refused: what they would be compared with is not known.
    refused: BTreeSet<String>,
    problems: Vec<(Option<usize>, Report)>,
}

impl<'a> Reading<'a> {
    fn new(text: &'a str, around: &'a Surroundings) -> Self {
        Self {
            text,
            around,
            config: Config::new(around.machine().clone()),
            found: Vec::new(),
            database_origins: Vec::new(),
            origins: BTreeMap::new(),
            places: BTreeMap::new(),
            refused: BTreeSet::new(),
            problems: Vec::new(),
        }
    }

    /// Notes a problem; with a place in the file (a byte offset), the message begins with it.
    pub(crate) fn problem(&mut self, offset: Option<usize>, message: String, hint: Option<String>) {
        let message = match offset {
            Some(offset) => format!("`{}`: {message}", self.place(offset)),
            None => message,
        };
        let report = Report { hint, ..Report::new(ErrorCode::BadConfig, message) };
        self.problems.push((offset, report));
    }

    /// `file:line:column` of a byte offset.
    fn place(&self, offset: usize) -> String {
        let before = &self.text[..self.text.floor_char_boundary(offset)];
        let begin = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = 1 + before[begin..].trim_start_matches('\u{feff}').chars().count();
        format!("{}:{}:{column}", self.around.file().display(), self.line(offset))
    }

    pub(crate) fn line(&self, offset: usize) -> usize {
        line_of(self.text.as_bytes(), offset)
    }

    /// Sets a value, and remembers where it came from.
    pub(crate) fn apply(&mut self, setting: &Setting, value: &Value, origin: Origin) -> Result<(), String> {
        let path = setting.path();
        let applied = setting.apply(&mut self.config, value);
        match applied {
            Ok(()) => drop(self.origins.insert(path, origin)),
            Err(_) => drop(self.refused.insert(path)),
        }
        applied
    }

    fn syntax(&mut self, error: &toml_edit::TomlError) {
        let offset = self.text.floor_char_boundary(error.span().map_or(0, |span| span.start));
        let begin = self.text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
        let line = self.text[begin..].lines().next().unwrap_or("");
        let value = self.text[offset..].lines().next().unwrap_or("").split('#').next().unwrap_or("").trim();
        let hint = match error.message() {
            _ if line.contains('"') && line.contains('\\') => Some(WINDOWS_PATH_HINT.to_owned()),
            message if message.contains("quoted") && value.is_empty() => None,
            // An address may hold a key: not to be repeated.
            message if message.contains("quoted") && value.contains("://") => {
                Some("put the value in quotes".to_owned())
            }
            message if message.contains("quoted") => Some(format!("put the value in quotes: `\"{value}\"`")),
            _ => None,
        };
        self.problem(Some(offset), format!("not valid TOML: {}", error.message()), hint);
    }

    fn document(&mut self, document: &Document<&str>) {
        let root = document.as_table();
        for (name, item) in root.iter() {
            let offset = offset_of(root, name);
            if name == DATABASE {
                self.databases(item, offset);
            } else if SECTIONS.contains(&name) {
                self.section(name, item, offset);
            } else if let Some(later) = LATER_SECTIONS.iter().find(|later| later.section == name) {
                self.later(later, offset);
            } else {
                self.unknown(name, item, offset);
            }
        }
    }

    fn later(&mut self, later: &LaterSection, offset: usize) {
        let message =
            format!("`[{}]` can't be used yet: this version can't {}", later.section, later.can_not);
        self.problem(
            Some(offset),
            message,
            Some("remove the section, or put `#` before its lines".to_owned()),
        );
    }

    fn unknown(&mut self, name: &str, item: &Item, offset: usize) {
        if item.is_table_like() || item.is_array_of_tables() {
            let hint = match nearest(name, SECTIONS.iter().copied()) {
                Some(near) => format!("did you mean `{}`?", header(near)),
                None => format!("sections are {}", listed(SECTIONS.iter().map(|s| header(s)))),
            };
            return self.problem(Some(offset), format!("unknown section `[{name}]`"), Some(hint));
        }
        let near = nearest(name, SETTINGS.iter().map(|s| s.key));
        let home = near.and_then(|key| SETTINGS.iter().find(|s| s.key == key));
        let hint = match home {
            Some(setting) => format!("`{}` belongs to `{}`", setting.key, header(setting.section)),
            None => "every key belongs to a section such as `[capture]`".to_owned(),
        };
        self.problem(Some(offset), format!("unknown key `{name}` outside of a section"), Some(hint));
    }

    fn section(&mut self, section: &str, item: &Item, offset: usize) {
        let Some(table) = item.as_table_like() else {
            let message = format!("`{section}` must be a section, not {}", kind_of(item));
            return self.problem(Some(offset), message, Some(format!("write `[{section}]` on a line, once")));
        };
        for (key, item) in table.iter() {
            let offset = offset_of(table, key);
            match SETTINGS.iter().find(|s| s.section == section && s.key == key) {
                Some(setting) => self.setting(setting, item, offset),
                None => self.unknown_key(section, key, offset),
            }
        }
    }

    pub(crate) fn unknown_key(&mut self, section: &str, key: &str, offset: usize) {
        let message = format!("unknown key `{key}` in `{}`", header(section));
        self.problem(Some(offset), message, Some(key_hint(section, key)));
    }

    fn setting(&mut self, setting: &'static Setting, item: &Item, key_offset: usize) {
        let offset = item.span().map_or(key_offset, |span| span.start);
        let Some(value) = self.value(setting, item, offset) else { return };
        let origin = Origin::File { line: self.line(offset) };
        self.places.insert(setting.path(), offset);
        match self.apply(setting, &value, origin) {
            Ok(()) if setting.kind == Kind::Path => self.resolve_data_dir(),
            Ok(()) => {}
            Err(must) => self.refuse(setting, item, &value, &must),
        }
    }

    fn resolve_data_dir(&mut self) {
        let around = self.around;
        self.config.store.data_dir = self.config.store.data_dir.take().map(|dir| around.resolve(&dir));
    }

    /// The value as it stands, or `None` with a problem noted, if it is of a kind that no setting takes.
    pub(crate) fn value(&mut self, setting: &Setting, item: &Item, offset: usize) -> Option<Value> {
        let value = value_of(item, &self.text[item.span().unwrap_or(0..0)]);
        if value.is_none() {
            self.refused.insert(setting.path());
            let message =
                format!("`{}` must be {}, not {}", setting.path(), setting.kind.expected(), kind_of(item));
            self.problem(Some(offset), message, None);
        }
        if let (Kind::Path, Some(Value::Text(path))) = (setting.kind, &value)
            && let Some((message, hint)) = path_problem(path, &self.text[item.span().unwrap_or(0..0)])
        {
            self.refused.insert(setting.path());
            self.problem(Some(offset), format!("`{}` {message}", setting.path()), Some(hint));
            return None;
        }
        value
    }

    /// Notes that a value was refused, with the way to write it if it was only written wrongly.
    pub(crate) fn refuse(&mut self, setting: &Setting, item: &Item, value: &Value, must: &str) {
        let message = format!("`{}` must be {must}, not {}", setting.path(), given(setting, value));
        self.problem(item.span().map(|span| span.start), message, rewrite_hint(setting, value));
    }

    fn finish(mut self) -> Result<Loaded, Vec<Report>> {
        for conflict in self.config.conflicts() {
            if conflict.settings.iter().any(|path| self.refused.contains(*path)) {
                continue;
            }
            let from_file = |path: &&&str| matches!(self.origins.get(**path), Some(Origin::File { .. }));
            let offset = conflict.settings.iter().find(from_file).and_then(|path| self.places.get(*path));
            self.problem(offset.copied(), conflict.message, Some(conflict.hint));
        }
        self.check_databases();
        if self.problems.is_empty() {
            let Self { config, origins, database_origins, .. } = self;
            return Ok(Loaded { config, text: Some(self.text.to_owned()), origins, database_origins });
        }
        // In the order of the file; what has no place in it comes last.
        self.problems.sort_by_key(|(offset, _)| offset.unwrap_or(usize::MAX));
        Err(self.problems.into_iter().map(|(_, report)| report).collect())
    }
}

/// Where a key stands.
pub(crate) fn offset_of(table: &dyn TableLike, key: &str) -> usize {
    let (key, item) = table.get_key_value(key).unzip();
    key.and_then(|key| key.span()).or_else(|| item.and_then(Item::span)).map_or(0, |span| span.start)
}

/// A value as settings know it; `written` is its text in the file.
fn value_of(item: &Item, written: &str) -> Option<Value> {
    use toml_edit::Value as Toml;
    match item.as_value()? {
        Toml::String(text) => Some(Value::Text(text.value().clone())),
        Toml::Integer(count) => Some(Value::Count(*count.value())),
        Toml::Boolean(flag) => Some(Value::Flag(*flag.value())),
        // `02:00` without quotes is a time in TOML, and means what it says.
        Toml::Datetime(time) if time.value().date.is_none() => Some(Value::Text(written.to_owned())),
        Toml::Array(items) => {
            let text =
                |item: &Toml| item.as_str().map_or_else(|| item.to_string().trim().to_owned(), str::to_owned);
            Some(Value::List(items.iter().map(text).collect()))
        }
        Toml::Float(_) | Toml::Datetime(_) | Toml::InlineTable(_) => None,
    }
}

/// What something is that is not of the kind it should be.
pub(crate) fn kind_of(item: &Item) -> String {
    match item.type_name() {
        "integer" | "float" => format!("the number `{}`", item.to_string().trim()),
        "boolean" => format!("`{}`", item.to_string().trim()),
        "string" => "a text".to_owned(),
        "datetime" => "a date".to_owned(),
        "array" => "a list".to_owned(),
        "array of tables" => "several sections".to_owned(),
        _ => "a section".to_owned(),
    }
}

#[cfg(test)]
mod tests;
