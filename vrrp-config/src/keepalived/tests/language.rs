//! Lines, comments, quotes, braces.

use super::{PATH, instance, plan_of, read, refused, router, says};
use crate::files::MemoryFiles;
use crate::plan::AuthPlan;

fn password(written: &str) -> AuthPlan {
    let lines = format!("authentication {{\nauth_type PASS\nauth_pass {written}\n}}");
    plan_of(&read(&instance(&lines))).routers[0].auth
}

/// U-22 and trap 3: the peers cut there too.
#[test]
fn a_comment_starts_inside_a_word_too() {
    assert_eq!(password("ab!cd"), AuthPlan::Pass(*b"ab\0\0\0\0\0\0"));
    assert_eq!(password("S@##A135!"), AuthPlan::Pass(*b"S@\0\0\0\0\0\0"));
    assert_eq!(router("priority 60!more", 0, "").priority.as_u8(), 60);
}

#[test]
fn double_quotes_keep_comment_characters_and_blanks() {
    assert_eq!(password("\"ab!c#\""), AuthPlan::Pass(*b"ab!c#\0\0\0"));
    assert_eq!(password("\"a b\""), AuthPlan::Pass(*b"a b\0\0\0\0\0"));
}

#[test]
fn a_quote_ends_the_word_before_it() {
    assert_eq!(password("ab\"cd\""), AuthPlan::Pass(*b"ab\0\0\0\0\0\0"));
}

#[test]
fn single_quotes_are_ordinary_characters() {
    assert_eq!(password("'ab'"), AuthPlan::Pass(*b"'ab'\0\0\0\0"));
}

#[test]
fn an_empty_quoted_password_is_no_password() {
    assert_eq!(password("\"\""), AuthPlan::None);
}

#[test]
fn a_password_is_counted_and_cut_in_bytes() {
    assert_eq!(password("£12345678"), AuthPlan::Pass(*b"\xc2\xa3123456"));
}

/// A file in another encoding than UTF-8 keeps its bytes.
#[test]
fn a_password_of_a_latin_1_file_keeps_its_bytes() {
    let text = instance("authentication {\nauth_type PASS\nauth_pass caf@\n}");
    let bytes: Vec<u8> = text
        .bytes()
        .map(|byte| if byte == b'@' { 0xe9 } else { byte })
        .collect();
    let loaded = super::read_files(&MemoryFiles::single(PATH, bytes));
    assert_eq!(
        plan_of(&loaded).routers[0].auth,
        AuthPlan::Pass(*b"caf\xe9\0\0\0\0")
    );
}

/// Trap 11.
#[test]
fn braces_may_stand_anywhere() {
    for text in [
        "vrrp_instance V { interface eth0\nvirtual_router_id 5\nvirtual_ipaddress { 10.0.0.1 } }",
        "vrrp_instance V\n{\ninterface eth0\nvirtual_router_id 5\nvirtual_ipaddress\n\n# c\n{\n10.0.0.1 } }",
        "vrrp_instance V{\r\n\tinterface eth0\r\n\tvirtual_router_id 5\r\n\tvirtual_ipaddress{#c\r\n10.0.0.1\r\n}\r\n}",
    ] {
        let loaded = read(text);
        assert!(loaded.diagnostics.is_empty(), "{}", loaded.render());
        assert_eq!(plan_of(&loaded).routers[0].addresses.len(), 1);
    }
}

#[test]
fn a_line_of_a_value_block_is_one_entry() {
    let router = router(
        "virtual_ipaddress { 10.0.0.2 10.0.0.3 }",
        5,
        "'10.0.0.3' is no word of an address entry",
    );
    assert_eq!(router.addresses.len(), 2);
}

#[test]
fn keywords_and_values_are_case_sensitive() {
    router("Priority 5", 5, "unknown keyword 'Priority'");
    router(
        "authentication {\nauth_type pass\nauth_pass x\n}",
        5,
        "auth_type 'pass' is unknown",
    );
}

#[test]
fn surplus_and_missing_braces_are_told_and_reading_goes_on() {
    let loaded = read(&format!("}}\n{}", instance("priority 7")));
    assert_eq!(loaded.check_exit(), 5);
    says(&loaded, "closes nothing");
    assert_eq!(plan_of(&loaded).routers[0].priority.as_u8(), 7);

    let unclosed = instance("priority 7")
        .trim_end()
        .trim_end_matches('}')
        .to_owned();
    let loaded = read(&unclosed);
    assert_eq!(loaded.check_exit(), 5);
    let place = says(&loaded, "never closed").span.unwrap();
    assert_eq!((place.line, place.column), (1, 17));
    assert_eq!(plan_of(&loaded).routers[0].priority.as_u8(), 7);
}

