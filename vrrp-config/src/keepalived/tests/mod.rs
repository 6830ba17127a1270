//! keepalived's language, rule by rule and trap by trap.

mod addresses;
mod groups;
mod language;
mod preprocessing;
mod scripts;
mod transport;
mod traps;

use std::path::Path;

use crate::diagnostic::{Class, Diagnostic, Severity};
use crate::facts::NoFacts;
use crate::files::MemoryFiles;
use crate::load::{LoadOptions, Loaded, load};
use crate::plan::{Plan, RouterPlan};

const PATH: &str = "/etc/keepalived/keepalived.conf";

fn options() -> LoadOptions {
    LoadOptions {
        config_id: "lb1".to_owned(),
        strict_includes: false,
        fast_fail: None,
    }
}

fn read_files(files: &MemoryFiles) -> Loaded {
    load(Path::new(PATH), files, &NoFacts, &options())
}

fn read(text: &str) -> Loaded {
    read_files(&MemoryFiles::single(PATH, text))
}

/// One instance with what it needs, and these lines.
fn instance(lines: &str) -> String {
    format!(
        "vrrp_instance V {{\ninterface eth0\nvirtual_router_id 5\nvirtual_ipaddress {{\n10.0.0.1\n}}\n{lines}\n}}\n"
    )
}

fn plan_of(loaded: &Loaded) -> &Plan {
    loaded
        .plan
        .as_ref()
        .unwrap_or_else(|| panic!("refused:\n{}", loaded.render()))
}

/// The only router, with a status of the check and a message that says `words`; no words for no message.
fn router(lines: &str, status: u8, words: &str) -> RouterPlan {
    let loaded = read(&instance(lines));
    assert_eq!(loaded.check_exit(), status, "{lines}\n{}", loaded.render());
    if words.is_empty() {
        assert!(
            loaded.diagnostics.is_empty(),
            "{lines}\n{}",
            loaded.render()
        );
    } else {
        says(&loaded, words);
    }
    plan_of(&loaded).routers[0].clone()
}

/// Finds the message that says `words`; it has a remedy.
fn says<'l>(loaded: &'l Loaded, words: &str) -> &'l Diagnostic {
    let found = loaded
        .diagnostics
        .iter()
        .find(|diagnostic| diagnostic.message.contains(words))
        .unwrap_or_else(|| panic!("nothing says '{words}':\n{}", loaded.render()));
    assert!(found.help.is_some(), "no remedy: {}", found.message);
    found
}

/// Refused with a status of the check and one error that says `words`.
fn refused(text: &str, status: u8, words: &str) {
    let loaded = read(text);
    assert!(loaded.plan.is_none(), "accepted: {text}");
    assert_eq!(loaded.check_exit(), status, "{text}\n{}", loaded.render());
    assert_eq!(says(&loaded, words).severity, Severity::Error);
}

/// What the check says without keepalived saying it.
fn silent(diagnostic: &Diagnostic) -> bool {
    diagnostic.class == Class::Silent
}

/// The plan of a text whose check ends with `status`.
fn plan(text: &str, status: u8) -> Plan {
    let loaded = read(text);
    assert_eq!(loaded.check_exit(), status, "{text}\n{}", loaded.render());
    plan_of(&loaded).clone()
}
