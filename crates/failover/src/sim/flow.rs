//! The flow of data beside the protocol: capture, shipping, the receiver's inbox, the applier, and the status that each
//! host shows. A small model of what docs/architecture.md 2 says.

use crate::ids::{EpochId, VoterId};
use crate::lineage::Lineage;
use crate::message::Event;
use crate::mutations::Mutation;
use crate::rejoin::AsideStage;
use crate::sim::content::{Content, content_at};
use crate::sim::disk::Copy;
use crate::sim::node::{Power, Shipping};
use crate::sim::world::{Happening, Payload, World};
use crate::status::{Evidence, Overall};
use crate::tenure::Tenure;

impl World {
    /// A message arrives, or does not.
    pub(crate) fn deliver(&mut self, from: usize, to: usize, payload: Payload) {
        if self.now < self.cut[from][to] {
            return;
        }
        if self.nodes[to].power == Power::Asleep {
            if self.random.chance(50) {
                self.after(300_000, Happening::Deliver(from, to, payload));
            }
            return;
        }
        if !self.nodes[to].engine_runs() {
            return;
        }
        match payload {
            Payload::Protocol(envelope) => self.drive(to, Event::Message(envelope)),
            Payload::Ship(epoch, base, end) => self.shipped(to, from, epoch, base, end),
            Payload::Need(epoch) => {
                if let Some(shipping) = self.nodes[to].shipping.as_mut().filter(|s| s.epoch == epoch) {
                    // Whatever it had acknowledged, it holds no more.
                    shipping.acknowledged = None;
                    shipping.snapshot = true;
                }
            }
            Payload::Acknowledge(by, epoch, inbox, applied) => {
                self.acknowledged(to, by, epoch, inbox, applied)
            }
        }
    }

    /// A turn of everything that flows on a host.
    pub(crate) fn flow(&mut self, slot: usize) {
        let boot = self.nodes[slot].boot;
        let pause = self.random.between(150_000, 350_000);
        self.after(pause, Happening::Flow(slot, boot));
        if !self.nodes[slot].engine_runs() {
            return;
        }
        match self.nodes[slot].stored.tenure.opened().map(|opened| (opened.epoch(), *opened.opening())) {
            Some((epoch, opening)) => {
                self.capture_and_ship(slot, epoch, content_at(opening.base.position));
                self.show_status(slot, epoch);
            }
            None => self.apply(slot),
        }
    }

    fn capture_and_ship(&mut self, slot: usize, epoch: EpochId, base: Content) {
        let node = &mut self.nodes[slot];
        let peer = node.stored.ballot.membership.as_ref().and_then(|membership| membership.peer_of(node.id));
        let Some(peer) = peer else { return };
        let Some(file) = node.disk.path.as_mut().filter(|file| file.epoch == epoch) else { return };
        if !node.capture_stopped {
            file.captured = file.committed;
        }
        let captured = file.captured;
        self.oracle.captured(epoch, slot, captured, &self.commits);
        let fresh = Shipping { epoch, peer, acknowledged: None, snapshot: false };
        let shipping = node.shipping.get_or_insert(fresh);
        if (shipping.epoch, shipping.peer) != (epoch, peer) {
            *shipping = fresh;
        }
        if shipping.acknowledged == Some((captured, captured)) {
            return;
        }
        let on = shipping.acknowledged.map_or(base, |(inbox, _)| inbox);
        let on = (!shipping.snapshot).then_some(on);
        self.send(slot, 1 - slot, Payload::Ship(epoch, on, captured));
    }

    /// The status that this host shows is held against what happens later.
    fn show_status(&mut self, slot: usize, epoch: EpochId) {
        let node = &self.nodes[slot];
        let (Some(host), Some(file)) = (node.host(), node.disk.path) else { return };
        let acknowledged = node.shipping.filter(|s| s.epoch == epoch).and_then(|s| s.acknowledged);
        let evidence = Evidence {
            committed: self.commits.position(file.committed),
            captured: self.commits.position(file.captured),
            acknowledged: acknowledged.map(|(inbox, _)| (epoch, self.commits.position(inbox))),
            drill_good: true,
        };
        if host.overall(node.clock.at(self.now), &evidence) == Overall::Protected {
            let knows_peer = node.shipping.is_some_and(|shipping| shipping.peer == self.nodes[1 - slot].id);
            let peer = knows_peer.then(|| &self.nodes[1 - slot].disk);
            self.oracle.told_protected(epoch, file.committed, peer, &self.commits);
        }
    }

    /// Objects arrive at the receiver: taken only if the protocol says so, acknowledged only once flushed.
    fn shipped(&mut self, slot: usize, from: usize, epoch: EpochId, base: Option<Content>, end: Content) {
        if !self.takes(slot, epoch) {
            return;
        }
        let boot = self.nodes[slot].boot;
        let copy = self.nodes[slot].disk.copy(epoch).copied();
        let fits = copy.is_some_and(|copy| {
            base.is_none_or(|base| copy.complete && self.commits.contains(copy.inbox, base))
        });
        if !fits {
            return self.send(slot, from, Payload::Need(epoch));
        }
        if self.mutated(Mutation::AckBeforeFlush) {
            self.acknowledge(slot, epoch, end);
        }
        let span = self.random.between(500, if base.is_none() { 400_000 } else { 40_000 });
        self.after(span, Happening::Flushed(slot, boot, epoch, base, end));
    }

    fn takes(&self, slot: usize, epoch: EpochId) -> bool {
        let node = &self.nodes[slot];
        !node.disk_full && node.power == Power::On && node.host().is_some_and(|host| host.receives(epoch))
    }

