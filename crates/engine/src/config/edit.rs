//! Changes a configuration's text and nothing else in it: comments, order, spaces and line ends stay byte for byte.
//!
//! The places come from the parser, the changes are made in the text. Only what is written within `{…}` or `[…]` on one
//! line is written anew as a whole. The result is not checked here: [`super::save`] does that.

use std::ops::Range;
use std::path::Path;

use sqlite_replicate_api::config::{Config, DATABASE, HostName, SETTINGS, Setting, Value};
use sqlite_replicate_api::{ErrorCode, Name, Report, Result};
use toml_edit::{Array, Document, InlineTable, Item, TableLike, Value as Toml};

use super::databases::{default_name, entries};
use super::hints::{given, header, rewrite_hint};
use super::read::offset_of;
use super::spelling::nearest;

/// The setting that a person names `section.key`.
///
/// # Errors
/// [`ErrorCode::BadRequest`] with a suggestion.
pub fn named(path: &str) -> Result<&'static Setting> {
    let settable = || SETTINGS.iter().filter(|s| s.section != DATABASE);
    settable().find(|s| s.path() == path).ok_or_else(|| {
        let names: Vec<String> = settable().map(Setting::path).collect();
        let report = Report::new(ErrorCode::BadRequest, format!("no setting is called `{path}`"));
        match nearest(path, names.iter().map(String::as_str)) {
            Some(near) => report.hint(format!("did you mean `{near}`?")),
            None => report.hint("settings are called `section.key`, such as `capture.sync_interval`"),
        }
    })
}

/// Sets a value.
///
/// # Errors
/// [`ErrorCode::BadRequest`] for a value that the setting does not take, [`ErrorCode::BadConfig`] for a text that is no
/// TOML or has something else in the setting's place.
pub fn set(text: &str, setting: &Setting, value: &Value) -> Result<String> {
    setting.apply(&mut Config::new(HostName::nearest("")), value).map_err(|must| {
        let message = format!("`{}` must be {must}, not {}", setting.path(), given(setting, value));
        Report { hint: rewrite_hint(setting, value), ..Report::new(ErrorCode::BadRequest, message) }
    })?;
    let document = parsed(text)?;
    let literal = toml_value(value);
    let line = format!("{} = {literal}", setting.key);
    let Some(section) = document.get(setting.section) else {
        return Ok(append(text, &[&header(setting.section), &line]));
    };
    let table = section.as_table_like().ok_or_else(|| by_hand(setting.section))?;
    if let Some(old) = table.get(setting.key) {
        let span = old.as_value().and_then(Toml::span).ok_or_else(|| by_hand(&setting.path()))?;
        return Ok(replace(text, span, &literal.to_string()));
    }
    if let Some(inline) = section.as_inline_table() {
        let mut inline = inline.clone();
        inline.insert(setting.key, literal);
        return rewrite(text, setting.section, section, Toml::InlineTable(inline));
    }
    let table = section.as_table().ok_or_else(|| by_hand(setting.section))?;
    if table.is_dotted() {
        let line = format!("{}.{line}", setting.section);
        return Ok(insert_lines(text, last_line_of(text, table, 0), &[&line]));
    }
    match table.span().filter(|_| !table.is_implicit()) {
        Some(span) => {
            let after = line_end(text, span.end);
            let after =
                commented_out(text, after, setting.key).unwrap_or_else(|| last_line_of(text, table, after));
            Ok(insert_lines(text, after, &[&line]))
        }
        None => Ok(append(text, &[&header(setting.section), &line])),
    }
}

