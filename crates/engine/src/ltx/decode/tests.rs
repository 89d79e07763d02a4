//! Files that are wrong although their checksum is right: what damage alone does not bring about.

use super::*;
use sqlite_replicate_api::Txid;

/// Page, offset and size.
type Index = Vec<(u64, u64, u64)>;

/// Writes a file of pages of 512 bytes, as wrong as it is asked to be, with the right checksum.
struct Writer {
    header: [u8; HEADER_SIZE],
    pages: Vec<(u32, u16, Vec<u8>)>,
    index: fn(&mut Index),
    index_length: u64,
}

impl Writer {
    fn new(min: u8, commit: u32, pages: &[u32]) -> Self {
        let mut header = [0; HEADER_SIZE];
        header[..8].copy_from_slice(b"LTX1\0\0\0\x02");
        header[8..12].copy_from_slice(&512_u32.to_be_bytes());
        header[12..16].copy_from_slice(&commit.to_be_bytes());
        header[23] = min;
        header[31] = 9;
        let data = |number: &u32| vec![number.to_le_bytes()[0]; 512];
        let pages = pages.iter().map(|n| (*n, FLAG_BLOCK, data(n))).collect();
        Self { header, pages, index: |_| {}, index_length: 0 }
    }

    fn write(&self) -> Vec<u8> {
        let mut file = self.header.to_vec();
        // What the checksum is over: the same, but pages as they are.
        let mut summed = file.clone();
        let mut index = Vec::new();
        for (number, flags, data) in &self.pages {
            let begin = file.len() as u64;
            let block = lz4_flex::block::compress(data);
            let head = [&number.to_be_bytes()[..], &flags.to_be_bytes(), &(block.len() as u32).to_be_bytes()]
                .concat();
            file.extend([&head[..], &block].concat());
            summed.extend([&head[..], data].concat());
            index.push((u64::from(*number), begin, file.len() as u64 - begin));
        }
        (self.index)(&mut index);
        let mut end = vec![0; PAGE_HEADER];
        for (page, offset, size) in index {
            [page, offset, size].into_iter().for_each(|n| put_varint(&mut end, n));
        }
        end.push(0);
        let length = (end.len() - PAGE_HEADER) as u64 + self.index_length;
        end.extend(length.to_be_bytes());
        end.extend([0; 8]);
        file.extend(&end);
        summed.extend(&end);
        file.extend((CRC64.checksum(&summed) | CHECKSUM_FLAG).to_be_bytes());
        file
    }

    fn verify(&self) -> Result<Verified, LtxError> {
        verify(&self.write()[..])
    }
}

