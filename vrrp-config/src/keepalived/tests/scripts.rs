//! Script-type keywords, track scripts, and what the host says about commands.

use std::path::Path;

use super::{PATH, instance, options, plan_of, read, says};
use crate::facts::{CommandFinding, HostFacts};
use crate::files::MemoryFiles;
use crate::load::{Loaded, load};
use crate::plan::{CommandPlan, Plan, UserSpec};

const SECURE: &str = "global_defs {\nenable_script_security\nscript_user root\n}\n";

fn script(lines: &str, track: &str) -> String {
    format!(
        "{SECURE}vrrp_script chk {{\n{lines}\n}}\n{}",
        instance(&format!("track_script {{\n{track}\n}}"))
    )
}

fn plan(lines: &str, track: &str, status: u8) -> Plan {
    let loaded = read(&script(lines, track));
    assert_eq!(loaded.check_exit(), status, "{}", loaded.render());
    plan_of(&loaded).clone()
}

fn argv(line: &str) -> Vec<String> {
    plan(line, "chk", 0).scripts[0].command.argv.clone()
}

/// Trap 15.
#[test]
fn a_quoted_command_is_split_into_words_without_a_shell() {
    assert_eq!(
        argv("script \"killall -0 haproxy\""),
        ["killall", "-0", "haproxy"]
    );
    assert_eq!(argv("script '/bin/a \"b c\" d'"), ["/bin/a", "b c", "d"]);
    assert_eq!(
        argv("script \"/bin/a 'b c' $X | d && e\""),
        ["/bin/a", "b c", "$X", "|", "d", "&&", "e"]
    );
    assert_eq!(
        argv("script \"/bin/a b\\ c \\x41\\101\\n\""),
        ["/bin/a", "b c", "AA\n"]
    );
}

/// `script killall -0 haproxy` always fails, and nobody is told.
#[test]
fn words_behind_an_unquoted_command_are_ignored_and_told() {
    let loaded = read(&script("script killall -0 haproxy", "chk"));
    assert_eq!(loaded.check_exit(), 0);
    let help = says(&loaded, "'killall' alone").help.as_deref().unwrap();
    assert_eq!(
        help,
        "quote the whole command: script \"killall -0 haproxy\""
    );
    assert_eq!(plan_of(&loaded).scripts[0].command.argv, ["killall"]);
}

#[test]
fn the_shell_form_keeps_its_text() {
    let command = plan("script \"</bin/a b | c\"", "chk", 0).scripts[0]
        .command
        .clone();
    assert!(command.shell);
    assert_eq!(command.argv, ["/bin/a b | c"]);
}

#[test]
fn a_script_has_keepaliveds_defaults() {
    let script = plan("script \"/bin/true\"", "chk", 0).scripts[0].clone();
    assert_eq!(
        (script.interval.as_secs(), script.timeout.as_secs()),
        (1, 1)
    );
    assert_eq!((script.rise, script.fall, script.weight), (1, 1, 0));
    assert!(!script.reverse && !script.init_fail);
}

#[test]
fn numbers_of_a_script_have_their_ranges() {
    for (line, status) in [
        ("interval 1", 0),
        ("interval 4294", 0),
        ("interval 0", 5),
        ("interval 4295", 5),
        ("interval .2", 5),
        ("timeout 1", 0),
        ("timeout 0", 5),
        ("timeout 4295", 5),
        ("rise 1", 0),
        ("rise 0", 5),
        ("fall 2147483647", 0),
        ("fall 2147483648", 5),
        ("weight -253", 0),
        ("weight 253", 0),
        ("weight 254", 5),
        ("weight -254", 5),
        ("weight 5 reverse", 0),
        ("weight 5 backwards", 5),
    ] {
        plan(&format!("script \"/bin/true\"\n{line}"), "chk", status);
    }
}

