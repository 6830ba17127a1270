//! One file with everything that a colleague needs to explain what happened on a node: a compressed tar archive.
//!
//! Tar, because whoever has no vrrpctl at hand can look into it too, and because parts can be added without a new format.
//! What goes in, and that no secret does, is the business of who makes it; this knows the container and the names.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use crate::history::{History, Time, Want};
use crate::status::Unavailable;
use crate::{journal, ring};

/// The format that this program writes.
pub const FORMAT: u32 = 1;
/// Most bytes that are unpacked of one bundle.
pub const LARGEST: u64 = 1 << 30;
/// Most parts.
const PARTS: usize = 10_000;

/// Names of parts.
pub mod part {
    /// What the bundle is: [`super::Manifest`]. The first part.
    pub const MANIFEST: &str = "manifest.json";
    /// Copy of the flight recorder.
    pub const RING: &str = "flight.ring";
    /// Copy of the flight recorder of the run before.
    pub const PREVIOUS: &str = "flight.ring.previous";
    /// Before the names of the journal's segments, which sort by age.
    pub const JOURNAL: &str = "journal/";
    /// The configuration, without secrets.
    pub const CONFIGURATION: &str = "configuration.txt";
    /// The daemon's status.
    pub const STATUS: &str = "status.json";
    /// Evidence that the node cannot give, as JSON.
    pub const UNAVAILABLE: &str = "unavailable.json";
    /// Before the names of what was read about the kernel.
    pub const KERNEL: &str = "kernel/";
}

/// What a bundle is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`] of the writer.
    pub format: u32,
    /// Version of the program that made it.
    pub version: String,
    /// Host name.
    pub host: String,
    /// When it was made, by the wall clock.
    pub made: Time,
    /// Parts that could not be had, and why.
    #[serde(default)]
    pub missing: Vec<Unavailable>,
}

/// Makes a bundle, part by part.
#[derive(Debug)]
pub struct Writer<W: Write> {
    archive: Archive<GzEncoder<W>>,
    made: u64,
}

/// `tar::Builder` tells nothing about itself.
struct Archive<W: Write>(tar::Builder<W>);

impl<W: Write> fmt::Debug for Archive<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Archive")
    }
}

impl<W: Write> Writer<W> {
    /// Begins a bundle.
    ///
    /// # Errors
    ///
    /// What writing gives.
    pub fn new(into: W, manifest: &Manifest) -> io::Result<Self> {
        let archive = tar::Builder::new(GzEncoder::new(into, Compression::default()));
        let mut writer = Self {
            archive: Archive(archive),
            made: u64::try_from(manifest.made.0 / 1_000_000_000).unwrap_or_default(),
        };
        let json = serde_json::to_vec_pretty(manifest).map_err(io::Error::other)?;
        writer.add(part::MANIFEST, &json)?;
        Ok(writer)
    }

    /// Adds a part.
    ///
    /// # Errors
    ///
    /// What writing gives.
    pub fn add(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.add_from(name, bytes.len() as u64, bytes)
    }

    /// Adds a part of that many bytes from a reader; a file that grows meanwhile is cut there.
    ///
    /// # Errors
    ///
    /// What reading and writing give; a reader that ends early.
    pub fn add_from(&mut self, name: &str, length: u64, from: impl Read) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(length);
        header.set_mode(0o640);
        header.set_mtime(self.made);
        let mut from = from.take(length);
        self.archive.0.append_data(&mut header, name, &mut from)?;
        if from.limit() > 0 {
            let text = format!("{name} ended {} bytes early", from.limit());
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
        }
        Ok(())
    }

    /// Ends the bundle and gives the sink back.
    ///
    /// # Errors
    ///
    /// What writing gives.
    pub fn finish(self) -> io::Result<W> {
        self.archive.0.into_inner()?.finish()
    }
}

/// A bundle that was read.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// What it is.
    pub manifest: Manifest,
    /// Its parts by name, unpacked; without the manifest.
    pub parts: BTreeMap<String, Vec<u8>>,
    /// What of it could not be read, in words.
    pub damage: Vec<String>,
}

