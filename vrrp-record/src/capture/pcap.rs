//! The classic format: a file header, then packets with a head of sixteen bytes each. Microseconds or nanoseconds, either
//! byte order, cut or damaged files included.

use std::io;

use super::frame::{Frame, LONGEST, Order, length};
use super::input::{Input, WINDOW};
use crate::history::Time;

/// Bytes of the file header.
const HEADER: usize = 24;
/// How far stamps of neighbouring packets lie apart at most, for a head to be believed after damage.
const NEAR: i64 = 86_400 * 1_000_000_000;

/// What a file says of all its packets.
#[derive(Clone, Copy, Debug)]
struct Layout {
    order: Order,
    /// Nanoseconds per unit of the fraction.
    unit: i64,
    /// Bytes of a packet's head.
    head: usize,
    link: u16,
}

/// The head of a packet.
struct Head {
    at: Time,
    kept: u32,
    original: u32,
}

/// Whether a file begins like one of this format.
pub(super) fn is_one(start: &[u8]) -> bool {
    magic(start).is_some()
}

/// Byte order, nanoseconds per unit, bytes of a head.
fn magic(start: &[u8]) -> Option<(Order, i64, usize)> {
    let first = start.first_chunk::<4>()?;
    for (order, number) in [
        (Order::Little, u32::from_le_bytes(*first)),
        (Order::Big, u32::from_be_bytes(*first)),
    ] {
        match number {
            0xa1b2_c3d4 => return Some((order, 1000, 16)),
            0xa1b2_3c4d => return Some((order, 1, 16)),
            // What patched libpcaps of old distributions wrote: eight more bytes in each head.
            0xa1b2_cd34 => return Some((order, 1000, 24)),
            _ => {}
        }
    }
    None
}

/// Shows every packet, and says in words what is damaged.
pub(super) fn read(
    input: &mut Input<'_>,
    damage: &mut Vec<String>,
    see: &mut dyn FnMut(&Frame<'_>),
) -> io::Result<()> {
    let header = input.peek(HEADER)?;
    let Some((order, unit, head)) = magic(header).filter(|_| header.len() == HEADER) else {
        damage.push(String::from("the file ends within its header"));
        return Ok(());
    };
    let layout = Layout {
        order,
        unit,
        head,
        // The upper half holds the length of a frame check sequence.
        link: u16::try_from(order.u32(header, 20) & 0xffff).unwrap_or_default(),
    };
    input.skip(24)?;
    let mut before: Option<Time> = None;
    loop {
        let offset = input.offset();
        let bytes = input.peek(layout.head)?;
        if bytes.is_empty() {
            return Ok(());
        }
        if bytes.len() < layout.head {
            damage.push(format!(
                "the file ends at byte {offset} within the head of a packet"
            ));
            return Ok(());
        }
        let Some(head) = layout.head(bytes).filter(|head| believable(head, before)) else {
            if !resume(input, &layout, before)? {
                damage.push(format!("nothing can be read from byte {offset} on"));
                return Ok(());
            }
            let until = input.offset();
            damage.push(format!("damaged from byte {offset} to {until}"));
            continue;
        };
        let whole = layout.head + length(head.kept);
        let bytes = input.peek(whole)?;
        let cut = bytes.len() < whole;
        let data = bytes.get(layout.head..).unwrap_or_default();
        see(&Frame {
            at: head.at,
            link: layout.link,
            interface: 0,
            outgoing: None,
            original: head.original,
            data,
        });
        if cut {
            damage.push(format!("the file ends within the packet at byte {offset}"));
            return Ok(());
        }
        before = Some(head.at);
        input.skip(u64::try_from(whole).unwrap_or(u64::MAX))?;
    }
}

impl Layout {
    fn head(&self, bytes: &[u8]) -> Option<Head> {
        let seconds = i64::from(self.order.u32(bytes, 0));
        let fraction = i64::from(self.order.u32(bytes, 4)) * self.unit;
        (bytes.len() >= 16 && fraction < 1_000_000_000).then(|| Head {
            at: Time(seconds * 1_000_000_000 + fraction),
            kept: self.order.u32(bytes, 8),
            original: self.order.u32(bytes, 12),
        })
    }
}

/// Whether a head can be one. The first of a file may have any time.
fn believable(head: &Head, before: Option<Time>) -> bool {
    head.kept <= LONGEST
        && head.kept <= head.original
        && head.original <= 1 << 24
        && before.is_none_or(|before| head.at.since(before).abs() < NEAR)
}

/// Goes to the next place where two believable heads follow each other. False where the file has none.
fn resume(input: &mut Input<'_>, layout: &Layout, before: Option<Time>) -> io::Result<bool> {
    loop {
        let window = input.peek(WINDOW)?;
        let complete = window.len() < WINDOW;
        for place in 1..window.len() {
            let at = |place: usize| window.get(place..).and_then(|bytes| layout.head(bytes));
            let Some(head) = at(place).filter(|head| believable(head, before)) else {
                continue;
            };
            let next = place + layout.head + length(head.kept);
            let follows = head.kept >= 20
                && match at(next) {
                    Some(next) => believable(&next, Some(head.at)),
                    None => next == window.len() && complete,
                };
            if follows {
                input.skip(u64::try_from(place).unwrap_or(u64::MAX))?;
                return Ok(true);
            }
        }
        let rest = window.len();
        if complete {
            return Ok(false);
        }
        // A head that only begins in this window is seen whole in the next one.
        let step = rest - length(LONGEST) - 64;
        input.skip(u64::try_from(step).unwrap_or(u64::MAX))?;
    }
}
