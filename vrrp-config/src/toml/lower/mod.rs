//! From the form of the file to the plan: defaults of the profile, ranges, references.

mod address;
mod announce;
mod commands;
mod dump;
mod group;
mod router;
mod track;
mod transport;

use std::net::{IpAddr, SocketAddr};
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use toml::Spanned;
use vrrp_proto::router::FastFail;
use vrrp_proto::units::Priority;

use super::Problems;
use super::schema::{File, Journal, ProfileWord, Recorder};
use super::value::{RealtimeWord, Seconds};
use crate::facts::HostFacts;
use crate::plan::{DumpPlan, Global, JournalPlan, MailPlan, Plan, Profile, Realtime};

/// What every step needs.
struct Context<'a, 'p> {
    problems: &'a mut Problems<'p>,
    facts: &'a dyn HostFacts,
    profile: Profile,
    dynamic_interfaces: bool,
    script_security: bool,
    script_user: Option<crate::plan::UserSpec>,
}

/// Checks the file and makes the plan of it; incomplete where something was refused.
pub(super) fn lower(
    file: &File,
    facts: &dyn HostFacts,
    problems: &mut Problems<'_>,
) -> Option<Plan> {
    let profile = match file.profile {
        Some(ProfileWord::Keepalived) => Profile::Keepalived,
        Some(ProfileWord::Rfc9568) | None => Profile::Rfc9568,
    };
    let mut context = Context {
        problems,
        facts,
        profile,
        dynamic_interfaces: file.dynamic_interfaces.unwrap_or(false),
        script_security: file.script_security.unwrap_or(true),
        script_user: None,
    };
    let context = &mut context;
    context.script_user = file
        .script_user
        .as_ref()
        .and_then(|user| context.user(user.get_ref(), user.span()));
    let scripts: Vec<_> = file
        .script
        .iter()
        .filter_map(|script| commands::script(script, &file.script, context))
        .collect();
    let routers: Vec<_> = file
        .router
        .iter()
        .filter_map(|router| router::lower(router, &scripts, context))
        .collect();
    router::check_identities(&file.router, &routers, context);
    let groups = group::lower(file, &routers, &scripts, context);
    let global = global(file, context);
    Some(Plan {
        global,
        scripts,
        routers,
        groups,
    })
}

fn lower_recorder(recorder: &Recorder, context: &mut Context<'_, '_>) -> Option<u64> {
    let megabytes = recorder.megabytes.as_ref()?;
    let megabytes: u64 = context.whole(
        *megabytes.get_ref(),
        megabytes.span(),
        "megabytes",
        1..=1024,
    )?;
    Some(megabytes << 20)
}

fn lower_journal(journal: &Journal, context: &mut Context<'_, '_>) -> JournalPlan {
    const DAY: u64 = 86_400;
    let default = JournalPlan::default();
    let mut number = |value: &Option<Spanned<i64>>, what, range, default: u64| {
        let Some(value) = value else {
            return default;
        };
        context
            .whole(*value.get_ref(), value.span(), what, range)
            .unwrap_or(default)
    };
    let megabytes = number(
        &journal.megabytes,
        "megabytes",
        4..=1_000_000,
        default.bytes / 1_000_000,
    );
    let days = number(
        &journal.days,
        "days",
        1..=3_650,
        default.age.as_secs() / DAY,
    );
    let free = number(
        &journal.free_percent,
        "free_percent",
        0..=99,
        default.free_percent.into(),
    );
    JournalPlan {
        bytes: megabytes * 1_000_000,
        age: Duration::from_secs(days * DAY),
        free_percent: u8::try_from(free).unwrap_or(default.free_percent),
    }
}

fn listen(text: &Spanned<String>, context: &mut Context<'_, '_>) -> Option<SocketAddr> {
    let address = text.get_ref().parse().ok();
    if address.is_none() {
        context.refuse(
            text.span(),
            format!("'{}' is not an address with a port", text.get_ref()),
            "write an address and a port such as \"127.0.0.1:9650\" or \"[::1]:9650\"",
        );
    }
    address
}

fn global(file: &File, context: &mut Context<'_, '_>) -> Global {
    let realtime = match file
        .realtime
        .as_ref()
        .map(|word| (*word.get_ref(), word.span()))
    {
        None => Realtime::Fifo(1),
        Some((RealtimeWord::Off, _)) => Realtime::Off,
        Some((RealtimeWord::Priority(priority), at)) => context
            .whole(priority, at, "realtime", 1..=99)
            .map_or(Realtime::Off, Realtime::Fifo),
    };
    let mail = file
        .mail
        .as_ref()
        .map_or_else(MailPlan::default, |mail| MailPlan {
            to: mail.to.clone(),
            from: mail.from.clone(),
            server: mail.server.clone(),
            timeout: mail.timeout.as_ref().map(|_| {
                context.time(
                    mail.timeout.as_ref(),
                    "timeout",
                    1_000_000..=4_294_000_000,
                    0,
                )
            }),
            helo: mail.helo.clone(),
            no_faults: mail.no_faults,
        });
    Global {
        profile: context.profile,
        router_id: file.router_id.clone(),
        mail,
        script_user: context.script_user.clone(),
        script_security: context.script_security,
        dynamic_interfaces: context.dynamic_interfaces,
        startup_delay: context.time(
            file.startup_delay.as_ref(),
            "startup_delay",
            0..=4_294_000_000,
            0,
        ),
        log_unknown_vrids: file.log_unknown_vrids.unwrap_or(false),
        realtime,
        probe: file.probe.unwrap_or(true),
        ring_bytes: file
            .recorder
            .as_ref()
            .and_then(|recorder| lower_recorder(recorder, context)),
        journal: file
            .journal
            .as_ref()
            .map_or_else(JournalPlan::default, |journal| {
                lower_journal(journal, context)
            }),
        fast_fail: fast_fail(file, context),
        metrics: file
            .metrics
            .as_ref()
            .and_then(|metrics| listen(&metrics.listen, context)),
        dump: file
            .dump
            .as_ref()
            .map_or_else(DumpPlan::default, |files| dump::lower(files, context)),
        fifos: commands::fifos(&file.fifo, context),
        fifo_states_on_reload: file.fifo_states_on_reload,
    }
}

