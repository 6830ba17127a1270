//! Includes, conditions, definitions, generators.

use std::path::Path;

use super::{PATH, instance, options, plan_of, read, read_files, router, says};
use crate::facts::NoFacts;
use crate::files::MemoryFiles;
use crate::load::load;

fn files(main: &str) -> MemoryFiles {
    MemoryFiles::single(PATH, main)
        .with("/etc/keepalived/conf.d/a.conf", instance("priority 11"))
        .with(
            "/etc/keepalived/conf.d/b.conf",
            instance("priority 12")
                .replace('V', "W")
                .replace("id 5", "id 6"),
        )
}

fn names(main: &str) -> Vec<String> {
    plan_of(&read_files(&files(main)))
        .routers
        .iter()
        .map(|router| router.name.clone())
        .collect()
}

#[test]
fn includes_are_relative_to_the_including_file_and_take_patterns() {
    assert_eq!(names("include conf.d/a.conf\n"), ["V"]);
    assert_eq!(names("include conf.d/*.conf\n"), ["V", "W"]);
    assert_eq!(names("include \"/etc/keepalived/conf.d/b.conf\"\n"), ["W"]);
    assert_eq!(names("include conf.d/{b,a}.conf\n"), ["W", "V"]);
    let nested = MemoryFiles::single(PATH, "include conf.d/x.conf\n")
        .with("/etc/keepalived/conf.d/x.conf", "include y.conf\n")
        .with("/etc/keepalived/conf.d/y.conf", instance(""));
    assert_eq!(plan_of(&read_files(&nested)).routers.len(), 1);
}

#[test]
fn messages_about_included_files_name_them() {
    let files = MemoryFiles::single(PATH, "include x.conf\n")
        .with("/etc/keepalived/x.conf", "\nnonsense\n");
    assert!(
        read_files(&files)
            .render()
            .starts_with("/etc/keepalived/x.conf:2:1: warning")
    );
}

/// The forms of the keyword differ in what they insist on.
#[test]
fn each_form_of_include_has_its_own_errors() {
    for (line, status) in [
        ("include none.conf", 0),
        ("include none*.conf", 0),
        ("includem none.conf", 6),
        ("includem none*.conf", 0),
        ("includew none*.conf", 6),
        ("includea none.conf", 6),
        ("includer none.conf", 0),
        ("includeb conf.d/{a,none}.conf", 6),
        ("include conf.d/{a,none}.conf", 0),
        ("include_check\ninclude none.conf", 6),
        ("include_check match\ninclude none.conf", 6),
        ("include_check readable\ninclude none.conf", 0),
        ("include_check\ninclude_check -match\ninclude none.conf", 0),
    ] {
        let loaded = read_files(&files(&format!("{line}\n")));
        assert_eq!(loaded.check_exit(), status, "{line}\n{}", loaded.render());
        assert_eq!(loaded.plan.is_none(), status == 6, "{line}");
        if status == 6 {
            assert_eq!(loaded.run_exit, 6);
        }
    }
}

#[test]
fn the_command_line_can_make_every_include_strict() {
    let mut options = options();
    options.strict_includes = true;
    let loaded = load(
        Path::new(PATH),
        &files("include none.conf\n"),
        &NoFacts,
        &options,
    );
    assert_eq!((loaded.check_exit(), loaded.run_exit), (6, 6));
}

#[test]
fn include_loops_are_found() {
    let files = MemoryFiles::single(PATH, format!("include x.conf\n{}", instance("")))
        .with("/etc/keepalived/x.conf", "include keepalived.conf\n");
    let loaded = read_files(&files);
    says(&loaded, "includes itself");
    assert_eq!(plan_of(&loaded).routers.len(), 1);
}

#[test]
fn deep_includes_end() {
    let mut files = MemoryFiles::single(PATH, "include 0.conf\n");
    for number in 0..100 {
        files = files.with(
            format!("/etc/keepalived/{number}.conf"),
            format!("include {}.conf\n", number + 1),
        );
    }
    let loaded = read_files(&files);
    says(&loaded, "includes nest deeper");
    assert!(loaded.plan.is_none());
}

#[test]
fn conditional_lines_count_for_their_host_only() {
    let text = "@lb1 priority 11\n@lb2 priority 12\n@^lb1 advert_int 9\n@^lb2 advert_int 3";
    let router = router(text, 0, "");
    assert_eq!(
        (router.priority.as_u8(), router.interval.as_centis()),
        (11, 300)
    );
}

