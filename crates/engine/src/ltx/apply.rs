//! Brings a database file forward by one LTX file.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};

use super::{Decoder, LtxError, Verified};

const WRITE_BUFFER: usize = 1 << 20;

/// Why a file was not applied, or only in part.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The LTX file is damaged or can't be read.
    #[error(transparent)]
    Ltx(#[from] LtxError),
    /// The database can't be written.
    #[error("the database can't be written")]
    Write(#[source] io::Error),
}

/// Writes the pages of an LTX file into a database file and gives the file its size after the last
/// transaction.
///
/// A redo log (DESIGN §5): pages are whole, so applying a file again, or all files since some mark again,
/// gives the same result. The caller must know that the database is at the transaction before the file's
/// first, or anywhere within the file's, or that the file is a snapshot; must have the database to itself,
/// without `-wal`; and flushes afterwards.
///
/// Pages are written before the file's checksum is known: a file that may be damaged has to be verified
/// first, or the database given up on an error.
///
/// # Errors
/// [`ApplyError`]; the database then holds a part of the pages.
pub fn apply(ltx: impl Read, database: &mut File) -> Result<Verified, ApplyError> {
    let mut decoder = Decoder::new(ltx)?;
    let page_size = u64::from(decoder.header().page_size);
    let mut writer = BufWriter::with_capacity(WRITE_BUFFER, &mut *database);
    let mut next = 0;
    while let Some(page) = decoder.next_page()? {
        // Seeking flushes the buffer; neighbours need none.
        if page.number != next {
            let offset = u64::from(page.number - 1) * page_size;
            writer.seek(SeekFrom::Start(offset)).map_err(ApplyError::Write)?;
        }
        writer.write_all(page.data).map_err(ApplyError::Write)?;
        next = page.number.wrapping_add(1);
    }
    writer.flush().map_err(ApplyError::Write)?;
    drop(writer);
    let verified = decoder.finish()?;
    database.set_len(verified.header.database_size()).map_err(ApplyError::Write)?;
    Ok(verified)
}
