//! What lies on a simulated host's disk besides the protocol's own state: the database and everything that holds a
//! content, and what each task does to them.

use crate::ids::EpochId;
use crate::lineage::Opening;
use crate::mutations::{Mutation, Mutations};
use crate::rejoin::Comparison;
use crate::sim::content::{Commits, Content, EMPTY, content_at};
use crate::tenure::Source;

/// A database file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) epoch: EpochId,
    pub(crate) committed: Content,
    pub(crate) captured: Content,
}

/// A received copy of another host's epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Copy {
    pub(crate) epoch: EpochId,
    /// Whether the first snapshot is in: before that, it holds nothing that can be gone on from.
    pub(crate) complete: bool,
    /// Flushed and acknowledged up to here, from `inbox_from` on.
    pub(crate) inbox: Content,
    pub(crate) inbox_from: Content,
    pub(crate) store: Content,
    pub(crate) warm: Option<Content>,
}

impl Copy {
    pub(crate) fn incomplete(epoch: EpochId) -> Self {
        Self { epoch, complete: false, inbox: EMPTY, inbox_from: EMPTY, store: EMPTY, warm: None }
    }

    pub(crate) fn whole(epoch: EpochId, content: Content) -> Self {
        Self {
            epoch,
            complete: true,
            inbox: content,
            inbox_from: content,
            store: content,
            warm: Some(content),
        }
    }

    /// Where the longest unbroken of inbox, store and warm copy ends.
    pub(crate) fn unbroken(&self, commits: &Commits) -> Option<Content> {
        let reaches = |start: Content| commits.contains(start, self.inbox_from);
        (self.complete && (reaches(self.store) || self.warm.is_some_and(reaches))).then_some(self.inbox)
    }
}

/// One host's disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    /// What lies at the program's path; `None` is the placeholder.
    pub(crate) path: Option<File>,
    pub(crate) aside: Option<File>,
    pub(crate) forks: Vec<(EpochId, Content)>,
    /// What in-place restores put aside, with the file that it was.
    pub(crate) points: Vec<File>,
    pub(crate) copies: Vec<Copy>,
}

impl Disk {
    /// Whether anything on this disk contains `content`.
    pub(crate) fn holds(&self, content: Content, commits: &Commits) -> bool {
        content == EMPTY || self.contents().any(|held| commits.contains(held, content))
    }

    pub(crate) fn contents(&self) -> impl Iterator<Item = Content> + '_ {
        let files = self.path.iter().chain(&self.aside).chain(&self.points).map(|file| file.committed);
        let copies = self.copies.iter().filter(|copy| copy.complete).map(|copy| copy.inbox);
        files.chain(self.forks.iter().map(|(_, content)| *content)).chain(copies)
    }

    pub(crate) fn copy(&mut self, epoch: EpochId) -> Option<&mut Copy> {
        self.copies.iter_mut().find(|copy| copy.epoch == epoch)
    }

    pub(crate) fn keep_fork(&mut self, epoch: EpochId, content: Content) {
        if !self.forks.contains(&(epoch, content)) {
            self.forks.push((epoch, content));
        }
    }

    /// The content to go on from.
    pub(crate) fn base(
        &self,
        source: Source,
        parent: Option<EpochId>,
        commits: &Commits,
        mutations: &Mutations,
    ) -> Option<Content> {
        match source {
            Source::OwnFile => self.path.map(|file| file.committed),
            Source::Restore(position) => Some(content_at(position)),
            Source::Copy => {
                let copy = self.copies.iter().find(|copy| Some(copy.epoch) == parent)?;
                let unbroken = copy.unbroken(commits)?;
                Some(if mutations.has(Mutation::BaseFromStoreOnly) { copy.store } else { unbroken })
            }
        }
    }

    /// Puts the content of `opening` at the program's path. `None` if a file is in the way.
    pub(crate) fn move_file(&mut self, opening: &Opening, source: Source) -> Option<()> {
        let base = content_at(opening.base.position);
        match source {
            Source::OwnFile => {
                let file = self.path.as_mut()?;
                file.epoch = opening.epoch;
                // The new prefix begins with a snapshot of everything.
                file.captured = file.committed;
            }
            Source::Restore(_) => self.points.extend(self.path.take()),
            Source::Copy if self.path.is_some() => return None,
            Source::Copy => {
                let copy = opening.parent.and_then(|parent| self.copy(parent))?;
                copy.warm = None;
            }
        }
        if source != Source::OwnFile {
            self.path = Some(File { epoch: opening.epoch, committed: base, captured: base });
        }
        Some(())
    }

    /// Takes back what [`Disk::move_file`] did, whether or not it had come to that.
    pub(crate) fn undo(&mut self, opening: &Opening, source: Source) {
        let base = content_at(opening.base.position);
        let Some(file) = self.path.filter(|file| file.epoch == opening.epoch) else { return };
        match source {
            Source::OwnFile => {
                if let (Some(file), Some(parent)) = (self.path.as_mut(), opening.parent) {
                    file.epoch = parent;
                }
                return;
            }
            Source::Restore(_) => {
                let point = self.points.pop_if(|point| Some(point.epoch) == opening.parent);
                self.path = point;
            }
            Source::Copy => {
                self.path = None;
                if let Some(copy) = opening.parent.and_then(|parent| self.copy(parent)) {
                    copy.warm = (file.committed == base).then_some(base);
                }
            }
        }
        if file.committed != base {
            self.keep_fork(file.epoch, file.committed);
        }
    }

    /// Renames what lies at the program's path, once.
    pub(crate) fn set_aside(&mut self) {
        if let Some(file) = self.path.take() {
            self.aside = Some(file);
        }
    }

    pub(crate) fn compare(&self, base: Content, mutations: &Mutations) -> Comparison {
        let Some(file) = &self.aside else { return Comparison::Unprovable };
        let content = if mutations.has(Mutation::ForkByCaptured) { file.captured } else { file.committed };
        if content == base { Comparison::Equal } else { Comparison::Differs }
    }
}
