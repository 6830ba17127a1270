//! Where routers stand in the flight recorder: a place each, which stays theirs over reloads.

use vrrp_config::plan::RouterPlan;
use vrrp_proto::router::RouterId;
use vrrp_record::ring::Description;

use crate::recorder;

/// The places given so far, and the recorder's descriptions of them.
#[derive(Debug, Default)]
pub(crate) struct Places {
    routers: Vec<RouterId>,
    descriptions: Vec<Description<'static>>,
}

impl Places {
    pub(crate) const fn new(descriptions: Vec<Description<'static>>) -> Self {
        Self {
            routers: Vec::new(),
            descriptions,
        }
    }

    /// The place of a router, which is described anew. Routers beyond the recorder's places are recorded without a
    /// description.
    pub(super) fn take(&mut self, id: RouterId, plan: &RouterPlan) -> u16 {
        let known = self.routers.iter().position(|router| *router == id);
        let place = known.unwrap_or_else(|| {
            self.routers.push(id);
            self.routers.len() - 1
        });
        if let Some(description) = self.descriptions.get_mut(place) {
            description.write(&recorder::describe(plan));
        }
        u16::try_from(place).unwrap_or(u16::MAX)
    }
}

/// A digest of a router's plan. Secrets are not part of it.
pub(super) fn digest(plan: &RouterPlan) -> u64 {
    let text = format!("{plan:?}");
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |digest, byte| {
            (digest ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
}
