//! The log: one line for each event, in keepalived's shape `(NAME) text` where its users' monitoring looks for it, with
//! our cause behind it.
//!
//! Lines are made from the same events as the status. How they are written, to stderr, syslog or the journal, is the
//! logging set-up's; the volume is bounded here.

use tracing::Level;
use vrrp_proto::time::Instant;
use vrrp_record::cause::Cause;
use vrrp_record::event::{
    DownReason, Event, InterfaceChange, Kind, ReloadOutcome, Remover, RunOutcome, TrackerKind,
    TrackerState,
};
use vrrp_record::text::Name;
use vrrp_record::verdict::Verdict;
use vrrp_record::words::{FaultSet, Word};

use super::limiter::{Class, LeftOut, Limiter};
use crate::service::logging::{OWN, PARENT, Speaker, VRRP};

/// The log of one daemon.
#[derive(Debug, Default)]
pub(super) struct Log {
    limiter: Limiter,
    /// Called by keepalived's name: its lines are its lines byte for byte, and what we know beyond them follows as a line
    /// of our own.
    pub(super) as_keepalived: bool,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) level: Level,
    /// keepalived's text where it has one.
    pub(super) text: String,
    /// What we know beyond it: the cause.
    more: Option<String>,
    speaker: Speaker,
}

impl Line {
    /// A line that keepalived has too.
    fn theirs(level: Level, text: impl Into<String>) -> Self {
        Self {
            level,
            text: text.into(),
            more: None,
            speaker: Speaker::Vrrp,
        }
    }

    /// A line that only we have.
    fn ours(level: Level, text: impl Into<String>) -> Self {
        Self {
            speaker: Speaker::Own,
            ..Self::theirs(level, text)
        }
    }

    fn more(mut self, more: impl Into<String>) -> Self {
        self.more = Some(more.into()).filter(|more| !more.is_empty());
        self
    }

    fn by(mut self, speaker: Speaker) -> Self {
        self.speaker = speaker;
        self
    }

    /// As one line.
    fn whole(self) -> Self {
        match self.more {
            Some(more) => Self {
                text: format!("{}: {more}", self.text),
                more: None,
                ..self
            },
            None => self,
        }
    }

    /// keepalived's line, and ours behind it.
    fn apart(mut self) -> impl Iterator<Item = Self> {
        let more = self.more.take().map(|more| {
            let subject = self
                .text
                .split(' ')
                .next()
                .filter(|word| word.starts_with('('));
            let subject = subject
                .map(|router| format!("{router} "))
                .unwrap_or_default();
            Self::ours(self.level, format!("{subject}because {more}"))
        });
        std::iter::once(self).chain(more)
    }
}

impl Log {
    /// Writes an event's lines, as far as its volume is free.
    pub(super) fn write(&mut self, event: &Event) {
        let now = Instant::from_nanos(event.monotonic_ns);
        if let Some(left_out) = self.limiter.left_out(now) {
            tracing::warn!("{}", left_out_text(&left_out));
        }
        let name = event
            .kind
            .router()
            .copied()
            .unwrap_or_else(|| Name::new(""));
        for line in lines(&event.kind) {
            // Lines that nobody asked for take nothing from the budget.
            let wanted = match line.level {
                Level::DEBUG => tracing::enabled!(Level::DEBUG),
                _ => true,
            };
            if wanted
                && self
                    .limiter
                    .admit(now, class(&event.kind), name, event.kind.name())
            {
                if self.as_keepalived {
                    line.apart().for_each(|line| emit(&line));
                } else {
                    emit(&line.whole());
                }
            }
        }
    }
}

impl Log {
    /// Writes the verdict on a happening behind its line. Nobody waits for the explanation of a start.
    pub(super) fn verdict(&mut self, kind: &Kind, verdict: &Verdict, amends: bool, now: Instant) {
        if let Kind::Transition {
            from: Word::Init, ..
        } = kind
        {
            return;
        }
        let Some(number) = kind.number() else {
            return;
        };
        let name = kind.router().copied().unwrap_or_else(|| Name::new(""));
        let line = Line::ours(Level::INFO, verdict_text(name, number, verdict, amends));
        if self.limiter.admit(now, Class::Local, name, "verdict") {
            emit(&line);
        }
    }
}

