//! A MASTER that falls silent: how much later than the RFC's limit the BACKUP takes over.

use std::time::Duration;

use super::field::{BOUND, Class, Field, Options, Player, Settings};
use super::figures::percentile;
use super::report::{Figure, Row, Table};
use super::usage::Before;
use crate::lab::{Capture, Frame, State, wait_until};
use crate::sim::Prng;

const INTERVALS: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_millis(100),
    Duration::from_millis(10),
];
/// Of the BACKUPs in [`Field::pairs`].
const PRIORITY: u32 = 100;

pub(super) fn run(options: &Options) -> Table {
    let before = Before::now();
    let runs = options.runs(10);
    let mut random = Prng::new(options.seed);
    let mut rows = Vec::new();
    for interval in INTERVALS {
        let settings = Settings {
            class: Class::Default,
            interval,
        };
        let field = Field::pairs(&options.daemons(), settings);
        let mut row = Row::new(
            format!("beyond the limit, interval {} ms", interval.as_millis()),
            "ms",
        );
        for subject in options.daemons() {
            let Some((master, backup)) = field.pair(subject) else {
                continue;
            };
            let beyond: Vec<i64> = (0..runs)
                .map(|_| {
                    let phase = random.below(1000);
                    std::thread::sleep(
                        interval
                            .mul_f64(f64::from(u32::try_from(phase).unwrap_or_default()) / 1000.0),
                    );
                    silence(&field, master, backup, interval)
                })
                .collect();
            row.add(subject, summary(&beyond));
        }
        rows.push(row.at_most("0.5 ms, the largest", Some(0.5)));
    }
    Table {
        name: "death",
        title: format!(
            "The wire between MASTER and BACKUP is cut at a random phase, {runs} times: time from the last advert that reached \
             the BACKUP to its first own one, minus 3 × interval + skew; p50 (smallest to largest)."
        ),
        rows,
        machine: Some(before.since(None)),
    }
}

/// One takeover; leaves both as they were. Nanoseconds beyond the limit.
fn silence(field: &Field, master: &Player, backup: &Player, interval: Duration) -> i64 {
    let lab = &field.lab;
    let from = Capture::now();
    wait_until("the BACKUP hears the MASTER", BOUND, || {
        heard(field, master, backup, from)
    });
    lab.cut((&master.host, "eth0"), (&backup.host, "eth0"));
    let (taken, _) =
        lab.capture()
            .wait_advert(backup.host.name(), from, BOUND, "a takeover", |advert| {
                advert.priority > 0
            });
    let last = heard(field, master, backup, from).unwrap_or(from);
    lab.heal();
    backup.wait(State::Backup);
    master.wait(State::Master);
    let limit = interval * 3 + interval * (256 - PRIORITY) / 256;
    let nanos = |time: Duration| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
    nanos(taken.saturating_sub(last)).saturating_sub(nanos(limit))
}

/// When the BACKUP was last handed an advert of the MASTER.
fn heard(field: &Field, master: &Player, backup: &Player, from: Duration) -> Option<Duration> {
    let source: std::net::IpAddr = master.host.addresses("eth0").first()?.ip;
    let seen = field.lab.capture().since(from);
    let arrived = seen.iter().filter(|seen| {
        !seen.sent
            && seen.host == backup.host.name()
            && matches!(&seen.frame, Frame::Advert(advert) if advert.source == source)
    });
    arrived.map(|seen| seen.at).max()
}

#[expect(clippy::cast_precision_loss, reason = "nanoseconds of seconds")]
fn summary(beyond: &[i64]) -> Option<Figure> {
    let least = *beyond.iter().min()?;
    let shifted: Vec<Duration> = beyond
        .iter()
        .map(|nanos| Duration::from_nanos(nanos.abs_diff(least)))
        .collect();
    let middle = i64::try_from(percentile(&shifted, 50)?.as_nanos()).ok()? + least;
    let most = *beyond.iter().max()?;
    let millis = |nanos: i64| nanos as f64 / 1e6;
    Some(Figure::shown(
        millis(most),
        format!(
            "{:.3} ({:.3} to {:.3})",
            millis(middle),
            millis(least),
            millis(most)
        ),
    ))
}
