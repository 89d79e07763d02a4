//! Long operations: begun, followed, cancelled. What they do is in the modules below; here is only that they run.

pub(crate) mod check;
mod compare;
pub(crate) mod exchange;
pub(crate) mod fetch;
pub(crate) mod heal;
mod old_format;
pub(crate) mod plan;
mod proof;
pub(crate) mod restore;
pub(crate) mod scan;
pub(crate) mod snapshot;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use sqlite_replicate_api::{
    ErrorCode, JobRequest, JobState, JobSummary, Name, Outcome, Progress, Report, Result, Stage,
};
use tokio::sync::watch;

/// Ended jobs that are remembered.
const REMEMBERED: usize = 50;

/// Asks whether somebody wants an operation to end.
#[derive(Clone, Debug)]
pub(crate) struct Cancel(watch::Receiver<bool>);

impl Cancel {
    /// Waits until somebody wants it to end.
    pub(crate) async fn cancelled(&self) {
        if self.0.clone().wait_for(|cancelled| *cancelled).await.is_err() {
            // Nobody is left who could want it.
            std::future::pending::<()>().await;
        }
    }

    /// Whether somebody wants it to end.
    pub(crate) fn is_cancelled(&self) -> bool {
        *self.0.borrow()
    }

    /// # Errors
    /// [`ErrorCode::Cancelled`] when somebody wants it to end.
    pub(crate) fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(cancelled()) } else { Ok(()) }
    }

    /// One that an own future fulfils: for operations without an engine.
    pub(crate) fn when(wanted: impl Future<Output = ()> + Send + 'static) -> Self {
        let (sender, receiver) = watch::channel(false);
        tokio::spawn(async move {
            wanted.await;
            sender.send_replace(true);
            sender.closed().await;
        });
        Self(receiver)
    }
}

/// What a cancelled operation ends with.
pub(crate) fn cancelled() -> Report {
    Report::new(ErrorCode::Cancelled, "cancelled; nothing was changed")
}

/// Where an operation says how far it is.
#[derive(Clone)]
pub(crate) struct Reporter {
    say: Arc<dyn Fn(Progress) + Send + Sync>,
    stage: Arc<Mutex<Option<(Stage, Instant)>>>,
}

impl Reporter {
    /// Says it to a function.
    pub(crate) fn new(say: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self { say: Arc::new(say), stage: Arc::new(Mutex::new(None)) }
    }

    /// It is at `stage`, `done` of `total` bytes.
    pub(crate) fn at(&self, stage: Stage, done: u64, total: Option<u64>) {
        let mut current = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        let began = match *current {
            Some((same, began)) if same == stage => began,
            _ => Instant::now(),
        };
        *current = Some((stage, began));
        drop(current);
        let seconds = began.elapsed().as_secs_f64();
        #[allow(clippy::cast_precision_loss)] // A rate for people.
        let rate = if seconds > 0.2 { done as f64 / seconds } else { 0.0 };
        #[allow(clippy::cast_precision_loss)]
        let seconds_left = total.filter(|_| rate > 0.0).map(|total| total.saturating_sub(done) as f64 / rate);
        (self.say)(Progress { stage, done, total, rate, seconds_left });
    }
}

struct Job {
    summary: watch::Sender<JobSummary>,
    cancel: watch::Sender<bool>,
}

/// Every job of an engine.
#[derive(Default)]
pub(crate) struct Jobs {
    next: AtomicU64,
    jobs: Mutex<BTreeMap<u64, Job>>,
}

fn no_such_job(id: u64) -> Report {
    Report::new(ErrorCode::NoSuchRestorePoint, format!("there is no job {id}"))
        .hint("jobs are forgotten some time after they have ended, and when the engine ends")
}

impl Jobs {
    /// Runs an operation as a job.
    pub(crate) fn begin<F>(
        &self,
        database: Name,
        request: JobRequest,
        work: impl FnOnce(Reporter, Cancel) -> F,
        ended: impl FnOnce(&JobSummary) + Send + 'static,
    ) -> JobSummary
    where
        F: Future<Output = Result<Outcome>> + Send + 'static,
    {
        let id = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let state = JobState::Running { progress: None };
        let summary = JobSummary { id, request, database, started_at: Timestamp::now(), state };
        let (sender, _) = watch::channel(summary.clone());
        let (cancel, cancel_receiver) = watch::channel(false);
        let progress = sender.clone();
        let reporter = Reporter::new(move |now| {
            progress.send_modify(|summary| summary.state = JobState::Running { progress: Some(now) });
        });
        let work = work(reporter, Cancel(cancel_receiver));
        let end = sender.clone();
        tokio::spawn(async move {
            // In a task of its own, so that a defect in an operation ends that operation alone.
            let result = tokio::spawn(work).await.unwrap_or_else(|error| {
                Err(Report::new(ErrorCode::Internal, "the operation failed by a defect of this program")
                    .because(error))
            });
            end.send_modify(|summary| {
                summary.state = match result {
                    Ok(outcome) => JobState::Succeeded { outcome },
                    Err(error) => JobState::Failed { error },
                };
            });
            ended(&end.borrow());
        });
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.insert(id, Job { summary: sender, cancel });
        let ended: Vec<u64> =
            jobs.iter().filter(|(_, job)| job.summary.borrow().state.ended()).map(|(id, _)| *id).collect();
        for id in ended.iter().take(ended.len().saturating_sub(REMEMBERED)) {
            jobs.remove(id);
        }
        summary
    }

    /// Follows a job.
    pub(crate) fn watch(&self, id: u64) -> Result<watch::Receiver<JobSummary>> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.get(&id).map(|job| job.summary.subscribe()).ok_or_else(|| no_such_job(id))
    }

    /// Wants a job to end.
    pub(crate) fn cancel(&self, id: u64) -> Result<()> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let job = jobs.get(&id).ok_or_else(|| no_such_job(id))?;
        job.cancel.send_replace(true);
        Ok(())
    }

    /// Wants every job to end.
    pub(crate) fn cancel_all(&self) {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        for job in jobs.values() {
            job.cancel.send_replace(true);
        }
    }

    /// Whether a job runs.
    pub(crate) fn any_running(&self) -> bool {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.values().any(|job| !job.summary.borrow().state.ended())
    }

    /// Every job that is remembered, oldest first.
    pub(crate) fn all(&self) -> Vec<JobSummary> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.values().map(|job| job.summary.borrow().clone()).collect()
    }
}
