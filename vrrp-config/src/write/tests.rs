//! What is written is read as the same plan; what cannot be said is named.

use std::path::Path;

use super::{Language, Written, write};
use crate::facts::NoFacts;
use crate::files::MemoryFiles;
use crate::load::{LoadOptions, load};
use crate::plan::{CommandPlan, Plan};

fn plan(name: &str, text: &str) -> Plan {
    let path = Path::new(name);
    let files = MemoryFiles::single(path, text);
    let loaded = load(path, &files, &NoFacts, &LoadOptions::default());
    loaded
        .plan
        .clone()
        .unwrap_or_else(|| panic!("{}", loaded.render()))
}

const CASE: &str = "global_defs {\n router_id loadbalancer01\n}\n\
    vrrp_script chk_haproxy {\n script \"killall -0 haproxy\"\n interval 2\n weight 2\n}\n\
    vrrp_instance loadbalancer {\n state MASTER\n interface eth0\n virtual_router_id 205\n priority 101\n\
    advert_int 1\n authentication {\n auth_type PASS\n auth_pass totally_secret\n }\n\
    virtual_ipaddress {\n 192.168.205.7\n }\n track_script {\n chk_haproxy\n }\n}\n";

#[test]
fn the_motivating_case_reads_well_in_both_languages() {
    let plan = plan("x.conf", CASE);
    let toml = write(&plan, Language::Toml);
    assert_eq!(toml.lost, [] as [&str; 0]);
    assert_eq!(
        toml.text,
        "profile = \"keepalived\"\n\
         router_id = \"loadbalancer01\"\n\
         script_security = false\n\
         \n\
         [[script]]\n\
         name = \"chk_haproxy\"\n\
         command = \"killall -0 haproxy\"\n\
         interval = 2\n\
         weight = 2\n\
         \n\
         [[router]]\n\
         name = \"loadbalancer\"\n\
         interface = \"eth0\"\n\
         vrid = 205\n\
         wanted_master = true\n\
         priority = 101\n\
         addresses = [\"192.168.205.7\"]\n\
         track_scripts = [\"chk_haproxy\"]\n\
         \n\
         [router.auth]\n\
         method = \"pass\"\n\
         password = \"totally_\"\n"
    );
    let keepalived = write(&plan, Language::Keepalived);
    assert_eq!(keepalived.lost, [] as [&str; 0]);
    assert_eq!(
        keepalived.text,
        "global_defs {\n    \
             router_id loadbalancer01\n\
         }\n\
         \n\
         vrrp_script chk_haproxy {\n    \
             script \"killall -0 haproxy\"\n    \
             interval 2\n    \
             weight 2\n\
         }\n\
         \n\
         vrrp_instance loadbalancer {\n    \
             state MASTER\n    \
             interface eth0\n    \
             virtual_router_id 205\n    \
             priority 101\n    \
             authentication {\n        \
                 auth_type PASS\n        \
                 auth_pass totally_\n    \
             }\n    \
             virtual_ipaddress {\n        \
                 192.168.205.7\n    \
             }\n    \
             track_script {\n        \
                 chk_haproxy\n    \
             }\n\
         }\n"
    );
}

#[test]
fn what_keepalived_has_no_word_for_is_named() {
    let mut plan = plan("x.conf", CASE);
    plan.global.metrics = Some(([127, 0, 0, 1], 9650).into());
    plan.routers[0].require_link_local_source = true;
    plan.routers[0].announce.na_router_flag = true;
    let Written { text, lost, loads } = write(&plan, Language::Keepalived);
    assert!(loads, "{text}");
    assert_eq!(
        lost,
        [
            "global setting metrics",
            "router loadbalancer: require_link_local_source",
            "router loadbalancer: announce"
        ]
    );
    assert_eq!(write(&plan, Language::Toml).lost, [] as [&str; 0]);
}

#[test]
fn a_profile_is_no_matter_of_single_settings() {
    let text =
        "[[router]]\nname = \"a\"\ninterface = \"eth0\"\nvrid = 1\naddresses = [\"192.0.2.1\"]\n";
    let plan = plan("x.toml", text);
    let written = write(&plan, Language::Keepalived);
    assert!(
        written
            .lost
            .contains(&String::from("global setting profile"))
    );
    assert_eq!(write(&plan, Language::Toml).lost, [] as [&str; 0]);
    assert_eq!(write(&plan, Language::Toml).text, text);
}

/// A password that keepalived cut in the middle of a character is no text, and no file can hold it.
#[test]
fn what_is_no_text_is_named() {
    let mut plan = plan("x.conf", CASE);
    plan.routers[0].auth = crate::plan::AuthPlan::Pass(*b"1234567\xc3");
    for language in [Language::Toml, Language::Keepalived] {
        let written = write(&plan, language);
        assert!(!written.lost.is_empty());
        assert!(
            !written.lost.concat().contains("1234567"),
            "{:?}",
            written.lost
        );
    }
}

#[test]
fn commands_come_back_word_by_word() {
    let words = [
        "plain",
        "",
        " ",
        "it's",
        "\"quoted\"",
        "back\\slash",
        "#",
        "!",
        "{",
        "}",
        "$HOME",
        "<",
        "~SEQ(a,1,2)",
        "tab\t",
        "line\nend",
        "ümläut",
        "\\x41",
        "-0",
        "\u{7}",
    ];
    let mut plan = plan("x.conf", CASE);
    for word in words {
        for argv in [vec!["/bin/x", word, "end"], vec!["/bin/x", word]] {
            plan.scripts[0].command = CommandPlan {
                argv: argv.into_iter().map(str::to_owned).collect(),
                shell: false,
                user: None,
            };
            plan.routers[0].notify.any = Some(plan.scripts[0].command.clone());
            for language in [Language::Toml, Language::Keepalived] {
                let written = write(&plan, language);
                assert_eq!(written.lost, [] as [&str; 0], "{word:?}\n{}", written.text);
            }
        }
    }
}
