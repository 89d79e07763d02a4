//! The protected databases: reading `[[database]]`, and telling whether two paths are one file.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use sqlite_replicate_api::Name;
use sqlite_replicate_api::config::{DATABASE, Database, Kind, MAX_DATABASES, SETTINGS, Setting, Value};
use toml_edit::{Item, TableLike};

use super::environment::DATABASE_VARIABLE;
use super::read::{Origin, Reading, kind_of, offset_of};

/// A database while the configuration is read.
pub(crate) struct Found {
    pub(crate) database: Database,
    pub(crate) origin: Origin,
    /// Where its path stands in the file.
    offset: Option<usize>,
}

/// The name that a database gets which has none.
pub(crate) fn default_name(path: &Path) -> Name {
    Name::nearest(&path.file_stem().unwrap_or_default().to_string_lossy())
}

/// The tables of `[[database]]`, whichever way they are written; `None` if it is something else.
pub(crate) fn entries(item: &Item) -> Option<Vec<&dyn TableLike>> {
    if let Some(tables) = item.as_array_of_tables() {
        return Some(tables.iter().map(|table| table as &dyn TableLike).collect());
    }
    let tables = item.as_array()?.iter();
    tables.map(|value| value.as_inline_table().map(|table| table as &dyn TableLike)).collect()
}

/// What a path is compared by: two paths of one file have one identity, links followed, capitals ignored where the
/// system does. The file need not exist.
pub fn file_identity(path: &Path) -> OsString {
    identity(path, cfg!(windows))
}

fn identity(path: &Path, ignore_case: bool) -> OsString {
    let whole = canonical(path);
    match whole.to_str() {
        Some(text) if ignore_case => text.to_lowercase().into(),
        _ => whole.into_os_string(),
    }
}

/// The path without links, as far as it exists; what does not exist is appended as it is.
fn canonical(path: &Path) -> PathBuf {
    for existing in path.ancestors() {
        let Ok(mut whole) = existing.canonicalize() else { continue };
        let rest = path.strip_prefix(existing).unwrap_or(Path::new(""));
        for component in rest.components() {
            match component {
                Component::ParentDir => drop(whole.pop()),
                Component::CurDir => {}
                other => whole.push(other),
            }
        }
        return whole;
    }
    path.to_owned()
}

