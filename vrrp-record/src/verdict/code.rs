//! The catalogue of causes: what a verdict can name.
//!
//! Codes are stable: scripts and metrics match on them. `docs/verdicts.md` explains each.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    /// A1: waiting for a CPU.
    SenderCpuWait,
    /// A2: starved by a real-time task.
    SenderRtStarved,
    /// A3: CPU quota.
    SenderThrottled,
    /// A4: stopped by a signal or debugger.
    SenderStopped,
    /// A5: frozen.
    SenderFrozen,
    /// A6: blocked in a file operation.
    SenderBlockedFile,
    /// A7: blocked on another service.
    SenderBlockedService,
    /// A8: memory paged out.
    SenderPagedOut,
    /// A9: own long work.
    SenderOwnWork,
    /// A10: killed or crashed.
    SenderCrashed,
    /// A11: clean stop.
    SenderStoppedCleanly,
    /// B1: virtual CPU not run by the hypervisor.
    HostSteal,
    /// B2: virtual machine paused.
    HostPaused,
    /// B3: live migration.
    HostMigrated,
    /// B4: machine suspended.
    HostSuspended,
    /// B5: host's network backend stalled.
    HostBackendStall,
    /// B6: storage stall without effect.
    HostIoStallHarmless,
    /// B7: coarse timer.
    HostCoarseTimer,
    /// C1: waited in the queue discipline.
    EgressQueued,
    /// C2: dropped by the queue discipline.
    EgressQueueDrop,
    /// C3: local firewall on output.
    EgressFirewall,
    /// C4: dropped by an egress hook.
    EgressHookDrop,
    /// C5: no carrier.
    EgressNoCarrier,
    /// C6: interface down or deleted.
    EgressLinkDown,
    /// C7: source address vanished.
    EgressSourceGone,
    /// C8: unicast peer does not resolve.
    EgressPeerUnresolved,
    /// C9: network device stalled.
    EgressDeviceStall,
    /// C10: advert larger than the MTU.
    EgressTooBig,
    /// D1: lost on the way.
    PathLost,
    /// D2: held on the way.
    PathHeld,
    /// D3: multicast no longer delivered.
    PathMulticastStopped,
    /// D4: port blocked after link-up.
    PathPortBlocked,
    /// D5: one-way path.
    PathOneWay,
    /// D6: never heard each other.
    PathNeverHeard,
    /// D7: duplicated or reordered on the way.
    PathDuplicated,
    /// E1: this node read late.
    IngressReadLate,
    /// E2: receive buffer overflow.
    IngressBufferOverflow,
    /// E3: local firewall on input.
    IngressFirewall,
    /// E4: group membership lost.
    IngressMembershipLost,
    /// E5: adverts rejected.
    IngressRejected,
    /// E6: dropped before the socket.
    IngressSoftirqDrop,
    /// E7: down interval too short.
    IngressTimerShort,
    /// F1: higher priority.
    ElectionHigherPriority,
    /// F2: tie, higher address.
    ElectionTie,
    /// F3: planned release.
    ElectionResigned,
    /// F4: own priority fell.
    ElectionOwnPriorityFell,
    /// F5: two address owners.
    ElectionOwnerClash,
    /// F6: foreign user of the VRID.
    ElectionForeignVrid,
    /// F7: interval mismatch.
    ElectionIntervalMismatch,
    /// F8: authentication mismatch.
    ElectionAuthMismatch,
    /// F9: blind start.
    ElectionBlindStart,
    /// F10: follows the sync group.
    ElectionSyncGroup,
    /// F11: operator.
    ElectionOperator,
    /// G1: address removed by another process.
    AddressRemovedByOther,
    /// G2: address left behind.
    AddressLeftBehind,
    /// G3: duplicate address detection failed.
    AddressDadFailed,
    /// G4: address answered elsewhere.
    AddressAnsweredElsewhere,
    /// G5: not announced again.
    AddressNotReannounced,
    /// G6: announcements without effect.
    AddressAnnounceThrottled,
    /// G7: address refused by the kernel.
    AddressRefused,
    /// H1: track script failed.
    HealthScriptFailed,
    /// H2: track script timed out.
    HealthScriptTimeout,
    /// H3: track script overlaps.
    HealthScriptOverlap,
    /// H4: track script not runnable.
    HealthScriptNotRunnable,
    /// H5: tracked interface flaps.
    HealthLinkFlapping,
    /// H6: tracked process gone.
    HealthProcessGone,
    /// H7: netlink overrun.
    HealthNetlinkOverrun,
    /// H8: oscillates.
    HealthOscillating,
    /// I1: wall clock stepped.
    OpsClockStep,
    /// I2: reload.
    OpsReload,
    /// I3: second daemon.
    OpsSecondDaemon,
    /// I4: interface or namespace replaced.
    OpsNamespaceReplaced,
    /// I5: node rebooted.
    OpsRebooted,
    /// No cause is proven.
    Undetermined,
}