/// `(VI_1) #17 explained: ... [path.held], confidence high; vrrpctl explain 17`.
fn verdict_text(name: Name, number: u32, verdict: &Verdict, amends: bool) -> String {
    let router = match name.as_str() {
        "" => String::new(),
        name => format!("({name}) "),
    };
    let how = if amends { "amended" } else { "explained" };
    if verdict.findings.is_empty() {
        return format!(
            "{router}#{number} {how}: {}; vrrpctl explain {number}",
            verdict.summary
        );
    }
    let codes: Vec<String> = verdict.codes().iter().map(ToString::to_string).collect();
    format!(
        "{router}#{number} {how}: {} [{}], confidence {}; vrrpctl explain {number}",
        verdict.summary,
        codes.join(", "),
        verdict.confidence.as_str()
    )
}

/// Hands a line to tracing, each level with a call of its own. No fields: the line says everything, and monitoring that
/// matches on keepalived's lines finds nothing behind them but the cause.
fn emit(line: &Line) {
    /// The target has to be a constant.
    macro_rules! say {
        ($target:expr) => {
            match line.level {
                Level::ERROR => tracing::error!(target: $target, "{}", line.text),
                Level::WARN => tracing::warn!(target: $target, "{}", line.text),
                Level::INFO => tracing::info!(target: $target, "{}", line.text),
                _ => tracing::debug!(target: $target, "{}", line.text),
            }
        };
    }
    match line.speaker {
        Speaker::Vrrp => say!(VRRP),
        Speaker::Parent => say!(PARENT),
        Speaker::Own => say!(OWN),
    }
}

fn left_out_text(left_out: &LeftOut) -> String {
    let counts: Vec<String> = left_out
        .lines
        .iter()
        .map(|(event, count)| format!("{event} {count}"))
        .collect();
    format!(
        "log lines left out in the last hour: {}; vrrpctl status has the counters",
        counts.join(", ")
    )
}

