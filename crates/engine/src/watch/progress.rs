//! How far the commits of one database have come: committed → captured → stored. Pure bookkeeping, no I/O.
//!
//! A commit is known by where it ends in the write-ahead log ([`WalEnd`]). Litestream's newest file says up to where in
//! which log it captured; the store says which of these files it has. So each commit is followed by its place, never by
//! what a program claims.

use std::collections::VecDeque;

use jiff::Timestamp;
use sqlite_replicate_api::Txid;

use crate::ltx::Header;
use crate::wal::WalEnd;

/// Entries kept of each kind. Beyond, neighbours are merged, so that a long outage costs no memory; a merged entry has
/// the older time and the later end, so lag is never told too small.
const ENTRIES: usize = 512;

/// Commits seen at one look: none of them is older than `at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen<T> {
    at: Timestamp,
    end: T,
}

/// How far the commits of one database have come. It begins with nothing known: whatever the log holds at the first look
/// counts as committed then, and as captured never.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    end: Option<WalEnd>,
    /// Committed, not captured; oldest first.
    waiting: VecDeque<Seen<WalEnd>>,
    /// Captured up to a transaction, not stored; oldest first.
    captured_waiting: VecDeque<Seen<Txid>>,
    /// The newest file that Litestream wrote.
    captured: Option<Txid>,
    stored: Option<Txid>,
    /// Whether the store has been asked at all.
    asked: bool,
    last_commit_at: Option<Timestamp>,
    /// The log's end that the newest file reaches, where that is a place in a known log.
    reached: Option<(u64, u64)>,
    /// Whether a file was ever seen that belongs to a log that we have followed: before, an empty log proves nothing.
    proven: bool,
    /// Salts of the last logs, with their generation.
    logs: VecDeque<([u32; 2], u64)>,
    looked_at: Option<Timestamp>,
}

impl Progress {
    /// A look at the log: it ends here.
    pub(crate) fn committed(&mut self, end: WalEnd, now: Timestamp) {
        if self.looked_at.replace(now).is_some_and(|before| before > now) {
            self.clock_went_back(now);
        }
        if self.logs.back().is_none_or(|(_, generation)| *generation != end.generation) {
            self.logs.push_back((end.salts, end.generation));
            if self.logs.len() > 4 {
                self.logs.pop_front();
            }
        }
        let before = self.end.replace(end);
        if before.is_some_and(|before| same_place(&before, &end)) || end.offset == 0 {
            return;
        }
        // The first look finds what was committed at any time before; only later ones are commits of now.
        if before.is_some() {
            self.last_commit_at = Some(now);
        }
        self.waiting.push_back(Seen { at: now, end });
        merge(&mut self.waiting);
        self.settle_captured();
    }

    /// Nothing has waited since a time that is yet to come.
    fn clock_went_back(&mut self, now: Timestamp) {
        self.waiting.iter_mut().for_each(|seen| seen.at = seen.at.min(now));
        self.captured_waiting.iter_mut().for_each(|seen| seen.at = seen.at.min(now));
    }

    /// Litestream wrote a file.
    pub(crate) fn captured(&mut self, header: &Header) {
        self.captured = Some(header.max);
        let generation =
            self.logs.iter().find(|(salts, _)| *salts == header.wal_salts).map(|(_, generation)| *generation);
        self.proven |= generation.is_some();
        self.reached = generation.map(|generation| (generation, header.wal_end())).or(self.reached);
        self.settle_captured();
    }

    fn settle_captured(&mut self) {
        let (Some(reached), Some(txid)) = (self.reached, self.captured) else { return };
        while let Some(first) = self.waiting.front()
            && (first.end.generation, first.end.offset) <= reached
        {
            let at = first.at;
            self.waiting.pop_front();
            self.captured_waiting.push_back(Seen { at, end: txid });
        }
        merge(&mut self.captured_waiting);
        self.settle_stored();
    }

    /// The store lists everything up to here. It may go back: then what was stored is not any more.
    pub(crate) fn stored(&mut self, txid: Option<Txid>, now: Timestamp) {
        if txid < self.stored && self.captured > txid {
            self.captured_waiting.push_front(Seen { at: now, end: self.captured.unwrap_or_default() });
        }
        self.stored = txid;
        self.asked = true;
        self.settle_stored();
    }

    fn settle_stored(&mut self) {
        while self.captured_waiting.front().is_some_and(|first| Some(first.end) <= self.stored) {
            self.captured_waiting.pop_front();
        }
    }

    /// What was found waiting at the first look may have waited since then. Later commits are known by their own times.
    pub(crate) fn backdate(&mut self, since: Timestamp) {
        if let Some(first) = self.captured_waiting.front_mut() {
            first.at = first.at.min(since);
        } else if let Some(first) = self.waiting.front_mut() {
            first.at = first.at.min(since);
        }
    }

    /// The newest transaction that Litestream captured.
    pub(crate) fn captured_txid(&self) -> Option<Txid> {
        self.captured
    }

    /// The newest transaction that the store lists.
    pub(crate) fn stored_txid(&self) -> Option<Txid> {
        self.stored
    }

    /// Whether it is known what the store has.
    pub(crate) fn is_asked(&self) -> bool {
        self.asked
    }

    /// Whether nothing is committed beyond what is captured (DESIGN §4.1).
    pub(crate) fn is_captured(&self) -> bool {
        self.proven && self.end.is_some_and(|end| !end.more) && self.waiting.is_empty()
    }

