//! What the bundled programs and the engine wrote: the last lines in memory, all of it in files that don't grow without limit.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use sqlite_replicate_api::LogLine;

/// Lines kept in memory, of all sources together.
const LINES: usize = 2_000;
/// A longer line is cut.
const LINE_BYTES: usize = 2_000;
/// A file of this size becomes `.1`, and the old `.1` goes.
const FILE_BYTES: u64 = 5 * 1024 * 1024;

/// The log of a host. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Logs {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    dir: PathBuf,
    lines: VecDeque<LogLine>,
    files: Vec<(&'static str, Rotating)>,
}

#[derive(Debug)]
struct Rotating {
    file: Option<File>,
    bytes: u64,
}

impl Logs {
    /// A log whose files are in `dir`.
    pub(crate) fn new(dir: impl Into<PathBuf>) -> Self {
        let shared = Shared { dir: dir.into(), lines: VecDeque::new(), files: Vec::new() };
        Self { shared: Arc::new(Mutex::new(shared)) }
    }

    /// Adds a line.
    pub(crate) fn push(&self, source: &'static str, text: &str, now: Timestamp) {
        let mut end = text.len().min(LINE_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let line = LogLine { at: now, source: source.to_owned(), text: text[..end].to_owned() };
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.write(source, &line);
        if shared.lines.len() == LINES {
            shared.lines.pop_front();
        }
        shared.lines.push_back(line);
    }

    /// The last lines, oldest first, of one source or of all.
    pub(crate) fn last(&self, source: Option<&str>, lines: usize) -> Vec<LogLine> {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |line: &&LogLine| source.is_none_or(|source| line.source == source);
        let mut found: Vec<LogLine> = shared.lines.iter().rev().filter(fits).take(lines).cloned().collect();
        found.reverse();
        found
    }
}

impl Shared {
    fn write(&mut self, source: &'static str, line: &LogLine) {
        let index = match self.files.iter().position(|(name, _)| *name == source) {
            Some(index) => index,
            None => {
                self.files.push((source, Rotating { file: None, bytes: 0 }));
                self.files.len() - 1
            }
        };
        let path = self.dir.join(format!("{source}.log"));
        // A log that can't be written must not stop anything: the lines in memory are still there.
        let _ = self.files[index].1.write(&path, line);
    }
}

impl Rotating {
    fn write(&mut self, path: &Path, line: &LogLine) -> std::io::Result<()> {
        if self.bytes > FILE_BYTES {
            self.file = None;
            std::fs::rename(path, path.with_extension("log.1"))?;
        }
        if self.file.is_none() {
            let file = OpenOptions::new().create(true).append(true).open(path)?;
            self.bytes = file.metadata()?.len();
            self.file = Some(file);
        }
        let text = format!("{} {}\n", line.at, line.text);
        if let Some(file) = &mut self.file {
            file.write_all(text.as_bytes())?;
            self.bytes += text.len() as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_files_stay_small() {
        let dir = tempfile::tempdir().unwrap();
        let logs = Logs::new(dir.path());
        let long = "ü".repeat(LINE_BYTES);
        for _ in 0..6_000 {
            logs.push("store", &long, Timestamp::UNIX_EPOCH);
        }
        logs.push("capture", "the end", Timestamp::UNIX_EPOCH);
        assert_eq!(logs.last(None, 10_000).len(), LINES);
        assert_eq!(logs.last(Some("capture"), 5)[0].text, "the end");
        for entry in std::fs::read_dir(dir.path()).unwrap() {
            assert!(entry.unwrap().metadata().unwrap().len() < FILE_BYTES + 5_000);
        }
    }
}
