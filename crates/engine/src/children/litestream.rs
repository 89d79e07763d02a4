//! Litestream, which captures every change: its configuration, its run with a sentinel, its one-shot commands.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use process_wrap::tokio::ChildWrapper;
use sqlite_replicate_api::{Credentials, ErrorCode, Name, Report, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::sentinel::Leash;
use super::{Launch, Program, child_environment, free_port};
use crate::home::{Home, write_private};

/// One S3 service, as Litestream is told of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Remote {
    /// `http://127.0.0.1:9000`
    pub(crate) endpoint: String,
    pub(crate) region: String,
    pub(crate) bucket: String,
    pub(crate) keys: Credentials,
}

/// One database to capture.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Captured {
    pub(crate) name: Name,
    pub(crate) path: PathBuf,
    /// Litestream's own folder for it.
    pub(crate) meta: PathBuf,
    /// Where its objects go within the bucket.
    pub(crate) prefix: String,
    /// In pages; 0 leaves Litestream's own default.
    pub(crate) truncate_pages: u64,
}

/// The knobs of the `[capture]` section, in Litestream's words.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pace {
    pub(crate) sync_interval: Duration,
    pub(crate) l0_retention: Duration,
    pub(crate) snapshot_interval: Duration,
    pub(crate) retention: Duration,
    pub(crate) checkpoint_interval: Duration,
    pub(crate) min_checkpoint_pages: u64,
    pub(crate) busy_timeout: Duration,
}

/// What Litestream is to run with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LitestreamSpec {
    pub(crate) databases: Vec<Captured>,
    pub(crate) remote: Remote,
    pub(crate) pace: Pace,
}

/// Litestream as a program to be supervised.
pub(crate) struct Litestream {
    program: PathBuf,
    launcher: PathBuf,
    home: Home,
    /// Where its metrics are, for whoever asks whether it still answers; 0 while it does not run.
    metrics_port: Arc<AtomicU16>,
    prepare: Prepare,
    leash: Option<Leash>,
}

/// Makes databases ready for a start (see [`crate::continuity`]). Blocking.
pub(crate) type Prepare = Arc<dyn Fn(&[Name]) -> Result<()> + Send + Sync>;

impl Litestream {
    pub(crate) fn new(
        program: PathBuf,
        launcher: PathBuf,
        home: Home,
        metrics_port: Arc<AtomicU16>,
        prepare: Prepare,
    ) -> Self {
        Self { program, launcher, home, metrics_port, prepare, leash: None }
    }
}

impl Program for Litestream {
    type Spec = LitestreamSpec;
    const NAME: &'static str = "capture";
    /// Longer than its own `shutdown-sync-timeout`.
    const GRACE: Duration = Duration::from_secs(12);

    async fn launch(&mut self, spec: &LitestreamSpec) -> Result<Launch> {
        let trouble = |error: std::io::Error| {
            Report::new(ErrorCode::Io, "Litestream's run can't be prepared").because(error)
        };
        let names: Vec<Name> = spec.databases.iter().map(|database| database.name.clone()).collect();
        let prepare = self.prepare.clone();
        tokio::task::spawn_blocking(move || prepare(&names)).await.unwrap_or_else(|error| {
            Err(Report::new(ErrorCode::Internal, "a start failed by a defect").because(error))
        })?;
        let metrics_port = free_port().map_err(trouble)?;
        let leash = Leash::new().await.map_err(trouble)?;
        let path = self.home.run().join("litestream.yml");
        let socket = socket_path(&self.home);
        if let Some(socket) = &socket {
            // Left over after a kill: Litestream would refuse to listen.
            let _ = std::fs::remove_file(socket);
        }
        write_private(&path, yaml(spec, metrics_port, socket.as_deref()).as_bytes()).map_err(trouble)?;
        let exec = format!("{} {} {}", shell_quoted(&self.launcher)?, crate::entry::SENTINEL, leash.port);
        self.leash = Some(leash);
        self.metrics_port.store(metrics_port, Ordering::Relaxed);
        let arguments: Vec<OsString> = vec![
            "replicate".into(),
            "-config".into(),
            path.into(),
            "-no-expand-env".into(),
            "-exec".into(),
            exec.into(),
        ];
        Ok(Launch {
            program: self.program.clone(),
            arguments,
            environment: keys_environment(&spec.remote.keys),
        })
    }

