//! How far the `-wal` file of a database has been committed: Litestream's word is not enough (DESIGN §4.1).
//!
//! **Never open the database file itself, nor `-shm`, here**: POSIX drops all locks that a process has on a
//! file when it closes any handle of it, those of SQLite's connections included. SQLite takes no locks on the
//! `-wal` file, so that one can be read freely. It is opened anew at each poll: an open handle would keep
//! Windows from replacing a deleted file.
//!
//! # The file
//! A header of 32 bytes (magic, version, page size, sequence, two salts, checksum), then frames: a header of
//! 24 bytes (page number, size of the database after commit or 0, the two salts, checksum) and a page. Each
//! checksum continues the one before, so a frame is valid only if all before it are. A frame with a database
//! size ends a transaction: what follows the last of them is not committed, may be rolled back and
//! overwritten. When everything has been copied into the database, the next writer starts the file again: new
//! salts in the header, frames from the beginning, older ones behind them. Source: SQLite's file format,
//! section 4, and `wal.c`.
//!
//! # What a poll trusts
//! Nothing but bytes; times and sizes of files lie on Windows. The header is read each time; other bytes mean
//! another generation. If the last committed frame still has its checksum, everything before it is unchanged
//! too, because the checksum is cumulative, whatever was deleted, copied or restored in between. Frames
//! behind the last commit are remembered as well, so that a transaction of gigabytes is not read again at
//! each poll; but they can be overwritten by a shorter one after a rollback, so their headers are looked
//! through for a commit, again and again (only how often depends on what the system says of the file).

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

mod coverage;
mod frames;

pub use coverage::{Coverage, Succession, captured_covers, succession};
use frames::{Chain, HEADER, Head, read_at};

/// How much one poll reads, in bytes. A file with more to read is finished by the following polls.
const READ_LIMIT: u64 = 64 << 20;
/// How much is read at a time at most, in bytes.
const CHUNK: usize = 256 << 10;
/// Looking through the headers of uncommitted frames takes at most this part of the time (one to …): 2 %,
const REST: u32 = 50;
/// and 0.2 % while the system says that nobody has written.
const REST_UNCHANGED: u32 = 500;

/// How far a WAL has been committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalEnd {
    /// Grows whenever the WAL is not the one of the last poll: it was started again, cut, deleted, replaced.
    /// 0 if none was ever seen.
    pub generation: u64,
    /// The salts of the WAL's header; 0 without a valid header.
    pub salts: [u32; 2],
    /// Just past the last committed frame, in bytes from the beginning of the file; 0 if nothing is committed
    /// in this generation.
    pub offset: u64,
    /// Commits seen by this [`WalTail`], those that its first poll found included, and those of a file that
    /// replaced another. Commits of a generation that came and went between two polls are not in it.
    pub commits: u64,
    /// Bytes per page; 0 without a valid header.
    pub page_size: u32,
    /// Size of the database after the last commit, in pages; 0 if nothing is committed in this generation.
    pub database_pages: u32,
    /// There is more to read, or the file changed during the poll: poll again at once. Until then this is a
    /// lower bound.
    pub more: bool,
}

/// Follows one `-wal` file. See the module's text.
#[derive(Debug)]
pub struct WalTail {
    path: PathBuf,
    generation: u64,
    commits: u64,
    log: Option<Log>,
}

/// What is known of a WAL with a valid header.
#[derive(Debug)]
struct Log {
    head: Head,
    /// Past the last committed frame.
    committed: Chain,
    database_pages: u32,
    /// Past the first uncommitted frame; `committed` if there is none.
    first: Chain,
    /// Past the last valid frame; `committed` if none is uncommitted.
    valid: Chain,
    walk: Walk,
}

/// When the headers of uncommitted frames were last looked through, and what the system said of the file
/// then.
#[derive(Debug)]
struct Walk {
    ended: Instant,
    took: Duration,
    seen: Option<(u64, SystemTime)>,
}

impl WalTail {
    /// Follows the WAL of a database. Nothing is opened yet; neither file has to exist.
    pub fn new(database: &Path) -> Self {
        let mut path = database.as_os_str().to_owned();
        path.push("-wal");
        Self { path: path.into(), generation: 0, commits: 0, log: None }
    }

