//! Where a router of a name is: in the plan, and in the records. Made once for a plan, because a thousand routers are looked
//! for ten times a second.

use std::collections::HashMap;

use vrrp_config::plan::Plan;
use vrrp_record::history::Router;
use vrrp_record::text::Name;

/// Places by name. Of two routers with one name the first counts.
#[derive(Debug)]
pub(super) struct Index {
    plan: HashMap<String, usize>,
    records: HashMap<String, u16>,
    /// The same by the names that events have, which may be shortened.
    events: HashMap<Name, u16>,
}

impl Index {
    pub(super) fn new(plan: &Plan, records: &[Router]) -> Self {
        let mut index = Self {
            plan: HashMap::new(),
            records: HashMap::new(),
            events: HashMap::new(),
        };
        for (place, router) in plan.routers.iter().enumerate() {
            index.plan.entry(router.name.clone()).or_insert(place);
        }
        for (place, router) in (0..).zip(records) {
            index.records.entry(router.name.clone()).or_insert(place);
            index.events.entry(Name::new(&router.name)).or_insert(place);
        }
        index
    }

    /// The position in the plan.
    pub(super) fn plan(&self, name: &str) -> Option<usize> {
        self.plan.get(name).copied()
    }

    /// The position that records have.
    pub(super) fn position(&self, name: &str) -> Option<u16> {
        self.records.get(name).copied()
    }

    /// The position that records have, of a router that an event names.
    pub(super) fn position_of(&self, name: &Name) -> Option<u16> {
        self.events.get(name).copied()
    }
}