    async fn is_ready(&mut self) -> bool {
        serves(self.metrics_port.load(Ordering::Relaxed)).await
    }

    fn ask_to_end(&mut self, _child: &mut dyn ChildWrapper) {
        if let Some(leash) = &self.leash {
            leash.release();
        }
    }

    fn ended(&mut self) {
        // Also lets a sentinel go whose Litestream was killed.
        self.leash = None;
        self.metrics_port.store(0, Ordering::Relaxed);
    }
}

/// Litestream takes keys from the environment, never from its configuration file.
fn keys_environment(keys: &Credentials) -> Vec<(&'static str, OsString)> {
    vec![
        ("AWS_ACCESS_KEY_ID", OsString::from(&keys.access_key_id)),
        ("AWS_SECRET_ACCESS_KEY", OsString::from(&keys.secret_access_key)),
        // Without it, an empty key makes it ask a cloud's metadata service.
        ("AWS_EC2_METADATA_DISABLED", "true".into()),
    ]
}

/// Whether its metrics answer.
pub(crate) async fn serves(port: u16) -> bool {
    let asked = async {
        let mut connection = TcpStream::connect(("127.0.0.1", port)).await?;
        connection.write_all(b"HEAD /metrics HTTP/1.0\r\n\r\n").await?;
        let mut answer = [0; 5];
        connection.read_exact(&mut answer).await?;
        std::io::Result::Ok(())
    };
    port != 0 && matches!(tokio::time::timeout(Duration::from_secs(1), asked).await, Ok(Ok(())))
}

/// Litestream's control socket. A path that does not fit the system's limit (about 100 bytes) means: no socket.
pub(crate) fn socket_path(home: &Home) -> Option<PathBuf> {
    let path = home.run().join("ls.sock");
    (cfg!(unix) && path.as_os_str().len() < 100).then_some(path)
}

/// Litestream splits `-exec` as a shell does; single quotes keep spaces and backslashes.
fn shell_quoted(path: &Path) -> Result<String> {
    let text = path.to_str().filter(|text| !text.contains('\'')).ok_or_else(|| {
        Report::new(
            ErrorCode::Unsupported,
            format!("the program's path `{}` can't be passed on", path.display()),
        )
        .hint("install into a folder without quotes in its name")
    })?;
    Ok(format!("'{text}'"))
}

/// A text as YAML always understands it: JSON strings are YAML.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn duration(duration: Duration) -> String {
    format!("{}ms", duration.as_millis())
}

