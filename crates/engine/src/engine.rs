//! The engine: started with options, called through a [`Handle`], ended with everything that it started.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sqlite_replicate_api::config::{HostName, Listen};
use sqlite_replicate_api::text::{OverallFacts, sentence};
use sqlite_replicate_api::{ErrorCode, HostStatus, Overall, Report, Result, Status, StoreStatus};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

use crate::children::Logs;
use crate::conductor::Conductor;
use crate::control;
use crate::core::{Core, StoreHealth, lock};
use crate::handle::Handle;
use crate::home::{Home, HomeLock};
use crate::jobs::Jobs;
use crate::journal::Journal;
use crate::secrets::{Secrets, random_hex};
use crate::watch::Watch;
use crate::{bundle, config, health};

/// Questions to the store about single databases at a time.
const ASKING: usize = 4;

/// How an engine is to be started. Only the home folder is needed.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The folder in which everything of this host lives.
    pub home: PathBuf,
    /// The settings; `config.toml` in the home folder if none.
    pub config: Option<PathBuf>,
    /// The folder of Litestream and MinIO; `SQLITE_REPLICATE_BIN_DIR` of `environment`, or beside this program, if none.
    pub bundle: Option<PathBuf>,
    /// The program that runs the hidden entry points (see [`crate::entry`]); this one if none.
    pub launcher: Option<PathBuf>,
    /// Settings and keys of the environment; see docs/configuration.md.
    pub environment: Vec<(OsString, OsString)>,
}

/// A running engine. Dropping it ends it, without waiting; [`Engine::shutdown`] waits.
pub struct Engine {
    handle: Handle,
    thread: Mutex<Option<JoinHandle<()>>>,
    ended: watch::Receiver<bool>,
}

impl Engine {
    /// Starts an engine on a thread of its own and returns as soon as it is clear that it can start; the store and
    /// Litestream are started after that, and the status says how far they are.
    ///
    /// # Errors
    /// [`ErrorCode::EngineAlreadyRunning`], [`ErrorCode::BundleBroken`], [`ErrorCode::BadConfig`], and what files and
    /// folders can have. Nothing is left running then.
    pub fn start(options: Options) -> Result<Self> {
        let prepared = Prepared::new(options)?;
        let (ready, started) = std::sync::mpsc::channel();
        let (ended_sender, ended) = watch::channel(false);
        let thread = std::thread::Builder::new()
            .name("engine".into())
            .spawn(move || {
                run(prepared, &ready);
                ended_sender.send_replace(true);
            })
            .map_err(|error| {
                Report::new(ErrorCode::Internal, "the engine's thread can't be started").because(error)
            })?;
        let handle = started.recv().unwrap_or_else(|_| {
            Err(Report::new(ErrorCode::Internal, "the engine ended while it was starting"))
        })?;
        Ok(Self { handle, thread: Mutex::new(Some(thread)), ended })
    }

    /// The engine's calls.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Waits until the engine has ended, whoever asked for that.
    pub async fn ended(&self) {
        // An error means that its thread is gone: also an end.
        let _ = self.ended.clone().wait_for(|ended| *ended).await;
    }

    /// Ends the engine gracefully: operations are cancelled, Litestream syncs a last time, the store ends, no process is left.
    /// May be called again, and by several at once.
    pub async fn shutdown(&self) {
        self.handle.end();
        self.ended().await;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the engine's thread panicked");
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.handle.end();
    }
}

/// Everything that can go wrong before anything runs.
struct Prepared {
    home: Home,
    lock: HomeLock,
    bundle: bundle::Bundle,
    launcher: PathBuf,
    around: config::Surroundings,
    watch: config::Watch,
    journal: Journal,
    secrets: Secrets,
    unclean: bool,
}

