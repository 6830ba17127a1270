//! `bundle`: one file with everything that a colleague needs, from a live or a dead daemon: journal, flight recorder,
//! configuration without secrets, status, what evidence is missing, and facts about the machine.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;
use vrrp_record::bundle::{FORMAT, Manifest, Writer, part};
use vrrp_record::history::{Time, Want};
use vrrp_record::quantity::Plural;
use vrrp_record::status::{Status, Unavailable};

use crate::Output;
use crate::cli::{BundleArgs, Cli};
use crate::render::time;
use crate::run::Trouble;
use crate::source::{Opened, Place, RINGS, Records, SEGMENT};

pub(crate) mod configuration;
mod facts;
mod redact;

/// Largest configuration file that is taken.
const CONFIGURATION_LIMIT: u64 = 16 * 1024 * 1024;

/// What goes into a bundle.
struct Parts {
    /// Files that are taken as they are, by their name in the bundle.
    files: Vec<(String, PathBuf)>,
    /// What is made here.
    made: Vec<(String, Vec<u8>)>,
    /// What could not be had.
    missing: Vec<Unavailable>,
}

/// Writes a bundle, and says in a sentence what is in it. `silence` is why there is no status.
pub(crate) fn write(
    cli: &Cli,
    arguments: &BundleArgs,
    status: Option<&Status>,
    silence: Option<String>,
    output: &mut Output,
) -> Result<String, Trouble> {
    let parts = collect(cli, arguments, status, silence)?;
    let host = host(&parts, status, cli, arguments);
    let now = output.now();
    let manifest = Manifest {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: host.clone(),
        made: now,
        missing: parts.missing.clone(),
    };
    let (target, bytes) = match arguments.file.as_deref() {
        Some(path) if path == Path::new("-") => {
            let bytes =
                pack(Vec::new(), &manifest, &parts).map_err(|error| failed(path, &error))?;
            output.bytes(&bytes);
            (String::from("standard output"), bytes.len() as u64)
        }
        named => {
            let path = named.map_or_else(|| name(&host, now, output), Path::to_owned);
            let bytes = to_file(&path, &manifest, &parts).map_err(|error| failed(&path, &error))?;
            (path.display().to_string(), bytes)
        }
    };
    let missing: Vec<String> = parts
        .missing
        .iter()
        .map(|one| {
            format!(
                "\n  not in it: {}: {}",
                one.what,
                one.why.replace('\n', " ")
            )
        })
        .collect();
    Ok(format!(
        "{target}: {} of {host}, {bytes} bytes; secrets of the configuration are removed{}\n  read it with: vrrpctl explain --last \
         --from {target}",
        Plural((parts.files.len() + parts.made.len()) as u64, "part"),
        missing.join("")
    ))
}

fn failed(path: &Path, error: &io::Error) -> Trouble {
    if error.kind() == io::ErrorKind::AlreadyExists {
        return Trouble::Usage(format!("{} exists: name another file", path.display()));
    }
    Trouble::Failed(format!("cannot write {}: {error}", path.display()))
}

/// `vrrpd-lb1-20261124-120341.vrb`.
fn name(host: &str, now: Time, output: &Output) -> PathBuf {
    let digits: String = time::stamp(now, &output.zone)
        .chars()
        .filter(|character| character.is_ascii_digit() || *character == ' ')
        .map(|character| if character == ' ' { '-' } else { character })
        .take(15)
        .collect();
    let host: String = host
        .chars()
        .map(|character| {
            if character.is_alphanumeric() || "-._".contains(character) {
                character
            } else {
                '_'
            }
        })
        .collect();
    PathBuf::from(format!("vrrpd-{host}-{digits}.vrb"))
}

/// Beside its name first, so that nobody finds half a bundle; readable for its owner only, since it tells of a network.
fn to_file(path: &Path, manifest: &Manifest, parts: &Parts) -> io::Result<u64> {
    if path.exists() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let mut half = path.as_os_str().to_owned();
    half.push(".part");
    let half = PathBuf::from(half);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&half)?;
    let written = pack(BufWriter::new(file), manifest, parts)
        .and_then(|writer| writer.into_inner().map_err(io::IntoInnerError::into_error))
        .and_then(|file| file.sync_all())
        .and_then(|()| fs::metadata(&half))
        .and_then(|meta| fs::rename(&half, path).map(|()| meta.len()));
    if written.is_err() {
        let _half_is_gone_already = fs::remove_file(&half);
    }
    written
}

fn pack<W: Write>(into: W, manifest: &Manifest, parts: &Parts) -> io::Result<W> {
    let mut writer = Writer::new(into, manifest)?;
    for (name, bytes) in &parts.made {
        writer.add(name, bytes)?;
    }
    for (name, path) in &parts.files {
        // Rotated away meanwhile: the rest is worth having.
        let Ok(file) = File::open(path) else { continue };
        let length = file.metadata()?.len();
        writer.add_from(name, length, file)?;
    }
    writer.finish()
}

