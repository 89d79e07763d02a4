//! Fills the placeholders of a template.
//!
//! `{name}` is a text · `{name:FORMAT}` a value in a format of [`Format`] · `{name|one|many}` a count with its noun
//! (in languages without plural `{name}` does). What is filled in is never looked at for placeholders.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Language, catalogue, units};

/// What can be filled in.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// As it is.
    Text(String),
    /// How many.
    Count(u64),
    /// A size.
    Bytes(u64),
    /// A duration.
    Seconds(f64),
    /// 0 to 1.
    Share(f64),
    /// A moment.
    Time(Timestamp),
}

/// Who speaks, when and where.
pub(super) struct Scene<'a> {
    pub(super) language: Language,
    pub(super) now: Timestamp,
    pub(super) zone: &'a TimeZone,
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format<'a> {
    /// A text or a count as it is.
    Plain,
    /// A count with its noun, singular and plural.
    Noun(&'a str, &'a str),
    /// `bytes`: "3.4 MB".
    Bytes,
    /// `duration`: "25 minutes".
    Duration,
    /// `percent`: "62 %".
    Percent,
    /// `ago`: "2 seconds ago".
    Ago,
    /// `age`: the time since then, "9 days".
    Age,
    /// `clock`: "10:31", "yesterday 10:31", "2026-11-03 10:31".
    Clock,
    /// `part`: the name of a part of the program in words.
    Part,
}

/// A placeholder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot<'a> {
    pub(super) name: &'a str,
    pub(super) format: Format<'a>,
}

impl<'a> Slot<'a> {
    /// What is between braces; none if its format is unknown.
    pub(super) fn parse(inside: &'a str) -> Option<Self> {
        if let Some((name, forms)) = inside.split_once('|') {
            let (one, many) = forms.split_once('|')?;
            return Some(Self { name, format: Format::Noun(one, many) });
        }
        let (name, format) = inside.split_once(':').unwrap_or((inside, ""));
        let format = match format {
            "" => Format::Plain,
            "bytes" => Format::Bytes,
            "duration" => Format::Duration,
            "percent" => Format::Percent,
            "ago" => Format::Ago,
            "age" => Format::Age,
            "clock" => Format::Clock,
            "part" => Format::Part,
            _ => return None,
        };
        Some(Self { name, format })
    }

    /// The value as written; none if the format is not for such a value.
    pub(super) fn write(self, value: &Value, scene: &Scene<'_>) -> Option<String> {
        let language = scene.language;
        let since = |at: &Timestamp| scene.now.duration_since(*at).as_secs_f64();
        Some(match (self.format, value) {
            (Format::Plain, Value::Text(text)) => text.clone(),
            (Format::Plain, Value::Count(count)) => count.to_string(),
            (Format::Noun(one, many), Value::Count(count)) => {
                format!("{count} {}", if *count == 1 { one } else { many })
            }
            (Format::Bytes, Value::Bytes(size)) => units::bytes(*size, language),
            (Format::Duration, Value::Seconds(seconds)) => units::duration(*seconds, language),
            // Rounded down: 100 % is when all of it is done.
            (Format::Percent, Value::Share(share)) => {
                format!("{:.0} %", (share * 100.0).clamp(0.0, 100.0).floor())
            }
            (Format::Ago, Value::Time(at)) => units::ago(since(at), language),
            (Format::Age, Value::Time(at)) => units::duration(since(at), language),
            (Format::Clock, Value::Time(at)) => units::clock(*at, scene.now, scene.zone, language),
            (Format::Part, Value::Text(part)) => {
                catalogue::find(language, &format!("part.{part}")).unwrap_or(part).to_owned()
            }
            _ => return None,
        })
    }
}

/// A piece of a template.
pub(super) enum Piece<'a> {
    /// As it is.
    Literal(&'a str),
    /// What stands between braces.
    Slot(&'a str),
}

/// A template in pieces.
pub(super) fn pieces(template: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((inside, after)) = after.split_once('}') else { break };
        pieces.extend([Piece::Literal(before), Piece::Slot(inside)]);
        rest = after;
    }
    pieces.push(Piece::Literal(rest));
    pieces
}

/// The template with its placeholders filled; one without a fitting value stays as it is written.
pub(super) fn fill(template: &str, value: &dyn Fn(&str) -> Option<Value>, scene: &Scene<'_>) -> String {
    let mut out = Line { text: String::new(), spaced: scene.language == Language::ZhCn };
    for piece in pieces(template) {
        match piece {
            Piece::Literal(text) => out.push(text),
            Piece::Slot(inside) => {
                let filled = Slot::parse(inside)
                    .and_then(|slot| slot.write(&value(slot.name)?, scene))
                    .unwrap_or_else(|| format!("{{{inside}}}"));
                out.push(&filled);
            }
        }
    }
    out.text
}

/// A line that grows. Chinese has a space beside Latin letters and digits, and none between its own characters: where a
/// template has one for the sake of a value that then turns out to be Chinese, it goes.
struct Line {
    text: String,
    spaced: bool,
}

impl Line {
    fn push(&mut self, more: &str) {
        let mut more = more;
        if self.spaced {
            let wide = |c: Option<char>| c.is_some_and(|c| !c.is_ascii());
            let mut own = self.text.chars().rev();
            let mut new = more.chars();
            match (own.next(), new.next()) {
                (Some(' '), first) if wide(first) && wide(own.next()) => {
                    self.text.pop();
                }
                (last, Some(' ')) if wide(last) && wide(new.next()) => more = more.trim_start_matches(' '),
                _ => {}
            }
        }
        self.text.push_str(more);
    }
}
