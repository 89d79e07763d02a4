//! What kinds of values settings take: how each is named, read, written and measured.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{
    Bucket, ByteSize, Endpoint, HostName, Language, Listen, NotifyOn, Region, Span, TimeOfDay, Webhook,
};
use crate::Name;

/// A value as it stands in the file or the environment, before it is understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// `true`, `false`
    Flag(bool),
    /// `1000`
    Count(i64),
    /// `"1s"`
    Text(String),
    /// `["warning", "failure"]`
    List(Vec<String>),
}

impl fmt::Display for Value {
    /// As a person writes it on a command line: texts without quotes, a list with commas.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => flag.fmt(f),
            Self::Count(count) => count.fmt(f),
            Self::Text(text) => f.write_str(text),
            Self::List(items) => f.write_str(&items.join(",")),
        }
    }
}

/// What kind of value a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What a PC is called.
    Host,
    /// A [`Name`].
    Name,
    /// A file or folder.
    Path,
    /// A bucket.
    Bucket,
    /// The address of an S3 service.
    Endpoint,
    /// A region.
    Region,
    /// A duration.
    Span,
    /// A size in bytes.
    Size,
    /// A whole number.
    Count,
    /// An address with port, or `off`.
    Listen,
    /// A time of day.
    Time,
    /// An address that may hold a key: never shown.
    Secret,
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// Any number of a few words.
    Choices(&'static [&'static str]),
    /// Yes or no.
    Flag,
}

impl Kind {
    /// What is expected, with an example: ends "`x` must be …".
    pub fn expected(self) -> String {
        match self {
            Self::Host => "a host name (letters, digits, `.`, `_` and `-`) such as `HOST-A`".to_owned(),
            Self::Name => "a name (a-z, 0-9, `.`, `_` and `-`) such as `orders`".to_owned(),
            Self::Path => "a path".to_owned(),
            Self::Bucket => {
                "a bucket (3 to 63 of a-z, 0-9, `.` and `-`) such as `sqlite-replicate`".to_owned()
            }
            Self::Endpoint => {
                "an address such as `https://nas.office:9000`, without path, user and password".to_owned()
            }
            Self::Region => "a region such as `us-east-1`".to_owned(),
            Self::Span => "a duration such as `500ms`, `1s`, `24h` or `1d`".to_owned(),
            Self::Size => "a size such as `64MiB` or `1GB`".to_owned(),
            Self::Count => "a whole number".to_owned(),
            Self::Listen => "an address with port such as `127.0.0.1:3001`, or `off`".to_owned(),
            Self::Time => "a time of day such as `02:00`".to_owned(),
            Self::Secret => "an address that begins with `https://` or `http://`".to_owned(),
            Self::Choice(words) => format!("one of {}", in_backticks(words)),
            Self::Choices(words) => format!("a list of {}", in_backticks(words)),
            Self::Flag => "`true` or `false`".to_owned(),
        }
    }

    /// A value of this kind, as it stands in the file: for documentation, and where a screen shows an empty field.
    pub fn example(self) -> String {
        let text = match self {
            Self::Host => "HOST-A",
            Self::Name => "orders",
            Self::Path => return r"'D:\History'".to_owned(),
            Self::Bucket => "sqlite-replicate",
            Self::Endpoint => "https://nas.office:9000",
            Self::Region => "us-east-1",
            Self::Span => "1h",
            Self::Size => "64MiB",
            Self::Count => return "1000".to_owned(),
            Self::Listen => "127.0.0.1:3001",
            Self::Time => "02:00",
            Self::Secret => "https://chat.office/hooks/1234",
            Self::Choice(words) => words.first().copied().unwrap_or_default(),
            Self::Choices(words) => return format!("[{}]", quoted(words).join(", ")),
            Self::Flag => return "true".to_owned(),
        };
        format!("\"{text}\"")
    }

    /// The kind in one word or two, for tables.
    pub fn label(self) -> String {
        match self {
            Self::Host | Self::Name => "name".to_owned(),
            Self::Path => "path".to_owned(),
            Self::Bucket => "bucket".to_owned(),
            Self::Endpoint | Self::Secret => "address".to_owned(),
            Self::Region => "region".to_owned(),
            Self::Span => "duration".to_owned(),
            Self::Size => "size".to_owned(),
            Self::Count => "number".to_owned(),
            Self::Listen => "address, or `off`".to_owned(),
            Self::Time => "time of day".to_owned(),
            Self::Choice(words) => in_backticks(words),
            Self::Choices(words) => format!("list of {}", in_backticks(words)),
            Self::Flag => "`true`, `false`".to_owned(),
        }
    }

