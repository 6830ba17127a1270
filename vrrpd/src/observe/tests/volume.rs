//! The log's volume under floods of reports, with the lines as a subscriber gets them (safety rule 12).

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record as Values};
use tracing::{Event, Metadata, Subscriber};
use vrrp_record::cause::Cause;
use vrrp_record::event::{Event as Record, Kind};
use vrrp_record::text::Name;
use vrrp_record::words::Word;

use super::super::log::Log;
use super::fixture::*;
use crate::service::logging::listened_to;

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= tracing::Level::INFO
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Values<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            write!(self.0, "{value:?}").unwrap();
        }
    }
}

/// A log under virtual time.
#[derive(Default)]
struct Writer {
    log: Log,
    seq: u64,
}

impl Writer {
    fn at(&mut self, millis: u64, kind: Kind) {
        self.seq += 1;
        let (unix_ms, monotonic_ns) = (0, millis * 1_000_000);
        self.log.write(&Record {
            seq: self.seq,
            unix_ms,
            monotonic_ns,
            kind,
        });
    }
}

fn logged(act: impl FnOnce(&mut Writer)) -> Vec<String> {
    let lines = Lines::default();
    let kept = Arc::clone(&lines.0);
    listened_to(lines, || act(&mut Writer::default()));
    let lines = kept.lock().unwrap();
    lines.clone()
}

const HOUR: u64 = 3_600_000;

#[test]
fn an_hour_of_losing_adverts_is_a_handful_of_lines_and_a_count() {
    let router = Name::new("loadbalancer");
    let lines = logged(|writer| {
        for millis in (0..HOUR).step_by(100) {
            writer.at(
                millis,
                Kind::LowerHeard {
                    router,
                    from: address(PEER),
                    priority: 90,
                },
            );
        }
        writer.at(HOUR + 1, Kind::Stalled { late_us: 600_000 });
    });
    let told = lines
        .iter()
        .filter(|line| line.starts_with("(loadbalancer) received lower priority (90)"))
        .count();
    assert_eq!(told, 10, "{lines:?}");
    assert_eq!(
        lines[10],
        "log lines left out in the last hour: lower_heard 35990; vrrpctl status has the counters"
    );
}

#[test]
fn an_hour_of_flapping_stays_under_a_hundred_lines() {
    let router = Name::new("loadbalancer");
    let cause = Cause::SilentActive {
        last: Some(address(PEER)),
        silence_ms: Some(3_600),
    };
    let lines = logged(|writer| {
        for millis in (0..HOUR).step_by(5_000) {
            let (from, to) = if millis % 10_000 == 0 {
                (Word::Backup, Word::Master)
            } else {
                (Word::Master, Word::Backup)
            };
            let priority = 103;
            writer.at(
                millis,
                Kind::Transition {
                    router,
                    from,
                    to,
                    releasing: false,
                    cause,
                    priority,
                    number: 1,
                },
            );
            writer.at(
                millis + 1,
                Kind::Priority {
                    router,
                    from: 101,
                    to: 103,
                },
            );
        }
    });
    assert!(lines.len() > 10 && lines.len() <= 100, "{}", lines.len());
    assert!(
        lines[0].starts_with("(loadbalancer) Entering MASTER STATE"),
        "{}",
        lines[0]
    );
}

#[test]
fn lines_that_nobody_asked_for_take_nothing_from_the_budget() {
    let router = Name::new("loadbalancer");
    let lines = logged(|writer| {
        for millis in 0..1_000 {
            writer.at(
                millis,
                Kind::Addresses {
                    router,
                    present: 1,
                    wanted: 1,
                },
            );
        }
        writer.at(1_000, Kind::AddressesLost { router });
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
}
