//! The link layer of a frame: Ethernet with VLAN tags, Linux cooked captures of both versions, bare IP, loopback.

use vrrp_proto::units::Family;

use super::frame::Frame;

const ETHERNET: u16 = 1;
const NULL: u16 = 0;
const LOOP: u16 = 108;
const COOKED: u16 = 113;
const COOKED_2: u16 = 276;

/// What the link layer says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link<'a> {
    /// Its sender.
    pub(super) mac: Option<[u8; 6]>,
    /// Its receiver, of Ethernet only.
    pub(super) to: Option<[u8; 6]>,
    /// It left the machine that captured, where the link type or the file tells.
    pub(super) outgoing: Option<bool>,
    /// Index of the interface, where the link type tells.
    pub(super) index: Option<u32>,
    /// Innermost VLAN.
    pub(super) vlan: Option<u16>,
    /// EtherType of the content.
    pub(super) kind: u16,
    /// The content, with padding.
    pub(super) content: &'a [u8],
    /// Bytes of the link layer before the content.
    pub(super) header: usize,
}

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;

/// Whether this link type is understood.
pub(super) const fn is_known(link: u16) -> bool {
    matches!(
        link,
        ETHERNET | NULL | LOOP | COOKED | COOKED_2 | 12 | 14 | 101 | 228 | 229
    )
}

impl<'a> Link<'a> {
    /// Takes the link layer off; `None` where the frame is too short or of another type.
    pub(super) fn of(frame: &Frame<'a>) -> Option<Self> {
        let data = frame.data;
        let bare = |header: usize| {
            let content = data.get(header..)?;
            let kind = match content.first()? >> 4 {
                4 => IPV4,
                6 => IPV6,
                _ => return None,
            };
            Some(Self {
                mac: None,
                to: None,
                outgoing: frame.outgoing,
                index: None,
                vlan: None,
                kind,
                content,
                header,
            })
        };
        match frame.link {
            ETHERNET => {
                let (to, rest) = data.split_first_chunk::<6>()?;
                let (mac, rest) = rest.split_first_chunk::<6>()?;
                let (kind, rest) = rest.split_first_chunk::<2>()?;
                let whole = Self {
                    mac: Some(*mac),
                    to: Some(*to),
                    outgoing: frame.outgoing,
                    index: None,
                    vlan: None,
                    kind: u16::from_be_bytes(*kind),
                    content: rest,
                    header: 14,
                };
                whole.without_tags()
            }
            COOKED => {
                let (head, rest) = data.split_first_chunk::<16>()?;
                Self::cooked(
                    frame,
                    u16::from_be_bytes([head[0], head[1]]),
                    u16::from_be_bytes([head[4], head[5]]),
                    [head[6], head[7], head[8], head[9], head[10], head[11]],
                    None,
                    (u16::from_be_bytes([head[14], head[15]]), rest, 16),
                )
            }
            COOKED_2 => {
                let (head, rest) = data.split_first_chunk::<20>()?;
                Self::cooked(
                    frame,
                    u16::from(head[10]),
                    u16::from(head[11]),
                    [head[12], head[13], head[14], head[15], head[16], head[17]],
                    Some(u32::from_be_bytes([head[4], head[5], head[6], head[7]])),
                    (u16::from_be_bytes([head[0], head[1]]), rest, 20),
                )
            }
            NULL | LOOP => bare(4),
            12 | 14 | 101 | 228 | 229 => bare(0),
            _ => None,
        }
    }

    fn cooked(
        frame: &Frame<'a>,
        direction: u16,
        mac_length: u16,
        mac: [u8; 6],
        index: Option<u32>,
        (kind, content, header): (u16, &'a [u8], usize),
    ) -> Option<Self> {
        let whole = Self {
            mac: (mac_length == 6).then_some(mac),
            to: None,
            // 4: sent by this machine; 0 to 2: to it, to all, to a group; 3: between others.
            outgoing: frame.outgoing.or(match direction {
                4 => Some(true),
                0..=3 => Some(false),
                _ => None,
            }),
            index,
            vlan: None,
            kind,
            content,
            header,
        };
        whole.without_tags()
    }

    fn without_tags(mut self) -> Option<Self> {
        // Two tags are in use; more are somebody's mistake.
        for _ in 0..4 {
            if !matches!(self.kind, 0x8100 | 0x88a8 | 0x9100) {
                return Some(self);
            }
            let (tag, rest) = self.content.split_first_chunk::<4>()?;
            self.vlan = Some(u16::from_be_bytes([tag[0], tag[1]]) & 0x0fff);
            self.kind = u16::from_be_bytes([tag[2], tag[3]]);
            self.content = rest;
            self.header += 4;
        }
        None
    }

    /// The family of an IP packet in it.
    pub(super) const fn family(&self) -> Option<Family> {
        match self.kind {
            IPV4 => Some(Family::V4),
            IPV6 => Some(Family::V6),
            _ => None,
        }
    }

    /// A receiver that is one machine.
    pub(super) fn unicast_to(&self) -> Option<[u8; 6]> {
        self.to.filter(|to| to[0] & 1 == 0)
    }
}