fn put_varint(to: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        to.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

#[test]
fn a_right_file_is_right() {
    let whole = Writer::new(1, 3, &[1, 2, 3]).verify().unwrap();
    assert!(whole.is_whole_database() && whole.header.is_snapshot());
    assert_eq!((whole.pages, whole.header.max), (3, Txid(9)));
    let part = Writer::new(2, 3, &[1, 3]).verify().unwrap();
    assert!(!part.is_whole_database());
    assert!(Writer::new(2, 3, &[1, 2, 3]).verify().unwrap().is_whole_database());
    // A transaction can do nothing but cut the database.
    assert_eq!(Writer::new(2, 3, &[]).verify().unwrap().pages, 0);
    let file = Writer::new(2, 300, &[7, 299]).write();
    let mut decoder = Decoder::new(&file[..]).unwrap();
    let page = decoder.next_page().unwrap().unwrap();
    assert_eq!((page.number, page.data), (7, &[7; 512][..]));
    assert_eq!(decoder.finish().unwrap().bytes, file.len() as u64);
}

#[test]
fn pages_only_grow() {
    for pages in [&[2, 1][..], &[2, 2], &[1, 3, 2]] {
        let error = Writer::new(2, 3, pages).verify().unwrap_err();
        assert!(matches!(error, LtxError::PageOrder { .. }), "{pages:?}: {error}");
    }
}

#[test]
fn a_snapshot_has_every_page() {
    for pages in [&[2, 3][..], &[1, 3], &[1, 2], &[]] {
        let error = Writer::new(1, 3, pages).verify().unwrap_err();
        assert!(matches!(error, LtxError::PageOrder { .. }), "{pages:?}: {error}");
    }
}

#[test]
fn no_page_lies_outside_the_database() {
    for pages in [&[4][..], &[1, u32::MAX]] {
        let error = Writer::new(2, 3, pages).verify().unwrap_err();
        assert!(matches!(error, LtxError::BadPage { .. }), "{pages:?}: {error}");
    }
    // Pages of 512 bytes: 1 GiB is at page 2097153.
    let lock = lock_page(512);
    let error = Writer::new(2, lock + 5, &[lock]).verify().unwrap_err();
    assert!(matches!(error, LtxError::BadPage { page, .. } if page == lock), "{error}");
    assert!(Writer::new(2, lock + 5, &[lock - 1, lock + 1]).verify().is_ok());
}

#[test]
fn a_page_is_a_block_of_exactly_a_page() {
    for length in [0, 511, 513, 700] {
        let mut writer = Writer::new(2, 3, &[1]);
        writer.pages[0].2 = vec![1; length];
        let error = writer.verify().unwrap_err();
        assert!(matches!(error, LtxError::BadCompression { page: 1 }), "{length}: {error}");
    }
    let mut writer = Writer::new(2, 3, &[1]);
    writer.pages[0].2 = (0..4096_u32).flat_map(|i| i.wrapping_mul(0x9e37_79b9).to_le_bytes()).collect();
    assert!(
        matches!(writer.verify().unwrap_err(), LtxError::BadPage { .. }),
        "longer than a page can become"
    );
    for flags in [0, 2, 3] {
        let mut writer = Writer::new(2, 3, &[1]);
        writer.pages[0].1 = flags;
        assert!(matches!(writer.verify().unwrap_err(), LtxError::BadPage { .. }), "{flags}");
    }
}

#[test]
fn pages_of_an_older_litestream_are_no_damage() {
    let mut file = Writer::new(2, 3, &[]).write();
    file.truncate(HEADER_SIZE);
    file.extend([0, 0, 0, 1, 0, 0]);
    file.extend(LZ4_FRAME_MAGIC);
    let error = verify(&file[..]).unwrap_err();
    assert!(matches!(error, LtxError::Unsupported(_)) && !error.is_damage());
}

#[test]
fn the_index_says_where_the_pages_are() {
    let wrong: [fn(&mut Index); 6] = [
        |index| index.clear(),
        |index| index[1].0 = 3,
        |index| index[0].1 += 1,
        |index| index[1].2 -= 1,
        |index| index.push((3, 200, 10)),
        |index| index[0].0 = 1 << 32,
    ];
    for (i, index) in wrong.into_iter().enumerate() {
        let writer = Writer { index, ..Writer::new(2, 3, &[1, 2]) };
        assert!(matches!(writer.verify().unwrap_err(), LtxError::BadIndex(_)), "{i}");
    }
    let writer = Writer { index_length: 1, ..Writer::new(2, 3, &[1, 2]) };
    assert!(matches!(writer.verify().unwrap_err(), LtxError::BadIndex(_)));
}

#[test]
fn the_trailer_fits_the_header() {
    let good = Writer::new(2, 3, &[1]).write();
    let end = good.len();
    let mut unmarked = good.clone();
    unmarked[end - 8] &= 0x7f;
    assert!(matches!(verify(&unmarked[..]).unwrap_err(), LtxError::BadTrailer(_)));
    let mut checksum_after = good;
    checksum_after[end - 16] = 0x80;
    assert!(matches!(verify(&checksum_after[..]).unwrap_err(), LtxError::BadTrailer(_)));
}

#[test]
fn a_reader_that_fails_is_no_damage() {
    struct Broken(usize);
    impl Read for Broken {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let file = Writer::new(2, 3, &[1]).write();
            let n = buffer.len().min(7).min(120 - self.0);
            if n == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            buffer[..n].copy_from_slice(&file[self.0..self.0 + n]);
            self.0 += n;
            Ok(n)
        }
    }
    let error = verify(Broken(0)).unwrap_err();
    assert!(matches!(error, LtxError::Io(_)) && !error.is_damage(), "{error}");
}
