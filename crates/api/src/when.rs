//! Times and durations as a person writes them: `10:30`, `yesterday 17:00`, `2 h ago`, `昨天 17:00`, RFC 3339.
//!
//! What is written is the clock on the wall of a time zone (that of `now`). Where a daylight-saving change makes a
//! clock time happen twice, the first of the two is meant; where it leaves one out, the time that a clock shows which
//! nobody has set forward yet is meant (02:30 is then 03:30). Whoever needs the other one writes RFC 3339.

mod words;

use std::fmt;
use std::time::Duration;

use jiff::civil::{Date, Time, Weekday};
use jiff::{SignedDuration, Span, Timestamp, Zoned};

use crate::{ErrorCode, Report};

/// A text that is no time, or not one that fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadWhen {
    /// Nobody can say which time is meant.
    NotATime {
        /// What was written.
        text: String,
    },
    /// A past time is wanted, but this one is still to come.
    InTheFuture {
        /// What was written.
        text: String,
        /// What it means, on the clock that it was read on.
        time: Zoned,
    },
    /// A time to come is wanted, but this one is over.
    InThePast {
        /// What was written.
        text: String,
        /// What it means, on the clock that it was read on.
        time: Zoned,
    },
    /// Nobody can say which duration is meant.
    NotADuration {
        /// What was written.
        text: String,
    },
}

impl BadWhen {
    /// What to write instead.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotATime { .. } => {
                "write for example `10:30`, `yesterday 17:00`, `2 h ago`, `2026-11-20 17:00` or \
                 `2026-11-20T17:00:00+01:00`"
            }
            Self::InTheFuture { .. } => "a past moment is wanted; look at the date and at the time zone",
            Self::InThePast { .. } => "a time to come is wanted, for example `18:00` or `tomorrow 08:00`",
            Self::NotADuration { .. } => "write for example `30m`, `1h`, `1h30m` or `2 days`",
        }
    }
}

impl fmt::Display for BadWhen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotATime { text } => write!(f, "`{text}` is not a time"),
            Self::InTheFuture { text, time } => {
                write!(f, "`{text}` is still to come (it means {})", shown(time))
            }
            Self::InThePast { text, time } => write!(f, "`{text}` is over (it means {})", shown(time)),
            Self::NotADuration { text } => write!(f, "`{text}` is not a duration"),
        }
    }
}

fn shown(time: &Zoned) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
}

impl std::error::Error for BadWhen {}

impl From<BadWhen> for Report {
    fn from(bad: BadWhen) -> Self {
        Self::new(ErrorCode::BadRequest, bad.to_string()).hint(bad.hint())
    }
}

/// The past moment that a text means, read in the time zone of `now`.
///
/// A time alone is its last occurrence (`10:30` at 9 o'clock is yesterday's); so is a weekday. A day alone is its
/// beginning. An RFC 3339 time brings its own zone.
///
/// # Errors
/// [`BadWhen::NotATime`] for a text that says nothing; [`BadWhen::InTheFuture`] for a moment after `now`.
pub fn parse(text: &str, now: &Zoned) -> Result<Timestamp, BadWhen> {
    let time = resolve(text, now, Side::Past)?;
    if time > now.timestamp() {
        let time = time.to_zoned(now.time_zone().clone());
        return Err(BadWhen::InTheFuture { text: text.trim().to_owned(), time });
    }
    Ok(time)
}

/// The moment to come that a text means, read in the time zone of `now`: the next `18:00`, the next `tuesday 8:00`.
///
/// # Errors
/// [`BadWhen::NotATime`] for a text that says nothing; [`BadWhen::InThePast`] for a moment that is not after `now`.
pub fn parse_ahead(text: &str, now: &Zoned) -> Result<Timestamp, BadWhen> {
    let time = resolve(text, now, Side::Ahead)?;
    if time <= now.timestamp() {
        let time = time.to_zoned(now.time_zone().clone());
        return Err(BadWhen::InThePast { text: text.trim().to_owned(), time });
    }
    Ok(time)
}

