//! What a configuration depends on besides its text: where the file is, what the machine is called, the environment.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use sqlite_replicate_api::config::{DATABASE, HostName, Kind, LATER_SECTIONS, SETTINGS, Setting};
use sqlite_replicate_api::{ErrorCode, Report};

use super::read::{Origin, Reading};
use super::spelling::nearest;

/// What all of this program's variables begin with.
const PREFIX: &str = "SQLITE_REPLICATE_";

/// Adds databases: one path, or several separated as in `PATH`.
pub const DATABASE_VARIABLE: &str = "SQLITE_REPLICATE_DATABASE";

/// The program's own variables, which are no settings, with what each is for.
pub const RESERVED: &[(&str, &str)] = &[
    ("SQLITE_REPLICATE_HOME", "the folder that everything of this host lives in"),
    ("SQLITE_REPLICATE_CONFIG", "the configuration file, where it is not the home folder's"),
    ("SQLITE_REPLICATE_BIN_DIR", "the folder of Litestream and MinIO"),
    ("SQLITE_REPLICATE_CACHE", "the folder that built programs are kept in"),
    ("SQLITE_REPLICATE_LOG", "which messages are logged"),
    ("SQLITE_REPLICATE_TEST_RUN", "marks the processes of one run of the tests"),
    ("SQLITE_REPLICATE_STORE_ACCESS_KEY_ID", "the access key for `store.endpoint`"),
    ("SQLITE_REPLICATE_STORE_SECRET_ACCESS_KEY", "the secret key for `store.endpoint`"),
];

/// What a configuration depends on besides its text.
#[derive(Clone, Debug)]
pub struct Surroundings {
    file: PathBuf,
    machine: HostName,
    variables: Vec<(String, OsString)>,
}

impl Surroundings {
    /// The file (it need not exist), what the machine is called, and the process's environment, of which only the names
    /// that begin with `SQLITE_REPLICATE_` are kept.
    ///
    /// # Errors
    /// If a relative `file` can't be made absolute because there is no current folder.
    pub fn new(
        file: &Path,
        machine: HostName,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, Report> {
        let file = std::path::absolute(file).map_err(|error| {
            let message = format!("`{}` can't be found from here", file.display());
            Report::new(ErrorCode::ConfigUnreadable, message).because(error)
        })?;
        // Windows does not tell capitals apart in names.
        let name = |name: OsString| {
            let name = name.into_string().ok()?;
            Some(if cfg!(windows) { name.to_ascii_uppercase() } else { name })
        };
        let mut variables: Vec<_> = environment
            .into_iter()
            .filter_map(|(key, value)| Some((name(key)?, value)))
            // An empty variable is the usual way to say "not set" where one can't be left out.
            .filter(|(key, value)| key.starts_with(PREFIX) && !value.is_empty())
            .collect();
        variables.sort();
        Ok(Self { file, machine, variables })
    }

    /// The configuration file, absolute.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// What the machine is called: the default of `host.name`.
    pub fn machine(&self) -> &HostName {
        &self.machine
    }

    /// A path of the file: a relative one starts at the file's folder.
    pub(crate) fn resolve(&self, path: &Path) -> PathBuf {
        self.file.parent().map_or_else(|| path.to_owned(), |folder| folder.join(path))
    }
}

/// Puts the environment over what the file says.
pub(crate) fn overlay(reading: &mut Reading<'_>) {
    let around = reading.around;
    for (variable, value) in &around.variables {
        if RESERVED.iter().any(|(reserved, _)| reserved == variable) {
            continue;
        }
        if variable == DATABASE_VARIABLE {
            for path in std::env::split_paths(value).filter(|path| !path.as_os_str().is_empty()) {
                reading.database_of_environment(&path);
            }
            continue;
        }
        let known = SETTINGS.iter().find(|s| s.variable().as_ref() == Some(variable));
        match (known, value.to_str()) {
            (Some(setting), Some(text)) => one(reading, setting, variable, text),
            (Some(_), None) => reading.problem(None, format!("`{variable}` is no readable text"), None),
            (None, _) => unknown(reading, variable),
        }
    }
}

fn one(reading: &mut Reading<'_>, setting: &'static Setting, variable: &str, text: &str) {
    if setting.kind == Kind::Path && Path::new(text).is_relative() {
        let message = format!("`{variable}` must be a whole path, not `{text}`");
        let hint = "relative paths are understood in the file alone, from its folder";
        return reading.problem(None, message, Some(hint.to_owned()));
    }
    let value = setting.kind.value_of(text);
    let origin = Origin::Environment { variable: variable.to_owned() };
    if let Err(must) = reading.apply(setting, &value, origin) {
        let message = format!("`{variable}` must be {must}, not `{}`", setting.shown(&value));
        reading.problem(None, message, None);
    }
}

fn unknown(reading: &mut Reading<'_>, variable: &str) {
    let rest = &variable[PREFIX.len()..];
    let begins_with = |section: &str| {
        let section = section.to_ascii_uppercase();
        rest.strip_prefix(&section).is_some_and(|tail| tail.is_empty() || tail.starts_with('_'))
    };
    if let Some(later) = LATER_SECTIONS.iter().find(|later| begins_with(later.section)) {
        let message = format!("`{variable}` can't be used yet: this version can't {}", later.can_not);
        return reading.problem(None, message, Some("remove the variable".to_owned()));
    }
    let names: Vec<String> = SETTINGS.iter().filter_map(Setting::variable).collect();
    let names = names.iter().map(String::as_str).chain(RESERVED.iter().map(|(name, _)| *name));
    // The common beginning would make everything near.
    let near = nearest(rest, names.map(|name| &name[PREFIX.len()..]));
    let hint = match near {
        _ if begins_with(DATABASE) => format!("`{DATABASE_VARIABLE}` adds databases by their paths"),
        Some(near) => format!("did you mean `{PREFIX}{near}`?"),
        None => "variables are named `SQLITE_REPLICATE_<SECTION>_<KEY>`".to_owned(),
    };
    reading.problem(None, format!("unknown variable `{variable}`"), Some(hint));
}
