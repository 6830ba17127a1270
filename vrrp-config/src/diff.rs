//! What changed between two plans: the basis of reload by difference and of `vrrpctl config diff`.
//!
//! Routers are the same router when interface, family and VRID agree, whatever their name; everything else is told apart
//! by name. Fields are named, values are not: a password never appears here (safety rule 11).

use std::fmt;

use vrrp_proto::units::{Family, Vrid};

use crate::plan::{Global, GroupPlan, Plan, RouterPlan, ScriptPlan};

/// What a virtual router is, whatever it is called.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RouterKey {
    /// Base interface.
    pub interface: String,
    /// Family of its adverts.
    pub family: Family,
    /// VRID.
    pub vrid: Vrid,
}

impl RouterKey {
    /// The identity of a router.
    #[must_use]
    pub fn of(router: &RouterPlan) -> Self {
        Self {
            interface: router.interface.clone(),
            family: router.family,
            vrid: router.vrid,
        }
    }

    fn is_of(&self, router: &RouterPlan) -> bool {
        self.interface == router.interface
            && self.family == router.family
            && self.vrid == router.vrid
    }
}

impl fmt::Display for RouterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let family = match self.family {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        };
        write!(f, "{} {family} VRID {}", self.interface, self.vrid)
    }
}

/// A router that only one of the two plans has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterEntry {
    /// Its identity.
    pub key: RouterKey,
    /// Its name in the plan that has it.
    pub name: String,
}

/// A router that both plans have, and not alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterChange {
    /// Its identity, which did not change.
    pub key: RouterKey,
    /// Its name in the old plan.
    pub old_name: String,
    /// Its name in the new plan; a new name alone is no reason to touch the router.
    pub new_name: String,
    /// Fields of [`RouterPlan`] that differ, in the order of that type; the name is not among them.
    pub fields: Vec<&'static str>,
}

impl RouterChange {
    /// Whether the name changed.
    #[must_use]
    pub fn is_renamed(&self) -> bool {
        self.old_name != self.new_name
    }
}

/// What happened to something that its name identifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedChange {
    /// Only the new plan has it.
    Added(String),
    /// Only the old plan has it.
    Removed(String),
    /// Both have it, and these fields differ.
    Changed(String, Vec<&'static str>),
}

/// Everything that differs between two plans.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanDiff {
    /// Routers of the new plan only, in its order.
    pub added: Vec<RouterEntry>,
    /// Routers of the old plan only, in its order.
    pub removed: Vec<RouterEntry>,
    /// Routers of both plans that differ, in the order of the new one.
    pub changed: Vec<RouterChange>,
    /// Scripts.
    pub scripts: Vec<NamedChange>,
    /// Sync groups.
    pub groups: Vec<NamedChange>,
    /// Fields of [`Global`] that differ.
    pub global: Vec<&'static str>,
    /// What both plans have stands in another order, which only the order of notifications can show.
    pub reordered: bool,
}

