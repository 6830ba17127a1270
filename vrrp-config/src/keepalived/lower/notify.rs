//! `notify` and its companions, of instances and of sync groups.

use super::Context;
use super::value::quoted;
use crate::keepalived::tree::Node;
use crate::plan::{CommandPlan, NotifyPlan, UserSpec};

/// Takes a notify keyword; false where it is none of the scope.
pub(super) fn read(
    node: &Node,
    plan: &mut NotifyPlan,
    in_group: bool,
    script_user: Option<&UserSpec>,
    context: &mut Context<'_>,
) -> bool {
    let slot: &mut Option<CommandPlan> = match node.keyword.text.as_str() {
        "notify_master" => &mut plan.master,
        "notify_backup" => &mut plan.backup,
        "notify_fault" => &mut plan.fault,
        "notify_stop" => &mut plan.stop,
        "notify" => &mut plan.any,
        "notify_deleted" if !in_group => &mut plan.deleted,
        "notify_master_rx_lower_pri" if !in_group => &mut plan.lower_heard,
        _ => return false,
    };
    let command = context.notify_command(node, script_user);
    if slot.is_some() {
        let message = format!("a second {} is ignored", quoted(&node.keyword.text));
        context.complain(
            node.keyword.span,
            message,
            "keep one of the two; let it call both programs if both are wanted",
        );
    } else {
        *slot = command;
    }
    true
}