#[test]
fn a_condition_without_a_line_is_told() {
    router("@lb1", 5, "needs an id and something to configure");
}

/// A place in a conditional line is where the word stands.
#[test]
fn conditional_lines_keep_their_columns() {
    let loaded = read(&instance("@lb1   priority 300"));
    let span = says(&loaded, "out of range").span.unwrap();
    assert_eq!((span.column, span.length), (17, 3));
}

#[test]
fn definitions_are_expanded_where_they_are_used() {
    let text = format!(
        "$IF=eth7\n$PRIO = 5\n$PRIO=77\n{}",
        instance("interface $IF\npriority ${PRIO}")
    );
    let loaded = read(&text);
    let router = &plan_of(&loaded).routers[0];
    assert_eq!(
        (router.interface.as_str(), router.priority.as_u8()),
        ("eth7", 77)
    );
}

#[test]
fn a_redefinition_replaces_and_conditions_come_first() {
    let text = format!("$P=1\n@lb2 $P=2\n@lb1 $P=3\n{}", instance("priority $P"));
    assert_eq!(plan_of(&read(&text)).routers[0].priority.as_u8(), 3);
}

#[test]
fn an_undefined_name_stays_as_typed() {
    router("interface $NONE", 0, "");
    let loaded = read(&instance("interface $NONE"));
    assert_eq!(plan_of(&loaded).routers[0].interface, "$NONE");
}

#[test]
fn blocks_can_be_defined_with_parameters() {
    let text = "$VI= \\\n\
        vrrp_instance V${N} { \\\n\
        interface eth0 \\\n\
        virtual_router_id ${N} \\\n\
        virtual_ipaddress { \\\n\
        10.0.0.${N} \\\n\
        } \\\n\
        }\n\
        $N=1\n$VI\n$N=2\n$VI\n";
    let loaded = read(text);
    assert!(loaded.diagnostics.is_empty(), "{}", loaded.render());
    let plan = plan_of(&loaded);
    assert_eq!(plan.routers.len(), 2);
    assert_eq!(
        (plan.routers[1].name.as_str(), plan.routers[1].vrid.as_u8()),
        ("V2", 2)
    );
}

#[test]
fn a_definition_that_uses_itself_ends() {
    router("$A=${A}x\npriority $A", 5, "uses itself");
    router("$A=${B} ${B}\n$B=${A} ${A}\npriority $A", 5, "uses itself");
}

#[test]
fn predefined_names() {
    let loaded = read(&instance(
        "interface ${_INSTANCE}\nauthentication {\nauth_type PASS\nauth_pass a${_HASH}b${_BANG}\n}",
    ));
    let router = &plan_of(&loaded).routers[0];
    assert_eq!(router.interface, "lb1");
    assert_eq!(router.auth, crate::plan::AuthPlan::Pass(*b"a#b!\0\0\0\0"));
}

#[test]
fn sequences_and_lists_repeat_a_line() {
    let router = router(
        "virtual_ipaddress {\n~SEQ(i, 2, 2, 6) 10.1.0.$i\n~LST(a, 7, 9) 10.2.0.${a}/24\n~LST({a,b},{4,2},{5,4}) 10.${a}.0.${b}\n~SEQ(x,3,-1,2) ~SEQ(y,2) 10.3.${x}.${y}\n}",
        0,
        "",
    );
    let addresses: Vec<String> = router
        .addresses
        .iter()
        .map(|vip| vip.address.to_string())
        .collect();
    assert_eq!(
        addresses,
        [
            "10.0.0.1", "10.1.0.2", "10.1.0.4", "10.1.0.6", "10.2.0.7", "10.2.0.9", "10.4.0.2",
            "10.5.0.4", "10.3.3.1", "10.3.3.2", "10.3.2.1", "10.3.2.2"
        ]
    );
}

#[test]
fn generators_without_end_are_refused() {
    router("~SEQ(i, 1, 0, 5) nonsense$i", 5, "step other than 0");
    router(
        "~SEQ(i, 1, 1, 99999999) nonsense$i",
        5,
        "expands to more than",
    );
    router("~SEQ(i, 1", 5, "closing ')' is missing");
}
