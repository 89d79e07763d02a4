//! The other side: the same Litestream and MinIO without an engine, started and configured as a careful administrator would,
//! with the intervals that the engine's defaults give them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::process::Running;
use super::{Programs, http, stop};

const BUCKET: &str = "bare-history";
const USER: &str = "bare-user";
const PASSWORD: &str = "bare-password";

/// A running pair. Dropping it ends both.
pub(super) struct Bare {
    programs: Programs,
    folder: PathBuf,
    config: PathBuf,
    // In the order in which they have to end.
    _litestream: Running,
    _minio: Running,
    /// When it was started.
    pub(super) began: Instant,
}

impl Bare {
    /// Starts MinIO with a fresh folder and, as soon as it serves, Litestream on these databases.
    pub(super) fn start(programs: &Programs, folder: &Path, databases: &[PathBuf]) -> Result<Self> {
        let data = folder.join("store");
        let bucket = data.join(BUCKET);
        fs::create_dir_all(&bucket).with_context(|| format!("could not create `{}`", bucket.display()))?;
        let port = http::free_port()?;
        let began = Instant::now();
        let minio = Running::start(&mut minio(programs, folder, &data, port), &folder.join("minio.txt"))?;
        stop::until("MinIO serves", Duration::from_millis(10), Duration::from_secs(60), || {
            Ok(http::get(port, "/minio/health/cluster", None)?.map(drop))
        })?;
        let config = folder.join("litestream.yml");
        fs::write(&config, yaml(folder, databases, port, http::free_port()?))
            .with_context(|| format!("could not write `{}`", config.display()))?;
        let mut command = litestream(programs);
        command.args(["replicate", "-no-expand-env", "-config"]).arg(&config);
        let litestream = Running::start(&mut command, &folder.join("litestream.txt"))?;
        let (programs, folder) = (programs.clone(), folder.to_owned());
        Ok(Self { programs, folder, config, _litestream: litestream, _minio: minio, began })
    }

    /// Waits until the store has the first object of each database; how long that took since the start.
    pub(super) fn until_stored(&self, databases: &[PathBuf], step: Duration) -> Result<Duration> {
        stop::until("everything is stored", step, Duration::from_secs(300), || {
            let stored = databases.iter().all(|path| {
                let mut objects = fs::read_dir(self.level_0(&name_of(path))).into_iter().flatten().flatten();
                objects.any(|object| object.path().join("xl.meta").is_file())
            });
            Ok(stored.then(|| self.began.elapsed()))
        })
    }

    /// The folder of level 0 of a database's history, in the store.
    pub(super) fn level_0(&self, database: &str) -> PathBuf {
        self.folder.join("store").join(BUCKET).join(database).join("0000")
    }

    /// `litestream restore` of a database into a file.
    pub(super) fn restore(&self, database: &Path, integrity: &str, to: &Path) -> Command {
        let mut command = litestream(&self.programs);
        command.args(["restore", "-no-expand-env", "-integrity-check", integrity, "-config"]);
        command.arg(&self.config).arg("-o").arg(to).arg(database);
        command
    }
}

fn name_of(database: &Path) -> String {
    database.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The flags and variables that the engine gives it.
fn minio(programs: &Programs, folder: &Path, data: &Path, port: u16) -> Command {
    let mut command = programs.bundled("minio");
    command.args(["server", "--quiet", "--address"]).arg(format!("127.0.0.1:{port}"));
    command.arg("--certs-dir").arg(folder.join("certs")).arg(data);
    command.envs([
        ("MINIO_ROOT_USER", USER),
        ("MINIO_ROOT_PASSWORD", PASSWORD),
        ("MINIO_BROWSER", "off"),
        ("MINIO_UPDATE", "off"),
        ("MINIO_SCANNER_SPEED", "slowest"),
    ]);
    command
}

fn litestream(programs: &Programs) -> Command {
    let mut command = programs.bundled("litestream");
    command.envs([
        ("AWS_ACCESS_KEY_ID", USER),
        ("AWS_SECRET_ACCESS_KEY", PASSWORD),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ]);
    command
}

fn yaml(folder: &Path, databases: &[PathBuf], store: u16, metrics: u16) -> String {
    let mut text = format!(
        "addr: \"127.0.0.1:{metrics}\"\nlogging: {{level: info, type: text, stderr: true}}\n\
         verify-compaction: true\nl0-retention: 1h\nsnapshot: {{interval: 24h, retention: 72h}}\ndbs:\n"
    );
    for path in databases {
        let name = name_of(path);
        let meta = folder.join("meta").join(&name);
        text.push_str(&format!(
            "  - path: {path:?}\n    meta-path: {meta:?}\n    monitor-interval: 1s\n    checkpoint-interval: 1m\n\
             \x20   busy-timeout: 1s\n    min-checkpoint-page-count: 1000\n    truncate-page-n: 130309\n\
             \x20   replica: {{type: s3, endpoint: \"http://127.0.0.1:{store}\", region: us-east-1, bucket: {BUCKET}, \
             path: {name:?}, force-path-style: true, sync-interval: 1s}}\n"
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_database_has_its_own_history() {
        let text = yaml(Path::new("/b"), &["/d/a.db".into(), "/d/b.db".into()], 1, 2);
        assert_eq!(text.matches("sync-interval: 1s").count(), 2, "{text}");
        assert!(text.contains("path: \"a\"") && text.contains("path: \"b\""), "{text}");
        assert!(text.contains("\n    busy-timeout: 1s\n") && text.contains("\n    replica: {"), "{text}");
    }
}
