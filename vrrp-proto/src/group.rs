//! Sync groups: routers that are Active, or not, together.
//!
//! Decides from the members' states what each member is told, as keepalived does: a member may become Active only when
//! all want to, and one that leaves takes the others along. Holds no state and knows no time; the node asks and obeys.

use crate::router::{Cause, FaultSet, GroupOrder, State, VirtualRouter};

/// Position of a sync group in its [`crate::node::Node`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupIndex(pub u16);

/// Faults that a member has by itself, which its siblings share as [`FaultSet::GROUP`]. One that only waits for a first
/// result is not among them: the group cannot become Active without it anyway.
#[must_use]
pub fn own_faults(member: &VirtualRouter) -> FaultSet {
    member
        .faults()
        .with(FaultSet::GROUP, false)
        .with(FaultSet::TRACKER_PENDING, false)
}

/// Whether every running member is Active or wants to be, and one is not yet.
#[must_use]
pub fn may_activate<'a>(members: impl Iterator<Item = &'a VirtualRouter>) -> bool {
    let mut waiting = false;
    for member in members.filter(|member| member.is_running()) {
        if member.state() != State::Active {
            if !member.wants_active() {
                return false;
            }
            waiting = true;
        }
    }
    waiting
}

/// What the siblings of a member that left Active are told. A fault reaches them as a fault of their own, and a member
/// that was told to stop leaves the group to the others.
#[must_use]
pub const fn order_after(cause: Cause) -> Option<GroupOrder> {
    match cause {
        Cause::HigherPriority { .. } | Cause::TieLost { .. } | Cause::Reconfigured => {
            Some(GroupOrder::Yield)
        }
        Cause::AddressesLost | Cause::Outweighed { .. } => Some(GroupOrder::Bounce),
        Cause::Started
        | Cause::OwnerStarted
        | Cause::SilentActive { .. }
        | Cause::Released { .. }
        | Cause::Preempting { .. }
        | Cause::Fault(_)
        | Cause::FaultCleared
        | Cause::Group
        | Cause::Stopped
        | Cause::AddressesRefused { .. }
        | Cause::SuccessorReady
        | Cause::HoldExpired
        | Cause::HoldUnhealthy
        // All members are told.
        | Cause::Yielded
        | Cause::NoSuccessor
        | Cause::TakenOut
        | Cause::BackIn => None,
    }
}

/// What a group is as a whole, once its running members agree: Active, Backup, or Initialize while any has a fault.
#[must_use]
pub fn common_state<'a>(members: impl Iterator<Item = &'a VirtualRouter>) -> Option<State> {
    let mut common = None;
    for member in members.filter(|member| member.is_running()) {
        let state = if member.is_watching() {
            State::Backup
        } else {
            member.state()
        };
        let waits = state == State::Initialize
            && member
                .faults()
                .with(FaultSet::TRACKER_PENDING, false)
                .is_empty();
        if waits || common.is_some_and(|common| common != state) {
            return None;
        }
        common = Some(state);
    }
    common
}
