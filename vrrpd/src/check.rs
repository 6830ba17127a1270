//! `vrrpd -t`: checks a configuration and says everything about it, without touching anything.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use crate::cli::Options;
use crate::exit::Exit;
use crate::load::{Access, choose_file, load_options};

/// Checks the configuration; messages go to standard error, or are appended to `log`. Nothing is said about a good one.
#[must_use]
pub fn check(options: &Options, log: Option<&Path>) -> Exit {
    let (file, _) = choose_file(options);
    let access = Access::Direct;
    let loaded = vrrp_config::load(&file, &access, &access, &load_options(options));
    let text = loaded.render();
    let written = match log {
        None => io::stderr().write_all(text.as_bytes()),
        Some(path) => OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .and_then(|mut log| log.write_all(text.as_bytes())),
    };
    if let (Err(error), Some(path)) = (written, log) {
        // Standard error may be closed; the exit code tells the rest.
        let _ = writeln!(io::stderr(), "cannot write to {}: {error}", path.display());
        return Exit::Failure;
    }
    match loaded.check_exit() {
        0 => Exit::Success,
        class => Exit::Class(class),
    }
}
