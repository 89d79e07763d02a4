//! Goes through a `litestream.yml` and notes what becomes of each key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sqlite_replicate_api::config::{ByteSize, Config, HostName, SETTINGS, Setting};
use sqlite_replicate_api::{ErrorCode, Name, Report};

use super::files::{databases_in, whole};
use super::keys::{self, Fate};
use super::replica::{self, Replica, S3};
use super::values::{duration, more_is_more_careful, shown, size_of_pages, value_of};
use super::yaml::{self, Node};
use super::{AdoptedDatabase, AdoptedStore, Adoption, Note, Translated, metadata_folder};
use crate::config::file_identity;

/// Says what taking over a `litestream.yml` means. `file` is where the text is from (relative paths start at its folder),
/// `environment` gives the variables that Litestream would see.
///
/// # Errors
/// Everything that keeps the file from being taken over: [`ErrorCode::BadConfig`], or [`ErrorCode::Unsupported`] for
/// what must not be dropped without a decision, such as encryption.
pub fn plan(
    text: &str,
    file: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Adoption, Vec<Report>> {
    let (text, missing) = yaml::expand(text, environment);
    let root = yaml::parse(&text).map_err(|fault| {
        let place = format!("{}:{}:{}", file.display(), fault.line, fault.column);
        vec![Report::new(ErrorCode::BadConfig, format!("`{place}`: not valid YAML: {}", fault.what))]
    })?;
    let mut plan = Plan {
        file,
        folder: file.parent().unwrap_or(Path::new("")),
        environment,
        root: &root,
        out: Adoption::default(),
        wishes: BTreeMap::new(),
        stores: Vec::new(),
        problems: Vec::new(),
    };
    for name in missing {
        plan.out.warnings.push(format!(
            "`${name}` has no value here and counts as empty; the old service may have had one"
        ));
    }
    plan.top();
    plan.choose_store();
    plan.choose_settings();
    plan.closing_words();
    if plan.problems.is_empty() { Ok(plan.out) } else { Err(plan.problems) }
}

/// A value that a key asks for: milliseconds, a count or bytes.
struct Wish {
    key: String,
    number: u64,
}

struct Plan<'a> {
    file: &'a Path,
    folder: &'a Path,
    environment: &'a dyn Fn(&str) -> Option<String>,
    root: &'a Node,
    out: Adoption,
    wishes: BTreeMap<&'static str, Vec<Wish>>,
    /// The S3 services, in the order of the file, with the key that names each.
    stores: Vec<(String, S3)>,
    problems: Vec<Report>,
}

