//! Takes over an existing `litestream.yml`, of v0.3 or v0.5: says what of it becomes which setting, what had no effect,
//! what is not done here, and which databases and store it names.
//!
//! Nothing on the disk changes until a person has agreed: [`plan`] makes an [`Adoption`], which is shown; then [`set_aside`]
//! renames the old Litestream's folders and [`Adoption::edit`] puts the rest into a configuration. History begins anew in
//! the store; the old backup stays where it is and can be restored from there.

mod aside;
mod files;
mod keys;
mod plan;
mod replica;
mod values;
mod yaml;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use sqlite_replicate_api::config::{Bucket, Endpoint, Region, Value};
use sqlite_replicate_api::{Name, Result};

pub use aside::{SetAside, put_back, set_aside};
pub use plan::plan;

use crate::config;

/// A text that is never shown: `Debug` hides it, and it can't be serialized.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text from being shown.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for whoever stores or uses it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What opens an S3 service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The access key.
    pub access_key_id: Secret,
    /// The secret key.
    pub secret_access_key: Secret,
}

/// The S3 service that the old set-up stored to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AdoptedStore {
    /// Its address.
    pub endpoint: Endpoint,
    /// The bucket. New history gets folders of its own in it, beside the old backup.
    pub bucket: Bucket,
    /// The region, if the file names one.
    pub region: Option<Region>,
    /// What opens it, to be kept by whoever applies the plan; `None` if neither the file nor the environment has it.
    #[serde(skip)]
    pub credentials: Option<Credentials>,
}

/// A database that the old set-up replicated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AdoptedDatabase {
    /// What it is called from now on.
    pub name: Name,
    /// The file, absolute.
    pub path: PathBuf,
    /// The folder in which the old Litestream keeps what belongs to it. Useless once the new history is complete.
    pub metadata: PathBuf,
    /// Where its old backups stay: addresses for `restore --from`, without keys and passwords.
    pub backups: Vec<String>,
}

/// A key that became a setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Translated {
    /// The old key: `dbs[0].replicas[0].sync-interval`.
    pub key: String,
    /// The setting: `capture.sync_interval`.
    pub setting: &'static str,
    /// Its value as the old file means it. The setting's may differ if several keys set it: see the warnings.
    pub value: String,
}

/// A key that became nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// The old key.
    pub key: String,
    /// Why, as half a sentence.
    pub why: String,
}

/// What taking over a `litestream.yml` means. Nothing has happened yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Adoption {
    /// The databases, names unique.
    pub databases: Vec<AdoptedDatabase>,
    /// The store; `None` means the bundled one.
    pub store: Option<AdoptedStore>,
    /// The settings that differ from the defaults: `section.key` and value.
    pub settings: Vec<(String, Value)>,
    /// Keys that became settings.
    pub translated: Vec<Translated>,
    /// Keys that change nothing here, or never did.
    pub no_effect: Vec<Note>,
    /// Keys that ask for something that is not done here.
    pub not_supported: Vec<Note>,
    /// Sentences that a person should read before going on.
    pub warnings: Vec<String>,
}

impl Adoption {
    /// Puts databases and settings into a configuration's text, to be used with [`config::change`].
    ///
    /// # Errors
    /// Those of [`config::set`] and [`config::add_database`].
    pub fn edit(&self, text: &str) -> Result<String> {
        let mut text = text.to_owned();
        for (key, value) in &self.settings {
            text = config::set(&text, config::named(key)?, value)?;
        }
        for database in &self.databases {
            text = config::add_database(&text, Some(&database.name), &database.path)?;
        }
        Ok(text)
    }
}

/// The folder in which a Litestream that is not ours keeps what belongs to a database: `.NAME-litestream` beside it. If
/// it is there, another Litestream replicates the database, or did.
pub fn metadata_folder(database: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(database.file_name().unwrap_or_default());
    name.push("-litestream");
    database.with_file_name(name)
}

#[cfg(test)]
mod tests;
