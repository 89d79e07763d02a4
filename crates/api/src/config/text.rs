//! Settings that are texts of a certain form: names, addresses, choices.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Name;
use crate::ids::{BadName, serde_as_text};

/// What people call a PC: `HOST-A`. 1 to 63 of letters, digits, `.`, `_` and `-`, beginning and ending with a letter or
/// digit; capitals are kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostName(String);

impl HostName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The nearest name to what the machine is called; `host` if no letter or digit of it can be kept.
    pub fn nearest(machine: &str) -> Self {
        let kept = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
        let mapped: String = machine.chars().map(kept).collect();
        let ends = |c: char| !c.is_ascii_alphanumeric();
        let cut: String = mapped.trim_matches(ends).chars().take(63).collect();
        cut.trim_matches(ends).parse().unwrap_or_else(|_| Self("host".to_owned()))
    }

    /// The form for folders and keys in the store, where capitals don't tell hosts apart.
    pub fn key(&self) -> Name {
        Name::nearest(&self.0)
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for HostName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        // What is a name in lower case is one here: folders and keys are made from it.
        if text.len() <= 63 && text.to_ascii_lowercase().parse::<Name>().is_ok() {
            return Ok(Self(text.to_owned()));
        }
        let what = "a host name (1 to 63 letters, digits, `.`, `_` and `-`, beginning and ending with a letter or digit)";
        Err(BadName { text: text.to_owned(), what })
    }
}

/// A bucket: 3 to 63 of `a–z 0–9 . -`, beginning and ending with a letter or digit, and not an IP address, as S3 has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Bucket(String);

impl Bucket {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Bucket {
    fn default() -> Self {
        Self("sqlite-replicate".to_owned())
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Bucket {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-');
        let outer = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = text.as_bytes();
        let fits = (3..=63).contains(&bytes.len())
            && bytes.iter().all(|b| inner(*b))
            && outer(bytes.first())
            && outer(bytes.last())
            && !text.contains("..")
            && text.parse::<Ipv4Addr>().is_err();
        if fits {
            return Ok(Self(text.to_owned()));
        }
        let what = "a bucket (3 to 63 of a-z, 0-9, `.` and `-`, beginning and ending with a letter or digit)";
        Err(BadName { text: text.to_owned(), what })
    }
}

/// A region of an S3 service: `us-east-1`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Region(String);

impl Region {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Region {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            return Ok(Self(text.to_owned()));
        }
        Err(BadName { text: text.to_owned(), what: "a region such as `us-east-1`" })
    }
}

/// The address of an S3 service: `https://HOST:PORT` or `http://HOST:PORT`, without path, user and password.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint(String);

impl Endpoint {
    /// The address, without a final `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Endpoint {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let address = text.strip_suffix('/').unwrap_or(text);
        match split_http(address) {
            Some((_, host, "")) if !host.contains('@') => Ok(Self(address.to_owned())),
            // A password could be in the text.
            _ => Err(BadName {
                text: if text.contains('@') { "…".to_owned() } else { text.to_owned() },
                what: "an address such as `https://nas.office:9000`, without path, user and password",
            }),
        }
    }
}

/// An address that notifications are sent to: `https://…`. Many hold a key, so only its host is ever shown; only
/// serializing gives it whole.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Webhook(String);

impl Webhook {
    /// The whole address, for sending to it and for writing it down where it was.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host, _) = split_http(&self.0).unwrap_or(("", "", ""));
        let host = host.rsplit('@').next().unwrap_or(host);
        write!(f, "{scheme}{host}/…")
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Webhook({self})")
    }
}

impl FromStr for Webhook {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        match split_http(text) {
            Some(_) => Ok(Self(text.to_owned())),
            None => Err(BadName {
                text: "…".to_owned(),
                what: "an address that begins with `https://` or `http://`",
            }),
        }
    }
}

/// `https://host:port/rest` as (`https://`, `host:port`, `/rest`); `None` for what is no such address.
fn split_http(text: &str) -> Option<(&str, &str, &str)> {
    let scheme = ["https://", "http://"].into_iter().find(|scheme| text.starts_with(scheme))?;
    let after = &text[scheme.len()..];
    let (authority, rest) = after.split_at(after.find(['/', '?', '#']).unwrap_or(after.len()));
    let host_and_port = authority.rsplit('@').next()?;
    let (host, port) = match host_and_port.strip_prefix('[') {
        Some(v6) => v6.split_once(']').map(|(host, port)| (host, port.strip_prefix(':').or(Some(port))))?,
        None => match host_and_port.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (host_and_port, Some("")),
        },
    };
    let port = port.unwrap_or("");
    let port_ok = (port.is_empty() && !host_and_port.ends_with(':'))
        || (port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|n| n > 0));
    let clean = !text.chars().any(|c| c.is_whitespace() || c.is_control());
    (!host.is_empty() && port_ok && clean).then_some((scheme, authority, rest))
}

/// Where something listens: an address with port, or nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Listen {
    /// `off`
    Off,
    /// `127.0.0.1:3001`; with port 0 the system chooses one.
    At(SocketAddr),
}