impl Plan<'_> {
    fn problem(&mut self, code: ErrorCode, key: &str, what: &str, hint: &str) {
        let message = format!("`{}`: `{key}` {what}", self.file.display());
        self.problems.push(Report::new(code, message).hint(hint));
    }

    fn not_supported(&mut self, key: impl Into<String>, why: impl Into<String>) {
        self.out.not_supported.push(Note { key: key.into(), why: why.into() });
    }

    fn top(&mut self) {
        let root = self.root;
        if !matches!(root, Node::Map(_)) {
            let hint = "is it the configuration of Litestream?";
            return self.problem(ErrorCode::BadConfig, "dbs", "is missing", hint);
        }
        self.keys("", root, &[keys::TOP, keys::REPLICA]);
        match root.get("dbs") {
            Some(Node::List(databases)) => {
                for (index, database) in databases.iter().enumerate() {
                    self.database(&format!("dbs[{index}]"), database);
                }
            }
            Some(_) => {
                self.problem(ErrorCode::BadConfig, "dbs", "is not a list", "begin each database with `-`")
            }
            None => self.problem(
                ErrorCode::BadConfig,
                "dbs",
                "is missing",
                "is it the configuration of Litestream?",
            ),
        }
    }

    /// Notes what becomes of each key of a map.
    fn keys(&mut self, label: &str, map: &Node, levels: &[&[(&'static str, Fate)]]) {
        for (key, node) in map.entries() {
            let path = if label.is_empty() { key.clone() } else { format!("{label}.{key}") };
            if keys::is_nested(key) && matches!(node, Node::Map(_)) {
                for (inner, node) in node.entries() {
                    self.key(&format!("{path}.{inner}"), node, keys::fate(levels, &format!("{key}.{inner}")));
                }
            } else {
                self.key(&path, node, keys::fate(levels, key));
            }
        }
    }

    fn key(&mut self, path: &str, node: &Node, fate: Fate) {
        if *node == Node::Null {
            return;
        }
        match fate {
            Fate::Read => {}
            Fate::Refused(_) if matches!(node, Node::Map(inner) if inner.is_empty()) => {}
            Fate::NoEffect(why) => {
                self.out.no_effect.push(Note { key: path.to_owned(), why: why.to_owned() })
            }
            Fate::NotSupported(why) => self.not_supported(path, why),
            Fate::NotSupportedIf(value, why) if node.truth() == Some(value) => self.not_supported(path, why),
            Fate::NotSupportedIf(..) => {}
            Fate::Refused(why) => self.problem(
                ErrorCode::Unsupported,
                path,
                &format!("can't be taken over: {why}"),
                "to go on without it, remove the key from a copy of the file, and adopt that",
            ),
            Fate::Span(setting) => self.wish(path, node, setting, duration),
            Fate::Count(setting) => self.wish(path, node, setting, |text| text.parse().ok()),
            Fate::Pages(setting) => {
                self.wish(path, node, setting, |text| Some(size_of_pages(text.parse().ok()?)))
            }
        }
    }

    fn wish(&mut self, path: &str, node: &Node, setting: &'static str, read: impl Fn(&str) -> Option<u64>) {
        let text = node.text().unwrap_or_default();
        match read(text) {
            Some(number) => {
                let value = shown(setting, number);
                self.out.translated.push(Translated { key: path.to_owned(), setting, value });
                self.wishes.entry(setting).or_default().push(Wish { key: path.to_owned(), number });
            }
            None => self.not_supported(path, format!("`{text}` is no value that Litestream can use")),
        }
    }

    fn database(&mut self, label: &str, map: &Node) {
        self.keys(label, map, &[keys::DATABASE]);
        let replicas = self.replicas(label, map);
        let text = |key| map.get(key).and_then(Node::text);
        match (text("path"), text("dir"), text("pattern")) {
            (Some(path), None, _) => {
                let Some(path) = self.whole(label, path) else { return };
                self.add(label, path, &replicas, "");
            }
            (None, Some(folder), Some(pattern)) => {
                let Some(folder) = self.whole(label, folder) else { return };
                let recursive = map.get("recursive").and_then(Node::truth).unwrap_or(false);
                self.folder(label, &folder, pattern, recursive, &replicas);
            }
            (None, Some(_), None) => {
                self.problem(
                    ErrorCode::BadConfig,
                    label,
                    "has `dir` without `pattern`",
                    "name the files: `pattern: '*.db'`",
                );
            }
            _ => self.problem(
                ErrorCode::BadConfig,
                label,
                "needs either `path` or `dir`",
                "Litestream refuses it as well",
            ),
        }
    }

    fn whole(&mut self, label: &str, path: &str) -> Option<PathBuf> {
        let home =
            ["HOME", "USERPROFILE"].iter().find_map(|name| (self.environment)(name)).map(PathBuf::from);
        let found = whole(path, self.folder, home.as_deref());
        if found
            .as_ref()
            .is_some_and(|_| !path.contains("://") && !path.starts_with('~') && Path::new(path).is_relative())
        {
            let folder = self.folder.display();
            self.out.warnings.push(format!(
                "`{label}`: `{path}` is looked for in `{folder}`; Litestream looks where it is started"
            ));
        }
        if found.is_none() {
            self.problem(
                ErrorCode::BadConfig,
                label,
                &format!("begins with `~`, and there is no home folder: `{path}`"),
                "write the whole path",
            );
        }
        found
    }

    fn folder(
        &mut self,
        label: &str,
        folder: &Path,
        pattern: &str,
        recursive: bool,
        replicas: &[(String, Node)],
    ) {
        let found = match databases_in(folder, pattern, recursive) {
            Ok(found) => found,
            Err(error) => {
                let message = format!(
                    "`{}`: the folder `{}` of `{label}` can't be searched",
                    self.file.display(),
                    folder.display()
                );
                return self.problems.push(Report::new(ErrorCode::Io, message).because(error));
            }
        };
        if found.is_empty() {
            let folder = folder.display();
            self.out.warnings.push(format!("`{label}`: no database in `{folder}` matches `{pattern}`"));
        }
        for path in found {
            let below = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            self.add(label, path, replicas, &below);
        }
    }

    /// The replicas of a database, each with its label, all their keys noted.
    fn replicas(&mut self, label: &str, map: &Node) -> Vec<(String, Node)> {
        let mut found = Vec::new();
        if let Some(replica) = map.get("replica") {
            found.push((format!("{label}.replica"), replica.clone()));
        }
        if let Some(Node::List(replicas)) = map.get("replicas") {
            let labelled =
                replicas.iter().enumerate().map(|(i, r)| (format!("{label}.replicas[{i}]"), r.clone()));
            found.extend(labelled);
        }
        for (label, replica) in &found {
            self.keys(label, replica, &[keys::REPLICA]);
        }
        self.judge_replicas(&found);
        found
    }

    /// The first S3 service is the store; what the others are for is told.
    fn judge_replicas(&mut self, replicas: &[(String, Node)]) {
        let mut taken = false;
        for (label, map) in replicas {
            let Replica { kind, backup, s3 } = replica::read(map, self.root, "", self.environment);
            match s3 {
                Some(s3) if !taken => {
                    taken = true;
                    self.stores.push((label.clone(), s3));
                }
                Some(_) => self.not_supported(
                    label,
                    format!("a database has one store; this backup stays as it is: `{backup}`"),
                ),
                None => self.not_supported(
                    label,
                    format!("`{kind}` is no S3 service: history begins anew in the store; this backup stays as it is: `{backup}`"),
                ),
            }
        }
    }

    fn add(&mut self, label: &str, path: PathBuf, replicas: &[(String, Node)], below: &str) {
        let identity = file_identity(&path);
        if let Some(first) = self.out.databases.iter().find(|d| file_identity(&d.path) == identity) {
            let first = first.path.display();
            return self.out.warnings.push(format!("`{label}`: `{first}` is listed twice and taken once"));
        }
        let backups =
            replicas.iter().map(|(_, map)| replica::read(map, self.root, below, self.environment).backup);
        let backups = backups.collect();
        let name = self.unused_name(&path);
        let metadata = metadata_folder(&path);
        self.out.databases.push(AdoptedDatabase { name, path, metadata, backups });
    }

    /// The name that the file suggests, with a number if another database has it.
    fn unused_name(&self, path: &Path) -> Name {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let numbered =
            (2..).map(|n| Name::nearest(&format!("{}-{n}", stem.chars().take(58).collect::<String>())));
        let used = |name: &Name| self.out.databases.iter().any(|database| database.name == *name);
        let mut names = std::iter::once(Name::nearest(&stem)).chain(numbered);
        names.find(|name| !used(name)).unwrap_or_else(|| Name::nearest(""))
    }

    fn choose_store(&mut self) {
        let mut stores = std::mem::take(&mut self.stores).into_iter();
        let Some((label, first)) = stores.next() else { return };
        for (other, s3) in stores {
            if (&s3.endpoint, &s3.bucket) != (&first.endpoint, &first.bucket) {
                self.not_supported(
                    other,
                    format!("all databases have one store, that of `{label}`; this backup stays as it is"),
                );
            } else if s3.credentials != first.credentials {
                self.not_supported(
                    other,
                    format!("all databases have one store, with the keys of `{label}`"),
                );
            }
        }
        let (endpoint, bucket) = (first.endpoint.parse(), first.bucket.parse());
        let region = first.region.as_deref().map(str::parse).transpose();
        match (endpoint, bucket, region) {
            (Ok(endpoint), Ok(bucket), Ok(region)) => {
                self.out.store =
                    Some(AdoptedStore { endpoint, bucket, region, credentials: first.credentials });
            }
            (endpoint, bucket, region) => {
                let bad = [endpoint.err(), bucket.err(), region.err()];
                for bad in bad.into_iter().flatten() {
                    self.not_supported(label.as_str(), format!("{bad}; the bundled store is used instead"));
                }
            }
        }
    }

    fn choose_settings(&mut self) {
        let mut config = Config::new(HostName::nearest(""));
        let defaults = config.clone();
        if let Some(store) = &self.out.store {
            config.store.endpoint = Some(store.endpoint.clone());
            config.store.bucket = store.bucket.clone();
            config.store.region = store.region.clone();
        }
        for (path, wishes) in std::mem::take(&mut self.wishes) {
            let Some(setting) = Setting::find(path) else { continue };
            let numbers = wishes.iter().map(|wish| wish.number);
            let careful = if more_is_more_careful(path) { numbers.max() } else { numbers.min() };
            let Some(number) = careful else { continue };
            let value = value_of(setting.kind, number);
            match setting.apply(&mut config, &value) {
                Ok(()) if wishes.iter().any(|wish| wish.number != number) => self.out.warnings.push(format!(
                    "`{path}` holds for all databases: of the values in the file, `{value}` is taken, the most careful one"
                )),
                Ok(()) => {}
                Err(must) => {
                    for Wish { key, .. } in &wishes {
                        self.not_supported(key, format!("`{path}` must be {must}"));
                    }
                    self.out.translated.retain(|translated| translated.setting != path);
                }
            }
        }
        self.reconcile(&mut config);
        let differing = SETTINGS.iter().filter_map(|setting| {
            let value = setting.get(&config)?;
            (setting.get(&defaults).as_ref() != Some(&value)).then(|| (setting.path(), value))
        });
        self.out.settings = differing.filter(|(path, _)| path != "host.name").collect();
    }

    /// What Litestream takes and this program refuses is moved to the nearest that fits.
    fn reconcile(&mut self, config: &mut Config) {
        let capture = &mut config.capture;
        let asked = |path: &str| self.out.translated.iter().any(|translated| translated.setting == path);
        let mut moved = Vec::new();
        if capture.retention < capture.snapshot_interval {
            if asked("capture.snapshot_interval") {
                capture.retention = capture.snapshot_interval;
                moved.push(("capture.retention", capture.retention.to_string()));
            } else {
                capture.snapshot_interval = capture.retention;
                moved.push(("capture.snapshot_interval", capture.snapshot_interval.to_string()));
            }
        }
        if capture.retention < capture.l0_retention {
            capture.l0_retention = capture.retention;
            moved.push(("capture.l0_retention", capture.l0_retention.to_string()));
        }
        let least = size_of_pages(2 * u64::from(capture.min_checkpoint_pages));
        if capture.max_wal.bytes() < least {
            capture.max_wal = ByteSize::new(least);
            moved.push(("capture.max_wal", capture.max_wal.to_string()));
        }
        for (path, value) in moved {
            self.out.warnings.push(format!("`{path}` is set to `{value}`, so that it fits the other values"));
        }
    }

    fn closing_words(&mut self) {
        let warnings = &mut self.out.warnings;
        if let Some(store) = &self.out.store {
            if store.credentials.is_none() {
                warnings.push(format!(
                    "the keys for `{}` are neither in the file nor in the environment",
                    store.endpoint
                ));
            }
            if store.region.is_none() && store.endpoint.as_str().ends_with(".amazonaws.com") {
                warnings.push(format!(
                    "the file names no region for the bucket `{}`; `us-east-1` is assumed",
                    store.bucket
                ));
            }
        }
        if !self.out.databases.is_empty() {
            warnings.push(
                "stop and disable the old Litestream first: two on one database damage each other".to_owned(),
            );
            warnings.push(
                "history begins anew; old backups stay where they are, `restore --from` reads them"
                    .to_owned(),
            );
        }
    }
}
