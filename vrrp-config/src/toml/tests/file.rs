//! The file as a whole: what is no TOML, what is unknown, and what belongs to no router.

use super::*;

#[test]
fn unknown_fields_are_refused_where_they_stand() {
    for (text, place) in [
        (format!("colour = 1\n{LEAST}"), "colour"),
        (format!("{LEAST}priorty = 1\n"), "priorty"),
        (format!("{LEAST}[router.announce]\ndelays = 1\n"), "delays"),
        (
            format!("{LEAST}[[script]]\nname = \"a\"\ncommand = \"b\"\nuser_name = \"c\"\n"),
            "user_name",
        ),
    ] {
        refused(&text, place, "unknown field");
    }
}

#[test]
fn broken_toml_is_one_located_message() {
    for text in [
        "[[router]",
        "name = \"one",
        "a = = 1",
        "\u{0}",
        "[router]\nname = 1\n",
    ] {
        let loaded = read(text);
        assert!(loaded.plan.is_none());
        assert_eq!(loaded.diagnostics.len(), 1, "{}", loaded.render());
        assert!(loaded.diagnostics[0].span.is_some(), "{}", loaded.render());
        assert_eq!(loaded.check_exit(), 5);
    }
}

#[test]
fn a_file_that_is_not_utf8_is_refused_at_the_byte() {
    let path = Path::new("/etc/vrrpd/vrrpd.toml");
    let loaded = load(
        path,
        &MemoryFiles::single(path, b"a = 1\nb = \xff\n".to_vec()),
        &NoFacts,
        &LoadOptions::default(),
    );
    assert!(loaded.plan.is_none());
    assert!(
        loaded
            .render()
            .contains("vrrpd.toml:2:5: error: this file is not UTF-8"),
        "{}",
        loaded.render()
    );
}

#[test]
fn a_missing_file_is_exit_6() {
    let loaded = load(
        Path::new("/no.toml"),
        &MemoryFiles::default(),
        &NoFacts,
        &LoadOptions::default(),
    );
    assert_eq!(
        (loaded.check_exit(), loaded.run_exit, loaded.plan),
        (6, 6, None)
    );
}

#[test]
fn the_journal_has_bounds_and_metrics_are_off_unless_configured() {
    let default = plan(LEAST).global;
    assert_eq!(default.journal.bytes, 200_000_000);
    assert_eq!(default.journal.age, Duration::from_secs(30 * 86_400));
    assert_eq!((default.journal.free_percent, default.metrics), (10, None));
    let text = format!(
        "[journal]\nmegabytes = 50\ndays = 7\nfree_percent = 25\n[metrics]\nlisten = \"[::1]:9650\"\n{LEAST}"
    );
    let given = plan(&text).global;
    assert_eq!(given.ring_bytes, None);
    let sized = plan(&format!("[recorder]\nmegabytes = 3\n{LEAST}")).global;
    assert_eq!(sized.ring_bytes, Some(3 << 20));
    assert_eq!(given.journal.bytes, 50_000_000);
    assert_eq!(given.journal.age, Duration::from_secs(7 * 86_400));
    assert_eq!(given.journal.free_percent, 25);
    assert_eq!(given.metrics, Some("[::1]:9650".parse().unwrap()));
    for (section, at, hint) in [
        ("[recorder]\nmegabytes = 0\n", "0", "out of range"),
        ("[journal]\nmegabytes = 3\n", "3", "out of range"),
        ("[journal]\ndays = 0\n", "0", "out of range"),
        ("[journal]\nfree_percent = 100\n", "100", "out of range"),
        (
            "[metrics]\nlisten = \"localhost\"\n",
            "\"localhost\"",
            "not an address",
        ),
    ] {
        refused(&format!("{section}{LEAST}"), at, hint);
    }
}

/// The example of the documentation is the motivating case, word for word.
#[test]
fn the_documented_example_is_read_without_a_message() {
    let text = include_str!("../../../../docs/vrrpd.toml.md");
    let example = text
        .split("```toml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .unwrap();
    let plan = plan(example);
    let router = &plan.routers[0];
    assert_eq!(
        (router.vrid.as_u8(), router.priority.as_u8(), router.version),
        (205, 101, Version::V2)
    );
    assert_eq!(router.auth, AuthPlan::Pass(*b"totally_"));
    assert_eq!(router.track_scripts[0].weight, 2);
    assert_eq!(plan.global.profile, Profile::Keepalived);
}
