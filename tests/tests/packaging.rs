//! What is packaged: names of metrics that exist, a sandbox that is as tight as is said, scripts that leave keepalived alone.

use std::path::{Path, PathBuf};
use std::process::Command;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    let path = repository().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names of vrrpd's metrics in a text.
fn metrics(text: &str) -> Vec<String> {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let words = text.split(|letter| !is_name(letter));
    words
        .filter(|word| word.starts_with("vrrpd_"))
        .map(|word| word.trim_end_matches("_bucket").to_owned())
        .collect()
}

#[test]
fn rules_and_dashboard_use_metrics_that_are_documented() {
    let documented = read("docs/metrics.md");
    for file in [
        "packaging/prometheus/vrrpd.rules.yml",
        "packaging/grafana/vrrpd.json",
    ] {
        let used = metrics(&read(file));
        assert!(used.len() > 8, "{file}: {used:?}");
        for name in used {
            assert!(
                documented.contains(&format!("`{name}`")),
                "{file}: no metric {name}"
            );
        }
    }
}

#[test]
fn the_dashboard_is_json_whose_panels_do_not_overlap() {
    let text = read("packaging/grafana/vrrpd.json");
    let dashboard: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let square = |panel: &serde_json::Value| {
        ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().expect("a number"))
    };
    for (index, one) in panels.iter().enumerate() {
        let [x, y, w, h] = square(one);
        assert!(x + w <= 24, "{one}");
        for other in &panels[index + 1..] {
            let [a, b, c, d] = square(other);
            assert!(
                x + w <= a || a + c <= x || y + h <= b || b + d <= y,
                "{one} {other}"
            );
        }
    }
}

/// The exposure of a unit by `systemd-analyze`, in tenths; none where there is no such program.
fn exposure(unit: &str) -> Option<u32> {
    let output = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager"])
        .arg(repository().join("packaging/systemd").join(unit))
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (_, rest) = text.split_once("Overall exposure level for ")?;
    let number = rest.split_whitespace().nth(1)?;
    number.replace('.', "").parse().ok()
}

#[test]
fn the_daemon_is_as_confined_as_the_documents_say() {
    let Some(daemon) = exposure("vrrpd.service") else {
        return;
    };
    assert!(daemon <= 20, "exposure {daemon} tenths");
    let said = format!("| `vrrpd.service` | {}.{} |", daemon / 10, daemon % 10);
    assert!(read("docs/daemon.md").contains(&said), "{said}");
}

#[test]
fn scripts_of_packages_leave_keepalived_alone_and_start_nothing() {
    let mut seen = 0;
    for directory in ["deb", "rpm", "keepalived/scripts"] {
        let entries = std::fs::read_dir(repository().join("packaging").join(directory));
        for entry in entries.expect("scripts") {
            let path = entry.expect("it can be read").path();
            let text = std::fs::read_to_string(&path).expect("a text");
            seen += 1;
            let commands = text
                .lines()
                .filter(|line| !line.trim_start().starts_with('#'));
            for line in commands.filter(|line| line.contains("systemctl")) {
                let harmless = [
                    "daemon-reload",
                    "is-active vrrpd",
                    "disable --now vrrpd",
                    "echo ",
                ];
                let known = harmless.iter().any(|word| line.contains(word));
                assert!(
                    known && !line.contains("keepalived"),
                    "{}: {line}",
                    path.display()
                );
            }
            assert!(!text.contains("keepalived_script"), "{}", path.display());
        }
    }
    assert!(seen >= 8, "{seen} scripts");
}
