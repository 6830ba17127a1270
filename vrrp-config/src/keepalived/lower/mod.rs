//! The tree of a keepalived.conf into a plan: what each word means.

use super::collector::Collector;
use super::tree::Node;
use crate::diagnostic::{Class, Diagnostic};
use crate::facts::HostFacts;
use crate::plan::Plan;

/// Gives a tree its meaning.
pub(crate) fn lower(
    _roots: &[Node],
    _facts: &dyn HostFacts,
    collector: &mut Collector,
) -> Option<Plan> {
    collector.push(Diagnostic::error(
        Class::Complaint,
        None,
        "this build reads the words of keepalived.conf but not yet their meaning",
    ));
    None
}
