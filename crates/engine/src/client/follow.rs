//! The streams of the control API at the client's end: the status as it changes, a job until it has ended.

use std::time::Duration;

use bytes::BytesMut;
use futures_util::stream::{BoxStream, Stream, StreamExt, try_unfold};
use reqwest::Method;
use serde::de::DeserializeOwned;
use sqlite_replicate_api::{ErrorCode, JobState, JobSummary, Outcome, Progress, Report, Result, Status};

use super::Client;
use crate::control::wire::{JOB_EVENT, STATUS_EVENT};

/// The longest event that is believed, in bytes: a status of a hundred databases has a fraction of it.
const LONGEST: usize = 16 << 20;

/// How long a stream may say nothing at all: the engine says that it is alive every 15 seconds.
const SILENCE: Duration = Duration::from_secs(60);

impl Client {
    /// The status now and whenever it changes. It ends when the engine does.
    ///
    /// # Errors
    /// As any call; and [`ErrorCode::Io`] as an item when the connection breaks off, which is the last item.
    pub async fn status_stream(&self) -> Result<impl Stream<Item = Result<Status>> + Send + Unpin + use<>> {
        self.stream(&["v1", "status", "stream"], STATUS_EVENT).await
    }

    /// Follows a job until it has ended, and tells how far it is. Dropping the future does not cancel the job:
    /// [`Client::cancel_job`] does.
    ///
    /// # Errors
    /// The job's own error; [`ErrorCode::EngineNotRunning`] when the engine ended before the job.
    pub async fn follow_job(&self, id: u64, mut on_progress: impl FnMut(Progress)) -> Result<Outcome> {
        loop {
            if let Some(state) = self.end_of_stream(id, &mut on_progress).await? {
                return result(state);
            }
            // The stream ended before the job: the engine is ending. Its last word counts; without one, this fails.
            let state = self.job(id).await?.state;
            if state.ended() {
                return result(state);
            }
        }
    }

    /// The state in which a job ended; none when its stream ended before.
    async fn end_of_stream(
        &self,
        id: u64,
        on_progress: &mut impl FnMut(Progress),
    ) -> Result<Option<JobState>> {
        let path = ["v1", "jobs", &id.to_string(), "stream"];
        let mut events = match self.stream::<JobSummary>(&path, JOB_EVENT).await {
            Err(error) if error.code == ErrorCode::Io => return Ok(None),
            opened => opened?,
        };
        while let Some(event) = events.next().await {
            match event {
                Ok(JobSummary { state: JobState::Running { progress }, .. }) => {
                    progress.into_iter().for_each(&mut *on_progress);
                }
                Ok(job) => return Ok(Some(job.state)),
                Err(error) if error.code == ErrorCode::Io => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    async fn stream<T: DeserializeOwned + Send + 'static>(
        &self,
        path: &[&str],
        name: &'static str,
    ) -> Result<BoxStream<'static, Result<T>>> {
        let sent = self.send(self.bare(Method::GET, path));
        let response = tokio::time::timeout(SILENCE, sent).await.map_err(|_| silent())??;
        let client = self.clone();
        let chunks = response.bytes_stream().map(move |chunk| chunk.map_err(|error| client.broken(error)));
        let start = (chunks.boxed(), Parser::default());
        Ok(try_unfold(start, move |(mut chunks, mut parser)| async move {
            loop {
                if let Some(data) = parser.next(name)? {
                    return Ok(Some((understood(&data)?, (chunks, parser))));
                }
                let chunk = tokio::time::timeout(SILENCE, chunks.next()).await.map_err(|_| silent())?;
                let Some(chunk) = chunk else { return Ok(None) };
                parser.feed(&chunk?)?;
            }
        })
        .boxed())
    }
}

fn silent() -> Report {
    let message = format!("the engine said nothing for {} s", SILENCE.as_secs());
    Report::new(ErrorCode::Timeout, message)
        .hint("it may hang: look at the log, and restart it if this lasts")
}

fn result(state: JobState) -> Result<Outcome> {
    match state {
        JobState::Succeeded { outcome } => Ok(outcome),
        JobState::Failed { error } => Err(error),
        JobState::Running { .. } => {
            Err(Report::new(ErrorCode::Internal, "a job was taken for ended while it still runs"))
        }
    }
}

fn understood<T: DeserializeOwned>(data: &str) -> Result<T> {
    serde_json::from_str(data).map_err(|error| {
        Report::new(ErrorCode::Internal, "the engine's answer can't be understood")
            .because(error)
            .hint("the engine may be of another version than this command: restart it")
    })
}

/// Cuts a stream of server-sent events into events, wherever the network cuts it.
#[derive(Default)]
struct Parser {
    bytes: BytesMut,
    name: String,
    data: String,
}

impl Parser {
    fn feed(&mut self, chunk: &[u8]) -> Result<()> {
        if self.bytes.len() + self.data.len() + chunk.len() > LONGEST {
            return Err(Report::new(ErrorCode::Internal, "the engine sent an event that is too long"));
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    /// The data of the next whole event of this name, if it has arrived; others are passed over.
    fn next(&mut self, name: &str) -> Result<Option<String>> {
        while let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') {
            let line = self.bytes.split_to(end + 1);
            let line = std::str::from_utf8(&line).map_err(|error| {
                Report::new(ErrorCode::Internal, "the engine's answer can't be understood").because(error)
            })?;
            let line = line.trim_end_matches(['\n', '\r']);
            if line.is_empty() {
                let (event, data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
                if event == name && !data.is_empty() {
                    return Ok(Some(data));
                }
                continue;
            }
            self.field(line);
        }
        Ok(None)
    }

    fn field(&mut self, line: &str) {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                if !self.data.is_empty() {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            // A comment, or a field that we have no use for.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