/// A file is no bundle that this program can read.
#[derive(Debug)]
pub enum Error {
    /// It could not be read.
    Read(io::Error),
    /// It is no compressed archive that begins with a manifest.
    NotABundle,
    /// Made in a format of this number.
    Newer(u32),
    /// Unpacked it is larger than [`LARGEST`], or it has too many parts.
    TooLarge,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(_) => f.write_str("cannot read the bundle"),
            Self::NotABundle => f.write_str(
                "it is compressed, and no tar archive that begins with manifest.json: unpack a capture or a single file first",
            ),
            Self::Newer(format) => write!(
                f,
                "bundle of format {format}: this program reads up to {FORMAT}; use the vrrpctl that made it"
            ),
            Self::TooLarge => write!(
                f,
                "the bundle has more than {LARGEST} bytes or {PARTS} parts; unpack it with tar and read its journal directory"
            ),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read(error) => Some(error),
            Self::NotABundle | Self::Newer(_) | Self::TooLarge => None,
        }
    }
}

/// Whether a file that begins with these bytes may be a bundle: it is compressed with gzip.
#[must_use]
pub fn is_bundle(first: &[u8]) -> bool {
    first.starts_with(&[0x1F, 0x8B, 8])
}

impl Bundle {
    /// Reads a bundle. One that was cut off or damaged behind its manifest gives the parts up to there.
    ///
    /// # Errors
    ///
    /// Where it is none, of a newer format, or too large.
    pub fn read(from: impl Read) -> Result<Self, Error> {
        let unpacked = MultiGzDecoder::new(from).take(LARGEST + 1);
        let mut archive = tar::Archive::new(unpacked);
        let mut bundle: Option<Self> = None;
        let mut parts = 0;
        for entry in archive.entries().map_err(Error::Read)? {
            let part = entry.and_then(one);
            parts += 1;
            match (part, &mut bundle) {
                (Ok((name, bytes)), None) if name == part::MANIFEST => {
                    let manifest: Manifest =
                        serde_json::from_slice(&bytes).map_err(|_| Error::NotABundle)?;
                    if manifest.format > FORMAT {
                        return Err(Error::Newer(manifest.format));
                    }
                    bundle = Some(Self {
                        manifest,
                        parts: BTreeMap::new(),
                        damage: Vec::new(),
                    });
                }
                (_, None) => return Err(Error::NotABundle),
                (Ok((name, bytes)), Some(bundle)) => {
                    bundle.parts.insert(name, bytes);
                }
                (Err(error), Some(bundle)) => {
                    bundle.damage.push(format!(
                        "bundle: damaged or cut off behind its part {parts}: {error}"
                    ));
                    break;
                }
            }
            if parts > PARTS {
                return Err(Error::TooLarge);
            }
        }
        let mut rest = archive.into_inner();
        let mut bundle = bundle.ok_or(Error::NotABundle)?;
        // The checksum of the whole stands behind the last part.
        if bundle.damage.is_empty()
            && let Err(error) = io::copy(&mut rest, &mut io::sink())
        {
            bundle.damage.push(format!("bundle: {error}"));
        }
        if rest.limit() == 0 {
            return Err(Error::TooLarge);
        }
        Ok(bundle)
    }

    /// A part.
    #[must_use]
    pub fn part(&self, name: &str) -> Option<&[u8]> {
        self.parts.get(name).map(Vec::as_slice)
    }

    /// Parts whose name begins so, in order, with the rest of their names.
    pub fn under(&self, prefix: &str) -> impl Iterator<Item = (&str, &[u8])> {
        self.parts
            .iter()
            .filter_map(move |(name, bytes)| Some((name.strip_prefix(prefix)?, bytes.as_slice())))
    }

    /// The journal that it holds.
    #[must_use]
    pub fn journal(&self, want: &Want) -> journal::Reading {
        let segments = self.under(part::JOURNAL);
        journal::read(segments.map(|(name, bytes)| (name, Ok(bytes))), want)
    }

