//! Who looks on: `vrrpd --observe` and `tcpdump` on a node, and what they leave.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::drill::judge::Records;
use crate::drill::scene::{JOURNAL_DIR, Node};
use crate::lab::{CONFIGURATION, Process, RUN_DIR, State, status, wait_for};

const BOUND: Duration = Duration::from_secs(15);
const CAPTURE: &str = "/run/capture.pcap";

/// Both on one node.
#[derive(Debug)]
pub(super) struct Watch {
    observer: Process,
    tcpdump: Process,
}

/// What they left.
#[derive(Debug)]
pub(super) struct Evidence {
    /// Of the observer.
    pub(super) records: Records,
    /// Of tcpdump.
    pub(super) capture: PathBuf,
    /// What keepalived wrote.
    pub(super) log: PathBuf,
}

impl Watch {
    /// Starts both beside a running keepalived, and waits until they see. `confined`: programs by their usual names start
    /// in the control group of the injection, which is keepalived's alone.
    pub(super) fn start(node: &Node, confined: bool) -> Result<Self, String> {
        let vrrpd = if confined { "/run/real-vrrpd" } else { "vrrpd" };
        let observer = node.host.spawn(&[
            vrrpd,
            "--observe",
            "-n",
            "-l",
            "-f",
            CONFIGURATION,
            "--run-dir",
            RUN_DIR,
            "--journal-dir",
            JOURNAL_DIR,
        ]);
        // Cooked, as people do it: every interface, and each packet with its direction.
        let tcpdump = node.host.spawn(&[
            "tcpdump",
            "-i",
            "any",
            "-n",
            "-U",
            "--immediate-mode",
            "-Z",
            "root",
            "-w",
            CAPTURE,
            "ip proto 112 or ip6 proto 112",
        ]);
        let watch = Self { observer, tcpdump };
        wait_for(BOUND, || {
            let router = status(&node.host)?.routers.into_iter().next()?;
            let sees = matches!(router.state, State::Master | State::Backup);
            (sees && watch.tcpdump.log().contains("listening on")).then_some(())
        })
        .ok_or_else(|| {
            format!(
                "nobody looks on at {}:\n{}{}",
                node.host.name(),
                watch.observer.log(),
                watch.tcpdump.log()
            )
        })?;
        Ok(watch)
    }

    /// Ends both, and puts what they left into a directory.
    pub(super) fn end(self, node: &Node, to: &Path) -> Result<Evidence, String> {
        let root = node.host.root();
        let below = |path: &str| root.join(path.trim_start_matches('/'));
        let records = Records::copy(&[below(RUN_DIR), below(JOURNAL_DIR)], &to.join("observed"))?;
        self.tcpdump.signal(Signal::SIGTERM);
        let _ = self.tcpdump.wait(BOUND);
        self.observer.signal(Signal::SIGTERM);
        let ended = self.observer.wait(BOUND);
        if ended.code != 0 {
            return Err(format!("the observer failed: {}", ended.output));
        }
        let fail = |error: std::io::Error| format!("{}: {error}", to.display());
        let (capture, log) = (to.join("capture.pcap"), to.join("keepalived.log"));
        std::fs::copy(below(CAPTURE), &capture).map_err(fail)?;
        let text: String = node
            .host
            .logs()
            .into_iter()
            .filter(|(command, _)| command.starts_with("keepalived"))
            .map(|(_, text)| text)
            .collect();
        std::fs::write(&log, text).map_err(fail)?;
        Ok(Evidence {
            records,
            capture,
            log,
        })
    }
}