impl PlanDiff {
    /// Whether the plans are the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Names the fields of `$type` in which two values differ. Every field has to be listed, as compared or as left out: a
/// new one does not compile until somebody decided.
macro_rules! differing {
    ($type:ident, $old:expr, $new:expr, compared: [$($field:ident),* $(,)?], left_out: [$($left_out:ident),*]) => {{
        let (old, new): (&$type, &$type) = ($old, $new);
        let $type { $($field: _,)* $($left_out: _,)* } = old;
        let mut fields: Vec<&'static str> = Vec::new();
        $(if old.$field != new.$field {
            fields.push(stringify!($field));
        })*
        fields
    }};
}

/// Compares two plans.
#[must_use]
pub fn diff(old: &Plan, new: &Plan) -> PlanDiff {
    let mut result = PlanDiff {
        scripts: named(
            &old.scripts,
            &new.scripts,
            |script| &script.name,
            script_fields,
        ),
        groups: named(&old.groups, &new.groups, |group| &group.name, group_fields),
        global: global_fields(&old.global, &new.global),
        ..PlanDiff::default()
    };
    for router in &new.routers {
        let key = RouterKey::of(router);
        match old.routers.iter().find(|candidate| key.is_of(candidate)) {
            None => result.added.push(entry(router)),
            Some(before) => {
                let fields = router_fields(before, router);
                if !fields.is_empty() || before.name != router.name {
                    result.changed.push(RouterChange {
                        key,
                        old_name: before.name.clone(),
                        new_name: router.name.clone(),
                        fields,
                    });
                }
            }
        }
    }
    for router in &old.routers {
        let key = RouterKey::of(router);
        if !new.routers.iter().any(|candidate| key.is_of(candidate)) {
            result.removed.push(entry(router));
        }
    }
    result.reordered = reordered(&old.routers, &new.routers, RouterKey::of)
        || reordered(&old.scripts, &new.scripts, |script| script.name.clone())
        || reordered(&old.groups, &new.groups, |group| group.name.clone());
    result
}

fn entry(router: &RouterPlan) -> RouterEntry {
    RouterEntry {
        key: RouterKey::of(router),
        name: router.name.clone(),
    }
}

/// Whether what both sides have stands in another order.
fn reordered<T, K: PartialEq>(old: &[T], new: &[T], key: impl Fn(&T) -> K) -> bool {
    let (old, new): (Vec<K>, Vec<K>) = (
        old.iter().map(&key).collect(),
        new.iter().map(&key).collect(),
    );
    let kept = old.iter().filter(|&key| new.contains(key));
    let found = new.iter().filter(|&key| old.contains(key));
    !kept.eq(found)
}

/// Compares two lists whose entries their names tell apart.
fn named<T>(
    old: &[T],
    new: &[T],
    name: impl Fn(&T) -> &str,
    fields: impl Fn(&T, &T) -> Vec<&'static str>,
) -> Vec<NamedChange> {
    let mut changes = Vec::new();
    for entry in new {
        match old.iter().find(|before| name(before) == name(entry)) {
            None => changes.push(NamedChange::Added(name(entry).to_owned())),
            Some(before) => {
                let fields = fields(before, entry);
                if !fields.is_empty() {
                    changes.push(NamedChange::Changed(name(entry).to_owned(), fields));
                }
            }
        }
    }
    for entry in old {
        if !new.iter().any(|after| name(after) == name(entry)) {
            changes.push(NamedChange::Removed(name(entry).to_owned()));
        }
    }
    changes
}

fn router_fields(old: &RouterPlan, new: &RouterPlan) -> Vec<&'static str> {
    differing!(RouterPlan, old, new, compared: [
        version, interoperate, wanted_master, priority, interval, preempt, preempt_delay, down_adverts, answer_lower,
        advert_before_yield, auth, transport, source, track_source, addresses, excluded, check_addresses,
        checksum_send, checksum_accept, require_link_local_first, require_link_local_source, owner_discards_v2,
        announce, dont_track_primary, track_interfaces, track_scripts, notify, smtp_alert, restore_addresses,
    ], left_out: [name, interface, family, vrid])
}

fn script_fields(old: &ScriptPlan, new: &ScriptPlan) -> Vec<&'static str> {
    differing!(ScriptPlan, old, new, compared: [
        command, interval, timeout, rise, fall, weight, reverse, init_fail,
    ], left_out: [name])
}

fn group_fields(old: &GroupPlan, new: &GroupPlan) -> Vec<&'static str> {
    differing!(GroupPlan, old, new, compared: [
        members, track_scripts, track_interfaces, tracking_weight, notify, smtp_alert,
    ], left_out: [name])
}

fn global_fields(old: &Global, new: &Global) -> Vec<&'static str> {
    differing!(Global, old, new, compared: [
        profile, router_id, mail, script_user, script_security, dynamic_interfaces, startup_delay, log_unknown_vrids,
        realtime, probe, ring_bytes, journal, fast_fail, metrics, dump, fifos, fifo_states_on_reload,
    ], left_out: [])
}

impl fmt::Display for PlanDiff {
    /// One line for each change, for people; nothing where nothing changed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for router in &self.removed {
            writeln!(f, "removed: router {} ({})", router.name, router.key)?;
        }
        for router in &self.added {
            writeln!(f, "added: router {} ({})", router.name, router.key)?;
        }
        for router in &self.changed {
            if router.is_renamed() {
                writeln!(
                    f,
                    "renamed: router {} to {} ({})",
                    router.old_name, router.new_name, router.key
                )?;
            }
            if !router.fields.is_empty() {
                let fields = router.fields.join(", ");
                writeln!(
                    f,
                    "changed: router {} ({}): {fields}",
                    router.new_name, router.key
                )?;
            }
        }
        for (kind, changes) in [("script", &self.scripts), ("sync group", &self.groups)] {
            for change in changes {
                match change {
                    NamedChange::Added(name) => writeln!(f, "added: {kind} {name}")?,
                    NamedChange::Removed(name) => writeln!(f, "removed: {kind} {name}")?,
                    NamedChange::Changed(name, fields) => {
                        writeln!(f, "changed: {kind} {name}: {}", fields.join(", "))?;
                    }
                }
            }
        }
        if !self.global.is_empty() {
            writeln!(f, "changed: global settings: {}", self.global.join(", "))?;
        }
        if self.reordered {
            writeln!(f, "changed: order in the file")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
