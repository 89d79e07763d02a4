//! The first 100 and the last 16 bytes of an LTX file.

use jiff::Timestamp;
use sqlite_replicate_api::Txid;

use super::LtxError;

/// Length of a header, in bytes.
pub const HEADER_SIZE: usize = 100;
/// Length of a trailer, in bytes.
pub const TRAILER_SIZE: usize = 16;

const MAGIC: [u8; 4] = *b"LTX1";
const FLAG_NO_CHECKSUM: u32 = 1 << 1;
/// Set in each checksum of the format, so that none is ever zero.
pub(super) const CHECKSUM_FLAG: u64 = 1 << 63;
/// Where SQLite's lock bytes lie; the page that holds them is never used (`PENDING_BYTE` of SQLite's file
/// format).
const LOCK_BYTE: u32 = 0x4000_0000;

/// What a file says of itself. **Not proved by itself**: only a file that was read to its end is (see
/// [`super::verify`]).
///
/// Layout (offset in bytes): magic 0, flags 4, page size 8, commit 12, min 16, max 24, timestamp 32,
/// pre-apply checksum 40, WAL offset 48, WAL size 56, WAL salts 64 and 68, node 72, zeros 80 … 99.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whether the file carries checksums of the whole database. Files of Litestream don't (0.5.18).
    pub has_database_checksums: bool,
    /// Bytes per page: a power of two, 512 … 65536.
    pub page_size: u32,
    /// Size of the database after the last transaction of the file, in pages; at least 1.
    pub commit: u32,
    /// First transaction; at least 1.
    pub min: Txid,
    /// Last transaction.
    pub max: Txid,
    /// When Litestream captured the last transaction, to the millisecond, by the clock of the writer.
    /// Compaction keeps it; but for a snapshot (level 9) it is when the snapshot was made.
    pub timestamp: Timestamp,
    /// Checksum of the database before the first transaction; 0 without database checksums and for snapshots.
    pub pre_apply_checksum: u64,
    /// Where in the `-wal` file the captured frames begin, in bytes; 0 in compacted files.
    pub wal_offset: u64,
    /// Length of the captured frames, in bytes.
    pub wal_size: u64,
    /// Salts of that `-wal` file's header; 0 in compacted files.
    pub wal_salts: [u32; 2],
    /// The writer; 0 in files of Litestream.
    pub node: u64,
}

impl Header {
    /// Reads a header from a file's first bytes; more than [`HEADER_SIZE`] are allowed and ignored.
    ///
    /// # Errors
    /// [`LtxError::Truncated`], [`LtxError::BadMagic`], and [`LtxError::BadHeader`] for everything that the
    /// format forbids.
    pub fn parse(bytes: &[u8]) -> Result<Self, LtxError> {
        let Some((bytes, _)) = bytes.split_first_chunk::<HEADER_SIZE>() else {
            return Err(LtxError::Truncated { at: bytes.len() as u64 });
        };
        if bytes[..4] != MAGIC {
            return Err(LtxError::BadMagic);
        }
        let flags = be32(bytes, 4);
        if flags & !FLAG_NO_CHECKSUM != 0 {
            return Err(LtxError::BadHeader("unknown flags"));
        }
        if bytes[80..].iter().any(|b| *b != 0) {
            return Err(LtxError::BadHeader("reserved bytes are used"));
        }
        let timestamp = Timestamp::from_millisecond(be64(bytes, 32).cast_signed())
            .map_err(|_| LtxError::BadHeader("impossible timestamp"))?;
        let header = Self {
            has_database_checksums: flags & FLAG_NO_CHECKSUM == 0,
            page_size: be32(bytes, 8),
            commit: be32(bytes, 12),
            min: Txid(be64(bytes, 16)),
            max: Txid(be64(bytes, 24)),
            timestamp,
            pre_apply_checksum: be64(bytes, 40),
            wal_offset: be64(bytes, 48),
            wal_size: be64(bytes, 56),
            wal_salts: [be32(bytes, 64), be32(bytes, 68)],
            node: be64(bytes, 72),
        };
        header.check()?;
        Ok(header)
    }

    fn check(&self) -> Result<(), LtxError> {
        let wrong = |what| Err(LtxError::BadHeader(what));
        if !(512..=65536).contains(&self.page_size) || !self.page_size.is_power_of_two() {
            return wrong("impossible page size");
        }
        if self.commit == 0 {
            return wrong("a database without pages");
        }
        if self.min == Txid(0) || self.min > self.max {
            return wrong("impossible transactions");
        }
        // The format keeps both as signed numbers.
        let signed = |n: u64| i64::try_from(n).is_ok();
        let end = self.wal_offset.checked_add(self.wal_size);
        if !signed(self.wal_offset) || !signed(self.wal_size) || !end.is_some_and(signed) {
            return wrong("impossible place in the WAL");
        }
        if self.wal_offset == 0 && (self.wal_size != 0 || self.wal_salts != [0, 0]) {
            return wrong("a part of a WAL without its place");
        }
        let expects_checksum = self.has_database_checksums && !self.is_snapshot();
        if expects_checksum != (self.pre_apply_checksum != 0) {
            return wrong("checksum before the transactions");
        }
        if expects_checksum && self.pre_apply_checksum & CHECKSUM_FLAG == 0 {
            return wrong("malformed checksum before the transactions");
        }
        Ok(())
    }

    /// Whether the file begins with the first transaction, and so must hold every page of the database: all
    /// of level 9, and what was compacted from the first transaction on.
    pub fn is_snapshot(&self) -> bool {
        self.min == Txid(1)
    }

    /// How far in the `-wal` file this file has captured, in bytes; 0 in compacted files.
    pub fn wal_end(&self) -> u64 {
        self.wal_offset + self.wal_size
    }