impl Default for Listen {
    fn default() -> Self {
        Self::At(SocketAddr::from((Ipv4Addr::LOCALHOST, 3001)))
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::At(address) => address.fmt(f),
        }
    }
}

impl FromStr for Listen {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        match text {
            "off" => Ok(Self::Off),
            _ => text.parse().map(Self::At).map_err(|_| BadName {
                text: text.to_owned(),
                what: "an address with port such as `127.0.0.1:3001`, or `off`",
            }),
        }
    }
}

/// A setting that is one of a few words.
macro_rules! words {
    ($(#[$doc:meta])* $type:ident, $what:literal, $($(#[$vdoc:meta])* $variant:ident = $text:literal,)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type {
            $($(#[$vdoc])* $variant,)*
        }

        impl $type {
            /// The words, in the order in which a screen offers them.
            pub const WORDS: &'static [&'static str] = &[$($text,)*];
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $text,)* })
            }
        }

        impl FromStr for $type {
            type Err = BadName;

            fn from_str(text: &str) -> Result<Self, BadName> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    _ => Err(BadName { text: text.to_owned(), what: $what }),
                }
            }
        }
    };
}

words! {
    /// The language of tray and window.
    Language, "a language: `auto`, `en` or `zh-CN`",
    /// The system's.
    Auto = "auto",
    /// English.
    English = "en",
    /// Simplified Chinese.
    Chinese = "zh-CN",
}

words! {
    /// A kind of condition that is told.
    NotifyOn, "`warning` or `failure`",
    /// Safe, but something needs attention.
    Warning = "warning",
    /// Not protected.
    Failure = "failure",
}

impl Serialize for Webhook {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Webhook {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

serde_as_text!(HostName, Bucket, Region, Endpoint, Listen, Language, NotifyOn);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_keeps_its_capitals_but_not_in_keys() {
        let host: HostName = "HOST-A".parse().unwrap();
        assert_eq!((host.to_string().as_str(), host.key().as_str()), ("HOST-A", "host-a"));
        assert_eq!(HostName::nearest("Front desk").as_str(), "Front-desk");
        for machine in ["前台", "", "---", "NUL"] {
            assert_eq!(HostName::nearest(machine).as_str(), "host", "{machine}");
        }
        for bad in ["", "a b", "-a", "a/b", "con", "NUL", &"a".repeat(64)] {
            assert!(bad.parse::<HostName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn buckets_are_what_s3_takes() {
        assert_eq!(Bucket::default().to_string().parse(), Ok(Bucket::default()));
        for bad in ["", "ab", "Abc", "a_b", "abc-", ".abc", "a..b", "192.168.0.1", &"a".repeat(64)] {
            assert!(bad.parse::<Bucket>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_endpoint_is_scheme_host_and_port_alone() {
        for good in ["http://nas", "https://nas.office:9000", "https://[::1]:9000", "http://10.0.0.2:80"] {
            assert_eq!(good.parse::<Endpoint>().unwrap().as_str(), good);
        }
        assert_eq!("http://nas:9000/".parse::<Endpoint>().unwrap().as_str(), "http://nas:9000");
        for bad in [
            "",
            "nas:9000",
            "ftp://nas",
            "http://",
            "http://:9000",
            "http://nas:",
            "http://nas:0",
            "http://nas:65536",
            "http://nas:9000/bucket",
            "http://u:p@nas",
            "http://nas?x",
            "http://na s",
            "http://[::1",
        ] {
            assert!(bad.parse::<Endpoint>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_in_an_address_is_never_shown() {
        let hook: Webhook = "https://me:pw@hooks.office/services/KEY?token=KEY".parse().unwrap();
        assert_eq!(hook.to_string(), "https://hooks.office/…");
        assert_eq!(format!("{hook:?}"), "Webhook(https://hooks.office/…)");
        assert!(serde_json::to_string(&hook).unwrap().contains("KEY"));
        for error in
            ["hooks.office/KEY".parse::<Webhook>().err(), "https://u:KEY@nas".parse::<Endpoint>().err()]
        {
            assert!(!error.unwrap().to_string().contains("KEY"));
        }
    }

    #[test]
    fn health_can_be_off() {
        assert_eq!("off".parse(), Ok(Listen::Off));
        assert_eq!("127.0.0.1:3001".parse(), Ok(Listen::default()));
        assert_eq!("[::1]:0".parse::<Listen>().unwrap().to_string(), "[::1]:0");
        for bad in ["", "3001", ":3001", "localhost", "127.0.0.1", "127.0.0.1:65536", "OFF"] {
            assert!(bad.parse::<Listen>().is_err(), "{bad}");
        }
    }

    #[test]
    fn choices_are_their_words() {
        for word in Language::WORDS {
            assert_eq!(word.parse::<Language>().unwrap().to_string(), *word);
        }
        for word in NotifyOn::WORDS {
            assert_eq!(word.parse::<NotifyOn>().unwrap().to_string(), *word);
        }
        assert!("zh-cn".parse::<Language>().is_err());
    }
}
