//! A bounded list of actions: what one step of a virtual router asks for, without a heap.

use super::Action;

/// No step of a router asks for more: the longest one is Shutdown and Startup in one (S-23) after several releases.
const CAPACITY: usize = 10;

/// The actions of one step, in the order in which the driver carries them out.
#[must_use = "a router's actions must be carried out in order"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actions {
    list: [Option<Action>; CAPACITY],
    len: usize,
}

impl Actions {
    /// Nothing to do.
    pub const NONE: Self = Self {
        list: [None; CAPACITY],
        len: 0,
    };

    /// Adds an action at the end.
    pub(super) fn push(&mut self, action: Action) {
        let slot = self.list.get_mut(self.len);
        debug_assert!(slot.is_some(), "a step has at most {CAPACITY} actions");
        if let Some(slot) = slot {
            *slot = Some(action);
            self.len = self.len.saturating_add(1);
        }
    }

    /// The actions in order.
    pub fn iter(&self) -> impl Iterator<Item = &Action> {
        self.list.iter().flatten()
    }

    /// Number of actions.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl IntoIterator for Actions {
    type Item = Action;
    type IntoIter = core::iter::Flatten<core::array::IntoIter<Option<Action>, CAPACITY>>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter().flatten()
    }
}
