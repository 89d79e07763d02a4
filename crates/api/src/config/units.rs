//! Quantities as people write them: durations, sizes, times of day.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{BadName, serde_as_text};

/// A duration, written `1s`, `500ms`, `24h`, `1d`, or in parts: `1h30m`. From 0 to 3650 days, in whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(u64);

const SPAN_UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

impl Span {
    /// The longest: 3650 days.
    pub const MAX: Self = Self(3650 * 86_400_000);

    /// A duration in milliseconds, [`Span::MAX`] at most.
    pub const fn millis(n: u64) -> Self {
        if n > Self::MAX.0 { Self::MAX } else { Self(n) }
    }

    /// A duration in seconds.
    pub const fn seconds(n: u64) -> Self {
        Self::millis(n.saturating_mul(1000))
    }

    /// A duration in minutes.
    pub const fn minutes(n: u64) -> Self {
        Self::seconds(n.saturating_mul(60))
    }

    /// A duration in hours.
    pub const fn hours(n: u64) -> Self {
        Self::minutes(n.saturating_mul(60))
    }

    /// The duration in milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The duration as the standard library has it.
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

impl fmt::Display for Span {
    /// One number with the greatest unit that fits; days from a week on, so that `24h` and `72h` stay what they are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(unit, size): &&(&str, u64)| {
            self.0.is_multiple_of(*size) && self.0 >= if *unit == "d" { 7 * size } else { *size }
        };
        let (unit, size) = SPAN_UNITS.iter().find(fits).unwrap_or(&("s", 1000));
        write!(f, "{}{unit}", self.0 / size)
    }
}

impl FromStr for Span {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let parse = || {
            let (mut rest, mut total, mut last) = (text, 0_u64, u64::MAX);
            while !rest.is_empty() || last == u64::MAX {
                let (digits, tail) = split_digits(rest);
                let letters = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
                let (_, size) = SPAN_UNITS.iter().find(|(unit, _)| *unit == &tail[..letters])?;
                // Parts go from large to small, each once: `30m1h` is rather a slip than a duration.
                if *size >= last {
                    return None;
                }
                total = total.checked_add(digits.parse::<u64>().ok()?.checked_mul(*size)?)?;
                (rest, last) = (&tail[letters..], *size);
            }
            (total <= Self::MAX.0).then_some(Self(total))
        };
        parse().ok_or_else(|| BadName {
            text: text.to_owned(),
            what: "a duration such as `500ms`, `1s`, `24h` or `1d`",
        })
    }
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// A size in bytes, written `64MiB` (1024s) or `1GB` (1000s); capitals don't matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

const SIZE_UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1000),
    ("B", 1),
];

impl ByteSize {
    /// A size in bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// A size in units of 1,048,576 bytes.
    pub const fn mebibytes(n: u64) -> Self {
        Self(n.saturating_mul(1 << 20))
    }

    /// The size in bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ByteSize {
    /// Exact: the unit that leaves the smallest whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, size): &&(&str, u64)| self.0 >= *size && self.0.is_multiple_of(*size);
        let (unit, size) = SIZE_UNITS.iter().find(fits).unwrap_or(&("B", 1));
        write!(f, "{}{unit}", self.0 / size)
    }
}

impl FromStr for ByteSize {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let parse = || {
            let (digits, unit) = split_digits(text);
            let (_, size) = SIZE_UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
            digits.parse::<u64>().ok()?.checked_mul(*size).map(Self)
        };
        parse().ok_or_else(|| BadName { text: text.to_owned(), what: "a size such as `64MiB` or `1GB`" })
    }
}

/// A time of day in the host's own time zone, written `02:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay {
    hour: i8,
    minute: i8,
}

impl TimeOfDay {
    /// A whole hour, 23 at most.
    pub(crate) const fn whole_hour(hour: i8) -> Self {
        assert!(hour >= 0 && hour < 24);
        Self { hour, minute: 0 }
    }

    /// The time, for computing with dates.
    pub const fn time(self) -> jiff::civil::Time {
        jiff::civil::time(self.hour, self.minute, 0, 0)
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

impl FromStr for TimeOfDay {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let part = |t: &str, below: i8| {
            let two_digits = t.len() == 2 && t.bytes().all(|b| b.is_ascii_digit());
            t.parse().ok().filter(|n| two_digits && *n < below)
        };
        let parse = || {
            let (hour, minute) = text.split_once(':')?;
            Some(Self { hour: part(hour, 24)?, minute: part(minute, 60)? })
        };
        parse().ok_or_else(|| BadName { text: text.to_owned(), what: "a time of day such as `02:00`" })
    }
}

serde_as_text!(Span, ByteSize, TimeOfDay);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_as_people_do() {
        for (text, millis, shown) in [
            ("500ms", 500, "500ms"),
            ("0s", 0, "0s"),
            ("1s", 1000, "1s"),
            ("90s", 90_000, "90s"),
            ("1m30s", 90_000, "90s"),
            ("24h", 86_400_000, "24h"),
            ("1d", 86_400_000, "24h"),
            ("7d", 604_800_000, "7d"),
            ("1s500ms", 1500, "1500ms"),
            ("3650d", Span::MAX.as_millis(), "3650d"),
        ] {
            let span: Span = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!((span.as_millis(), span.to_string().as_str()), (millis, shown), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for bad in [
            "",
            "1",
            "s",
            "1 s",
            "-1s",
            "+1s",
            "1.5h",
            "1S",
            "1s1s",
            "30m1h",
            "1h30",
            "3651d",
            "5 minutes",
            "99999999999999999999d",
            "18446744073709551615d",
            "１s",
        ] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }

    #[test]
    fn every_duration_survives_being_written() {
        let mut n: u64 = 1;
        while n < Span::MAX.as_millis() {
            for millis in [n, n + 1, n * 1000 % Span::MAX.as_millis()] {
                let span = Span::millis(millis);
                assert_eq!(span.to_string().parse(), Ok(span));
            }
            n = n * 3 + 1;
        }
    }

    #[test]
    fn sizes_know_both_kinds_of_units() {
        for (text, bytes, shown) in [
            ("64MiB", 64 << 20, "64MiB"),
            ("1GB", 1_000_000_000, "1GB"),
            ("1gb", 1_000_000_000, "1GB"),
            ("1024KiB", 1 << 20, "1MiB"),
            ("0B", 0, "0B"),
            ("1537B", 1537, "1537B"),
        ] {
            let size: ByteSize = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!((size.bytes(), size.to_string().as_str()), (bytes, shown), "{text}");
        }
        for bad in ["", "64", "MiB", "64 MiB", "1.5GB", "-1MB", "64M", "99999999999TiB"] {
            assert!(bad.parse::<ByteSize>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_time_of_day_has_two_digits_each() {
        assert_eq!("02:00".parse(), Ok(TimeOfDay::whole_hour(2)));
        assert_eq!("23:59".parse::<TimeOfDay>().unwrap().to_string(), "23:59");
        assert_eq!("23:59".parse::<TimeOfDay>().unwrap().time(), jiff::civil::time(23, 59, 0, 0));
        for bad in ["", "2:00", "24:00", "02:60", "02", "02:0", "02:00:00", "-1:00", "+1:00"] {
            assert!(bad.parse::<TimeOfDay>().is_err(), "{bad}");
        }
    }
}
