//! The store: S3, whoever serves it. Every call has a time limit, and says in the office's words what went wrong.

pub(crate) mod layout;
mod listing;

use std::path::Path;
use std::sync::Once;
use std::time::Duration;

use aws_credential_types::Credentials as Keys;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Region, ResponseChecksumValidation};
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use bytes::Bytes;
use jiff::Timestamp;
use sqlite_replicate_api::{ErrorCode, Report, Result};
use tokio::time::timeout;

use crate::children::litestream::Remote;

pub(crate) use listing::{key_of, level_prefix, object_of};

/// The largest small object: records and descriptions.
const SMALL: u64 = 1024 * 1024;
/// Larger objects are not written by us in one piece.
const QUICK: Duration = Duration::from_secs(10);

/// A bucket of an S3 service. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    client: Client,
    remote: Remote,
}

/// An object in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) key: String,
    pub(crate) bytes: u64,
    pub(crate) stored_at: Timestamp,
}

/// ring is the one provider of cryptography; every part that makes a TLS client counts on it being installed.
pub(crate) fn install_crypto() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An embedding program may have installed its own already: that one is used then.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

impl Store {
    /// Makes no request yet.
    pub(crate) fn new(remote: Remote) -> Self {
        install_crypto();
        let keys = Keys::new(
            &remote.keys.access_key_id,
            &remote.keys.secret_access_key,
            None,
            None,
            "sqlite-replicate",
        );
        let builder = aws_smithy_http_client::Builder::new();
        let http = if remote.endpoint.starts_with("http://") {
            // No certificates are read for the store on loopback: it saves memory and a start's milliseconds.
            builder.build_http()
        } else {
            builder.tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
        };
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(keys)
            .endpoint_url(&remote.endpoint)
            .force_path_style(true)
            .http_client(http)
            .region(Region::new(remote.region.clone()))
            // Each object has a checksum of its own, which is checked; and MinIO gives the object's with an answer that is
            // no object but an error.
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            // We ask again ourselves, where asking again makes sense.
            .retry_config(RetryConfig::disabled())
            .build();
        Self { client: Client::from_conf(config), remote }
    }

    /// How Litestream reaches the same bucket.
    pub(crate) fn remote(&self) -> &Remote {
        &self.remote
    }

    fn trouble<E>(&self, doing: &str, error: SdkError<E>) -> Report
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let code =
            error.as_service_error().and_then(|inner| inner.code().map(str::to_owned)).unwrap_or_default();
        let status = error.raw_response().map(|response| response.status().as_u16());
        let at = &self.remote.endpoint;
        let report = match (code.as_str(), status) {
            ("XMinioStorageFull" | "StorageFull" | "QuotaExceeded", _) | (_, Some(507)) => {
                Report::new(ErrorCode::NoSpace, format!("the store at `{at}` is full"))
                    .hint("make room on its disk; what is captured meanwhile waits on this PC")
            }
            ("NoSuchKey" | "NotFound" | "NoSuchBucket", _) | (_, Some(404)) => {
                Report::new(ErrorCode::NoSuchRestorePoint, format!("the store at `{at}` has no such object"))
            }
            ("AccessDenied" | "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "RequestTimeTooSkewed", _)
            | (_, Some(401 | 403)) => {
                let hint = if code == "RequestTimeTooSkewed" {
                    "set the clock of this PC right: it differs by more than 15 minutes from the store's"
                } else {
                    "check the store's keys with `sqlite-replicate config credentials`"
                };
                Report::new(ErrorCode::StoreRefused, format!("the store at `{at}` refuses: {doing}"))
                    .hint(hint)
            }
            (_, Some(_)) => {
                Report::new(ErrorCode::StoreUnreachable, format!("the store at `{at}` failed: {doing}"))
            }
            (_, None) => self.unreachable(doing),
        };
        let cause = if code.is_empty() { DisplayErrorContext(&error).to_string() } else { code };
        report.because(cause)
    }

    fn unreachable(&self, doing: &str) -> Report {
        Report::new(
            ErrorCode::StoreUnreachable,
            format!("the store at `{}` does not answer: {doing}", self.remote.endpoint),
        )
        .hint("see `sqlite-replicate logs store`")
    }