/// Code, its place in the catalogue, its name and its title.
const CATALOGUE: [(Code, &str, &str, &str); 74] = [
    (
        Code::SenderCpuWait,
        "A1",
        "sender.cpu-wait",
        "waiting for a CPU",
    ),
    (
        Code::SenderRtStarved,
        "A2",
        "sender.rt-starved",
        "starved by a real-time task",
    ),
    (Code::SenderThrottled, "A3", "sender.throttled", "CPU quota"),
    (
        Code::SenderStopped,
        "A4",
        "sender.stopped",
        "stopped by a signal or debugger",
    ),
    (Code::SenderFrozen, "A5", "sender.frozen", "frozen"),
    (
        Code::SenderBlockedFile,
        "A6",
        "sender.blocked-file",
        "blocked in a file operation",
    ),
    (
        Code::SenderBlockedService,
        "A7",
        "sender.blocked-service",
        "blocked on another service",
    ),
    (
        Code::SenderPagedOut,
        "A8",
        "sender.paged-out",
        "memory paged out",
    ),
    (
        Code::SenderOwnWork,
        "A9",
        "sender.own-work",
        "own long work",
    ),
    (
        Code::SenderCrashed,
        "A10",
        "sender.crashed",
        "killed or crashed",
    ),
    (
        Code::SenderStoppedCleanly,
        "A11",
        "sender.stopped-cleanly",
        "clean stop",
    ),
    (
        Code::HostSteal,
        "B1",
        "host.steal",
        "virtual CPU not run by the hypervisor",
    ),
    (
        Code::HostPaused,
        "B2",
        "host.paused",
        "virtual machine paused",
    ),
    (Code::HostMigrated, "B3", "host.migrated", "live migration"),
    (
        Code::HostSuspended,
        "B4",
        "host.suspended",
        "machine suspended",
    ),
    (
        Code::HostBackendStall,
        "B5",
        "host.backend-stall",
        "host's network backend stalled",
    ),
    (
        Code::HostIoStallHarmless,
        "B6",
        "host.io-stall-harmless",
        "storage stall without effect",
    ),
    (
        Code::HostCoarseTimer,
        "B7",
        "host.coarse-timer",
        "coarse timer",
    ),
    (
        Code::EgressQueued,
        "C1",
        "egress.queued",
        "waited in the queue discipline",
    ),
    (
        Code::EgressQueueDrop,
        "C2",
        "egress.queue-drop",
        "dropped by the queue discipline",
    ),
    (
        Code::EgressFirewall,
        "C3",
        "egress.firewall",
        "local firewall on output",
    ),
    (
        Code::EgressHookDrop,
        "C4",
        "egress.hook-drop",
        "dropped by an egress hook",
    ),
    (
        Code::EgressNoCarrier,
        "C5",
        "egress.no-carrier",
        "no carrier",
    ),
    (
        Code::EgressLinkDown,
        "C6",
        "egress.link-down",
        "interface down or deleted",
    ),
    (
        Code::EgressSourceGone,
        "C7",
        "egress.source-gone",
        "source address vanished",
    ),
    (
        Code::EgressPeerUnresolved,
        "C8",
        "egress.peer-unresolved",
        "unicast peer does not resolve",
    ),
    (
        Code::EgressDeviceStall,
        "C9",
        "egress.device-stall",
        "network device stalled",
    ),
    (
        Code::EgressTooBig,
        "C10",
        "egress.too-big",
        "advert larger than the MTU",
    ),
    (Code::PathLost, "D1", "path.lost", "lost on the way"),
    (Code::PathHeld, "D2", "path.held", "held on the way"),
    (
        Code::PathMulticastStopped,
        "D3",
        "path.multicast-stopped",
        "multicast no longer delivered",
    ),
    (
        Code::PathPortBlocked,
        "D4",
        "path.port-blocked",
        "port blocked after link-up",
    ),
    (Code::PathOneWay, "D5", "path.one-way", "one-way path"),
    (
        Code::PathNeverHeard,
        "D6",
        "path.never-heard",
        "never heard each other",
    ),
    (
        Code::PathDuplicated,
        "D7",
        "path.duplicated",
        "duplicated or reordered on the way",
    ),
    (
        Code::IngressReadLate,
        "E1",
        "ingress.read-late",
        "this node read late",
    ),
    (
        Code::IngressBufferOverflow,
        "E2",
        "ingress.buffer-overflow",
        "receive buffer overflow",
    ),
    (
        Code::IngressFirewall,
        "E3",
        "ingress.firewall",
        "local firewall on input",
    ),
    (
        Code::IngressMembershipLost,
        "E4",
        "ingress.membership-lost",
        "group membership lost",
    ),
    (
        Code::IngressRejected,
        "E5",
        "ingress.rejected",
        "adverts rejected",
    ),
    (
        Code::IngressSoftirqDrop,
        "E6",
        "ingress.softirq-drop",
        "dropped before the socket",
    ),
    (
        Code::IngressTimerShort,
        "E7",
        "ingress.timer-short",
        "down interval too short",
    ),
    (
        Code::ElectionHigherPriority,
        "F1",
        "election.higher-priority",
        "higher priority",
    ),
    (
        Code::ElectionTie,
        "F2",
        "election.tie",
        "tie, higher address",
    ),
    (
        Code::ElectionResigned,
        "F3",
        "election.resigned",
        "planned release",
    ),
    (
        Code::ElectionOwnPriorityFell,
        "F4",
        "election.own-priority-fell",
        "own priority fell",
    ),
    (
        Code::ElectionOwnerClash,
        "F5",
        "election.owner-clash",
        "two address owners",
    ),
    (
        Code::ElectionForeignVrid,
        "F6",
        "election.foreign-vrid",
        "foreign user of the VRID",
    ),
    (
        Code::ElectionIntervalMismatch,
        "F7",
        "election.interval-mismatch",
        "interval mismatch",
    ),
    (
        Code::ElectionAuthMismatch,
        "F8",
        "election.auth-mismatch",
        "authentication mismatch",
    ),
    (
        Code::ElectionBlindStart,
        "F9",
        "election.blind-start",
        "blind start",
    ),
    (
        Code::ElectionSyncGroup,
        "F10",
        "election.sync-group",
        "follows the sync group",
    ),
    (
        Code::ElectionOperator,
        "F11",
        "election.operator",
        "operator",
    ),
    (
        Code::AddressRemovedByOther,
        "G1",
        "address.removed-by-other",
        "address removed by another process",
    ),
    (
        Code::AddressLeftBehind,
        "G2",
        "address.left-behind",
        "address left behind",
    ),
    (
        Code::AddressDadFailed,
        "G3",
        "address.dad-failed",
        "duplicate address detection failed",
    ),
    (
        Code::AddressAnsweredElsewhere,
        "G4",
        "address.answered-elsewhere",
        "address answered elsewhere",
    ),
    (
        Code::AddressNotReannounced,
        "G5",
        "address.not-reannounced",
        "not announced again",
    ),
    (
        Code::AddressAnnounceThrottled,
        "G6",
        "address.announce-throttled",
        "announcements without effect",
    ),
    (
        Code::AddressRefused,
        "G7",
        "address.refused",
        "address refused by the kernel",
    ),
    (
        Code::HealthScriptFailed,
        "H1",
        "health.script-failed",
        "track script failed",
    ),
    (
        Code::HealthScriptTimeout,
        "H2",
        "health.script-timeout",
        "track script timed out",
    ),
    (
        Code::HealthScriptOverlap,
        "H3",
        "health.script-overlap",
        "track script overlaps",
    ),
    (
        Code::HealthScriptNotRunnable,
        "H4",
        "health.script-not-runnable",
        "track script not runnable",
    ),
    (
        Code::HealthLinkFlapping,
        "H5",
        "health.link-flapping",
        "tracked interface flaps",
    ),
    (
        Code::HealthProcessGone,
        "H6",
        "health.process-gone",
        "tracked process gone",
    ),
    (
        Code::HealthNetlinkOverrun,
        "H7",
        "health.netlink-overrun",
        "netlink overrun",
    ),
    (
        Code::HealthOscillating,
        "H8",
        "health.oscillating",
        "oscillates",
    ),
    (
        Code::OpsClockStep,
        "I1",
        "ops.clock-step",
        "wall clock stepped",
    ),
    (Code::OpsReload, "I2", "ops.reload", "reload"),
    (
        Code::OpsSecondDaemon,
        "I3",
        "ops.second-daemon",
        "second daemon",
    ),
    (
        Code::OpsNamespaceReplaced,
        "I4",
        "ops.namespace-replaced",
        "interface or namespace replaced",
    ),
    (Code::OpsRebooted, "I5", "ops.rebooted", "node rebooted"),
    (Code::Undetermined, "-", "undetermined", "undetermined"),
];

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
    fn a_cause_of_a_newer_version_is_refused_by_name() {
        let error = serde_json::from_str::<Code>("\"host.on-fire\"").unwrap_err();
        assert!(error.to_string().contains("host.on-fire"), "{error}");
    }
}
