//! What goes wrong, what people do about it, and how a schedule comes to rest.

use crate::host::Gate;
use crate::membership::{Membership, Mode, Setup, Stage};
use crate::message::{Event, Order};
use crate::sim::content::Content;
use crate::sim::disk::Disk;
use crate::sim::node::{Node, Power, Time};
use crate::sim::schedule::{Click, Fault};
use crate::sim::world::{Happening, World};
use crate::stored::Stored;
use crate::tenure::Tenure;

/// Three leases on the slowest clock.
const THREE_LEASES: Time = 3 * 5_000_000 * 10 / 9;
/// However often a person clicks, there has to be rest by then.
const ENOUGH_CLICKS: Time = 120_000_000;
/// Between two looks of the person who helps after the chaos.
const LOOK: Time = 1_000_000;

impl World {
    /// A fault strikes.
    pub(crate) fn strike(&mut self, fault: Fault) {
        self.story.tell(self.now, 0, || format!("--- {fault:?}"));
        match fault {
            Fault::Crash { slot, after, power } => self.nodes[slot].crash_in = Some((after, power)),
            Fault::Sleep(slot, span) => {
                if self.fall_asleep(slot) {
                    self.after(span, Happening::Wake(slot));
                }
            }
            Fault::Off(slot, span) => self.switch_off(slot, span),
            Fault::Cut(from, to, span) => self.cut[from][to] = self.now + span,
            Fault::Isolate(slot, span) => {
                for other in 0..5 {
                    self.cut[slot][other] = self.now + span;
                    self.cut[other][slot] = self.now + span;
                }
            }
            Fault::Congestion(span) => self.congested_until = self.now + span,
            Fault::Held(word, span) => self.held = Some((word, self.now + span)),
            Fault::SlowFence(slot) => self.nodes[slot].slow_fence = true,
            Fault::StoreLost(slot) => self.lose_part(slot, true),
            Fault::WarmLost(slot) => self.lose_part(slot, false),
            Fault::CaptureStopped(slot, span) => {
                self.nodes[slot].capture_stopped = true;
                self.after(span, Happening::Over(fault));
            }
            Fault::FullDisk(slot, span) => {
                self.nodes[slot].disk_full = true;
                self.after(span, Happening::Over(fault));
            }
            Fault::DiskLost(slot) => self.lose_disk(slot),
            Fault::Person(slot, click) => self.click(slot, click),
            Fault::HonestTakeOver(slot, span) => {
                self.switch_off(1 - slot, span);
                self.after(3_000_000, Happening::Over(fault));
            }
        }
    }

    pub(crate) fn end_fault(&mut self, fault: Fault) {
        match fault {
            Fault::CaptureStopped(slot, _) => self.nodes[slot].capture_stopped = false,
            Fault::FullDisk(slot, _) => self.nodes[slot].disk_full = false,
            Fault::HonestTakeOver(slot, _) if self.nodes[1 - slot].power == Power::Off => {
                self.click(slot, Click::TakeOver);
            }
            _ => {}
        }
    }

    /// The store's objects or the warm copy are gone, as long as the rest still makes the copy whole: a host whose
    /// every copy is lost is a host whose disk is lost.
    fn lose_part(&mut self, slot: usize, store: bool) {
        for copy in &mut self.nodes[slot].disk.copies {
            let warm = copy.warm.is_some_and(|warm| self.commits.contains(warm, copy.inbox_from));
            if store && warm {
                copy.store = 0;
            } else if !store && self.commits.contains(copy.store, copy.inbox_from) {
                copy.warm = None;
            }
        }
    }

    /// Everything that a machine knew is gone: it comes back as a new voter, which someone has to admit.
    fn lose_disk(&mut self, slot: usize) {
        let name = self.new_name();
        self.switch_off(slot, 3_000_000);
        let node = &mut self.nodes[slot];
        node.disk = Disk::default();
        node.stored = Stored::blank();
        node.id = name;
        self.oracle.disk_lost(slot, &self.nodes);
        self.after(5_000_000, Happening::Person);
    }

