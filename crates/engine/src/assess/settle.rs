//! Which of the conditions that hold are shown, since when, and what the one word is.
//!
//! A condition shows once it has lasted its time-to-visible, so that nothing flaps; it goes as soon as it no longer holds.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlite_replicate_api::ConditionCode as Code;
use sqlite_replicate_api::{Overall, Severity};

use super::raise::Raised;

/// Remembers since when conditions have held, by the database that they concern (none: the host).
#[derive(Clone, Debug, Default)]
pub(crate) struct Settling {
    since: BTreeMap<(Option<String>, Code), (Timestamp, bool)>,
}

/// A condition that is shown.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settled {
    pub(crate) raised: Raised,
    pub(crate) since: Timestamp,
    /// Whether it was not shown before.
    pub(crate) new: bool,
}

/// What one look changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Look {
    pub(crate) shown: Vec<Settled>,
    /// Conditions that were shown and hold no longer.
    pub(crate) ended: Vec<Code>,
}

impl Settling {
    /// What is shown of what holds now.
    pub(crate) fn look(&mut self, about: Option<&str>, raised: Vec<Raised>, now: Timestamp) -> Look {
        let about = about.map(str::to_owned);
        let mut look = Look::default();
        self.since.retain(|(whom, code), (_, was_shown)| {
            let stays = *whom != about || raised.iter().any(|raised| raised.code == *code);
            if !stays && *was_shown {
                look.ended.push(*code);
            }
            stays
        });
        for raised in raised {
            let entry = self.since.entry((about.clone(), raised.code)).or_insert((now, false));
            // A clock that is set back must not hide a condition for hours.
            entry.0 = entry.0.min(now);
            let lasted = now.duration_since(entry.0).as_secs_f64();
            if entry.1 || lasted >= raised.code.visible_after() {
                let new = !entry.1;
                entry.1 = true;
                look.shown.push(Settled { since: entry.0, new, raised });
            }
        }
        // The worst first; of equals the older one.
        look.shown.sort_by_key(|settled| (std::cmp::Reverse(settled.raised.code.severity()), settled.since));
        look
    }
}

/// The word for what these conditions mean, on a host without a peer.
pub(crate) fn overall_of(codes: impl IntoIterator<Item = Code>) -> Overall {
    let word = |code: Code| match (code, code.severity()) {
        (Code::Paused, _) => Overall::Paused,
        (_, Severity::Failure) => Overall::NotProtected,
        (_, Severity::Warning) => Overall::Attention,
        (_, Severity::Progress) => Overall::CatchingUp,
        (_, Severity::Info) => Overall::LocalOnly,
    };
    codes.into_iter().map(word).max().unwrap_or(Overall::LocalOnly)
}

#[cfg(test)]
mod tests {
    use sqlite_replicate_api::text::Params;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn down(now: i64) -> Vec<Raised> {
        vec![Raised { code: Code::StoreDown, params: Params::new(at(now)) }]
    }

    #[test]
    fn a_flap_is_never_shown() {
        let mut settling = Settling::default();
        assert!(settling.look(None, down(0), at(0)).shown.is_empty());
        assert!(settling.look(None, vec![], at(1)).shown.is_empty());
        assert!(settling.look(None, down(2), at(2)).shown.is_empty());
        assert!(settling.look(None, down(3), at(3)).shown.is_empty());
    }

    #[test]
    fn what_lasts_is_shown_with_its_beginning_told_once_and_its_end_told_once() {
        let mut settling = Settling::default();
        settling.look(None, down(0), at(0));
        let look = settling.look(None, down(2), at(2));
        assert_eq!((look.shown[0].since, look.shown[0].new), (at(0), true));
        assert!(!settling.look(None, down(3), at(3)).shown[0].new);
        assert_eq!(settling.look(None, vec![], at(4)).ended, [Code::StoreDown]);
        assert!(settling.look(None, vec![], at(5)).ended.is_empty());
    }

    #[test]
    fn databases_do_not_end_each_others_conditions() {
        let mut settling = Settling::default();
        settling.look(Some("a"), down(0), at(0));
        settling.look(Some("b"), vec![], at(1));
        assert_eq!(settling.look(Some("a"), down(2), at(2)).shown.len(), 1);
    }

    #[test]
    fn the_most_urgent_word_wins() {
        assert_eq!(overall_of([]), Overall::LocalOnly);
        assert_eq!(overall_of([Code::SameDisk, Code::DrillOverdue]), Overall::Attention);
        assert_eq!(overall_of([Code::Paused, Code::Behind]), Overall::NotProtected);
        assert_eq!(overall_of([Code::FirstCopy]), Overall::CatchingUp);
    }
}
