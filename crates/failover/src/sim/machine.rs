//! What a machine does to itself: programs write, fences and guards close, tasks end, engines crash, machines sleep.

use crate::message::{Done, Event, Task};
use crate::mutations::Mutation;
use crate::sim::content::content_at;
use crate::sim::disk::Copy;
use crate::sim::node::{Power, Time};
use crate::sim::world::{Happening, World};
use crate::tenure::Tenure;

impl World {
    /// A program commits, if nothing keeps it from that, and will again.
    pub(crate) fn program_writes(&mut self, slot: usize) {
        if self.programs_stopped {
            return;
        }
        let pause = self.random.between(40_000, 900_000);
        self.after(pause, Happening::Write(slot));
        self.commit(slot);
    }

    fn commit(&mut self, slot: usize) {
        if !self.nodes[slot].can_write() {
            return;
        }
        let in_window = self.now < self.nodes[slot].window_until;
        if !in_window {
            self.oracle.writing(slot, self.now, &self.nodes);
        }
        if let Some(file) = self.nodes[slot].disk.path.as_mut() {
            file.committed = self.commits.commit(file.committed, slot);
            let file = *file;
            self.story.tell(self.now, slot, || {
                let beside = if in_window { " (beside the protocol)" } else { "" };
                format!("the program writes commit {} into {}{beside}", file.committed, file.epoch)
            });
        }
    }

    /// The engine lets the program write.
    pub(crate) fn unfence(&mut self, slot: usize) {
        let node = &mut self.nodes[slot];
        node.fenced = false;
        node.started = true;
        node.window_until = 0;
        let file = node.disk.path.map(|file| file.epoch);
        let epoch = match &node.stored.tenure {
            Tenure::Opened(opened) => Some(opened.epoch()),
            _ => None,
        };
        self.oracle.unfenced(slot, file, epoch);
    }

    /// How long this fence takes. Together with the lateness of timers never more than a second on the host's clock.
    pub(crate) fn fence_span(&mut self, slot: usize) -> Time {
        let longest = 950_000;
        let micros = if self.nodes[slot].slow_fence { longest } else { self.random.between(5_000, 300_000) };
        self.nodes[slot].clock.span(micros)
    }

    pub(crate) fn fence_held(&mut self, slot: usize) {
        let node = &mut self.nodes[slot];
        if node.power == Power::Asleep {
            let boot = node.boot;
            return self.after(10_000, Happening::FenceHeld(slot, boot));
        }
        if node.power != Power::On {
            return;
        }
        node.fenced = true;
        node.started = false;
        node.window_until = 0;
        self.finish(slot, Done::Fenced);
        self.begin_task(slot);
    }

    /// The guard looks whether the engine still renews; if not, it takes the fence.
    pub(crate) fn guard_fences(&mut self, slot: usize) {
        let node = &mut self.nodes[slot];
        let Some(at) = node.guard_at else { return };
        if at > self.now {
            return self.at(at, Happening::Guard(slot));
        }
        node.guard_at = None;
        if node.power != Power::On || node.machine.is_some() || self.mutated(Mutation::GuardAbsent) {
            return;
        }
        let span = self.fence_span(slot);
        self.after(span, Happening::GuardHeld(slot));
    }

    pub(crate) fn guard_held(&mut self, slot: usize) {
        let node = &mut self.nodes[slot];
        if node.power == Power::On && node.machine.is_none() {
            node.fenced = true;
            node.window_until = 0;
        }
    }

    /// Begins the first waiting task, behind the fence.
    pub(crate) fn begin_task(&mut self, slot: usize) {
        let node = &mut self.nodes[slot];
        if node.working || node.tasks.is_empty() {
            return;
        }
        node.working = true;
        let boot = node.boot;
        let span = self.random.between(1_000, if self.healed { 30_000 } else { 200_000 });
        self.after(span, Happening::TaskDone(slot, boot));
    }

