//! The calls of a running engine over its control API: what the command line and the tray program use.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlite_replicate_api::{
    About, AddDatabase, Added, CheckConfig, CheckpointMode, Checkpointed, ConfigCheck, ConfigText,
    Credentials, DashboardLink, ErrorCode, Event, History, JobRequest, JobSummary, LogLine, Name, Pause,
    ReplaceConfig, Report, Restart, RestorePlan, RestoreRequest, Result, SetSetting, SettingRow, Status,
    Synced,
};

use crate::control::wire::{CheckpointBody, EventsQuery, LogsQuery, RestartBody};
use crate::control::{PATIENT, QUICK, Token, not_running, read_address};

mod follow;
#[cfg(test)]
mod tests;

/// How long a connection on loopback may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How much longer than the engine the client waits, so that the engine's own word about a time-out arrives.
const LONGER: Duration = Duration::from_secs(5);

/// A connection to the engine that runs for a home folder. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    home: PathBuf,
    port: u16,
    token: Token,
}

impl Client {
    /// Finds the engine of a home folder by the address and the token that it left there. Whether it still answers is
    /// seen with the first call.
    ///
    /// # Errors
    /// [`ErrorCode::EngineNotRunning`] when there is no address; [`ErrorCode::Unauthorized`] when the token is not ours
    /// to read.
    pub fn connect(home: &Path) -> Result<Self> {
        let port = read_address(home)?.port;
        let token = Token::read(home)?;
        Ok(Self { http: http()?, home: home.to_owned(), port, token })
    }

    /// Everything a screen shows.
    pub async fn status(&self) -> Result<Status> {
        self.get(&["status"], QUICK).await
    }

    /// Protects a database.
    pub async fn add(&self, add: AddDatabase) -> Result<Added> {
        self.call(Method::POST, &["databases"], &add, PATIENT).await
    }

    /// Stops protecting a database; its history stays.
    pub async fn remove(&self, name: &Name) -> Result<()> {
        self.tell(Method::DELETE, &["databases", name.as_str()], &(), PATIENT).await
    }

    /// What a database can be brought back to.
    pub async fn history(&self, name: &Name) -> Result<History> {
        self.get(&["databases", name.as_str(), "history"], PATIENT).await
    }

    /// What a restore would do.
    pub async fn plan(&self, name: &Name, request: &RestoreRequest) -> Result<RestorePlan> {
        self.call(Method::POST, &["databases", name.as_str(), "plan"], request, PATIENT).await
    }

    /// Begins a long operation. It goes on when the client leaves; [`Client::follow_job`] waits for its end.
    pub async fn start_job(&self, name: &Name, request: JobRequest) -> Result<JobSummary> {
        self.call(Method::POST, &["databases", name.as_str(), "jobs"], &request, QUICK).await
    }

    /// How a long operation is.
    pub async fn job(&self, id: u64) -> Result<JobSummary> {
        self.get(&["jobs", &id.to_string()], QUICK).await
    }

    /// Asks a long operation to end without a trace.
    pub async fn cancel_job(&self, id: u64) -> Result<()> {
        self.tell(Method::DELETE, &["jobs", &id.to_string()], &(), QUICK).await
    }

    /// Waits until everything committed so far is stored.
    pub async fn sync(&self, name: &Name) -> Result<Synced> {
        self.call(Method::POST, &["databases", name.as_str(), "sync"], &(), PATIENT).await
    }

    /// Moves the write-ahead log into the database.
    pub async fn checkpoint(&self, name: &Name, mode: CheckpointMode) -> Result<Checkpointed> {
        let body = CheckpointBody { mode };
        self.call(Method::POST, &["databases", name.as_str(), "checkpoint"], &body, PATIENT).await
    }

    /// Stops capturing for a while.
    pub async fn pause(&self, pause: Pause) -> Result<()> {
        self.tell(Method::POST, &["pause"], &pause, PATIENT).await
    }

    /// Goes on after a pause.
    pub async fn resume(&self) -> Result<()> {
        self.tell(Method::POST, &["resume"], &(), PATIENT).await
    }

    /// Starts bundled programs again.
    pub async fn restart(&self, what: Restart) -> Result<()> {
        self.tell(Method::POST, &["restart"], &RestartBody { what }, PATIENT).await
    }

    /// The journal of events after an id, oldest first.
    pub async fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>> {
        let request = self.request(Method::GET, &["events"], QUICK).query(&EventsQuery { after, limit });
        self.read(self.send(request).await?).await
    }

    /// The last lines of the bundled programs and the engine, oldest first.
    pub async fn logs(&self, source: Option<&str>, lines: usize) -> Result<Vec<LogLine>> {
        let query = LogsQuery { source: source.map(str::to_owned), lines };
        let request = self.request(Method::GET, &["logs"], QUICK).query(&query);
        self.read(self.send(request).await?).await
    }

    /// The configuration file.
    pub async fn config_text(&self) -> Result<ConfigText> {
        self.get(&["config"], QUICK).await
    }

    /// Replaces the configuration file.
    pub async fn replace_config(&self, replace: ReplaceConfig) -> Result<()> {
        self.tell(Method::PUT, &["config"], &replace, QUICK).await
    }

    /// Changes one setting; comments survive.
    pub async fn set_setting(&self, set: SetSetting) -> Result<()> {
        self.tell(Method::PATCH, &["config"], &set, QUICK).await
    }

