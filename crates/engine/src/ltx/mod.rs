//! LTX, the format of Litestream's files: what a header says, whether a file is whole, and the pages inside.
//!
//! A file is the state of all pages that some transactions changed. Its parts, all numbers big-endian:
//!
//! | part        | bytes                                                                                      |
//! |-------------|--------------------------------------------------------------------------------------------|
//! | header      | 100, see [`Header`]                                                                        |
//! | pages       | per page: number (4), flags (2), compressed length (4), one LZ4 block; numbers only grow   |
//! | end mark    | 6 zero bytes, in place of a page's number and flags                                        |
//! | page index  | per page three varints: number, offset of the page's part in the file, length of that part |
//! | end of it   | a zero byte, then the length of the page index (8), that zero byte included                |
//! | trailer     | 16, see [`Trailer`]                                                                        |
//!
//! The checksum in the trailer is CRC-64/ISO over everything before it, with each page's **decompressed**
//! bytes in place of its compressed ones, and with the highest bit set. Until a file has been read to its end
//! nothing in it is proved, the header included.
//!
//! Source: `github.com/superfly/ltx` v0.5.2 (the version in Litestream v0.5.18), and files that Litestream
//! wrote.

mod apply;
mod decode;
mod error;
mod header;
mod index;
mod name;

pub use apply::{ApplyError, apply};
pub use decode::{Decoder, Page, Verified, verify};
pub use error::LtxError;
pub use header::{HEADER_SIZE, Header, TRAILER_SIZE, Trailer, lock_page};
pub use name::{Level, LtxKey, LtxName};
