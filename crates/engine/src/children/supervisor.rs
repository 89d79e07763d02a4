//! Keeps one bundled program running as wanted: start, readiness by asking, restart with back-off, graceful end.

use std::fmt::Debug;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use process_wrap::tokio::ChildWrapper;
use sqlite_replicate_api::{ChildPhase, ErrorCode, Report, Result};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::backoff::Backoff;
use super::{Launch, Logs, can_not_start, never_started, spawn};

/// A program is asked this often whether it serves yet, and given up after the second.
const READY_POLL: Duration = Duration::from_millis(25);
const READY_LIMIT: Duration = Duration::from_secs(120);

/// What differs between the bundled programs.
pub(crate) trait Program: Send + 'static {
    /// What it is to run with. A change means a graceful restart.
    type Spec: Clone + PartialEq + Debug + Send + Sync + 'static;
    /// `store` or `capture`, in logs and status.
    const NAME: &'static str;
    /// How long it may take to end gracefully.
    const GRACE: Duration;

    /// Prepares a run: ports, files, arguments.
    fn launch(&mut self, spec: &Self::Spec) -> impl Future<Output = Result<Launch>> + Send;
    /// Whether it serves.
    fn is_ready(&mut self) -> impl Future<Output = bool> + Send;
    /// Asks it to end by itself.
    fn ask_to_end(&mut self, child: &mut dyn ChildWrapper);
    /// It has ended: lets go of what belonged to the run.
    fn ended(&mut self);
}

/// What a supervisor says of its program.
#[derive(Clone, Debug)]
pub(crate) struct State<S> {
    pub(crate) phase: ChildPhase,
    pub(crate) pid: Option<u32>,
    /// How often it ended by itself.
    pub(crate) restarts: u32,
    /// Whether it ends again and again.
    pub(crate) looping: bool,
    /// Why it does not run.
    pub(crate) trouble: Option<Report>,
    /// What it serves with, while it serves.
    pub(crate) serving: Option<Arc<S>>,
    /// Grows with each start.
    pub(crate) starts: u64,
    /// When it last became ready.
    pub(crate) ready_at: Option<Instant>,
}

