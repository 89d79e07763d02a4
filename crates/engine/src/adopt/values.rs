//! Values as Litestream writes them, and as settings have them.

use std::time::Duration;

use sqlite_replicate_api::config::{ByteSize, Kind, Setting, Span, Value};

/// Which way a value errs on the side of losing less.
pub(super) fn more_is_more_careful(path: &str) -> bool {
    matches!(path, "capture.retention" | "capture.l0_retention" | "capture.busy_timeout" | "capture.max_wal")
}

/// The size of a `-wal` file with this many pages of the usual size, in whole MiB.
pub(super) fn size_of_pages(pages: u64) -> u64 {
    const USUAL_FRAME: u64 = 4096 + 24;
    pages.saturating_mul(USUAL_FRAME).div_ceil(1 << 20).saturating_mul(1 << 20)
}

pub(super) fn value_of(kind: Kind, number: u64) -> Value {
    match kind {
        Kind::Span => Value::Text(Span::millis(number).to_string()),
        Kind::Size => Value::Text(ByteSize::new(number).to_string()),
        _ => Value::Count(i64::try_from(number).unwrap_or(i64::MAX)),
    }
}

pub(super) fn shown(setting: &str, number: u64) -> String {
    let kind = Setting::find(setting).map_or(Kind::Count, |setting| setting.kind);
    value_of(kind, number).to_string()
}

/// A duration as Go writes it (`1h30m`, `0.5s`, `100us`), in milliseconds; a part of one counts as one.
pub(super) fn duration(text: &str) -> Option<u64> {
    let (mut rest, mut total) = (text, Duration::ZERO);
    while !rest.is_empty() || text.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let nanos = match &tail[..letters] {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return None,
        };
        let part = number.parse::<f64>().ok().filter(|n| n.is_finite())? * nanos / 1e9;
        total = total.checked_add(Duration::try_from_secs_f64(part).ok()?)?;
        rest = &tail[letters..];
    }
    u64::try_from(total.as_nanos().div_ceil(1_000_000)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        for (text, millis) in [
            ("1s", Some(1000)),
            ("1h30m", Some(5_400_000)),
            ("0.5s", Some(500)),
            ("1.5h", Some(5_400_000)),
            ("100us", Some(1)),
            ("0s", Some(0)),
            ("10", None),
            ("", None),
            ("1d", None),
            ("-1s", None),
            ("s", None),
            ("1.1.1s", None),
            ("99999999999999999999h", None),
        ] {
            assert_eq!(duration(text), millis, "{text}");
        }
    }

    #[test]
    fn pages_become_whole_mebibytes() {
        assert_eq!(size_of_pages(121_359), 477 << 20);
        assert_eq!(size_of_pages(1), 1 << 20);
        assert!(size_of_pages(u64::MAX) > 1 << 40, "too much stays too much");
    }
}
