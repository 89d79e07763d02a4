//! What a new configuration asks the running engine to do.

use sqlite_replicate_api::config::{Config, DATABASE, Database, Restart, SETTINGS};

/// The difference between two configurations, in things to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Databases to protect from now on.
    pub added: Vec<Database>,
    /// Databases to protect no longer.
    pub removed: Vec<Database>,
    /// Databases whose file is another one now: old, new.
    pub moved: Vec<(Database, Database)>,
    /// The store has to start again, and capture with it.
    pub restart_store: bool,
    /// Capture has to start again, even if no database came or went.
    pub restart_capture: bool,
    /// Settings (`section.key`) that take effect at once.
    pub live: Vec<String>,
}

impl Changes {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What changed from `old` to `new`. Databases are told apart by their names: a new name is another database.
pub fn diff(old: &Config, new: &Config) -> Changes {
    let mut changes = Changes::default();
    let same = |name, config: &Config| config.databases.iter().find(|d| d.name == name).cloned();
    for database in &new.databases {
        match same(database.name.clone(), old) {
            None => changes.added.push(database.clone()),
            Some(before) if before.path != database.path => changes.moved.push((before, database.clone())),
            Some(_) => {}
        }
    }
    let gone = |database: &&Database| same(database.name.clone(), new).is_none();
    changes.removed = old.databases.iter().filter(gone).cloned().collect();
    for setting in SETTINGS.iter().filter(|s| s.section != DATABASE && s.get(old) != s.get(new)) {
        match setting.restarts {
            Restart::Nothing => changes.live.push(setting.path()),
            Restart::Capture => changes.restart_capture = true,
            Restart::Store => {
                changes.restart_store = true;
                changes.restart_capture = true;
            }
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use sqlite_replicate_api::Name;
    use sqlite_replicate_api::config::{HostName, Value};

    use super::*;

    fn database(name: &str, path: &str) -> Database {
        Database { name: Name::nearest(name), path: path.into() }
    }

    #[test]
    fn each_setting_restarts_what_its_row_says() {
        let old = Config::new(HostName::nearest("HOST-A"));
        assert!(diff(&old, &old).is_empty());
        for (setting, value) in [
            ("host.name", "HOST-B"),
            ("store.endpoint", "http://nas:9000"),
            ("store.data_dir", "/srv"),
            ("capture.retention", "96h"),
            ("verify.drill_at", "05:00"),
            ("notify.webhook", "http://nas/x"),
            ("ui.language", "en"),
        ] {
            let setting = sqlite_replicate_api::config::Setting::find(setting).unwrap();
            let mut new = old.clone();
            setting.apply(&mut new, &Value::Text(value.to_owned())).unwrap();
            let changes = diff(&old, &new);
            assert_eq!(changes.restart_store, setting.restarts == Restart::Store, "{}", setting.path());
            assert_eq!(changes.restart_capture, setting.restarts != Restart::Nothing, "{}", setting.path());
            let live = if setting.restarts == Restart::Nothing { vec![setting.path()] } else { Vec::new() };
            assert_eq!(changes.live, live);
            assert_eq!(diff(&new, &new), Changes::default());
        }
    }

    #[test]
    fn databases_come_go_and_move() {
        let mut old = Config::new(HostName::nearest("HOST-A"));
        let mut new = old.clone();
        old.databases = vec![database("a", "/a"), database("b", "/b"), database("c", "/c")];
        new.databases = vec![database("c", "/c"), database("b", "/b2"), database("d", "/a")];
        let changes = diff(&old, &new);
        assert_eq!(changes.added, [database("d", "/a")]);
        assert_eq!(changes.removed, [database("a", "/a")]);
        assert_eq!(changes.moved, [(database("b", "/b"), database("b", "/b2"))]);
        assert!(!changes.restart_capture && !changes.restart_store && changes.live.is_empty());
    }
}
