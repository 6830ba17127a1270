//! Debian packages that tests and demo need: looks which programs are missing and installs their packages, without
//! letting their services start.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A program, or a file with its whole path, and the package that brings it.
const NEEDED: &[(&str, &str)] = &[
    (
        "/usr/lib/python3/dist-packages/prometheus_client/openmetrics/parser.py",
        "python3-prometheus-client",
    ),
    ("chromium", "chromium"),
    ("chrt", "util-linux"),
    ("haproxy", "haproxy"),
    ("ip", "iproute2"),
    ("keepalived", "keepalived"),
    ("killall", "psmisc"),
    ("nft", "nftables"),
    ("ping", "iputils-ping"),
    ("ps", "procps"),
    ("strace", "strace"),
    ("tcpdump", "tcpdump"),
];
const PLACES: &[&str] = &[
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
];
/// Asked by package scripts before they start a service.
const POLICY: &str = "/usr/sbin/policy-rc.d";
/// "Action forbidden by policy".
const FORBID: &str = "#!/bin/sh\nexit 101\n";

/// Installs what is missing, or says why it cannot.
pub(super) fn install_missing() -> Result<(), String> {
    let missing = missing();
    if missing.is_empty() {
        println!("every program that the tests need is here");
        return Ok(());
    }
    println!("missing: {}", missing.join(" "));
    if !nix::unistd::geteuid().is_root() {
        return Err(format!(
            "installing needs root; run as root, or install them: apt-get install {}",
            missing.join(" ")
        ));
    }
    if !Path::new("/usr/bin/apt-get").exists() {
        return Err(format!(
            "this is no Debian or Ubuntu; install by other means what brings: {}",
            missing.join(" ")
        ));
    }
    println!("installing them with apt-get; their services are not started");
    let _policy = Policy::forbid_services()?;
    apt_get(&["update"])?;
    let mut words = vec!["install", "--yes", "--no-install-recommends"];
    words.extend(missing.iter().copied());
    apt_get(&words)?;
    match self::missing().as_slice() {
        [] => Ok(()),
        still => Err(format!(
            "still missing after the installation: {}",
            still.join(" ")
        )),
    }
}

fn missing() -> Vec<&'static str> {
    NEEDED
        .iter()
        .filter(|(program, _)| {
            !PLACES
                .iter()
                .any(|place| Path::new(place).join(program).exists())
        })
        .map(|(_, package)| *package)
        .collect()
}

fn apt_get(words: &[&str]) -> Result<(), String> {
    let status = Command::new("apt-get")
        .arg("--quiet")
        .args(words)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .status()
        .map_err(|error| format!("cannot run apt-get: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("apt-get {} failed: {status}", words.join(" ")))
    }
}

/// Forbids the start of services while it lives; then everything is as it was.
struct Policy {
    previous: Option<PathBuf>,
}

impl Policy {
    fn forbid_services() -> Result<Self, String> {
        let fail = |error: std::io::Error| format!("cannot write {POLICY}: {error}");
        let previous = if Path::new(POLICY).exists() {
            let aside = PathBuf::from(format!("{POLICY}.before-vrrpd-tests"));
            std::fs::rename(POLICY, &aside).map_err(fail)?;
            Some(aside)
        } else {
            None
        };
        let policy = Self { previous };
        std::fs::write(POLICY, FORBID).map_err(fail)?;
        std::fs::set_permissions(POLICY, Permissions::from_mode(0o755)).map_err(fail)?;
        Ok(policy)
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        let restored = match &self.previous {
            Some(aside) => std::fs::rename(aside, POLICY),
            None => std::fs::remove_file(POLICY),
        };
        if let Err(error) = restored {
            eprintln!(
                "cannot restore {POLICY}: {error}; remove it by hand, or services will not start"
            );
        }
    }
}
