//! The block format that Wireshark and newer programs write: sections, interfaces, packets with options.
//!
//! Reads what says something about adverts: link type, name and clock of an interface, direction of a packet, and how
//! many packets the capture itself lost. Everything else is stepped over.

use std::io;

use super::frame::{Frame, LONGEST, Order, length};
use super::input::{Input, WINDOW};
use crate::history::Time;

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

/// An interface of the section.
#[derive(Clone, Debug)]
struct Interface {
    link: u16,
    snap: u32,
    /// Units of a stamp per second.
    per_second: u64,
    offset_s: i64,
    /// Its number among all interfaces of the file.
    number: u32,
}

/// What is read of a file beside its packets.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Names of the interfaces, by number.
    pub(super) names: Vec<String>,
    /// Packets that the capturing program says it lost.
    pub(super) lost: u64,
}

/// Whether a file begins like one of this format.
pub(super) fn is_one(start: &[u8]) -> bool {
    start.starts_with(&SECTION.to_be_bytes())
}

/// Shows every packet, and says in words what is damaged.
pub(super) fn read(
    input: &mut Input<'_>,
    damage: &mut Vec<String>,
    see: &mut dyn FnMut(&Frame<'_>),
) -> io::Result<Facts> {
    let mut facts = Facts::default();
    let mut order = Order::Little;
    let mut interfaces: Vec<Interface> = Vec::new();
    let mut last = Time::default();
    loop {
        let offset = input.offset();
        let head = input.peek(12)?;
        if head.is_empty() {
            return Ok(facts);
        }
        if head.len() < 12 {
            damage.push(format!("the file ends at byte {offset} within a block"));
            return Ok(facts);
        }
        let section = head.starts_with(&SECTION.to_be_bytes());
        if section {
            order = match head.get(8..12) {
                Some([0x1a, 0x2b, 0x3c, 0x4d]) => Order::Big,
                _ => Order::Little,
            };
        }
        let kind = order.u32(head, 0);
        let whole = length(order.u32(head, 4));
        if whole < 12 || !whole.is_multiple_of(4) || whole > WINDOW {
            // Blocks carry their length only: without it, the next section's start is the one place to go on.
            if !to_section(input)? {
                damage.push(format!("nothing can be read from byte {offset} on"));
                return Ok(facts);
            }
            let until = input.offset();
            damage.push(format!("damaged from byte {offset} to {until}"));
            continue;
        }
        let block = input.peek(whole)?;
        let cut = block.len() < whole;
        let end = if cut { block.len() } else { whole - 4 };
        let body = block.get(8..end).unwrap_or_default();
        match kind {
            SECTION => interfaces.clear(),
            INTERFACE if !cut => {
                let number = u32::try_from(facts.names.len()).unwrap_or(u32::MAX);
                let (interface, name) = interface(order, body, number);
                interfaces.push(interface);
                facts.names.push(name);
            }
            ENHANCED_PACKET | PACKET => {
                if let Some(frame) = packet(order, body, kind, &interfaces) {
                    last = frame.at;
                    see(&frame);
                }
            }
            SIMPLE_PACKET => {
                if let Some(interface) = interfaces.first() {
                    let original = order.u32(body, 0);
                    let kept = length(original.min(interface.snap));
                    let data = body.get(4..).unwrap_or_default();
                    see(&Frame {
                        // These blocks have no time of their own.
                        at: last,
                        link: interface.link,
                        interface: interface.number,
                        outgoing: None,
                        original,
                        data: data.get(..kept).unwrap_or(data),
                    });
                }
            }
            STATISTICS if !cut => {
                // Lost by the interface, and by the operating system (each counted from the start of the capture).
                for code in [5, 7] {
                    let lost = option(order, body.get(12..).unwrap_or_default(), code);
                    facts.lost = facts.lost.max(lost.map_or(0, |bytes| number(order, bytes)));
                }
            }
            _ => {}
        }
        if cut {
            damage.push(format!("the file ends within the block at byte {offset}"));
            return Ok(facts);
        }
        input.skip(u64::try_from(whole).unwrap_or(u64::MAX))?;
    }
}

fn interface(order: Order, body: &[u8], place: u32) -> (Interface, String) {
    let options = body.get(8..).unwrap_or_default();
    let per_second = match option(order, options, 9).and_then(<[u8]>::first) {
        Some(base) if base & 0x80 != 0 => 1_u64.checked_shl(u32::from(base & 0x7f)),
        Some(exponent) => 10_u64.checked_pow(u32::from(*exponent)),
        None => None,
    };
    let snap = order.u32(body, 4);
    let interface = Interface {
        link: order.u16(body, 0),
        snap: if snap == 0 { LONGEST } else { snap },
        per_second: per_second.unwrap_or(1_000_000),
        offset_s: option(order, options, 14).map_or(0, |bytes| number(order, bytes).cast_signed()),
        number: place,
    };
    let name = option(order, options, 2).unwrap_or_default();
    (interface, String::from_utf8_lossy(name).into_owned())
}

fn packet<'a>(
    order: Order,
    body: &'a [u8],
    kind: u32,
    interfaces: &[Interface],
) -> Option<Frame<'a>> {
    let place = match kind {
        ENHANCED_PACKET => length(order.u32(body, 0)),
        _ => usize::from(order.u16(body, 0)),
    };
    let interface = interfaces.get(place)?;
    let rest = body.get(20..)?;
    let (kept, original) = (order.u32(body, 12), order.u32(body, 16));
    let units = u64::from(order.u32(body, 4)) << 32 | u64::from(order.u32(body, 8));
    let per_second = u128::from(interface.per_second);
    let nanos = u128::from(units) * 1_000_000_000 / per_second;
    let at = i64::try_from(nanos).ok()?;
    let kept = length(kept).min(rest.len());
    let data = rest.get(..kept)?;
    let options = rest.get(kept.next_multiple_of(4)..).unwrap_or_default();
    let flags = option(order, options, 2).map_or(0, |bytes| number(order, bytes));
    Some(Frame {
        at: Time(at).plus(interface.offset_s.saturating_mul(1_000_000_000)),
        link: interface.link,
        interface: interface.number,
        outgoing: match flags & 3 {
            1 => Some(false),
            2 => Some(true),
            _ => None,
        },
        original,
        data,
    })
}

