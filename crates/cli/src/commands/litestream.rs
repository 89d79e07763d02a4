//! `litestream -- …`: the bundled Litestream with the engine's environment and configuration.

use clap::Args;
use sqlite_replicate_api::{ErrorCode, Report};

use super::Context;
use crate::engine_calls;
use crate::output::{Done, End};

/// Runs the bundled Litestream with the engine's environment and configuration
#[derive(Debug, Args)]
pub(crate) struct Litestream {
    /// What Litestream gets: `-- ltx -level all orders.db`
    #[arg(last = true, value_name = "ARGS")]
    arguments: Vec<String>,
}

pub(crate) async fn run(command: Litestream, context: &Context<'_>) -> Done {
    let mut program =
        engine_calls::litestream_command(&context.home, context.bundle.clone(), &command.arguments)?;
    let running = tokio::task::spawn_blocking(move || program.status());
    let ended = running
        .await
        .map_err(|error| Report::new(ErrorCode::Internal, "waiting for Litestream failed").because(error))?
        .map_err(|error| {
            Report::new(ErrorCode::BundleBroken, "the bundled Litestream can't be started").because(error)
        })?;
    match exit_code(ended) {
        0 => Ok(()),
        code => Err(End::Code(code)),
    }
}

/// As a shell has it: the program's own code, or 128 and the signal that ended it.
fn exit_code(ended: std::process::ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&ended) {
        return u8::try_from(128 + signal).unwrap_or(1);
    }
    ended.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn its_exit_code_is_ours() {
        let code =
            |script: &str| exit_code(std::process::Command::new("sh").args(["-c", script]).status().unwrap());
        assert_eq!(code("exit 0"), 0);
        assert_eq!(code("exit 7"), 7);
        assert_eq!(code("kill -TERM $$"), 143);
    }
}
