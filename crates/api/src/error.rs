//! Errors as the office meets them: one sentence, the cause, a hint, a code that never changes, an exit code for scripts.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal => $exit:literal,)*) => {
        /// What went wrong, for programs: the text never changes once it has shipped.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(test, derive(ts_rs::TS))]
        pub enum ErrorCode {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)*
        }

        impl ErrorCode {
            /// Every code, for documentation and tests.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The text that scripts see: `target-exists`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The exit code of a command that fails with this (docs/scripting.md).
            pub fn exit_code(self) -> u8 {
                match self { $(Self::$variant => $exit,)* }
            }
        }
    };
}

error_codes! {
    /// A defect of this program.
    Internal = "internal" => 1,
    /// Something outside failed in a way that has no code of its own: a file or a network operation.
    Io = "io" => 1,
    /// The command line or a request is wrong.
    BadRequest = "bad-request" => 2,
    /// The configuration is wrong.
    BadConfig = "bad-config" => 3,
    /// The configuration can't be read or written.
    ConfigUnreadable = "config-unreadable" => 3,
    /// No engine runs for this home folder.
    EngineNotRunning = "engine-not-running" => 4,
    /// Another engine holds this home folder.
    EngineAlreadyRunning = "engine-already-running" => 4,
    /// The control API did not believe who asked.
    Unauthorized = "unauthorized" => 4,
    /// A bundled program is missing, of another version or can't be started.
    BundleBroken = "bundle-broken" => 5,
    /// No database of that name is protected.
    NoSuchDatabase = "no-such-database" => 6,
    /// A database of that name, or at that path, is protected already.
    DatabaseAlreadyProtected = "database-already-protected" => 6,
    /// There is no file at the database's path.
    DatabaseMissing = "database-missing" => 7,
    /// The file is not a SQLite database.
    NotADatabase = "not-a-database" => 7,
    /// The file is an encrypted database, or not one at all.
    DatabaseEncrypted = "database-encrypted" => 7,
    /// The database is damaged.
    DatabaseDamaged = "database-damaged" => 7,
    /// The database or its folder can't be written.
    DatabaseReadOnly = "database-read-only" => 7,
    /// The database lies on a network drive.
    DatabaseRemote = "database-remote" => 7,
    /// Another program holds the database so that this can't be done now.
    DatabaseInUse = "database-in-use" => 8,
    /// Another Litestream replicates this database.
    ForeignLitestream = "foreign-litestream" => 8,
    /// The store does not answer.
    StoreUnreachable = "store-unreachable" => 9,
    /// The store refuses: credentials or permissions.
    StoreRefused = "store-refused" => 9,
    /// Nothing that could be restored was found.
    NoSuchRestorePoint = "no-such-restore-point" => 10,
    /// The file to restore to exists.
    TargetExists = "target-exists" => 11,
    /// Not enough space.
    NoSpace = "no-space" => 12,
    /// What was restored failed its check.
    RestoreDamaged = "restore-damaged" => 13,
    /// A check of the copy failed: what the store holds is not what the database holds.
    VerificationFailed = "verification-failed" => 13,
    /// The history has holes or damaged objects.
    HistoryDamaged = "history-damaged" => 13,
    /// There is nothing to undo.
    NothingToUndo = "nothing-to-undo" => 10,
    /// It took longer than allowed.
    Timeout = "timeout" => 14,
    /// Another long operation of this database has to end first.
    Busy = "busy" => 15,
    /// Not possible on this system.
    Unsupported = "unsupported" => 16,
    /// Somebody cancelled it; nothing was changed.
    Cancelled = "cancelled" => 130,
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error, ready to be shown: what happened, why, and what to do next.
///
/// `Display` gives the first sentence; a screen shows [`Report::causes`] and [`Report::hint`] below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Report {
    /// For programs.
    pub code: ErrorCode,
    /// One sentence without a final period, names in backticks: what happened, to which file or PC.
    pub message: String,
    /// Why, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Report {
    /// An error without cause and hint.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), causes: Vec::new(), hint: None }
    }

    /// Adds an error and everything below it as causes.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let cause = cause.into();
        let mut next: Option<&dyn std::error::Error> = Some(&*cause);
        while let Some(error) = next {
            let text = error.to_string();
            // Many libraries repeat the inner error in the outer one's text.
            if self.causes.last().is_none_or(|above| !above.ends_with(&text)) {
                self.causes.push(text);
            }
            next = error.source();
        }
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Report {}

/// What everything that can fail before the office's eyes returns.
pub type Result<T, E = Report> = std::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_keeps_the_whole_chain_once() {
        let inner = std::io::Error::other("disk on fire");
        let report =
            Report::new(ErrorCode::Io, "`a.db` can't be read").because(inner).hint("call the fire brigade");
        assert_eq!(report.causes, ["disk on fire"]);
        assert_eq!(report.hint.as_deref(), Some("call the fire brigade"));
    }

    #[test]
    fn codes_travel_as_their_text_and_never_exit_with_success() {
        for code in ErrorCode::ALL {
            assert_eq!(serde_json::to_string(code).unwrap(), format!("\"{code}\""));
            assert_ne!(code.exit_code(), 0);
        }
    }
}
