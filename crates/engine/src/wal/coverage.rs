//! What the end of a WAL and the headers of Litestream's files prove together.

use super::WalEnd;
use super::frames::HEADER;
use crate::ltx;

/// Whether everything committed is in Litestream's files. See [`captured_covers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Everything that was committed at the poll is captured.
    Complete,
    /// Commits are missing in the files: these bytes of the WAL. (Some may be Litestream's own, see
    /// [`captured_covers`].)
    Behind {
        /// Bytes of committed frames.
        bytes: u64,
    },
    /// The WAL was started again, cut or deleted since: nothing of it is captured, and the files don't prove
    /// that the end of what was there before is.
    Restarted {
        /// Bytes of committed frames in the new WAL.
        bytes: u64,
    },
    /// The poll was not finished: poll again.
    Unsettled,
}

impl Coverage {
    /// Whether it is proved that everything is captured.
    pub fn is_complete(self) -> bool {
        self == Self::Complete
    }
}

/// Compares the end of the WAL with the header of the **newest file in Litestream's local `ltx/0` folder**,
/// read **after** the poll: then [`Coverage::Complete`] proves that everything committed when the poll began
/// is in Litestream's files, on one condition, below.
///
/// Why: the header of a level-0 file names the salts of the WAL from which it was captured and how far it
/// went (`WALOffset + WALSize`, always the end of a commit). Salts are random, so equal salts mean the same
/// WAL, and Litestream captures a WAL from its beginning without leaving anything out. While it runs it keeps
/// a read transaction open, so nobody else can start the WAL again, and it does so itself only with the write
/// lock held, or with a whole copy of the database after. So equal salts and an end that is not behind ours
/// leave nothing out.
///
/// **The condition**: the first file that each Litestream process writes must follow on the last of the
/// process before. [`succession`] tells, and [`Succession::NewWal`] is not enough: Litestream 0.5.18 then
/// leaves out, without a word, what was committed **and checkpointed while it was down**, if the new WAL is
/// shorter than the old one was (tried; the defect is pinned by a test). So, before Litestream is started: if
/// this function says [`Coverage::Restarted`], run `PRAGMA wal_checkpoint(TRUNCATE)`, which makes it begin
/// with a whole copy; and look at the first file that it writes, because a program can start the WAL again
/// until Litestream holds it: at `NewWal`, stop it, cut the WAL and start it again.
///
/// The other cases:
/// - **Other salts** (somebody started the WAL again, e.g. while Litestream was down):
///   [`Coverage::Restarted`], also if the new WAL is empty, because commits of the old one that came after
///   the header can be in the database file alone.
/// - **No WAL** (deleted by the last close, or cut to nothing): the same.
/// - **Equal salts and nothing committed yet**: the file began as a whole copy of the database, taken when
///   the WAL was empty: complete.
/// - **Further than our end**: the poll is older than the file: complete, for the moment of the poll.
/// - **Litestream's own commits**: it counts up a row in `_litestream_seq` after each checkpoint; these
///   frames are in the WAL like any others, and are captured up to one monitor interval (1 s) later. So an
///   idle database can be `Behind` for that long after a checkpoint; it can't be told apart from a program's
///   commit, and `Behind` is the safe answer.
/// - **Files of other levels** have no salts, or (snapshots) don't say that level 0 has as much: don't pass
///   them.
pub fn captured_covers(newest: &ltx::Header, end: &WalEnd) -> Coverage {
    let committed = end.offset.saturating_sub(HEADER as u64);
    if end.more {
        Coverage::Unsettled
    } else if end.page_size == 0 || newest.wal_offset == 0 || newest.wal_salts != end.salts {
        Coverage::Restarted { bytes: committed }
    } else if newest.wal_end() >= end.offset {
        Coverage::Complete
    } else {
        Coverage::Behind { bytes: end.offset - newest.wal_end() }
    }
}

/// How a level-0 file goes on from the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Succession {
    /// From the same WAL, from where the other ended: nothing is left out.
    SameWal,
    /// With a whole copy of the database: nothing is left out.
    WholeDatabase,
    /// From another WAL. Nothing is left out only if one and the same Litestream process wrote both; see
    /// [`captured_covers`].
    NewWal,
}

