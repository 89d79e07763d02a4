//! Puts a database together from stored objects: `litestream restore` into a file of its own, then the check.
//!
//! Nothing that was there before is touched; a cancelled or failed fetch leaves no trace.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use sqlite_replicate_api::{ErrorCode, Integrity, Report, Result, Stage};
use tokio::io::AsyncReadExt;

use super::plan::{OldFormat, Planned};
use super::{Cancel, Reporter, cancelled};
use crate::children::{can_not_start, litestream, never_started, spawn};
use crate::home::write_private;
use crate::inspect::free_bytes;

/// What a fetch needs of the installation.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    pub(crate) litestream: PathBuf,
    pub(crate) launcher: PathBuf,
    /// A folder for files that live as long as the fetch.
    pub(crate) scratch: PathBuf,
}

/// A fetched file that goes away unless it is kept.
#[derive(Debug)]
pub(crate) struct Fetched {
    path: PathBuf,
    kept: bool,
}

impl Fetched {
    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// It stays.
    pub(crate) fn keep(mut self) -> PathBuf {
        self.kept = true;
        self.path.clone()
    }
}

impl Drop for Fetched {
    fn drop(&mut self) {
        if !self.kept {
            remove_database(&self.path);
        }
    }
}

/// Removes a database file of ours with all that SQLite and Litestream put beside it.
pub(crate) fn remove_database(path: &Path) {
    for suffix in ["", "-wal", "-shm", "-journal", ".tmp", ".tmp-wal", ".tmp-shm", "-txid"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        // It usually isn't there.
        let _ = std::fs::remove_file(Path::new(&name));
    }
}

/// Fetches into `path`, which must not exist, and checks what came.
pub(crate) async fn fetch(
    tools: &Tools,
    planned: &Planned,
    path: PathBuf,
    integrity: Integrity,
    reporter: &Reporter,
    cancel: &Cancel,
) -> Result<Fetched> {
    let needed = planned.result_bytes + planned.result_bytes / 20;
    if let Some(free) = free_bytes(&path)
        && free < needed
    {
        let message = format!(
            "there is not enough space for the restored database: {needed} bytes needed, {free} free"
        );
        return Err(Report::new(ErrorCode::NoSpace, message)
            .hint("make room, or restore to another disk with `--to`"));
    }
    remove_database(&path);
    try_folder(&path)?;
    let fetched = Fetched { path, kept: false };
    download(tools, planned, fetched.path(), reporter, cancel).await?;
    check(fetched.path(), integrity, reporter, cancel).await?;
    Ok(fetched)
}

/// A folder that can't be written is found out here: Litestream's words for it would be taken for those of a damaged
/// history.
fn try_folder(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let tried = std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::File::create_new(path))
        .and_then(|_| std::fs::remove_file(path));
    tried.map_err(|error| {
        Report::new(ErrorCode::Io, format!("the folder `{}` can't be written", folder.display()))
            .because(error)
            .hint("choose another one with `--to`, or give this program's user the right to write it")
    })
}

async fn download(
    tools: &Tools,
    planned: &Planned,
    path: &Path,
    reporter: &Reporter,
    cancel: &Cancel,
) -> Result<()> {
    let trouble =
        |error: std::io::Error| Report::new(ErrorCode::Io, "the restore can't be prepared").because(error);
    let remote = planned.line.store.remote();
    let stem = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let config = tools.scratch.join(format!("restore-{stem}.yml"));
    let yaml = litestream::one_shot_yaml(remote, path, &planned.line.prefix);
    write_private(&config, yaml.as_bytes()).map_err(trouble)?;
    let mut arguments: Vec<OsString> = vec![
        "restore".into(),
        "-config".into(),
        config.clone().into(),
        "-no-expand-env".into(),
        "-integrity-check".into(),
        "none".into(),
    ];
    match &planned.old {
        None => arguments.extend(["-txid".into(), planned.chain.reached.to_string().into()]),
        Some(OldFormat { until: Some(until), .. }) => {
            arguments.extend(["-timestamp".into(), until.to_string().into()]);
        }
        Some(OldFormat { until: None, .. }) => {}
    }
    arguments.extend(["-o".into(), path.into(), path.into()]);
    let launch = litestream::launch(&tools.litestream, &remote.keys, arguments);
    let total = planned.old.is_none().then_some(planned.result_bytes);
    let result = run(tools, &launch, total, path, reporter, cancel).await;
    let _ = std::fs::remove_file(config);
    result
}

