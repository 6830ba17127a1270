//! Random bytes and random words never panic, every place that a message names exists, and every status is one of the five.

use std::path::Path;

use proptest::prelude::*;

use vrrp_config::{LoadOptions, MemoryFiles, NoFacts, diff, load};

const WORDS: &[&str] = &[
    "vrrp_instance",
    "vrrp_script",
    "vrrp_sync_group",
    "global_defs",
    "virtual_ipaddress",
    "authentication",
    "track_script",
    "track_interface",
    "unicast_peer",
    "group",
    "interface",
    "virtual_router_id",
    "priority",
    "advert_int",
    "state",
    "MASTER",
    "auth_type",
    "PASS",
    "auth_pass",
    "script",
    "notify",
    "notify_master",
    "weight",
    "include",
    "includea",
    "include_check",
    "{",
    "}",
    "{",
    "}",
    "\"",
    "'",
    "#",
    "!",
    "\\",
    "\n",
    "\n",
    "\n",
    "\r\n",
    "@lb1",
    "@^lb1",
    "@",
    "$A=",
    "$A",
    "${A}",
    "${_RANDOM 1 5}",
    "${",
    "~SEQ(a,1,2,9)",
    "~LST({a,b},{1,2})",
    "~SEQ(",
    "10.0.0.1",
    "10.0.0.1/24",
    "fe80::1",
    "eth0",
    "V",
    "255",
    "0",
    "-1",
    "1.5",
    "99999999999999999999",
    "dev",
    "peer",
    "virtual_server",
    "mystery",
    "\u{0}",
    "\u{e9}",
    "\u{1f980}",
    "\t",
];

const TOML: &[&str] = &[
    "[[router]]\n",
    "[[script]]\n",
    "[[group]]\n",
    "[router.auth]\n",
    "[router.unicast]\n",
    "name",
    "interface",
    "vrid",
    "addresses",
    "priority",
    "interval",
    "version",
    "peers",
    "members",
    "command",
    "weight",
    "track_scripts",
    " = ",
    " = ",
    "\"one\"\n",
    "\"eth0\"\n",
    "[\"192.0.2.1\"]\n",
    "[\"fe80::1\"]\n",
    "1\n",
    "256\n",
    "-1\n",
    "0.015\n",
    "true\n",
    "nan\n",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "\n",
    "'",
    "profile = \"keepalived\"\n",
];

fn check(path: &str, content: Vec<u8>) {
    let path = Path::new(path);
    let options = LoadOptions {
        config_id: "lb1".to_owned(),
        strict_includes: false,
        fast_fail: None,
    };
    let loaded = load(
        path,
        &MemoryFiles::single(path, content),
        &NoFacts,
        &options,
    );
    assert!(matches!(loaded.check_exit(), 0 | 2 | 4 | 5 | 6));
    for diagnostic in &loaded.diagnostics {
        if let Some(span) = diagnostic.span {
            let line = loaded
                .sources
                .line(span)
                .expect("the line of a message exists");
            let end = span.column + span.length - 1;
            let characters = u32::try_from(line.chars().count().max(1)).expect("lines are short");
            assert!(
                span.column >= 1 && end <= characters + 1,
                "{span:?} outside of {line:?}: {}",
                diagnostic.message
            );
        }
    }
    let rendered = loaded.render();
    assert!(
        rendered.chars().all(|c| c == '\n' || !c.is_control()),
        "{rendered:?}"
    );
    match &loaded.plan {
        Some(plan) => assert!(diff(plan, plan).is_empty()),
        None => assert!(
            loaded
                .diagnostics
                .iter()
                .any(|d| d.severity == vrrp_config::Severity::Error)
        ),
    }
}

proptest! {
    #[test]
    fn random_bytes_are_read_without_panic(content in proptest::collection::vec(any::<u8>(), 0..2000)) {
        check("/k.conf", content.clone());
        check("/k.toml", content);
    }

    #[test]
    fn random_words_are_read_without_panic(
        words in proptest::collection::vec((proptest::sample::select(WORDS), proptest::sample::select(&["", " ", "\n"][..])), 0..200)
    ) {
        let text: String = words.iter().map(|(word, space)| format!("{word}{space}")).collect();
        check("/k.conf", text.into_bytes());
    }

    #[test]
    fn random_toml_is_read_without_panic(words in proptest::collection::vec(proptest::sample::select(TOML), 0..60)) {
        check("/k.toml", words.concat().into_bytes());
    }
}
