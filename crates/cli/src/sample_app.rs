//! The sample program: a small HTTP service that adds a time stamp to a database every second.
//!
//! It stands for the program that an office works with: it has its own connection, knows nothing of the engine, goes
//! on when the database is locked for a while, and says so.

mod http;
mod writer;

use std::io::Read;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use sqlite_replicate_api::{ErrorCode, Report, Result, when};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::interrupt::Interrupt;
use crate::output::{Done, Output};

pub use writer::{Event, Health, Writer, latest};

/// A small program that writes to a database, to try things with
#[derive(Debug, Args)]
pub(crate) struct SampleApp {
    /// The database; made where it does not exist
    #[arg(long, value_name = "FILE", default_value = "sample.db")]
    database: PathBuf,
    /// Where `/` and `/health` answer; port 0 takes any free one and says which
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// How often a row is added
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = when::duration)]
    every: Duration,
    /// Rows a second, each in a transaction of its own, instead of `--every`
    #[arg(long, value_name = "N", conflicts_with = "every", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: Option<u32>,
    /// Bytes of ballast in each row
    #[arg(long, value_name = "BYTES", default_value_t = 0,
          value_parser = clap::value_parser!(u32).range(..=10_000_000))]
    payload: u32,
    /// Ends when its standard input is closed
    #[arg(long)]
    die_with_stdin: bool,
}

impl SampleApp {
    fn period(&self) -> Duration {
        self.rate.map_or(self.every, |rate| Duration::from_secs(1) / rate)
    }
}

/// Writes and serves until Ctrl-C, SIGTERM, or the end of standard input if that is wanted.
pub(crate) async fn run(app: SampleApp, output: &Output) -> Done {
    let mut interrupt = Interrupt::listen()?;
    let listener = TcpListener::bind(app.listen).await.map_err(|error| {
        Report::new(ErrorCode::Io, format!("nobody can be served at `{}`", app.listen)).because(error)
    })?;
    let address = listener
        .local_addr()
        .map_err(|error| Report::new(ErrorCode::Io, "the chosen port can't be found out").because(error))?;
    let (database, every, payload) = (app.database.clone(), app.period(), app.payload);
    let writer = tokio::task::spawn_blocking(move || Writer::start(database, every, payload)).await;
    let writer = writer.map_err(std::io::Error::other).flatten().map_err(|error| {
        Report::new(ErrorCode::Internal, "the writing thread can't be started").because(error)
    })?;
    let parent_gone = stdin_closed(app.die_with_stdin)?;
    let url = format!("http://{address}");
    output.result(&json!({ "listening": url, "database": app.database }), |_| {
        format!("Writes to `{}`, listening on {url}", app.database.display())
    })?;
    let ended = async move {
        tokio::select! {
            () = interrupt.next() => {}
            () = parent_gone => {}
        }
    };
    let served = http::serve(listener, app.database, writer.health(), ended).await;
    // A last row may be under way: it is finished first.
    let stopped = tokio::task::spawn_blocking(move || writer.stop()).await;
    served.map_err(|error| Report::new(ErrorCode::Io, "serving failed").because(error))?;
    stopped.map_err(|error| Report::new(ErrorCode::Internal, "the writing thread failed").because(error))?;
    Ok(())
}

/// Resolves when standard input is closed; never, if that is not wanted.
fn stdin_closed(wanted: bool) -> Result<impl Future<Output = ()>> {
    let mut end = None;
    if wanted {
        let (closed, heard) = oneshot::channel::<()>();
        // A thread of its own: the runtime would wait for a blocked read at its end.
        let read = move || {
            let mut ignored = [0; 256];
            // An unreadable input says as well that nobody is there.
            while matches!(std::io::stdin().read(&mut ignored), Ok(1..)) {}
            drop(closed);
        };
        std::thread::Builder::new()
            .name("stdin".to_owned())
            .spawn(read)
            .map_err(|error| Report::new(ErrorCode::Internal, "a thread can't be started").because(error))?;
        end = Some(heard);
    }
    Ok(async move {
        match end {
            // Nothing is ever sent: what is heard is the end of the sender.
            Some(heard) => drop(heard.await),
            None => std::future::pending().await,
        }
    })
}
