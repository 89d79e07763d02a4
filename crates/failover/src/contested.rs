//! Two opened epochs of which neither is the other's ancestor (docs/failover.md rule 7).

use crate::host::{Errand, Host};
use crate::ids::{EpochId, Position, VoterId};
use crate::lineage::{Lineage, Reason};
use crate::message::{Action, Body, Notice, Obstacle, Task};
use crate::mutations::{Mutation, Mutations};
use crate::stored::Record;
use crate::tenure::Tenure;
use serde::{Deserialize, Serialize};

/// One side of a contest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Its newest opened epoch.
    pub epoch: EpochId,
    /// The other side's, as it knows it: a late word about an earlier contest says nothing about this one.
    pub against: EpochId,
    /// Whether anything was written past its base.
    pub wrote: bool,
    /// Whether a person opened it.
    pub by_person: bool,
    /// Whether a person chose it in this contest.
    pub chosen: bool,
}

/// How a contest ends, seen from one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// This side's epoch stays.
    Mine,
    /// The other's stays.
    Theirs,
    /// Both go on with an alarm until a person chooses.
    Unresolved,
}

/// Decides a contest (rule 7). Total, and symmetric: the other side, with the facts swapped, says the opposite.
pub fn decide(mine: &Facts, theirs: &Facts, mutations: &Mutations) -> Verdict {
    let one = |mine: bool, theirs: bool| match (mine, theirs) {
        (true, false) => Some(Verdict::Mine),
        (false, true) => Some(Verdict::Theirs),
        _ => None,
    };
    let by_number = if mine.epoch > theirs.epoch { Verdict::Mine } else { Verdict::Theirs };
    let undecided =
        if mutations.has(Mutation::ContestBothStay) { Verdict::Mine } else { Verdict::Unresolved };
    let neither_wrote = !mine.wrote && !theirs.wrote;
    one(mine.chosen, theirs.chosen)
        .or_else(|| one(mine.wrote, theirs.wrote))
        .or_else(|| neither_wrote.then_some(by_number))
        .or_else(|| one(mine.by_person, theirs.by_person))
        .unwrap_or(undecided)
}

/// A contest under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contest {
    theirs: Lineage,
    draining: bool,
    mine: Option<Facts>,
    facts: Option<Facts>,
    chosen: bool,
}

/// A contest that was left without a winner: both hosts go on, with an alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unresolved {
    theirs: Lineage,
    /// What this host said, if the facts of both sides left it without a winner; they stay as they are then.
    mine: Option<Facts>,
}

impl Contest {
    /// Left by a person because the peer says nothing. What this host knew of itself will not stay true while it writes.
    pub(crate) fn left_by_person(&self) -> Unresolved {
        Unresolved { theirs: self.theirs.clone(), mine: None }
    }
}

impl Host {
    /// Whether two opened epochs side by side are possible and so have to be settled by rule 7: where anything but a
    /// majority of three can open one.
    pub(crate) fn contests(&self) -> bool {
        self.voter.membership().is_some_and(|membership| !membership.leased_setups().eq(membership.setups()))
    }

    /// A person answers for a peer that says nothing in a contest.
    pub(crate) fn leave_contest(&mut self) {
        if let Errand::Contest(contest) = &self.errand {
            self.unresolved = Some(contest.left_by_person());
            self.errand = Errand::None;
        }
    }

    /// Whether a contest is under way or was left without a winner.
    pub(crate) fn is_contested(&self) -> bool {
        self.unresolved.is_some() || matches!(self.errand, Errand::Contest(_))
    }

    /// The peer has an epoch that is neither an ancestor nor a descendant of this host's.
    pub(crate) fn enter_contest(&mut self, theirs: &Lineage) {
        let tip = theirs.tip_epoch();
        let known = match &self.errand {
            Errand::Contest(contest) => contest.theirs.tip_epoch() == tip,
            Errand::Promotion(_) | Errand::Stopping => true,
            _ => self.unresolved.as_ref().is_some_and(|unresolved| unresolved.theirs.tip_epoch() == tip),
        };
        if !known {
            self.begin_contest(theirs.clone(), false);
        }
    }

    fn begin_contest(&mut self, theirs: Lineage, chosen: bool) {
        self.unresolved = None;
        self.errand = Errand::Contest(Contest { theirs, draining: false, mine: None, facts: None, chosen });
    }

