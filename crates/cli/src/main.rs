//! The command line of SQLite Replicate.

fn main() {}