    pub(crate) fn task_done(&mut self, slot: usize) {
        let node = &mut self.nodes[slot];
        let boot = node.boot;
        let stuck = node.capture_stopped && node.tasks.front() == Some(&Task::Drain);
        if node.power == Power::Asleep || stuck {
            return self.after(200_000, Happening::TaskDone(slot, boot));
        }
        node.working = false;
        let Some(task) = node.tasks.pop_front() else { return };
        let done = self.carry_task_out(slot, task);
        self.finish(slot, done);
        self.begin_task(slot);
    }

    fn carry_task_out(&mut self, slot: usize, task: Task) -> Done {
        let mutations = self.mutations;
        let disk = &mut self.nodes[slot].disk;
        match task {
            Task::Fence => Done::Fenced,
            Task::Drain => {
                let end = disk.path.as_mut().map_or(0, |file| {
                    file.captured = file.committed;
                    file.committed
                });
                Done::Drained(self.commits.position(end))
            }
            Task::TakeBase(term, source, parent) => {
                let base = disk.base(source, parent, &self.commits, &mutations);
                Done::BaseTaken(term, base.map(|base| self.commits.position(base)))
            }
            Task::MoveFile(opening, source) => {
                let moved = disk.move_file(&opening, source).is_some();
                if moved {
                    self.oracle.new_prefix(opening.epoch, slot, content_at(opening.base.position));
                }
                Done::FileMoved(opening.epoch, moved)
            }
            Task::Undo(opening, source) => {
                disk.undo(&opening, source);
                Done::Undone(opening.epoch)
            }
            Task::SetAside(_) => {
                let held = disk.path.map(|file| file.committed);
                disk.set_aside();
                if mutations.has(Mutation::DeleteBeforeCompare) {
                    disk.aside = None;
                    self.check_drop(slot, held);
                }
                Done::SetAside
            }
            Task::Compare(base) => Done::Compared(disk.compare(content_at(base), &mutations)),
            Task::KeepFork => {
                if let Some(file) = disk.aside.take() {
                    disk.keep_fork(file.epoch, file.committed);
                }
                Done::ForkKept
            }
            Task::SeedCopy(epoch) => {
                // A copy that a snapshot completed meanwhile may have acknowledged more already.
                let complete = disk.copy(epoch).is_some_and(|copy| copy.complete);
                let file = disk.aside.take();
                if let Some(file) = file.filter(|_| !complete) {
                    disk.copies.retain(|copy| copy.epoch != epoch);
                    disk.copies.push(Copy::whole(epoch, file.committed));
                }
                self.check_drop(slot, file.map(|file| file.committed));
                Done::AsideDropped
            }
            Task::DropAside => {
                let held = disk.aside.take().map(|file| file.committed);
                self.check_drop(slot, held);
                Done::AsideDropped
            }
        }
    }

    /// What was deleted has to be held elsewhere on the same disk.
    pub(crate) fn check_drop(&mut self, slot: usize, dropped: Option<u32>) {
        if let Some(content) = dropped {
            self.oracle.dropped(slot, content, &self.nodes[slot].disk, &self.commits);
        }
    }

    /// The engine dies, or the whole machine loses power, and starts again by itself.
    pub(crate) fn crash(&mut self, slot: usize, power: bool) {
        self.story
            .tell(self.now, slot, || if power { "power is lost" } else { "the engine dies" }.to_owned());
        if power {
            let span = self.random.between(500_000, 6_000_000);
            return self.switch_off(slot, span);
        }
        let external = self.nodes[slot].external;
        self.end_engine(slot);
        if external && self.nodes[slot].fenced {
            // The engine held the fence. Until the guard has it, the program may slip in.
            let node = &mut self.nodes[slot];
            node.fenced = false;
            node.window_until = self.now + 60_000;
            if !self.mutated(Mutation::GuardAbsent) {
                self.after(50_000, Happening::GuardHeld(slot));
            }
        }
        let boot = self.nodes[slot].boot;
        let span = self.random.between(200_000, 4_000_000);
        self.after(span, Happening::Start(slot, boot));
    }

