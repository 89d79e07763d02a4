//! The readable story of a schedule: time, host, event, state. Costs nothing unless asked for.

use crate::message::{Action, Body, Event};
use crate::sim::node::Time;

/// Collects what happens.
#[derive(Debug, Default)]
pub(crate) struct Story {
    lines: Option<Vec<String>>,
}

impl Story {
    pub(crate) fn silent() -> Self {
        Self { lines: None }
    }

    pub(crate) fn told() -> Self {
        Self { lines: Some(Vec::new()) }
    }

    pub(crate) fn lines(self) -> Vec<String> {
        self.lines.unwrap_or_default()
    }

    /// Who a machine is in a story.
    pub(crate) fn name(slot: usize) -> String {
        match slot {
            0 => "HOST-A".to_owned(),
            1 => "HOST-B".to_owned(),
            _ => format!("WITNESS-{}", slot - 1),
        }
    }

    pub(crate) fn tell(&mut self, now: Time, slot: usize, what: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            let name = Self::name(slot);
            lines.push(format!("{:>3}.{:03} s  {name:<10} {}", now / 1_000_000, now / 1000 % 1000, what()));
        }
    }

    pub(crate) fn event(&mut self, now: Time, slot: usize, event: &Event) {
        if self.lines.is_none() {
            return;
        }
        match event {
            Event::Tick | Event::Applied(..) => {}
            Event::Message(envelope) if is_routine(&envelope.body) => {}
            Event::Message(envelope) => {
                self.tell(now, slot, || format!("hears from {}: {}", envelope.from, said(&envelope.body)));
            }
            other => self.tell(now, slot, || format!("{other:?}")),
        }
    }

    pub(crate) fn action(&mut self, now: Time, slot: usize, action: &Action) {
        if self.lines.is_none() {
            return;
        }
        match action {
            Action::Guard(_) => {}
            Action::Send(envelope) if is_routine(&envelope.body) => {}
            Action::Send(envelope) => {
                self.tell(now, slot, || format!("  says to {}: {}", envelope.to, said(&envelope.body)));
            }
            Action::Persist(record) => {
                self.tell(now, slot, || format!("  stores {}", plain(&format!("{record:?}"))))
            }
            other => self.tell(now, slot, || format!("  {}", plain(&format!("{other:?}")))),
        }
    }
}

/// What is said every second and changes nothing.
fn is_routine(body: &Body) -> bool {
    match body {
        Body::Hello(_) | Body::Membership(_) => true,
        Body::Ask(_, ask) => ask.kind == crate::AskKind::Renew,
        Body::Vote(vote) => vote.verdict.is_ok() && !vote.pre,
        _ => false,
    }
}

fn said(body: &Body) -> String {
    match body {
        Body::Ask(_, ask) => {
            let parent = ask.parent.tip_epoch().map_or("nothing".to_owned(), |e| e.to_string());
            let waived = if ask.waived { ", lineage waived" } else { "" };
            format!("{:?} of term {} after {parent}{waived}", ask.kind, ask.term)
        }
        Body::Vote(vote) => match vote.verdict {
            Ok(()) => format!("grants term {}", vote.term),
            Err(refusal) => format!("refuses term {}: {refusal}", vote.term),
        },
        other => plain(&format!("{other:?}")),
    }
}

/// Takes the noise of `Debug` out.
fn plain(text: &str) -> String {
    text.replace("Some(", "(").replace("EpochNumber", "")
}