/// How long a text means: `90s`, `30m`, `1h30m`, `2 days`, `1 小时`. A day is 24 hours.
///
/// # Errors
/// [`BadWhen::NotADuration`] for anything else, and for a duration of nothing.
pub fn duration(text: &str) -> Result<Duration, BadWhen> {
    let bad = || BadWhen::NotADuration { text: text.trim().to_owned() };
    let amount = Amount::read(&words::plain(text)).ok_or_else(bad)?;
    let seconds = amount.days.checked_mul(86_400).and_then(|days| days.checked_add(amount.seconds));
    match seconds.and_then(|s| u64::try_from(s).ok()) {
        Some(seconds) if seconds > 0 => Ok(Duration::from_secs(seconds)),
        _ => Err(bad()),
    }
}

/// On which side of now a time that is not fully named is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Past,
    Ahead,
}

fn resolve(text: &str, now: &Zoned, side: Side) -> Result<Timestamp, BadWhen> {
    let bad = || BadWhen::NotATime { text: text.trim().to_owned() };
    if let Ok(time) = text.trim().parse::<Timestamp>() {
        return Ok(time);
    }
    let plain = words::plain(text);
    if plain == "now" {
        return Ok(now.timestamp());
    }
    if let Some(amount) = plain.strip_suffix(" ago") {
        return Amount::read(amount).and_then(|amount| amount.before(now)).ok_or_else(bad);
    }
    let clock = OnTheClock::read(&plain).ok_or_else(bad)?;
    clock.resolve(now, side).ok_or_else(bad)
}

/// Days by the calendar and seconds by the clock.
struct Amount {
    days: i64,
    seconds: i64,
}

impl Amount {
    /// Reads pairs of number and unit: `1h30m`, `2 days`.
    fn read(plain: &str) -> Option<Self> {
        let mut rest = plain.trim();
        let mut amount = Self { days: 0, seconds: 0 };
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit())?;
            let (number, after) = rest.split_at(digits);
            let number: i64 = number.parse().ok()?;
            let after = after.trim_start();
            let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
            let (unit, after) = after.split_at(letters);
            let (days, seconds) = match unit {
                "s" | "sec" | "secs" | "second" | "seconds" => (0, 1),
                "m" | "min" | "mins" | "minute" | "minutes" => (0, 60),
                "h" | "hr" | "hrs" | "hour" | "hours" => (0, 3600),
                "d" | "day" | "days" => (1, 0),
                "w" | "week" | "weeks" => (7, 0),
                _ => return None,
            };
            amount.days = amount.days.checked_add(number.checked_mul(days)?)?;
            amount.seconds = amount.seconds.checked_add(number.checked_mul(seconds)?)?;
            rest = after.trim_start();
        }
        Some(amount)
    }

    fn before(&self, now: &Zoned) -> Option<Timestamp> {
        let days = Span::new().try_days(self.days).ok()?;
        let that_day = now.checked_sub(days).ok()?;
        that_day.timestamp().checked_sub(SignedDuration::from_secs(self.seconds)).ok()
    }
}

/// Which day of the calendar is meant.
enum Day {
    /// None is named.
    Any,
    /// So many days from today.
    FromToday(i64),
    Weekday(Weekday),
    Date(Date),
}

/// A day and a time as they stand on the wall.
struct OnTheClock {
    day: Day,
    time: Option<Time>,
}

impl OnTheClock {
    /// Reads `[day] [at] [time [am|pm]]`.
    fn read(plain: &str) -> Option<Self> {
        let mut tokens: Vec<&str> = plain.split_whitespace().filter(|token| *token != "at").collect();
        let half = tokens.iter().position(|token| matches!(*token, "am" | "pm"));
        let half = half.map(|at| tokens.remove(at));
        let day = tokens.first().and_then(|token| read_day(token));
        let time = if day.is_some() { tokens.get(1) } else { tokens.first() };
        if tokens.len() != usize::from(day.is_some()) + usize::from(time.is_some()) {
            return None;
        }
        let time = match time {
            Some(token) => Some(read_time(token, half)?),
            None if half.is_some() || day.is_none() => return None,
            None => None,
        };
        Some(Self { day: day.unwrap_or(Day::Any), time })
    }

