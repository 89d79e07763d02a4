//! Looks at every database several times a second, on a thread of its own: holds it, follows its write-ahead log and
//! Litestream's newest files. All of it is local file I/O of a few microseconds; nothing here waits for a network.

mod progress;
mod seen;
mod trust;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::Connection;
use sqlite_replicate_api::{Name, Txid};
use tokio::sync::{Notify, oneshot};

pub(crate) use progress::Progress;
pub(crate) use seen::Seen;
use trust::Trust;

use crate::identity::Identity;
use crate::inspect::{Obstacle, device_of, foreign_litestream, hold};
use crate::ltx::{HEADER_SIZE, Header, LtxName};
use crate::stale_log;
use crate::wal::WalTail;

/// Between two looks while something happens, and when nothing does.
const BUSY: Duration = Duration::from_millis(50);
const IDLE: Duration = Duration::from_millis(200);
/// Something counts as happening for this long after the last commit.
const BUSY_FOR: Duration = Duration::from_secs(3);
/// Between two looks at what changes rarely: the file itself, sizes.
const SLOW: Duration = Duration::from_secs(1);

/// A longer log, in bytes, is moved into the file by Litestream alone: it takes its time.
const TELLING: u64 = 16 << 20;

/// A database as the watch sees it, shared with everybody who wants to know.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) name: Name,
    pub(crate) path: PathBuf,
    /// Litestream's folder for the current epoch.
    pub(crate) meta: PathBuf,
    /// The file that the epoch describes, as it was last seen; none before it was ever seen.
    known: Mutex<Option<Identity>>,
    seen: Mutex<Seen>,
    trust: Mutex<Trust>,
    /// Told when Litestream has captured something.
    pub(crate) captured: Notify,
}

impl Watched {
    pub(crate) fn new(name: Name, path: PathBuf, meta: PathBuf, known: Option<Identity>) -> Arc<Self> {
        let (known, seen, trust) = (Mutex::new(known), Mutex::default(), Mutex::default());
        let watched = Self { name, path, meta, known, seen, trust, captured: Notify::new() };
        if !watched.is_proved() {
            watched.doubt();
        }
        Arc::new(watched)
    }

    /// When the oldest commit that the store lacks was captured, by Litestream's own files; where all that was captured is
    /// stored, when that was: what is not captured was committed later.
    pub(crate) fn waiting_since(&self, stored: Option<Txid>) -> Option<Timestamp> {
        let dir = self.level_0();
        let next = stored.map(|stored| LtxName { min: stored.next(), max: stored.next() });
        let oldest = next.and_then(|next| read_header(&dir.join(next.to_string())));
        oldest.or_else(|| newest_file(&dir).map(|(_, header)| header)).map(|header| header.timestamp)
    }

    /// Where Litestream puts what it captures.
    pub(crate) fn level_0(&self) -> PathBuf {
        self.meta.join("ltx").join("0")
    }

    /// The file that the epoch describes, as it was last seen.
    fn known(&self) -> Option<Identity> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn know(&self, identity: Option<Identity>) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = identity;
    }

    /// What is known of it.
    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Order {
    Hold(Arc<Watched>),
    /// Lets a database go; answered when no lock of ours is left on it.
    Release(Name, oneshot::Sender<()>),
    End,
}

