//! The way out of a problem: how a value or a key is written that was meant well.

use sqlite_replicate_api::Name;
use sqlite_replicate_api::config::{DATABASE, HostName, Kind, SETTINGS, Setting, Value};

use super::spelling::nearest;

/// What to do about a Windows path in double quotes.
pub(crate) const WINDOWS_PATH_HINT: &str = r"in double quotes `\` has a meaning of its own: write a path in single quotes, such as 'C:\Data\orders.db'";

/// What is wrong with a path, whatever it points to, and what to do.
pub(crate) fn path_problem(path: &str, written: &str) -> Option<(String, String)> {
    if path.is_empty() {
        return Some(("is empty".to_owned(), "write the path of the file or folder".to_owned()));
    }
    if path.chars().any(char::is_control) {
        return Some((
            format!("has characters that no path has: `{}`", written.trim()),
            WINDOWS_PATH_HINT.to_owned(),
        ));
    }
    if path == "~" || path.starts_with("~/") || path.starts_with("~\\") {
        return Some((
            format!("begins with `~`, which has no meaning here: `{path}`"),
            "write the whole path: a service has no home folder".to_owned(),
        ));
    }
    None
}

/// What was given, as a message names it: never a secret.
pub(crate) fn given(setting: &Setting, value: &Value) -> String {
    match value {
        Value::Text(text) if matches!(setting.kind, Kind::Count | Kind::Flag) => {
            format!("the text `{text}`")
        }
        Value::Text(_) => format!("`{}`", setting.shown(value)),
        Value::Count(count) if setting.kind == Kind::Count => format!("`{count}`"),
        Value::Count(count) => format!("the number `{count}`"),
        Value::Flag(flag) => format!("`{flag}`"),
        Value::List(_) => match setting.kind {
            Kind::Choices(_) => format!("`{value}`"),
            _ => "a list".to_owned(),
        },
    }
}

/// How a value is written that was meant well.
pub(crate) fn rewrite_hint(setting: &Setting, value: &Value) -> Option<String> {
    let key = setting.key;
    match (setting.kind, value) {
        (Kind::Span, Value::Count(n)) => Some(format!("write its unit, in quotes: `{key} = \"{n}s\"`")),
        (Kind::Size, Value::Count(n)) => Some(format!("write its unit, in quotes: `{key} = \"{n}MiB\"`")),
        (Kind::Count | Kind::Flag, Value::Text(text))
            if !matches!(setting.kind.value_of(text), Value::Text(_)) =>
        {
            Some(format!("write it without quotes: `{key} = {text}`"))
        }
        (Kind::Choices(words), Value::Text(text)) if words.contains(&text.as_str()) => {
            Some(format!("write it as a list: `{key} = [\"{text}\"]`"))
        }
        (Kind::Choice(words), Value::Text(text)) => {
            nearest(text, words.iter().copied()).map(|near| format!("did you mean `{near}`?"))
        }
        (Kind::Choices(words), Value::List(items)) => {
            let bad = items.iter().find(|item| !words.contains(&item.as_str()))?;
            nearest(bad, words.iter().copied()).map(|near| format!("did you mean `{near}`?"))
        }
        (Kind::Host, Value::Text(text)) => Some(format!("`{}` would do", HostName::nearest(text))),
        (Kind::Name, Value::Text(text)) => Some(format!("`{}` would do", Name::nearest(text))),
        _ => None,
    }
}

/// The way from an unknown key of a section to a known one.
pub(crate) fn key_hint(section: &str, key: &str) -> String {
    let in_section = || SETTINGS.iter().filter(|s| s.section == section);
    if let Some(near) = nearest(key, in_section().map(|s| s.key)) {
        return format!("did you mean `{near}`?");
    }
    let plain = key.to_lowercase().replace('-', "_");
    match SETTINGS.iter().find(|s| s.key == plain) {
        Some(elsewhere) => format!("`{}` belongs to `{}`", elsewhere.key, header(elsewhere.section)),
        None => {
            format!("keys of `{}` are {}", header(section), listed(in_section().map(|s| s.key.to_owned())))
        }
    }
}

/// A section's header as it is written.
pub(crate) fn header(section: &str) -> String {
    if section == DATABASE { format!("[[{section}]]") } else { format!("[{section}]") }
}

pub(crate) fn listed(words: impl Iterator<Item = String>) -> String {
    words.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