/// `litestream.yml`. Every key of it is one that Litestream 0.5.18 knows: it ignores unknown ones without a word.
fn yaml(spec: &LitestreamSpec, metrics_port: u16, socket: Option<&Path>) -> String {
    let pace = &spec.pace;
    let mut text = format!(
        "addr: \"127.0.0.1:{metrics_port}\"\n\
         logging: {{level: info, type: text, stderr: true}}\n\
         shutdown-sync-timeout: 8s\n\
         verify-compaction: true\n\
         l0-retention: {}\n\
         snapshot: {{interval: {}, retention: {}}}\n",
        duration(pace.l0_retention),
        duration(pace.snapshot_interval),
        duration(pace.retention),
    );
    if let Some(socket) = socket {
        let _ = writeln!(text, "socket: {{enabled: true, path: {}}}", quoted(&socket.to_string_lossy()));
    }
    text.push_str("dbs:\n");
    for database in &spec.databases {
        let _ = write!(
            text,
            "  - path: {}\n    meta-path: {}\n    monitor-interval: {}\n    checkpoint-interval: {}\n    busy-timeout: {}\n",
            quoted(&database.path.to_string_lossy()),
            quoted(&database.meta.to_string_lossy()),
            duration(pace.sync_interval),
            duration(pace.checkpoint_interval),
            duration(pace.busy_timeout),
        );
        if pace.min_checkpoint_pages > 0 {
            let _ = writeln!(text, "    min-checkpoint-page-count: {}", pace.min_checkpoint_pages);
        }
        if database.truncate_pages > 0 {
            let _ = writeln!(text, "    truncate-page-n: {}", database.truncate_pages);
        }
        let _ = write!(
            text,
            "    replica:\n      type: s3\n      endpoint: {}\n      region: {}\n      bucket: {}\n      path: {}\n      force-path-style: true\n      sync-interval: {}\n",
            quoted(&spec.remote.endpoint),
            quoted(&spec.remote.region),
            quoted(&spec.remote.bucket),
            quoted(&database.prefix),
            duration(pace.sync_interval),
        );
    }
    text
}

/// The configuration for a one-shot command on one prefix: `restore`, `ltx`.
pub(crate) fn one_shot_yaml(remote: &Remote, database: &Path, prefix: &str) -> String {
    format!(
        "logging: {{level: info, type: text, stderr: true}}\nsocket: {{enabled: false}}\ndbs:\n  - path: {}\n    replica:\n      type: s3\n      endpoint: {}\n      region: {}\n      bucket: {}\n      path: {}\n      force-path-style: true\n",
        quoted(&database.to_string_lossy()),
        quoted(&remote.endpoint),
        quoted(&remote.region),
        quoted(&remote.bucket),
        quoted(prefix),
    )
}

/// Litestream's command line with a clean environment and the keys.
pub(crate) fn command(program: &Path, keys: &Credentials) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(child_environment(&keys_environment(keys)));
    command
}

/// The same as something to be started through [`super::spawn`], so that it dies with the engine.
pub(crate) fn launch(program: &Path, keys: &Credentials, arguments: Vec<OsString>) -> Launch {
    Launch { program: program.to_owned(), arguments, environment: keys_environment(keys) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> LitestreamSpec {
        let keys = Credentials { access_key_id: "the-key".into(), secret_access_key: "the-secret".into() };
        LitestreamSpec {
            databases: vec![Captured {
                name: "orders".parse().unwrap(),
                path: "/data/my \"orders\".db".into(),
                meta: "/home/capture/orders/1.0".into(),
                prefix: "orders/1.0-pc".into(),
                truncate_pages: 0,
            }],
            remote: Remote {
                endpoint: "http://127.0.0.1:9".into(),
                region: "us-east-1".into(),
                bucket: "b".into(),
                keys,
            },
            pace: Pace {
                sync_interval: Duration::from_secs(1),
                l0_retention: Duration::from_secs(3600),
                snapshot_interval: Duration::from_secs(86_400),
                retention: Duration::from_secs(259_200),
                checkpoint_interval: Duration::from_secs(60),
                min_checkpoint_pages: 0,
                busy_timeout: Duration::from_secs(1),
            },
        }
    }

    #[test]
    fn the_configuration_holds_no_key_and_quotes_what_needs_it() {
        let text = yaml(&spec(), 1234, None);
        assert!(!text.contains("the-key") && !text.contains("the-secret"));
        assert!(text.contains(r#"path: "/data/my \"orders\".db""#), "{text}");
    }

    #[test]
    fn a_quote_in_the_program_path_is_refused_not_mangled() {
        assert!(shell_quoted(Path::new("/it's/here")).is_err());
        assert_eq!(shell_quoted(Path::new(r"C:\a b\x.exe")).unwrap(), r"'C:\a b\x.exe'");
    }
}
