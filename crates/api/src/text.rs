//! What conditions and states are called and how they are said, in the office's language (`assets/i18n`).
//!
//! A sentence is for an owner who knows their PCs by name: one sentence of truth, then one thing to do. What a
//! condition's sentence is filled with is listed in ONE place, [`Param::of`].

mod catalogue;
mod overall;
mod params;
mod render;
#[cfg(test)]
mod tests;
mod units;

use crate::{ConditionCode, Overall, Severity};

pub use overall::{OverallFacts, sentence};
pub use params::{Param, Params};
pub use units::{ago, bytes, clock, duration};

/// A language that there is a catalogue for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    ZhCn,
}

impl Language {
    /// Every language.
    pub const ALL: &'static [Self] = &[Self::En, Self::ZhCn];

    /// Its tag: `en`, `zh-CN`.
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::ZhCn => "zh-CN",
        }
    }

    /// The language to speak: the chosen one, or for `auto` (none) that of the first locale that is not empty. Pass
    /// `LC_ALL`, `LC_MESSAGES`, `LANG` in this order, or on Windows the user's locale. English where nothing fits.
    pub fn resolve(chosen: Option<Self>, locales: &[&str]) -> Self {
        let of_locale = || {
            let locale = locales.iter().find(|locale| !locale.is_empty())?;
            // A Chinese of another region is closer to this one than English is.
            let language = locale.split(['_', '-', '.', '@']).next().unwrap_or_default();
            language.eq_ignore_ascii_case("zh").then_some(Self::ZhCn)
        };
        chosen.or_else(of_locale).unwrap_or_default()
    }
}

/// A condition in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// One sentence of truth.
    pub text: String,
    /// One thing to do about it.
    pub hint: Option<String>,
}

/// How a condition is said. A parameter that is missing shows as its name in braces.
///
/// The sentence says nothing that changes by the second, because a condition has its `since` for that.
pub fn condition(code: ConditionCode, params: &Params, language: Language) -> Words {
    Words {
        text: condition_part(code, "text", params, language).unwrap_or_else(|| code.to_string()),
        hint: condition_part(code, "hint", params, language),
    }
}

/// A part of a condition's entry: `text`, `hint`, or `clause` (after "Safe, but …").
fn condition_part(code: ConditionCode, part: &str, params: &Params, language: Language) -> Option<String> {
    let template = catalogue::find(language, &format!("condition.{code}.{part}"))?;
    Some(render::fill(template, &|name| params.named(name), &params.scene(language)))
}

/// The word for a state in a column.
pub fn state(overall: Overall, language: Language) -> &'static str {
    catalogue::find(language, &format!("state.{overall}")).unwrap_or_else(|| overall.as_str())
}

/// The word for a severity in a column.
pub fn severity(severity: Severity, language: Language) -> &'static str {
    let word = match severity {
        Severity::Info => "info",
        Severity::Progress => "progress",
        Severity::Warning => "warning",
        Severity::Failure => "failure",
    };
    catalogue::find(language, &format!("severity.{word}")).unwrap_or(word)
}
