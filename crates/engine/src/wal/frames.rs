//! The bytes of a WAL: header, frames, checksums, and reading them.

use std::fs::File;
use std::io;

/// Length of the file's header, in bytes.
pub(super) const HEADER: usize = 32;
/// Length of a frame's header, in bytes.
pub(super) const FRAME_HEADER: usize = 24;

const MAGIC_LITTLE: u32 = 0x377f_0682;
const MAGIC_BIG: u32 = 0x377f_0683;
const VERSION: u32 = 3_007_000;

/// A valid header.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) raw: [u8; HEADER],
    pub(super) page_size: u32,
    pub(super) salts: [u32; 2],
    sums: [u32; 2],
    /// In which order the checksum takes the bytes of a word; everything else is big-endian.
    big_endian: bool,
}

/// A place just past a valid frame, with the checksum up to there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) offset: u64,
    sums: [u32; 2],
}

impl Head {
    /// `None` for everything that SQLite would not recover from either: a header that is being written or was
    /// torn.
    pub(super) fn parse(raw: &[u8; HEADER]) -> Option<Self> {
        let big_endian = match word(raw, 0) {
            MAGIC_LITTLE => false,
            MAGIC_BIG => true,
            _ => return None,
        };
        let page_size = word(raw, 8);
        let fits = (512..=65536).contains(&page_size) && page_size.is_power_of_two();
        let sums = checksum(big_endian, [0, 0], &raw[..24]);
        let valid = fits && word(raw, 4) == VERSION && sums == [word(raw, 24), word(raw, 28)];
        let salts = [word(raw, 16), word(raw, 20)];
        valid.then_some(Self { raw: *raw, page_size, salts, sums, big_endian })
    }

    pub(super) fn start(&self) -> Chain {
        Chain { offset: HEADER as u64, sums: self.sums }
    }

    pub(super) fn frame_size(&self) -> usize {
        FRAME_HEADER + self.page_size as usize
    }

    /// Checks the frame that follows; gives the place behind it, and the size of the database in pages if it
    /// commits (else 0).
    pub(super) fn check(&self, before: &Chain, frame: &[u8]) -> Option<(Chain, u32)> {
        let (header, page) = frame.split_at(FRAME_HEADER);
        if word(header, 0) == 0 || self.salts_of(header) != self.salts {
            return None;
        }
        let sums = checksum(self.big_endian, before.sums, &header[..8]);
        let sums = checksum(self.big_endian, sums, page);
        let next = Chain { offset: before.offset + frame.len() as u64, sums };
        (sums == [word(header, 16), word(header, 20)]).then_some((next, word(header, 4)))
    }

    /// Whether the frame before a place is still there, and so everything before it.
    pub(super) fn ends_with(&self, file: &File, chain: &Chain) -> io::Result<bool> {
        if chain.offset == HEADER as u64 {
            return Ok(true);
        }
        let header = read_frame_header(file, chain.offset - self.frame_size() as u64)?;
        Ok(header
            .is_some_and(|h| self.salts_of(&h) == self.salts && [word(&h, 16), word(&h, 20)] == chain.sums))
    }

    /// Whether the beginning of a frame of this WAL follows.
    pub(super) fn continues(&self, file: &File, chain: &Chain) -> io::Result<bool> {
        let header = read_frame_header(file, chain.offset)?;
        Ok(header.is_some_and(|h| word(&h, 0) != 0 && self.salts_of(&h) == self.salts))
    }

    /// Whether the frame at a place ends a transaction, by its header alone.
    pub(super) fn is_commit(&self, file: &File, offset: u64) -> io::Result<bool> {
        let header = read_frame_header(file, offset)?;
        Ok(header.is_some_and(|h| word(&h, 4) != 0 && self.salts_of(&h) == self.salts))
    }

    fn salts_of(&self, frame_header: &[u8]) -> [u32; 2] {
        [word(frame_header, 8), word(frame_header, 12)]
    }
}

fn read_frame_header(file: &File, offset: u64) -> io::Result<Option<[u8; FRAME_HEADER]>> {
    let mut header = [0; FRAME_HEADER];
    Ok((read_at(file, &mut header, offset)? == FRAME_HEADER).then_some(header))
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().fold(0, |n, b| n << 8 | u32::from(*b))
}

