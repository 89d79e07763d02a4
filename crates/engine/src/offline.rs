//! Restores where no engine runs: from a recovery sheet, or from any S3 address that Litestream wrote to.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use process_wrap::tokio::ChildWrapper;
use sqlite_replicate_api::{
    Credentials, EpochRecord, ErrorCode, Integrity, Moment, Name, Outcome, Progress, Report, RestorePlan,
    Result, Target,
};

use crate::bundle::Bundle;
use crate::children::litestream::Remote;
use crate::children::minio::{Minio, MinioSpec, serves};
use crate::children::{Program, free_port, spawn};
use crate::home::{Home, make_private_dir};
use crate::jobs::fetch::Tools;
use crate::jobs::plan::{Line, Planned, line_of};
use crate::jobs::{Cancel, Reporter, restore, snapshot};
use crate::sheet::Sheet;
use crate::store::{Store, layout};

/// How long a store of a sheet may take to serve.
const START: Duration = Duration::from_secs(60);

/// Where the history is taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `s3://bucket/prefix?endpoint=http://host:9000&region=…`, as Litestream writes it.
    Url(String),
    /// A recovery sheet.
    Sheet(PathBuf),
}

/// A wanted restore.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where from.
    pub source: Source,
    /// Which database, where the source has several.
    pub database: Option<Name>,
    /// Which moment.
    pub moment: Moment,
    /// The new file; it must not exist.
    pub target: PathBuf,
    /// How thoroughly it is checked.
    pub integrity: Integrity,
    /// Keys for an S3 address; a sheet has its own.
    pub credentials: Option<Credentials>,
    /// A folder for files that live as long as the restore.
    pub home: PathBuf,
    /// Litestream and MinIO.
    pub bundle: Bundle,
    /// The program that runs the hidden entry points (see [`crate::entry`]).
    pub launcher: PathBuf,
}

/// What a restore would do.
///
/// # Errors
/// What is wrong with the source, [`ErrorCode::NoSuchRestorePoint`], and what a store can have.
pub async fn plan(request: &Request) -> Result<RestorePlan> {
    let opened = Opened::open(request).await?;
    let planned = opened.planned(request).await;
    opened.close().await;
    Ok(planned?.shown(Target::File(request.target.clone())))
}

/// Restores. To be called on a thread that lives until the end: the children die with it.
///
/// # Errors
/// As [`plan`], and what a restore can have; nothing is left behind then.
pub async fn restore(
    request: Request,
    progress: impl Fn(Progress) + Send + Sync + 'static,
    cancel: impl Future<Output = ()> + Send + 'static,
) -> Result<Outcome> {
    let began = Instant::now();
    let reporter = Reporter::new(progress);
    let cancel = Cancel::when(cancel);
    let opened = Opened::open(&request).await?;
    let done = async {
        let planned = opened.planned(&request).await?;
        let tools = opened.tools.clone();
        let wanted =
            restore::Wanted { moment: &request.moment, integrity: request.integrity, path: &request.target };
        restore::to_file(&tools, planned, &wanted, &reporter, &cancel).await
    };
    let result: Result<Planned> = done.await;
    opened.close().await;
    let planned = result?;
    let bytes = std::fs::metadata(&request.target).map_or(0, |metadata| metadata.len());
    let plan = planned.shown(Target::File(request.target.clone()));
    let seconds = began.elapsed().as_secs_f64();
    Ok(Outcome::Restored { plan, path: request.target, bytes, seconds, epoch: None })
}

/// A source that can be read.
struct Opened {
    store: Store,
    what: What,
    tools: Tools,
    scratch: Scratch,
    /// A store that was started for this.
    child: Option<Box<dyn ChildWrapper>>,
}

enum What {
    Prefix(String),
    Database { name: Name, host_id: String },
}

/// A folder that goes away, however the restore ends.
struct Scratch(PathBuf);

impl Scratch {
    fn make(dir: PathBuf) -> Result<Self> {
        make_private_dir(&dir).map_err(|error| {
            Report::new(ErrorCode::Io, format!("`{}` can't be made", dir.display())).because(error)
        })?;
        Ok(Self(dir))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, path = %self.0.display(), "a folder of files that are no longer needed stays");
        }
    }
}

