//! Trying the packages out: installed, upgraded and removed on a copy of this machine that goes with its namespaces, beside
//! a running keepalived; and what other programs say about the files in them.

use std::path::Path;
use std::process::Command;

use super::succeed;
use crate::xtask::repository;

/// Longest time that one script may take.
const BOUND: &str = "120";

pub(super) fn run(place: &Path) -> Result<(), String> {
    if !nix::unistd::geteuid().is_root() {
        return Err("--check needs root for its namespaces".to_owned());
    }
    let packaging = repository()
        .join("packaging")
        .canonicalize()
        .map_err(|error| format!("packaging: {error}"))?;
    let place = place
        .canonicalize()
        .map_err(|error| format!("{}: {error}", place.display()))?;
    files(&packaging)?;
    scenario(&packaging, &place, "deb.sh")?;
    if exists("rpm") {
        scenario(&packaging, &place, "rpm.sh")?;
    } else {
        println!("NOT CHECKED: the .rpm, as there is no rpm here (apt-get install rpm)");
    }
    Ok(())
}

/// What the programs that will read these files say about them, as far as they are here.
fn files(packaging: &Path) -> Result<(), String> {
    let rules = packaging.join("prometheus/vrrpd.rules.yml");
    let profile = packaging.join("apparmor/usr.sbin.vrrpd");
    for (program, words, file) in [
        ("promtool", &["check", "rules"][..], rules),
        (
            "apparmor_parser",
            &["--skip-kernel-load", "--skip-cache"],
            profile,
        ),
    ] {
        if exists(program) {
            println!("{program} {}", file.display());
            succeed(Command::new(program).args(words).arg(file))?;
        } else {
            println!(
                "NOT CHECKED: {}, as there is no {program} here",
                file.display()
            );
        }
    }
    Ok(())
}

fn exists(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

/// One script in namespaces of its own.
fn scenario(packaging: &Path, place: &Path, script: &str) -> Result<(), String> {
    println!("\n{script}: on a copy of this machine");
    let test = packaging.join("test");
    succeed(
        Command::new("timeout")
            // What started it is killed, and the kernel takes the rest of the namespace with it.
            .args(["--signal=KILL", BOUND, "unshare"])
            .args(["--mount", "--net", "--pid", "--fork", "--uts", "--ipc"])
            .args(["--kill-child", "--propagation=private", "sh"])
            .arg(test.join("root.sh"))
            .arg(place)
            .arg(test.join(script)),
    )
}
