//! Durations, moments and sizes as people say them.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Unit};

use super::Language;
use super::catalogue::get;
use super::render::{Scene, Value, fill};

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3600.0;
const DAY: f64 = 86400.0;

/// "2 seconds", "25 minutes", "9 days": one unit, rounded to it.
pub fn duration(seconds: f64, language: Language) -> String {
    let seconds = seconds.max(0.0);
    // A unit is used up to where the next one, rounded, begins.
    let (unit, size) = if seconds.round() < MINUTE {
        ("unit.second", 1.0)
    } else if (seconds / MINUTE).round() < 60.0 {
        ("unit.minute", MINUTE)
    } else if (seconds / HOUR).round() < 48.0 {
        ("unit.hour", HOUR)
    } else {
        ("unit.day", DAY)
    };
    // The conversion saturates, and what is not a number becomes 0.
    count(unit, (seconds / size).round() as u64, language)
}

/// "2 seconds ago", "just now".
pub fn ago(seconds: f64, language: Language) -> String {
    if seconds < 1.0 {
        return get(language, "time.now").to_owned();
    }
    with(get(language, "time.ago"), &[("time", duration(seconds, language))], language)
}

/// "714 bytes", "3.4 MB": in the units that Windows shows (1 KB is 1024 bytes).
pub fn bytes(bytes: u64, language: Language) -> String {
    const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];
    if bytes < 1024 {
        return count("unit.byte", bytes, language);
    }
    let mut size = bytes as f64 / 1024.0;
    let mut unit = 0;
    // 1023.95 would be written as 1024.0.
    while size >= 1023.95 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    let digits = usize::from(size < 99.95);
    format!("{size:.digits$} {}", UNITS[unit])
}

/// "10:31" today; "yesterday 10:31", "tomorrow 08:00", "Tuesday 17:00" in the last six days; else "2026-11-03 10:31".
pub fn clock(at: Timestamp, now: Timestamp, zone: &TimeZone, language: Language) -> String {
    let (at, now) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    let clock = at.strftime("%H:%M").to_string();
    let days = now.date().until((Unit::Day, at.date())).map_or(i32::MAX, |span| span.get_days());
    let weekday = format!("time.weekday.{}", at.weekday().to_monday_one_offset());
    let day = match days {
        0 => return clock,
        -1 => get(language, "time.yesterday").to_owned(),
        1 => get(language, "time.tomorrow").to_owned(),
        -6..=-2 => get(language, &weekday).to_owned(),
        _ => at.strftime("%Y-%m-%d").to_string(),
    };
    with(get(language, "time.day"), &[("day", day), ("clock", clock)], language)
}

fn count(unit: &str, n: u64, language: Language) -> String {
    let scene = Scene { language, now: Timestamp::UNIX_EPOCH, zone: &TimeZone::UTC };
    fill(get(language, unit), &|name| (name == "n").then_some(Value::Count(n)), &scene)
}

fn with(template: &str, values: &[(&str, String)], language: Language) -> String {
    let scene = Scene { language, now: Timestamp::UNIX_EPOCH, zone: &TimeZone::UTC };
    let value =
        |name: &str| values.iter().find(|(key, _)| *key == name).map(|(_, text)| Value::Text(text.clone()));
    fill(template, &value, &scene)
}