    /// Whether everything committed is stored.
    pub(crate) fn is_stored(&self) -> bool {
        self.is_captured() && self.captured_waiting.is_empty() && self.stored >= self.captured
    }

    /// Since when the oldest commit that is not stored has waited.
    pub(crate) fn waiting_since(&self) -> Option<Timestamp> {
        let first = self.captured_waiting.front().map(|seen| seen.at);
        first.or_else(|| self.waiting.front().map(|seen| seen.at))
    }

    /// When the last commit was seen.
    pub(crate) fn last_commit_at(&self) -> Option<Timestamp> {
        self.last_commit_at
    }
}

fn same_place(a: &WalEnd, b: &WalEnd) -> bool {
    (a.generation, a.offset) == (b.generation, b.offset)
}

/// Merges the two newest entries when there are too many: the oldest, which lag is told by, stays exact.
fn merge<T: Copy>(entries: &mut VecDeque<Seen<T>>) {
    while entries.len() > ENTRIES {
        if let Some(newest) = entries.pop_back()
            && let Some(before) = entries.back_mut()
        {
            before.end = newest.end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn end(generation: u64, offset: u64) -> WalEnd {
        let salt = u32::try_from(generation).unwrap();
        WalEnd {
            generation,
            salts: [salt, salt],
            offset,
            commits: 0,
            page_size: 4096,
            database_pages: 1,
            more: false,
        }
    }

    fn file(txid: u64, generation: u64, offset: u64) -> Header {
        let salt = u32::try_from(generation).unwrap();
        Header {
            has_database_checksums: false,
            page_size: 4096,
            commit: 1,
            min: Txid(txid),
            max: Txid(txid),
            timestamp: at(0),
            pre_apply_checksum: 0,
            wal_offset: 32,
            wal_size: offset - 32,
            wal_salts: [salt, salt],
            node: 0,
        }
    }

    #[test]
    fn a_commit_goes_all_the_way() {
        let mut progress = Progress::default();
        progress.committed(end(1, 100), at(10));
        assert!(!progress.is_captured());
        progress.captured(&file(1, 1, 100));
        assert!(progress.is_captured() && !progress.is_stored());
        assert_eq!(progress.waiting_since(), Some(at(10)));
        progress.stored(Some(Txid(1)), at(11));
        assert!(progress.is_stored());
        assert_eq!(progress.waiting_since(), None);
    }

    #[test]
    fn a_later_commit_waits_by_itself() {
        let mut progress = Progress::default();
        progress.committed(end(1, 100), at(10));
        progress.committed(end(1, 200), at(12));
        progress.captured(&file(1, 1, 100));
        progress.stored(Some(Txid(1)), at(13));
        assert_eq!(progress.waiting_since(), Some(at(12)));
        assert!(!progress.is_stored());
    }

    #[test]
    fn a_new_log_is_later_than_all_of_the_old_one() {
        let mut progress = Progress::default();
        progress.committed(end(1, 900), at(1));
        progress.committed(end(2, 50), at(2));
        // Litestream has read the old log to its end, and not yet the new one.
        progress.captured(&file(1, 1, 900));
        assert!(!progress.is_captured());
        progress.captured(&file(2, 2, 50));
        assert!(progress.is_captured());
    }

    #[test]
    fn a_file_about_an_unknown_log_proves_nothing() {
        let mut progress = Progress::default();
        progress.committed(end(7, 100), at(1));
        progress.captured(&file(9, 3, 5_000));
        assert!(!progress.is_captured());
    }

    #[test]
    fn what_vanishes_from_the_store_is_not_stored_any_more() {
        let mut progress = Progress::default();
        progress.committed(end(1, 100), at(1));
        progress.captured(&file(5, 1, 100));
        progress.stored(Some(Txid(5)), at(2));
        progress.stored(Some(Txid(3)), at(60));
        assert!(!progress.is_stored());
        assert_eq!(progress.waiting_since(), Some(at(60)));
    }

    #[test]
    fn a_clock_that_is_set_back_hides_no_lag() {
        let mut progress = Progress::default();
        progress.committed(end(1, 100), at(1_000));
        progress.captured(&file(1, 1, 100));
        progress.committed(end(1, 200), at(1_001));
        progress.committed(end(1, 200), at(500));
        assert_eq!(progress.waiting_since(), Some(at(500)));
        progress.stored(Some(Txid(1)), at(501));
        assert_eq!(progress.waiting_since(), Some(at(500)));
    }

    #[test]
    fn what_waits_at_a_start_has_waited_since_before_it() {
        let mut progress = Progress::default();
        progress.committed(end(1, 100), at(100));
        progress.backdate(at(40));
        progress.committed(end(1, 200), at(101));
        assert_eq!(progress.waiting_since(), Some(at(40)));
        progress.captured(&file(1, 1, 100));
        progress.stored(Some(Txid(1)), at(102));
        assert_eq!(progress.waiting_since(), Some(at(101)));
    }

    #[test]
    fn a_long_outage_costs_no_memory_and_no_truth() {
        let mut progress = Progress::default();
        for n in 1..5_000u64 {
            progress.committed(end(1, n * 10), at(n.cast_signed()));
        }
        assert!(progress.waiting.len() <= ENTRIES);
        assert_eq!(progress.waiting_since(), Some(at(1)));
        progress.captured(&file(1, 1, 49_980));
        assert!(!progress.is_captured());
        progress.captured(&file(2, 1, 49_990));
        assert!(progress.is_captured());
    }
}
