//! Keys and identities: made at the first start, kept where only the owner can read them, shown nowhere.

use std::fmt;

use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use sqlite_replicate_api::{Credentials, ErrorCode, Report, Result};

use crate::home::{Home, write_private};

/// Everything that must not be seen.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Secrets {
    /// Keys of the bundled store.
    pub(crate) bundled: Credentials,
    /// Keys for an S3 service that is not the bundled one.
    #[serde(default)]
    pub(crate) external: Option<Credentials>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

impl Secrets {
    /// Reads the secrets of a host, or makes them.
    ///
    /// # Errors
    /// When the file can't be read, written or understood. It is never replaced then: it may hold the only keys.
    pub(crate) fn load_or_make(home: &Home) -> Result<Self> {
        let path = home.secrets();
        let trouble =
            |what: &str| Report::new(ErrorCode::Io, format!("`{}` can't be {what}", path.display()));
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|_| {
                trouble("understood")
                    .hint("bring back an earlier version of this file; it holds the keys of the store")
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let bundled = Credentials {
                    access_key_id: format!("sr{}", random_hex(9)?),
                    secret_access_key: random_hex(20)?,
                };
                let secrets = Self { bundled, external: None };
                secrets.save(home)?;
                Ok(secrets)
            }
            Err(error) => Err(trouble("read").because(error)),
        }
    }

    /// Writes them.
    ///
    /// # Errors
    /// When the file can't be written; the old one is then still whole.
    pub(crate) fn save(&self, home: &Home) -> Result<()> {
        let path = home.secrets();
        let trouble = || Report::new(ErrorCode::Io, format!("`{}` can't be written", path.display()));
        let bytes = serde_json::to_vec(self).map_err(|error| trouble().because(error))?;
        write_private(&path, &bytes).map_err(|error| trouble().because(error))
    }
}

/// Random bytes as hexadecimal digits.
///
/// # Errors
/// When the system has no randomness to give.
pub(crate) fn random_hex(bytes: usize) -> Result<String> {
    let mut buffer = vec![0; bytes];
    SystemRandom::new()
        .fill(&mut buffer)
        .map_err(|_| Report::new(ErrorCode::Internal, "the system gives no random numbers"))?;
    Ok(buffer.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_stay_the_same_and_never_print() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(dir.path());
        let first = Secrets::load_or_make(&home).unwrap();
        let second = Secrets::load_or_make(&home).unwrap();
        assert_eq!(first.bundled.secret_access_key, second.bundled.secret_access_key);
        assert!(!format!("{first:?}").contains(&first.bundled.access_key_id));
    }

    #[test]
    fn a_broken_secrets_file_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(dir.path());
        std::fs::write(home.secrets(), "{").unwrap();
        assert!(Secrets::load_or_make(&home).is_err());
        assert_eq!(std::fs::read_to_string(home.secrets()).unwrap(), "{");
    }
}
