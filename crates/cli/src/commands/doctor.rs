//! `doctor`: what whoever helps needs to know, in one JSON text without secrets.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use sqlite_replicate_api::{ErrorCode, Report, Result};

use super::Context;
use crate::output::Done;
use crate::{engine_calls, files};

/// Collects what whoever helps needs to know, without secrets
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// A new file to send [default: standard output]
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

pub(crate) async fn run(command: Doctor, context: &Context<'_>) -> Done {
    let found = collect(context).await?;
    let Some(path) = &command.to else {
        return context.output.result(&found, |_| format!("{found:#}"));
    };
    files::create_private(path, &format!("{found:#}\n"))?;
    context.output.result(&json!({ "done": "doctor", "path": path }), |_| {
        format!("Send `{}` to whoever helps. It holds no password and no key.", path.display())
    })
}

/// What the engine says; if it says nothing, what can be seen without it, and why it says nothing.
async fn collect(context: &Context<'_>) -> Result<Value> {
    let silent = match context.connect().await {
        Ok(client) => match client.doctor().await {
            Ok(found) => return Ok(found),
            Err(report) => report,
        },
        Err(report) => report,
    };
    if silent.code != ErrorCode::EngineNotRunning {
        context
            .output
            .note(&format!("The engine does not answer ({silent}); this is what can be seen without it."));
    }
    let found = engine_calls::offline_doctor(
        &context.home,
        &context.config,
        context.bundle.clone(),
        super::environment(),
    )
    .await?;
    Ok(with_reason(found, &silent))
}

fn with_reason(mut found: Value, silent: &Report) -> Value {
    match &mut found {
        Value::Object(found) => {
            found.insert("engine_error".to_owned(), json!(silent));
        }
        other => *other = json!({ "engine_error": silent, "found": other.take() }),
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_says_why_the_engine_says_nothing() {
        let silent = Report::new(ErrorCode::EngineNotRunning, "no engine runs");
        let reason = json!({ "code": "engine-not-running", "message": "no engine runs" });
        assert_eq!(with_reason(json!({ "a": 1 }), &silent), json!({ "a": 1, "engine_error": reason }));
        assert_eq!(with_reason(json!([1]), &silent), json!({ "found": [1], "engine_error": reason }));
    }
}