#[test]
fn a_tracking_entry_overrides_the_weight() {
    for (own, entry, weight, reverse) in [
        ("", "chk", 0, false),
        ("weight 5 reverse", "chk", 5, true),
        ("weight 5", "chk weight -7", -7, false),
        ("weight 5 reverse", "chk weight 7", 7, true),
        ("weight 5 reverse", "chk weight 7 noreverse", 7, false),
        ("weight 5", "chk weight 0", 0, false),
    ] {
        let plan = plan(&format!("script \"/bin/true\"\n{own}"), entry, 0);
        let track = &plan.routers[0].track_scripts[0];
        assert_eq!(
            (track.weight, track.reverse),
            (weight, reverse),
            "{own} {entry}"
        );
    }
}

/// Trap 12: otherwise the router runs untracked.
#[test]
fn a_script_has_to_be_defined_above_its_user() {
    let below = format!(
        "{}vrrp_script chk {{\nscript \"/bin/true\"\n}}\n",
        instance("track_script {\nchk\n}")
    );
    let loaded = read(&format!("{SECURE}{below}"));
    assert_eq!(loaded.check_exit(), 5);
    says(&loaded, "NOT tracked");
    assert!(plan_of(&loaded).routers[0].track_scripts.is_empty());
}

#[test]
fn an_entry_with_wrong_options_is_not_tracked() {
    for entry in ["chk foo", "chk weight", "chk chk"] {
        assert!(
            plan("script \"/bin/true\"", entry, 5).routers[0]
                .track_scripts
                .is_empty(),
            "{entry}"
        );
    }
    assert_eq!(
        plan("script \"/bin/true\"", "chk weight 254", 5).routers[0].track_scripts[0].weight,
        253
    );
    assert_eq!(
        plan("script \"/bin/true\"\nweight 4", "chk weight 300", 5).routers[0].track_scripts[0]
            .weight,
        4
    );
}

#[test]
fn a_script_without_command_is_dropped() {
    let plan = plan("interval 2", "chk", 5);
    assert!(plan.scripts.is_empty() && plan.routers[0].track_scripts.is_empty());
}

/// The owner's priority never changes.
#[test]
fn a_weighted_script_of_an_owner_is_not_tracked() {
    let text = script("script \"/bin/true\"\nweight 5", "chk")
        .replace("interface eth0", "interface eth0\npriority 255");
    let loaded = read(&text);
    assert_eq!(loaded.check_exit(), 5);
    assert!(plan_of(&loaded).routers[0].track_scripts.is_empty());
    let interface = instance("priority 255\ntrack_interface {\neth1 weight 5\neth2\n}");
    let loaded = read(&interface);
    assert_eq!(loaded.check_exit(), 5);
    assert_eq!(plan_of(&loaded).routers[0].track_interfaces.len(), 1);
}

/// Trap 16.
#[test]
fn commands_without_script_security_are_class_6() {
    let loaded = read(&instance("notify_master /bin/true"));
    assert_eq!(loaded.check_exit(), 6);
    assert!(loaded.plan.is_some());
    says(&loaded, "commands run as configured");
}

struct Host(CommandFinding, &'static [&'static str]);

impl HostFacts for Host {
    fn interface_exists(&self, name: &str) -> Option<bool> {
        Some(name == "eth0")
    }

    fn user_exists(&self, user: &UserSpec) -> Option<bool> {
        Some(self.1.contains(&user.user.as_str()))
    }

    fn command(&self, _: &CommandPlan, _: Option<&UserSpec>) -> Option<CommandFinding> {
        Some(self.0)
    }
}

fn on(host: &Host, text: &str) -> Loaded {
    load(
        Path::new(PATH),
        &MemoryFiles::single(PATH, text),
        host,
        &options(),
    )
}