    /// Reads what the environment or a command line gives, which knows texts alone.
    ///
    /// What can't be read stays a text, so that [`Setting::apply`] refuses it with the setting's own words.
    pub fn value_of(self, text: &str) -> Value {
        let as_text = || Value::Text(text.to_owned());
        match self {
            Self::Count => text.parse().map_or_else(|_| as_text(), Value::Count),
            Self::Flag => text.parse().map_or_else(|_| as_text(), Value::Flag),
            Self::Choices(_) => {
                let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
                Value::List(words.map(str::to_owned).collect())
            }
            _ => as_text(),
        }
    }

    /// The number behind a value that has bounds: milliseconds, bytes, or the count.
    pub(super) fn measure(self, value: &Value) -> Option<u64> {
        match (self, value) {
            (Self::Span, Value::Text(text)) => text.parse().ok().map(Span::as_millis),
            (Self::Size, Value::Text(text)) => text.parse().ok().map(ByteSize::bytes),
            (Self::Count, Value::Count(count)) => u64::try_from(*count).ok(),
            _ => None,
        }
    }

    /// The reverse of `measure`, as a person writes it.
    pub(super) fn measured(self, number: u64) -> String {
        match self {
            Self::Span => Span::millis(number).to_string(),
            Self::Size => ByteSize::new(number).to_string(),
            _ => number.to_string(),
        }
    }
}

fn quoted(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| format!("\"{word}\"")).collect()
}

fn in_backticks(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// A type that a setting's value can have.
pub(super) trait Typed: Sized {
    const KIND: Kind;
    fn read(value: &Value) -> Option<Self>;
    fn write(&self) -> Option<Value>;
}

macro_rules! typed_as_text {
    ($($type:ty = $kind:expr,)*) => {$(
        impl Typed for $type {
            const KIND: Kind = $kind;
            fn read(value: &Value) -> Option<Self> {
                match value {
                    Value::Text(text) => text.parse().ok(),
                    _ => None,
                }
            }
            fn write(&self) -> Option<Value> {
                Some(Value::Text(self.to_string()))
            }
        }
    )*};
}

typed_as_text! {
    HostName = Kind::Host,
    Name = Kind::Name,
    Bucket = Kind::Bucket,
    Endpoint = Kind::Endpoint,
    Region = Kind::Region,
    Span = Kind::Span,
    ByteSize = Kind::Size,
    Listen = Kind::Listen,
    TimeOfDay = Kind::Time,
    Language = Kind::Choice(Language::WORDS),
}

impl Typed for Webhook {
    const KIND: Kind = Kind::Secret;
    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Text(text) => text.parse().ok(),
            _ => None,
        }
    }
    fn write(&self) -> Option<Value> {
        Some(Value::Text(self.reveal().to_owned()))
    }
}

impl Typed for PathBuf {
    const KIND: Kind = Kind::Path;
    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Text(text) if !text.is_empty() && !text.contains('\0') => Some(Self::from(text)),
            _ => None,
        }
    }
    fn write(&self) -> Option<Value> {
        // Always whole: it came from a text.
        Some(Value::Text(self.to_string_lossy().into_owned()))
    }
}

impl Typed for u32 {
    const KIND: Kind = Kind::Count;
    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Count(count) => Self::try_from(*count).ok(),
            _ => None,
        }
    }
    fn write(&self) -> Option<Value> {
        Some(Value::Count(i64::from(*self)))
    }
}

impl Typed for bool {
    const KIND: Kind = Kind::Flag;
    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Flag(flag) => Some(*flag),
            _ => None,
        }
    }
    fn write(&self) -> Option<Value> {
        Some(Value::Flag(*self))
    }
}

impl Typed for BTreeSet<NotifyOn> {
    const KIND: Kind = Kind::Choices(NotifyOn::WORDS);
    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::List(words) => words.iter().map(|word| word.parse().ok()).collect(),
            _ => None,
        }
    }
    fn write(&self) -> Option<Value> {
        Some(Value::List(self.iter().map(ToString::to_string).collect()))
    }
}

impl<T: Typed> Typed for Option<T> {
    const KIND: Kind = T::KIND;
    fn read(value: &Value) -> Option<Self> {
        T::read(value).map(Some)
    }
    fn write(&self) -> Option<Value> {
        self.as_ref().and_then(Typed::write)
    }
}