impl<S> Default for State<S> {
    fn default() -> Self {
        Self {
            phase: ChildPhase::Stopped,
            pid: None,
            restarts: 0,
            looping: false,
            trouble: None,
            serving: None,
            starts: 0,
            ready_at: None,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Wanted<S> {
    spec: Option<S>,
    /// A change means: end it and start it again.
    round: u64,
}

/// The engine's side of a supervised program. Dropping it ends the program, without grace.
#[derive(Debug)]
pub(crate) struct Supervisor<S> {
    wanted: watch::Sender<Wanted<S>>,
    state: watch::Receiver<State<S>>,
}

impl<S: Clone + PartialEq + Debug + Send + Sync + 'static> Supervisor<S> {
    /// Begins to supervise; nothing runs until it is wanted.
    pub(crate) fn new<P: Program<Spec = S>>(program: P, launcher: PathBuf, logs: Logs) -> Self {
        let (wanted, wanted_rx) = watch::channel(Wanted { spec: None, round: 0 });
        let (state_tx, state) = watch::channel(State::default());
        let run =
            Run { program, launcher, logs, wanted: wanted_rx, state: state_tx, backoff: Backoff::default() };
        tokio::spawn(run.forever());
        Self { wanted, state }
    }

    /// What it should run with from now on; none means that it should not run.
    pub(crate) fn want(&self, spec: Option<S>) {
        self.wanted.send_if_modified(|wanted| {
            let changed = wanted.spec != spec;
            wanted.spec = spec;
            changed
        });
    }

    /// Ends it and starts it again with the same.
    pub(crate) fn restart(&self) {
        self.wanted.send_modify(|wanted| wanted.round += 1);
    }

    /// How it is.
    pub(crate) fn state(&self) -> State<S> {
        self.state.borrow().clone()
    }

    /// How it is, as it changes.
    pub(crate) fn states(&self) -> watch::Receiver<State<S>> {
        self.state.clone()
    }

    /// Waits until its state fulfils a condition. `false` when it never will, because the supervisor has ended.
    pub(crate) async fn wait_until(&self, condition: impl FnMut(&State<S>) -> bool) -> bool {
        self.state.clone().wait_for(condition).await.is_ok()
    }
}

struct Run<P: Program> {
    program: P,
    launcher: PathBuf,
    logs: Logs,
    wanted: watch::Receiver<Wanted<P::Spec>>,
    state: watch::Sender<State<P::Spec>>,
    backoff: Backoff,
}

/// How a run came to its end.
enum End {
    /// As wanted.
    Asked,
    /// By itself.
    Itself(String),
}

impl<P: Program> Run<P> {
    async fn forever(mut self) {
        loop {
            let Some((wanted, spec)) = self.next_wanted().await else { return };
            let began = Instant::now();
            let end = self.once(&wanted, &spec).await;
            self.program.ended();
            let report = match end {
                Ok(End::Asked) => {
                    self.backoff = Backoff::default();
                    self.state
                        .send_modify(|state| *state = State { phase: ChildPhase::Stopped, ..rest(state) });
                    continue;
                }
                Ok(End::Itself(how)) => {
                    Report::new(ErrorCode::Io, format!("the {} program ended by itself", P::NAME))
                        .because(how)
                }
                Err(report) => report,
            };
            self.after_failure(report, began.elapsed(), &wanted).await;
        }
    }

    /// Waits until it should run; none when nobody wants anything any more.
    async fn next_wanted(&mut self) -> Option<(Wanted<P::Spec>, P::Spec)> {
        let wanted = self.wanted.wait_for(|wanted| wanted.spec.is_some()).await.ok()?.clone();
        let spec = wanted.spec.clone()?;
        Some((wanted, spec))
    }

    /// Waits as long as the back-off says, or until something else is wanted.
    async fn after_failure(&mut self, report: Report, lasted: Duration, wanted: &Wanted<P::Spec>) {
        let wait = self.backoff.ended(lasted);
        let causes = report.causes.join(": ");
        let text = format!("{report}: {causes}; next start in {} s", wait.as_secs());
        self.logs.push("engine", &text, Timestamp::now());
        let looping = self.backoff.is_loop();
        self.state.send_modify(|state| {
            let restarts = state.restarts + 1;
            let phase = ChildPhase::BackingOff;
            *state = State { phase, restarts, looping, trouble: Some(report), ..rest(state) };
        });
        let mut changes = self.wanted.clone();
        tokio::select! {
            () = sleep(wait) => {}
            () = until_changed(&mut changes, wanted) => {}
        }
    }

    /// One run of the program, from start to end.
    async fn once(&mut self, wanted: &Wanted<P::Spec>, spec: &P::Spec) -> Result<End> {
        let launch = self.program.launch(spec).await?;
        let mut child = spawn(&self.launcher, &launch)?;
        let pid = child.id();
        for pipe in [
            child.stdout().take().map(|pipe| Box::new(pipe) as Box<dyn AsyncRead + Send + Unpin>),
            child.stderr().take().map(|pipe| Box::new(pipe) as Box<dyn AsyncRead + Send + Unpin>),
        ]
        .into_iter()
        .flatten()
        {
            tokio::spawn(read_lines(pipe, P::NAME, self.logs.clone()));
        }
        self.state.send_modify(|state| {
            let starts = state.starts + 1;
            *state = State { phase: ChildPhase::Starting, pid, starts, ..rest(state) };
        });

        let mut changes = self.wanted.clone();
        let changed = until_changed(&mut changes, wanted);
        tokio::pin!(changed);
        let mut ready = false;
        let started = Instant::now();
        loop {
            tokio::select! {
                status = child.wait() => return self.ended(&launch.program, status),
                () = &mut changed => break,
                serves = poll_ready(&mut self.program), if !ready => {
                    if serves {
                        ready = true;
                        let (serving, ready_at) = (Some(Arc::new(spec.clone())), Some(Instant::now()));
                        self.state.send_modify(|state| {
                            let now = State { phase: ChildPhase::Ready, pid, looping: false, ..rest(state) };
                            *state = State { serving, ready_at, trouble: None, ..now };
                        });
                    } else if started.elapsed() > READY_LIMIT {
                        end(&mut child, Duration::ZERO).await;
                        return Ok(End::Itself(format!("it did not serve within {} s", READY_LIMIT.as_secs())));
                    }
                }
            }
        }
        self.state.send_modify(|state| state.serving = None);
        self.program.ask_to_end(&mut *child);
        end(&mut child, P::GRACE).await;
        Ok(End::Asked)
    }

    fn ended(&self, program: &Path, status: std::io::Result<std::process::ExitStatus>) -> Result<End> {
        let never_started = status.as_ref().is_ok_and(never_started);
        let how = self.explain(status);
        if never_started { Err(can_not_start(program).because(how)) } else { Ok(End::Itself(how)) }
    }

    fn explain(&self, status: std::io::Result<std::process::ExitStatus>) -> String {
        let how = match status {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        match self.logs.last(Some(P::NAME), 1).first() {
            Some(line) => format!("{how}; its last line: {}", line.text),
            None => how,
        }
    }
}

/// Waits until something else is wanted, or nobody wants anything any more.
async fn until_changed<S: PartialEq>(changes: &mut watch::Receiver<Wanted<S>>, wanted: &Wanted<S>) {
    let _ = changes.wait_for(|now| now != wanted).await;
}

async fn poll_ready<P: Program>(program: &mut P) -> bool {
    sleep(READY_POLL).await;
    program.is_ready().await
}

/// Waits for the end, then makes it.
async fn end(child: &mut Box<dyn ChildWrapper>, grace: Duration) {
    if timeout(grace, child.wait()).await.is_ok() {
        return;
    }
    if let Err(error) = child.start_kill() {
        tracing::warn!(%error, "a child can't be ended");
    }
    if timeout(Duration::from_secs(10), child.wait()).await.is_err() {
        tracing::warn!(pid = child.id(), "a child does not end");
    }
}

/// What of a state outlives a run.
fn rest<S>(state: &State<S>) -> State<S> {
    State {
        restarts: state.restarts,
        looping: state.looping,
        starts: state.starts,
        trouble: state.trouble.clone(),
        ..State::default()
    }
}

async fn read_lines(pipe: Box<dyn AsyncRead + Send + Unpin>, source: &'static str, logs: Logs) {
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    // `take` bounds what a line without end can cost.
    while let Ok(read) = {
        line.clear();
        let mut bounded = tokio::io::AsyncReadExt::take(&mut reader, 64 * 1024);
        bounded.read_until(b'\n', &mut line).await
    } {
        if read == 0 {
            return;
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        if !text.is_empty() {
            logs.push(source, text, Timestamp::now());
        }
    }
}
