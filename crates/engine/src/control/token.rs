//! The secret that clients of the control API show: made anew at each start of the engine, so that one that leaked to a
//! later owner of the port is worth nothing.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use sqlite_replicate_api::{ErrorCode, Report, Result};

use crate::home::{remove_if_there, write_private};

const FILE: &str = "control.token";
const BYTES: usize = 32;

/// A bearer token: 32 random bytes in hexadecimal digits.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// Makes a new token and writes it to `control.token` in the home folder, for the owner's eyes only.
    ///
    /// # Errors
    /// [`ErrorCode::Io`] when the file can't be written, [`ErrorCode::Internal`] when the system has no randomness.
    pub fn create(home: &Path) -> Result<Self> {
        let token = Self::random()?;
        let path = path(home);
        write_private(&path, token.0.as_bytes()).map_err(|error| {
            Report::new(ErrorCode::Io, format!("`{}` can't be written", path.display()))
                .because(error)
                .hint("give the user that runs the engine the right to write in its home folder")
        })?;
        Ok(token)
    }

    /// Reads the token of the engine that runs for a home folder.
    ///
    /// # Errors
    /// [`ErrorCode::EngineNotRunning`] when there is none, [`ErrorCode::Unauthorized`] when it is not ours to read.
    pub fn read(home: &Path) -> Result<Self> {
        let path = path(home);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Self(text.trim().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(super::not_running(home)),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Err(Report::new(ErrorCode::Unauthorized, format!("`{}` is not ours to read", path.display()))
                    .because(error)
                    .hint("run this as the user that runs the engine, or as administrator"))
            }
            Err(error) => {
                Err(Report::new(ErrorCode::Io, format!("`{}` can't be read", path.display())).because(error))
            }
        }
    }

    pub(super) fn random() -> Result<Self> {
        let mut bytes = [0; BYTES];
        SystemRandom::new().fill(&mut bytes).map_err(|_| {
            Report::new(ErrorCode::Internal, "the system gives no random numbers")
                .hint("restart this PC, and try again")
        })?;
        Ok(Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// Whether `shown` is this token, in a time that tells nothing about how much of it is right.
    pub(crate) fn matches(&self, shown: &[u8]) -> bool {
        // Comparing tags of both is how `ring` offers a comparison in constant time.
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_bytes());
        let own = hmac::sign(&key, self.0.as_bytes());
        hmac::verify(&key, shown, own.as_ref()).is_ok()
    }

    /// The text, to be sent and nothing else.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

fn path(home: &Path) -> PathBuf {
    home.join(FILE)
}

/// Takes the token's file away.
///
/// # Errors
/// Whatever the file system says.
pub(super) fn remove(home: &Path) -> io::Result<()> {
    remove_if_there(&path(home))
}