fn collect(
    cli: &Cli,
    arguments: &BundleArgs,
    status: Option<&Status>,
    silence: Option<String>,
) -> Result<Parts, Trouble> {
    let mut parts = Parts {
        files: Vec::new(),
        made: Vec::new(),
        missing: Vec::new(),
    };
    records(cli, arguments, &mut parts)?;
    match status {
        Some(status) => {
            let json = serde_json::to_vec_pretty(status)
                .map_err(|error| Trouble::Failed(error.to_string()))?;
            parts.made.push((part::STATUS.to_owned(), json));
            let unavailable = serde_json::to_vec_pretty(&status.unavailable).unwrap_or_default();
            parts.made.push((part::UNAVAILABLE.to_owned(), unavailable));
        }
        None => parts.lack("the status", silence.unwrap_or_default(), None),
    }
    settings(arguments, status, &mut parts);
    for (path, content) in facts::facts() {
        if let Value::String(content) = content {
            let name = format!("{}{}", part::KERNEL, path.trim_start_matches('/'));
            parts.made.push((name, content.into_bytes()));
        }
    }
    if parts.files.is_empty() && status.is_none() {
        return Err(crate::source::SourceError::Nothing {
            run_dir: cli.run_dir.clone(),
            journal_dir: arguments.here.journal_dir.clone(),
        }
        .into());
    }
    Ok(parts)
}

/// The flight recorder and the journal.
fn records(cli: &Cli, arguments: &BundleArgs, parts: &mut Parts) -> Result<(), Trouble> {
    for (position, name) in RINGS.iter().enumerate() {
        let path = cli.run_dir.join(name);
        match File::open(&path) {
            Ok(_) => {
                let inside = if position == 0 {
                    part::RING
                } else {
                    part::PREVIOUS
                };
                parts.files.push((inside.to_owned(), path));
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Err(crate::source::SourceError::NoPermission(path).into());
            }
            // Only the first run has no predecessor.
            Err(_) if position > 0 => {}
            Err(error) => parts.lack(
                "the flight recorder",
                format!("{}: {error}", path.display()),
                None,
            ),
        }
    }
    let directory = &arguments.here.journal_dir;
    match fs::read_dir(directory) {
        Ok(entries) => {
            let mut segments: Vec<PathBuf> = entries
                .flatten()
                .map(|entry| entry.path())
                .filter(|path| path.to_string_lossy().ends_with(SEGMENT))
                .collect();
            segments.sort();
            if segments.is_empty() {
                parts.lack(
                    "the journal",
                    format!("{} holds no segment", directory.display()),
                    None,
                );
            }
            for path in segments {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                parts
                    .files
                    .push((format!("{}{name}", part::JOURNAL), path.clone()));
            }
        }
        Err(error) => parts.lack(
            "the journal",
            format!("{}: {error}", directory.display()),
            Some("name its directory with --journal-dir"),
        ),
    }
    Ok(())
}

/// The configuration, without secrets.
fn settings(arguments: &BundleArgs, status: Option<&Status>, parts: &mut Parts) {
    let entry = arguments
        .config
        .clone()
        .or_else(|| status.map(|status| PathBuf::from(&status.daemon.configuration.file)))
        .or_else(configuration::usual);
    let Some(entry) = entry else {
        parts.lack(
            "the configuration",
            String::from("no daemon names it and none is at the usual places"),
            Some("name it with --config"),
        );
        return;
    };
    let (mut names, mut texts) = (Vec::new(), Vec::new());
    for path in configuration::files(&entry) {
        let text = fs::metadata(&path).and_then(|meta| {
            if meta.is_file() && meta.len() <= CONFIGURATION_LIMIT {
                fs::read(&path)
            } else {
                Err(io::Error::other("not a file of reasonable length"))
            }
        });
        match text {
            Ok(text) => {
                names.push(path);
                texts.push(String::from_utf8_lossy(&text).into_owned());
            }
            Err(error) => parts.lack(
                "a file of the configuration",
                format!("{}: {error}", path.display()),
                Some("run as root"),
            ),
        }
    }
    if texts.is_empty() {
        return;
    }
    let mut whole = String::new();
    for (path, text) in names.iter().zip(redact::redact(&texts)) {
        whole.push_str(&format!("# file {}\n{text}\n", path.display()));
    }
    parts
        .made
        .push((part::CONFIGURATION.to_owned(), whole.into_bytes()));
}

impl Parts {
    fn lack(&mut self, what: &str, why: String, remedy: Option<&str>) {
        self.missing.push(Unavailable {
            what: what.to_owned(),
            why,
            remedy: remedy.map(str::to_owned),
        });
    }
}

/// The host's name: the daemon's word, that of the records, else what the machine says.
fn host(parts: &Parts, status: Option<&Status>, cli: &Cli, arguments: &BundleArgs) -> String {
    if let Some(status) = status {
        return status.daemon.host.clone();
    }
    let place = Place::Here {
        run_dir: &cli.run_dir,
        journal_dir: &arguments.here.journal_dir,
    };
    let recorded = Opened::open(place, &[], None)
        .and_then(|opened| opened.read(&Want::outline()))
        .ok()
        .and_then(|nodes| {
            nodes
                .into_iter()
                .map(|node| node.history.node.host)
                .find(|host| !host.is_empty())
        });
    recorded.unwrap_or_else(|| {
        let kernel = parts
            .made
            .iter()
            .find(|(name, _)| name.ends_with("proc/sys/kernel/hostname"));
        kernel.map_or_else(
            || String::from("unknown"),
            |(_, name)| String::from_utf8_lossy(name).trim().to_owned(),
        )
    })
}

#[cfg(test)]
mod tests;