    /// The file that is followed.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads what is new. Without anything new it is five system calls and no allocation; reads at most 64
    /// MiB at a time.
    ///
    /// Blocking; at most about 0.1 s on an ordinary disk.
    ///
    /// # Errors
    /// Of reading. A missing, empty or invalid file is none: then nothing is committed in it, as SQLite sees
    /// it as well. What was known is kept, so that the next poll goes on from there.
    pub fn poll(&mut self) -> io::Result<WalEnd> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                self.forget();
                return Ok(self.end(false));
            }
            Err(e) => return Err(e),
        };
        let raw = read_header(&file)?;
        let same = self.is_same(&file, raw.as_ref())?;
        if !same {
            self.forget();
            self.log = raw.as_ref().and_then(Head::parse).map(Log::new);
            self.generation += u64::from(self.log.is_some());
        }
        let Some(log) = &mut self.log else { return Ok(self.end(false)) };
        let progress = log.advance(&file)?;
        self.commits += progress.commits;
        // A writer may have started the file again under our hands: then the frames were not the header's.
        let more = progress.cut_off || ((progress.looked || !same) && read_header(&file)? != raw);
        Ok(self.end(more))
    }

    fn end(&self, more: bool) -> WalEnd {
        let log = self.log.as_ref();
        WalEnd {
            generation: self.generation,
            salts: log.map_or([0, 0], |l| l.head.salts),
            offset: log.filter(|l| l.committed.offset > HEADER as u64).map_or(0, |l| l.committed.offset),
            commits: self.commits,
            page_size: log.map_or(0, |l| l.head.page_size),
            database_pages: log.map_or(0, |l| l.database_pages),
            more,
        }
    }

    /// The WAL that was known is gone.
    fn forget(&mut self) {
        self.generation += u64::from(self.log.take().is_some());
    }

    /// Whether the file still has the known header and the last committed frame.
    fn is_same(&self, file: &File, raw: Option<&[u8; HEADER]>) -> io::Result<bool> {
        match (&self.log, raw) {
            (Some(log), Some(raw)) if log.head.raw == *raw => log.head.ends_with(file, &log.committed),
            (None, None) => Ok(true),
            _ => Ok(false),
        }
    }
}

/// The first bytes of the file, if there are as many.
fn read_header(file: &File) -> io::Result<Option<[u8; HEADER]>> {
    let mut raw = [0; HEADER];
    Ok((read_at(file, &mut raw, 0)? == HEADER).then_some(raw))
}

/// What one poll found.
#[derive(Default)]
struct Progress {
    commits: u64,
    /// Frames were read, so the file was being written.
    looked: bool,
    /// The limit was reached.
    cut_off: bool,
}

impl Log {
    fn new(head: Head) -> Self {
        let start = head.start();
        let walk = Walk { ended: Instant::now(), took: Duration::ZERO, seen: None };
        Self { committed: start, database_pages: 0, first: start, valid: start, walk, head }
    }

    /// Reads on from the last valid frame, or from the last committed one if what is behind it was
    /// overwritten.
    fn advance(&mut self, file: &File) -> io::Result<Progress> {
        if self.valid != self.committed && !self.uncommitted_is_same(file)? {
            self.first = self.committed;
            self.valid = self.committed;
        }
        let mut progress = Progress::default();
        // The usual case: one small read says that nothing follows.
        if !self.head.continues(file, &self.valid)? {
            return Ok(progress);
        }
        progress.looked = true;
        let frame = self.head.frame_size();
        // Most commits are of a few frames, and the first may be the remains of a crash: begin small.
        let mut buffer = vec![0; frame];
        let mut left = READ_LIMIT;
        while left > 0 {
            let read = read_at(file, &mut buffer, self.valid.offset)?;
            for bytes in buffer[..read].chunks_exact(frame) {
                let Some((next, pages)) = self.head.check(&self.valid, bytes) else { return Ok(progress) };
                progress.commits += u64::from(pages > 0);
                self.take(next, pages);
            }
            if read < buffer.len() {
                return Ok(progress);
            }
            left = left.saturating_sub(read as u64);
            buffer.resize((CHUNK / frame).clamp(1, buffer.len() / frame * 8) * frame, 0);
        }
        progress.cut_off = true;
        Ok(progress)
    }

    /// Goes on past a valid frame, which commits if it has a size of the database.
    fn take(&mut self, next: Chain, database_pages: u32) {
        if self.valid == self.committed {
            self.first = next;
        }
        self.valid = next;
        if database_pages > 0 {
            self.first = next;
            self.committed = next;
            self.database_pages = database_pages;
        }
    }

    /// Whether the uncommitted frames can be what they were: the first and the last have their checksums, and
    /// none has become a commit.
    ///
    /// The last needs a look at each frame's header. It only matters if a transaction was rolled back and the
    /// next, shorter one began with exactly the same frame, so it may be done late when there are very many.
    fn uncommitted_is_same(&mut self, file: &File) -> io::Result<bool> {
        if !self.head.ends_with(file, &self.first)? || !self.head.ends_with(file, &self.valid)? {
            return Ok(false);
        }
        let meta = file.metadata()?;
        let seen = meta.modified().ok().map(|time| (meta.len(), time));
        let unchanged = seen.is_some() && seen == self.walk.seen;
        let rest = self.walk.took * if unchanged { REST_UNCHANGED } else { REST };
        let begun = Instant::now();
        if begun.duration_since(self.walk.ended) < rest {
            return Ok(true);
        }
        let mut offset = self.committed.offset;
        let mut same = true;
        while same && offset < self.valid.offset {
            same = !self.head.is_commit(file, offset)?;
            offset += self.head.frame_size() as u64;
        }
        let ended = Instant::now();
        self.walk = Walk { ended, took: ended.duration_since(begun), seen };
        Ok(same)
    }
}
