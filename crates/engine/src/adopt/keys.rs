//! What becomes of each key of Litestream's configuration, v0.3 and v0.5.

/// What becomes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The code that reads the databases and their replicas knows it.
    Read,
    /// A duration that sets this setting.
    Span(&'static str),
    /// A number that sets this setting.
    Count(&'static str),
    /// A number of pages that sets this setting, a size.
    Pages(&'static str),
    /// It changes nothing here, because.
    NoEffect(&'static str),
    /// What it asks for is not done, because.
    NotSupported(&'static str),
    /// As `NotSupported` if it has this truth value; otherwise it asks for what is done anyway.
    NotSupportedIf(bool, &'static str),
    /// Nothing can be taken over as long as it is there, because.
    Refused(&'static str),
}

use Fate::{Count, NoEffect, NotSupported, NotSupportedIf, Pages, Read, Refused, Span};

const ALWAYS_CHECKED: &str = "drills and scans check the history anyway: `verify.every`, `verify.scan_at`";
const OWN_LISTENER: &str = "`health.listen` answers for health and metrics";
const OWN_CONTROL: &str = "the bundled Litestream is controlled by SQLite Replicate";
const OWN_FOLDER: &str = "the bundled Litestream gets a folder of its own";
const FIXED: &str = "the bundled Litestream keeps its default";
const STOPPED_CLEANLY: &str = "the bundled Litestream always gets the time for its last upload";
const OF_REPLICAS: &str = "Litestream knows it within replicas alone";
const OBJECTS_AS_SENT: &str = "objects are stored as the service stores them by default";

/// Keys of the whole file. What is not here may be a key of replicas: v0.5 takes those here as defaults for all.
pub(super) const TOP: &[(&str, Fate)] = &[
    ("dbs", Read),
    ("addr", NoEffect(OWN_LISTENER)),
    ("socket", NoEffect(OWN_CONTROL)),
    ("mcp-addr", NotSupported("there is no MCP server")),
    ("exec", NotSupported("the program is not started here: start it as before, after this")),
    ("logging", NoEffect("`SQLITE_REPLICATE_LOG` says what is logged")),
    ("levels", NotSupported("history always has the levels 30 s, 5 min, 1 h")),
    ("snapshot.interval", Span("capture.snapshot_interval")),
    ("snapshot.retention", Span("capture.retention")),
    ("l0-retention", Span("capture.l0_retention")),
    ("l0-retention-check-interval", NoEffect(FIXED)),
    ("validation.interval", NoEffect(ALWAYS_CHECKED)),
    ("verify-compaction", NoEffect("compactions are always verified")),
    ("retention.enabled", NotSupportedIf(false, "history always ends after `capture.retention`")),
    (
        "heartbeat-url",
        NotSupported("nothing is called while all is well; `notify.webhook` is called when it is not"),
    ),
    ("heartbeat-interval", NoEffect("there is no heartbeat")),
    ("retention", NoEffect(OF_REPLICAS)),
    ("retention-check-interval", NoEffect(OF_REPLICAS)),
    ("snapshot-interval", NoEffect(OF_REPLICAS)),
    ("type", NoEffect(OF_REPLICAS)),
    ("path", NoEffect(OF_REPLICAS)),
    ("url", NoEffect(OF_REPLICAS)),
    ("name", NoEffect(OF_REPLICAS)),
    ("shutdown-timeout", NoEffect(STOPPED_CLEANLY)),
    ("shutdown-sync-timeout", NoEffect(STOPPED_CLEANLY)),
    ("shutdown-sync-interval", NoEffect(STOPPED_CLEANLY)),
];

/// Keys of a database.
pub(super) const DATABASE: &[(&str, Fate)] = &[
    ("path", Read),
    ("dir", Read),
    ("pattern", Read),
    ("recursive", Read),
    ("watch", NotSupportedIf(true, "files that appear in the folder later have to be added")),
    ("meta-path", NoEffect(OWN_FOLDER)),
    ("meta-dir", NoEffect(OWN_FOLDER)),
    ("snapshot.interval", Span("capture.snapshot_interval")),
    ("snapshot.retention", Span("capture.retention")),
    ("monitor-interval", Span("capture.sync_interval")),
    ("checkpoint-interval", Span("capture.checkpoint_interval")),
    ("busy-timeout", Span("capture.busy_timeout")),
    ("min-checkpoint-page-count", Count("capture.min_checkpoint_pages")),
    (
        "max-checkpoint-page-count",
        NoEffect("Litestream 0.5 does not know it; `capture.max_wal` bounds the `-wal` file"),
    ),
    ("truncate-page-n", Pages("capture.max_wal")),
    ("max-sync-wal-bytes", NoEffect(FIXED)),
    (
        "restore-if-db-not-exists",
        NotSupportedIf(true, "ask for it: `sqlite-replicate restore --if-db-not-exists`"),
    ),
    ("replica", Read),
    ("replicas", Read),
];

/// Keys of a replica, or defaults for all of them.
pub(super) const REPLICA: &[(&str, Fate)] = &[
    ("type", Read),
    ("path", Read),
    ("url", Read),
    ("bucket", Read),
    ("endpoint", Read),
    ("region", Read),
    ("access-key-id", Read),
    ("secret-access-key", Read),
    ("name", NoEffect("a database has one store, which needs no name")),
    ("sync-interval", Span("capture.sync_interval")),
    ("retention", Span("capture.retention")),
    ("snapshot-interval", Span("capture.snapshot_interval")),
    ("retention-check-interval", NoEffect("Litestream 0.5 does not know it")),
    ("validation-interval", NoEffect(ALWAYS_CHECKED)),
    ("max-sync-ltx-files", NoEffect(FIXED)),
    (
        "auto-recover",
        NotSupportedIf(true, "a damaged history is told, and healed by a scan, never by starting over"),
    ),
    ("force-path-style", NotSupportedIf(false, "buckets are addressed by path")),
    ("sign-payload", NoEffect(FIXED)),
    ("sign-accept-encoding", NoEffect(FIXED)),
    ("require-content-md5", NoEffect(FIXED)),
    ("put-object-content-md5", NoEffect(FIXED)),
    ("skip-verify", NotSupportedIf(true, "the certificate of the store has to be valid")),
    ("storage-class", NotSupported(OBJECTS_AS_SENT)),
    ("part-size", NoEffect(FIXED)),
    ("concurrency", NoEffect(FIXED)),
    ("sse-customer-algorithm", NotSupported(OBJECTS_AS_SENT)),
    ("sse-customer-key", NotSupported(OBJECTS_AS_SENT)),
    ("sse-customer-key-path", NotSupported(OBJECTS_AS_SENT)),
    ("sse-kms-key-id", NotSupported(OBJECTS_AS_SENT)),
    (
        "age",
        Refused("history is not encrypted here, and Litestream 0.5 can't restore what is encrypted with age"),
    ),
    // Of services that are not S3: the old backup's, which stays where it is.
    ("account-name", Read),
    ("account-key", Read),
    ("sas-token", Read),
    ("host", Read),
    ("user", Read),
    ("password", Read),
    ("key-path", Read),
    ("concurrent-writes", Read),
    ("host-key", Read),
    ("webdav-url", Read),
    ("webdav-username", Read),
    ("webdav-password", Read),
    ("jwt", Read),
    ("seed", Read),
    ("creds", Read),
    ("nkey", Read),
    ("username", Read),
    ("token", Read),
    ("tls", Read),
    ("root-cas", Read),
    ("client-cert", Read),
    ("client-key", Read),
    ("max-reconnects", Read),
    ("reconnect-wait", Read),
    ("timeout", Read),
];

/// Why a key that is in no table does nothing.
pub(super) const UNKNOWN: &str = "Litestream does not know it either";

/// Maps whose keys are looked up as `map.key`.
const NESTED: &[&str] = &["snapshot", "validation", "retention"];

/// The fate of a key, looked up in the tables of its level, in this order.
pub(super) fn fate(levels: &[&[(&str, Fate)]], key: &str) -> Fate {
    let rows = levels.iter().flat_map(|level| level.iter());
    rows.into_iter().find(|(name, _)| *name == key).map_or(NoEffect(UNKNOWN), |(_, fate)| *fate)
}

/// Whether the keys within this one are looked up instead of it.
pub(super) fn is_nested(key: &str) -> bool {
    NESTED.contains(&key)
}

#[cfg(test)]
mod tests {
    use sqlite_replicate_api::config::{Kind, Setting};

    use super::*;

    #[test]
    fn every_fate_names_a_setting_of_its_kind() {
        for (key, fate) in TOP.iter().chain(DATABASE).chain(REPLICA) {
            let kind = |path: &str| Setting::find(path).unwrap_or_else(|| panic!("{key}: {path}")).kind;
            match fate {
                Span(path) => assert_eq!(kind(path), Kind::Span, "{key}"),
                Count(path) => assert_eq!(kind(path), Kind::Count, "{key}"),
                Pages(path) => assert_eq!(kind(path), Kind::Size, "{key}"),
                _ => {}
            }
        }
    }

    #[test]
    fn levels_are_looked_up_in_order() {
        assert_eq!(fate(&[TOP, REPLICA], "sync-interval"), Span("capture.sync_interval"));
        assert_eq!(fate(&[DATABASE], "sync-interval"), NoEffect(UNKNOWN));
    }
}