    /// Behind the closed gate: drain, exchange, decide.
    pub(crate) fn advance_contest(&mut self, out: &mut Vec<Action>) {
        let Errand::Contest(contest) = &mut self.errand else { return };
        if !contest.draining {
            contest.draining = true;
            out.push(Action::Begin(Task::Drain));
            return;
        }
        let (Some(mine), Some(facts)) = (contest.mine, contest.facts) else { return };
        let theirs = contest.theirs.clone();
        match decide(&mine, &facts, &self.voter.id.mutations) {
            // The peer has to give its epoch up first: `win_contest` follows when it says so.
            Verdict::Mine => {}
            Verdict::Theirs => self.supersede(theirs, out),
            Verdict::Unresolved => {
                self.say_facts(mine, true, out);
                self.unresolved = Some(Unresolved { theirs, mine: Some(mine) });
                self.errand = Errand::None;
                self.resumed = true;
                out.push(Action::Tell(Notice::Contested));
            }
        }
    }

    /// The peer knows this host's epoch as the newest, so it has given its own up: the winner claims above both terms,
    /// with its own epoch as parent.
    pub(crate) fn win_contest(&mut self, out: &mut Vec<Action>) {
        if !matches!(self.errand, Errand::Contest(_)) {
            return;
        }
        self.errand = Errand::None;
        self.voter.persist(Record::Yielded, out);
        if let Tenure::Opened(opened) = &self.voter.stored.tenure {
            let released = opened.release(None);
            self.voter.persist(Record::Released(released), out);
        }
    }

    /// The content is drained: whether anything was written past the base is known.
    pub(crate) fn contest_drained(&mut self, position: Position) {
        let Some(own) = self.voter.stored.tenure.own_line() else { return };
        let opening = *own.opening();
        // What a person put in the place of the content is their doing, whether or not anything came after it.
        let restored = opening.reason == Reason::Restore;
        let Errand::Contest(contest) = &mut self.errand else { return };
        let Some(against) = contest.theirs.tip_epoch() else { return };
        contest.mine = Some(Facts {
            epoch: opening.epoch,
            against,
            wrote: position != opening.base.position || restored,
            by_person: opening.reason == Reason::Person || restored,
            chosen: contest.chosen,
        });
    }

    /// Says the facts, once a beat until the contest is over: they may be lost.
    pub(crate) fn send_facts(&self, out: &mut Vec<Action>) {
        if let Errand::Contest(Contest { mine: Some(facts), .. }) = &self.errand {
            self.say_facts(*facts, false, out);
        }
    }

    fn say_facts(&self, facts: Facts, answer: bool, out: &mut Vec<Action>) {
        let me = self.me();
        if let Some(peer) = self.voter.membership().and_then(|membership| membership.peer_of(me)) {
            self.voter.send(peer, Body::Contest(self.voter.stored.ballot.opened.clone(), facts, answer), out);
        }
    }

    /// The other side's facts.
    pub(crate) fn hear_facts(
        &mut self,
        from: VoterId,
        theirs: &Lineage,
        facts: Facts,
        answer: bool,
        out: &mut Vec<Action>,
    ) {
        let own = self.voter.stored.ballot.opened.tip_epoch();
        let peer = self.voter.membership().and_then(|membership| membership.peer_of(self.me()));
        if own != Some(facts.against) || peer != Some(from) {
            return;
        }
        let known = self.unresolved.as_ref().filter(|known| known.theirs.tip_epoch() == theirs.tip_epoch());
        let free = matches!(self.errand, Errand::None | Errand::Campaign(_));
        if let Some(known) = known.filter(|_| free) {
            match known.mine {
                // The other side started again, and asks anew.
                Some(mine) if !facts.chosen && Some(mine.epoch) == own => {
                    if !answer {
                        self.say_facts(mine, true, out);
                    }
                }
                _ => self.begin_contest(theirs.clone(), false),
            }
        }
        self.learn_of_peer(theirs, out);
        if let Errand::Contest(contest) = &mut self.errand
            && contest.theirs.tip_epoch() == Some(facts.epoch)
        {
            contest.facts = Some(facts);
        }
    }

    /// A person chooses in a contest that found no winner, or that waits for a peer that says nothing.
    pub(crate) fn choose(&mut self, mine: bool, out: &mut Vec<Action>) -> Result<(), Obstacle> {
        let theirs = match &self.errand {
            Errand::Contest(contest) => contest.theirs.clone(),
            Errand::None => self.unresolved.clone().ok_or(Obstacle::Busy)?.theirs,
            _ => return Err(Obstacle::Busy),
        };
        if mine {
            self.begin_contest(theirs, true);
        } else {
            self.supersede(theirs, out);
        }
        Ok(())
    }
}
