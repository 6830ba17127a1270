//! Keeps the members of a sync group together, after each step of one of them. The rules are [`crate::group`]'s.

use super::{Node, RouterIndex, Sink};
use crate::group::{self, GroupIndex};
use crate::router::{Action, Event, GroupOrder, State, VirtualRouter};
use crate::time::Instant;

impl Node {
    /// Brings the members of a router's sync group to where they belong together.
    pub(super) fn settle(
        &mut self,
        now: Instant,
        index: RouterIndex,
        order: Option<GroupOrder>,
        sink: &mut Sink<'_>,
    ) {
        let Some(group) = self.slot(index).and_then(|slot| slot.group) else {
            return;
        };
        if let Some(order) = order {
            self.each_member(group, &mut |node, member| {
                if node.is_active(member) {
                    let _ = node.deliver(now, member, Event::Group(order), sink);
                }
            });
        }
        self.share_faults(now, group, sink);
        if group::may_activate(self.members(group)) {
            self.each_member(group, &mut |node, member| {
                let wants = node
                    .router(member)
                    .is_some_and(|router| router.wants_active());
                if wants {
                    let _ = node.deliver(now, member, Event::Group(GroupOrder::Activate), sink);
                }
            });
        }
        self.report_group(group, index, sink);
    }

    /// A fault of one member is a fault of all (and leaves them together).
    fn share_faults(&mut self, now: Instant, group: GroupIndex, sink: &mut Sink<'_>) {
        let faulty =
            |router: &VirtualRouter| router.is_running() && !group::own_faults(router).is_empty();
        let count = self.members(group).filter(|member| faulty(member)).count();
        self.each_member(group, &mut |node, member| {
            if let Some(slot) = node.slot_mut(member) {
                let others = count.saturating_sub(usize::from(faulty(&slot.router)));
                slot.sibling_fault = others > 0;
            }
            node.tell_faults(now, member, sink);
        });
    }

    /// Tells of a state that all members have reached.
    fn report_group(&mut self, group: GroupIndex, last: RouterIndex, sink: &mut Sink<'_>) {
        let common = group::common_state(self.members(group));
        let Some(entry) = self.groups.get_mut(usize::from(group.0)) else {
            return;
        };
        let Some(state) = common.filter(|state| entry.reported != Some(*state)) else {
            return;
        };
        entry.reported = Some(state);
        if let Some(router) = self.router(last) {
            sink(last, router, Action::GroupReached { group, state });
        }
    }

    fn is_active(&self, index: RouterIndex) -> bool {
        self.router(index)
            .is_some_and(|router| router.state() == State::Active)
    }

    /// Calls `each` for every member. By position, since `each` changes the node.
    pub(super) fn each_member(
        &mut self,
        group: GroupIndex,
        each: &mut dyn FnMut(&mut Self, RouterIndex),
    ) {
        let mut position = 0_usize;
        while let Some(member) = self
            .groups
            .get(usize::from(group.0))
            .and_then(|group| group.members.get(position))
            .copied()
        {
            each(self, member);
            position = position.saturating_add(1);
        }
    }
}