#[test]
fn an_unclosed_quote_is_shown_at_the_quote() {
    let loaded = read("vrrp_instance V {\n  interface \"eth0\n}\n");
    let place = says(&loaded, "quote is never closed").span.unwrap();
    assert_eq!((place.line, place.column), (2, 13));
    assert_eq!(
        loaded.check_exit(),
        2,
        "interface has no value then, as keepalived sees it"
    );
}

#[test]
fn a_line_may_have_1024_bytes() {
    let line = |length: usize| format!("priority {}9", "0".repeat(length - "priority 9".len()));
    assert_eq!(router(&line(1024), 0, "").priority.as_u8(), 9);
    assert_eq!(
        router(&line(1025), 5, "longer than 1024 bytes")
            .priority
            .as_u8(),
        100
    );
}

#[test]
fn a_line_with_nul_is_ignored() {
    assert_eq!(router("priority 9\0", 5, "NUL byte").priority.as_u8(), 100);
}

#[test]
fn a_byte_order_mark_makes_the_first_word_unknown() {
    let loaded = read(&format!("\u{feff}{}", instance("")));
    assert_eq!(loaded.check_exit(), 5);
    says(&loaded, "unknown keyword");
}

#[test]
fn a_missing_value_is_fatal_with_status_2() {
    for line in [
        "priority",
        "advert_int",
        "interface",
        "notify_master",
        "virtual_router_id",
        "state",
        "mcast_src_ip",
    ] {
        refused(&instance(line), 2, "has no value");
    }
    refused("vrrp_script {\nscript \"x\"\n}\n", 2, "has no value");
}

/// keepalived 2.2.7 takes a block without a name for no missing value (seen): it skips the block and goes on.
#[test]
fn a_router_or_group_without_a_name_is_skipped_with_status_5() {
    for block in ["vrrp_instance", "vrrp_sync_group"] {
        let loaded = read(&format!("{block} {{\n}}\n{}", instance("priority 50")));
        assert_eq!(loaded.check_exit(), 5, "{}", loaded.render());
        says(&loaded, "has no name and is skipped");
        assert_eq!(loaded.plan.unwrap().routers.len(), 1);
    }
}

/// A value that is missing hides the other classes, since keepalived reads no further.
#[test]
fn a_missing_value_decides_the_status() {
    refused(&instance("nonsense\npriority"), 2, "has no value");
}

#[test]
fn messages_show_file_line_column_caret_and_remedy() {
    let loaded = read(&instance("  priorty 50"));
    let rendered = loaded.render();
    assert_eq!(
        rendered,
        [
            "/etc/keepalived/keepalived.conf:7:3: warning: unknown keyword 'priorty'",
            "   |",
            " 7 |   priorty 50",
            "   |   ^^^^^^^",
            "  help: did you mean 'priority'?",
            ""
        ]
        .join("\n")
    );
}

/// Safety rule 11: a check's output goes to logs.
#[test]
fn messages_do_not_show_passwords() {
    let loaded = read(&instance(
        "authentication {\nauth_type PASS\nauth_pass totally_secret\n}",
    ));
    assert!(!loaded.render().contains("secret"), "{}", loaded.render());
    assert!(!format!("{:?}", loaded.plan).contains("totally"));
    says(&loaded, "has 14 bytes; its first 8 are used");
}

#[test]
fn a_word_of_another_block_is_told_where_it_belongs() {
    let loaded = read(&format!("advert_int 5\n{}", instance("vrrp_version 3")));
    let help: Vec<_> = loaded
        .diagnostics
        .iter()
        .filter_map(|d| d.help.as_deref())
        .collect();
    assert!(help[0].contains("belongs in vrrp_instance"), "{help:?}");
    assert!(help[1].contains("belongs in global_defs"), "{help:?}");
}

#[test]
fn too_many_messages_are_counted_instead_of_kept() {
    let loaded = read(&instance(&"nonsense\n".repeat(5000)));
    assert!(loaded.diagnostics.len() < 500);
    says(&loaded, "more messages are not shown");
    assert_eq!(loaded.check_exit(), 5);
}
