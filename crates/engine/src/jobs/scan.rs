//! Reads every stored object of the epoch that is being written: is each whole, is none missing (DESIGN §2).

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, sync_channel};

use bytes::Bytes;
use sqlite_replicate_api::{ErrorCode, Finding, Outcome, Report, Result, ScanReport, Stage, Txid};

use super::Cancel;
use super::check::Work;
use super::heal::heal;
use super::plan::{Line, is_rotten};
use crate::chain::{Effect, Hole, Listing, Object};
use crate::core::lock;
use crate::follower::ANSWER;
use crate::ltx;

/// What is wrong, in the terms of the history.
#[derive(Debug, Default)]
pub(super) struct Wrong {
    pub(super) damaged: Vec<(Object, String)>,
    pub(super) holes: Vec<Hole>,
    /// Stored transactions that the store no longer lists, behind the newest that it does.
    pub(super) vanished: Option<(Txid, Txid)>,
}

/// Scans, and mends what can be mended if that is wanted.
pub(super) async fn scan(work: &Work, mend: bool) -> Result<Outcome> {
    let line = Line::of(work.core.store()?, &work.database.record());
    let (mut report, wrong) = look(work, &line).await?;
    lock(&work.database.checks).damaged = wrong.damaged.iter().map(|(object, _)| line.key(object)).collect();
    if mend && !report.findings.is_empty() {
        report.healed = heal(work, &line, &wrong).await?;
        lock(&work.database.checks).damaged.clear();
    }
    Ok(Outcome::Scanned(report))
}

async fn look(work: &Work, line: &Line) -> Result<(ScanReport, Wrong)> {
    let captured_before = work.database.watched().seen().progress.stored_txid();
    let listing = line.listing().await?;
    let mut report = ScanReport::default();
    let mut wrong = Wrong { holes: holes(&listing), ..Wrong::default() };
    if let (Some(stored), newest) = (captured_before, listing.newest().unwrap_or_default())
        && newest < stored
    {
        wrong.vanished = Some((newest.next(), stored));
    }
    let total = listing.bytes();
    for object in listing.objects() {
        work.cancel.check()?;
        work.reporter.at(Stage::Scanning, report.bytes, Some(total));
        // A whole copy can be large: a cancel does not wait for its end.
        let examined = tokio::select! {
            examined = examine(line, object) => examined?,
            () = work.cancel.cancelled() => return Err(super::cancelled()),
        };
        if let Some(why) = examined {
            wrong.damaged.push((*object, why));
        }
        report.objects += 1;
        report.bytes += object.size;
    }
    report.findings = findings(line, &wrong);
    Ok((report, wrong))
}

/// Holes that cost a moment. What only coarsens is told by the history, and no loss.
fn holes(listing: &Listing) -> Vec<Hole> {
    listing.holes().into_iter().filter(|hole| hole.effect > Effect::Coarsens).collect()
}

fn findings(line: &Line, wrong: &Wrong) -> Vec<Finding> {
    let damaged = wrong
        .damaged
        .iter()
        .map(|(object, why)| Finding::Damaged { key: line.key(object), why: why.clone() });
    let holes = wrong.holes.iter().map(|hole| Finding::Hole {
        level: hole.level.number(),
        first: hole.after.next(),
        last: Txid(hole.before.0.saturating_sub(1)),
        blocking: hole.effect == Effect::BlocksNewest,
    });
    let vanished = wrong.vanished.iter().map(|(first, last)| Finding::Hole {
        level: 0,
        first: *first,
        last: *last,
        blocking: true,
    });
    damaged.chain(holes).chain(vanished).collect()
}

/// The keys of those objects that are damaged.
pub(super) async fn damaged(line: &Line, objects: &[Object], cancel: &Cancel) -> Result<BTreeSet<String>> {
    let mut damaged = BTreeSet::new();
    for object in objects {
        cancel.check()?;
        if examine(line, object).await?.is_some() {
            damaged.insert(line.key(object));
        }
    }
    Ok(damaged)
}

/// What is wrong with an object; none if it is whole, or was compacted away meanwhile.
async fn examine(line: &Line, object: &Object) -> Result<Option<String>> {
    let mut again = false;
    loop {
        match read_whole(line, object).await {
            // A large object whose file is damaged breaks off in the middle. So does every one when the store ends; but
            // that does not answer afterwards.
            Err(report)
                if report.code == ErrorCode::StoreUnreachable && line.store.probe(ANSWER).await.is_ok() =>
            {
                if again {
                    return Ok(Some(report.to_string()));
                }
                again = true;
            }
            found => return found,
        }
    }
}

async fn read_whole(line: &Line, object: &Object) -> Result<Option<String>> {
    let key = line.key(object);
    let mut body = match line.store.get_stream(&key).await {
        Ok(body) => body,
        Err(report) if report.code == ErrorCode::NoSuchRestorePoint => return Ok(None),
        // MinIO itself finds that its file is damaged.
        Err(report) if is_rotten(&report) => return Ok(Some(report.to_string())),
        Err(report) => return Err(report),
    };
    let (sender, receiver) = sync_channel::<io::Result<Bytes>>(4);
    let expected = object.key().name;
    let verified =
        tokio::task::spawn_blocking(move || ltx::verify(Chunks { receiver, current: Bytes::new() }));
    loop {
        let chunk = match tokio::time::timeout(std::time::Duration::from_secs(30), body.next()).await {
            Ok(Some(Ok(chunk))) => Ok(chunk),
            Ok(Some(Err(error))) => Err(io::Error::other(error)),
            Ok(None) => break,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the store stopped in the middle")),
        };
        let last = chunk.is_err();
        let sender = sender.clone();
        // A full queue waits for the checker, which is what is wanted; not on this thread, though.
        let sent = tokio::task::spawn_blocking(move || sender.send(chunk)).await;
        if last || !matches!(sent, Ok(Ok(()))) {
            break;
        }
    }
    drop(sender);
    let verified = verified.await.map_err(|error| {
        Report::new(ErrorCode::Internal, "a scan failed by a defect of this program").because(error)
    })?;
    match verified {
        Ok(found) if (found.header.min, found.header.max) != (expected.min, expected.max) => {
            Ok(Some("it holds other transactions than its name says".to_owned()))
        }
        Ok(_) => Ok(None),
        Err(error) if error.is_damage() => Ok(Some(error.to_string())),
        Err(error) => {
            Err(Report::new(ErrorCode::StoreUnreachable, format!("`{key}` can't be read")).because(error))
        }
    }
}

/// What arrives in chunks, as something to read.
struct Chunks {
    receiver: Receiver<io::Result<Bytes>>,
    current: Bytes,
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.receiver.recv() {
                Ok(chunk) => self.current = chunk?,
                Err(_) => return Ok(0),
            }
        }
        let n = buffer.len().min(self.current.len());
        buffer[..n].copy_from_slice(&self.current.split_to(n));
        Ok(n)
    }
}
