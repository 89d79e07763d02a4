//! The judge: what must hold after every step, told apart from how the protocol reaches it (docs/failover.md,
//! properties a to g), and a model of what the owner was told.

use crate::ids::EpochId;
use crate::lineage::{Lineage, Reason};
use crate::membership::Stage;
use crate::sim::content::{Commits, Content, EMPTY, content_at};
use crate::sim::disk::Disk;
use crate::sim::node::{Node, Time};
use crate::stored::Record;
use crate::tenure::Opened;
use std::fmt;

/// What was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which property.
    pub property: Property,
    /// What happened.
    pub what: String,
}

/// The properties by their letters in docs/failover.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Property {
    /// (a) One writer in `automatic`.
    OneWriter,
    /// (b) What was acknowledged is in the current epoch, a fork, or restored away.
    AcknowledgedKept,
    /// (c) The same for every commit of a living host.
    CommitsKept,
    /// (d) One writer per prefix.
    OneWriterPerPrefix,
    /// (e) Once faults stop: one primary within three leases, and the standby catches up.
    Liveness,
    /// (f) No unforced opening leaves out an opened epoch.
    NothingLeftOut,
    /// Never `protected` for what a later opening loses.
    ToldTheTruth,
    /// A program is let in only to the epoch that is opened.
    OnlyOpened,
    /// An acknowledgement is only ever for the newest opened epoch that the receiver knows (rule 9).
    OnlyNewest,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.property, self.what)
    }
}

#[derive(Clone, Debug)]
struct Known {
    lineage: Lineage,
    epoch: EpochId,
    left_out: bool,
}

/// The judge's memory.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    violation: Option<Violation>,
    opened: Vec<Known>,
    prefixes: Vec<(EpochId, usize, Content)>,
    acknowledged: Vec<(EpochId, Content)>,
    told: Vec<(EpochId, Content)>,
    /// A content that was replaced on purpose, and by what.
    restored: Vec<(Content, Content)>,
    /// Hosts whose disk was lost: their commits that nobody acknowledged can't be asked for.
    pub(crate) lost: [bool; 2],
    /// A person answered for voters who may have lived: (a) is theirs to answer for.
    pub(crate) forced: bool,
}

impl Oracle {
    pub(crate) fn verdict(&mut self) -> Result<(), Violation> {
        self.violation.take().map_or(Ok(()), Err)
    }

    fn broken(&mut self, property: Property, what: impl FnOnce() -> String) {
        if self.violation.is_none() {
            self.violation = Some(Violation { property, what: what() });
        }
    }

    pub(crate) fn paired(&mut self, opened: &Opened) {
        self.opened.push(Known { lineage: opened.lineage().clone(), epoch: opened.epoch(), left_out: false });
        self.prefixes.push((opened.epoch(), 0, EMPTY));
    }

    /// (a): asked at each commit that the guard's window doesn't excuse.
    pub(crate) fn writing(&mut self, slot: usize, now: Time, nodes: &[Node]) {
        let other = &nodes[1 - slot];
        let strict = (is_leased(&nodes[slot]) || is_leased(other)) && !self.forced;
        if strict && other.can_write() && now >= other.window_until {
            self.broken(Property::OneWriter, || format!("hosts {slot} and {} can both write", 1 - slot));
        }
    }

    pub(crate) fn unfenced(&mut self, slot: usize, file: Option<EpochId>, opened: Option<EpochId>) {
        if file.is_none() || file != opened {
            self.broken(Property::OnlyOpened, || {
                let name = |epoch: Option<EpochId>| epoch.map_or("nothing".to_owned(), |e| e.to_string());
                format!("host {slot} lets its program write {}, opened is {}", name(file), name(opened))
            });
        }
    }

    /// (d): a prefix is new when an epoch begins.
    pub(crate) fn new_prefix(&mut self, epoch: EpochId, slot: usize, base: Content) {
        if self.prefixes.iter().any(|(known, ..)| *known == epoch) {
            self.broken(Property::OneWriterPerPrefix, || format!("prefix {epoch} is used twice"));
        }
        self.prefixes.push((epoch, slot, base));
    }

