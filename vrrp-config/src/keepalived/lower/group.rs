//! `vrrp_sync_group`: routers that move together.

use super::Context;
use super::complete::RouterDraft;
use super::global::GlobalDraft;
use super::notify;
use super::script::ScriptDraft;
use super::track::{self, Track};
use super::value::quoted;
use crate::keepalived::token::Word;
use crate::keepalived::tree::Node;
use crate::keepalived::words::Scope;
use crate::plan::{GroupPlan, NotifyPlan, TrackPlan};
use crate::source::Span;

/// A group as written, then as resolved.
#[derive(Debug)]
pub(super) struct GroupDraft {
    pub(super) plan: GroupPlan,
    pub(super) span: Span,
    members: Vec<Word>,
    has_list: bool,
    smtp_alert: Option<bool>,
    pub(super) track_interfaces: Vec<Track>,
    pub(super) track_scripts: Vec<Track>,
}

/// Reads a `vrrp_sync_group` block.
pub(super) fn read(
    node: &Node,
    scripts: &[ScriptDraft],
    groups: &mut Vec<GroupDraft>,
    context: &mut Context<'_>,
) {
    let Some(name) = node.arguments.first() else {
        let message = "this vrrp_sync_group has no name and is skipped";
        context.complain(node.keyword.span, message, "write 'vrrp_sync_group NAME {'");
        return;
    };
    if groups.iter().any(|group| group.plan.name == name.text) {
        let message = format!(
            "sync group {} is defined already; this one is skipped",
            quoted(&name.text)
        );
        context.complain(name.span, message, "give it another name");
        return;
    }
    context.surplus(node, 1);
    let mut draft = GroupDraft {
        plan: GroupPlan {
            name: name.text.clone(),
            members: Vec::new(),
            track_scripts: Vec::new(),
            track_interfaces: Vec::new(),
            tracking_weight: false,
            notify: NotifyPlan::default(),
            smtp_alert: false,
        },
        span: name.span,
        members: Vec::new(),
        has_list: false,
        smtp_alert: None,
        track_interfaces: Vec::new(),
        track_scripts: Vec::new(),
    };
    for child in context.block(node) {
        draft.read(child, scripts, context);
    }
    groups.push(draft);
}

impl GroupDraft {
    /// What the group leaves to `global_defs`.
    pub(super) fn settle(&mut self, global: &GlobalDraft) {
        self.plan.smtp_alert = self.smtp_alert.unwrap_or(global.smtp_alert);
    }

    fn read(&mut self, node: &Node, scripts: &[ScriptDraft], context: &mut Context<'_>) {
        let script_user = context.script_user.clone();
        if notify::read(
            node,
            &mut self.plan.notify,
            true,
            script_user.as_ref(),
            context,
        ) {
            return;
        }
        match node.keyword.text.as_str() {
            "group" if self.has_list => {
                let message = format!(
                    "sync group {} has a group block already; this one is ignored",
                    quoted(&self.plan.name)
                );
                context.complain(
                    node.keyword.span,
                    message,
                    "list all instances in one block",
                );
            }
            "group" => {
                self.has_list = true;
                let entries = context.block(node);
                if entries.is_empty() && node.block.is_some() {
                    let message = format!(
                        "sync group {} has an empty group block",
                        quoted(&self.plan.name)
                    );
                    context.complain(
                        node.keyword.span,
                        message,
                        "list the names of its instances",
                    );
                }
                self.members
                    .extend(entries.iter().flat_map(Node::words).cloned());
            }
            "track_script" => track::scripts(node, scripts, &mut self.track_scripts, context),
            "track_interface" => track::interfaces(node, &mut self.track_interfaces, context),
            "sync_group_tracking_weight" => self.plan.tracking_weight = context.flag(node),
            "global_tracking" => {
                let message = "global_tracking is deprecated; its members keep their weights";
                context.complain(
                    node.keyword.span,
                    message,
                    "write sync_group_tracking_weight, or track things in the group",
                );
                self.plan.tracking_weight = true;
            }
            "smtp_alert" => {
                self.smtp_alert = context.boolean(node).or(self.smtp_alert);
            }
            "notify_priority_changes" => {
                self.plan.notify.priority_changes = context
                    .boolean(node)
                    .unwrap_or(self.plan.notify.priority_changes);
            }
            _ => context.other(Scope::Group, node),
        }
    }
}

