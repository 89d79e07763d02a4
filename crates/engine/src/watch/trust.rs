//! Whether what Litestream captures first after a start leaves nothing out (see [`crate::continuity`]).

use std::path::Path;
use std::sync::{MutexGuard, PoisonError};

use super::Watched;
use crate::ltx::{self, Header};
use crate::wal::{Succession, succession};

/// What is to be doubted of what Litestream captures (see [`crate::continuity`]).
#[derive(Debug, Default)]
pub(super) struct Trust {
    /// The newest file before Litestream's last start, and whether the log was cut then; until the first file after the
    /// start has been judged.
    before_start: Option<(Header, bool)>,
    cut_wanted: bool,
    new_epoch_wanted: bool,
}

impl Watched {
    fn trust(&self) -> MutexGuard<'_, Trust> {
        self.trust.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Litestream is about to start: the next file must go on from this one, or be a whole copy.
    ///
    /// `cut`: the log was cut, so that the files so far don't reach its beginning, and count no more.
    pub(crate) fn expect_succession(&self, before: Option<Header>, cut: bool) {
        self.trust().before_start = before.map(|before| (before, cut));
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
                self.trust().before_start = None;
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
