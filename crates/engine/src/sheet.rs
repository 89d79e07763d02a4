//! The recovery sheet: what restores onto an empty PC when nothing else is left. To be printed, or kept in a safe place.
//!
//! It is a TOML file whose comments are what a person needs to read.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use jiff::Zoned;
use serde::{Deserialize, Serialize};
use sqlite_replicate_api::{Credentials, ErrorCode, HostStatus, Name, Report, Result};

use crate::children::litestream::Remote;

/// The sheet's form, should it ever change.
const FORM: u32 = 1;

/// What a recovery sheet says.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sheet {
    form: u32,
    host: SheetHost,
    pub(crate) store: SheetStore,
    #[serde(default)]
    database: Vec<SheetDatabase>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SheetHost {
    name: String,
    id: String,
}

/// Where the history is and what opens it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SheetStore {
    /// The folder of the bundled store; none for another S3 service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) data_dir: Option<PathBuf>,
    endpoint: String,
    region: String,
    bucket: String,
    access_key_id: String,
    secret_access_key: String,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SheetDatabase {
    name: Name,
    path: PathBuf,
}

impl Sheet {
    /// Puts a sheet together.
    pub(crate) fn new<'a>(
        host: &HostStatus,
        remote: &Remote,
        data_dir: Option<PathBuf>,
        databases: impl Iterator<Item = (&'a Name, &'a PathBuf)>,
    ) -> Self {
        Self {
            form: FORM,
            host: SheetHost { name: host.name.clone(), id: host.id.clone() },
            store: SheetStore {
                data_dir,
                endpoint: remote.endpoint.clone(),
                region: remote.region.clone(),
                bucket: remote.bucket.clone(),
                access_key_id: remote.keys.access_key_id.clone(),
                secret_access_key: remote.keys.secret_access_key.clone(),
            },
            database: databases
                .map(|(name, path)| SheetDatabase { name: name.clone(), path: path.clone() })
                .collect(),
        }
    }

    /// The sheet as text.
    pub(crate) fn print(&self, now: &Zoned) -> String {
        let mut text = format!(
            "# SQLite Replicate: recovery sheet of {}\n# Made on {}\n#\n\
             # Keep this away from the PC: on paper, or on a stick in a drawer. Whoever has it can read the history.\n#\n\
             # To get a database back on an empty PC:\n\
             #   1. Install SQLite Replicate.\n\
             #   2. Save this sheet as a file, `sheet.toml` say.\n",
            self.host.name,
            now.strftime("%Y-%m-%d %H:%M"),
        );
        if self.store.data_dir.is_some() {
            text.push_str(
                "#   3. Connect the disk with the folder that `data_dir` below names; change that line if its place is another now.\n",
            );
        } else {
            text.push_str("#   3. Make sure that the address that `endpoint` below names can be reached.\n");
        }
        for database in &self.database {
            let file =
                database.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let _ = writeln!(
                text,
                "#   4. sqlite-replicate restore {} --sheet sheet.toml --to \"{file}\"",
                database.name
            );
        }
        text.push('\n');
        match toml_edit::ser::to_string_pretty(self) {
            Ok(toml) => text.push_str(&toml),
            Err(error) => {
                // A path that is no text; the rest is of use without it.
                let _ = writeln!(text, "# This sheet is not complete: {error}");
            }
        }
        text
    }

    /// Reads a sheet.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Report::new(
                ErrorCode::BadRequest,
                format!("the recovery sheet `{}` can't be read", path.display()),
            )
            .because(error)
        })?;
        let sheet: Self = toml_edit::de::from_str(&text).map_err(|error| {
            Report::new(ErrorCode::BadRequest, format!("`{}` is not a whole recovery sheet", path.display()))
                .because(error.message().to_owned())
                .hint("every line that does not begin with `#` is needed, letter by letter")
        })?;
        if sheet.form != FORM {
            let message = format!("`{}` is a recovery sheet of another version", path.display());
            return Err(Report::new(ErrorCode::Unsupported, message).hint("install the newest version"));
        }
        Ok(sheet)
    }

    /// The random id of the host that it is of.
    pub(crate) fn host_id(&self) -> &str {
        &self.host.id
    }

    /// The service that it names.
    pub(crate) fn remote(&self) -> Remote {
        Remote {
            endpoint: self.store.endpoint.clone(),
            region: self.store.region.clone(),
            bucket: self.store.bucket.clone(),
            keys: Credentials {
                access_key_id: self.store.access_key_id.clone(),
                secret_access_key: self.store.secret_access_key.clone(),
            },
        }
    }

    /// The database that is meant: the named one, or the only one.
    pub(crate) fn database(&self, name: Option<&Name>) -> Result<Name> {
        let names: Vec<&Name> = self.database.iter().map(|database| &database.name).collect();
        let known = || names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        match (name, names.as_slice()) {
            (Some(name), _) if names.contains(&name) => Ok(name.clone()),
            (Some(name), _) => {
                Err(Report::new(ErrorCode::NoSuchDatabase, format!("the sheet names no database `{name}`"))
                    .hint(format!("it names {}", known())))
            }
            (None, [only]) => Ok((*only).clone()),
            (None, _) => Err(Report::new(ErrorCode::BadRequest, "say which database is to be restored")
                .hint(format!("the sheet names {}", known()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_sheet_reads_back() {
        let host = HostStatus { name: "PC-ANNA".into(), id: "00ff".into() };
        let keys = Credentials { access_key_id: "k".into(), secret_access_key: "s".into() };
        let remote = Remote {
            endpoint: "http://127.0.0.1:9".into(),
            region: "us-east-1".into(),
            bucket: "b".into(),
            keys,
        };
        let name: Name = "orders".parse().unwrap();
        let path = PathBuf::from(r#"C:\Daten\"quoted" orders.db"#);
        let sheet = Sheet::new(&host, &remote, Some("/mnt/disk/store".into()), [(&name, &path)].into_iter());
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("sheet.toml");
        std::fs::write(&file, sheet.print(&Zoned::now())).unwrap();
        assert!(Sheet::read(&file).unwrap() == sheet);
        assert_eq!(sheet.database(None).unwrap(), name);
        assert_eq!(sheet.database(Some(&"x".parse().unwrap())).unwrap_err().code, ErrorCode::NoSuchDatabase);
        std::fs::write(&file, "form = 1").unwrap();
        assert_eq!(Sheet::read(&file).map(drop).unwrap_err().code, ErrorCode::BadRequest);
    }
}
