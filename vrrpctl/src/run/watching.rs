//! The commands that look at a daemon for somebody else: `check` for a monitoring system, `wait` for a script.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use vrrp_record::status::{Router, Status};
use vrrp_record::words::Word;

use super::live::ask;
use super::{Exit, Trouble, check_names};
use crate::cli::{CheckArgs, Cli, WaitArgs};
use crate::client::ClientError;
use crate::output::Output;
use crate::when;

/// How often `wait` looks.
const LOOK: Duration = Duration::from_millis(200);

/// A plugin that cannot tell.
pub(super) const UNKNOWN: Exit = Exit::Plugin(3);

/// What a monitoring system is told: its exit codes are the plugin convention's, in place of this tool's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Severity {
    Ok,
    Warning,
    Critical,
    Unknown,
}

impl Severity {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }

    const fn exit(self) -> Exit {
        match self {
            Self::Ok => Exit::Plugin(0),
            Self::Warning => Exit::Plugin(1),
            Self::Critical => Exit::Plugin(2),
            Self::Unknown => UNKNOWN,
        }
    }
}

/// Asks once and answers as a monitoring plugin does: one line with performance data, further lines with reasons.
pub(super) fn check(cli: &Cli, arguments: &CheckArgs, output: &mut Output) -> Exit {
    let (severity, text) = match ask(&cli.run_dir) {
        Ok(status) => judge(&status, arguments),
        Err(error) => {
            // Without a daemon nobody protects the address here, which is known for sure.
            let severity = if matches!(error, ClientError::NotRunning(_)) {
                Severity::Critical
            } else {
                Severity::Unknown
            };
            let text = error.to_string();
            (severity, text.lines().next().unwrap_or_default().to_owned())
        }
    };
    output.answer(&format!("VRRP {}: {text}\n", severity.word()));
    severity.exit()
}

fn judge(status: &Status, arguments: &CheckArgs) -> (Severity, String) {
    let known = status.routers.iter().map(|router| router.name.as_str());
    if let Err(error) = check_names(known, &arguments.routers) {
        return (Severity::Unknown, error.to_string());
    }
    let mut status = status.clone();
    if !arguments.routers.is_empty() {
        super::keep_only(&mut status, &arguments.routers);
    }
    let mut worst = Severity::Ok;
    let mut reasons = Vec::new();
    let mut found = |severity: Severity, reason: String| {
        worst = worst.max(severity);
        reasons.push(reason);
    };
    let down = !status.daemon.engine_running || status.routers.is_empty();
    for reason in &status.health.reasons {
        let critical = down || status.routers.iter().any(is_down);
        found(
            if critical {
                Severity::Critical
            } else {
                Severity::Warning
            },
            reason.clone(),
        );
    }
    for router in &status.routers {
        limits(router, arguments, &mut found);
    }
    let routers = status
        .routers
        .iter()
        .map(|router| format!("{} {}", router.name, router.state.as_str()));
    let mut text = reasons.first().cloned().unwrap_or_else(|| {
        let routers: Vec<String> = routers.collect();
        routers.join(", ")
    });
    text.push_str(" |");
    for router in &status.routers {
        performance(router, arguments, &mut text);
    }
    for reason in reasons.iter().skip(1) {
        let _ = write!(text, "\n{reason}");
    }
    (worst, text)
}

/// Whether a router cannot do its part in a failover, or leads without its addresses.
fn is_down(router: &Router) -> bool {
    let lacks = || {
        let mut addresses = router.addresses.iter();
        addresses.any(|address| address.present == Some(false))
    };
    match router.state {
        Word::Fault | Word::Init => true,
        Word::Master => lacks(),
        Word::Backup => false,
    }
}

fn limits(router: &Router, arguments: &CheckArgs, found: &mut impl FnMut(Severity, String)) {
    let name = &router.name;
    if let Some(wanted) = arguments.expect.filter(|wanted| *wanted != router.state) {
        let state = router.state.as_str();
        found(
            Severity::Critical,
            format!("{name} is {state} and not {}", wanted.as_str()),
        );
    }
    let severity = |critical: bool, warning: bool| match (critical, warning) {
        (true, _) => Some(Severity::Critical),
        (false, true) => Some(Severity::Warning),
        (false, false) => None,
    };
    if let Some(margin) = margin(router) {
        let below = |limit: Option<u64>| limit.is_some_and(|limit| margin < limit);
        if let Some(severity) = severity(
            below(arguments.critical_margin),
            below(arguments.warning_margin),
        ) {
            found(
                severity,
                format!("{name}: a margin of {margin} ms was left in the last hour"),
            );
        }
    }
    if let Some(lateness) = &router.lateness {
        let over = |limit: Option<u64>| {
            limit.is_some_and(|limit| lateness.worst_us > limit.saturating_mul(1000))
        };
        if let Some(severity) = severity(
            over(arguments.critical_lateness),
            over(arguments.warning_lateness),
        ) {
            let late = Millis(lateness.worst_us);
            found(
                severity,
                format!("{name}: an advert was {late} ms late in the last 24 hours"),
            );
        }
    }
}

