//! The tool's entry point.
fn main() {}
