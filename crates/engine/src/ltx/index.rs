//! The page index: where in the file each page is. Nobody here looks pages up in it; it is read to be
//! checked.

use super::LtxError;

/// What an index says, so far, in constant memory however many pages there are.
///
/// Filled once while the pages are read and once while the index is: the two must be equal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Places {
    /// How many pages.
    pub(super) count: u32,
    mix: u64,
}

impl Places {
    /// Notes that a page lies at `offset` and takes `size` bytes, its header included.
    pub(super) fn note(&mut self, page: u32, offset: u64, size: u64) {
        self.count = self.count.saturating_add(1);
        // Odd multipliers mix well enough: it is a writer's mistake that is looked for; damage shows in the
        // checksum.
        for value in [u64::from(page), offset, size] {
            self.mix = (self.mix ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        }
    }
}

/// Builds a number from the bytes of a varint: 7 bits each, lowest first, the highest bit says that another
/// follows.
#[derive(Debug, Default)]
pub(super) struct Varint {
    value: u64,
    shift: u32,
}

impl Varint {
    /// Takes the next byte; gives the number when it was the last.
    pub(super) fn push(&mut self, byte: u8) -> Result<Option<u64>, LtxError> {
        let bits = u64::from(byte & 0x7f);
        if self.shift > 63 || (self.shift == 63 && bits > 1) {
            return Err(LtxError::BadIndex("a number of more than 64 bits"));
        }
        self.value |= bits << self.shift;
        self.shift += 7;
        Ok((byte & 0x80 == 0).then_some(self.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Option<u64>, LtxError> {
        let mut varint = Varint::default();
        let mut last = None;
        for byte in bytes {
            last = varint.push(*byte)?;
        }
        Ok(last)
    }

    #[test]
    fn varints_are_read_up_to_64_bits() {
        assert_eq!(read(&[0]).unwrap(), Some(0));
        assert_eq!(read(&[0xac, 0x02]).unwrap(), Some(300));
        assert_eq!(read(&[0xac]).unwrap(), None);
        let largest = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        assert_eq!(read(&largest).unwrap(), Some(u64::MAX));
        assert!(read(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]).is_err());
        assert!(read(&[0x80; 11]).is_err());
    }

    #[test]
    fn places_differ_by_everything_noted() {
        let noted = |all: &[(u32, u64, u64)]| {
            let mut places = Places::default();
            all.iter().for_each(|(page, offset, size)| places.note(*page, *offset, *size));
            places
        };
        let one = [(1, 100, 30), (2, 130, 40)];
        assert_eq!(noted(&one), noted(&one));
        let others: [&[(u32, u64, u64)]; 6] = [
            &one[..1],
            &[(1, 100, 30), (3, 130, 40)],
            &[(1, 100, 30), (2, 131, 40)],
            &[(1, 100, 30), (2, 130, 41)],
            &[(2, 130, 40), (1, 100, 30)],
            &[(1, 30, 100), (2, 130, 40)],
        ];
        for other in others {
            assert_ne!(noted(&one), noted(other), "{other:?}");
        }
    }
}
