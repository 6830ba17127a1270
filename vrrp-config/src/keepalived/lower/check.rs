//! What only the whole configuration shows: routers of one identity, disabled scripts,
//! script security, nothing to run.

use super::Context;
use super::complete::RouterDraft;
use super::global::GlobalDraft;
use super::group::GroupDraft;
use super::script::ScriptDraft;
use super::value::quoted;
use crate::diagnostic::{Class, Diagnostic, Severity};
use vrrp_proto::units::Family;

/// Runs all checks.
pub(super) fn check(
    routers: &mut [RouterDraft],
    scripts: &mut Vec<ScriptDraft>,
    groups: &mut [GroupDraft],
    global: &GlobalDraft,
    context: &mut Context<'_>,
) {
    duplicates(routers, context);
    untrack(routers, scripts, groups);
    security(global, context);
    if routers.is_empty() && !context.collector.refused() {
        let message = "there is no vrrp_instance: nothing to run";
        context.push(
            Diagnostic::new(Severity::Warning, Class::Silent, None, message)
                .help("write a vrrp_instance block"),
        );
    }
}

/// One VRID belongs to one router on an interface and family.
fn duplicates(routers: &[RouterDraft], context: &mut Context<'_>) {
    for (index, router) in routers.iter().enumerate() {
        let same = |other: &&RouterDraft| {
            other.plan.interface == router.plan.interface
                && other.plan.family == router.plan.family
                && other.plan.vrid == router.plan.vrid
        };
        if let Some(other) = routers.iter().take(index).find(same) {
            let family = if router.plan.family == Family::V4 {
                "IPv4"
            } else {
                "IPv6"
            };
            let message = format!(
                "instances {} and {} both have virtual_router_id {} for {family} on {}",
                quoted(&other.plan.name),
                quoted(&router.plan.name),
                router.plan.vrid,
                router.plan.interface
            );
            context.refuse(
                router.vrid_span,
                message,
                "give one of them another number, here and on its peers",
            );
        }
    }
}

/// A script that cannot run is tracked by nobody.
fn untrack(routers: &mut [RouterDraft], scripts: &mut Vec<ScriptDraft>, groups: &mut [GroupDraft]) {
    let disabled: Vec<String> = scripts
        .iter()
        .filter(|script| script.disabled)
        .map(|script| script.plan.name.clone())
        .collect();
    for router in routers {
        router
            .plan
            .track_scripts
            .retain(|track| !disabled.contains(&track.name));
    }
    for group in groups {
        group
            .plan
            .track_scripts
            .retain(|track| !disabled.contains(&track.name));
    }
    scripts.retain(|script| !script.disabled);
}

/// keepalived does not come to look at its commands where an interface is missing.
fn security(global: &GlobalDraft, context: &mut Context<'_>) {
    if let Some(span) = context
        .first_command
        .filter(|_| !global.script_security && !context.missing_interface)
    {
        let message = "commands run as configured, without a check of who could change them";
        context.push(Diagnostic::new(Severity::Warning, Class::Security, span, message).help(
            "write enable_script_security in global_defs, and let root alone own the programs and their directories",
        ));
    }
}