impl Reading<'_> {
    /// Reads `[[database]]`.
    pub(crate) fn databases(&mut self, item: &Item, offset: usize) {
        match entries(item) {
            Some(tables) => {
                for table in tables {
                    self.database(table, offset);
                }
            }
            None if item.is_table_like() => {
                let hint = format!("write `[[{DATABASE}]]`, once for each database");
                self.problem(Some(offset), format!("`[{DATABASE}]` stands for one of many"), Some(hint));
            }
            None => {
                let message = format!("`{DATABASE}` must be sections, not {}", kind_of(item));
                let hint = format!("write `[[{DATABASE}]]` on a line, and `path = '…'` below it");
                self.problem(Some(offset), message, Some(hint));
            }
        }
    }

    fn database(&mut self, table: &dyn TableLike, fallback: usize) {
        let here = table.iter().next().map_or(fallback, |(key, _)| offset_of(table, key));
        let (mut name, mut path) = (None, None);
        let mut path_written = false;
        for (key, item) in table.iter() {
            let Some(setting) = SETTINGS.iter().find(|s| s.section == DATABASE && s.key == key) else {
                self.unknown_key(DATABASE, key, offset_of(table, key));
                continue;
            };
            let offset = item.span().map_or(here, |span| span.start);
            path_written |= setting.kind == Kind::Path;
            match (setting.kind, self.text_of(setting, item, offset)) {
                (Kind::Path, Some(text)) => path = Some((text, offset)),
                (_, Some(text)) => name = text.parse().ok(),
                (_, None) => {}
            }
        }
        if !path_written {
            let hint = "write the whole path of the SQLite file: `path = '…'`".to_owned();
            self.problem(Some(here), format!("a `[[{DATABASE}]]` without `path`"), Some(hint));
        }
        if let Some((path, offset)) = path {
            let path = self.around.resolve(Path::new(&path));
            let name = name.unwrap_or_else(|| default_name(&path));
            let origin = Origin::File { line: self.line(offset) };
            self.found.push(Found { database: Database { name, path }, origin, offset: Some(offset) });
        }
    }

    /// A text of an entry that fits its setting; `None` with a problem noted otherwise.
    fn text_of(&mut self, setting: &'static Setting, item: &Item, offset: usize) -> Option<String> {
        let value = self.value(setting, item, offset)?;
        match &value {
            Value::Text(text) if setting.kind != Kind::Name || text.parse::<Name>().is_ok() => {
                Some(text.clone())
            }
            _ => {
                self.refuse(setting, item, &value, &setting.kind.expected());
                None
            }
        }
    }

    /// Adds a database that the environment names.
    pub(crate) fn database_of_environment(&mut self, path: &Path) {
        if path.is_relative() || path.to_str().is_none() {
            let message = format!("`{DATABASE_VARIABLE}` must hold whole paths, not `{}`", path.display());
            return self.problem(None, message, None);
        }
        let database = Database { name: default_name(path), path: path.to_owned() };
        let origin = Origin::Environment { variable: DATABASE_VARIABLE.to_owned() };
        self.found.push(Found { database, origin, offset: None });
    }

    /// No two databases with one file or one name, and not too many.
    pub(crate) fn check_databases(&mut self) {
        let found = std::mem::take(&mut self.found);
        let identities: Vec<_> = found.iter().map(|f| file_identity(&f.database.path)).collect();
        for (i, later) in found.iter().enumerate() {
            let path = later.database.path.display();
            if let Some(j) = (0..i).find(|j| identities[*j] == identities[i]) {
                let first = &found[j];
                let message = if first.database.path == later.database.path {
                    format!("`{path}` is listed twice, first {}", whence(&first.origin))
                } else {
                    format!(
                        "`{path}` is the same file as `{}` {}",
                        first.database.path.display(),
                        whence(&first.origin)
                    )
                };
                self.problem(later.offset, message, Some("remove one of the two".to_owned()));
            } else if let Some(first) = found[..i].iter().find(|f| f.database.name == later.database.name) {
                let name = &later.database.name;
                let message =
                    format!("`{path}` would be called `{name}` like the database {}", whence(&first.origin));
                let hint = match later.origin {
                    Origin::Environment { .. } => "list it in the file, with a `name` of its own",
                    _ => "give one of them another `name`",
                };
                self.problem(later.offset, message, Some(hint.to_owned()));
            }
        }
        if let Some(beyond) = found.get(MAX_DATABASES) {
            let message = format!("{} databases are listed, more than {MAX_DATABASES}", found.len());
            let hint = "protect the others from another home folder with its own configuration".to_owned();
            self.problem(beyond.offset, message, Some(hint));
        }
        (self.config.databases, self.database_origins) =
            found.into_iter().map(|found| (found.database, found.origin)).unzip();
    }
}

fn whence(origin: &Origin) -> String {
    match origin {
        Origin::File { line } => format!("on line {line}"),
        Origin::Environment { variable } => format!("in `{variable}`"),
        Origin::Default => "by default".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_identity_whatever_the_way_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("orders.db");
        std::fs::write(&file, b"").unwrap();
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        assert_eq!(file_identity(&file), file_identity(&folder.path().join("sub/../orders.db")));
        assert_eq!(file_identity(&file), file_identity(&folder.path().join("./orders.db")));
        assert_ne!(file_identity(&file), file_identity(&folder.path().join("other.db")));
        // Not there yet, in folders that are not there yet.
        let missing = folder.path().join("new/a.db");
        assert_eq!(file_identity(&missing), file_identity(&folder.path().join("new/x/../a.db")));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("orders.db");
        std::fs::write(&file, b"").unwrap();
        std::os::unix::fs::symlink(&file, folder.path().join("link.db")).unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("here")).unwrap();
        assert_eq!(file_identity(&file), file_identity(&folder.path().join("link.db")));
        assert_eq!(file_identity(&file), file_identity(&folder.path().join("here/orders.db")));
    }

    #[test]
    fn capitals_are_ignored_where_the_system_ignores_them() {
        let (a, b) = (Path::new("/Nowhere/Orders.DB"), Path::new("/nowhere/orders.db"));
        assert_eq!(identity(a, true), identity(b, true));
        assert_ne!(identity(a, false), identity(b, false));
    }
}
