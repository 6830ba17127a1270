//! Sync groups: routers that are Active, or not, together.
//!
//! Decides from the members' states what each member is told. It holds no state and knows no time.

/// Position of a sync group in its [`crate::node::Node`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupIndex(pub u16);
