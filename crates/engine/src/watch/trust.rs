//! Whether what Litestream captures first after a start leaves nothing out (see [`crate::continuity`]).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{MutexGuard, PoisonError};

use sqlite_replicate_api::Txid;

use super::{Watched, newest_file, read_header};
use crate::home::{make_private_dir, remove_if_there, write_private};
use crate::ltx::{self, Header, LtxName};
use crate::wal::{Succession, succession};

/// What is to be doubted of what Litestream captures (see [`crate::continuity`]).
#[derive(Debug, Default)]
pub(super) struct Trust {
    /// The newest file before Litestream's last start, and whether the log was cut then; until the first file after the
    /// start has been judged.
    before_start: Option<(Header, bool)>,
    cut_wanted: bool,
    new_epoch_wanted: bool,
    /// The first file after the start that leaves nothing out: once it is stored, so does the store.
    sound_from: Option<Txid>,
}

impl Watched {
    fn trust(&self) -> MutexGuard<'_, Trust> {
        self.trust.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Litestream is about to start: the next file must go on from this one, or be a whole copy.
    ///
    /// `cut`: the log was cut, so that the files so far don't reach its beginning, and count no more.
    ///
    /// It is written down first: whoever ends in between, Litestream or this engine, the next start judges what was
    /// written meanwhile (see [`Watched::is_proved`]).
    ///
    /// # Errors
    /// When it can't be written down.
    pub(crate) fn expect_succession(&self, before: Option<Header>, cut: bool) -> io::Result<()> {
        match &before {
            Some(before) => {
                make_private_dir(&self.meta)?;
                write_private(&self.unproved(), before.max.to_string().as_bytes())?;
            }
            None => remove_if_there(&self.unproved())?,
        }
        let mut trust = self.trust();
        trust.before_start = before.map(|before| (before, cut));
        trust.sound_from = None;
        Ok(())
    }

    /// Holds the last transaction before a start of Litestream until the first one after it has been judged.
    fn unproved(&self) -> PathBuf {
        self.meta.join("unproved")
    }

    /// Whether the files go on, across Litestream's last start, without leaving anything out. To be asked while Litestream
    /// does not run; what can't be told is not proved.
    pub(crate) fn is_proved(&self) -> bool {
        let before = match std::fs::read_to_string(self.unproved()) {
            Err(error) => return error.kind() == io::ErrorKind::NotFound,
            Ok(text) => text.parse::<Txid>(),
        };
        let dir = self.level_0();
        let Ok(before) = before else { return false };
        let file = |txid| dir.join(LtxName { min: txid, max: txid }.to_string());
        let Some(before) = read_header(&file(before)) else { return false };
        let next = file(before.max.next());
        match read_header(&next) {
            Some(header) => judge(&before, &next, &header) == FirstFile::Sound,
            // Nothing was written since.
            None => newest_file(&dir).is_some_and(|(name, _)| name.max == before.max),
        }
    }

    /// Whether what the store has may leave something out: the first file after the last start was not judged yet, or the
    /// one that mends what was left out is not stored yet.
    pub(crate) fn is_in_doubt(&self) -> bool {
        let stored = self.seen().progress.stored_txid();
        let trust = self.trust();
        trust.before_start.is_some()
            || trust.cut_wanted
            || trust.sound_from.is_some_and(|sound| stored < Some(sound))
    }

    /// The transaction that, once it is stored, ends the doubt in the store.
    pub(crate) fn sound_from(&self) -> Option<Txid> {
        self.trust().sound_from
    }

    /// The store has it, and knows of no doubt any more.
    pub(crate) fn forget_sound_from(&self) {
        self.trust().sound_from = None;
    }

    /// Nothing captured counts until the log was cut.
    pub(super) fn doubt(&self) {
        self.trust().cut_wanted = true;
    }

    /// Whether the log is to be cut before Litestream's next start, whatever it looks like.
    pub(crate) fn take_cut_wanted(&self) -> bool {
        std::mem::take(&mut self.trust().cut_wanted)
    }

    /// Whether Litestream's first file leaves out commits, perhaps: it has to be ended, and the log cut.
    pub(crate) fn is_doubtful(&self) -> bool {
        self.trust().cut_wanted
    }

    /// The log can't be cut: only a new history is sure to be whole.
    pub(crate) fn want_new_epoch(&self) {
        self.trust().new_epoch_wanted = true;
    }

    /// Whether a new history is wanted.
    pub(crate) fn take_new_epoch_wanted(&self) -> bool {
        std::mem::take(&mut self.trust().new_epoch_wanted)
    }