    /// The inbox is flushed. The receiver looks once more whether it may still acknowledge.
    pub(crate) fn flushed(&mut self, slot: usize, epoch: EpochId, base: Option<Content>, end: Content) {
        if !self.takes(slot, epoch) {
            return;
        }
        let Some(copy) = self.nodes[slot].disk.copy(epoch) else { return };
        let known = copy.complete && self.commits.contains(copy.inbox, end);
        if !known {
            match base {
                None => *copy = Copy::whole(epoch, end),
                Some(_) if copy.complete && self.commits.contains(end, copy.inbox) => copy.inbox = end,
                Some(_) => return,
            }
        }
        let inbox = copy.inbox;
        self.acknowledge(slot, epoch, inbox);
        self.report_copy(slot);
    }

    fn acknowledge(&mut self, slot: usize, epoch: EpochId, inbox: Content) {
        let applied = self.nodes[slot].disk.copy(epoch).and_then(|copy| copy.warm).unwrap_or_default();
        let newest = self.nodes[slot].stored.ballot.opened.tip_epoch() == Some(epoch);
        self.oracle.acknowledged(slot, epoch, inbox, newest, &self.commits);
        let by = self.nodes[slot].id;
        self.send(slot, 1 - slot, Payload::Acknowledge(by, epoch, inbox, applied));
    }

    fn acknowledged(&mut self, slot: usize, by: VoterId, epoch: EpochId, inbox: Content, applied: Content) {
        let node = &mut self.nodes[slot];
        // A late word of a host that lost its disk since, or about an epoch that ended, says nothing about what this host may delete.
        let current = node.stored.tenure.opened().is_some_and(|opened| opened.epoch() == epoch);
        let Some(shipping) = node.shipping.as_mut().filter(|s| current && s.epoch == epoch && s.peer == by)
        else {
            return;
        };
        let newer = |old: Content, new: Content| if self.commits.contains(new, old) { new } else { old };
        let (old_inbox, old_applied) = shipping.acknowledged.unwrap_or((inbox, applied));
        let now = (newer(old_inbox, inbox), newer(old_applied, applied));
        shipping.acknowledged = Some(now);
        shipping.snapshot = false;
        if now.0 == now.1 {
            let position = self.commits.position(now.1);
            self.drop_old_copies(slot, epoch);
            self.drive(slot, Event::Applied(epoch, position));
        }
    }

    /// The applier of a standby, and what follows from a newly learnt epoch.
    fn apply(&mut self, slot: usize) {
        let node = &self.nodes[slot];
        let opened = node.stored.ballot.opened.clone();
        let Some(epoch) = opened.tip_epoch().filter(|epoch| epoch.host != node.id) else { return };
        let follows = node.stored.tenure == Tenure::Follows;
        if follows && !node.disk.copies.iter().any(|copy| copy.epoch == epoch) {
            let seeded = self.seed(slot, &opened);
            self.nodes[slot].disk.copies.push(seeded.unwrap_or(Copy::incomplete(epoch)));
        }
        let busy = !self.takes(slot, epoch);
        let trim = self.random.chance(30);
        let Some(copy) = self.nodes[slot].disk.copy(epoch) else { return };
        if !busy && copy.complete {
            let moved = copy.warm != Some(copy.inbox);
            copy.warm = Some(copy.inbox);
            if trim {
                copy.inbox_from =
                    if self.commits.contains(copy.inbox, copy.store) { copy.store } else { copy.inbox_from };
                copy.store = copy.inbox;
            }
            let inbox = copy.inbox;
            if moved {
                self.acknowledge(slot, epoch, inbox);
            }
            self.drop_old_copies(slot, epoch);
        } else if !busy {
            self.send(slot, 1 - slot, Payload::Need(epoch));
        }
        self.report_copy(slot);
    }

    /// A new epoch that began exactly where this host's copy of its parent ends needs no snapshot.
    fn seed(&self, slot: usize, opened: &Lineage) -> Option<Copy> {
        let opening = opened.tip()?;
        let parent = opening.parent?;
        let copy = self.nodes[slot].disk.copies.iter().find(|copy| copy.epoch == parent)?;
        let base = content_at(opening.base.position);
        (copy.unbroken(&self.commits) == Some(base) && copy.warm == Some(base))
            .then(|| Copy::whole(opening.epoch, base))
    }

    /// Tells the host of which epoch it holds a complete copy.
    fn report_copy(&mut self, slot: usize) {
        let node = &self.nodes[slot];
        let tip = node.stored.ballot.opened.tip_epoch();
        let copies = || node.disk.copies.iter().filter(|copy| copy.unbroken(&self.commits).is_some());
        let newest = copies()
            .find(|copy| Some(copy.epoch) == tip)
            .or_else(|| copies().next_back())
            .map(|copy| copy.epoch);
        if newest != node.told_copy {
            self.nodes[slot].told_copy = newest;
            self.drive(slot, Event::Copy(newest));
        }
    }

    /// Once the copy of `epoch` is complete, here or at the peer, older copies go; what they alone hold is a fork.
    fn drop_old_copies(&mut self, slot: usize, epoch: EpochId) {
        let node = &mut self.nodes[slot];
        let comparing = node.stored.aside.as_ref().is_some_and(|aside| aside.stage == AsideStage::Renamed);
        if comparing || node.disk.copies.iter().all(|copy| copy.epoch == epoch) {
            return;
        }
        let old: Vec<Copy> =
            node.disk.copies.iter().filter(|copy| copy.epoch != epoch && copy.complete).copied().collect();
        node.disk.copies.retain(|copy| copy.epoch == epoch);
        for copy in old {
            if !self.nodes[slot].disk.holds(copy.inbox, &self.commits) {
                self.nodes[slot].disk.keep_fork(copy.epoch, copy.inbox);
            }
        }
    }
}