impl Opened {
    async fn open(request: &Request) -> Result<Self> {
        let scratch = Scratch::make(request.home.join(format!("offline-{}", std::process::id())))?;
        let tools = Tools {
            litestream: request.bundle.litestream.clone(),
            launcher: request.launcher.clone(),
            scratch: scratch.0.clone(),
        };
        let mut opened = match &request.source {
            Source::Url(url) => {
                let (remote, prefix) = remote_of(url, request.credentials.clone())?;
                Self { store: Store::new(remote), what: What::Prefix(prefix), tools, scratch, child: None }
            }
            Source::Sheet(path) => {
                let sheet = Sheet::read(path)?;
                let name = sheet.database(request.database.as_ref())?;
                let what = What::Database { name, host_id: sheet.host_id().to_owned() };
                let store = Store::new(sheet.remote());
                let mut opened = Self { store, what, tools, scratch, child: None };
                if let Some(data_dir) = sheet.store.data_dir.clone() {
                    opened.serve(request, &sheet, &data_dir).await?;
                }
                opened
            }
        };
        if let Err(report) = opened.store.probe(Duration::from_secs(10)).await {
            opened.end_child().await;
            return Err(report);
        }
        Ok(opened)
    }

    /// Serves the folder of a sheet's bundled store, unless an engine on this PC does: two on one folder would damage it.
    async fn serve(&mut self, request: &Request, sheet: &Sheet, data_dir: &Path) -> Result<()> {
        if self.store.probe(Duration::from_secs(1)).await.is_ok() {
            return Ok(());
        }
        if !data_dir.join(".minio.sys").is_dir() {
            let message = format!("the folder of the history `{}` is not there", data_dir.display());
            return Err(Report::new(ErrorCode::StoreUnreachable, message).hint(
                "connect its disk; if its place is another now, change the line `data_dir` of the sheet",
            ));
        }
        let mut remote = sheet.remote();
        let port = free_port().map_err(|error| {
            Report::new(ErrorCode::Io, "there is no free port for the store").because(error)
        })?;
        let home = Home::new(&self.scratch.0);
        let mut minio = Minio::new(request.bundle.minio.clone(), home, remote.keys.clone());
        let launch = minio.launch(&MinioSpec { data_dir: data_dir.to_owned(), port }).await?;
        self.child = Some(spawn(&request.launcher, &launch)?);
        let began = Instant::now();
        while !serves(port).await {
            if began.elapsed() > START {
                self.end_child().await;
                return Err(Report::new(
                    ErrorCode::StoreUnreachable,
                    "the store of the sheet does not serve",
                )
                .hint("check that the folder is complete and can be written"));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        remote.endpoint = format!("http://127.0.0.1:{port}");
        self.store = Store::new(remote);
        Ok(())
    }

    async fn planned(&self, request: &Request) -> Result<Planned> {
        let line = match &self.what {
            What::Prefix(prefix) if matches!(request.moment, Moment::Snapshot(_)) => {
                let message = format!("a snapshot's name means nothing at `{prefix}`");
                return Err(Report::new(ErrorCode::BadRequest, message)
                    .hint("restore it from a recovery sheet, or name the snapshot's own address"));
            }
            What::Prefix(prefix) => Line {
                store: self.store.clone(),
                prefix: prefix.clone(),
                epoch: None,
                database: request.database.clone(),
            },
            What::Database { name, host_id } => {
                let epochs = epochs(&self.store, name, host_id).await?;
                let ids = epochs.iter().map(|record| record.database_id.clone()).collect();
                let snapshots = snapshot::all_of(&self.store, name, &ids).await?;
                let (prefix, epoch) = line_of(&request.moment, &epochs, &snapshots)?;
                Line { store: self.store.clone(), prefix, epoch: Some(epoch), database: Some(name.clone()) }
            }
        };
        let planned = line.plan(&request.moment).await?;
        line.as_far_as_proved(planned, &request.moment).await
    }

    async fn end_child(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It was only read from.
            let _ = child.start_kill();
            let _ = tokio::time::timeout(Duration::from_secs(5), child.wait()).await;
        }
    }

    async fn close(mut self) {
        self.end_child().await;
    }
}

/// The records of the epochs of a host's database in the store, oldest first. Another host that shares the bucket may
/// have one of the same name.
async fn epochs(store: &Store, name: &Name, host_id: &str) -> Result<Vec<EpochRecord>> {
    let mut found: Vec<EpochRecord> = Vec::new();
    for listed in store.list(&layout::epoch_records(name)).await? {
        let bytes = store.get_small(&listed.key).await?;
        match serde_json::from_slice(&bytes) {
            Ok(record) => found.push(record),
            Err(error) => tracing::warn!(key = %listed.key, %error, "an epoch's record can't be understood"),
        }
    }
    let ids: BTreeSet<String> = found
        .iter()
        .filter(|record| record.host_id == host_id)
        .map(|record| record.database_id.clone())
        .collect();
    found.retain(|record| ids.contains(&record.database_id));
    found.sort_by_key(|record| (record.opened_at, record.epoch));
    Ok(found)
}

/// An address as Litestream writes it.
fn remote_of(url: &str, keys: Option<Credentials>) -> Result<(Remote, String)> {
    let bad = |why: &str| {
        Report::new(ErrorCode::BadRequest, format!("`{url}` is not an S3 address: {why}"))
            .hint("write `s3://BUCKET/PATH?endpoint=http://HOST:PORT`")
    };
    let rest = url.strip_prefix("s3://").ok_or_else(|| bad("it does not begin with `s3://`"))?;
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (bucket, prefix) = place.split_once('/').ok_or_else(|| bad("it has no path"))?;
    if bucket.is_empty() || prefix.is_empty() {
        return Err(bad("it has no bucket or no path"));
    }
    let (mut endpoint, mut region) = (None, None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("endpoint", value)) => endpoint = Some(decoded(value)),
            Some(("region", value)) => region = Some(decoded(value)),
            // Litestream's own ways of reaching some services; ours always names the bucket in the path.
            Some(("force-path-style" | "forcePathStyle", _)) => {}
            _ => return Err(bad(&format!("`{pair}` is not known"))),
        }
    }
    let region = region.unwrap_or_else(|| "us-east-1".to_owned());
    let endpoint = endpoint.unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
    let endpoint = if endpoint.contains("://") { endpoint } else { format!("https://{endpoint}") };
    let keys = keys.ok_or_else(|| {
        Report::new(ErrorCode::StoreRefused, "there are no keys for that address")
            .hint("set `SQLITE_REPLICATE_STORE_ACCESS_KEY_ID` and `SQLITE_REPLICATE_STORE_SECRET_ACCESS_KEY`")
    })?;
    let prefix = prefix.trim_end_matches('/').to_owned();
    Ok((Remote { endpoint, region, bucket: bucket.to_owned(), keys }, prefix))
}

/// Percent-decoding, as far as addresses need it.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match (first, hex) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Option<Credentials> {
        Some(Credentials { access_key_id: "k".into(), secret_access_key: "s".into() })
    }

    #[test]
    fn addresses_are_read_as_litestream_writes_them() {
        let (remote, prefix) =
            remote_of("s3://b/a/c/?endpoint=http%3A%2F%2Flocalhost:9000&region=eu", keys()).unwrap();
        assert_eq!(
            (remote.endpoint.as_str(), remote.bucket.as_str(), remote.region.as_str()),
            ("http://localhost:9000", "b", "eu")
        );
        assert_eq!(prefix, "a/c");
        let (remote, _) = remote_of("s3://b/a", keys()).unwrap();
        assert_eq!(remote.endpoint, "https://s3.us-east-1.amazonaws.com");
        for bad in ["http://b/a", "s3://b", "s3:///a", "s3://b/a?x=1"] {
            assert_eq!(remote_of(bad, keys()).unwrap_err().code, ErrorCode::BadRequest, "{bad}");
        }
        assert_eq!(remote_of("s3://b/a", None).unwrap_err().code, ErrorCode::StoreRefused);
    }
}