impl Prepared {
    fn new(options: Options) -> Result<Self> {
        let dir = std::path::absolute(&options.home).map_err(|error| {
            Report::new(ErrorCode::Io, "the home folder can't be found from here").because(error)
        })?;
        let home = Home::new(dir);
        home.create()?;
        let lock = home.lock()?;
        let variable = |name: &str| {
            options.environment.iter().find(|(key, _)| key == name).map(|(_, value)| PathBuf::from(value))
        };
        let bundle =
            bundle::find(options.bundle.as_deref(), variable("SQLITE_REPLICATE_BIN_DIR").as_deref())?;
        bundle.check()?;
        let launcher = match options.launcher {
            Some(launcher) => launcher,
            None => std::env::current_exe().map_err(|error| {
                Report::new(ErrorCode::Internal, "this program can't be found").because(error)
            })?,
        };
        let file = options.config.unwrap_or_else(|| home.config());
        let around = config::Surroundings::new(&file, machine_name(), options.environment.clone())?;
        let loaded = config::load(&around).map_err(config::as_one)?;
        let journal = Journal::open(&home.journal())?;
        let mut secrets = Secrets::load_or_make(&home)?;
        if let Some(keys) = keys_of_environment(&options.environment) {
            secrets.external = Some(keys);
        }
        // Set at each start and cleared at each clean end.
        let unclean = journal.fact("running")?.is_some_and(|value| value == "1");
        if unclean {
            journal.doubt_all()?;
        }
        journal.set_fact("running", "1")?;
        let watch = config::Watch::new(around.clone(), loaded);
        clear_leftovers(&home);
        Ok(Self { home, lock, bundle, launcher, around, watch, journal, secrets, unclean })
    }
}

