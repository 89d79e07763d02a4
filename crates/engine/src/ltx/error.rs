//! What can be wrong with an LTX file.

use std::io;

/// Why an LTX file is not believed. Everything but [`LtxError::Io`] and [`LtxError::Unsupported`] means that
/// the file is damaged; which kind only says where the damage was met first.
#[derive(Debug, thiserror::Error)]
pub enum LtxError {
    /// The reader failed; the file may be whole.
    #[error("the LTX file can't be read")]
    Io(#[source] io::Error),
    /// The file ends too early.
    #[error("the LTX file is cut off after {at} bytes")]
    Truncated {
        /// How many bytes there were.
        at: u64,
    },
    /// The file does not begin with `LTX1`.
    #[error("not an LTX file")]
    BadMagic,
    /// A valid form of LTX that Litestream v0.5.18 doesn't write, and that this decoder doesn't read.
    #[error("the LTX file is of another version: {0}")]
    Unsupported(&'static str),
    /// The header contradicts itself.
    #[error("the LTX header is wrong: {0}")]
    BadHeader(&'static str),
    /// A page's header or length can't be.
    #[error("page {page} of the LTX file is wrong: {reason}")]
    BadPage {
        /// The page's number as the file has it.
        page: u32,
        /// What is wrong.
        reason: &'static str,
    },
    /// Pages are not in growing order, or a file that must have every page lacks some.
    #[error("page {page} of the LTX file is out of order: page {expected} or a later one was due")]
    PageOrder {
        /// The page that was found; the number of pages that the database should have if the file ended too
        /// early.
        page: u32,
        /// The lowest number that could stand there.
        expected: u32,
    },
    /// A page can't be decompressed to the page size.
    #[error("page {page} of the LTX file can't be decompressed")]
    BadCompression {
        /// The page's number.
        page: u32,
    },
    /// The page index does not say where the pages are.
    #[error("the page index of the LTX file is wrong: {0}")]
    BadIndex(&'static str),
    /// The trailer contradicts the header.
    #[error("the LTX trailer is wrong: {0}")]
    BadTrailer(&'static str),
    /// The checksum of the whole file is not the one in its trailer.
    #[error("the checksum of the LTX file is {found:016x}, it should be {expected:016x}")]
    Checksum {
        /// As the trailer has it.
        expected: u64,
        /// As computed.
        found: u64,
    },
    /// Something follows the trailer.
    #[error("the LTX file goes on after its end")]
    TrailingBytes,
    /// The decoder was asked again after it had failed.
    #[error("the LTX file was found damaged before")]
    Failed,
}

impl LtxError {
    /// Whether the bytes themselves are wrong: reading again can't help, another copy can.
    pub fn is_damage(&self) -> bool {
        !matches!(self, Self::Io(_) | Self::Unsupported(_))
    }
}
