//! The sample program as a child of `run --sample`.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use sqlite_replicate_api::{ErrorCode, Report, Result};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// How long the sample program may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running sample program. It ends with this process, however that ends: it holds the other end of its input.
pub(crate) struct Sample {
    child: Child,
    database: PathBuf,
    address: String,
}

impl Sample {
    /// Starts it on a database in a folder of its own, and waits until it serves.
    pub(crate) async fn start(folder: &Path) -> Result<Self> {
        let failed = |text: &str| Report::new(ErrorCode::Io, format!("the sample program {text}"));
        std::fs::create_dir_all(folder).map_err(|error| {
            Report::new(ErrorCode::Io, format!("`{}` can't be made", folder.display())).because(error)
        })?;
        let database = folder.join("sample.db");
        let program = std::env::current_exe().map_err(|error| failed("can't be found").because(error))?;
        let mut child = Command::new(program)
            .args(["--json", "sample-app", "--die-with-stdin", "--listen", "127.0.0.1:0", "--database"])
            .arg(&database)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed("can't be started").because(error))?;
        let Some(stdout) = child.stdout.take() else { return Err(failed("says nothing")) };
        let mut line = String::new();
        let mut stdout = BufReader::new(stdout);
        let read = tokio::time::timeout(PATIENCE, stdout.read_line(&mut line)).await;
        read.map_err(|_| failed("does not start"))?
            .map_err(|error| failed("can't be heard").because(error))?;
        let said: serde_json::Value =
            serde_json::from_str(&line).map_err(|error| failed("does not start").because(error))?;
        match said["listening"].as_str() {
            Some(address) => Ok(Self { child, database, address: address.to_owned() }),
            None => Err(failed("does not start").because(line.trim())),
        }
    }

    /// The database that it writes.
    pub(crate) fn database(&self) -> &Path {
        &self.database
    }

    /// What is said of it above the status.
    pub(crate) fn head(&mut self) -> Result<String> {
        let gone = self.child.try_wait().map_err(|error| {
            Report::new(ErrorCode::Io, "the sample program can't be watched").because(error)
        })?;
        Ok(match gone {
            None => format!(
                "A sample program writes a row each second to `{}`.\nLook at {}, and end both with Ctrl-C.\n\n",
                self.database.display(),
                self.address
            ),
            Some(status) => format!("The sample program has ended by itself ({status}).\n\n"),
        })
    }

    /// Ends it, and waits until it did.
    pub(crate) async fn end(mut self) -> Result<()> {
        drop(self.child.stdin.take());
        if tokio::time::timeout(PATIENCE, self.child.wait()).await.is_err() {
            self.child.kill().await.map_err(|error| {
                Report::new(ErrorCode::Io, "the sample program can't be ended").because(error)
            })?;
        }
        Ok(())
    }
}
