//! Sizes, times, transactions, columns and lines.

use console::measure_text_width;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use sqlite_replicate_api::Txid;

/// A size in the units that Windows shows (1 KB is 1024 bytes): `950 bytes`, `1.5 MB`, `114 GB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1024 {
        return format!("{bytes} byte{}", if bytes == 1 { "" } else { "s" });
    }
    #[expect(clippy::cast_precision_loss, reason = "few digits are shown")]
    let mut size = bytes as f64 / 1024.0;
    let mut unit = 0;
    // 1023.95 would be shown as 1024.0.
    while size >= 1023.95 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    let digits = usize::from(size < 99.95);
    format!("{size:.digits$} {}", UNITS[unit])
}

/// A length of time: `0.4 s`, `42 s`, `3 min 20 s`, `2 h 5 min`, `3 days 4 h`.
pub(crate) fn seconds(seconds: f64) -> String {
    if seconds < 9.95 {
        return format!("{:.1} s", seconds.max(0.0));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is not negative, and the cast stops at the end"
    )]
    let whole = seconds.round() as u64;
    let two = |large: u64, large_unit: &str, small: u64, small_unit: &str| {
        if small == 0 {
            format!("{large} {large_unit}")
        } else {
            format!("{large} {large_unit} {small} {small_unit}")
        }
    };
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => two(whole / 60, "min", whole % 60, "s"),
        3600..172_800 => two(whole / 3600, "h", whole % 3600 / 60, "min"),
        _ => two(whole / 86_400, "days", whole % 86_400 / 3600, "h"),
    }
}

/// How long ago something was; the exact time where that is more than two days, or still to come.
pub(crate) fn ago(time: Timestamp, now: &Zoned) -> String {
    let age = now.timestamp().duration_since(time).as_secs();
    let some = |count: i64, unit: &str| format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" });
    match age {
        0..60 => some(age, "second"),
        60..3600 => some(age / 60, "minute"),
        3600..172_800 => some(age / 3600, "hour"),
        _ => format!("on {}", exact(time, now.time_zone())),
    }
}

/// A time on the clock of a time zone: `2026-11-21 10:30:15`.
pub(crate) fn exact(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// A transaction without its leading zeros, as `--txid` takes it.
pub(crate) fn short(txid: Txid) -> String {
    format!("{:x}", txid.0)
}

/// Rows with their columns below each other; the last column is not filled up.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| measure_text_width(cell)).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| padded(cell, *width));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// A text filled with blanks on the right.
pub(crate) fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(measure_text_width(text))))
}

/// A text in lines of at most `width` columns. Wide signs (Chinese, Japanese, Korean) count twice and may be parted
/// anywhere; other words only where they are longer than a line.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(2);
    let mut lines = vec![String::new()];
    let mut filled = 0;
    for word in pieces(text) {
        let wide = measure_text_width(word.trim_end());
        if filled > 0 && filled + wide > width {
            lines.push(String::new());
            filled = 0;
        }
        for sign in word.chars() {
            let columns = measure_text_width(sign.encode_utf8(&mut [0; 4]));
            if filled + columns > width {
                if sign == ' ' {
                    continue;
                }
                lines.push(String::new());
                filled = 0;
            }
            if let Some(line) = lines.last_mut() {
                line.push(sign);
            }
            filled += columns;
        }
    }
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

/// Words with the blanks after them, and wide signs one by one with what closes them.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut before: Option<char> = None;
    for (at, sign) in text.char_indices() {
        let wide = measure_text_width(sign.encode_utf8(&mut [0; 4])) == 2;
        let closing = matches!(sign, '。' | '，' | '、' | '：' | '；' | '？' | '！' | '）' | '”');
        let parts = match before {
            None => false,
            Some(' ') => sign != ' ',
            Some(_) => wide && !closing,
        };
        if parts {
            pieces.push(&text[start..at]);
            start = at;
        }
        before = Some(sign);
    }
    pieces.push(&text[start..]);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let shown =
            [0, 1, 1023, 1024, 1536, 102_348, 102_400, 1_048_575, 1_048_576, 12_000_000, u64::MAX].map(bytes);
        let meant = [
            "0 bytes",
            "1 byte",
            "1023 bytes",
            "1.0 KB",
            "1.5 KB",
            "99.9 KB",
            "100 KB",
            "1.0 MB",
            "1.0 MB",
            "11.4 MB",
            "16.0 EB",
        ];
        assert_eq!(shown, meant);
    }

    #[test]
    fn lengths_of_time() {
        let shown =
            [-1.0, 0.0, 0.44, 9.94, 9.96, 59.4, 60.0, 200.0, 7500.0, 172_800.0, 273_600.0].map(seconds);
        let meant = [
            "0.0 s",
            "0.0 s",
            "0.4 s",
            "9.9 s",
            "10 s",
            "59 s",
            "1 min",
            "3 min 20 s",
            "2 h 5 min",
            "2 days",
            "3 days 4 h",
        ];
        assert_eq!(shown, meant);
        assert_eq!(seconds(f64::INFINITY).split(' ').nth(1), Some("days"));
    }

    #[test]
    fn ages() {
        let now: Zoned = "2026-11-21T10:45:30+01:00[Europe/Berlin]".parse().unwrap();
        let shown = |time: &str| ago(time.parse().unwrap(), &now);
        assert_eq!(shown("2026-11-21T09:45:30Z"), "0 seconds ago");
        assert_eq!(shown("2026-11-21T09:45:29Z"), "1 second ago");
        assert_eq!(shown("2026-11-21T09:43:00Z"), "2 minutes ago");
        assert_eq!(shown("2026-11-21T06:43:00Z"), "3 hours ago");
        assert_eq!(shown("2026-11-18T16:00:00Z"), "on 2026-11-18 17:00:00");
        assert_eq!(shown("2026-11-21T10:00:00Z"), "on 2026-11-21 11:00:00");
    }

    #[test]
    fn lines_fit_their_width() {
        assert_eq!(wrap("one two  three", 9), ["one two", "three"]);
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("incomprehensible", 6), ["incomp", "rehens", "ible"]);
        assert_eq!(wrap("数据安全。最近一次", 9), ["数据安", "全。最近", "一次"]);
        assert_eq!(wrap("", 10), [""]);
        for width in 2..40 {
            for line in wrap("Safe, 数据安全。最近一次 incomprehensible  things", width) {
                assert!(measure_text_width(&line) <= width, "{line:?} at {width}");
            }
        }
    }

    #[test]
    fn columns_stand_below_each_other() {
        let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect();
        assert_eq!(table(&[row(&["a", "bb", "c"]), row(&["订单", "b"])]), "a     bb  c\n订单  b\n");
        assert_eq!(table(&[]), "");
    }
}
