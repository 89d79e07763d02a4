//! The one sentence that sums a host or a database up.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::render::{Scene, Value, fill};
use super::{Language, Params, catalogue, condition_part};
use crate::{ConditionCode, Overall};

/// What the sentence is made of. Everything but the state and the time may be unknown; the sentence then says less.
#[derive(Clone, Debug)]
pub struct OverallFacts<'a> {
    /// The state.
    pub overall: Overall,
    /// Now.
    pub now: Timestamp,
    /// Where clock times are told.
    pub zone: TimeZone,
    /// How many databases are protected.
    pub databases: usize,
    /// What the other PC, or the other place with a copy, is called; none where there is no other.
    pub peer: Option<&'a str>,
    /// When the last change reached the other PC.
    pub reached_at: Option<Timestamp>,
    /// How much of a copy that is under way is done, 0 to 1.
    pub done: Option<f64>,
    /// Seconds that it still takes.
    pub seconds_left: Option<f64>,
    /// When a pause ends by itself.
    pub paused_until: Option<Timestamp>,
    /// `not-protected`: since when changes are not safe; `contested`: since when both PCs are used.
    pub since: Option<Timestamp>,
    /// The condition that made the state, and what its sentence is filled with.
    pub reason: Option<(ConditionCode, &'a Params)>,
}

impl OverallFacts<'_> {
    /// A state of one database or more, of which nothing else is known.
    pub fn new(overall: Overall, now: Timestamp) -> Self {
        Self {
            overall,
            now,
            zone: TimeZone::system(),
            databases: 1,
            peer: None,
            reached_at: None,
            done: None,
            seconds_left: None,
            paused_until: None,
            since: None,
            reason: None,
        }
    }

    fn value(&self, name: &str) -> Option<Value> {
        match name {
            "peer" => self.peer.map(|peer| Value::Text(peer.to_owned())),
            "at" => self.reached_at.map(Value::Time),
            "done" => self.done.map(Value::Share),
            "left" => self.seconds_left.map(Value::Seconds),
            "until" => self.paused_until.map(Value::Time),
            "since" => self.since.map(Value::Time),
            _ => None,
        }
    }

    fn say(&self, key: &str, language: Language) -> String {
        self.say_with(key, language, &|_| None)
    }

    fn say_with(&self, key: &str, language: Language, more: &dyn Fn(&str) -> Option<String>) -> String {
        let scene = Scene { language, now: self.now, zone: &self.zone };
        let value = |name: &str| more(name).map(Value::Text).or_else(|| self.value(name));
        fill(catalogue::get(language, key), &value, &scene)
    }

    fn reason(&self, part: &str, language: Language) -> Option<String> {
        let (code, params) = self.reason?;
        condition_part(code, part, params, language)
    }
}

/// The sentence.
pub fn sentence(facts: &OverallFacts<'_>, language: Language) -> String {
    let say = |key: &str| facts.say(key, language);
    match facts.overall {
        Overall::Protected | Overall::LocalOnly if facts.databases == 0 => say("overall.nothing"),
        Overall::Protected => say(match (facts.peer, facts.reached_at) {
            (Some(_), Some(_)) => "overall.protected",
            (Some(_), None) => "overall.protected.quiet",
            (None, _) => "overall.protected.unknown",
        }),
        Overall::LocalOnly => say("overall.local-only"),
        Overall::CatchingUp => catching_up(facts, language),
        Overall::Attention => attention(facts, language),
        Overall::NotProtected => not_protected(facts, language),
        Overall::Paused if facts.paused_until.is_some() => say("overall.paused"),
        Overall::Paused => say("overall.paused.endless"),
        Overall::Fenced if facts.peer.is_some() => say("overall.fenced"),
        Overall::Fenced => say("overall.fenced.unknown"),
        Overall::Contested if facts.since.is_some() => say("overall.contested"),
        Overall::Contested => say("overall.contested.unknown"),
    }
}

fn catching_up(facts: &OverallFacts<'_>, language: Language) -> String {
    let key = match (facts.peer, facts.done, facts.seconds_left) {
        (Some(_), Some(_), Some(_)) => "overall.catching-up",
        (Some(_), Some(_), None) => "overall.catching-up.endless",
        (Some(_), None, _) => "overall.catching-up.unknown",
        (None, Some(_), Some(_)) => "overall.catching-up.alone",
        (None, Some(_), None) => "overall.catching-up.alone.endless",
        (None, None, _) => {
            let unknown = || facts.say("overall.catching-up.alone.unknown", language);
            return facts.reason("text", language).unwrap_or_else(unknown);
        }
    };
    facts.say(key, language)
}

fn attention(facts: &OverallFacts<'_>, language: Language) -> String {
    let Some(clause) = facts.reason("clause", language) else {
        return facts.say("overall.attention.unknown", language);
    };
    let hint = facts.reason("hint", language).unwrap_or_default();
    // "Safe" is said only where another PC has it.
    let key = if facts.peer.is_some() { "overall.attention" } else { "overall.attention.alone" };
    facts.say_with(key, language, &|name| match name {
        "clause" => Some(clause.clone()),
        "hint" => Some(hint.clone()),
        _ => None,
    })
}

fn not_protected(facts: &OverallFacts<'_>, language: Language) -> String {
    let Some(text) = facts.reason("text", language) else {
        return facts.say("overall.not-protected.unknown", language);
    };
    let text =
        facts.say_with("overall.not-protected", language, &|name| (name == "text").then(|| text.clone()));
    if facts.since.is_none() || !facts.reason.is_some_and(|(code, _)| stops_the_way(code)) {
        return text;
    }
    let key = if facts.peer.is_some() { "overall.only-here" } else { "overall.only-in-file" };
    format!("{text}{}{}", catalogue::get(language, "sentence.gap"), facts.say(key, language))
}

/// Whether changes go on being made in the file and have no way into the history. (`behind` says since when by itself.)
fn stops_the_way(code: ConditionCode) -> bool {
    use ConditionCode as C;
    matches!(
        code,
        C::StoreDown
            | C::StoreRefused
            | C::StoreFull
            | C::CaptureDown
            | C::BundleBroken
            | C::DatabaseReadOnly
            | C::DatabaseHeld
            | C::DatabaseRemote
            | C::ForeignLitestream
    )
}
