//! Sync groups: their members, and what becomes of members' weights.

use super::{instance, plan_of, read, says};

fn group(lines: &str) -> String {
    let second = instance("").replace('V', "W").replace("id 5", "id 6");
    format!(
        "{}{second}vrrp_sync_group G {{\n{lines}\n}}\n",
        instance("track_interface {\neth1 weight 5\n}")
    )
}

fn members(lines: &str, status: u8) -> Vec<String> {
    let loaded = read(&group(lines));
    assert_eq!(loaded.check_exit(), status, "{}", loaded.render());
    plan_of(&loaded)
        .groups
        .first()
        .map(|group| group.members.clone())
        .unwrap_or_default()
}

#[test]
fn members_stand_on_lines_of_their_own_or_on_one() {
    let weighted = "sync_group_tracking_weight\n";
    assert_eq!(
        members(&format!("{weighted}group {{\nV\nW\n}}"), 0),
        ["V", "W"]
    );
    assert_eq!(
        members(&format!("{weighted}group {{ W V }}"), 0),
        ["W", "V"]
    );
}

#[test]
fn unknown_and_repeated_members_are_dropped() {
    assert_eq!(members("group {\nV\nX\nV\nW\n}", 5), ["V", "W"]);
    assert_eq!(members("group {\nX\n}", 5), [""; 0]);
    assert_eq!(members("group {\n}", 5), [""; 0]);
}

#[test]
fn weights_of_members_are_dropped_unless_the_group_keeps_them() {
    let loaded = read(&group("group { V W }"));
    says(&loaded, "is a FAULT");
    assert_eq!(plan_of(&loaded).routers[0].track_interfaces[0].weight, 0);
    let loaded = read(&group("group { V W }\nglobal_tracking"));
    assert_eq!(plan_of(&loaded).routers[0].track_interfaces[0].weight, 5);
    assert_eq!(loaded.check_exit(), 5, "global_tracking is deprecated");
}

#[test]
fn a_group_has_no_notify_deleted() {
    says(
        &read(&group("group { V W }\nnotify_deleted /bin/true")),
        "unknown keyword 'notify_deleted'",
    );
}

/// An owner's priority never changes (seen: keepalived clears the weight).
#[test]
fn weights_of_a_group_with_an_owner_are_dropped() {
    let group = "vrrp_sync_group G {\ngroup {\nV\n}\ntrack_interface {\neth1 weight 5\n}\n}\n";
    let weight = |priority: &str| {
        let loaded = read(&format!("{}{group}", instance(priority)));
        let dropped = loaded.render().contains("the weight of 'eth1' is dropped");
        (
            dropped,
            plan_of(&loaded).groups[0].track_interfaces[0].weight,
        )
    };
    assert_eq!(weight("priority 255"), (true, 0));
    assert_eq!(weight("priority 254"), (false, 5));
}
