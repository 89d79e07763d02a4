//! Files as people have them, and what becomes of them.

use sqlite_replicate_api::config::HostName;
use sqlite_replicate_api::{ErrorCode, Report};

use super::*;
use crate::config::{SAMPLE, Surroundings, parse};

#[cfg(unix)]
const FILE: &str = "/etc/litestream.yml";
#[cfg(windows)]
const FILE: &str = r"C:\Litestream\litestream.yml";

fn adopt(text: &str) -> Adoption {
    plan(text, Path::new(FILE), &|name| (name == "KEY").then(|| "TOPSECRET".to_owned()))
        .unwrap_or_else(|problems| panic!("{text}: {problems:#?}"))
}

fn refused(text: &str) -> Vec<Report> {
    plan(text, Path::new(FILE), &|_| None)
        .map_or_else(|problems| problems, |plan| panic!("{text}: {plan:#?}"))
}

fn translated(plan: &Adoption) -> Vec<(&str, &str, &str)> {
    plan.translated.iter().map(|t| (t.key.as_str(), t.setting, t.value.as_str())).collect()
}

fn keys(notes: &[Note]) -> Vec<&str> {
    notes.iter().map(|note| note.key.as_str()).collect()
}

fn settings(plan: &Adoption) -> Vec<String> {
    plan.settings.iter().map(|(key, value)| format!("{key}={value}")).collect()
}

/// The plan put into the sample is a good configuration; returns it.
fn applied(plan: &Adoption) -> sqlite_replicate_api::config::Config {
    let text = plan.edit(SAMPLE).unwrap();
    let file = if cfg!(windows) { r"C:\sr\config.toml" } else { "/sr/config.toml" };
    let around = Surroundings::new(Path::new(file), HostName::nearest("HOST-A"), []).unwrap();
    parse(&text, &around).unwrap_or_else(|problems| panic!("{text}: {problems:#?}")).config
}

const V3: &str = "
access-key-id: AKIAEXAMPLE
secret-access-key: ${KEY}
addr: ':9090'
dbs:
  - path: /data/orders.db
    max-checkpoint-page-count: 5000
    replicas:
      - name: cloud
        url: s3://office/orders
        region: eu-central-1
        retention: 240h
        retention-check-interval: 1h
        snapshot-interval: 12h
        validation-interval: 6h
        sync-interval: 500ms
      - path: /backup/orders
  - path: /data/stock.db
    replicas:
      - type: sftp
        host: nas:22
        user: me
        password: TOPSECRET
        path: /stock
        retention: 72h
";

#[test]
fn a_file_of_v0_3_is_taken_over() {
    let plan = adopt(V3);
    let names: Vec<_> = plan.databases.iter().map(|d| d.name.as_str()).collect();
    assert_eq!(names, ["orders", "stock"]);
    assert!(plan.databases[0].metadata.ends_with("data/.orders.db-litestream"));
    assert_eq!(
        plan.databases[0].backups,
        [
            "s3://office/orders?endpoint=https://s3.eu-central-1.amazonaws.com&region=eu-central-1",
            "file:///backup/orders"
        ]
    );
    assert_eq!(plan.databases[1].backups, ["sftp://nas:22/stock"]);
    let store = plan.store.as_ref().unwrap();
    assert_eq!(store.endpoint.as_str(), "https://s3.eu-central-1.amazonaws.com");
    let credentials = store.credentials.as_ref().unwrap();
    assert_eq!(credentials.access_key_id.reveal(), "AKIAEXAMPLE");
    assert_eq!(credentials.secret_access_key.reveal(), "TOPSECRET");
    assert_eq!(
        translated(&plan),
        [
            ("dbs[0].replicas[0].retention", "capture.retention", "10d"),
            ("dbs[0].replicas[0].snapshot-interval", "capture.snapshot_interval", "12h"),
            ("dbs[0].replicas[0].sync-interval", "capture.sync_interval", "500ms"),
            ("dbs[1].replicas[0].retention", "capture.retention", "72h"),
        ]
    );
    assert_eq!(
        keys(&plan.no_effect),
        [
            "addr",
            "dbs[0].max-checkpoint-page-count",
            "dbs[0].replicas[0].name",
            "dbs[0].replicas[0].retention-check-interval",
            "dbs[0].replicas[0].validation-interval"
        ]
    );
    assert_eq!(keys(&plan.not_supported), ["dbs[0].replicas[1]", "dbs[1].replicas[0]"]);
    assert!(
        plan.warnings[0]
            .starts_with("`capture.retention` holds for all databases: of the values in the file, `10d`")
    );
    assert_eq!(
        settings(&plan),
        [
            "store.bucket=office",
            "store.endpoint=https://s3.eu-central-1.amazonaws.com",
            "store.region=eu-central-1",
            "capture.sync_interval=500ms",
            "capture.snapshot_interval=12h",
            "capture.retention=10d"
        ]
    );
    let config = applied(&plan);
    assert_eq!(config.databases.len(), 2);
    assert_eq!(config.store.bucket.as_str(), "office");
}