/// Finds the members, and takes weights from members of groups that do not allow them.
pub(super) fn resolve(
    groups: Vec<GroupDraft>,
    routers: &mut [RouterDraft],
    context: &mut Context<'_>,
) -> Vec<GroupDraft> {
    let mut taken: Vec<String> = Vec::new();
    let mut kept = Vec::new();
    for mut group in groups {
        let shown = quoted(&group.plan.name);
        for member in &group.members {
            if taken.contains(&member.text) {
                let message = format!(
                    "{} is in a sync group already; this mention is ignored",
                    quoted(&member.text)
                );
                context.complain(member.span, message, "an instance can be in one group only");
            } else if routers.iter().any(|router| router.plan.name == member.text) {
                taken.push(member.text.clone());
                group.plan.members.push(member.text.clone());
            } else {
                let message = format!(
                    "no instance {} exists; sync group {shown} goes without it",
                    quoted(&member.text)
                );
                context.complain(
                    member.span,
                    message,
                    "correct the name: it is the word after vrrp_instance",
                );
            }
        }
        match group.plan.members.len() {
            0 => {
                let message = format!("sync group {shown} has no instance and is dropped");
                context.complain(
                    group.span,
                    message,
                    "list its instances in 'group { }', one a line",
                );
                continue;
            }
            1 => {
                let message =
                    format!("sync group {shown} has one instance only, which changes nothing");
                context.complain(
                    group.span,
                    message,
                    "list all instances that shall move together",
                );
            }
            _ => {}
        }
        if !group.plan.tracking_weight {
            for router in routers
                .iter_mut()
                .filter(|router| group.plan.members.contains(&router.plan.name))
            {
                without_weights(router, context);
            }
        }
        let plans = |tracks: &[Track]| {
            tracks
                .iter()
                .map(|track| track.plan.clone())
                .collect::<Vec<TrackPlan>>()
        };
        group.plan.track_interfaces = plans(&group.track_interfaces);
        group.plan.track_scripts = plans(&group.track_scripts);
        if owner(&group.plan.members, routers) {
            without_weights_of_owner(&mut group, context);
        }
        kept.push(group);
    }
    kept
}

/// Whether one of the members is the owner of its addresses.
fn owner(members: &[String], routers: &[RouterDraft]) -> bool {
    let mut plans = routers.iter().map(|router| &router.plan);
    plans.any(|plan| plan.priority.is_owner() && members.contains(&plan.name))
}

/// An owner's priority never changes, so what its group tracks fails all of it instead, as with keepalived.
fn without_weights_of_owner(group: &mut GroupDraft, context: &mut Context<'_>) {
    let name = quoted(&group.plan.name);
    let tracks = group.plan.track_interfaces.iter_mut();
    for track in tracks.chain(&mut group.plan.track_scripts) {
        if track.weight != 0 {
            let message = format!(
                "sync group {name} has a member with priority 255: the weight of {} is dropped, its failure is a FAULT",
                quoted(&track.name)
            );
            context.complain(
                group.span,
                message,
                "use priorities up to 254, or track it without a weight",
            );
            track.weight = 0;
        }
    }
}

/// Members of a group must not differ in priority by their own tracking.
fn without_weights(router: &mut RouterDraft, context: &mut Context<'_>) {
    let help = "track it in the sync group, or write sync_group_tracking_weight there";
    let name = quoted(&router.plan.name);
    let span = router.span;
    router.plan.track_scripts.retain(|track| {
        if track.weight != 0 {
            let message = format!(
                "instance {name} is in a sync group: script {} has a weight and is NOT tracked",
                quoted(&track.name)
            );
            context.complain(span, message, help);
        }
        track.weight == 0
    });
    for track in &mut router.plan.track_interfaces {
        if track.weight != 0 {
            let message = format!(
                "instance {name} is in a sync group: the weight of interface {} is dropped, its failure is a FAULT",
                quoted(&track.name)
            );
            context.complain(span, message, help);
            track.weight = 0;
        }
    }
}
