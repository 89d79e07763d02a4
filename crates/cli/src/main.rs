//! The program `sqlite-replicate`; everything is in the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    sqlite_replicate_cli::main()
}