    /// What an engine's end means for everything that ran in it.
    pub(crate) fn end_engine(&mut self, slot: usize) {
        let guarded = !self.mutated(Mutation::GuardAbsent);
        let node = &mut self.nodes[slot];
        node.machine = None;
        node.boot += 1;
        node.timer_at = None;
        node.crash_in = None;
        node.started = false;
        node.tasks.clear();
        node.working = false;
        let waits = node.guard_at.is_some_and(|at| at > self.now);
        if node.external && !node.fenced && !waits && guarded {
            if self.now < node.window_until {
                node.window_until = node.window_until.max(self.now + 1_200_000);
            }
            let span = self.fence_span(slot);
            self.after(span, Happening::GuardHeld(slot));
        }
    }

    /// A clean stop: the guard keeps the fence until the engine starts again.
    pub(crate) fn halt(&mut self, slot: usize) {
        self.end_engine(slot);
        let boot = self.nodes[slot].boot;
        let span = self.random.between(500_000, 15_000_000);
        self.after(span, Happening::Start(slot, boot));
    }

    /// Power is gone for `span`: what the store had not flushed is gone too.
    pub(crate) fn switch_off(&mut self, slot: usize, span: Time) {
        if matches!(self.nodes[slot].power, Power::Off | Power::Gone) {
            return;
        }
        self.end_engine(slot);
        let behind = self.random.below(6);
        let node = &mut self.nodes[slot];
        node.power = Power::Off;
        node.guard_at = None;
        for copy in &mut node.disk.copies {
            let fallen = self.commits.earlier(copy.store, behind);
            if copy.warm.is_some_and(|warm| self.commits.contains(warm, copy.inbox_from)) {
                copy.store = fallen;
            }
        }
        let boot = node.boot;
        self.after(span, Happening::Boot(slot, boot));
    }

    /// The machine starts; a program that starts by itself may be there first.
    pub(crate) fn boot(&mut self, slot: usize) {
        let restart = self.random.below(1 << 40);
        let node = &mut self.nodes[slot];
        if node.power != Power::Off {
            return;
        }
        node.power = Power::On;
        // A clock starts anew with its machine: what was said about its time before means nothing now.
        node.clock.offset = restart;
        node.fenced = !node.external;
        let boot = node.boot;
        let span = self.random.below(if self.healed { 300_000 } else { 2_500_000 });
        let node = &mut self.nodes[slot];
        node.window_until = self.now + span + 1_300_000;
        self.story.tell(self.now, slot, || "the machine starts".to_owned());
        self.after(span, Happening::Start(slot, boot));
    }

    pub(crate) fn fall_asleep(&mut self, slot: usize) -> bool {
        let node = &mut self.nodes[slot];
        let awake = node.power == Power::On;
        if awake {
            node.power = Power::Asleep;
            self.story.tell(self.now, slot, || "the machine falls asleep".to_owned());
        }
        awake
    }

    /// The machine wakes, its program first, then the engine and the guard.
    pub(crate) fn wake(&mut self, slot: usize) {
        let node = &mut self.nodes[slot];
        if node.power != Power::Asleep {
            return;
        }
        node.power = Power::On;
        node.window_until = node.window_until.max(self.now + 1_200_000);
        self.story.tell(self.now, slot, || "the machine wakes, its program first".to_owned());
        self.commit(slot);
        // What the engine last allowed the guard is void too.
        self.nodes[slot].guard_at = None;
        if self.nodes[slot].machine.is_some() {
            let random = self.random.next();
            self.drive(slot, Event::Woke(random));
        } else if !self.mutated(Mutation::GuardAbsent) {
            let span = self.fence_span(slot);
            self.after(span, Happening::GuardHeld(slot));
        }
    }
}
