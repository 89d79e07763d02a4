//! `history`: what a database can be brought back to.

use clap::Args;
use sqlite_replicate_api::Name;

use super::{Context, now};
use crate::output::Done;
use crate::render;

/// Shows what a database can be brought back to
#[derive(Debug, Args)]
pub(crate) struct History {
    /// The database's name
    database: Name,
    /// Also lists the last moments of each epoch, so many of them
    #[arg(long, value_name = "N", num_args = 0..=1, default_value_t = 0, default_missing_value = "20")]
    points: usize,
}

pub(crate) async fn run(command: History, context: &Context<'_>) -> Done {
    let history = context.connect().await?.history(&command.database).await?;
    context
        .output
        .result(&history, |paint| render::history(&history, command.points, now().time_zone(), paint))
}
