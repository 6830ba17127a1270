//! Packet captures, read as the history of the node that took them: the same verdicts with nothing installed on the hosts.
//!
//! pcap and pcapng of any age; Ethernet, Linux cooked and bare IP. States are inferred from who speaks; what a capture
//! cannot hold is listed as unavailable. [`log`] adds what keepalived's log says.

mod adverts;
mod build;
mod decode;
mod frame;
mod input;
mod link;
pub mod log;
mod node;
mod pcap;
mod pcapng;

use std::io::{self, Read};
use std::net::IpAddr;

use self::decode::Seen;
use self::frame::Frame;
use self::input::Input;
use self::link::Link;
use self::node::Ends;
use crate::history::{History, Time};

/// What the reader cannot know from the file.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Name of the file, or of the host where it is known.
    pub name: String,
    /// Addresses of the node that captured; empty where they are to be inferred.
    pub node: Vec<IpAddr>,
}

/// Why a file is no capture.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error("cannot read the capture")]
    Read(#[from] io::Error),
    /// It is something else.
    #[error("neither pcap nor pcapng: it begins with {start:02x?}")]
    Format {
        /// Its first bytes.
        start: Vec<u8>,
    },
    /// A compressed capture.
    #[error("compressed: unpack it first, as with gunzip")]
    Compressed,
    /// Captured from something that is no network of IP packets.
    #[error("link type {0} is not understood; Ethernet, Linux cooked and bare IP are")]
    LinkType(u16),
    /// No advert in it.
    #[error(
        "no VRRP packet among {0} packets: was it captured with a filter, or on another interface?"
    )]
    NoAdverts(u64),
}

/// Whether a file that begins so is a capture.
#[must_use]
pub fn is_capture(start: &[u8]) -> bool {
    pcap::is_one(start) || pcapng::is_one(start)
}

/// Reads a capture. What is damaged is left out and told in the history.
///
/// # Errors
/// When the file cannot be read, is no capture, or holds no advert.
pub fn read(source: &mut dyn Read, options: &Options) -> Result<History, Error> {
    let mut input = Input::new(source);
    let start = input.peek(24)?.to_vec();
    let mut collected = Collected::default();
    let mut damage = Vec::new();
    if pcap::is_one(&start) {
        pcap::read(&mut input, &mut damage, &mut |frame| collected.take(frame))?;
    } else if pcapng::is_one(&start) {
        let facts = pcapng::read(&mut input, &mut damage, &mut |frame| collected.take(frame))?;
        collected.names = facts.names;
        collected.lost = facts.lost;
    } else if start.starts_with(&[0x1f, 0x8b]) || start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        return Err(Error::Compressed);
    } else {
        let start = start.get(..start.len().min(4)).unwrap_or_default().to_vec();
        return Err(Error::Format { start });
    }
    if collected.seen.is_empty() {
        return Err(match collected.unknown_link {
            Some(link) => Error::LinkType(link),
            None => Error::NoAdverts(collected.frames),
        });
    }
    Ok(build::history(options, collected, damage))
}

/// What was found in a file.
#[derive(Debug, Default)]
struct Collected {
    frames: u64,
    extent: Option<(Time, Time)>,
    seen: Vec<Seen>,
    ends: Ends,
    unknown_link: Option<u16>,
    /// Names of interfaces, where the file has them.
    names: Vec<String>,
    /// Packets that the capturing program lost.
    lost: u64,
}

impl Collected {
    fn take(&mut self, frame: &Frame<'_>) {
        self.frames += 1;
        let (first, last) = self.extent.unwrap_or((frame.at, frame.at));
        self.extent = Some((first.min(frame.at), last.max(frame.at)));
        if !link::is_known(frame.link) {
            self.unknown_link = Some(frame.link);
            return;
        }
        let Some(link) = Link::of(frame) else {
            return;
        };
        if let (Some(from), Some(to)) = (link.mac, link.unicast_to()) {
            self.ends.note(from, to);
        }
        self.seen.extend(decode::look(frame, &link));
    }
}
