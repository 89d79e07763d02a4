//! Hidden entry points of the program: what its own children run (DESIGN §4.1).
//!
//! A program that embeds the engine calls [`run_if_asked`] first thing in `main`, or names in its options the
//! `sqlite-replicate` program to be used instead.

use std::process::ExitCode;

use crate::children::{launcher, sentinel};

/// The first argument of a process that starts a bundled program and makes it end with the engine.
pub(crate) const CHILD: &str = "__child";
/// The first argument of the process whose end makes Litestream end.
pub(crate) const SENTINEL: &str = "__sentinel";

/// Runs the hidden entry point that the command line asks for; none when it asks for none.
pub fn run_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let first = arguments.next()?;
    if first == SENTINEL {
        return Some(sentinel::run(arguments.next().as_deref()));
    }
    if first == CHILD {
        return Some(launcher::run(arguments));
    }
    None
}