/// The worst margin of the last hour, else of the last minute.
fn margin(router: &Router) -> Option<u64> {
    let margin = router.margin.as_ref()?;
    margin.hour_ms.or(margin.minute_ms)
}

/// Microseconds, shown as milliseconds.
struct Millis(u64);

impl std::fmt::Display for Millis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

/// ` 'LABEL'=VALUE[UNIT];[WARN];[CRIT];[MIN];[MAX]` for each figure of a router.
fn performance(router: &Router, arguments: &CheckArgs, text: &mut String) {
    // A label is quoted, its quotes doubled; no equals sign may stand in one.
    let name = router.name.replace('\'', "''").replace('=', "_");
    let mut figure = |what: &str, value: String| {
        let _ = write!(text, " '{name}_{what}'={value}");
    };
    // A range that ends open: an alert is below it.
    let at_least = |limit: Option<u64>| limit.map_or_else(String::new, |limit| format!("{limit}:"));
    let at_most = |limit: Option<u64>| limit.map_or_else(String::new, |limit| limit.to_string());
    let master = u8::from(router.state == Word::Master);
    figure("master", format!("{master};;;0;1"));
    figure("priority", format!("{};;;1;255", router.priority.effective));
    if let Some(margin) = margin(router) {
        let (warning, critical) = (
            at_least(arguments.warning_margin),
            at_least(arguments.critical_margin),
        );
        figure("margin", format!("{margin}ms;{warning};{critical};0"));
    }
    if let Some(lateness) = &router.lateness {
        let (warning, critical) = (
            at_most(arguments.warning_lateness),
            at_most(arguments.critical_lateness),
        );
        let late = Millis(lateness.worst_us);
        figure("lateness", format!("{late}ms;{warning};{critical};0"));
    }
    if let Some(near) = &router.near_failovers {
        figure("near_failovers", format!("{}c", near.count));
    }
    figure("sent", format!("{}c", router.sent.accepted));
    figure("received", format!("{}c", router.received.accepted));
    let refused = router.received.discarded.iter();
    let refused: u64 = refused.map(|discarded| discarded.count).sum();
    figure("refused", format!("{refused}c"));
}

/// Asks until every router has the state. A daemon that does not run yet is waited for too.
pub(super) fn wait(cli: &Cli, arguments: &WaitArgs, output: &mut Output) -> Result<Exit, Trouble> {
    let bound = when::span(&arguments.timeout)
        .and_then(|nanos| u64::try_from(nanos).ok())
        .map(Duration::from_nanos)
        .ok_or_else(|| {
            Trouble::Usage(format!(
                "'{}' is no length of time: write 30s, 2m or 500ms",
                arguments.timeout
            ))
        })?;
    let end = Instant::now() + bound;
    loop {
        let looked = look(cli, arguments);
        let left = end.saturating_duration_since(Instant::now());
        match looked {
            Ok(None) => return Ok(Exit::Healthy),
            Ok(Some(state)) if left.is_zero() => {
                output.message(&format_args!("after {} {state}", arguments.timeout));
                return Ok(Exit::NotHealthy);
            }
            // What waiting does not change: no permission, another version.
            Err(error) if left.is_zero() || !may_pass(&error) => return Err(error),
            Ok(Some(_)) | Err(_) => std::thread::sleep(LOOK.min(left)),
        }
    }
}

/// Who has another state, in words; none when all have it.
fn look(cli: &Cli, arguments: &WaitArgs) -> Result<Option<String>, Trouble> {
    let status = ask(&cli.run_dir)?;
    let known = status.routers.iter().map(|router| router.name.as_str());
    check_names(known, &arguments.routers)?;
    let routers = || {
        status.routers.iter().filter(|router| {
            arguments.routers.is_empty() || arguments.routers.contains(&router.name)
        })
    };
    if status.routers.is_empty() {
        return Ok(Some(String::from("there is still no virtual router")));
    }
    let mut others = routers().filter(|router| router.state != arguments.state);
    Ok(others.next().map(|router| {
        let state = router.state.as_str();
        format!("{} is still {state}: {}", router.name, router.why)
    }))
}

const fn may_pass(error: &Trouble) -> bool {
    matches!(
        error,
        Trouble::Client(
            ClientError::NotRunning(_)
                | ClientError::Silent(..)
                | ClientError::Broken(..)
                | ClientError::Failed(_)
        )
    )
}

#[cfg(test)]
mod tests;
