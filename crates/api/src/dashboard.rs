//! What a screen asks for beyond the calls that scripts have always had: the link to the dashboard, the table of
//! settings with their values, a check before anything is saved, what this program is made of.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Report, SetSetting};

/// What `POST /v1/dashboard` gives: an address that opens the dashboard once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct DashboardLink {
    /// The address. Its part after `#` is a key, which a browser sends to nobody by itself.
    pub url: String,
    /// From then on it opens nothing.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for DashboardLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DashboardLink(…)")
    }
}

/// `POST /dashboard/session`: the key of a link, for a session.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct DashboardKey {
    /// The part of the link after `#open=`.
    pub key: String,
}

/// What opening gives besides the cookie, which no page can read.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct DashboardSession {
    /// To be shown with every request, in the header `X-Dashboard-Proof`. The cookie alone is worth nothing: browsers
    /// send it to whatever else listens on this machine, on any port.
    pub proof: String,
}

/// Where the value of a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "from")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum SettingOrigin {
    /// Nobody set it.
    Default,
    /// The file.
    File {
        /// The line, from 1.
        line: usize,
    },
    /// The environment, which the file can't change.
    Environment {
        /// The variable's name.
        variable: String,
    },
}

/// A setting with its value, as `GET /v1/settings` gives it. Databases have calls of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SettingRow {
    /// `capture.sync_interval`.
    pub key: String,
    /// What kind of value it takes: `duration`, `size`, `number`, `choice`, `choices`, `flag`, `path`, `secret`, …
    pub kind: String,
    /// The words of a `choice` or of `choices`.
    pub words: Vec<String>,
    /// What it is for, in one English sentence.
    pub about: String,
    /// The part, or the key of Litestream, that it sets.
    pub wired_to: String,
    /// What starts again when it changes: `nothing`, `capture` or `store`.
    pub restarts: String,
    /// The least value, if there is one.
    pub least: Option<String>,
    /// The greatest value, if there is one.
    pub most: Option<String>,
    /// The value without anybody's setting it; none where it depends on the machine or there is none.
    pub default: Option<String>,
    /// The value now, as it is written in the file without quotes; none if it is not set. Never a secret.
    pub value: Option<String>,
    /// Where it comes from.
    pub origin: SettingOrigin,
    /// A value of this kind.
    pub example: String,
}

/// `POST /v1/config/check`: looks at a configuration, or at one change of it, and saves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum CheckConfig {
    /// A whole file.
    Text(String),
    /// One setting in the file as it is.
    Set(SetSetting),
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ConfigCheck {
    /// Everything that is wrong; empty when it could be saved.
    pub problems: Vec<Report>,
}

/// What `GET /v1/about` gives: what this program is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct About {
    /// Of this program.
    pub version: String,
    /// `linux x86_64`.
    pub system: String,
    /// The folder of everything that belongs to this host.
    pub home: String,
    /// The language of the status' sentences: `en`, `zh-CN`.
    pub language: String,
    /// The programs that it runs.
    pub programs: Vec<BundledProgram>,
    /// Their licences and where their sources are, in Markdown, where they came with the bundle.
    pub notices: Option<String>,
}

/// A program that comes with this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct BundledProgram {
    /// `litestream`, `minio`.
    pub name: String,
    /// Its version, where the bundle says it.
    pub version: Option<String>,
    /// Its licence, where the bundle says it.
    pub licence: Option<String>,
    /// The Go module that it was built from, where the bundle says it.
    pub module: Option<String>,
}
