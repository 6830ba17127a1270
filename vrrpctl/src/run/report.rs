//! `report`: reads, and writes the page where it was asked for.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::reading::{between, check_routers, open, open_one};
use super::{Exit, Trouble};
use crate::Output;
use crate::cli::{Cli, ReportArgs};
use crate::commands::frame;
use crate::report;

/// What an earlier page begins with; a file that begins otherwise is not replaced.
const PAGE: &[u8] = b"<!doctype html>";

pub(super) fn report(
    cli: &Cli,
    arguments: &ReportArgs,
    output: &mut Output,
) -> Result<Exit, Trouble> {
    let reading = &arguments.reading;
    let between = between(&arguments.between, output)?;
    let opened = open(cli, reading)?;
    let peer = arguments
        .peer
        .as_ref()
        .map(|path| open_one(cli, path, &reading.here.journal_dir, &arguments.peer_node))
        .transpose()?;
    // Nobody waits for a page that cannot be written.
    if let Some(path) = to_file(arguments) {
        replaceable(path)?;
    }
    let gathered = report::gather(opened, peer, &reading.router, between)?;
    check_routers(&gathered.nodes, &reading.router)?;
    if reading.form.json {
        let model = serde_json::to_value(report::model(&gathered, &reading.router));
        let json = frame::json(
            "report",
            &gathered.nodes,
            output.now(),
            model.unwrap_or_default(),
        );
        output.answer(&json);
        return Ok(Exit::Healthy);
    }
    let Some(page) = report::page(&gathered, &reading.router, output.now()) else {
        return Err(Trouble::Failed(format!(
            "no page of {} bytes holds even the outline of these records: choose a time with --since and --until, or \
             routers with --router",
            report::LIMIT
        )));
    };
    match to_file(arguments) {
        Some(path) => {
            write(path, page.as_bytes())
                .map_err(|error| Trouble::Failed(format!("{}: {error}", path.display())))?;
            output.message(&format_args!(
                "{}: {} bytes; open it in a browser, it needs nothing else",
                path.display(),
                page.len()
            ));
        }
        None => output.bytes(page.as_bytes()),
    }
    Ok(Exit::Healthy)
}

/// The file to write; none for standard output.
fn to_file(arguments: &ReportArgs) -> Option<&Path> {
    let path = arguments.html.as_deref();
    path.filter(|path| *path != Path::new("-"))
}

/// Whether nothing is lost when a file is written there.
fn replaceable(path: &Path) -> Result<(), Trouble> {
    let mut first = [0; PAGE.len()];
    let read = match File::open(path) {
        Ok(mut file) => file.read_exact(&mut first),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => Err(error),
    };
    match read {
        Ok(()) if first.as_slice() == PAGE => Ok(()),
        Ok(()) => Err(Trouble::Failed(format!(
            "{} exists and is no page: it is left as it is; name another file",
            path.display()
        ))),
        Err(error) => Err(Trouble::Failed(format!(
            "{} exists and is no page ({error}): it is left as it is; name another file",
            path.display()
        ))),
    }
}

/// Beside its name first, so that nobody finds half a page; readable for its owner only, since it tells of a network.
fn write(path: &Path, page: &[u8]) -> io::Result<()> {
    let mut half = path.as_os_str().to_owned();
    half.push(".part");
    let half = PathBuf::from(half);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(&half)
        .and_then(|mut file| file.write_all(page))
        .and_then(|()| fs::rename(&half, path));
    if written.is_err() {
        let _half_is_gone_already = fs::remove_file(&half);
    }
    written
}

#[cfg(test)]
mod tests;
