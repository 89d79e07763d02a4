//! What a running engine is told: `sync`, `checkpoint`, `pause`, `resume`, `restart`, `stop`.

use std::time::{Duration, Instant};

use clap::Args;
use jiff::{Timestamp, Zoned};
use serde_json::json;
use sqlite_replicate_api::{
    CheckpointMode, Checkpointed, ErrorCode, Name, Pause as PauseRequest, Report, Restart as What, Result,
    when,
};

use super::jobs::OneDatabase;
use super::{Context, now};
use crate::args::word;
use crate::interrupt::Interrupt;
use crate::output::Done;
use crate::render;

/// Moves the write-ahead log into the database
#[derive(Debug, Args)]
pub(crate) struct Checkpoint {
    /// The database's name
    database: Name,
    /// As in SQLite's `PRAGMA wal_checkpoint`
    #[arg(value_parser = word::<CheckpointMode>(&["passive", "full", "restart", "truncate"]))]
    mode: CheckpointMode,
}

/// Stops capturing for a while
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct Pause {
    /// For how long: `30m`, `1h`, `2 days` [default: until `resume`]
    #[arg(long = "for", value_name = "DURATION")]
    duration: Option<String>,
    /// Until when: `18:00`, `tomorrow 08:00`
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

impl Pause {
    fn end(&self, now: &Zoned) -> Result<Option<Timestamp>> {
        if let Some(text) = &self.duration {
            let end = now.timestamp().checked_add(when::duration(text)?);
            let end = end.map_err(|error| {
                Report::new(ErrorCode::BadRequest, format!("`{text}` is too long a pause")).because(error)
            })?;
            return Ok(Some(end));
        }
        Ok(self.until.as_deref().map(|text| when::parse_ahead(text, now)).transpose()?)
    }
}

/// Starts the bundled programs again
#[derive(Debug, Args)]
pub(crate) struct Restart {
    /// Only the store (MinIO), or only the capture (Litestream)
    #[arg(value_parser = word::<What>(&["all", "store", "capture"]), default_value = "all")]
    what: What,
}

/// Ends the running engine
#[derive(Debug, Args)]
pub(crate) struct Stop {
    /// How long to wait for its end
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = when::duration)]
    timeout: Duration,
}

pub(crate) async fn sync(command: OneDatabase, context: &Context<'_>) -> Done {
    let client = context.connect().await?;
    let synced = client.sync(&command.database).await?;
    context.output.result(&synced, |_| {
        let txid = render::short(synced.txid);
        format!("Everything up to transaction {txid} is stored ({:.1} s).", synced.seconds)
    })
}

pub(crate) async fn checkpoint(command: Checkpoint, context: &Context<'_>) -> Done {
    let client = context.connect().await?;
    let done = client.checkpoint(&command.database, command.mode).await?;
    context.output.result(&done, |_| checkpointed(&done))?;
    if !done.busy {
        return Ok(());
    }
    let report = Report::new(
        ErrorCode::DatabaseInUse,
        format!("{} could not be checkpointed to its end", command.database),
    );
    Err(report.hint("some program reads or writes it; try again, or with `passive`").into())
}

fn checkpointed(done: &Checkpointed) -> String {
    format!("{} of {} pages of the log are in the database.", done.done_pages, done.log_pages)
}

pub(crate) async fn pause(command: Pause, context: &Context<'_>) -> Done {
    let now = now();
    let until = command.end(&now)?;
    context.connect().await?.pause(PauseRequest { until }).await?;
    context.output.result(&json!({ "done": "pause", "until": until }), |_| match until {
        Some(until) => format!("Paused until {}.", render::exact(until, now.time_zone())),
        None => "Paused until `sqlite-replicate resume`.".to_owned(),
    })
}

pub(crate) async fn resume(context: &Context<'_>) -> Done {
    context.connect().await?.resume().await?;
    context.output.result(&json!({ "done": "resume" }), |_| "Resumed.".to_owned())
}

pub(crate) async fn restart(command: Restart, context: &Context<'_>) -> Done {
    context.connect().await?.restart(command.what).await?;
    context.output.result(&json!({ "done": "restart", "what": command.what }), |_| match command.what {
        What::All => "The store and the capture start again.".to_owned(),
        What::Store => "The store starts again.".to_owned(),
        What::Capture => "The capture starts again.".to_owned(),
    })
}

/// How often to look whether the engine is gone.
const LOOK: Duration = Duration::from_millis(100);

pub(crate) async fn stop(command: Stop, context: &Context<'_>) -> Done {
    let mut interrupt = Interrupt::listen()?;
    context.connect().await?.shutdown().await?;
    let begun = Instant::now();
    while context.connect_if_running().await?.is_some() {
        if begun.elapsed() >= command.timeout {
            let report = Report::new(ErrorCode::Timeout, "the engine was asked to end, but still runs");
            return Err(report.hint("`sqlite-replicate logs engine` says what it waits for").into());
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = interrupt.next() => {
                let report = Report::new(ErrorCode::Cancelled, "you left before the engine ended; it goes on ending");
                return Err(report.into());
            }
        }
    }
    context.output.result(&json!({ "done": "stop" }), |_| "The engine has ended.".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(duration: Option<&str>, until: Option<&str>) -> Result<Option<String>> {
        let now: Zoned = "2026-11-21T10:45:30+01:00[Europe/Berlin]".parse().unwrap();
        let pause = Pause { duration: duration.map(str::to_owned), until: until.map(str::to_owned) };
        Ok(pause.end(&now)?.map(|end| end.to_string()))
    }

    #[test]
    fn a_pause_ends_when_it_was_said() {
        assert_eq!(end(None, None), Ok(None));
        assert_eq!(end(Some("1h"), None), Ok(Some("2026-11-21T10:45:30Z".to_owned())));
        assert_eq!(end(None, Some("tomorrow 08:00")), Ok(Some("2026-11-22T07:00:00Z".to_owned())));
        for bad in
            [end(Some("soon"), None), end(None, Some("yesterday")), end(Some("9999999999 weeks"), None)]
        {
            assert_eq!(bad.unwrap_err().code, ErrorCode::BadRequest);
        }
    }
}