#[test]
fn no_secret_is_shown_or_written() {
    let plan = adopt(V3);
    for text in [format!("{plan:?}"), serde_json::to_string(&plan).unwrap(), plan.edit(SAMPLE).unwrap()] {
        assert!(!text.contains("TOPSECRET") && !text.contains("AKIAEXAMPLE"), "{text}");
    }
}

#[test]
fn a_file_of_v0_5_is_taken_over() {
    let plan = adopt(
        "
logging: {level: debug}
socket: {enabled: true}
levels: [{interval: 1m}]
snapshot: {interval: 6h, retention: 168h}
l0-retention: 2h
validation: {interval: 1h}
retention: {enabled: false}
sync-interval: 2s
unheard-of: 1
dbs:
  - path: sqlite:///data/orders.db
    meta-path: /var/meta
    monitor-interval: 250ms
    checkpoint-interval: 30s
    busy-timeout: 2s
    min-checkpoint-page-count: 500
    truncate-page-n: 20000
    restore-if-db-not-exists: true
    replica:
      type: s3
      bucket: office
      path: orders
      endpoint: http://nas:9000
      force-path-style: true
      skip-verify: false
      auto-recover: true
      part-size: 10MB
",
    );
    assert_eq!(
        translated(&plan),
        [
            ("snapshot.interval", "capture.snapshot_interval", "6h"),
            ("snapshot.retention", "capture.retention", "7d"),
            ("l0-retention", "capture.l0_retention", "2h"),
            ("sync-interval", "capture.sync_interval", "2s"),
            ("dbs[0].monitor-interval", "capture.sync_interval", "250ms"),
            ("dbs[0].checkpoint-interval", "capture.checkpoint_interval", "30s"),
            ("dbs[0].busy-timeout", "capture.busy_timeout", "2s"),
            ("dbs[0].min-checkpoint-page-count", "capture.min_checkpoint_pages", "500"),
            ("dbs[0].truncate-page-n", "capture.max_wal", "79MiB"),
        ]
    );
    assert_eq!(
        keys(&plan.not_supported),
        ["levels", "retention.enabled", "dbs[0].restore-if-db-not-exists", "dbs[0].replica.auto-recover"]
    );
    assert_eq!(
        keys(&plan.no_effect),
        [
            "logging",
            "socket",
            "validation.interval",
            "unheard-of",
            "dbs[0].meta-path",
            "dbs[0].replica.part-size"
        ]
    );
    let config = applied(&plan);
    assert_eq!(config.capture.sync_interval.as_millis(), 250);
    assert_eq!(config.store.endpoint.unwrap().as_str(), "http://nas:9000");
    assert!(
        plan.warnings
            .iter()
            .any(|w| w == "the keys for `http://nas:9000` are neither in the file nor in the environment")
    );
}

#[test]
fn keys_and_values_that_meant_nothing_are_told() {
    let plan = adopt(
        "retention: 24h\ndbs: [{path: /a.db, monitor-interval: 10, replica: {path: /b, sync-interval: 1ms}}]\n",
    );
    assert_eq!(keys(&plan.no_effect), ["retention"]);
    assert_eq!(
        plan.not_supported.iter().map(|n| (n.key.as_str(), n.why.as_str())).collect::<Vec<_>>()[..2],
        [
            ("dbs[0].monitor-interval", "`10` is no value that Litestream can use"),
            (
                "dbs[0].replica",
                "`file` is no S3 service: history begins anew in the store; this backup stays as it is: `file:///b`"
            ),
        ]
    );
    assert_eq!(plan.not_supported[2].key, "dbs[0].replica.sync-interval");
    assert_eq!(plan.not_supported[2].why, "`capture.sync_interval` must be from `100ms` to `1h`");
    assert!(plan.store.is_none());
    applied(&plan);
}

#[test]
fn values_that_do_not_fit_together_are_moved_and_told() {
    let plan = adopt(
        "dbs: [{path: /a.db, min-checkpoint-page-count: 200000, replica: {path: /b, retention: 30m}}]\n",
    );
    assert_eq!(
        plan.warnings[..3],
        [
            "`capture.snapshot_interval` is set to `30m`, so that it fits the other values",
            "`capture.l0_retention` is set to `30m`, so that it fits the other values",
            "`capture.max_wal` is set to `1572MiB`, so that it fits the other values",
        ]
    );
    applied(&plan);
    let plan = adopt("snapshot: {interval: 48h, retention: 24h}\ndbs: [{path: /a.db}]\n");
    assert_eq!(plan.warnings[0], "`capture.retention` is set to `48h`, so that it fits the other values");
    applied(&plan);
}

#[test]
fn one_store_serves_all_databases() {
    let replica = |bucket: &str, key: &str| {
        format!(
            "{{type: s3, bucket: {bucket}, endpoint: 'http://nas:9000', access-key-id: {key}, secret-access-key: s}}"
        )
    };
    let dbs = [("a", "one", "k"), ("b", "one", "k"), ("c", "two", "k"), ("d", "one", "other")];
    let dbs =
        dbs.map(|(name, bucket, key)| format!("{{path: /{name}.db, replica: {}}}", replica(bucket, key)));
    let plan = adopt(&format!("dbs: [{}]\n", dbs.join(", ")));
    assert_eq!(plan.store.as_ref().unwrap().bucket.as_str(), "one");
    assert_eq!(keys(&plan.not_supported), ["dbs[2].replica", "dbs[3].replica"]);
    assert_eq!(plan.databases.len(), 4);
}

