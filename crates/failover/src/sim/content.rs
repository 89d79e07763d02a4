//! All contents that ever existed in a schedule: each commit knows the one before it, so a content is the name of its
//! last commit, and whether one contains another is asked of the tree and not of the protocol.

use crate::ids::{Digest, Position, Txid};

/// A content, named by its last commit.
pub(crate) type Content = u32;

/// The empty database.
pub(crate) const EMPTY: Content = 0;

#[derive(Clone, Copy, Debug)]
struct Commit {
    before: Content,
    depth: u32,
    author: u8,
}

/// Every commit of a schedule.
#[derive(Debug)]
pub(crate) struct Commits(Vec<Commit>);

impl Commits {
    pub(crate) fn new() -> Self {
        Self(vec![Commit { before: EMPTY, depth: 0, author: u8::MAX }])
    }

    /// A program on host `author` commits on top of `before`.
    pub(crate) fn commit(&mut self, before: Content, author: usize) -> Content {
        let depth = self.0[before as usize].depth + 1;
        self.0.push(Commit { before, depth, author: author as u8 });
        (self.0.len() - 1) as Content
    }

    /// Whether `content` contains everything of `part`.
    pub(crate) fn contains(&self, mut content: Content, part: Content) -> bool {
        let depth = self.0[part as usize].depth;
        while self.0[content as usize].depth > depth {
            content = self.0[content as usize].before;
        }
        content == part
    }

    /// The content `steps` commits earlier.
    pub(crate) fn earlier(&self, mut content: Content, steps: u64) -> Content {
        for _ in 0..steps {
            content = self.0[content as usize].before;
        }
        content
    }

    pub(crate) fn author(&self, commit: Content) -> usize {
        self.0[commit as usize].author as usize
    }

    /// All commits.
    pub(crate) fn all(&self) -> std::ops::Range<Content> {
        1..self.0.len() as Content
    }

    /// The commits of `content`, newest first.
    pub(crate) fn of(&self, content: Content) -> impl Iterator<Item = Content> + '_ {
        std::iter::successors(Some(content), |c| Some(self.0[*c as usize].before)).take_while(|c| *c != EMPTY)
    }

    pub(crate) fn position(&self, content: Content) -> Position {
        let depth = self.0[content as usize].depth;
        Position { txid: Txid::new(u64::from(depth)), digest: Digest::new(u64::from(content)) }
    }
}

/// The content that a position of [`Commits::position`] names.
pub(crate) fn content_at(position: Position) -> Content {
    position.digest.value() as Content
}
