//! What both demos share: what they need before they begin, their load balancers, and the voice that tells what happens.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::packages;
use super::stages::{Stages, as_check};
use crate::lab::{Daemon, Haproxy, Host, Peer, State, wait_for};
use crate::motivating::ROUTER;

/// Installs and builds what a demo needs, and plays it; `command` is what was typed.
pub(super) fn perform(command: &str, play: impl FnOnce() -> Result<(), String>) -> ExitCode {
    if !nix::unistd::geteuid().is_root() {
        eprintln!(
            "{command} needs root: it makes network namespaces and installs missing packages"
        );
        return ExitCode::FAILURE;
    }
    let mut stages = Stages::new();
    let ready = stages.run("packages", || match packages::install_missing() {
        Ok(()) => as_check(true),
        Err(reason) => {
            eprintln!("{reason}");
            as_check(false)
        }
    }) && stages.check("build", &["build", "--workspace", "--bins"], &[]);
    if !ready {
        return ExitCode::FAILURE;
    }
    match play() {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("\nThe demo went wrong: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// One load balancer. The daemon goes before haproxy, so that nothing is left to notice haproxy's end.
pub(super) struct Balancer {
    /// What the audience calls it.
    pub(super) name: &'static str,
    pub(super) peer: Peer,
    pub(super) haproxy: Haproxy,
    pub(super) host: Host,
}

impl Balancer {
    pub(super) fn start(host: &Host, name: &'static str, configuration: &str) -> Self {
        let haproxy = Haproxy::start(host);
        Self {
            name,
            peer: Peer::start(host, Daemon::Ours, configuration),
            haproxy,
            host: host.clone(),
        }
    }

    pub(super) fn is(&self, state: State) -> bool {
        self.peer.state(ROUTER) == Some(state)
    }
}

/// Tells what happens, with the time since the beginning.
pub(super) struct Narrator {
    started: Instant,
}

impl Narrator {
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    /// A new part begins.
    pub(super) fn step(&self, text: &str) {
        println!();
        self.say(&format!("==> {text}"));
    }

    pub(super) fn say(&self, text: &str) {
        println!("[{:5.1} s] {text}", self.started.elapsed().as_secs_f64());
    }

    /// What a program printed.
    pub(super) fn quote(&self, balancer: &Balancer, command: &str, text: &str) {
        self.say(&format!("{}: $ {command}", balancer.name));
        for line in text.lines() {
            println!("          | {line}");
        }
    }
}

/// Waits for what must come within `bound`; says with both logs that it did not.
pub(super) fn reach(
    what: &str,
    bound: Duration,
    balancers: [&Balancer; 2],
    condition: impl Fn() -> bool,
) -> Result<(), String> {
    wait_for(bound, || condition().then_some(())).ok_or_else(|| {
        let logs: String = balancers
            .iter()
            .map(|balancer| format!("\n--- {}\n{}", balancer.name, balancer.peer.log()))
            .collect();
        format!("{what}: not within {} s{logs}", bound.as_secs())
    })
}
