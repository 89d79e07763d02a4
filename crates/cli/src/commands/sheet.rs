//! `recovery-sheet`: what restores onto an empty PC when everything else is gone.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::Context;
use crate::files;
use crate::output::Done;

/// Writes the sheet that restores onto an empty PC; it holds keys
#[derive(Debug, Args)]
pub(crate) struct RecoverySheet {
    /// A new file that only you can read [default: standard output]
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

pub(crate) async fn run(command: RecoverySheet, context: &Context<'_>) -> Done {
    let sheet = context.connect().await?.recovery_sheet().await?;
    match &command.to {
        None => context.output.result(&json!({ "sheet": sheet }), |_| sheet.clone())?,
        Some(path) => {
            files::create_private(path, &sheet)?;
            context.output.result(&json!({ "done": "recovery-sheet", "path": path }), |_| {
                format!("The sheet is in `{}`.", path.display())
            })?;
        }
    }
    context
        .output
        .note("It holds the keys to your history: print it, and keep it where you keep other keys.");
    Ok(())
}