    fn resolve(&self, now: &Zoned, side: Side) -> Option<Timestamp> {
        let today = now.date();
        let on = |date: Date| {
            let time = self.time.unwrap_or(Time::midnight());
            now.time_zone().to_ambiguous_timestamp(date.to_datetime(time)).compatible().ok()
        };
        let shifted = |days: i64| today.checked_add(Span::new().try_days(days).ok()?).ok();
        // The nearest of several days on the wanted side of now.
        let nearest = |first: i64, step: i64| {
            let fits = |time: &Timestamp| match side {
                Side::Past => *time <= now.timestamp(),
                Side::Ahead => *time > now.timestamp(),
            };
            let (near, far) = match side {
                Side::Past => (first, first - step),
                Side::Ahead => (first, first + step),
            };
            on(shifted(near)?).filter(fits).or_else(|| on(shifted(far)?))
        };
        match &self.day {
            Day::Date(date) => on(*date),
            Day::FromToday(days) => on(shifted(*days)?),
            Day::Any => nearest(0, 1),
            Day::Weekday(weekday) => match side {
                Side::Past => nearest(-i64::from(today.weekday().since(*weekday)), 7),
                Side::Ahead => nearest(i64::from(today.weekday().until(*weekday)), 7),
            },
        }
    }
}

fn read_day(token: &str) -> Option<Day> {
    Some(match token {
        "today" => Day::FromToday(0),
        "yesterday" => Day::FromToday(-1),
        "day-before-yesterday" => Day::FromToday(-2),
        "tomorrow" => Day::FromToday(1),
        "monday" | "mon" => Day::Weekday(Weekday::Monday),
        "tuesday" | "tue" => Day::Weekday(Weekday::Tuesday),
        "wednesday" | "wed" => Day::Weekday(Weekday::Wednesday),
        "thursday" | "thu" => Day::Weekday(Weekday::Thursday),
        "friday" | "fri" => Day::Weekday(Weekday::Friday),
        "saturday" | "sat" => Day::Weekday(Weekday::Saturday),
        "sunday" | "sun" => Day::Weekday(Weekday::Sunday),
        _ => Day::Date(read_date(token)?),
    })
}

/// `2026-11-20`, `2026/11/20`, `2026-1-5`.
fn read_date(token: &str) -> Option<Date> {
    let parts: Vec<&str> = token.split(['-', '/']).collect();
    let [year, month, day] = parts.as_slice() else { return None };
    if year.len() != 4 {
        return None;
    }
    Date::new(number(year)?, number(month)?, number(day)?).ok()
}

/// `17:00`, `17:00:05`, `17:00:05.123`; with a half of the day also `5:30` and `5`.
fn read_time(token: &str, half: Option<&str>) -> Option<Time> {
    let (whole, fraction) = match token.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (token, None),
    };
    let parts: Vec<&str> = whole.split(':').collect();
    let (hour, minute, second) = match (parts.as_slice(), half) {
        ([hour], Some(_)) => (*hour, "0", "0"),
        ([hour, minute], _) => (*hour, *minute, "0"),
        ([hour, minute, second], _) => (*hour, *minute, *second),
        _ => return None,
    };
    if fraction.is_some() && parts.len() != 3 {
        return None;
    }
    let hour: i8 = number(hour)?;
    let hour = match half {
        None => hour,
        // Noon and midnight are 12; a hand on 13 or more says its half already.
        Some("am") if hour == 12 => 0,
        Some("am") if (0..12).contains(&hour) => hour,
        Some("pm") if (1..12).contains(&hour) => hour + 12,
        Some("pm") if (12..24).contains(&hour) => hour,
        Some(_) => return None,
    };
    Time::new(hour, number(minute)?, number(second)?, nanoseconds(fraction.unwrap_or("0"))?).ok()
}

fn nanoseconds(fraction: &str) -> Option<i32> {
    if fraction.len() > 9 {
        return None;
    }
    number(&format!("{fraction:0<9}"))
}

/// Digits alone: `parse` would take a sign as well.
fn number<T: std::str::FromStr>(digits: &str) -> Option<T> {
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