/// SQLite's WAL checksum: two sums over pairs of words. Whole pairs only, which headers and pages are.
fn checksum(big_endian: bool, sums: [u32; 2], bytes: &[u8]) -> [u32; 2] {
    let (pairs, rest) = bytes.as_chunks::<8>();
    debug_assert!(rest.is_empty());
    let step = |[a, b]: [u32; 2], x: u32, y: u32| {
        let a = a.wrapping_add(x).wrapping_add(b);
        [a, b.wrapping_add(y).wrapping_add(a)]
    };
    // Two loops, so that the order is not asked for at each word.
    if big_endian {
        pairs.iter().fold(sums, |s, [a, b, c, d, e, f, g, h]| {
            step(s, u32::from_be_bytes([*a, *b, *c, *d]), u32::from_be_bytes([*e, *f, *g, *h]))
        })
    } else {
        pairs.iter().fold(sums, |s, [a, b, c, d, e, f, g, h]| {
            step(s, u32::from_le_bytes([*a, *b, *c, *d]), u32::from_le_bytes([*e, *f, *g, *h]))
        })
    }
}

/// Reads until the buffer is full or the file ends; gives how much.
pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match read_once(file, &mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

#[cfg(unix)]
fn read_once(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_once(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(magic: u32) -> [u8; HEADER] {
        let mut raw = [0; HEADER];
        raw[..4].copy_from_slice(&magic.to_be_bytes());
        raw[4..8].copy_from_slice(&VERSION.to_be_bytes());
        raw[8..12].copy_from_slice(&512_u32.to_be_bytes());
        raw[16..20].copy_from_slice(&0x0102_0304_u32.to_be_bytes());
        raw[20..24].copy_from_slice(&0xfffe_fdfc_u32.to_be_bytes());
        let [a, b] = checksum(magic == MAGIC_BIG, [0, 0], &raw[..24]);
        raw[24..28].copy_from_slice(&a.to_be_bytes());
        raw[28..].copy_from_slice(&b.to_be_bytes());
        raw
    }

    /// A frame that SQLite would write on a machine of the given byte order.
    fn frame(head: &Head, before: &Chain, page: u32, pages: u32) -> Vec<u8> {
        let mut frame = vec![0x5a; head.frame_size()];
        frame[..4].copy_from_slice(&page.to_be_bytes());
        frame[4..8].copy_from_slice(&pages.to_be_bytes());
        frame[8..16].copy_from_slice(&head.raw[16..24]);
        let sums = checksum(head.big_endian, before.sums, &frame[..8]);
        let [a, b] = checksum(head.big_endian, sums, &frame[FRAME_HEADER..]);
        frame[16..20].copy_from_slice(&a.to_be_bytes());
        frame[20..24].copy_from_slice(&b.to_be_bytes());
        frame
    }

    #[test]
    fn both_byte_orders_are_read() {
        // By hand: words 1, 2 give s0 = 1, s1 = 3; words 3, 4 give s0 = 1 + 3 + 3 = 7, s1 = 3 + 4 + 7 = 14.
        let bytes = [0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4];
        assert_eq!(checksum(true, [0, 0], &bytes), [7, 14]);
        assert_eq!(checksum(false, [0, 0], &bytes), [7 << 24, 14 << 24]);
        for magic in [MAGIC_LITTLE, MAGIC_BIG] {
            let head = Head::parse(&header(magic)).unwrap();
            let start = head.start();
            let (next, pages) = head.check(&start, &frame(&head, &start, 3, 0)).unwrap();
            assert_eq!((next.offset, pages), (32 + 536, 0));
            let second = frame(&head, &next, 4, 9);
            assert_eq!(head.check(&next, &second).unwrap().1, 9);
            assert_eq!(head.check(&start, &second), None, "a frame only follows its own predecessor");
        }
    }

    #[test]
    fn a_flipped_bit_ends_the_valid_frames() {
        let head = Head::parse(&header(MAGIC_LITTLE)).unwrap();
        let start = head.start();
        let good = frame(&head, &start, 3, 7);
        assert_eq!(head.check(&start, &frame(&head, &start, 0, 7)), None, "page 0");
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(head.check(&start, &bad), None, "bit {bit}");
        }
        let good = header(MAGIC_BIG);
        for bit in 0..good.len() * 8 {
            let mut bad = good;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Head::parse(&bad).is_none(), "bit {bit}");
        }
    }
}