    /// (d): a prefix grows in one line, by one host.
    pub(crate) fn captured(&mut self, epoch: EpochId, slot: usize, content: Content, commits: &Commits) {
        let Some((_, writer, tip)) = self.prefixes.iter_mut().rev().find(|(known, ..)| *known == epoch)
        else {
            return self.broken(Property::OneWriterPerPrefix, || format!("prefix {epoch} was never begun"));
        };
        if *writer == slot && commits.contains(content, *tip) {
            *tip = content;
        } else {
            self.broken(Property::OneWriterPerPrefix, || {
                format!("prefix {epoch} gets commit {content} of host {slot}")
            });
        }
    }

    pub(crate) fn acknowledged(
        &mut self,
        slot: usize,
        epoch: EpochId,
        content: Content,
        newest: bool,
        commits: &Commits,
    ) {
        if !newest {
            self.broken(Property::OnlyNewest, || {
                format!("host {slot} acknowledges {epoch}, which is not the newest")
            });
        }
        remember(&mut self.acknowledged, epoch, content, commits);
    }

    /// A host shows `protected`: the peer's disk has to hold it now, unless the peer is a new voter that this host has
    /// not heard of yet.
    pub(crate) fn told_protected(
        &mut self,
        epoch: EpochId,
        content: Content,
        peer: Option<&Disk>,
        commits: &Commits,
    ) {
        if peer.is_some_and(|disk| !disk.holds(content, commits)) {
            self.broken(Property::ToldTheTruth, || {
                format!("{epoch} shows commit {content} as protected, which the peer lacks")
            });
        }
        remember(&mut self.told, epoch, content, commits);
    }

    /// A deletion: the same disk has to hold the content elsewhere.
    pub(crate) fn dropped(&mut self, slot: usize, content: Content, disk: &Disk, commits: &Commits) {
        if !disk.holds(content, commits) && !self.is_restored_away(content, commits) {
            self.broken(Property::CommitsKept, || {
                format!("host {slot} deletes commit {content}, which it holds nowhere else")
            });
        }
    }

    fn is_restored_away(&self, content: Content, commits: &Commits) -> bool {
        self.restored
            .iter()
            .any(|(old, new)| commits.contains(*old, content) && !commits.contains(*new, content))
    }

    /// A durable step.
    pub(crate) fn persisted(&mut self, slot: usize, record: &Record, nodes: &[Node], commits: &Commits) {
        match record {
            Record::Opened(opened, _) => self.opens(slot, opened, nodes, commits),
            Record::Superseded(theirs, aside) => {
                let own = self
                    .opened
                    .iter()
                    .find(|known| known.epoch == aside.epoch)
                    .map(|known| known.lineage.clone());
                if let Some(own) = own.filter(|_| !theirs.contains(aside.epoch)) {
                    for known in &mut self.opened {
                        known.left_out |= own.contains(known.epoch) && !theirs.contains(known.epoch);
                    }
                }
            }
            _ => {}
        }
    }

    fn opens(&mut self, slot: usize, opened: &Opened, nodes: &[Node], commits: &Commits) {
        let (epoch, lineage, reason) = (opened.epoch(), opened.lineage(), opened.opening().reason);
        let base = content_at(opened.opening().base.position);
        // A restore on the losing or undecided side of a contest goes on from what the other side left out.
        let parent = opened.opening().parent;
        let aside =
            reason == Reason::Restore && self.opened.iter().any(|k| Some(k.epoch) == parent && k.left_out);
        let alone = reason == Reason::Restore && !is_leased(&nodes[slot]);
        let forced = matches!(reason, Reason::Person | Reason::Machine) || alone || aside;
        for at in 0..self.opened.len() {
            let known = self.opened[at].epoch;
            if known == epoch {
                self.broken(Property::OneWriterPerPrefix, || format!("{epoch} is opened twice"));
            } else if !lineage.contains(known) && !self.opened[at].left_out {
                if forced {
                    self.opened[at].left_out |= !aside;
                } else {
                    self.broken(Property::NothingLeftOut, || {
                        format!("{epoch} of host {slot} leaves out {known}")
                    });
                }
            }
        }
        if reason == Reason::Restore {
            if let Some(point) = nodes[slot].disk.points.last() {
                self.restored.push((point.committed, base));
            }
        } else {
            self.check_kept(epoch, lineage, base, commits);
        }
        self.opened.push(Known { lineage: lineage.clone(), epoch, left_out: aside });
    }