/// `fast_fail`, and the priority of the peers that it may stand beside.
fn fast_fail(file: &File, context: &mut Context<'_, '_>) -> Option<FastFail> {
    let peer_priority = file.peer_priority.as_ref().and_then(|written| {
        let number: Option<u8> =
            context.whole(*written.get_ref(), written.span(), "peer_priority", 1..=254);
        if file.fast_fail != Some(true) {
            context.refuse(
                written.span(),
                "peer_priority without fast_fail has no effect",
                "write fast_fail = true, or leave peer_priority out",
            );
        }
        number.and_then(Priority::new)
    });
    file.fast_fail
        .filter(|on| *on)
        .map(|_| FastFail { peer_priority })
}

impl Context<'_, '_> {
    fn refuse(&mut self, at: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.problems.refuse(at, message, help);
    }

    fn is_rfc(&self) -> bool {
        self.profile == Profile::Rfc9568
    }

    /// A whole number of a range, as the type that the plan has.
    fn whole<T: TryFrom<i64>>(
        &mut self,
        value: i64,
        at: Range<usize>,
        what: &str,
        range: RangeInclusive<i64>,
    ) -> Option<T> {
        let number = Some(value)
            .filter(|value| range.contains(value))
            .and_then(|value| T::try_from(value).ok());
        if number.is_none() {
            let message = format!("{what} {value} is out of range");
            self.refuse(
                at,
                message,
                format!(
                    "write a whole number from {} to {}",
                    range.start(),
                    range.end()
                ),
            );
        }
        number
    }

    /// The same for a field that may be absent.
    fn number<T: TryFrom<i64>>(
        &mut self,
        field: Option<&Spanned<i64>>,
        what: &str,
        range: RangeInclusive<i64>,
        default: T,
    ) -> T {
        match field {
            None => default,
            Some(number) => self
                .whole(*number.get_ref(), number.span(), what, range)
                .unwrap_or(default),
        }
    }

    /// A time in a range of microseconds.
    fn time(
        &mut self,
        field: Option<&Spanned<Seconds>>,
        what: &str,
        range: RangeInclusive<u64>,
        default: u64,
    ) -> Duration {
        let Some(time) = field else {
            return Duration::from_micros(default);
        };
        let micros = time.get_ref().0;
        if !range.contains(&micros) {
            let shown = |micros: u64| Duration::from_micros(micros).as_secs_f64();
            let message = format!("{what} of {} s is out of range", shown(micros));
            self.refuse(
                time.span(),
                message,
                format!(
                    "write seconds from {} to {}",
                    shown(*range.start()),
                    shown(*range.end())
                ),
            );
        }
        Duration::from_micros(micros)
    }

    /// An interface name that can be and, as far as the host is known, is there.
    fn interface(&mut self, name: &str, at: Range<usize>) {
        if !crate::names::is_interface(name) {
            self.refuse(
                at,
                format!("interface '{name}' cannot exist"),
                crate::names::INTERFACE_HELP,
            );
        } else if self.facts.interface_exists(name) == Some(false) && !self.dynamic_interfaces {
            let help = "'ip link' lists the interfaces of this host; write dynamic_interfaces = true if it appears later";
            self.refuse(at, format!("interface '{name}' does not exist"), help);
        }
    }

    /// An address with an optional prefix length.
    fn address(&mut self, text: &str, at: Range<usize>) -> Option<(IpAddr, Option<u8>)> {
        let (address, length) = text
            .split_once('/')
            .map_or((text, None), |(a, l)| (a, Some(l)));
        let parsed = address.parse::<IpAddr>().ok().and_then(|address| {
            let longest = if address.is_ipv4() { 32 } else { 128 };
            match length {
                None => Some((address, None)),
                Some(length) => {
                    let length = length.parse().ok().filter(|length| *length <= longest)?;
                    Some((address, Some(length)))
                }
            }
        });
        if parsed.is_none() {
            let help = "write an address such as \"192.0.2.1\", \"192.0.2.1/24\" or \"fe80::1/64\"";
            self.refuse(at, format!("'{text}' is not an address"), help);
        }
        parsed
    }
}
