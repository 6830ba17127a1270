//! What the machine that the drill runs on did to a scene by itself. Other work takes the CPU from engines and forwarders
//! whenever it likes; a verdict that says so is true, and no answer to what was injected.
//!
//! Only what the kernel's own counters, read from outside of the daemon, or the capture at the switch confirm is set aside,
//! never a code that the scene asks for, and never one of the same kind: what moves a counter there is the injection.

use std::time::Duration;

use nix::unistd::Pid;
use vrrp_record::verdict::{Code, Verdict};

use super::cause::Truth;
use super::scene::{Node, Scene};
use crate::lab::Daemon;

/// The counters when the injection begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    engines: [Option<(Pid, Duration)>; 2],
    steal: Duration,
    throttled: Duration,
}

/// What happened besides.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Noise {
    /// How long the engine that waited longest waited for a CPU.
    waited: Duration,
    /// How long the hypervisor ran something else, on all CPUs.
    steal: Duration,
    /// A forwarder kept adverts back for longer than half of the down interval.
    held: bool,
}

impl Start {
    /// Reads the counters.
    pub(super) fn of(scene: &Scene) -> Self {
        Self {
            engines: [engine(&scene.leader), engine(&scene.follower)],
            steal: steal(),
            throttled: throttled(scene),
        }
    }
}

/// How long the group of the leader's daemon was throttled: the kernel counts that as waiting, too.
fn throttled(scene: &Scene) -> Duration {
    let group = scene.group.as_ref();
    let time = group.and_then(|group| group.number("cpu.stat", "throttled_time "));
    Duration::from_nanos(time.unwrap_or_default())
}

/// The engine's thread, and how long it has waited for a CPU.
fn engine(node: &Node) -> Option<(Pid, Duration)> {
    node.peer.as_ref().filter(|_| node.daemon == Daemon::Ours)?;
    let thread = node.threads().into_iter().find(|thread| {
        std::fs::read_to_string(format!("/proc/{thread}/comm"))
            .is_ok_and(|name| name.trim() == "engine")
    })?;
    let text = std::fs::read_to_string(format!("/proc/{thread}/schedstat")).ok()?;
    let waited = text.split(' ').nth(1)?.parse().ok()?;
    Some((thread, Duration::from_nanos(waited)))
}

/// `/proc/stat` counts in hundredths of a second.
fn steal() -> Duration {
    std::fs::read_to_string("/proc/stat")
        .ok()
        .and_then(|text| {
            let line = text.lines().next()?.strip_prefix("cpu ")?;
            line.split_ascii_whitespace().nth(7)?.parse().ok()
        })
        .map_or(Duration::ZERO, |ticks: u64| {
            Duration::from_millis(ticks.saturating_mul(10))
        })
}

impl Noise {
    /// What moved since the start.
    pub(super) fn since(start: &Start, scene: &Scene) -> Self {
        let waited = [&scene.leader, &scene.follower]
            .into_iter()
            .zip(start.engines)
            .filter_map(|(node, before)| {
                let (pid, now) = engine(node)?;
                Some(match before {
                    Some((old, before)) if old == pid => now.saturating_sub(before),
                    _ => now,
                })
            })
            .max()
            .unwrap_or_default()
            .saturating_sub(throttled(scene).saturating_sub(start.throttled));
        Self {
            waited,
            steal: steal().saturating_sub(start.steal),
            held: scene.forwarder.is_some() && scene.gap("lb1") >= scene.setup.down() / 2,
        }
    }

    /// The answers without what this confirms and the scene does not ask for. An answer of which nothing is left is none.
    pub(super) fn set_aside(&self, truth: &Truth, verdicts: Vec<Verdict>) -> Vec<Verdict> {
        let asked = |code: &str| {
            [&truth.leader, &truth.follower, &truth.both]
                .iter()
                .any(|view| view.right.contains(&code))
        };
        verdicts
            .into_iter()
            .filter_map(|mut verdict| {
                let before = verdict.findings.len();
                verdict.findings.retain(|finding| {
                    let code = finding.code.letter();
                    let injected = asked(code) || injections(code).iter().copied().any(asked);
                    injected || !self.confirms(finding.code, finding.share)
                });
                (verdict.findings.len() == before || !verdict.findings.is_empty())
                    .then_some(verdict)
            })
            .collect()
    }

    fn confirms(&self, code: Code, share: Option<u64>) -> bool {
        let within = |known: Duration| {
            let share = share.map_or(Duration::MAX, Duration::from_nanos);
            share <= known + known / 10
        };
        match code.letter() {
            "A1" | "A2" | "E1" => within(self.waited),
            "B1" => within(self.steal),
            "B5" | "D2" => self.held,
            _ => false,
        }
    }
}

/// Causes whose injection moves the counter that would confirm this code.
fn injections(code: &str) -> &'static [&'static str] {
    match code {
        "A1" | "A2" | "E1" => &["A1", "A2"],
        "B5" | "D2" => &["B5", "D2"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::cause::View;

    const TRUTH: Truth = Truth::sender(&["A4"]);

    #[test]
    fn only_as_much_waiting_as_the_kernel_counted_is_set_aside() {
        let noise = Noise {
            waited: Duration::from_millis(70),
            ..Noise::default()
        };
        assert!(noise.confirms(Code::SenderCpuWait, Some(70_000_000)));
        assert!(!noise.confirms(Code::SenderCpuWait, Some(700_000_000)));
        assert!(!noise.confirms(Code::SenderFrozen, Some(1)));
        assert!(!noise.confirms(Code::PathHeld, None));
    }

    #[test]
    fn what_a_scene_asks_for_is_never_set_aside() {
        let view = View::is(&["A1"]);
        let asks = Truth {
            leader: view,
            ..TRUTH
        };
        let verdict: Verdict = serde_json::from_value(serde_json::json!({
            "schema": 1, "node": "lb1", "headline": "", "summary": "", "confidence": "high", "as_of": 0,
            "incident": {"what": "link", "router": null, "number": null, "from": 0, "at": 0, "until": 0},
            "findings": [{
                "code": "sender.cpu-wait", "share": 1_000_000, "say": "", "confidence": "high",
            }],
        }))
        .unwrap();
        let noise = Noise {
            waited: Duration::from_secs(1),
            ..Noise::default()
        };
        assert_eq!(noise.set_aside(&asks, vec![verdict.clone()]).len(), 1);
        // Nor what would be mistaken for it: the engine waits because of the injection.
        let alike = Truth {
            leader: View::is(&["A2"]),
            ..TRUTH
        };
        assert_eq!(noise.set_aside(&alike, vec![verdict.clone()]).len(), 1);
        assert_eq!(noise.set_aside(&TRUTH, vec![verdict.clone()]).len(), 0);
        assert_eq!(Noise::default().set_aside(&TRUTH, vec![verdict]).len(), 1);
    }
}
