//! The log: one line for each event, in keepalived's shape `(NAME) text` where its users' monitoring looks for it, with
//! our cause behind it.
//!
//! Lines are made from the same events as the status. How they are written, to stderr, syslog or the journal, is the
//! logging set-up's; the volume is bounded here.

mod lines;
#[cfg(test)]
mod tests;

use tracing::Level;
use vrrp_proto::time::Instant;
use vrrp_record::event::{Event, Kind};
use vrrp_record::text::Name;
use vrrp_record::verdict::Verdict;
use vrrp_record::words::Word;

use super::limiter::{Class, LeftOut, Limiter};
use crate::service::logging::{OWN, PARENT, Speaker, VRRP};
use lines::lines;

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