    /// A disk is lost: an epoch that nobody else heard of is lost with it.
    pub(crate) fn disk_lost(&mut self, slot: usize, nodes: &[Node]) {
        if let Some(other) = nodes.get(1_usize.wrapping_sub(slot)) {
            for known in &mut self.opened {
                known.left_out |= !other.stored.ballot.newest().contains(known.epoch);
            }
            self.lost[slot] = true;
            self.forced = true;
        }
    }

    /// An opening goes on from everything that was acknowledged, and that the owner was told is safe, in its own line.
    fn check_kept(&mut self, epoch: EpochId, lineage: &Lineage, base: Content, commits: &Commits) {
        let lost = |list: &[(EpochId, Content)]| {
            let mut own = list.iter().filter(|(e, _)| lineage.contains(*e));
            own.find(|(_, c)| !commits.contains(base, *c) && !self.is_restored_away(*c, commits)).copied()
        };
        let (told, acknowledged) = (lost(&self.told), lost(&self.acknowledged));
        if let Some((of, commit)) = told {
            self.broken(Property::ToldTheTruth, || {
                format!("{epoch} loses commit {commit} of {of}, shown as protected")
            });
        }
        if let Some((of, commit)) = acknowledged {
            self.broken(Property::AcknowledgedKept, || {
                format!("{epoch} loses acknowledged commit {commit} of {of}")
            });
        }
    }

    /// (b) and (c) at the end: where is every commit?
    pub(crate) fn check_end(
        &mut self,
        current: Content,
        nodes: &[Node],
        alive: [bool; 2],
        commits: &Commits,
    ) {
        let living = || nodes.iter().take(2).zip(alive).filter(|(_, alive)| *alive).map(|(node, _)| node);
        let mut kept = vec![false; commits.all().end as usize];
        let mut acknowledged = kept.clone();
        for content in
            living().flat_map(|node| node.disk.forks.iter().map(|(_, content)| *content)).chain([current])
        {
            mark(&mut kept, content, commits);
        }
        for (_, content) in &self.acknowledged {
            mark(&mut acknowledged, *content, commits);
        }
        for commit in commits.all() {
            let at = commit as usize;
            let author = commits.author(commit);
            let asked_for = acknowledged[at] || (alive[author] && !self.lost[author]);
            if kept[at] || !asked_for || self.is_restored_away(commit, commits) {
                continue;
            }
            let property = if acknowledged[at] { Property::AcknowledgedKept } else { Property::CommitsKept };
            self.broken(property, || format!("commit {commit} of host {author} is in no epoch and no fork"));
        }
    }

    pub(crate) fn not_live(&mut self, what: impl FnOnce() -> String) {
        self.broken(Property::Liveness, what);
    }
}

fn is_leased(node: &Node) -> bool {
    let membership = node.stored.ballot.membership.as_ref();
    membership.is_some_and(|m| m.needs_leases() && matches!(m.stage, Stage::Settled(_)))
}

fn mark(kept: &mut [bool], content: Content, commits: &Commits) {
    for commit in commits.of(content) {
        if std::mem::replace(&mut kept[commit as usize], true) {
            break;
        }
    }
}

/// Remembers the newest content of each epoch, and of each branch should there be several.
fn remember(list: &mut Vec<(EpochId, Content)>, epoch: EpochId, content: Content, commits: &Commits) {
    if list.iter().any(|(e, c)| *e == epoch && commits.contains(*c, content)) {
        return;
    }
    match list.iter_mut().rev().find(|(e, c)| *e == epoch && commits.contains(content, *c)) {
        Some((_, known)) => *known = content,
        None => list.push((epoch, content)),
    }
}
