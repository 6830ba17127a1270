//! How late adverts are, and whether their schedule moves.

use std::time::Duration;

use super::field::{Class, Field, Options, Settings};
use super::figures::{drift_ns, late, percentile};
use super::load::{Load, Running};
use super::report::{Figure, Row, Table};
use super::subject::Subject;
use super::usage::Before;
use crate::lab::{Canary, Capture};

const INTERVAL: Duration = Duration::from_millis(10);
/// A load needs a moment until it is one.
const WARM_UP: Duration = Duration::from_millis(1500);
/// Above it keepalived's lateness can fail somebody over, and a tenth of it is asked for; in milliseconds.
const HARMFUL: f64 = 2.0;
const DRIFT_ADVERTS: u64 = 10_000;

/// The time that a load and its canary may take beyond a measurement.
const MARGIN: Duration = Duration::from_secs(5);

pub(super) fn lateness(options: &Options) -> Table {
    let time = options.time(10);
    let before = Before::now();
    let mut rows = Vec::new();
    let mut worst = Duration::ZERO;
    for class in Class::ALL {
        let field = Field::senders(
            &options.with_bare(),
            Settings {
                class,
                interval: INTERVAL,
            },
        );
        for load in Load::ALL {
            let running = Running::start(&field.players[0].host, load, WARM_UP + time + MARGIN);
            std::thread::sleep(WARM_UP);
            let canary = Canary::start(&options.xtask);
            let from = Capture::now();
            std::thread::sleep(time);
            let to = Capture::now();
            let seen = canary.finish().between(from, to);
            worst = worst.max(seen);
            drop(running);
            let mut row = Row::new(format!("{}, {}", class.name(), load.name()), "ms");
            for player in &field.players {
                let departures = field.departures(player.host.name(), from, to);
                row.add(player.subject, summary(&departures));
            }
            rows.push(judged(row, class));
        }
    }
    Table {
        name: "on-time",
        title: format!(
            "Lateness of adverts at an interval of 10 ms: gap − interval above zero, p99 (largest) of {} s in each cell, by \
             kernel stamps of an observer. The subjects of a class run at the same time, each on a segment of its own; loads \
             are sessions of their own. Goals are for the p99.",
            time.as_secs()
        ),
        rows,
        machine: Some(before.since(Some(worst))),
    }
}

fn summary(departures: &[Duration]) -> Option<Figure> {
    let late = late(departures, INTERVAL);
    let p99 = millis(percentile(&late, 99)?);
    let largest = millis(percentile(&late, 100)?);
    Some(Figure::shown(p99, format!("{p99:.3} ({largest:.2})")))
}

fn judged(row: Row, class: Class) -> Row {
    let bare = row.value(Subject::Bare);
    let other = row.value(Subject::Keepalived);
    match class {
        Class::Default => {
            let least = bare.map(|bare| bare * 1.5);
            match other.filter(|other| *other > HARMFUL) {
                Some(other) => row.at_most(
                    "1.5 × bare sender, 1/10 of keepalived",
                    least.map(|least| least.min(other / 10.0)),
                ),
                None => row.at_most("1.5 × bare sender", least),
            }
        }
        Class::RealTime => {
            let bound = bare.map(|bare| other.map_or(bare * 1.5, |other| other.min(bare * 1.5)));
            row.at_most("1.5 × bare sender, never above keepalived", bound)
        }
        Class::Normal => row.at_most("1.1 × bare sender", bare.map(|bare| bare * 1.1)),
    }
}

pub(super) fn drift(options: &Options) -> Table {
    let time = options.time(DRIFT_ADVERTS * 10 / 1000 + 1);
    let before = Before::now();
    let settings = Settings {
        class: Class::Default,
        interval: INTERVAL,
    };
    let field = Field::senders(&options.with_bare(), settings);
    let from = Capture::now();
    std::thread::sleep(time);
    let to = Capture::now();
    let mut row = Row::new("slope of departure against number", "µs per advert");
    for player in &field.players {
        let departures = field.departures(player.host.name(), from, to);
        let drift = drift_ns(&departures, INTERVAL).map(|drift| drift / 1000.0);
        row.add(player.subject, drift.map(Figure::of));
    }
    // Backwards is as wrong as forwards.
    let size = row.value(Subject::Vrrpd).map(f64::abs);
    row.goal = String::from("within ± 0.1");
    row.held = size.map(|size| size <= 0.1);
    Table {
        name: "drift",
        title: format!(
            "Whether lateness adds up: least squares over the adverts of {} s at 10 ms, each in its default settings.",
            time.as_secs()
        ),
        rows: vec![row],
        machine: Some(before.since(None)),
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
