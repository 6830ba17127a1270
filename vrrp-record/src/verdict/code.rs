//! The catalogue of causes: what a verdict can name.
//!
//! Codes are stable: scripts and metrics match on them. `docs/verdicts.md` explains each.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A cause and its row of the catalogue: place, name, meaning.
macro_rules! catalogue {
    ($($code:ident, $letter:literal, $name:literal, $title:literal;)+) => {
        /// A cause.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $(
                #[doc = concat!($letter, ": ", $title, ".")]
                $code,
            )+
        }

        const CATALOGUE: &[(Code, &str, &str, &str)] = &[
            $((Code::$code, $letter, $name, $title),)+
        ];
    };
}

catalogue! {
    SenderCpuWait, "A1", "sender.cpu-wait", "waiting for a CPU";
    SenderRtStarved, "A2", "sender.rt-starved", "starved by a real-time task";
    SenderThrottled, "A3", "sender.throttled", "CPU quota";
    SenderStopped, "A4", "sender.stopped", "stopped by a signal or debugger";
    SenderFrozen, "A5", "sender.frozen", "frozen";
    SenderBlockedFile, "A6", "sender.blocked-file", "blocked in a file operation";
    SenderBlockedService, "A7", "sender.blocked-service", "blocked on another service";
    SenderPagedOut, "A8", "sender.paged-out", "memory paged out";
    SenderOwnWork, "A9", "sender.own-work", "own long work";
    SenderCrashed, "A10", "sender.crashed", "killed or crashed";
    SenderStoppedCleanly, "A11", "sender.stopped-cleanly", "clean stop";
    HostSteal, "B1", "host.steal", "virtual CPU not run by the hypervisor";
    HostPaused, "B2", "host.paused", "virtual machine paused";
    HostMigrated, "B3", "host.migrated", "live migration";
    HostSuspended, "B4", "host.suspended", "machine suspended";
    HostBackendStall, "B5", "host.backend-stall", "host's network backend stalled";
    HostIoStallHarmless, "B6", "host.io-stall-harmless", "storage stall without effect";
    HostCoarseTimer, "B7", "host.coarse-timer", "coarse timer";
    EgressQueued, "C1", "egress.queued", "waited in the queue discipline";
    EgressQueueDrop, "C2", "egress.queue-drop", "dropped by the queue discipline";
    EgressFirewall, "C3", "egress.firewall", "local firewall on output";
    EgressHookDrop, "C4", "egress.hook-drop", "dropped by an egress hook";
    EgressNoCarrier, "C5", "egress.no-carrier", "no carrier";
    EgressLinkDown, "C6", "egress.link-down", "interface down or deleted";
    EgressSourceGone, "C7", "egress.source-gone", "source address vanished";
    EgressPeerUnresolved, "C8", "egress.peer-unresolved", "unicast peer does not resolve";
    EgressDeviceStall, "C9", "egress.device-stall", "network device stalled";
    EgressTooBig, "C10", "egress.too-big", "advert larger than the MTU";
    PathLost, "D1", "path.lost", "lost on the way";
    PathHeld, "D2", "path.held", "held on the way";
    PathMulticastStopped, "D3", "path.multicast-stopped", "multicast no longer delivered";
    PathPortBlocked, "D4", "path.port-blocked", "port blocked after link-up";
    PathOneWay, "D5", "path.one-way", "one-way path";
    PathNeverHeard, "D6", "path.never-heard", "never heard each other";
    PathDuplicated, "D7", "path.duplicated", "duplicated or reordered on the way";
    IngressReadLate, "E1", "ingress.read-late", "this node read late";
    IngressBufferOverflow, "E2", "ingress.buffer-overflow", "receive buffer overflow";
    IngressFirewall, "E3", "ingress.firewall", "local firewall on input";
    IngressMembershipLost, "E4", "ingress.membership-lost", "group membership lost";
    IngressRejected, "E5", "ingress.rejected", "adverts rejected";
    IngressSoftirqDrop, "E6", "ingress.softirq-drop", "dropped before the socket";
    IngressTimerShort, "E7", "ingress.timer-short", "down interval too short";
    ElectionHigherPriority, "F1", "election.higher-priority", "higher priority";
    ElectionTie, "F2", "election.tie", "tie, higher address";
    ElectionResigned, "F3", "election.resigned", "planned release";
    ElectionOwnPriorityFell, "F4", "election.own-priority-fell", "own priority fell";
    ElectionOwnerClash, "F5", "election.owner-clash", "two address owners";
    ElectionForeignVrid, "F6", "election.foreign-vrid", "foreign user of the VRID";
    ElectionIntervalMismatch, "F7", "election.interval-mismatch", "interval mismatch";
    ElectionAuthMismatch, "F8", "election.auth-mismatch", "authentication mismatch";
    ElectionBlindStart, "F9", "election.blind-start", "blind start";
    ElectionSyncGroup, "F10", "election.sync-group", "follows the sync group";
    ElectionOperator, "F11", "election.operator", "operator";
    AddressRemovedByOther, "G1", "address.removed-by-other", "address removed by another process";
    AddressLeftBehind, "G2", "address.left-behind", "address left behind";
    AddressDadFailed, "G3", "address.dad-failed", "duplicate address detection failed";
    AddressAnsweredElsewhere, "G4", "address.answered-elsewhere", "address answered elsewhere";
    AddressNotReannounced, "G5", "address.not-reannounced", "not announced again";
    AddressAnnounceThrottled, "G6", "address.announce-throttled", "announcements without effect";
    AddressRefused, "G7", "address.refused", "address refused by the kernel";
    HealthScriptFailed, "H1", "health.script-failed", "track script failed";
    HealthScriptTimeout, "H2", "health.script-timeout", "track script timed out";
    HealthScriptOverlap, "H3", "health.script-overlap", "track script overlaps";
    HealthScriptNotRunnable, "H4", "health.script-not-runnable", "track script not runnable";
    HealthLinkFlapping, "H5", "health.link-flapping", "tracked interface flaps";
    HealthProcessGone, "H6", "health.process-gone", "tracked process gone";
    HealthNetlinkOverrun, "H7", "health.netlink-overrun", "netlink overrun";
    HealthOscillating, "H8", "health.oscillating", "oscillates";
    OpsClockStep, "I1", "ops.clock-step", "wall clock stepped";
    OpsReload, "I2", "ops.reload", "reload";
    OpsSecondDaemon, "I3", "ops.second-daemon", "second daemon";
    OpsNamespaceReplaced, "I4", "ops.namespace-replaced", "interface or namespace replaced";
    OpsRebooted, "I5", "ops.rebooted", "node rebooted";
    Undetermined, "-", "undetermined", "undetermined";
}