/// What an engine that was killed left: restored copies, configurations of one-shot commands.
fn clear_leftovers(home: &Home) {
    for dir in [home.work(), home.run()] {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            // Ports are kept: the same ones are used again.
            if !name.ends_with(".port") && entry.path().is_file() {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

fn keys_of_environment(environment: &[(OsString, OsString)]) -> Option<sqlite_replicate_api::Credentials> {
    let value = |name: &str| {
        let value = environment.iter().find(|(key, _)| key == name)?.1.to_str()?.to_owned();
        (!value.is_empty()).then_some(value)
    };
    Some(sqlite_replicate_api::Credentials {
        access_key_id: value("SQLITE_REPLICATE_STORE_ACCESS_KEY_ID")?,
        secret_access_key: value("SQLITE_REPLICATE_STORE_SECRET_ACCESS_KEY")?,
    })
}

/// What this machine is called.
pub fn machine_name() -> HostName {
    #[cfg(unix)]
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    let name = std::env::var("COMPUTERNAME").unwrap_or_default();
    HostName::nearest(&name)
}

/// The engine's thread: children are started on it, and die with it.
fn run(prepared: Prepared, ready: &std::sync::mpsc::Sender<Result<Handle>>) {
    let runtime =
        match tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(16).build() {
            Ok(runtime) => runtime,
            Err(error) => {
                let report = Report::new(ErrorCode::Internal, "the engine can't be started").because(error);
                let _ = ready.send(Err(report));
                return;
            }
        };
    runtime.block_on(async {
        match Running::new(prepared).await {
            Ok(running) => {
                let _ = ready.send(Ok(running.handle.clone()));
                running.until_end().await;
            }
            Err(report) => {
                let _ = ready.send(Err(report));
            }
        }
    });
    // A blocking call that hangs (a dead disk) must not keep the program from ending.
    runtime.shutdown_timeout(Duration::from_secs(5));
}

struct Running {
    handle: Handle,
    core: Arc<Core>,
    conductor: Conductor,
    control: TcpListener,
    token: control::Token,
    _lock: HomeLock,
}

impl Running {
    async fn new(prepared: Prepared) -> Result<Self> {
        let Prepared { home, lock, bundle, launcher, around, watch: config_watch, journal, secrets, unclean } =
            prepared;
        let id = journal.lasting_fact("host-id", || random_hex(16))?;
        let pause = journal.fact("pause")?.and_then(|text| serde_json::from_str(&text).ok());
        let config = config_watch.good().config.clone();
        let host = HostStatus { name: config.host.name.as_str().to_owned(), id };
        let trouble =
            |error: std::io::Error| Report::new(ErrorCode::Io, "the engine can't be started").because(error);
        let control = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(trouble)?;
        let token = control::Token::create(home.dir())?;
        let status = watch::channel(Arc::new(first_status(&host))).0;
        let core = Arc::new(Core {
            bundle,
            launcher,
            around,
            logs: Logs::new(home.logs()),
            journal,
            secrets: Mutex::new(secrets),
            host,
            config: watch::channel(Arc::new(config)).0,
            config_problems: Mutex::default(),
            databases: Mutex::default(),
            watch: Watch::start().map_err(trouble)?,
            store: watch::channel(None).0,
            store_health: Mutex::new(StoreHealth::default()),
            asking: tokio::sync::Semaphore::new(ASKING),
            jobs: Jobs::default(),
            status,
            suspended: Mutex::default(),
            capturing: watch::channel(Default::default()).0,
            pause: Mutex::new(pause),
            restarts: Mutex::default(),
            wake: tokio::sync::Notify::new(),
            ending: watch::channel(false).0,
            health_trouble: Mutex::default(),
            health_address: Mutex::default(),
            notify_trouble: Mutex::default(),
            clock_set_back: Mutex::default(),
            capture_silent_since: Mutex::default(),
            unclean,
            began: Instant::now(),
            began_at: Timestamp::now(),
            jobs_ended: Default::default(),
            home,
        });
        let handle = Handle::new(core.clone(), tokio::runtime::Handle::current());
        let conductor = Conductor::new(core.clone(), config_watch)?;
        Ok(Self { handle, core, conductor, control, token, _lock: lock })
    }

    async fn until_end(self) {
        let core = self.core;
        core.event("started", None, format!("version {} started", env!("CARGO_PKG_VERSION"))).await;
        if core.unclean {
            core.event(
                "unclean-stop",
                None,
                "the last stop was not a clean one; the history is checked".to_owned(),
            )
            .await;
        }
        let published =
            self.control.local_addr().and_then(|address| control::publish(core.home.dir(), address.port()));
        let (stop, stopped) = oneshot::channel::<()>();
        let control = tokio::spawn(control::serve(self.handle.clone(), self.control, self.token, async {
            let _ = stopped.await;
        }));
        let health = tokio::spawn(serve_health(core.clone(), self.handle.clone()));
        self.conductor.run().await;
        // Somebody may keep a handle for as long as the program lives; no database is held for that.
        core.watch.end();
        core.event("ended", None, "ended".to_owned()).await;
        // The control API answers until everything else has ended, so that nobody takes a closing engine for a dead one.
        let _ = stop.send(());
        health.abort();
        if tokio::time::timeout(Duration::from_secs(5), control).await.is_err() {
            tracing::warn!("the control API does not end");
        }
        if let Ok(published) = published
            && let Err(error) = published.withdraw()
        {
            tracing::warn!(%error, "`control.json` can't be taken away");
        }
        let clean = core.journal.run(|journal| journal.set_fact("running", "0")).await;
        if let Err(report) = clean {
            core.logs.push("engine", &report.to_string(), Timestamp::now());
        }
    }
}

/// What is said before anything is known.
fn first_status(host: &HostStatus) -> Status {
    let now = Timestamp::now();
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: host.clone(),
        overall: Overall::CatchingUp,
        sentence: sentence(&OverallFacts::new(Overall::CatchingUp, now), Default::default()),
        at: now,
        databases: Vec::new(),
        store: StoreStatus {
            bundled: true,
            endpoint: String::new(),
            bucket: String::new(),
            data_dir: None,
            reachable: false,
            free_bytes: None,
        },
        children: Vec::new(),
        conditions: Vec::new(),
        jobs: Vec::new(),
        paused_until: None,
    }
}

/// Serves `/health` where the settings say, and tries again while somebody else has the port.
async fn serve_health(core: Arc<Core>, handle: Handle) {
    let mut configs = core.config.subscribe();
    loop {
        let listen = core.config().health.listen;
        let pause = match listen {
            Listen::Off => {
                *lock(&core.health_trouble) = None;
                Duration::from_secs(3600)
            }
            Listen::At(address) => match health::listen(address).await {
                Ok(listener) => {
                    *lock(&core.health_trouble) = None;
                    *lock(&core.health_address) = listener.local_addr().ok();
                    serve_health_at(&core, &handle, listener, listen).await;
                    *lock(&core.health_address) = None;
                    continue;
                }
                Err(cannot) => {
                    *lock(&core.health_trouble) = Some(address.to_string());
                    core.wake.notify_one();
                    cannot.retry_after()
                }
            },
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            changed = configs.wait_for(|config| config.health.listen != listen) => if changed.is_err() { return },
        }
    }
}

/// Serves until the setting changes.
async fn serve_health_at(core: &Arc<Core>, handle: &Handle, listener: TcpListener, listen: Listen) {
    let mut configs = core.config.subscribe();
    let changed = async move {
        let _ = configs.wait_for(|config| config.health.listen != listen).await;
    };
    health::serve(handle.clone(), listener, changed).await;
}

/// Where `/health` is served now.
pub(crate) fn health_address(core: &Core) -> Option<SocketAddr> {
    *lock(&core.health_address)
}