async fn run(
    tools: &Tools,
    launch: &crate::children::Launch,
    total: Option<u64>,
    path: &Path,
    reporter: &Reporter,
    cancel: &Cancel,
) -> Result<()> {
    let mut child = spawn(&tools.launcher, launch)?;
    let stderr = child.stderr().take();
    let stdout = child.stdout().take();
    let said = tokio::spawn(async move {
        let mut text = Vec::new();
        if let Some(stderr) = stderr {
            let _ = stderr.take(64 * 1024).read_to_end(&mut text).await;
        }
        String::from_utf8_lossy(&text).into_owned()
    });
    tokio::spawn(async move {
        if let Some(mut stdout) = stdout {
            let _ = tokio::io::copy(&mut stdout, &mut tokio::io::sink()).await;
        }
    });
    let mut growing = path.as_os_str().to_owned();
    growing.push(".tmp");
    let growing = PathBuf::from(growing);
    let size =
        || [path, &growing].iter().filter_map(|path| std::fs::metadata(path).ok()).map(|m| m.len()).max();
    let mut ticker = tokio::time::interval(Duration::from_millis(100));
    let status = loop {
        tokio::select! {
            status = child.wait() => break status,
            () = cancel.cancelled() => {
                let _ = child.start_kill();
                let _ = child.wait().await;
                return Err(cancelled());
            }
            _ = ticker.tick() => {
                let done = size().unwrap_or(0);
                reporter.at(Stage::Downloading, total.map_or(done, |total| done.min(total)), total);
            }
        }
    };
    let status =
        status.map_err(|error| Report::new(ErrorCode::Io, "Litestream's restore was lost").because(error))?;
    if status.success() {
        reporter.at(Stage::Downloading, total.or_else(size).unwrap_or(0), total);
        return Ok(());
    }
    let said = said.await.unwrap_or_default();
    if never_started(&status) {
        return Err(can_not_start(&launch.program).because(said.trim().to_owned()));
    }
    Err(explain(&said, &status.to_string()))
}

/// What a failed `litestream restore` means.
fn explain(said: &str, status: &str) -> Report {
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or(status).trim().to_owned();
    if said.contains("no space left") || said.contains("disk full") {
        return Report::new(ErrorCode::NoSpace, "there is not enough space for the restored database")
            .because(last);
    }
    let report =
        Report::new(ErrorCode::HistoryDamaged, "that moment can't be put together from what is stored");
    report.because(last).hint("run `sqlite-replicate scan --heal`, or choose an earlier moment")
}

/// Checks a database that nobody else has: opened as unchangeable, so that nothing appears beside it.
pub(crate) async fn check(
    path: &Path,
    integrity: Integrity,
    reporter: &Reporter,
    cancel: &Cancel,
) -> Result<()> {
    let pragma = match integrity {
        Integrity::None => return Ok(()),
        Integrity::Quick => "PRAGMA quick_check(1)",
        Integrity::Full => "PRAGMA integrity_check(1)",
    };
    reporter.at(Stage::Checking, 0, None);
    let damaged = |why: String| {
        Report::new(ErrorCode::RestoreDamaged, "the restored database is damaged").because(why).hint(
            "choose an earlier moment; run `sqlite-replicate scan` to see what is wrong with the history",
        )
    };
    let found: String = with_connection(path, cancel, move |db| db.query_row(pragma, [], |row| row.get(0)))
        .await?
        .map_err(|error| damaged(error.to_string()))?;
    if found == "ok" { Ok(()) } else { Err(damaged(found)) }
}

/// Works on a database that nobody else has, away from the engine's thread, until somebody cancels.
pub(crate) async fn with_connection<T: Send + 'static>(
    path: &Path,
    cancel: &Cancel,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
) -> Result<rusqlite::Result<T>> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let uri = format!("file:{}?immutable=1", uri_path(path));
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let work = tokio::task::spawn_blocking(move || {
        let mut db = Connection::open_with_flags(uri, flags)?;
        db.progress_handler(10_000, Some(move || stopped.load(Ordering::Relaxed)))?;
        work(&db)
    });
    tokio::pin!(work);
    let result = tokio::select! {
        result = &mut work => result,
        () = cancel.cancelled() => {
            stop.store(true, Ordering::Relaxed);
            // The file must not go away under it.
            let _ = work.await;
            return Err(cancelled());
        }
    };
    result.map_err(|error| {
        Report::new(ErrorCode::Internal, "a check failed by a defect of this program").because(error)
    })
}

/// A path as it stands in a `file:` URI of SQLite.
pub(crate) fn uri_path(path: &Path) -> String {
    let text = path.to_string_lossy().replace('\\', "/");
    let escaped: String = text
        .chars()
        .map(|c| match c {
            '%' => "%25".to_owned(),
            '?' => "%3f".to_owned(),
            '#' => "%23".to_owned(),
            c => c.to_string(),
        })
        .collect();
    if escaped.starts_with('/') { escaped } else { format!("/{escaped}") }
}
