//! Text in the region of events: JSON, over as many slots as it takes.
//!
//! Not for the engine: making JSON allocates.

use super::slot::{EVENT, HEAD, Slot, kind};
use super::writer::RegionWriter;
use crate::event::Event;
use crate::status::Unavailable;

/// Bytes of text in one slot.
const ROOM: usize = EVENT - HEAD;

/// Appends an event.
pub fn append_event(region: &mut RegionWriter<'_, EVENT>, event: &Event) {
    if let Ok(json) = serde_json::to_vec(event) {
        append(region, kind::EVENT, &json);
    }
}

/// Appends evidence that this machine cannot give.
pub fn append_unavailable(region: &mut RegionWriter<'_, EVENT>, missing: &Unavailable) {
    if let Ok(json) = serde_json::to_vec(missing) {
        append(region, kind::UNAVAILABLE, &json);
    }
}

fn append(region: &mut RegionWriter<'_, EVENT>, last: u8, text: &[u8]) {
    let mut parts = text.chunks(ROOM).peekable();
    while let Some(part) = parts.next() {
        let of = if parts.peek().is_some() {
            kind::TEXT_PART
        } else {
            last
        };
        let mut slot = Slot::new(of, u16::try_from(part.len()).unwrap_or_default());
        slot.body_mut()[..part.len()].copy_from_slice(part);
        region.append(slot);
    }
}