/// Takes a value away, so that the default holds again. A value that is not there stays away.
///
/// # Errors
/// [`ErrorCode::BadConfig`] for a text that is no TOML or has something else in the setting's place.
pub fn unset(text: &str, setting: &Setting) -> Result<String> {
    let document = parsed(text)?;
    let Some(section) = document.get(setting.section) else { return Ok(text.to_owned()) };
    let table = section.as_table_like().ok_or_else(|| by_hand(setting.section))?;
    let Some(old) = table.get(setting.key) else { return Ok(text.to_owned()) };
    if let Some(inline) = section.as_inline_table() {
        let mut inline = inline.clone();
        inline.remove(setting.key);
        return rewrite(text, setting.section, section, Toml::InlineTable(inline));
    }
    let span = old.as_value().and_then(Toml::span).ok_or_else(|| by_hand(&setting.path()))?;
    let begin = line_begin(text, offset_of(table, setting.key));
    Ok(replace(text, begin..line_end(text, span.end), ""))
}

/// Adds a database, after the others.
///
/// # Errors
/// [`ErrorCode::BadConfig`] for a text that is no TOML or has something else in the databases' place;
/// [`ErrorCode::BadRequest`] for a path that can't be written as a text.
pub fn add_database(text: &str, name: Option<&Name>, path: &Path) -> Result<String> {
    let path = path.to_str().ok_or_else(|| {
        let message = format!("`{}` has characters that a configuration can't hold", path.display());
        Report::new(ErrorCode::BadRequest, message).hint("give the folder or the file another name")
    })?;
    let mut lines = vec![header(DATABASE)];
    lines.extend(name.map(|name| format!("name = {}", Toml::from(name.as_str()))));
    lines.push(format!("path = {}", Toml::from(path)));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let document = parsed(text)?;
    match document.get(DATABASE) {
        None => Ok(append(text, &lines)),
        Some(Item::ArrayOfTables(tables)) => {
            let last = tables.iter().last().ok_or_else(|| by_hand(DATABASE))?;
            let after = last_line_of(text, last, line_end(text, last.span().map_or(0, |span| span.end)));
            let lines: Vec<&str> = std::iter::once("").chain(lines).collect();
            Ok(insert_lines(text, after, &lines))
        }
        Some(item) => {
            let mut array = array_of(item)?;
            let mut table = InlineTable::new();
            if let Some(name) = name {
                table.insert("name", name.as_str().into());
            }
            table.insert("path", path.into());
            array.push(table);
            rewrite(text, DATABASE, item, Toml::Array(array))
        }
    }
}

/// Takes a database away; its file and its history stay.
///
/// # Errors
/// [`ErrorCode::NoSuchDatabase`] if the text lists none of that name, [`ErrorCode::BadConfig`] as for the others.
pub fn remove_database(text: &str, name: &Name) -> Result<String> {
    let document = parsed(text)?;
    let missing = || {
        Report::new(ErrorCode::NoSuchDatabase, format!("the configuration lists no database called `{name}`"))
            .hint("`sqlite-replicate databases` lists them")
    };
    let item = document.get(DATABASE).ok_or_else(missing)?;
    let tables = entries(item).ok_or_else(|| by_hand(DATABASE))?;
    let index = tables.iter().position(|table| is_called(*table, name)).ok_or_else(missing)?;
    let Some(tables) = item.as_array_of_tables() else {
        let mut array = array_of(item)?;
        array.remove(index);
        return rewrite(text, DATABASE, item, Toml::Array(array));
    };
    let table = tables.get(index).ok_or_else(missing)?;
    let span = table.span().ok_or_else(|| by_hand(DATABASE))?;
    let mut begin = line_begin(text, span.start);
    let end = last_line_of(text, table, line_end(text, span.end));
    // One blank line on either side becomes one.
    let before = line_begin(text, begin.saturating_sub(1));
    let blank_after = text[end..].lines().next().is_none_or(|line| line.trim().is_empty());
    if blank_after && begin > 0 && text[before..begin].trim().is_empty() {
        begin = before;
    }
    Ok(replace(text, begin..end, ""))
}

fn is_called(table: &dyn TableLike, name: &Name) -> bool {
    let text = |key| table.get(key).and_then(Item::as_str);
    match (text("name"), text("path")) {
        (Some(own), _) => own == name.as_str(),
        (None, Some(path)) => default_name(Path::new(path)) == *name,
        (None, None) => false,
    }
}

