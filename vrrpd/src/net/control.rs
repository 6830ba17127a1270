//! Control messages: walking through received ones and building those that are sent, byte by byte and without unsafe.
//!
//! The layout is C's `cmsghdr`: length as a word, level and type as ints, data, padding to the size of a word.

use nix::libc;

/// Bytes of a word: control messages are aligned to it.
const WORD: usize = size_of::<usize>();
/// Bytes in front of the data.
const HEADER: usize = WORD + 8;

/// Walks through received control messages as (level, type, data). Ends at the first that is cut or impossible.
pub(crate) fn walk(control: &[u8]) -> impl Iterator<Item = (i32, i32, &[u8])> {
    let mut rest = control;
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<WORD>()?;
        let length = usize::from_ne_bytes(*length);
        let (level, after) = after.split_first_chunk::<4>()?;
        let (kind, _) = after.split_first_chunk::<4>()?;
        let data = rest.get(HEADER..length)?;
        rest = rest
            .get(length.next_multiple_of(WORD)..)
            .unwrap_or_default();
        Some((i32::from_ne_bytes(*level), i32::from_ne_bytes(*kind), data))
    })
}

/// Control messages of one packet to send, in memory of its own.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    bytes: [u8; 128],
    length: usize,
}

impl Outgoing {
    /// None yet.
    pub(crate) const fn new() -> Self {
        Self {
            bytes: [0; 128],
            length: 0,
        }
    }

    /// Adds one; what does not fit is left out, which no caller's set ever is.
    pub(crate) fn push(&mut self, level: i32, kind: i32, data: &[u8]) {
        let length = HEADER + data.len();
        let Some(place) = self
            .bytes
            .get_mut(self.length..self.length + length.next_multiple_of(WORD))
        else {
            debug_assert!(false, "room for every control message that is ever sent");
            return;
        };
        place.fill(0);
        place[..WORD].copy_from_slice(&length.to_ne_bytes());
        place[WORD..WORD + 4].copy_from_slice(&level.to_ne_bytes());
        place[WORD + 4..HEADER].copy_from_slice(&kind.to_ne_bytes());
        place[HEADER..length].copy_from_slice(data);
        self.length += length.next_multiple_of(WORD);
    }

    /// The bytes for sendmsg.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// Lets the sender choose the number of a packet's stamps (Linux 6.13 and later).
pub(crate) const SCM_TS_OPT_ID: i32 = 81;

/// Asks the kernel to number this packet's stamps with `id`.
pub(crate) fn push_stamp_id(control: &mut Outgoing, id: u32) {
    control.push(libc::SOL_SOCKET, SCM_TS_OPT_ID, &id.to_ne_bytes());
}

/// Sends an IPv6 packet from `source` through interface `index`.
pub(crate) fn push_source_v6(control: &mut Outgoing, source: std::net::Ipv6Addr, index: u32) {
    let mut data = [0; 20];
    data[..16].copy_from_slice(&source.octets());
    data[16..].copy_from_slice(&index.to_ne_bytes());
    control.push(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &data);
}

/// Sends an IPv6 packet with this hop limit.
pub(crate) fn push_hop_limit(control: &mut Outgoing, limit: u8) {
    control.push(
        libc::IPPROTO_IPV6,
        libc::IPV6_HOPLIMIT,
        &i32::from(limit).to_ne_bytes(),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_is_walked() {
        let mut control = Outgoing::new();
        push_stamp_id(&mut control, 0x1234_5678);
        push_hop_limit(&mut control, 255);
        push_source_v6(&mut control, "fe80::1".parse().unwrap(), 7);
        let all: Vec<_> = walk(control.as_bytes())
            .map(|(level, kind, data)| (level, kind, data.to_vec()))
            .collect();
        assert_eq!(all.len(), 3);
        assert_eq!(
            all[0],
            (
                libc::SOL_SOCKET,
                SCM_TS_OPT_ID,
                0x1234_5678_u32.to_ne_bytes().to_vec()
            )
        );
        assert_eq!(
            all[1],
            (
                libc::IPPROTO_IPV6,
                libc::IPV6_HOPLIMIT,
                255_i32.to_ne_bytes().to_vec()
            )
        );
        assert_eq!(
            (all[2].0, all[2].1, all[2].2.len()),
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, 20)
        );
        assert_eq!(all[2].2[16..], 7_u32.to_ne_bytes());
    }

    /// The same bytes as nix's idea of a control message, so that the layout is C's and not only ours.
    #[test]
    fn lengths_are_those_of_the_c_macros() {
        let mut control = Outgoing::new();
        control.push(1, 2, &[9; 5]);
        let space = nix::cmsg_space!([u8; 5]).capacity();
        assert_eq!(control.as_bytes().len(), space);
        assert_eq!(control.as_bytes()[..WORD], (HEADER + 5).to_ne_bytes());
    }

    #[test]
    fn damaged_control_data_ends_the_walk() {
        let mut control = Outgoing::new();
        push_stamp_id(&mut control, 1);
        let whole = control.as_bytes().to_vec();
        for cut in 0..HEADER + 4 {
            assert_eq!(walk(&whole[..cut]).count(), 0, "cut at {cut}");
        }
        for length in [0_usize, 1, HEADER - 1, usize::MAX, usize::MAX - 7] {
            let mut damaged = whole.clone();
            damaged[..WORD].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(walk(&damaged).count(), 0, "length {length}");
        }
        let mut endless = whole.clone();
        endless[..WORD].copy_from_slice(&HEADER.to_ne_bytes());
        assert!(
            walk(&endless).count() <= 2,
            "an empty message still moves on"
        );
    }
}