    /// Whether a file that appeared counts: the first one after a start of Litestream is judged.
    pub(super) fn is_trusted(&self, file: &Path, header: &Header) -> bool {
        let (before, doubtful) = {
            let trust = self.trust();
            (trust.before_start, trust.cut_wanted)
        };
        let Some((before, cut)) = before else { return !doubtful };
        if header.max <= before.max {
            return !cut && !doubtful;
        }
        match judge(&before, file, header) {
            FirstFile::Sound => {
                {
                    let mut trust = self.trust();
                    trust.before_start = None;
                    trust.sound_from = Some(header.max);
                }
                // Left behind it is judged again at the next start.
                let _ = remove_if_there(&self.unproved());
                true
            }
            FirstFile::Doubtful => {
                self.trust().cut_wanted = true;
                false
            }
        }
    }
}

/// What the first file after a start of Litestream means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FirstFile {
    /// Nothing is left out.
    Sound,
    /// Commits may be left out.
    Doubtful,
}

/// Judges the first file after a start. Reads all of it only if its header can't tell.
fn judge(before: &ltx::Header, path: &Path, header: &ltx::Header) -> FirstFile {
    if header.wal_salts == before.wal_salts && header.wal_offset == before.wal_end() {
        return FirstFile::Sound;
    }
    let whole =
        std::fs::File::open(path).ok().and_then(|file| ltx::verify(std::io::BufReader::new(file)).ok());
    match whole.map(|verified| succession(before, &verified)) {
        Some(Succession::SameWal | Succession::WholeDatabase) => FirstFile::Sound,
        Some(Succession::NewWal) | None => FirstFile::Doubtful,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The header of a file that captured a stretch of a log.
    fn header(txid: u64, salt: u32, offset: u64, size: u64) -> Vec<u8> {
        let mut bytes = b"LTX1".to_vec();
        bytes.extend(2u32.to_be_bytes());
        bytes.extend(4096u32.to_be_bytes());
        bytes.extend(1u32.to_be_bytes());
        for number in [txid, txid, 0, 0, offset, size] {
            bytes.extend(number.to_be_bytes());
        }
        bytes.extend(salt.to_be_bytes());
        bytes.extend(salt.to_be_bytes());
        bytes.resize(ltx::HEADER_SIZE, 0);
        bytes
    }

    fn watched(dir: &Path) -> std::sync::Arc<Watched> {
        Watched::new("orders".parse().unwrap(), dir.join("orders.db"), dir.to_owned(), None)
    }

    fn put(dir: &Path, txid: u64, header: &[u8]) {
        let name = LtxName { min: Txid(txid), max: Txid(txid) };
        std::fs::create_dir_all(dir.join("ltx/0")).unwrap();
        std::fs::write(dir.join("ltx/0").join(name.to_string()), header).unwrap();
    }

    /// What was captured after a start, and whether the next start may go on from it, whoever was killed in between.
    fn proved_after(files: &[Vec<u8>]) -> bool {
        let dir = tempfile::tempdir().unwrap();
        let before = header(5, 7, 32, 4120);
        put(dir.path(), 5, &before);
        watched(dir.path()).expect_succession(Header::parse(&before).ok(), false).unwrap();
        for (txid, file) in (6..).zip(files) {
            put(dir.path(), txid, file);
        }
        // Another engine: nothing is remembered but what was written down.
        watched(dir.path()).is_proved()
    }

    #[test]
    fn what_was_captured_after_a_start_is_judged_even_if_the_engine_was_killed_before() {
        assert!(proved_after(&[]));
        assert!(proved_after(&[header(6, 7, 4152, 4120)]));
        assert!(proved_after(&[header(6, 7, 4152, 4120), header(7, 8, 32, 4120)]));
        assert!(!proved_after(&[header(6, 8, 32, 4120)]));
        assert!(!proved_after(&[header(6, 8, 32, 4120), header(7, 8, 4152, 4120)]));
    }

    #[test]
    fn what_can_not_be_told_is_not_proved() {
        let dir = tempfile::tempdir().unwrap();
        assert!(watched(dir.path()).is_proved());
        std::fs::write(dir.path().join("unproved"), "").unwrap();
        assert!(!watched(dir.path()).is_proved());
        std::fs::write(dir.path().join("unproved"), Txid(5).to_string()).unwrap();
        assert!(!watched(dir.path()).is_proved());
    }

    #[test]
    fn a_sound_first_file_ends_the_doubt_for_good() {
        let dir = tempfile::tempdir().unwrap();
        let (before, next) = (header(5, 7, 32, 4120), header(6, 7, 4152, 4120));
        put(dir.path(), 5, &before);
        put(dir.path(), 6, &next);
        let watched = watched(dir.path());
        watched.expect_succession(Header::parse(&before).ok(), false).unwrap();
        assert!(dir.path().join("unproved").exists());
        let file = watched.level_0().join(LtxName { min: Txid(6), max: Txid(6) }.to_string());
        assert!(watched.is_trusted(&file, &Header::parse(&next).unwrap()));
        assert!(!dir.path().join("unproved").exists());
    }
}
