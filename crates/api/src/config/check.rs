//! Relations between settings: values that are fine alone and wrong together.

use super::{Capture, Config};

/// Two settings that don't fit together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The settings, `section.key`, the one to blame first. A message points to the first of them that somebody set.
    pub settings: &'static [&'static str],
    /// One sentence without a final period.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// SQLite's usual page size; the true one is known only once the database is open.
const USUAL_PAGE: u32 = 4096;

impl Config {
    /// The settings that don't fit together; none in a good configuration.
    pub fn conflicts(&self) -> Vec<Conflict> {
        let mut found = self.store_conflicts();
        found.extend(self.capture.conflicts());
        found
    }

    fn store_conflicts(&self) -> Vec<Conflict> {
        let mut found = Vec::new();
        let store = &self.store;
        if store.endpoint.is_some() && store.data_dir.is_some() {
            found.push(Conflict {
                settings: &["store.data_dir", "store.endpoint"],
                message: "`store.data_dir` has no effect together with `store.endpoint`".to_owned(),
                hint: "keep `endpoint` to use that S3 service, or `data_dir` to use the bundled MinIO"
                    .to_owned(),
            });
        }
        if store.endpoint.is_none() && store.region.is_some() {
            found.push(Conflict {
                settings: &["store.region"],
                message: "`store.region` has no effect without `store.endpoint`".to_owned(),
                hint: "remove `region`: the bundled MinIO has none".to_owned(),
            });
        }
        found
    }
}

impl Capture {
    fn conflicts(&self) -> Vec<Conflict> {
        let mut found = Vec::new();
        if self.retention < self.snapshot_interval {
            found.push(Conflict {
                settings: &["capture.retention", "capture.snapshot_interval"],
                message: format!(
                    "`capture.retention` is `{}`, shorter than `capture.snapshot_interval` with `{}`",
                    self.retention, self.snapshot_interval
                ),
                hint: "a restore starts from a snapshot: keep history for at least one `snapshot_interval`"
                    .to_owned(),
            });
        }
        if self.retention < self.l0_retention {
            found.push(Conflict {
                settings: &["capture.l0_retention", "capture.retention"],
                message: format!(
                    "`capture.l0_retention` is `{}`, longer than `capture.retention` with `{}`",
                    self.l0_retention, self.retention
                ),
                hint:
                    "single transactions are part of the history: lower `l0_retention` or raise `retention`"
                        .to_owned(),
            });
        }
        if self.max_wal.bytes() / (u64::from(USUAL_PAGE) + 24) <= u64::from(self.min_checkpoint_pages) {
            found.push(Conflict {
                settings: &["capture.max_wal", "capture.min_checkpoint_pages"],
                message: format!(
                    "`capture.max_wal` is `{}`, less than the {} pages of `capture.min_checkpoint_pages`",
                    self.max_wal, self.min_checkpoint_pages
                ),
                hint: "writers would be held up at every checkpoint: raise `max_wal` or lower `min_checkpoint_pages`"
                    .to_owned(),
            });
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ByteSize, HostName, Span};
    use super::*;

    fn blamed(change: impl Fn(&mut Config)) -> Vec<&'static str> {
        let mut config = Config::new(HostName::nearest("HOST-A"));
        change(&mut config);
        config.conflicts().into_iter().map(|conflict| conflict.settings[0]).collect()
    }

    #[test]
    fn the_defaults_fit_together() {
        assert!(blamed(|_| {}).is_empty());
    }

    #[test]
    fn each_relation_is_checked_at_its_edge() {
        assert_eq!(blamed(|c| c.capture.retention = Span::hours(23)), ["capture.retention"]);
        assert!(blamed(|c| c.capture.retention = Span::hours(24)).is_empty());
        assert_eq!(blamed(|c| c.capture.l0_retention = Span::hours(73)), ["capture.l0_retention"]);
        assert!(blamed(|c| c.capture.l0_retention = Span::hours(72)).is_empty());
        assert_eq!(blamed(|c| c.capture.max_wal = ByteSize::mebibytes(3)), ["capture.max_wal"]);
        assert!(blamed(|c| c.capture.max_wal = ByteSize::mebibytes(4)).is_empty());
        assert_eq!(blamed(|c| c.store.region = "eu".parse().ok()), ["store.region"]);
        let endpoint = |c: &mut Config| c.store.endpoint = "http://nas:9000".parse().ok();
        assert!(blamed(endpoint).is_empty());
        let both = |c: &mut Config| {
            endpoint(c);
            c.store.data_dir = Some("/srv/store".into());
        };
        assert_eq!(blamed(both), ["store.data_dir"]);
    }

    #[test]
    fn the_wal_limit_in_pages_follows_the_page_size() {
        let capture = Capture { max_wal: ByteSize::mebibytes(64), ..Capture::default() };
        assert_eq!(capture.truncate_pages(4096), 16_288);
        assert_eq!(capture.truncate_pages(65_536), 1023);
        // Large pages: still above the ordinary checkpoint.
        let capture = Capture { max_wal: ByteSize::mebibytes(8), ..Capture::default() };
        assert_eq!(capture.truncate_pages(65_536), 1001);
        let capture = Capture { max_wal: ByteSize::new(u64::MAX), ..Capture::default() };
        assert_eq!(capture.truncate_pages(512), i32::MAX as u32);
        let capture = Capture { min_checkpoint_pages: u32::MAX, ..capture };
        assert_eq!(capture.truncate_pages(512), i32::MAX as u32);
    }
}
