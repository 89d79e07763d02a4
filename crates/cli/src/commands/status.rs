//! `status`: how safe the databases are, once or for as long as somebody watches.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use sqlite_replicate_api::Status as HostState;

use super::{Context, now};
use crate::engine_calls;
use crate::interrupt::Interrupt;
use crate::live::Live;
use crate::output::{Done, Output};
use crate::render;

/// Says how safe the databases are
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Goes on showing it until Ctrl-C
    #[arg(long, short)]
    watch: bool,
}

pub(crate) async fn run(command: Status, context: &Context<'_>) -> Done {
    let client = context.connect().await?;
    if !command.watch {
        let status = client.status().await?;
        return context.output.result(&status, |_| screen(&status, context.output));
    }
    let mut interrupt = Interrupt::listen()?;
    let mut stream = engine_calls::status_stream(&client).await?;
    let mut watcher = Watcher::new(context.output);
    loop {
        tokio::select! {
            () = interrupt.next() => return Ok(()),
            next = stream.next() => match next? {
                Some(status) => watcher.show(Arc::new(status))?,
                None => {
                    context.output.note("the engine has ended");
                    return Ok(());
                }
            },
            // Times like "2 seconds ago" grow while nothing else changes.
            () = tokio::time::sleep(Duration::from_secs(1)) => watcher.again()?,
        }
    }
}

/// The status screen as wide as the terminal.
pub(crate) fn screen(status: &HostState, output: &Output) -> String {
    render::status(status, &now(), output.width(), output.paint())
}

/// Shows each new status: redrawn in place on a terminal, each below the last one elsewhere, as JSON lines for programs.
pub(crate) struct Watcher<'a> {
    output: &'a Output,
    live: Live<'a>,
    last: Option<Arc<HostState>>,
    /// A line above the screen.
    head: String,
}

impl<'a> Watcher<'a> {
    pub(crate) fn new(output: &'a Output) -> Self {
        Self { output, live: Live::new(output), last: None, head: String::new() }
    }

    /// Puts a text above the screen.
    pub(crate) fn head(&mut self, text: String) {
        self.head = text;
    }

    pub(crate) fn show(&mut self, status: Arc<HostState>) -> Done {
        let shown = if self.output.live() {
            self.live.draw(&format!("{}{}", self.head, screen(&status, self.output)))
        } else {
            self.output.result(&*status, |_| screen(&status, self.output))
        };
        self.last = Some(status);
        shown
    }

    /// Shows the last one with the time of now, where it is redrawn in place.
    pub(crate) fn again(&mut self) -> Done {
        match self.last.take() {
            Some(status) if self.output.live() => self.show(status),
            last => {
                self.last = last;
                Ok(())
            }
        }
    }
}
