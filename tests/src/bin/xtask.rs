//! The developer commands: `cargo xtask test`, `demo`, `vectors`.
fn main() {}
