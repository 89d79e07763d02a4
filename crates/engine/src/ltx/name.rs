//! What LTX files are called: `<min>-<max>.ltx` in a folder per level.

use std::fmt;
use std::str::FromStr;

use sqlite_replicate_api::{BadName, Txid};

/// How much is compacted into one file: 0 as captured, 1 … 8 ever longer ranges, 9 whole databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level(u8);

impl Level {
    /// As captured: usually one transaction of Litestream's per file.
    pub const CAPTURED: Self = Self(0);
    /// Whole databases, each from transaction 1.
    pub const SNAPSHOT: Self = Self(9);
    /// Every level, finest first.
    pub const ALL: [Self; 10] =
        [Self(0), Self(1), Self(2), Self(3), Self(4), Self(5), Self(6), Self(7), Self(8), Self(9)];

    /// The level of that number, if it is 0 … 9.
    pub fn new(level: u8) -> Option<Self> {
        (level <= Self::SNAPSHOT.0).then_some(Self(level))
    }

    /// 0 … 9.
    pub fn number(self) -> u8 {
        self.0
    }

    /// Whether files of this level are whole databases.
    pub fn is_snapshot(self) -> bool {
        self == Self::SNAPSHOT
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A file's name, `<min>-<max>.ltx`: the transactions that it takes a database through, both included.
///
/// Parsed as Litestream writes it (16 lower-case hexadecimal digits each) and only if it makes sense
/// (1 ≤ min ≤ max), so that what somebody else put beside the files is never taken for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LtxName {
    /// First transaction.
    pub min: Txid,
    /// Last transaction.
    pub max: Txid,
}

impl fmt::Display for LtxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}.ltx", self.min, self.max)
    }
}

impl FromStr for LtxName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let bad = || BadName { text: text.to_owned(), what: "the name of an LTX file (`<min>-<max>.ltx`)" };
        let (min, max) = text.strip_suffix(".ltx").and_then(|stem| stem.split_once('-')).ok_or_else(bad)?;
        let txid = |digits: &str| {
            let exact =
                digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'));
            if exact { digits.parse::<Txid>().ok() } else { None }
        };
        let name = Self { min: txid(min).ok_or_else(bad)?, max: txid(max).ok_or_else(bad)? };
        if name.min == Txid(0) || name.min > name.max { Err(bad()) } else { Ok(name) }
    }
}

/// The last two parts of an object's key in a store, `<level, 4 digits>/<name>` (DESIGN §3).
///
/// On disk (Litestream's own folder, its `file` replicas) the folder is `ltx/<level>` instead, without
/// leading zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LtxKey {
    /// The folder.
    pub level: Level,
    /// The file.
    pub name: LtxName,
}

impl fmt::Display for LtxKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}/{}", self.level.number(), self.name)
    }
}

impl FromStr for LtxKey {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let bad =
            || BadName { text: text.to_owned(), what: "the key of an LTX object (`0000/<min>-<max>.ltx`)" };
        let (level, name) = text.split_once('/').ok_or_else(bad)?;
        let level = match level.as_bytes() {
            [b'0', b'0', b'0', digit @ b'0'..=b'9'] => Level(digit - b'0'),
            _ => return Err(bad()),
        };
        Ok(Self { level, name: name.parse().map_err(|_| bad())? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_only_as_litestream_writes_them() {
        let text = "0000000000000001-00000000000000ff.ltx";
        let name: LtxName = text.parse().unwrap();
        assert_eq!(name, LtxName { min: Txid(1), max: Txid(255) });
        assert_eq!(name.to_string(), text);
        for bad in [
            "",
            ".ltx",
            "0000000000000001-00000000000000ff",
            "0000000000000001-00000000000000ff.ltx.tmp",
            "0000000000000001-00000000000000FF.ltx",
            "0000000000000001-00000000000000fg.ltx",
            "1-ff.ltx",
            "0000000000000000-0000000000000001.ltx",
            "0000000000000002-0000000000000001.ltx",
            "0000000000000001-0000000000000002-0000000000000003.ltx",
            "+000000000000001-0000000000000002.ltx",
        ] {
            assert!(bad.parse::<LtxName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_have_a_level_of_four_digits() {
        let text = "0009/0000000000000001-00000000000000ff.ltx";
        let key: LtxKey = text.parse().unwrap();
        assert!(key.level.is_snapshot());
        assert_eq!(key.to_string(), text);
        for bad in ["000a/", "9/", "00009/", "0010/", "-001/", ""] {
            let bad = format!("{bad}0000000000000001-00000000000000ff.ltx");
            assert!(bad.parse::<LtxKey>().is_err(), "{bad}");
        }
        assert_eq!(Level::new(9), Some(Level::SNAPSHOT));
        assert_eq!(Level::new(10), None);
    }
}