    /// Somebody clicks.
    fn click(&mut self, slot: usize, click: Click) {
        let node = &self.nodes[slot];
        let Some(host) = node.host().filter(|_| node.power == Power::On) else { return };
        let back = self.random.below(5);
        let order = match click {
            Click::SwitchOver => Order::SwitchOver,
            Click::TakeOver => Order::TakeOver { waived: false },
            Click::TakeOverWaived => Order::TakeOver { waived: true },
            Click::Resume => Order::Resume,
            Click::Restore => {
                let Some(file) = node.disk.path else { return };
                Order::Restore(self.commits.position(self.commits.earlier(file.committed, back)))
            }
            Click::PromoteFork => {
                let Some((_, fork)) = node.disk.forks.last() else { return };
                Order::Restore(self.commits.position(*fork))
            }
            Click::ChooseMine => Order::Choose { mine: true },
            Click::ChooseTheirs => Order::Choose { mine: false },
            Click::Change => {
                let Some(to) = host.stored().ballot.membership.as_ref().map(|m| self.another_setup(m)) else {
                    return;
                };
                Order::Change { to: Box::new(to), forced: false }
            }
            Click::Stop => Order::Stop,
        };
        self.order(slot, order);
    }

    /// Another mode than the one in force, with or without the witness.
    fn another_setup(&self, current: &Membership) -> Setup {
        let Setup { mode, hosts, .. } = *current.newest();
        let witness = || vec![self.nodes[2].id];
        let (mode, witnesses) = match mode {
            Mode::Automatic => (Mode::Manual, Vec::new()),
            Mode::Manual if self.now.is_multiple_of(2) => (Mode::AutomaticWithoutWitness, Vec::new()),
            Mode::Manual | Mode::AutomaticWithoutWitness => (Mode::Automatic, witness()),
        };
        Setup { mode, hosts, witnesses }
    }

    fn order(&mut self, slot: usize, order: Order) {
        self.disturbed = self.now;
        self.drive(slot, Event::Person(order));
    }

    /// The chaos is over: what is not gone for ever comes back, and a person does what the screens ask for.
    pub(crate) fn heal(&mut self) {
        self.healed = true;
        self.disturbed = self.now;
        self.healed_at = self.now;
        self.cut = [[0; 5]; 5];
        self.congested_until = 0;
        self.held = None;
        self.story.tell(self.now, 0, || "--- faults stop".to_owned());
        for slot in 0..self.nodes.len() {
            let node = &mut self.nodes[slot];
            node.disk_full = false;
            node.capture_stopped = false;
            node.slow_fence = false;
            node.crash_in = None;
            if self.schedule.gone == Some(slot) {
                self.switch_off(slot, 0);
                self.nodes[slot].power = Power::Gone;
                continue;
            }
            match node.power {
                Power::Asleep => self.wake(slot),
                Power::Off => self.boot(slot),
                _ => {}
            }
            let (boot, running) = (self.nodes[slot].boot, self.nodes[slot].machine.is_some());
            if !running {
                self.after(200_000, Happening::Start(slot, boot));
            }
        }
        self.after(LOOK, Happening::Person);
    }

    /// The person: replaces voters that are new, and after the chaos answers for hosts that are gone.
    pub(crate) fn person_helps(&mut self) {
        if self.healed {
            self.after(LOOK, Happening::Person);
        }
        for slot in 0..2 {
            if self.nodes[slot].engine_runs() && !self.admit_new_voters(slot) && self.healed {
                self.answer_for_the_gone(slot);
            }
        }
    }

    /// Puts machines that came back as new voters in the place of what they were. Returns whether that was needed.
    fn admit_new_voters(&mut self, slot: usize) -> bool {
        let Some(current) = self.nodes[slot].host().and_then(|host| host.stored().ballot.membership.clone())
        else {
            return false;
        };
        let old = current.newest();
        let hosts = [self.nodes[0].id, self.nodes[1].id];
        let known = |voter| self.nodes.iter().any(|node| node.id == voter);
        if old.hosts == hosts && old.witnesses.iter().all(|witness| known(*witness)) {
            return false;
        }
        let machines = 2..2 + old.witnesses.len();
        let witnesses = machines.map(|machine| self.nodes[machine].id).collect();
        let to = Setup { mode: old.mode, hosts, witnesses };
        let forced = old.hosts != hosts;
        self.order(slot, Order::Change { to: Box::new(to), forced });
        true
    }

