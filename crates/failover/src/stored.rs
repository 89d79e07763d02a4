//! What a voter keeps on disk, and the durable steps that change it. Each step is one transaction.

use crate::ids::{EpochId, Run, Term, VoterId};
use crate::lineage::Lineage;
use crate::membership::Membership;
use crate::rejoin::{Aside, AsideStage};
use crate::tenure::{Announced, Opened, Released, Tenure};
use crate::voting::{Ballot, Promise};
use serde::{Deserialize, Serialize};

/// The durable state. A witness uses only the ballot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Promise, openings, membership.
    pub ballot: Ballot,
    /// What this host is to its own epoch.
    pub tenure: Tenure,
    /// The term for whose sake the receiver was closed (rule 4).
    pub receiver_closed: Option<Term>,
    /// A superseded file that is not dealt with yet (rule 6).
    pub aside: Option<Aside>,
    /// Whether the last stop was clean: fenced, with nothing left to do (rule 1).
    pub clean: bool,
    /// The last run that began.
    pub run: Run,
}

/// One durable step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// A promise, before it is given.
    Promised(Promise),
    /// An opening of another, or of one's own, stored for its majority.
    Recorded(Lineage),
    /// An epoch is known to be opened.
    Learned(Lineage),
    /// The receiver takes nothing more, for the sake of this term.
    ReceiverClosed(Term),
    /// The claim failed: the receiver takes again.
    ReceiverOpened,
    /// Epoch and base of a promotion or restore.
    Announced(Announced),
    /// A majority stored the announced opening. Stamps the membership with its term.
    Opened(Opened, Membership),
    /// The own epoch ended for ever.
    Released(Released),
    /// An announced opening was taken back.
    Undone(Tenure),
    /// Another's epoch took over: what is at the program's path is no longer the database.
    Superseded(Lineage, Aside),
    /// The peer gave up, for this host's, an epoch that this voter may have stored: it bars nobody any more.
    Yielded,
    /// The set-aside file came one stage further; `None`: it is a fork, or gone.
    Aside(Option<Aside>),
    /// Mode and voters.
    Membership(Membership),
    /// A start or a wake begins a run.
    Began(Run),
    /// A clean stop ends it.
    Stopped,
}

impl Stored {
    /// A voter that was never admitted, or that lost its state.
    pub fn blank() -> Self {
        Self {
            ballot: Ballot::blank(),
            tenure: Tenure::Follows,
            receiver_closed: None,
            aside: None,
            clean: false,
            run: Run::default(),
        }
    }

    /// A voter as pairing sets it up. `tenure` is [`Tenure::Opened`] on the host that pairing names as primary.
    pub fn paired(membership: Membership, primary: &Opened, tenure: Tenure) -> Self {
        let promised = Promise { term: primary.epoch().term, to: primary.epoch().host };
        let ballot = Ballot {
            promised: Some(promised),
            opened: primary.lineage().clone(),
            recorded: None,
            membership: Some(membership),
        };
        Self { ballot, tenure, receiver_closed: None, aside: None, clean: true, run: Run::default() }
    }

    /// As [`Stored::paired`], for a host that has a database of its own at the program's path: it becomes a fork before
    /// anything else (rule 10).
    pub fn paired_with_stray(membership: Membership, primary: &Opened, me: VoterId) -> Self {
        let epoch = EpochId::stray(me);
        let aside = Some(Aside { epoch, stage: AsideStage::Renaming });
        Self { aside, ..Self::paired(membership, primary, Tenure::Follows) }
    }

    /// Makes the step. The only way in which stored state changes.
    pub fn apply(&mut self, record: &Record) {
        match record {
            Record::Promised(promise) => self.ballot.promised = Some(*promise),
            Record::Recorded(lineage) => self.ballot.recorded = Some(lineage.clone()),
            Record::Learned(lineage) => self.ballot.learn(lineage.clone()),
            Record::ReceiverClosed(term) => self.receiver_closed = Some(*term),
            Record::ReceiverOpened => self.receiver_closed = None,
            Record::Announced(announced) => self.tenure = Tenure::Announced(announced.clone()),
            Record::Opened(opened, membership) => {
                self.ballot.learn(opened.lineage().clone());
                self.ballot.membership = Some(membership.clone());
                self.tenure = Tenure::Opened(opened.clone());
                self.receiver_closed = None;
            }
            Record::Released(released) => self.tenure = Tenure::Released(released.clone()),
            Record::Undone(tenure) => {
                // It can't be opened any more, by anyone: the own vote need not guard it.
                self.ballot.recorded = None;
                self.tenure = tenure.clone();
                self.receiver_closed = None;
            }
            Record::Superseded(lineage, aside) => {
                // What this host gives up, only it could have written: its own vote need not guard it.
                let own = |recorded: &mut Lineage| {
                    recorded.tip_epoch().is_some_and(|tip| tip.host == aside.epoch.host)
                };
                self.ballot.recorded.take_if(own);
                self.ballot.learn(lineage.clone());
                self.tenure = Tenure::Follows;
                self.receiver_closed = None;
                self.aside = Some(aside.clone());
            }
            Record::Yielded => self.ballot.recorded = None,
            Record::Aside(aside) => self.aside = aside.clone(),
            Record::Membership(membership) => self.ballot.membership = Some(membership.clone()),
            Record::Began(run) => {
                self.run = *run;
                self.clean = false;
            }
            Record::Stopped => self.clean = true,
        }
    }
}