    async fn within<T, E>(
        &self,
        limit: Duration,
        doing: &str,
        call: impl Future<Output = std::result::Result<T, SdkError<E>>>,
    ) -> Result<T>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        match timeout(limit, call).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.trouble(doing, error)),
            Err(_) => {
                Err(self.unreachable(doing).because(format!("no answer within {} s", limit.as_secs_f64())))
            }
        }
    }

    /// Makes the bucket unless it is there.
    pub(crate) async fn ensure_bucket(&self) -> Result<()> {
        let bucket = &self.remote.bucket;
        let found = self
            .within(QUICK, "looking for the bucket", self.client.head_bucket().bucket(bucket).send())
            .await;
        match found {
            Err(report) if report.code == ErrorCode::NoSuchRestorePoint => {
                let make = self.client.create_bucket().bucket(bucket).send();
                self.within(QUICK, "making the bucket", make).await.map(drop)
            }
            other => other.map(drop),
        }
    }

    /// Asks for the shortest of listings: whether it serves at all.
    pub(crate) async fn probe(&self, limit: Duration) -> Result<()> {
        let call = self.client.list_objects_v2().bucket(&self.remote.bucket).max_keys(1).send();
        self.within(limit, "asking whether it serves", call).await.map(drop)
    }

    /// One page of at most 1000 keys with a prefix, after a key; the flag says that there are more.
    pub(crate) async fn page(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: Duration,
    ) -> Result<(Vec<Listed>, bool)> {
        let call = self
            .client
            .list_objects_v2()
            .bucket(&self.remote.bucket)
            .prefix(prefix)
            .set_start_after(after.map(str::to_owned))
            .send();
        let answer = self.within(limit, "listing", call).await?;
        let more = answer.is_truncated().unwrap_or(false);
        let listed = answer.contents.unwrap_or_default().into_iter().filter_map(|object| {
            let stored_at =
                object.last_modified.and_then(|at| Timestamp::from_millisecond(at.to_millis().ok()?).ok());
            Some(Listed {
                key: object.key?,
                bytes: u64::try_from(object.size.unwrap_or(0)).unwrap_or(0),
                stored_at: stored_at.unwrap_or(Timestamp::UNIX_EPOCH),
            })
        });
        Ok((listed.collect(), more))
    }

    /// All keys with a prefix.
    pub(crate) async fn list(&self, prefix: &str) -> Result<Vec<Listed>> {
        let mut all: Vec<Listed> = Vec::new();
        loop {
            let after = all.last().map(|listed| listed.key.clone());
            let (page, more) = self.page(prefix, after.as_deref(), QUICK).await?;
            let progressed = !page.is_empty();
            all.extend(page);
            if !more || !progressed {
                return Ok(all);
            }
        }
    }

    /// A small object as a whole.
    pub(crate) async fn get_small(&self, key: &str) -> Result<Bytes> {
        let doing = format!("reading `{key}`");
        let call = self.client.get_object().bucket(&self.remote.bucket).key(key).send();
        let answer = self.within(QUICK, &doing, call).await?;
        if u64::try_from(answer.content_length().unwrap_or(0)).unwrap_or(u64::MAX) > SMALL {
            return Err(Report::new(ErrorCode::HistoryDamaged, format!("`{key}` is larger than it can be")));
        }
        let body = timeout(QUICK, answer.body.collect()).await.map_err(|_| self.unreachable(&doing))?;
        body.map(|body| body.into_bytes()).map_err(|error| self.unreachable(&doing).because(error))
    }

    /// The first bytes of an object.
    pub(crate) async fn get_head(&self, key: &str, bytes: u64) -> Result<Bytes> {
        let doing = format!("reading `{key}`");
        let range = format!("bytes=0-{}", bytes.saturating_sub(1));
        let call = self.client.get_object().bucket(&self.remote.bucket).key(key).range(range).send();
        let answer = self.within(QUICK, &doing, call).await?;
        let body = timeout(QUICK, answer.body.collect()).await.map_err(|_| self.unreachable(&doing))?;
        body.map(|body| body.into_bytes()).map_err(|error| self.unreachable(&doing).because(error))
    }

    /// An object as a stream. The time limit is for its beginning; whoever reads it gives up when it stands still.
    pub(crate) async fn get_stream(&self, key: &str) -> Result<ByteStream> {
        let call = self.client.get_object().bucket(&self.remote.bucket).key(key).send();
        self.within(QUICK, &format!("reading `{key}`"), call).await.map(|answer| answer.body)
    }

    /// Writes a small object.
    pub(crate) async fn put_small(&self, key: &str, content: Vec<u8>) -> Result<()> {
        let body = ByteStream::from(content);
        let call = self.client.put_object().bucket(&self.remote.bucket).key(key).body(body).send();
        self.within(QUICK, &format!("writing `{key}`"), call).await.map(drop)
    }

    /// Writes a file as an LTX object, with the time that Litestream would give it.
    pub(crate) async fn put_ltx(&self, key: &str, path: &Path, timestamp: Timestamp) -> Result<()> {
        let doing = format!("writing `{key}`");
        let body = ByteStream::from_path(path).await.map_err(|error| {
            Report::new(ErrorCode::Io, format!("`{}` can't be read", path.display())).because(error)
        })?;
        let put = self.client.put_object().bucket(&self.remote.bucket).key(key).body(body);
        let call = put.metadata("litestream-timestamp", timestamp.to_string()).send();
        self.within(Duration::from_secs(600), &doing, call).await.map(drop)
    }

    /// Copies an object within the bucket, metadata included.
    pub(crate) async fn copy(&self, from: &str, to: &str) -> Result<()> {
        let bucket = &self.remote.bucket;
        let call =
            self.client.copy_object().bucket(bucket).copy_source(format!("{bucket}/{from}")).key(to).send();
        self.within(Duration::from_secs(600), &format!("copying `{from}`"), call).await.map(drop)
    }

    /// Deletes an object. One that is not there is no error, as S3 has it.
    pub(crate) async fn delete(&self, key: &str) -> Result<()> {
        let call = self.client.delete_object().bucket(&self.remote.bucket).key(key).send();
        self.within(QUICK, &format!("deleting `{key}`"), call).await.map(drop)
    }
}
