//! Dependencies between the crates of this workspace run one way (docs/design.md).

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde::Deserialize;

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    /// Of every kind: normal, build and dev.
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
}

/// Each crate and the crates of this workspace that it may know.
const ARROWS: [(&str, &[&str]); 6] = [
    ("vrrp-proto", &[]),
    ("vrrp-config", &["vrrp-proto"]),
    ("vrrp-record", &["vrrp-proto"]),
    ("vrrpd", &["vrrp-proto", "vrrp-config", "vrrp-record"]),
    ("vrrpctl", &["vrrp-proto", "vrrp-config", "vrrp-record"]),
    (
        "vrrp-tests",
        &[
            "vrrp-proto",
            "vrrp-config",
            "vrrp-record",
            "vrrpd",
            "vrrpctl",
        ],
    ),
];

fn actual() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let members: BTreeSet<String> = metadata.packages.iter().map(|p| p.name.clone()).collect();
    metadata
        .packages
        .into_iter()
        .map(|package| {
            let known = package
                .dependencies
                .into_iter()
                .map(|dependency| dependency.name)
                .filter(|name| members.contains(name))
                .collect();
            (package.name, known)
        })
        .collect()
}

#[test]
fn every_crate_knows_only_the_crates_below_it() {
    let actual = actual();
    let listed: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    let members: BTreeSet<&str> = actual.keys().map(String::as_str).collect();
    assert_eq!(
        listed, members,
        "a new crate needs its place among the arrows"
    );
    for (name, allowed) in ARROWS {
        for known in &actual[name] {
            assert!(
                allowed.contains(&known.as_str()),
                "{name} must not know {known}"
            );
        }
    }
}

#[test]
fn daemon_and_tool_do_not_know_each_other() {
    let actual = actual();
    assert!(!actual["vrrpd"].contains("vrrpctl"));
    assert!(!actual["vrrpctl"].contains("vrrpd"));
}