/// Tells how a level-0 file goes on from the one before it (by transaction).
pub fn succession(before: &ltx::Header, file: &ltx::Verified) -> Succession {
    let header = &file.header;
    if file.is_whole_database() {
        Succession::WholeDatabase
    } else if header.wal_salts == before.wal_salts && header.wal_offset == before.wal_end() {
        Succession::SameWal
    } else {
        Succession::NewWal
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use sqlite_replicate_api::Txid;

    use super::*;

    /// A file that captured bytes of a WAL of 4096-byte pages.
    fn header(wal_salts: [u32; 2], wal_offset: u64, wal_size: u64) -> ltx::Header {
        ltx::Header {
            has_database_checksums: false,
            page_size: 4096,
            commit: 9,
            min: Txid(5),
            max: Txid(5),
            timestamp: Timestamp::UNIX_EPOCH,
            pre_apply_checksum: 0,
            wal_offset,
            wal_size,
            wal_salts,
            node: 0,
        }
    }

    fn end(salts: [u32; 2], offset: u64) -> WalEnd {
        let page_size = if salts == [0, 0] { 0 } else { 4096 };
        WalEnd { generation: 1, salts, offset, commits: 1, page_size, database_pages: 9, more: false }
    }

    #[test]
    fn complete_needs_the_same_wal_and_at_least_its_end() {
        let salts = [1, 2];
        let reached = header(salts, 4152, 8240);
        let covers = |offset| captured_covers(&reached, &end(salts, offset));
        assert_eq!(covers(12392), Coverage::Complete);
        assert_eq!(covers(8272), Coverage::Complete, "the poll is older than the file");
        assert_eq!(covers(16512), Coverage::Behind { bytes: 4120 });
        // A whole copy, made when the WAL had nothing in it.
        assert_eq!(captured_covers(&header(salts, 32, 0), &end(salts, 0)), Coverage::Complete);
        assert_eq!(
            captured_covers(&header(salts, 32, 0), &end(salts, 4152)),
            Coverage::Behind { bytes: 4120 }
        );
    }

    #[test]
    fn another_wal_proves_nothing() {
        let reached = header([1, 2], 32, 41200);
        let covers = |end: WalEnd| captured_covers(&reached, &end);
        for salts in [[1, 3], [2, 2]] {
            assert_eq!(covers(end(salts, 4152)), Coverage::Restarted { bytes: 4120 });
            assert_eq!(covers(end(salts, 0)), Coverage::Restarted { bytes: 0 }, "a header and nothing else");
        }
        assert_eq!(covers(end([0, 0], 0)), Coverage::Restarted { bytes: 0 }, "no WAL");
        // A compacted file has no salts either.
        assert_eq!(captured_covers(&header([0, 0], 0, 0), &end([0, 0], 0)), Coverage::Restarted { bytes: 0 });
    }

    #[test]
    fn an_unfinished_poll_proves_nothing() {
        let unfinished = WalEnd { more: true, ..end([1, 2], 4152) };
        assert_eq!(captured_covers(&header([1, 2], 32, 4120), &unfinished), Coverage::Unsettled);
        assert!(!Coverage::Unsettled.is_complete() && Coverage::Complete.is_complete());
    }

    #[test]
    fn a_file_follows_where_the_other_ended_or_with_everything() {
        let before = header([1, 2], 32, 4120);
        let file = |header: ltx::Header, pages| {
            let trailer = ltx::Trailer { post_apply_checksum: 0, file_checksum: 1 << 63 };
            ltx::Verified { header, trailer, pages, bytes: 1000 }
        };
        let follows = |header, pages| succession(&before, &file(header, pages));
        assert_eq!(follows(header([1, 2], 4152, 4120), 1), Succession::SameWal);
        assert_eq!(follows(header([1, 2], 32, 8240), 1), Succession::NewWal, "not where it ended");
        assert_eq!(follows(header([1, 3], 32, 4120), 8), Succession::NewWal);
        assert_eq!(follows(header([1, 3], 32, 4120), 9), Succession::WholeDatabase);
    }
}
