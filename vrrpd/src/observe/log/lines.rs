//! Which lines an event has, at which level, and which of them are keepalived's own.

use tracing::Level;
use vrrp_record::cause::Cause;
use vrrp_record::event::{
    DownReason, InterfaceChange, Kind, ReloadOutcome, Remover, RunOutcome, TrackerKind,
    TrackerState,
};
use vrrp_record::text::Name;
use vrrp_record::words::{FaultSet, Word};

use super::Line;
use crate::service::logging::Speaker;

/// The lines of an event: those at debug level are what keepalived prints with `-D` only.
#[expect(
    clippy::too_many_lines,
    reason = "one flat table with an arm for each event"
)]
pub(super) fn lines(kind: &Kind) -> Vec<Line> {
    let line = |level, text: String| vec![Line::theirs(level, text)];
    let own = |level, text: String| vec![Line::ours(level, text)];
    match kind {
        Kind::Transition { .. } => transition(kind),
        Kind::Started { pid } => own(Level::INFO, format!("Running as process {pid}")),
        Kind::PreviousRun { clean, .. } => {
            let level = if *clean { Level::INFO } else { Level::WARN };
            let text = kind.to_string();
            own(level, text[..1].to_uppercase() + &text[1..])
        }
        Kind::Stopping { reason } => vec![
            Line::theirs(Level::INFO, "Stopping")
                .more(reason.to_string())
                .by(Speaker::Parent),
        ],
        Kind::Stopped => {
            let text = format!("Stopped vrrpd v{}", env!("CARGO_PKG_VERSION"));
            vec![Line::theirs(Level::INFO, text).by(Speaker::Parent)]
        }
        Kind::GroupTransition { group, to } => line(
            Level::INFO,
            format!("VRRP_Group({group}) Syncing instances to {to} state"),
        ),
        Kind::Priority { router, from, to } => line(
            Level::INFO,
            format!("({router}) Changing effective priority from {from} to {to}"),
        ),
        Kind::ScriptRun {
            script,
            outcome: RunOutcome::Exited { status },
            ..
        } => line(
            Level::INFO,
            format!("Script `{script}` now returning {status}"),
        ),
        Kind::ScriptRun {
            script,
            outcome: RunOutcome::Killed { signal },
            ..
        } => line(
            Level::INFO,
            format!("Script `{script}` now killed by signal {signal}"),
        ),
        Kind::ScriptRun {
            script,
            outcome: RunOutcome::TimedOut,
            ..
        } => line(Level::INFO, format!("Script `{script}` now timing out")),
        Kind::Tracker {
            kind: TrackerKind::Script,
            name,
            state,
            outcome,
        } => line(level_of(*state), script_verdict(*name, *state, *outcome)),
        Kind::PreemptDelay { router, delay_ms } => {
            let (seconds, micros) = (delay_ms / 1_000, delay_ms % 1_000 * 1_000);
            line(
                Level::INFO,
                format!("({router}) start preempt delay ({seconds}.{micros:06})"),
            )
        }
        Kind::LowerHeard {
            router,
            from,
            priority,
        } => line(
            Level::WARN,
            format!("({router}) received lower priority ({priority}) advert from {from} as MASTER"),
        ),
        Kind::Interface {
            interface,
            change: InterfaceChange::Up,
            ..
        } => line(Level::INFO, format!("Netlink reports {interface} up")),
        Kind::Interface {
            interface,
            change: InterfaceChange::Down,
            reason,
            by,
        } => vec![
            Line::theirs(Level::WARN, format!("Netlink reports {interface} down"))
                .more(why_down(*reason, *by)),
        ],
        Kind::Reload {
            outcome: outcome @ ReloadOutcome::Applied { .. },
        } => vec![
            Line::theirs(Level::INFO, "Reload complete")
                .more(outcome.to_string())
                .by(Speaker::Parent),
        ],
        Kind::Reload {
            outcome: outcome @ ReloadOutcome::Refused { .. },
        } => own(Level::DEBUG, format!("Reload refused: {outcome}")),
        Kind::Ready { .. }
        | Kind::Found { .. }
        | Kind::Addresses { .. }
        | Kind::Announced { refused: 0, .. }
        | Kind::Notify {
            outcome: RunOutcome::Started,
            ..
        } => own(Level::DEBUG, in_parentheses(kind)),
        Kind::Resigned { .. } => own(Level::ERROR, in_parentheses(kind)),
        Kind::Heartbeat { late: false, .. }
        | Kind::AddressRestored { .. }
        | Kind::AddressLeftOver { .. }
        | Kind::Interface { .. }
        | Kind::TakeoverDeferred { .. }
        | Kind::Command { granted: true, .. }
        | Kind::Signal { .. }
        | Kind::Anomaly { .. }
        | Kind::Other => own(Level::INFO, in_parentheses(kind)),
        // Waiting for a first result is how every start with a tracked script begins.
        Kind::Faults { faults, .. }
            if faults.0.with(FaultSet::TRACKER_PENDING, false).is_empty() =>
        {
            own(Level::INFO, in_parentheses(kind))
        }
        Kind::Faults { .. }
        | Kind::NearFailover { .. }
        | Kind::Tracker { .. }
        | Kind::ScriptRun { .. }
        | Kind::Notify { .. }
        | Kind::SocketsRefused { .. }
        | Kind::OwnAddressHeard { .. }
        | Kind::AddressRemoved { .. }
        | Kind::AddressAdded { .. }
        | Kind::NewsLost { .. }
        | Kind::ScriptOverran { .. }
        | Kind::Announced { .. }
        | Kind::AddressRefused { .. }
        | Kind::AddressesLost { .. }
        | Kind::Discards { .. }
        | Kind::Scheduling { .. }
        | Kind::Stalled { .. }
        | Kind::Heartbeat { .. }
        | Kind::Asked { .. }
        | Kind::Command { .. }
        | Kind::ReportsLost { .. } => own(Level::WARN, in_parentheses(kind)),
    }
}

