//! Every chore of this repository: `cargo xtask run | test | bundle | bench`.

fn main() {}