fn class(kind: &Kind) -> Class {
    match kind {
        Kind::Started { .. }
        | Kind::PreviousRun { .. }
        | Kind::Stopping { .. }
        | Kind::Stopped
        | Kind::Ready { .. }
        | Kind::Found { .. }
        | Kind::Reload { .. }
        | Kind::Resigned { .. }
        | Kind::Signal { .. }
        | Kind::Asked { .. }
        | Kind::Command { granted: true, .. } => Class::Operator,
        Kind::Transition { .. } => Class::Transition,
        Kind::LowerHeard { .. }
        | Kind::PreemptDelay { .. }
        | Kind::OwnAddressHeard { .. }
        | Kind::Discards { .. }
        | Kind::Command { granted: false, .. } => Class::Stranger,
        Kind::NearFailover { .. }
        | Kind::Anomaly { .. }
        | Kind::GroupTransition { .. }
        | Kind::Faults { .. }
        | Kind::Priority { .. }
        | Kind::Tracker { .. }
        | Kind::ScriptRun { .. }
        | Kind::Notify { .. }
        | Kind::Addresses { .. }
        | Kind::SocketsRefused { .. }
        | Kind::TakeoverDeferred { .. }
        | Kind::AddressRemoved { .. }
        | Kind::AddressRestored { .. }
        | Kind::AddressRefused { .. }
        | Kind::AddressesLost { .. }
        | Kind::AddressLeftOver { .. }
        | Kind::AddressAdded { .. }
        | Kind::NewsLost { .. }
        | Kind::Announced { .. }
        | Kind::ScriptOverran { .. }
        | Kind::Interface { .. }
        | Kind::Scheduling { .. }
        | Kind::Stalled { .. }
        | Kind::Heartbeat { .. }
        | Kind::ReportsLost { .. }
        | Kind::Other => Class::Local,
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use vrrp_record::event::StopReason;
    use vrrp_record::words::{Faults, Objects};

    fn texts(kind: &Kind) -> Vec<(Level, String)> {
        lines(kind)
            .into_iter()
            .map(Line::whole)
            .map(|line| (line.level, line.text))
            .collect()
    }

    fn moved(from: Word, to: Word, cause: Cause) -> Kind {
        Kind::Transition {
            router: Name::new("VI_1"),
            from,
            to,
            releasing: false,
            cause,
            priority: 101,
            number: 0,
        }
    }

    #[test]
    fn transitions_have_the_shape_that_keepalived_monitoring_matches_on() {
        let peer = "10.0.0.2".parse().unwrap();
        let silent = Cause::SilentActive {
            last: Some(peer),
            silence_ms: Some(3_605),
        };
        assert_eq!(
            texts(&moved(Word::Backup, Word::Master, silent)),
            [
                (
                    Level::DEBUG,
                    "(VI_1) Receive advertisement timeout".to_owned()
                ),
                (
                    Level::INFO,
                    "(VI_1) Entering MASTER STATE: no advert from 10.0.0.2 for 3.6 s".to_owned()
                ),
            ]
        );
        assert_eq!(
            texts(&moved(Word::Init, Word::Backup, Cause::Started)),
            [(
                Level::INFO,
                "(VI_1) Entering BACKUP STATE (init)".to_owned()
            )]
        );
        let higher = Cause::HigherPriority {
            from: peer,
            priority: 150,
            ours: 101,
        };
        assert_eq!(
            texts(&moved(Word::Master, Word::Backup, higher)),
            [
                (
                    Level::DEBUG,
                    "(VI_1) Master received advert from 10.0.0.2 with higher priority 150, ours 101".to_owned()
                ),
                (
                    Level::INFO,
                    "(VI_1) Entering BACKUP STATE: 10.0.0.2 advertised priority 150, ours is 101".to_owned()
                ),
            ]
        );
        let objects = Objects {
            interface: Some(Name::new("eth0")),
            ..Objects::default()
        };
        let fault = Cause::Fault {
            faults: Faults(FaultSet::INTERFACE_DOWN),
            objects,
        };
        assert_eq!(
            texts(&moved(Word::Master, Word::Fault, fault)),
            [(
                Level::WARN,
                "(VI_1) Entering FAULT STATE: interface eth0 is down or has no carrier".to_owned()
            )]
        );
    }

    #[test]
    fn scripts_and_priorities_have_keepalived_lines() {
        let script = Name::new("chk_haproxy");
        let outcome = RunOutcome::Exited { status: 1 };
        let tracker = |state, outcome| Kind::Tracker {
            kind: TrackerKind::Script,
            name: script,
            state,
            outcome,
        };
        for (kind, text) in [
            (
                Kind::ScriptRun {
                    script,
                    outcome,
                    took_ms: 3,
                },
                "Script `chk_haproxy` now returning 1",
            ),
            (
                tracker(TrackerState::Bad, Some(outcome)),
                "VRRP_Script(chk_haproxy) failed (exited with status 1)",
            ),
            (
                tracker(TrackerState::Bad, Some(RunOutcome::TimedOut)),
                "VRRP_Script(chk_haproxy) timed out",
            ),
            (
                tracker(TrackerState::Good, None),
                "VRRP_Script(chk_haproxy) succeeded",
            ),
            (
                Kind::Priority {
                    router: Name::new("VI_1"),
                    from: 103,
                    to: 101,
                },
                "(VI_1) Changing effective priority from 103 to 101",
            ),
            (
                Kind::PreemptDelay {
                    router: Name::new("VI_1"),
                    delay_ms: 4_000,
                },
                "(VI_1) start preempt delay (4.000000)",
            ),
            (
                Kind::Interface {
                    interface: Name::new("eth0"),
                    change: InterfaceChange::Down,
                    reason: DownReason::SetDown,
                    by: Remover::Unknown,
                },
                "Netlink reports eth0 down: it was set down",
            ),
            (
                Kind::Stopping {
                    reason: StopReason::Signal {
                        number: 15,
                        pid: Some(1),
                        uid: None,
                        comm: None,
                    },
                },
                "Stopping: SIGTERM from pid 1",
            ),
        ] {
            assert_eq!(lines(&kind).remove(0).whole().text, text);
        }
    }

    #[test]
    fn other_events_of_a_router_carry_its_name_in_parentheses() {
        let kind = Kind::AddressesLost {
            router: Name::new("VI_1"),
        };
        assert!(
            lines(&kind)[0].text.starts_with("(VI_1) another process"),
            "{:?}",
            lines(&kind)
        );
    }
}