/// What we know beyond keepalived's line; empty where nothing.
fn why_down(reason: DownReason, by: Remover) -> String {
    let mut text = String::from(match reason {
        DownReason::SetDown => "it was set down",
        DownReason::NoCarrier => "it has no carrier",
        DownReason::Unknown => "",
    });
    if !by.is_unknown() {
        let comma = if text.is_empty() { "" } else { ", " };
        text.push_str(&format!("{comma}by {by}"));
    }
    text
}

/// An event's sentence with its router in parentheses, as keepalived writes instances.
fn in_parentheses(kind: &Kind) -> String {
    let sentence = kind.to_string();
    match kind.router() {
        Some(router) => match sentence.strip_prefix(&format!("{router}: ")) {
            Some(rest) => format!("({router}) {rest}"),
            None => sentence,
        },
        None => sentence,
    }
}

fn transition(kind: &Kind) -> Vec<Line> {
    let Kind::Transition {
        router,
        from,
        to,
        releasing,
        cause,
        priority: _,
        number: _,
    } = kind
    else {
        return Vec::new();
    };
    let level = if *to == Word::Fault {
        Level::WARN
    } else {
        Level::INFO
    };
    let ours = |text: String| Line::ours(level, format!("({router}) {text}: {cause}"));
    let line = match (from == to, releasing, cause) {
        (true, true, _) => ours(format!(
            "Leaving {from} STATE, with its addresses until the successor has them"
        )),
        (true, false, _) => ours(format!("Remains in {to} STATE")),
        (false, _, Cause::Started) if *to == Word::Backup => {
            Line::theirs(level, format!("({router}) Entering {to} STATE (init)"))
        }
        // Only a stop leads there, and keepalived's users look for no such state.
        (false, _, _) if *to == Word::Init => ours(format!("Left {from} STATE")),
        (false, _, _) => {
            Line::theirs(level, format!("({router}) Entering {to} STATE")).more(cause.to_string())
        }
    };
    let mut lines = Vec::new();
    let detail = if let Cause::SilentActive { .. } = cause {
        Some("Receive advertisement timeout".to_owned())
    } else if let Cause::Released { .. } = cause {
        Some("Backup received priority 0 advertisement".to_owned())
    } else if let Cause::HigherPriority {
        from,
        priority,
        ours,
    } = cause
    {
        Some(format!(
            "Master received advert from {from} with higher priority {priority}, ours {ours}"
        ))
    } else {
        None
    };
    if let Some(detail) = detail {
        lines.push(Line::theirs(Level::DEBUG, format!("({router}) {detail}")));
    }
    lines.push(line);
    lines
}

const fn level_of(state: TrackerState) -> Level {
    match state {
        TrackerState::Good | TrackerState::Unknown => Level::INFO,
        TrackerState::Bad | TrackerState::Expired => Level::WARN,
    }
}

fn script_verdict(name: Name, state: TrackerState, outcome: Option<RunOutcome>) -> String {
    match (state, outcome) {
        (TrackerState::Good, _) => format!("VRRP_Script({name}) succeeded"),
        (TrackerState::Unknown, _) => format!("VRRP_Script({name}) has no result yet"),
        (TrackerState::Expired, _) => {
            format!("VRRP_Script({name}) has not reported in time, counts as failed")
        }
        (TrackerState::Bad, Some(RunOutcome::Exited { status })) => {
            format!("VRRP_Script({name}) failed (exited with status {status})")
        }
        (TrackerState::Bad, Some(RunOutcome::TimedOut)) => format!("VRRP_Script({name}) timed out"),
        (TrackerState::Bad, Some(outcome)) => format!("VRRP_Script({name}) failed ({outcome})"),
        (TrackerState::Bad, None) => format!("VRRP_Script({name}) failed"),
    }
}