fn parsed(text: &str) -> Result<Document<&str>> {
    Document::parse(text).map_err(|error| {
        let message = "the configuration can't be changed as long as it is not valid TOML";
        Report::new(ErrorCode::BadConfig, message)
            // The error's own text would quote the line, which may hold a key.
            .because(error.message().to_owned())
            .hint("`sqlite-replicate config check` says where")
    })
}

fn by_hand(what: &str) -> Report {
    Report::new(ErrorCode::BadConfig, format!("`{what}` has another form in the file than it should have"))
        .hint("`sqlite-replicate config check` says where; mend it by hand")
}

fn array_of(item: &Item) -> Result<Array> {
    item.as_array().cloned().ok_or_else(|| by_hand(DATABASE))
}

fn toml_value(value: &Value) -> Toml {
    match value {
        Value::Flag(flag) => Toml::from(*flag),
        Value::Count(count) => Toml::from(*count),
        Value::Text(text) => Toml::from(text),
        Value::List(items) => Toml::from_iter(items),
    }
}

/// A value as it is written in the file.
pub(crate) fn literal(value: &Value) -> String {
    toml_value(value).to_string()
}

/// Writes an inline value anew in its place.
fn rewrite(text: &str, what: &str, item: &Item, mut value: Toml) -> Result<String> {
    let span = item.span().ok_or_else(|| by_hand(what))?;
    // Parts that were not touched still point into the text.
    if let Toml::InlineTable(table) = &mut value {
        table.fmt();
    }
    value.decor_mut().clear();
    Ok(replace(text, span, &value.to_string()))
}

fn replace(text: &str, range: Range<usize>, new: &str) -> String {
    [&text[..range.start], new, &text[range.end..]].concat()
}

fn line_begin(text: &str, offset: usize) -> usize {
    text[..offset].rfind('\n').map_or(0, |newline| newline + 1)
}

/// Where the line after the one of `offset` begins.
fn line_end(text: &str, offset: usize) -> usize {
    text[offset..].find('\n').map_or(text.len(), |newline| offset + newline + 1)
}

/// The end of the last line of a table's values; `none` if it has none.
fn last_line_of(text: &str, table: &toml_edit::Table, none: usize) -> usize {
    let ends = table.iter().filter_map(|(_, item)| Some(line_end(text, item.as_value()?.span()?.end)));
    ends.max().unwrap_or(none)
}

/// The end of the line that has `key` commented out, within the section whose first line begins at `from`.
fn commented_out(text: &str, from: usize, key: &str) -> Option<usize> {
    let mut end = from;
    for line in text[from..].split_inclusive('\n') {
        end += line.len();
        let line = line.trim_start();
        if line.starts_with('[') {
            return None;
        }
        let assigned = line.strip_prefix('#').and_then(|rest| rest.trim_start().strip_prefix(key));
        if assigned.is_some_and(|rest| rest.trim_start().starts_with('=')) {
            return Some(end);
        }
    }
    None
}

/// Inserts lines at the begin of a line, with the line ends that the text has.
fn insert_lines(text: &str, at: usize, lines: &[&str]) -> String {
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut new = String::new();
    if at > 0 && !text[..at].ends_with('\n') {
        new.push_str(newline);
    }
    for line in lines {
        new.push_str(line);
        new.push_str(newline);
    }
    replace(text, at..at, &new)
}

/// Adds lines at the end, after a blank one.
fn append(text: &str, lines: &[&str]) -> String {
    let blank = text.lines().next_back().is_some_and(|line| !line.trim().is_empty());
    let lines: Vec<&str> = blank.then_some("").into_iter().chain(lines.iter().copied()).collect();
    insert_lines(text, text.len(), &lines)
}

#[cfg(test)]
mod tests;
