//! Reads an LTX file from a stream, checking everything that can be checked, in constant memory.

use std::io::{self, BufReader, Read};

use crc::{CRC_64_GO_ISO, Crc, Digest, Table};

use super::header::{CHECKSUM_FLAG, be32};
use super::index::{Places, Varint};
use super::{HEADER_SIZE, Header, LtxError, TRAILER_SIZE, Trailer, lock_page};

/// Sixteen tables at once: an order of magnitude quicker than one, and still safe code.
static CRC64: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_GO_ISO);

const READ_BUFFER: usize = 128 << 10;
const PAGE_HEADER: usize = 6;
/// The only flag of a page: a length follows, then an LZ4 block.
const FLAG_BLOCK: u16 = 1;
const LZ4_FRAME_MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];

/// A page of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page<'a> {
    /// Its number, from 1.
    pub number: u32,
    /// Its content: as many bytes as the header's page size.
    pub data: &'a [u8],
}

/// What is known of a file that was read to its end without finding anything wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Its header, now proved.
    pub header: Header,
    /// Its trailer.
    pub trailer: Trailer,
    /// How many pages it has.
    pub pages: u32,
    /// Its length, in bytes.
    pub bytes: u64,
}

impl Verified {
    /// Whether the file holds every page of the database. Snapshots do, and so do some files of level 0 with
    /// later transactions: those with which Litestream begins again when it can't follow the WAL any more.
    /// Its restore doesn't begin with the latter.
    pub fn is_whole_database(&self) -> bool {
        self.pages == self.header.pages_of_whole_database()
    }
}

/// Reads one file page by page.
///
/// Pages are handed out before the file's checksum is known: a caller that must not act on damaged pages has
/// to go through the file twice ([`verify`] first). Memory: about 128 KiB and two pages, whatever the file
/// claims.
#[derive(Debug)]
pub struct Decoder<R> {
    source: Source<R>,
    header: Header,
    places: Places,
    last_page: u32,
    compressed: Vec<u8>,
    page: Vec<u8>,
    state: State,
}

#[derive(Debug)]
enum State {
    InPages,
    AtEnd(Verified),
    Failed,
}

