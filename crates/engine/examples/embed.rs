//! A program that protects its own database: the engine runs inside it, beside the thread that writes.
//!
//! ```text
//! SQLITE_REPLICATE_BIN_DIR=<folder of Litestream and MinIO> cargo run --example embed -- <home folder> <database>
//! ```
//! It writes a row every 100 ms, shows each change of the status, proves once that what it wrote comes back, and ends when
//! its standard input does.
//!
//! What to know when embedding:
//! - The engine's children (Litestream, MinIO) are started through the program itself, so that they die with it, whatever
//!   ends it: hence [`entry::run_if_asked`] first thing in `main`. A program that can't do that names the `sqlite-replicate`
//!   program in [`Options::launcher`].
//! - [`Engine::start`] returns as soon as it is clear that the engine can start. The engine has a thread of its own; its
//!   calls can be awaited in any async runtime, or blocked on as `main` does here.
//! - The program's connections are its own. One thing is forbidden: to open the database's file by anything but SQLite
//!   (`File::open`), and the SQLite must be the same one that the engine is linked with. POSIX systems drop all locks that
//!   a process has on a file when it closes any handle of it.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::Connection;
use sqlite_replicate_api::{AddDatabase, JobRequest, JobState, Report};
use sqlite_replicate_engine::{Engine, Handle, Options, entry};

fn main() -> ExitCode {
    if let Some(code) = entry::run_if_asked() {
        return code;
    }
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(home), Some(database)) = (arguments.next(), arguments.next()) else {
        return fail("use: embed <home folder> <database>");
    };
    match run(home, &database) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

type Done<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn run(home: PathBuf, database: &Path) -> Done {
    let database = std::path::absolute(database)?;
    // The program's own work: it neither knows nor waits for the engine.
    let writer = Writer::start(&database)?;
    let engine = Engine::start(Options {
        home,
        // Settings and the bundle's folder may come from the environment, if the program wants that.
        environment: std::env::vars_os()
            .filter(|(name, _)| name.to_string_lossy().starts_with("SQLITE_REPLICATE_"))
            .collect(),
        ..Options::default()
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(attend(&engine, &database));
    // What the program wrote last is stored as well: the engine ends after the writer.
    let rows = writer.stop()?;
    runtime.block_on(engine.shutdown());
    say(&format!("ended after {rows} rows"));
    done
}

/// Protects the database, proves it, and shows the status until standard input ends.
async fn attend(engine: &Engine, database: &Path) -> Done {
    let handle = engine.handle();
    let name = protect(&handle, database).await?;
    let mut statuses = handle.watch_status();
    let mut input_ended = std::pin::pin!(until_input_ends());
    let mut proved = false;
    loop {
        let status = statuses.borrow_and_update().clone();
        say(&format!("status: {}", status.sentence));
        let stored = status.databases.iter().any(|database| database.stored.is_some());
        if stored && !proved {
            proved = true;
            verify(&handle, &name).await?;
        }
        tokio::select! {
            () = &mut input_ended => return Ok(()),
            () = engine.ended() => return Err("the engine ended by itself".into()),
            changed = statuses.changed() => changed?,
        }
    }
}

/// Protects the database, unless an earlier run did.
async fn protect(handle: &Handle, database: &Path) -> Result<sqlite_replicate_api::Name, Report> {
    // The very first status knows of no program and no database yet.
    let mut statuses = handle.watch_status();
    if let Ok(status) = statuses.wait_for(|status| !status.children.is_empty()).await
        && let Some(known) = status.databases.iter().find(|known| known.path == database)
    {
        return Ok(known.name.clone());
    }
    let add = AddDatabase { path: database.to_owned(), name: None, dry_run: false };
    Ok(handle.add(add).await?.name)
}

/// Lets the engine write a row, restore a copy, and look for the row in it.
async fn verify(handle: &Handle, name: &sqlite_replicate_api::Name) -> Done {
    let job = handle.start_job(name, JobRequest::Verify).await?;
    let mut summaries = handle.watch_job(job.id)?;
    let summary = summaries.wait_for(|summary| summary.state.ended()).await?;
    match &summary.state {
        JobState::Failed { error } => Err(error.to_string().into()),
        _ => {
            say("verified: a row came back in a restored copy");
            Ok(())
        }
    }
}

async fn until_input_ends() {
    let (ended, wait) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        while matches!(std::io::stdin().read(&mut buffer), Ok(n) if n > 0) {}
        // Nobody waits any more if the program is ending anyway.
        let _ = ended.send(());
    });
    let _ = wait.await;
}

/// The program's own work: a thread with its own connection.
struct Writer {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<rusqlite::Result<i64>>,
}

impl Writer {
    fn start(database: &Path) -> rusqlite::Result<Self> {
        let db = Connection::open(database)?;
        // What every program with a protected database should do: wait for a moment when somebody else writes.
        db.busy_timeout(Duration::from_secs(5))?;
        db.execute_batch("CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, at TEXT NOT NULL)")?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                db.execute("INSERT INTO events (at) VALUES (datetime())", [])?;
                std::thread::sleep(Duration::from_millis(100));
            }
            db.query_row("SELECT count(*) FROM events", [], |row| row.get(0))
        });
        Ok(Self { stop, thread })
    }

    /// Ends it; how many rows there are.
    fn stop(self) -> Done<i64> {
        self.stop.store(true, Ordering::Relaxed);
        Ok(self.thread.join().map_err(|_| "the writer panicked")??)
    }
}

#[allow(clippy::print_stdout)] // It is a program of the terminal.
fn say(text: &str) {
    println!("{text}");
}

#[allow(clippy::print_stderr)] // As above.
fn fail(text: &str) -> ExitCode {
    eprintln!("{text}");
    ExitCode::FAILURE
}
