//! The names of things: transactions, epochs, databases, hosts. Each is a type of its own, so that a transaction
//! can't be passed where an epoch is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A transaction of one epoch, as Litestream numbers them: 1, 2, 3, … It starts again in each epoch.
///
/// Written as 16 hexadecimal digits, which is how Litestream names its files and takes `-txid`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Txid(pub u64);

impl Txid {
    /// The transaction after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Txid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A text that is not the name it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}")]
pub struct BadName {
    /// What was given.
    pub text: String,
    /// What was expected, with its article: "a transaction (up to 16 hexadecimal digits)".
    pub what: &'static str,
}

impl FromStr for Txid {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let bad = || BadName { text: text.to_owned(), what: "a transaction (up to 16 hexadecimal digits)" };
        if text.is_empty() || text.len() > 16 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(bad());
        }
        u64::from_str_radix(text, 16).map(Txid).map_err(|_| bad())
    }
}

/// One unbroken line of history of one database, `<term>.<n>` (DESIGN §3): `n` grows with each in-place restore
/// within a term, the term with each change of the primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch {
    /// Which host may write: a number that only grows.
    pub term: u64,
    /// Grows with each in-place restore within the term.
    pub n: u64,
}

impl Epoch {
    /// The first epoch of a database that was never protected before.
    pub const FIRST: Self = Self { term: 1, n: 0 };

    /// The epoch that an in-place restore opens.
    #[must_use]
    pub fn after_restore(self) -> Self {
        Self { n: self.n.saturating_add(1), ..self }
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.term, self.n)
    }
}

impl FromStr for Epoch {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let bad = || BadName { text: text.to_owned(), what: "an epoch (`<term>.<n>`)" };
        let (term, n) = text.split_once('.').ok_or_else(bad)?;
        let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
        if !digits(term) || !digits(n) {
            return Err(bad());
        }
        Ok(Self { term: term.parse().map_err(|_| bad())?, n: n.parse().map_err(|_| bad())? })
    }
}

/// What a database or a named snapshot is called: 1 to 64 of `a–z 0–9 . _ -`, beginning and ending with a letter or digit.
///
/// It is a folder name on Windows and a part of S3 keys, hence so narrow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The nearest name to a text: lower case, everything else becomes `-`; `database` if nothing is left.
    pub fn nearest(text: &str) -> Self {
        let mapped: String = text
            .chars()
            .map(|c| c.to_ascii_lowercase())
            .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' })
            .collect();
        let ends = |c: char| !c.is_ascii_alphanumeric();
        let cut: String = mapped.trim_matches(ends).chars().take(64).collect();
        let cut = cut.trim_matches(ends);
        Self(if cut.is_empty() || is_reserved(cut) { "database".to_owned() } else { cut.to_owned() })
    }
}

/// Device names that Windows does not allow as a file name, whatever the extension.
fn is_reserved(text: &str) -> bool {
    let stem = text.split('.').next().unwrap_or(text);
    matches!(stem, "con" | "prn" | "aux" | "nul")
        || (stem.len() == 4
            && (stem.starts_with("com") || stem.starts_with("lpt"))
            && stem.as_bytes()[3].is_ascii_digit())
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Name {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
        let outer = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = text.as_bytes();
        let fits = bytes.len() <= 64
            && bytes.iter().all(|b| inner(*b))
            && outer(bytes.first())
            && outer(bytes.last())
            && !is_reserved(text);
        if fits {
            return Ok(Self(text.to_owned()));
        }
        let what =
            "a name (1 to 64 of a-z, 0-9, `.`, `_` and `-`, beginning and ending with a letter or digit)";
        Err(BadName { text: text.to_owned(), what })
    }
}

macro_rules! serde_as_text {
    ($($type:ty),*) => {$(
        impl Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
pub(crate) use serde_as_text;

serde_as_text!(Txid, Epoch, Name);

/// In the pages' language they are the texts that they travel as.
#[cfg(test)]
mod as_typescript {
    use super::{Epoch, Name, Txid};

    macro_rules! text {
        ($($type:ty),*) => {$(
            impl ts_rs::TS for $type {
                type WithoutGenerics = Self;
                type OptionInnerType = Self;
                fn name(_: &ts_rs::Config) -> String {
                    "string".to_owned()
                }
                fn inline(_: &ts_rs::Config) -> String {
                    "string".to_owned()
                }
            }
        )*};
    }
    text!(Txid, Epoch, Name);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_is_sixteen_hexadecimal_digits() {
        assert_eq!(Txid(255).to_string(), "00000000000000ff");
        assert_eq!("ff".parse(), Ok(Txid(255)));
        for bad in ["", "g", "+1", "00000000000000001", "0x1"] {
            assert!(bad.parse::<Txid>().is_err(), "{bad}");
        }
    }

    #[test]
    fn epochs_order_by_term_first() {
        let epoch: Epoch = "2.0".parse().unwrap();
        assert!(epoch > "1.9".parse().unwrap());
        assert_eq!(Epoch::FIRST.after_restore().to_string(), "1.1");
        for bad in ["1", "1.", ".1", "1.-1", "1.+1", "a.b"] {
            assert!(bad.parse::<Epoch>().is_err(), "{bad}");
        }
    }

    #[test]
    fn names_fit_windows_and_s3() {
        assert_eq!(Name::nearest("Orders 2026.DB").as_str(), "orders-2026.db");
        assert_eq!(Name::nearest("订单").as_str(), "database");
        assert_eq!(Name::nearest("NUL.db").as_str(), "database");
        for bad in ["", "A", "a/b", "..", "-a", "a-", "con", "com1.db", "a:b"] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
        assert!("com.db".parse::<Name>().is_ok());
    }

    #[test]
    fn names_travel_as_text() {
        assert_eq!(serde_json::to_string(&Txid(1)).unwrap(), "\"0000000000000001\"");
        assert!(serde_json::from_str::<Name>("\"A B\"").is_err());
    }
}