impl<R: Read> Decoder<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`LtxError`]: of reading, or whatever is wrong with the header.
    pub fn new(reader: R) -> Result<Self, LtxError> {
        let mut source =
            Source { reader: BufReader::with_capacity(READ_BUFFER, reader), at: 0, sum: CRC64.digest() };
        let header = Header::parse(&source.summed::<HEADER_SIZE>()?)?;
        let page_size = header.page_size as usize;
        Ok(Self {
            source,
            header,
            places: Places::default(),
            last_page: 0,
            compressed: vec![0; longest_block(page_size)],
            page: vec![0; page_size],
            state: State::InPages,
        })
    }

    /// The header, not yet proved.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The next page; `None` after the last, and then the whole file has been checked.
    ///
    /// # Errors
    /// [`LtxError`]; after one, only [`LtxError::Failed`].
    pub fn next_page(&mut self) -> Result<Option<Page<'_>>, LtxError> {
        match self.state {
            State::InPages => {}
            State::AtEnd(_) => return Ok(None),
            State::Failed => return Err(LtxError::Failed),
        }
        match self.advance() {
            Ok(State::InPages) => Ok(Some(Page { number: self.last_page, data: &self.page })),
            Ok(state) => {
                self.state = state;
                Ok(None)
            }
            Err(e) => {
                self.state = State::Failed;
                Err(e)
            }
        }
    }

    /// Reads what is left and gives what is proved.
    ///
    /// # Errors
    /// As [`Self::next_page`].
    pub fn finish(mut self) -> Result<Verified, LtxError> {
        while self.next_page()?.is_some() {}
        match self.state {
            State::AtEnd(verified) => Ok(verified),
            State::InPages | State::Failed => Err(LtxError::Failed),
        }
    }

    fn advance(&mut self) -> Result<State, LtxError> {
        let begin = self.source.at;
        let head = self.source.summed::<PAGE_HEADER>()?;
        if head == [0; PAGE_HEADER] {
            return self.read_end().map(State::AtEnd);
        }
        let number = be32(&head, 0);
        self.check_number(number)?;
        let length = self.source.summed::<4>()?;
        self.check_form(number, u16::from_be_bytes([head[4], head[5]]), length)?;
        let block = be32(&length, 0) as usize;
        if block == 0 || block > self.compressed.len() {
            return Err(LtxError::BadPage { page: number, reason: "impossible length" });
        }
        self.source.fill(&mut self.compressed[..block])?;
        match lz4_flex::block::decompress_into(&self.compressed[..block], &mut self.page) {
            Ok(n) if n == self.page.len() => {}
            _ => return Err(LtxError::BadCompression { page: number }),
        }
        self.source.sum.update(&self.page);
        self.places.note(number, begin, self.source.at - begin);
        self.last_page = number;
        Ok(State::InPages)
    }

    /// Checks a page's number against those before it.
    fn check_number(&self, number: u32) -> Result<(), LtxError> {
        let wrong = |reason| Err(LtxError::BadPage { page: number, reason });
        if number == 0 {
            return wrong("no number");
        }
        if number > self.header.commit {
            return wrong("beyond the end of the database");
        }
        if number == lock_page(self.header.page_size) {
            return wrong("the page of SQLite's locks");
        }
        let expected = self.next_number();
        if number < expected || (self.header.is_snapshot() && number != expected) {
            return Err(LtxError::PageOrder { page: number, expected });
        }
        Ok(())
    }

    /// The lowest number that the next page can have.
    fn next_number(&self) -> u32 {
        let next = self.last_page + 1;
        next + u32::from(next == lock_page(self.header.page_size))
    }

    /// Checks that the page is an LZ4 block with its length before it. Litestream's first 0.5 releases wrote
    /// LZ4 frames instead; these are no damage.
    fn check_form(&self, page: u32, flags: u16, next_bytes: [u8; 4]) -> Result<(), LtxError> {
        match flags {
            FLAG_BLOCK => Ok(()),
            0 if next_bytes == LZ4_FRAME_MAGIC => Err(LtxError::Unsupported(
                "its pages are LZ4 frames, as the first releases of Litestream 0.5 wrote them",
            )),
            _ => Err(LtxError::BadPage { page, reason: "unknown flags" }),
        }
    }

    /// Reads and checks everything behind the pages.
    fn read_end(&mut self) -> Result<Verified, LtxError> {
        if self.header.is_snapshot() && self.places.count != self.header.pages_of_whole_database() {
            return Err(LtxError::PageOrder { page: self.header.commit, expected: self.next_number() });
        }
        self.read_index()?;
        let mut bytes = [0; TRAILER_SIZE];
        bytes[..8].copy_from_slice(&self.source.summed::<8>()?);
        let found = self.source.sum.clone().finalize() | CHECKSUM_FLAG;
        self.source.fill(&mut bytes[8..])?;
        let trailer = Trailer::parse(&bytes, &self.header)?;
        if trailer.file_checksum != found {
            return Err(LtxError::Checksum { expected: trailer.file_checksum, found });
        }
        let bytes = self.source.at;
        match self.source.fill(&mut [0]) {
            Err(LtxError::Truncated { .. }) => {}
            Ok(()) => return Err(LtxError::TrailingBytes),
            Err(e) => return Err(e),
        }
        Ok(Verified { header: self.header, trailer, pages: self.places.count, bytes })
    }

    fn read_index(&mut self) -> Result<(), LtxError> {
        let begin = self.source.at;
        let mut indexed = Places::default();
        loop {
            let page = self.source.varint()?;
            if page == 0 {
                break;
            }
            // Never more entries than pages: an index that doesn't end is no reason to read on.
            if indexed.count == self.places.count {
                return Err(LtxError::BadIndex("more pages than the file has"));
            }
            let page = u32::try_from(page).map_err(|_| LtxError::BadIndex("an impossible page"))?;
            let (offset, size) = (self.source.varint()?, self.source.varint()?);
            indexed.note(page, offset, size);
        }
        let length = self.source.at - begin;
        if indexed != self.places {
            return Err(LtxError::BadIndex("it is of other pages"));
        }
        if u64::from_be_bytes(self.source.summed::<8>()?) != length {
            return Err(LtxError::BadIndex("its length"));
        }
        Ok(())
    }
}

/// Reads a whole file and tells whether it is good.
///
/// Blocking, and busy with the processor: some hundred MB of pages per second.
///
/// # Errors
/// [`LtxError`]: what is wrong with it.
pub fn verify(reader: impl Read) -> Result<Verified, LtxError> {
    Decoder::new(reader)?.finish()
}

/// The longest LZ4 block that a page can become: LZ4's own bound for incompressible data.
fn longest_block(page_size: usize) -> usize {
    page_size + page_size / 255 + 16
}

/// The bytes of the file, counted and summed up.
struct Source<R> {
    reader: BufReader<R>,
    at: u64,
    sum: Digest<'static, u64, Table<16>>,
}

impl<R> std::fmt::Debug for Source<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("at", &self.at).finish_non_exhaustive()
    }
}

impl<R: Read> Source<R> {
    /// Fills a buffer. A reader's own "unexpected end" (a broken connection) is its failure, not the file's
    /// end.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), LtxError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.reader.read(&mut buffer[filled..]) {
                Ok(0) => return Err(LtxError::Truncated { at: self.at + filled as u64 }),
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(LtxError::Io(e)),
            }
        }
        self.at += filled as u64;
        Ok(())
    }

    /// Reads bytes that go into the checksum as they are.
    fn summed<const N: usize>(&mut self) -> Result<[u8; N], LtxError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        self.sum.update(&bytes);
        Ok(bytes)
    }

    fn varint(&mut self) -> Result<u64, LtxError> {
        let mut varint = Varint::default();
        loop {
            let [byte] = self.summed::<1>()?;
            if let Some(value) = varint.push(byte)? {
                return Ok(value);
            }
        }
    }
}

#[cfg(test)]
mod tests;