/// The value of an option.
fn option(order: Order, mut options: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let head = options.get(..4)?;
        let (code, size) = (order.u16(head, 0), usize::from(order.u16(head, 2)));
        if code == 0 {
            return None;
        }
        if code == wanted {
            return options.get(4..4 + size);
        }
        options = options.get(4 + size.next_multiple_of(4)..)?;
    }
}

/// A number of four or eight bytes.
fn number(order: Order, bytes: &[u8]) -> u64 {
    match (bytes.len(), order) {
        (8, Order::Little) => u64::from(order.u32(bytes, 0)) | u64::from(order.u32(bytes, 4)) << 32,
        (8, Order::Big) => u64::from(order.u32(bytes, 4)) | u64::from(order.u32(bytes, 0)) << 32,
        _ => u64::from(order.u32(bytes, 0)),
    }
}

/// Goes to the next beginning of a section. False where the file has none.
fn to_section(input: &mut Input<'_>) -> io::Result<bool> {
    input.skip(1)?;
    loop {
        let window = input.peek(WINDOW)?;
        let mark = SECTION.to_be_bytes();
        if let Some(place) = window.windows(4).position(|bytes| bytes == mark) {
            input.skip(u64::try_from(place).unwrap_or(u64::MAX))?;
            return Ok(true);
        }
        if window.len() < WINDOW {
            return Ok(false);
        }
        input.skip(u64::try_from(WINDOW - 3).unwrap_or(u64::MAX))?;
    }
}
