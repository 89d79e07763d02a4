//! A host that learns of another's opened epoch: what lies at its program's path is set aside by rename first and
//! compared afterwards, and is a fork unless it provably is what the successor began with (docs/failover.md rule 6).

use crate::host::{Errand, Gate, Host};
use crate::ids::EpochId;
use crate::lineage::{Lineage, Relation};
use crate::message::{Action, Notice, Task};
use crate::mutations::Mutation;
use crate::stored::Record;
use crate::tenure::Tenure;
use serde::{Deserialize, Serialize};

/// A superseded file and how far it is dealt with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aside {
    /// The epoch that was written in it.
    pub epoch: EpochId,
    /// How far.
    pub stage: AsideStage,
}

/// How far a superseded file is dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AsideStage {
    /// It is to be renamed, and may still lie at the program's path.
    Renaming,
    /// It lies aside, not compared yet.
    Renamed,
    /// It is the base of this opening: it becomes the copy, or goes if a complete copy of the newest epoch contains it.
    Equal(EpochId),
    /// It is a fork, to be kept for ever.
    Fork,
}

/// How a set-aside file compares with a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// The same, WAL included.
    Equal,
    /// It differs.
    Differs,
    /// It can't be told: a fork, to be on the safe side.
    Unprovable,
}

impl Host {
    /// Hears from the peer itself, in this run, which epoch it knows as opened: only that can begin or end a contest.
    pub(crate) fn learn_of_peer(&mut self, theirs: &Lineage, out: &mut Vec<Action>) {
        let own = self.voter.stored.tenure.own_line().map(|own| own.lineage().relation(theirs));
        match own {
            Some(Relation::Same) => self.win_contest(out),
            Some(Relation::Apart) if self.contests() => self.enter_contest(theirs),
            _ => self.learn(theirs, out),
        }
    }

    /// Hears of an opened epoch, from its primary or from one that learnt it.
    pub(crate) fn learn(&mut self, theirs: &Lineage, out: &mut Vec<Action>) {
        let ballot = &self.voter.stored.ballot;
        let relation = ballot.opened.relation(theirs);
        if matches!(relation, Relation::Same | Relation::Ahead) {
            return;
        }
        if theirs
            .tip_epoch()
            .is_none_or(|tip| tip.host == self.me() && self.voter.stored.tenure.own_line().is_none())
        {
            // An opening of this host's own that it took back: a voter stored it, nothing was written.
            return;
        }
        let news = ballot.is_news(theirs);
        match &self.voter.stored.tenure {
            Tenure::Announced(_) if news => self.undo_unless_undoing(out),
            Tenure::Announced(_) => {}
            Tenure::Follows if news => {
                self.voter.persist(Record::Learned(theirs.clone()), out);
                self.drop_stale_errand(out);
            }
            Tenure::Follows => {}
            Tenure::Opened(_) | Tenure::Released(_) => {
                if news && !(relation == Relation::Apart && self.contests()) {
                    self.supersede(theirs.clone(), out);
                }
            }
        }
    }

    fn undo_unless_undoing(&mut self, out: &mut Vec<Action>) {
        if !matches!(self.errand, Errand::Undoing(_)) {
            self.undo(out);
        }
    }

    fn drop_stale_errand(&mut self, out: &mut Vec<Action>) {
        match self.errand {
            Errand::Campaign(_) => self.errand = Errand::None,
            Errand::Promotion(_) => self.undo(out),
            _ => {}
        }
    }

    /// Ends the own epoch in favour of `theirs`: first on disk, then at the gate, then at the file.
    pub(crate) fn supersede(&mut self, theirs: Lineage, out: &mut Vec<Action>) {
        let Some(own) = self.voter.stored.tenure.own_line() else { return };
        let epoch = own.epoch();
        self.errand = Errand::None;
        self.unresolved = None;
        self.leases.void();
        self.voter.persist(Record::Superseded(theirs, Aside { epoch, stage: AsideStage::Renaming }), out);
        out.push(Action::Tell(Notice::Superseded(epoch)));
        if self.gate == Gate::Open {
            self.gate = Gate::Closing;
            out.push(Action::Begin(Task::Fence));
        }
        self.aside_busy = false;
    }

    /// Takes the next step with a superseded file. Only called behind a closed gate.
    pub(crate) fn drive_aside(&mut self, out: &mut Vec<Action>) {
        if self.aside_busy {
            return;
        }
        let Some(Aside { epoch, stage }) = self.voter.stored.aside.clone() else { return };
        let opened = &self.voter.stored.ballot.opened;
        let successor = opened.successor(epoch).copied();
        let task = match stage {
            AsideStage::Renaming => Task::SetAside(epoch),
            AsideStage::Renamed => match successor {
                Some(opening) => Task::Compare(opening.base.position),
                None => return self.mark_aside(AsideStage::Fork, out),
            },
            AsideStage::Equal(known) => {
                if successor.map(|opening| opening.epoch) != Some(known) {
                    return self.mark_aside(AsideStage::Renamed, out);
                }
                if opened.restored_since(known) {
                    return self.mark_aside(AsideStage::Fork, out);
                }
                let complete = self.copy.is_some() && self.copy == opened.tip_epoch();
                if complete || self.voter.mutated(Mutation::DropWithoutCopy) {
                    Task::DropAside
                } else if self.voter.mutated(Mutation::EqualWaits) {
                    return;
                } else {
                    Task::SeedCopy(known)
                }
            }
            AsideStage::Fork => Task::KeepFork,
        };
        self.aside_busy = true;
        out.push(Action::Begin(task));
    }

    fn mark_aside(&mut self, stage: AsideStage, out: &mut Vec<Action>) {
        self.aside_busy = false;
        let Some(Aside { epoch, .. }) = self.voter.stored.aside else { return };
        self.voter.persist(Record::Aside(Some(Aside { epoch, stage })), out);
        self.drive_aside(out);
    }

    /// The file lies aside.
    pub(crate) fn was_set_aside(&mut self, out: &mut Vec<Action>) {
        if matches!(&self.voter.stored.aside, Some(aside) if aside.stage == AsideStage::Renaming) {
            self.mark_aside(AsideStage::Renamed, out);
        }
    }

    /// The file is compared.
    pub(crate) fn was_compared(&mut self, comparison: Comparison, out: &mut Vec<Action>) {
        let Some(Aside { epoch, stage: AsideStage::Renamed }) = self.voter.stored.aside else { return };
        let successor = self.voter.stored.ballot.opened.successor(epoch).map(|opening| opening.epoch);
        match (comparison, successor) {
            (Comparison::Equal, Some(successor)) => self.mark_aside(AsideStage::Equal(successor), out),
            _ => self.mark_aside(AsideStage::Fork, out),
        }
    }

    /// The fork is kept.
    pub(crate) fn fork_kept(&mut self, out: &mut Vec<Action>) {
        if let Some(Aside { epoch, stage: AsideStage::Fork }) = self.voter.stored.aside {
            self.aside_busy = false;
            self.voter.persist(Record::Aside(None), out);
            out.push(Action::Tell(Notice::Fork(epoch)));
        }
    }

    /// The equal file is gone.
    pub(crate) fn aside_dropped(&mut self, out: &mut Vec<Action>) {
        if matches!(&self.voter.stored.aside, Some(Aside { stage: AsideStage::Equal(_), .. })) {
            self.aside_busy = false;
            self.voter.persist(Record::Aside(None), out);
        }
    }
}