impl Code {
    /// Every code, in the order of the catalogue; `undetermined` is the last.
    pub fn all() -> impl Iterator<Item = Self> {
        CATALOGUE.iter().map(|(code, ..)| *code)
    }

    fn row(self) -> &'static (Self, &'static str, &'static str, &'static str) {
        CATALOGUE
            .iter()
            .find(|(code, ..)| *code == self)
            .expect("a test finds every code in the catalogue")
    }

    /// Its place in the catalogue: `A1`; `-` for undetermined.
    #[must_use]
    pub fn letter(self) -> &'static str {
        self.row().1
    }

    /// Its name: `sender.cpu-wait`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.row().2
    }

    /// What it means in a few words.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.row().3
    }

    /// The code of that name or place.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        CATALOGUE
            .iter()
            .find(|(_, letter, name, _)| *name == text || (*letter == text && text != "-"))
            .map(|(code, ..)| *code)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::parse(&name).ok_or_else(|| {
            D::Error::custom(format_args!(
                "unknown cause `{name}`: written by a newer version"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_in_the_catalogue_once_and_read_back() {
        let codes: Vec<Code> = Code::all().collect();
        assert_eq!(codes.len(), Code::Undetermined as usize + 1);
        for (position, code) in codes.iter().enumerate() {
            assert_eq!(*code as usize, position);
            assert_eq!(Code::parse(code.as_str()), Some(*code));
            if *code != Code::Undetermined {
                assert_eq!(Code::parse(code.letter()), Some(*code));
            }
            let json = serde_json::to_string(code).unwrap();
            assert_eq!(serde_json::from_str::<Code>(&json).unwrap(), *code);
        }
    }

    #[test]
    fn every_code_is_explained_in_the_documentation() {
        let text = include_str!("../../../docs/verdicts.md");
        for code in Code::all() {
            let row = if code == Code::Undetermined {
                String::from("\n| `undetermined` |")
            } else {
                format!("\n| {} `{code}` |", code.letter())
            };
            assert_eq!(text.matches(&row).count(), 1, "{row}");
        }
    }

    #[test]
    fn a_cause_of_a_newer_version_is_refused_by_name() {
        let error = serde_json::from_str::<Code>("\"host.on-fire\"").unwrap_err();
        assert!(error.to_string().contains("host.on-fire"), "{error}");
    }
}
