//! Sync groups.

use super::{Context, commands, track};
use crate::plan::{GroupPlan, RouterPlan, ScriptPlan};
use crate::toml::schema::{File, Group};

/// All groups of the file.
pub(super) fn lower(
    file: &File,
    routers: &[RouterPlan],
    scripts: &[ScriptPlan],
    context: &mut Context<'_, '_>,
) -> Vec<GroupPlan> {
    let mut plans: Vec<GroupPlan> = Vec::new();
    for group in &file.group {
        context.unique(
            &group.name,
            file.group.iter().map(|other| &other.name),
            "group",
        );
        let members = members(group, file, routers, &plans, context);
        plans.push(GroupPlan {
            name: group.name.get_ref().clone(),
            members,
            track_scripts: track::scripts(&group.track_scripts, scripts, context),
            track_interfaces: track::interfaces(&group.track_interfaces, None, context),
            tracking_weight: group.tracking_weight,
            notify: commands::notify(&group.notify, true, context),
            smtp_alert: group.smtp_alert,
        });
    }
    plans
}

fn members(
    group: &Group,
    file: &File,
    routers: &[RouterPlan],
    earlier: &[GroupPlan],
    context: &mut Context<'_, '_>,
) -> Vec<String> {
    let mut members: Vec<String> = Vec::new();
    for member in group.members.get_ref() {
        let name = member.get_ref();
        if !file
            .router
            .iter()
            .any(|router| router.name.get_ref() == name)
        {
            context.refuse(
                member.span(),
                format!("there is no router '{name}'"),
                "correct the name",
            );
        }
        if members.contains(name) || earlier.iter().any(|group| group.members.contains(name)) {
            context.refuse(
                member.span(),
                format!("router '{name}' is in a group already"),
                "a router can be in one group only",
            );
        }
        let weighted = routers
            .iter()
            .find(|router| router.name == *name)
            .is_some_and(|router| {
                router
                    .track_scripts
                    .iter()
                    .chain(&router.track_interfaces)
                    .any(|track| track.weight != 0)
            });
        if weighted && !group.tracking_weight {
            let message = format!(
                "router '{name}' tracks something with a weight, which its group does not allow"
            );
            context.refuse(
                member.span(),
                message,
                "track it in the group, or write tracking_weight = true there",
            );
        }
        members.push(name.clone());
    }
    // keepalived runs a group of one, which changes nothing.
    let least = if context.is_rfc() { 2 } else { 1 };
    if members.len() < least {
        context.refuse(
            group.members.span(),
            "a group needs two routers",
            "list all routers that shall move together",
        );
    }
    members
}