    /// Size of the database after the last transaction, in bytes.
    pub fn database_size(&self) -> u64 {
        u64::from(self.commit) * u64::from(self.page_size)
    }

    /// How many pages a file must have that holds the whole database: all but the lock page.
    pub fn pages_of_whole_database(&self) -> u32 {
        self.commit - u32::from(self.commit >= lock_page(self.page_size))
    }
}

/// The page that SQLite never uses because its locks lie there, for a page size in bytes.
pub fn lock_page(page_size: u32) -> u32 {
    LOCK_BYTE / page_size.max(1) + 1
}

/// The end of a file: what its content must add up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trailer {
    /// Checksum of the database after the last transaction; 0 without database checksums.
    pub post_apply_checksum: u64,
    /// CRC-64/ISO of the file up to here, pages decompressed, with the highest bit set.
    pub file_checksum: u64,
}

impl Trailer {
    /// Reads a trailer and checks its form; whether the checksum is right is the decoder's to say.
    pub(super) fn parse(bytes: &[u8; TRAILER_SIZE], header: &Header) -> Result<Self, LtxError> {
        let trailer = Self { post_apply_checksum: be64(bytes, 0), file_checksum: be64(bytes, 8) };
        if trailer.file_checksum & CHECKSUM_FLAG == 0 {
            return Err(LtxError::BadTrailer("malformed checksum"));
        }
        let flagged = trailer.post_apply_checksum & CHECKSUM_FLAG != 0;
        if flagged != header.has_database_checksums || (!flagged && trailer.post_apply_checksum != 0) {
            return Err(LtxError::BadTrailer("checksum after the transactions"));
        }
        Ok(trailer)
    }
}

pub(super) fn be32(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().fold(0, |n, b| n << 8 | u32::from(*b))
}

pub(super) fn be64(bytes: &[u8], at: usize) -> u64 {
    bytes[at..at + 8].iter().fold(0, |n, b| n << 8 | u64::from(*b))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Transactions 2 … 5 of a database of 7 pages of 4096 bytes.
    fn sample() -> [u8; HEADER_SIZE] {
        let mut bytes = [0; HEADER_SIZE];
        bytes[..4].copy_from_slice(b"LTX1");
        bytes[7] = 2;
        bytes[10] = 0x10;
        bytes[15] = 7;
        bytes[23] = 2;
        bytes[31] = 5;
        bytes[32..40].copy_from_slice(&1_700_000_000_123_i64.to_be_bytes());
        bytes[55] = 32;
        bytes[62..64].copy_from_slice(&4120_u16.to_be_bytes());
        bytes[64..72].copy_from_slice(&[0, 0, 0, 1, 0, 0, 0, 2]);
        bytes
    }

    #[test]
    fn every_field_is_read() {
        let header = Header::parse(&sample()).unwrap();
        let expected = Header {
            has_database_checksums: false,
            page_size: 4096,
            commit: 7,
            min: Txid(2),
            max: Txid(5),
            timestamp: Timestamp::from_millisecond(1_700_000_000_123).unwrap(),
            pre_apply_checksum: 0,
            wal_offset: 32,
            wal_size: 4120,
            wal_salts: [1, 2],
            node: 0,
        };
        assert_eq!(header, expected);
        assert_eq!((header.wal_end(), header.database_size()), (4152, 28672));
        assert!(!header.is_snapshot());
    }

    #[test]
    fn nothing_that_the_format_forbids_is_taken() {
        let changed: [(&str, usize, &[u8]); 15] = [
            ("magic", 0, b"MTX1"),
            ("version", 3, b"2"),
            ("flags", 7, &[1]),
            ("page size not a power of two", 8, &[0, 0, 0x10, 1]),
            ("page size too small", 8, &[0, 0, 1, 0]),
            ("page size too big", 8, &[0, 2, 0, 0]),
            ("no pages", 15, &[0]),
            ("no first transaction", 23, &[0]),
            ("last before first", 31, &[1]),
            ("timestamp", 32, &[0x7f]),
            ("checksum without the flag for it", 47, &[1]),
            ("negative place in the WAL", 48, &[0x80]),
            ("WAL place that overflows", 48, &[0x7f, 255, 255, 255, 255, 255, 255, 255]),
            ("WAL part without its place", 55, &[0]),
            ("reserved bytes", 99, &[1]),
        ];
        for (what, at, bytes) in changed {
            let mut header = sample();
            header[at..at + bytes.len()].copy_from_slice(bytes);
            assert!(Header::parse(&header).is_err(), "{what}");
        }
        for length in 0..HEADER_SIZE {
            let error = Header::parse(&sample()[..length]).unwrap_err();
            assert!(matches!(error, LtxError::Truncated { at } if at == length as u64));
        }
    }

    #[test]
    fn database_checksums_are_there_if_the_flags_say_so() {
        let mut header = sample();
        header[7] = 0;
        assert!(Header::parse(&header).is_err(), "missing");
        header[47] = 1;
        assert!(Header::parse(&header).is_err(), "malformed");
        header[40] = 0x80;
        assert!(Header::parse(&header).unwrap().has_database_checksums);
        header[23] = 1;
        assert!(Header::parse(&header).is_err(), "a snapshot has nothing before it");
    }

    #[test]
    fn the_lock_page_is_left_out_of_a_whole_database() {
        assert_eq!(lock_page(4096), 262_145);
        assert_eq!(lock_page(65536), 16385);
        let mut header = Header::parse(&sample()).unwrap();
        assert_eq!(header.pages_of_whole_database(), 7);
        for (commit, pages) in [(262_144, 262_144), (262_145, 262_144), (262_146, 262_145)] {
            header.commit = commit;
            assert_eq!(header.pages_of_whole_database(), pages);
        }
    }
}