#[test]
fn a_bucket_that_is_none_leads_to_the_bundled_store() {
    let plan = adopt("dbs: [{path: /a.db, replica: {type: s3, bucket: My_Bucket}}]\n");
    assert!(plan.store.is_none());
    assert!(plan.not_supported[0].why.starts_with("`My_Bucket` is not a bucket"), "{:?}", plan.not_supported);
    assert!(applied(&plan).store.endpoint.is_none());
}

#[test]
fn folders_are_searched_and_names_stay_unique() {
    let folder = tempfile::tempdir().unwrap();
    let database = |name: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"SQLite format 3\0").unwrap();
    };
    database("orders.db");
    database("2025/orders.db");
    database("2026/orders.db");
    std::fs::write(folder.path().join("notes.db"), b"text").unwrap();
    let dir = folder.path().display();
    let plan = adopt(&format!(
        "dbs: [{{dir: '{dir}', pattern: '*.db', recursive: yes, watch: true, replica: {{type: s3, bucket: all, path: p}}}}, \
         {{path: '{dir}/orders.db'}}]\n"
    ));
    let mut names: Vec<_> = plan.databases.iter().map(|d| d.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["orders", "orders-2", "orders-3"]);
    assert!(plan.databases[0].backups[0].starts_with("s3://all/p/2025/orders.db?"), "{:?}", plan.databases);
    assert_eq!(keys(&plan.not_supported), ["dbs[0].watch"]);
    assert!(
        plan.warnings.iter().any(|w| w.ends_with("is listed twice and taken once")),
        "{:?}",
        plan.warnings
    );
    assert_eq!(applied(&plan).databases.len(), 3);

    let empty = adopt(&format!("dbs: [{{dir: '{dir}', pattern: '*.sqlite'}}]\n"));
    assert!(empty.databases.is_empty() && empty.warnings[0].ends_with("matches `*.sqlite`"));
}

#[test]
fn what_can_not_be_taken_over_is_refused_with_a_way_out() {
    let age = refused("dbs: [{path: /a.db, replicas: [{url: 's3://b/p', age: {recipients: [x]}}]}]\n");
    assert_eq!(age[0].code, ErrorCode::Unsupported);
    assert_eq!(
        age[0].message,
        format!(
            "`{FILE}`: `dbs[0].replicas[0].age` can't be taken over: history is not encrypted here, and Litestream 0.5 \
             can't restore what is encrypted with age"
        )
    );
    assert!(age[0].hint.is_some());
    for (text, message) in [
        ("", "`F`: `dbs` is missing"),
        ("- a\n", "`F`: `dbs` is missing"),
        ("dbs: 5\n", "`F`: `dbs` is not a list"),
        ("dbs: [{replica: {path: /b}}]\n", "`F`: `dbs[0]` needs either `path` or `dir`"),
        ("dbs: [{dir: /d}]\n", "`F`: `dbs[0]` has `dir` without `pattern`"),
        ("dbs: [{path: ~/a.db}]\n", "`F`: `dbs[0]` begins with `~`, and there is no home folder: `~/a.db`"),
        (
            "dbs:\n  - path: [\n",
            "`F:3:1`: not valid YAML: while parsing a node, did not find expected node content",
        ),
        ("dbs: []\ndbs: []\n", "`F:2:1`: not valid YAML: `dbs` stands there twice"),
    ] {
        let problems = refused(text);
        assert_eq!(problems.len(), 1, "{text}: {problems:?}");
        assert_eq!(problems[0].message.replace(FILE, "F"), message, "{text}");
    }
    let gone = refused("dbs: [{dir: /no/such/folder, pattern: '*'}]\n");
    assert_eq!((gone[0].code, gone[0].causes.len()), (ErrorCode::Io, 1));
}

#[cfg(unix)]
#[test]
fn a_path_that_depends_on_the_start_is_told() {
    let plan = adopt("dbs: [{path: orders.db, replica: {path: /b, age: {}}}]\n");
    assert_eq!(plan.databases[0].path, Path::new("/etc/orders.db"));
    assert_eq!(
        plan.warnings[0],
        "`dbs[0]`: `orders.db` is looked for in `/etc`; Litestream looks where it is started"
    );
}

#[test]
fn variables_without_a_value_are_told() {
    let plan = adopt("dbs: [{path: /a.db, replica: {type: s3, bucket: $BUCKET}}]\n");
    assert_eq!(
        plan.warnings[0],
        "`$BUCKET` has no value here and counts as empty; the old service may have had one"
    );
}

#[test]
fn the_folder_of_a_foreign_litestream_is_known() {
    assert_eq!(metadata_folder(Path::new("/data/orders.db")), Path::new("/data/.orders.db-litestream"));
    assert_eq!(metadata_folder(Path::new("orders")), Path::new(".orders-litestream"));
}