    /// Its records: journal, flight recorder, and the one of the run before.
    #[must_use]
    pub fn history(&self, want: &Want) -> History {
        let mut history = self.journal(want).history;
        history.damage.extend(self.damage.iter().cloned());
        for name in [part::PREVIOUS, part::RING] {
            match self.part(name).map(ring::read) {
                Some(Ok(reading)) => history.absorb(reading.history),
                Some(Err(error)) => history.damage.push(format!("{name}: {error}")),
                None => {}
            }
        }
        if let Some(missing) = self
            .part(part::UNAVAILABLE)
            .and_then(|json| serde_json::from_slice::<Vec<Unavailable>>(json).ok())
        {
            for one in missing {
                if !history.unavailable.contains(&one) {
                    history.unavailable.push(one);
                }
            }
        }
        if history.node.host.is_empty() {
            history.node.host.clone_from(&self.manifest.host);
        }
        history
    }
}

/// A regular file of the archive.
fn one<R: Read>(mut entry: tar::Entry<'_, R>) -> io::Result<(String, Vec<u8>)> {
    let name = entry.path()?.to_string_lossy().replace('\\', "/");
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes)?;
    if bytes.len() as u64 != entry.size() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok((name, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Frames;
    use crate::ring::Record;
    use crate::ring::tests::{file, memory, received, router, run, sent};
    use crate::ring::{Layout, Ring};

    fn bundle() -> Vec<u8> {
        let layout = Layout::new(1 << 20, 1).unwrap();
        let words = memory(&layout);
        let mut ring = Ring::format(&layout, &words, &run()).unwrap();
        ring.descriptions[0].write(&router());
        ring.adverts.append(Record::Sent(sent(9)).encode());
        let mut frames = Frames::new(run());
        let mut segment = Vec::new();
        frames.head(&[(0, router())], &[], &mut segment);
        frames.records(&[Record::Received(received(3))], &mut segment);
        frames.records(&[Record::Sent(sent(9))], &mut segment);
        let manifest = Manifest {
            format: FORMAT,
            version: String::from("0.1.0"),
            host: String::from("loadbalancer01"),
            made: sent(10).due,
            missing: Vec::new(),
        };
        let mut writer = Writer::new(Vec::new(), &manifest).unwrap();
        writer.add(part::RING, &file(&words)).unwrap();
        writer.add("journal/0001.vrj", &segment).unwrap();
        writer
            .add(part::CONFIGURATION, b"vrrp_instance vi_1 {}")
            .unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn ring_and_journal_of_a_bundle_are_one_history() {
        let bytes = bundle();
        assert!(is_bundle(&bytes));
        let bundle = Bundle::read(&bytes[..]).unwrap();
        assert!(bundle.damage.is_empty(), "{:?}", bundle.damage);
        let history = bundle.history(&Want::all());
        assert_eq!(history.node.host, "loadbalancer01");
        assert_eq!(history.routers, [router()]);
        assert_eq!(history.sent, [sent(9)]);
        assert_eq!(history.received, [received(3)]);
        assert_eq!(
            bundle.part(part::CONFIGURATION),
            Some(&b"vrrp_instance vi_1 {}"[..])
        );
    }

    #[test]
    fn a_part_that_ends_early_is_refused() {
        let manifest = Bundle::read(&bundle()[..]).unwrap().manifest;
        let mut writer = Writer::new(Vec::new(), &manifest).unwrap();
        let refused = writer.add_from("journal/1", 10, &b"12345"[..]);
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_bundle_cut_off_anywhere_gives_what_is_whole_and_says_so() {
        let bytes = bundle();
        for cut in 0..bytes.len() {
            match Bundle::read(&bytes[..cut]) {
                Ok(bundle) => {
                    assert!(!bundle.damage.is_empty(), "{cut}");
                    let history = bundle.history(&Want::all());
                    assert!(history.sent.iter().all(|one| *one == sent(9)));
                }
                Err(error) => assert!(matches!(error, Error::NotABundle | Error::Read(_))),
            }
        }
    }

    #[test]
    fn a_bundle_of_a_newer_format_is_refused_with_the_remedy() {
        let mut manifest = Bundle::read(&bundle()[..]).unwrap().manifest;
        manifest.format = 2;
        let writer = Writer::new(Vec::new(), &manifest).unwrap();
        let error = Bundle::read(&writer.finish().unwrap()[..]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "bundle of format 2: this program reads up to 1; use the vrrpctl that made it"
        );
    }
}