    /// What a person does about a host or witness that never comes back, and about a contest without a winner.
    fn answer_for_the_gone(&mut self, slot: usize) {
        let node = &self.nodes[slot];
        let (now, gone) = (node.clock.at(self.now), self.schedule.gone);
        let Some(host) = node.host() else { return };
        let Some(current) = host.stored().ballot.membership.as_ref() else { return };
        let peer_gone = gone == Some(1 - slot) || self.oracle.lost[1 - slot];
        let waiting = host.permit(now).is_none();
        if matches!(current.stage, Stage::Changing { .. }) && gone.is_some() && self.long_undisturbed() {
            let to = Box::new(current.newest().clone());
            return self.order(slot, Order::Change { to, forced: true });
        }
        if host.unresolved.is_some() {
            if slot == 0 || peer_gone {
                self.order(slot, Order::Choose { mine: true });
            }
            return;
        }
        if !peer_gone || !waiting || !self.long_undisturbed() {
            return;
        }
        let opened = host.stored().tenure.opened();
        let own = opened.is_some_and(|o| host.holds_own_promise(o.epoch().term)) && !current.needs_leases();
        let fork = node
            .disk
            .forks
            .last()
            .filter(|_| node.told_copy.is_none() && node.stored.tenure == Tenure::Follows);
        let order = match fork {
            Some((epoch, content)) => {
                Order::TakeOverWithFork { epoch: *epoch, position: self.commits.position(*content) }
            }
            None if own => Order::Resume,
            None => Order::TakeOver { waived: true },
        };
        self.order(slot, order);
    }

    /// Whether the machines had a lease's time and more to help themselves.
    fn long_undisturbed(&self) -> bool {
        self.now >= self.disturbed + 8_000_000
    }

    /// Whether it is too late to come to rest.
    pub(crate) fn is_overdue(&self) -> bool {
        self.now > self.disturbed + THREE_LEASES || self.now > self.healed_at + ENOUGH_CLICKS
    }

    fn is_living_host(&self, slot: usize) -> bool {
        self.schedule.gone != Some(slot)
    }

    /// The only host that lets its program write, if all others that live follow it.
    pub(crate) fn primary(&self) -> Option<usize> {
        let writes = |slot: usize| {
            let node = &self.nodes[slot];
            node.host().is_some_and(|host| {
                host.gate() == Gate::Open && host.permit(node.clock.at(self.now)).is_some()
            })
        };
        let follows =
            |slot: usize| !self.is_living_host(slot) || self.nodes[slot].stored.tenure == Tenure::Follows;
        match (writes(0), writes(1)) {
            (true, false) => follows(1).then_some(0),
            (false, true) => follows(0).then_some(1),
            _ => None,
        }
    }

    /// Whether the standby holds everything that the primary committed, and nothing is left to be dealt with.
    pub(crate) fn is_caught_up(&self, primary: usize) -> bool {
        let standby: &Node = &self.nodes[1 - primary];
        let Some(file) = self.nodes[primary].disk.path else { return false };
        let has_all = || {
            standby
                .disk
                .copies
                .iter()
                .any(|copy| copy.epoch == file.epoch && copy.complete && copy.inbox == file.committed)
        };
        let idle = |node: &Node| node.stored.aside.is_none() && node.disk.aside.is_none();
        file.captured == file.committed
            && (!self.is_living_host(1 - primary) || (has_all() && idle(standby)))
            && idle(&self.nodes[primary])
    }

    /// Whether no host that lives ever held anything to go on from.
    pub(crate) fn is_bereft(&self) -> bool {
        let has_nothing = |slot: usize| {
            let disk = &self.nodes[slot].disk;
            let files = disk.path.is_some() || disk.aside.is_some() || !disk.forks.is_empty();
            !files && disk.copies.iter().all(|copy| copy.unbroken(&self.commits).is_none())
        };
        [0, 1].iter().all(|slot| !self.is_living_host(*slot) || has_nothing(*slot))
    }

    /// The content of the current epoch at the end.
    pub(crate) fn current(&self, primary: usize) -> Content {
        self.nodes[primary].disk.path.map_or(0, |file| file.committed)
    }

    /// Why there is no rest, for the story.
    pub(crate) fn unrest(&self) -> String {
        let host = |slot: usize| {
            let node = &self.nodes[slot];
            let state = node
                .host()
                .map_or("does not run".to_owned(), |h| format!("{:?} gate {:?}", h.errand, h.gate()));
            let tenure = match &node.stored.tenure {
                Tenure::Follows => "follows",
                Tenure::Announced(_) => "announced",
                Tenure::Opened(_) => "opened",
                Tenure::Released(_) => "released",
            };
            let tip = node.stored.ballot.opened.tip_epoch().map_or("none".to_owned(), |e| e.to_string());
            format!("host {slot}: {tenure}, newest {tip}, {state}, aside {:?}", node.stored.aside)
        };
        format!("{}; {}", host(0), host(1))
    }
}