/// The thread. Dropping it lets go of every database.
#[derive(Debug)]
pub(crate) struct Watch {
    orders: Sender<Order>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Watch {
    pub(crate) fn start() -> std::io::Result<Self> {
        let (orders, received) = channel();
        let thread = std::thread::Builder::new()
            .name("watch".into())
            .spawn(move || Round::default().run(&received))?;
        Ok(Self { orders, thread: Mutex::new(Some(thread)) })
    }

    /// Holds and follows a database from now on, as soon as nothing is in the way.
    pub(crate) fn hold(&self, watched: Arc<Watched>) {
        let _ = self.orders.send(Order::Hold(watched));
    }

    /// Lets a database go and waits until that is done.
    pub(crate) async fn release(&self, name: &Name) {
        let (done, wait) = oneshot::channel();
        let _ = self.orders.send(Order::Release(name.clone(), done));
        // An error means that the thread has ended, and with it every hold.
        let _ = wait.await;
    }

    /// Lets go of every database and ends the thread. Blocking, for as long as one look takes.
    pub(crate) fn end(&self) {
        let _ = self.orders.send(Order::End);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the watch thread panicked");
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end();
    }
}

/// A database in the hands of the thread.
struct Held {
    watched: Arc<Watched>,
    /// None while something is in the way.
    grip: Option<Grip>,
    looked: Option<Instant>,
    busy_until: Option<Instant>,
    looked_slowly: Option<Instant>,
    searched: Option<Instant>,
    /// The file as it was when it first did not look like the one that is held.
    doubted: Option<Identity>,
}

struct Grip {
    /// Held for its shared lock: while it is there nobody's last close deletes the log.
    connection: Connection,
    tail: WalTail,
    newest: Option<LtxName>,
}

#[derive(Default)]
struct Round {
    held: BTreeMap<Name, Held>,
}

impl Round {
    fn run(mut self, orders: &Receiver<Order>) {
        loop {
            let now = Instant::now();
            for held in self.held.values_mut().filter(|held| held.is_due(now)) {
                held.looked = Some(now);
                if held.look(now) {
                    held.busy_until = Some(now + BUSY_FOR);
                }
            }
            let next = self.held.values().filter_map(Held::next).min();
            let pause = next.map_or(IDLE, |next| next.saturating_duration_since(Instant::now()));
            match orders.recv_timeout(pause) {
                Ok(Order::Hold(watched)) => {
                    self.held.insert(watched.name.clone(), Held::new(watched));
                }
                Ok(Order::Release(name, done)) => {
                    self.held.remove(&name);
                    let _ = done.send(());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Order::End) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }
}

impl Held {
    fn new(watched: Arc<Watched>) -> Self {
        let (looked, busy_until, looked_slowly, searched) = (None, None, None, None);
        Self { watched, grip: None, looked, busy_until, looked_slowly, searched, doubted: None }
    }

    /// When it is to be looked at again; none before the first look. One busy database costs nothing for the others.
    fn next(&self) -> Option<Instant> {
        let looked = self.looked?;
        Some(looked + if self.busy_until.is_some_and(|until| looked < until) { BUSY } else { IDLE })
    }

    /// What is due soon is looked at together with the others: each waking of the thread costs more than a look.
    fn is_due(&self, now: Instant) -> bool {
        self.next().is_none_or(|next| next <= now + BUSY / 2)
    }

    /// One look; whether something happens there.
    fn look(&mut self, now: Instant) -> bool {
        let slowly = self.looked_slowly.is_none_or(|last| now.duration_since(last) >= SLOW);
        if slowly {
            self.looked_slowly = Some(now);
            if self.grip.is_none() {
                self.take_hold();
            }
            self.look_at_file();
            self.make_telling();
        }
        let Some(grip) = &mut self.grip else { return false };
        let was_captured = self.watched.seen().progress.is_captured();
        match grip.tail.poll() {
            Ok(end) => self.watched.seen().progress.committed(end, Timestamp::now()),
            Err(error) => {
                self.watched.seen().trouble = Some(error.to_string());
                return false;
            }
        }
        if self.watched.seen().progress.is_captured() {
            return !was_captured;
        }
        self.follow_captured(now);
        true
    }

    fn take_hold(&mut self) {
        let path = &self.watched.path;
        let (another, log_aside) = self.compare_with_known();
        let held = match foreign_litestream(path) {
            Some(obstacle) => Err(obstacle),
            None => hold(path, Duration::from_millis(50)),
        };
        match held {
            Ok(connection) => {
                drop_stale_journal(path);
                let mark = Identity::of(path).ok();
                let page_size =
                    connection.query_row("PRAGMA page_size", [], |row| row.get(0)).unwrap_or(4096);
                // It reads no pages any more: those that it has room for are 90 kB for each database.
                if let Err(error) = connection.execute_batch("PRAGMA cache_size = 1; PRAGMA shrink_memory") {
                    tracing::debug!(%error, "a connection keeps its memory");
                }
                self.grip = Some(Grip { connection, tail: WalTail::new(path), newest: None });
                let mut seen = self.watched.seen();
                // What another file held is told until that is settled, however often it is taken hold of.
                let log_aside = log_aside.or(seen.log_aside.take());
                if !another {
                    self.watched.know(mark.clone());
                }
                *seen = Seen { held: true, mark, another, log_aside, page_size, ..Seen::default() };
            }
            Err(obstacle) => self.obstructed(obstacle),
        }
    }

    /// Whether the file at the path is another one than the epoch describes; and where its wrong log was put, if so.
    fn compare_with_known(&self) -> (bool, Option<PathBuf>) {
        let watched = &self.watched;
        let known = watched.known();
        let (Some(known), Ok(found)) = (known, Identity::of(&watched.path)) else { return (false, None) };
        let newest = newest_file(&watched.level_0()).map(|(_, header)| header);
        if !known.goes_on_as(&found) {
            let aside = newest.and_then(|newest| stale_log::set_aside(&watched.path, &newest));
            return (true, aside);
        }
        let Some(newest) = newest else { return (false, None) };
        let mut tail = WalTail::new(&watched.path);
        let end = loop {
            match tail.poll() {
                Ok(end) if end.more => {}
                Ok(end) => break end,
                Err(_) => return (false, None),
            }
        };
        let same_log = end.page_size > 0 && end.salts == newest.wal_salts;
        // A log that goes back is an older one. And when nobody has written into the log since, nobody but Litestream has
        // a reason to write into the file: it was copied over.
        let went_back = same_log && end.offset < newest.wal_end();
        let silently = same_log && end.offset == newest.wal_end() && known.is_rewritten_as(&found);
        (went_back || silently, None)
    }

    fn obstructed(&mut self, obstacle: Obstacle) {
        let mut seen = self.watched.seen();
        seen.held = false;
        seen.obstacle = Some(obstacle);
    }

    /// Whether the file is still there and still the same, and how large it is.
    fn look_at_file(&mut self) {
        // Another Litestream that starts later would damage what ours captures: ours lets go, and it is told.
        if self.grip.is_some()
            && let Some(obstacle) = foreign_litestream(&self.watched.path)
        {
            self.grip = None;
            self.obstructed(obstacle);
        }
        let path = &self.watched.path;
        let metadata = std::fs::metadata(path).ok();
        let size = metadata.as_ref().map_or(0, std::fs::Metadata::len);
        let wal = std::fs::metadata(wal_path(path)).map_or(0, |metadata| metadata.len());
        let copying = self.watched.seen().progress.stored_txid().is_none();
        let first_copy = if copying { bytes_in(&self.watched.level_0()) } else { 0 };
        let known = {
            let mut seen = self.watched.seen();
            seen.first_copy = first_copy;
            seen.device = metadata.as_ref().and_then(device_of);
            seen.size = size;
            seen.wal_size = wal;
            seen.mark.clone()
        };
        if self.grip.is_none() || known.as_ref().is_some_and(|known| known.is_untouched(path)) {
            self.doubted = None;
            let mut seen = self.watched.seen();
            (seen.missing, seen.replaced) = (false, false);
            return;
        }
        let found = Identity::of(path).ok();
        let mut seen = self.watched.seen();
        seen.missing = found.is_none();
        let (Some(found), Some(known)) = (found, known) else { return };
        if known.goes_on_as(&found) {
            if !seen.another {
                self.watched.know(Some(found.clone()));
            }
            seen.mark = Some(found);
            seen.replaced = false;
            self.doubted = None;
        } else {
            // In the middle of a checkpoint a file holds something of before and something of after.
            let settled = self.doubted.as_ref() == Some(&found);
            seen.replaced = known.file != found.file || settled;
            self.doubted = Some(found);
        }
    }

    /// Moves the first log into the file once it is stored: what Litestream writes into the database reaches the file with
    /// that, and tells it from one that is copied over it. It neither waits for anybody nor makes anybody wait.
    fn make_telling(&mut self) {
        let wanted = {
            let seen = self.watched.seen();
            seen.progress.is_stored()
                && seen.wal_size < TELLING
                && seen.mark.as_ref().is_some_and(|mark| !mark.is_telling())
        };
        let Some(grip) = self.grip.as_ref().filter(|_| wanted) else { return };
        match grip.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
            Ok(()) => self.look_at_file(),
            Err(error) => tracing::debug!(%error, "the log can't be moved into the file"),
        }
    }

    /// Follows Litestream's files of level 0: each is one after the other, so the next one's name is known.
    fn follow_captured(&mut self, now: Instant) {
        let Some(grip) = &mut self.grip else { return };
        let dir = self.watched.level_0();
        let mut found = false;
        while let Some(newest) = grip.newest {
            let next = LtxName { min: newest.max.next(), max: newest.max.next() };
            let file = dir.join(next.to_string());
            let Some(header) = read_header(&file) else { break };
            if !self.watched.is_trusted(&file, &header) {
                return;
            }
            self.watched.seen().progress.captured(&header);
            grip.newest = Some(next);
            found = true;
        }
        // Litestream may have begun anew, or have skipped a number: then only a search finds its newest file.
        // The first file of all is waited for by everybody: it is searched for at each look.
        let pause = if grip.newest.is_none() { Duration::ZERO } else { SLOW / 2 };
        if !found && self.searched.is_none_or(|last| now.duration_since(last) >= pause) {
            self.searched = Some(now);
            if let Some((name, header)) = newest_file(&dir)
                && grip.newest != Some(name)
                && self.watched.is_trusted(&dir.join(name.to_string()), &header)
            {
                self.watched.seen().progress.captured(&header);
                grip.newest = Some(name);
                found = true;
            }
        }
        if found {
            self.watched.captured.notify_one();
        }
    }
}

/// A power cut while a database left WAL mode can leave an emptied rollback journal, which SQLite leaves lying for ever.
///
/// Only for a database that is held in WAL mode: SQLite has then rolled back a journal that was needed, and nobody can
/// begin another one.
fn drop_stale_journal(path: &Path) {
    let mut journal = path.as_os_str().to_owned();
    journal.push("-journal");
    match std::fs::remove_file(&journal) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(%error, "`{}` can't be removed", journal.display());
        }
        _ => {}
    }
}

/// Where SQLite keeps a database's log.
pub(crate) fn wal_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// Bytes of all files in a folder.
fn bytes_in(dir: &Path) -> u64 {
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten();
    files.filter_map(|file| Some(file.metadata().ok()?.len())).sum()
}

fn read_header(path: &Path) -> Option<Header> {
    use std::io::Read;
    let mut bytes = [0; HEADER_SIZE];
    std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut bytes)).ok()?;
    Header::parse(&bytes).ok()
}

/// The newest file that Litestream has captured into a folder.
pub(crate) fn newest_file(dir: &Path) -> Option<(LtxName, Header)> {
    let names =
        std::fs::read_dir(dir).ok()?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let name: LtxName = names.max_by_key(|name: &LtxName| name.max)?;
    Some((name, read_header(&dir.join(name.to_string()))?))
}