    /// Looks at a configuration, or at one change of it, and saves nothing.
    pub async fn check_config(&self, check: CheckConfig) -> Result<ConfigCheck> {
        self.call(Method::POST, &["config", "check"], &check, QUICK).await
    }

    /// Every setting with its value.
    pub async fn settings(&self) -> Result<Vec<SettingRow>> {
        self.get(&["settings"], QUICK).await
    }

    /// What the engine is made of.
    pub async fn about(&self) -> Result<About> {
        self.get(&["about"], QUICK).await
    }

    /// A link that opens the dashboard once.
    pub async fn dashboard_link(&self) -> Result<DashboardLink> {
        self.call(Method::POST, &["dashboard"], &(), QUICK).await
    }

    /// Keeps the keys for an S3 service that is not the bundled one.
    pub async fn set_credentials(&self, credentials: Credentials) -> Result<()> {
        self.tell(Method::PUT, &["credentials"], &credentials, QUICK).await
    }

    /// The printable sheet that restores onto an empty PC; it holds keys.
    pub async fn recovery_sheet(&self) -> Result<String> {
        self.text(&["v1", "recovery-sheet"], PATIENT).await
    }

    /// Versions, configuration without secrets, status, events, logs: for whoever helps.
    pub async fn doctor(&self) -> Result<serde_json::Value> {
        self.get(&["doctor"], PATIENT).await
    }

    /// Figures in the text format of Prometheus.
    pub async fn metrics(&self) -> Result<String> {
        self.text(&["metrics"], QUICK).await
    }

    /// Asks the engine to end.
    pub async fn shutdown(&self) -> Result<()> {
        self.tell(Method::POST, &["shutdown"], &(), QUICK).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &[&str], limit: Duration) -> Result<T> {
        let request = self.request(Method::GET, path, limit);
        self.read(self.send(request).await?).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: &impl Serialize,
        limit: Duration,
    ) -> Result<T> {
        let request = self.request(method, path, limit).json(body);
        self.read(self.send(request).await?).await
    }

    async fn tell(
        &self,
        method: Method,
        path: &[&str],
        body: &impl Serialize,
        limit: Duration,
    ) -> Result<()> {
        let request = self.request(method, path, limit).json(body);
        self.send(request).await.map(drop)
    }

    async fn text(&self, path: &[&str], limit: Duration) -> Result<String> {
        let request = self.bare(Method::GET, path).timeout(limit + LONGER);
        self.send(request).await?.text().await.map_err(|error| self.broken(error))
    }

    fn request(&self, method: Method, path: &[&str], limit: Duration) -> RequestBuilder {
        let whole: Vec<_> = std::iter::once("v1").chain(path.iter().copied()).collect();
        self.bare(method, &whole).timeout(limit + LONGER)
    }

    /// A request without a time limit.
    fn bare(&self, method: Method, path: &[&str]) -> RequestBuilder {
        // Names and numbers are all that goes into a path, and neither needs escaping.
        let url = format!("http://127.0.0.1:{}/{}", self.port, path.join("/"));
        self.http.request(method, url).bearer_auth(self.token.reveal())
    }

    /// Sends a request; an answer that is no success becomes the engine's own [`Report`].
    async fn send(&self, request: RequestBuilder) -> Result<Response> {
        let response = request.send().await.map_err(|error| self.broken(error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = response.bytes().await.map_err(|error| self.broken(error))?;
        Err(serde_json::from_slice(&body).unwrap_or_else(|_| self.not_ours(status)))
    }

    async fn read<T: DeserializeOwned>(&self, response: Response) -> Result<T> {
        let body = response.bytes().await.map_err(|error| self.broken(error))?;
        serde_json::from_slice(&body).map_err(|error| {
            Report::new(ErrorCode::Internal, "the engine's answer can't be understood")
                .because(error)
                .hint("the engine may be of another version than this command: restart it")
        })
    }

    /// Why no answer came.
    fn broken(&self, error: reqwest::Error) -> Report {
        // The address holds nothing secret, but says nothing new either.
        let error = error.without_url();
        if error.is_connect() {
            let mut report = not_running(&self.home);
            report.causes.push(format!("nobody answers at 127.0.0.1:{}, where it was last", self.port));
            return report.because(error);
        }
        if error.is_timeout() {
            return Report::new(ErrorCode::Timeout, "the engine did not answer in time")
                .because(error)
                .hint("it may still be at it: look at the status and the log");
        }
        Report::new(ErrorCode::Io, "the connection to the engine broke off")
            .because(error)
            .hint("the engine may have ended: look at the status")
    }

    fn not_ours(&self, status: StatusCode) -> Report {
        let mut report = not_running(&self.home);
        report.causes.push(format!("another program answers at 127.0.0.1:{} ({status})", self.port));
        report
    }
}

/// A client for loopback. It trusts nobody's certificate, because it never speaks TLS; but `reqwest` builds a TLS
/// configuration all the same, and ends the process if it has to choose the cryptography itself.
fn http() -> Result<reqwest::Client> {
    let unusable = |error: Box<dyn std::error::Error + Send + Sync>| {
        Report::new(ErrorCode::Internal, "the connection to the engine can't be set up").because(error)
    };
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(error.into()))?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        // Shorter than the engine keeps an idle connection.
        .pool_idle_timeout(Duration::from_secs(5))
        .build()
        .map_err(|error| unusable(error.into()))
}