/// Trap 13: as keepalived, but loudly.
#[test]
fn a_script_that_cannot_run_leaves_its_router_untracked() {
    let text = script("script \"/bin/true\"", "chk");
    for finding in [
        CommandFinding::Missing,
        CommandFinding::NotExecutable,
        CommandFinding::Insecure,
    ] {
        let loaded = on(&Host(finding, &["root"]), &text);
        assert_eq!(loaded.check_exit(), 5, "{}", loaded.render());
        says(&loaded, "run untracked");
        let plan = plan_of(&loaded);
        assert!(plan.scripts.is_empty() && plan.routers[0].track_scripts.is_empty());
    }
    let loaded = on(&Host(CommandFinding::Fine, &["root"]), &text);
    assert_eq!(loaded.check_exit(), 0, "{}", loaded.render());
}

#[test]
fn an_insecure_script_runs_without_script_security() {
    let text = script("script \"/bin/true\"", "chk").replace("enable_script_security\n", "");
    let loaded = on(&Host(CommandFinding::Insecure, &["root"]), &text);
    assert_eq!(loaded.check_exit(), 6);
    assert_eq!(plan_of(&loaded).routers[0].track_scripts.len(), 1);
}

#[test]
fn a_script_whose_user_does_not_exist_is_dropped() {
    for text in [
        script("script \"/bin/true\"\nuser nobody2", "chk"),
        script("script \"/bin/true\"", "chk").replace("script_user root", "script_user nobody2"),
        script("script \"/bin/true\"", "chk").replace("script_user root\n", ""),
    ] {
        let loaded = on(&Host(CommandFinding::Fine, &["root"]), &text);
        assert_eq!(loaded.check_exit(), 5, "{}", loaded.render());
        assert!(plan_of(&loaded).routers[0].track_scripts.is_empty());
    }
}

/// `notify_master /x.sh arg` takes `arg` for a user.
#[test]
fn words_behind_a_notify_command_are_a_user_and_a_group() {
    let text = format!("{SECURE}{}", instance("notify_master /bin/true root wheel"));
    let loaded = on(&Host(CommandFinding::Fine, &["root"]), &text);
    let user = plan_of(&loaded).routers[0]
        .notify
        .master
        .as_ref()
        .unwrap()
        .user
        .clone()
        .unwrap();
    assert_eq!(
        (user.user.as_str(), user.group.as_deref()),
        ("root", Some("wheel"))
    );

    let text = format!("{SECURE}{}", instance("notify_master /bin/true arg"));
    let loaded = on(&Host(CommandFinding::Fine, &["root"]), &text);
    let help = says(&loaded, "taken for a user").help.clone().unwrap();
    assert!(help.ends_with("notify_master \"/bin/true arg\""), "{help}");
    assert!(plan_of(&loaded).routers[0].notify.master.is_none());
    assert_eq!(loaded.check_exit(), 0);
}

#[test]
fn a_second_notify_command_is_ignored() {
    let loaded = read(&format!(
        "{SECURE}{}",
        instance("notify_master /bin/a\nnotify_master /bin/b")
    ));
    assert_eq!(loaded.check_exit(), 5);
    assert_eq!(
        plan_of(&loaded).routers[0]
            .notify
            .master
            .as_ref()
            .unwrap()
            .argv,
        ["/bin/a"]
    );
}

#[test]
fn an_interface_that_the_host_does_not_have_stops_everything() {
    let host = Host(CommandFinding::Fine, &["root"]);
    for text in [
        instance("interface eth9"),
        instance("virtual_ipaddress {\n10.0.0.2 dev eth9\n}"),
        instance("track_interface {\neth9\n}"),
    ] {
        let loaded = on(&host, &text);
        assert_eq!(
            (loaded.check_exit(), loaded.run_exit),
            (5, 2),
            "{}",
            loaded.render()
        );
        assert!(loaded.plan.is_none());
        let dynamic = on(
            &host,
            &format!("global_defs {{\ndynamic_interfaces\n}}\n{text}"),
        );
        assert_eq!(dynamic.check_exit(), 0, "{}", dynamic.render());
        assert!(dynamic.plan.is_some());
    }
}
