//! `latency`: how long each stage of an advert took, in the last minute, hour, day, and in all.

use serde_json::{Value, json};
use vrrp_record::histogram::{Histogram, lowest};
use vrrp_record::history::{Router, Stage, Time};
use vrrp_record::measure::{Measured, STAGES, Worst, measure};
use vrrp_record::quantity::Count;
use vrrp_record::words::Word;

use super::frame;
use crate::Output;
use crate::cli::{Reading, StageName};
use crate::render::Paint;
use crate::render::table::{columns, hanging};
use crate::render::time::{self, nanos};
use crate::source::Node;

/// Percentiles, in the order of the columns.
const QUANTILES: [(f64, &str); 4] = [(0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (0.999, "p99.9")];
/// Widest bar of a histogram.
const BAR: f64 = 40.0;
/// Most lines of a histogram.
const LINES: usize = 24;

const SECOND: i64 = 1_000_000_000;

/// One router's table.
pub(crate) struct Table<'a> {
    node: &'a Node,
    router: &'a Router,
    state: Option<Word>,
    /// Silence after which the peers, or this node, take over.
    limit: u64,
    /// The last time that records tell of.
    until: Time,
    windows: Vec<String>,
    /// Stages with at least one value, each with one entry per window.
    stages: Vec<(Stage, Vec<Measured>)>,
    missing: Vec<Stage>,
}

/// Measures everything.
pub(crate) fn gather<'a>(
    nodes: &'a [Node],
    names: &'a [String],
    stage: Option<StageName>,
    between: Option<(Time, Time)>,
) -> Vec<Table<'a>> {
    let mut tables = Vec::new();
    for node in nodes {
        let Some((first, last)) = node.history.extent() else {
            continue;
        };
        let until = between.map_or(last, |(_, until)| until.min(last));
        let windows: Vec<(String, (Time, Time))> = match between {
            Some((from, until)) => vec![(String::from("asked for"), (from, until))],
            None => [("1 min", 60), ("1 h", 3_600), ("24 h", 86_400)]
                .into_iter()
                .map(|(name, seconds)| (name.to_owned(), (until.plus(-seconds * SECOND), until)))
                .chain([(String::from("all"), (first, until))])
                .collect(),
        };
        let stretches: Vec<(Time, Time)> = windows.iter().map(|(_, stretch)| *stretch).collect();
        for (position, router) in frame::chosen(&node.history, names) {
            let (mut stages, mut missing) = (Vec::new(), Vec::new());
            for one in STAGES {
                if stage.is_some_and(|wanted| of_name(wanted) != one) {
                    continue;
                }
                let measured = measure(&node.history, position, one, &stretches);
                if measured.iter().any(|window| window.histogram.count() > 0) {
                    stages.push((one, measured));
                } else {
                    missing.push(one);
                }
            }
            let phases = node.history.phases(position);
            let heard = node.history.received.iter().rev();
            let learned = heard
                .clone()
                .find(|one| one.router == position)
                .map(|one| one.interval);
            tables.push(Table {
                node,
                router,
                state: phases.last().and_then(|phase| phase.state),
                limit: router.down_interval(learned, router.priority),
                until,
                windows: windows.iter().map(|(name, _)| name.clone()).collect(),
                stages,
                missing,
            });
        }
    }
    tables
}

const fn of_name(name: StageName) -> Stage {
    match name {
        StageName::Wake => Stage::Wake,
        StageName::Send => Stage::Send,
        StageName::Queue => Stage::Queue,
        StageName::Device => Stage::Device,
        StageName::Departure => Stage::Departure,
        StageName::Gap => Stage::Gap,
        StageName::Read => Stage::Read,
    }
}

/// A stage as people read it.
const fn meaning(stage: Stage) -> (&'static str, &'static str) {
    match stage {
        Stage::Wake => ("wake", "due to woke: this machine was late"),
        Stage::Send => ("send", "woke to accepted: own work and the system call"),
        Stage::Queue => ("queue", "queued to left: the queue of the interface"),
        Stage::Device => ("device", "left to taken: the device, or the host below it"),
        Stage::Departure => ("departure", "due to left: everything up to the driver"),
        Stage::Gap => ("gap", "between two arrivals from the same sender"),
        Stage::Read => ("read", "arrived to read: this machine was late"),
    }
}

/// Text for people.
pub(crate) fn text(
    nodes: &[Node],
    tables: &[Table<'_>],
    asked: Option<StageName>,
    output: &Output,
) -> String {
    let mut out = String::new();
    if tables.is_empty() {
        out.push_str("nothing was measured: the records name no router\n");
    }
    for table in tables {
        hanging(&mut out, "", 2, &answer(table, output));
    }
    for table in tables {
        section(&mut out, table, asked, output);
    }
    frame::foot(&mut out, nodes, output);
    out
}

/// The first line: how late, or how much margin.
fn answer(table: &Table<'_>, output: &Output) -> String {
    let title = frame::title(table.router, table.node, output.style);
    let state = table
        .state
        .map(|state| format!(" ({})", output.style.word(state)))
        .unwrap_or_default();
    let Some((stage, measured)) = key_stage(table) else {
        return format!("{title}{state}: no advert was measured");
    };
    let words = worst_words(table, measured);
    match stage {
        Stage::Gap => {
            let worst = measured
                .last()
                .and_then(|all| all.worst)
                .map_or(0, |worst| worst.value);
            let margin = table.limit.saturating_sub(worst);
            let (paint, margin) = if margin == 0 {
                (Paint::Bad, String::from("no margin was left"))
            } else if margin < table.limit / 2 {
                (Paint::Look, format!("margin {}", nanos(margin)))
            } else {
                (Paint::Good, format!("margin {}", nanos(margin)))
            };
            format!(
                "{title}{state}: longest gap {words} of {} allowed; {}",
                nanos(table.limit),
                output.style.paint(paint, margin)
            )
        }
        Stage::Wake | Stage::Departure => {
            format!("{title}{state}: adverts were late by at most {words}")
        }
        Stage::Send | Stage::Queue | Stage::Device | Stage::Read => {
            format!("{title}{state}: {} at most {words}", meaning(*stage).0)
        }
    }
}

/// `137 µs in 1 h, 1.4 ms in 24 h`: the worst of each window that says more than the one before.
fn worst_words(table: &Table<'_>, measured: &[Measured]) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut last = None;
    for (name, window) in table.windows.iter().zip(measured) {
        let Some(worst) = window.worst else { continue };
        if last != Some(worst.value) {
            let within = match name.as_str() {
                "all" => String::from("in all"),
                "asked for" => String::from("in the time asked for"),
                name => format!("in {name}"),
            };
            words.push(format!("{} {within}", nanos(worst.value)));
        }
        last = Some(worst.value);
    }
    words.join(", ")
}

fn section(out: &mut String, table: &Table<'_>, asked: Option<StageName>, output: &Output) {
    let zone = &output.zone;
    out.push('\n');
    let end = format!(
        "{}   {}; windows end {} ({})",
        frame::title(table.router, table.node, output.style),
        frame::identity(table.router),
        time::moment(table.until, zone),
        time::ago(table.until, output.now())
    );
    hanging(out, "", 2, &end);
    let mut rows = vec![
        ["stage", "window", "count"]
            .into_iter()
            .chain(QUANTILES.map(|(_, name)| name))
            .chain(["worst", "at"])
            .map(str::to_owned)
            .collect::<Vec<String>>(),
    ];
    for (stage, measured) in &table.stages {
        let mut name = meaning(*stage).0;
        for (window, one) in rows_of(&table.windows, measured) {
            let mut row = vec![
                name.to_owned(),
                window,
                Count(one.histogram.count()).to_string(),
            ];
            row.extend(QUANTILES.map(|(quantile, _)| {
                one.histogram
                    .quantile(quantile)
                    .map_or_else(String::new, |value| nanos(value).to_string())
            }));
            let (worst, at) = one.worst.map_or_else(Default::default, |worst| {
                (nanos(worst.value).to_string(), when(worst, output))
            });
            row.extend([worst, at]);
            rows.push(row);
            name = "";
        }
    }
    columns(out, 2, 2, &rows);
    for stage in &table.missing {
        let (name, meaning) = meaning(*stage);
        hanging(
            out,
            "  ",
            4,
            &format!("not measured here: {name} ({meaning})"),
        );
    }
    // Without being asked only the stage that the first line is about.
    let drawn = match asked {
        Some(_) => table.stages.first(),
        None => key_stage(table),
    };
    if let Some((stage, measured)) = drawn
        && let Some(all) = measured.last()
    {
        let (name, meaning) = meaning(*stage);
        let window = table.windows.last().map_or("all", String::as_str);
        hanging(
            out,
            "\n  ",
            4,
            &format!("{name}: {meaning} ({window}; bars are logarithmic)"),
        );
        draw(out, &all.histogram);
    }
}

/// The stage that tells most: how late a MASTER was, how far apart a BACKUP heard adverts.
fn key_stage<'a>(table: &'a Table<'_>) -> Option<&'a (Stage, Vec<Measured>)> {
    let order = match table.state {
        Some(Word::Master) => [Stage::Wake, Stage::Departure, Stage::Gap],
        _ => [Stage::Gap, Stage::Wake, Stage::Departure],
    };
    let mut found = order
        .into_iter()
        .filter_map(|wanted| table.stages.iter().find(|(stage, _)| *stage == wanted));
    found.next().or_else(|| table.stages.first())
}

/// One row for windows that hold the same: `1 h to all`.
fn rows_of<'a>(windows: &[String], measured: &'a [Measured]) -> Vec<(String, &'a Measured)> {
    let mut rows: Vec<(String, String, &Measured)> = Vec::new();
    for (window, one) in windows.iter().zip(measured) {
        match rows.last_mut() {
            _ if one.histogram.count() == 0 => {}
            Some((_, last, same)) if same.histogram == one.histogram => last.clone_from(window),
            _ => rows.push((window.clone(), window.clone(), one)),
        }
    }
    let named = rows.into_iter().map(|(first, last, one)| {
        let name = if first == last {
            first
        } else {
            format!("{first} to {last}")
        };
        (name, one)
    });
    named.collect()
}

fn when(worst: Worst, output: &Output) -> String {
    let stamp = time::stamp(worst.at, &output.zone);
    if worst.exact {
        stamp
    } else {
        // A minute is all that its histogram knows.
        stamp
            .get(..16)
            .map_or_else(|| stamp.clone(), |minute| format!("{minute} (minute)"))
    }
}

/// A histogram as lines of bars.
fn draw(out: &mut String, histogram: &Histogram) {
    let grouped = |per_line: u16| {
        let mut lines: Vec<(u16, u64)> = Vec::new();
        for (bucket, count) in histogram.buckets() {
            let group = bucket / per_line;
            match lines.last_mut() {
                Some((last, sum)) if *last == group => *sum += u64::from(count),
                _ => lines.push((group, count.into())),
            }
        }
        lines
    };
    // The finest grain that still fits.
    let (per_line, lines) = [1, 2, 4, 8, 16, 32, 64]
        .into_iter()
        .map(|per_line| (per_line, grouped(per_line)))
        .find(|(_, lines)| {
            let span =
                lines.last().map_or(0, |last| last.0) - lines.first().map_or(0, |first| first.0);
            usize::from(span) < LINES
        })
        .unwrap_or_else(|| (480, grouped(480)));
    let most = lines.iter().map(|(_, count)| *count).max().unwrap_or(1);
    let Some((first, last)) = lines
        .first()
        .zip(lines.last())
        .map(|(first, last)| (first.0, last.0))
    else {
        return;
    };
    let rows: Vec<Vec<String>> = (first..=last)
        .map(|group| {
            let count = lines
                .iter()
                .find(|(line, _)| *line == group)
                .map_or(0, |(_, count)| *count);
            let from = lowest(group * per_line);
            let until = lowest((group + 1) * per_line);
            vec![
                format!("{} \u{2013} {}", nanos(from), nanos(until)),
                if count == 0 {
                    String::new()
                } else {
                    Count(count).to_string()
                },
                bar(count, most),
            ]
        })
        .collect();
    columns(out, 4, 0, &rows);
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the length of a bar: a ratio of logarithms between 0 and 1"
)]
fn bar(count: u64, most: u64) -> String {
    if count == 0 {
        return String::new();
    }
    let ratio = if most <= 1 {
        1.0
    } else {
        (count as f64).ln() / (most as f64).ln()
    };
    "\u{2588}".repeat(1 + (ratio * (BAR - 1.0)).round() as usize)
}

/// Lines for programs.
pub(crate) fn plain(tables: &[Table<'_>]) -> String {
    let mut out = String::from(
        "host\trouter\tstage\twindow\tcount\tp50_ns\tp90_ns\tp99_ns\tp999_ns\tworst_ns\tworst_unix_ms\n",
    );
    for table in tables {
        for (stage, measured) in &table.stages {
            for (window, one) in table.windows.iter().zip(measured) {
                let mut fields = vec![
                    table.node.name(),
                    table.router.name.clone(),
                    meaning(*stage).0.to_owned(),
                    window.replace(' ', "_"),
                    one.histogram.count().to_string(),
                ];
                fields.extend(QUANTILES.map(|(quantile, _)| {
                    one.histogram
                        .quantile(quantile)
                        .map_or_else(String::new, |value| value.to_string())
                }));
                fields.push(
                    one.worst
                        .map_or_else(String::new, |worst| worst.value.to_string()),
                );
                fields.push(
                    one.worst
                        .map_or_else(String::new, |worst| worst.at.unix_ms().to_string()),
                );
                out.push_str(&fields.join("\t"));
                out.push('\n');
            }
        }
    }
    out
}

/// The same as JSON.
pub(crate) fn json(nodes: &[Node], tables: &[Table<'_>], now: Time) -> String {
    let routers: Vec<Value> = tables.iter().map(json_table).collect();
    frame::json("latency", nodes, now, json!({ "routers": routers }))
}

fn json_table(table: &Table<'_>) -> Value {
    let stages: Vec<Value> = table
        .stages
        .iter()
        .map(|(stage, measured)| {
            let windows: Vec<Value> = table
                .windows
                .iter()
                .zip(measured)
                .map(|(name, one)| {
                    let quantile = |quantile| one.histogram.quantile(quantile);
                    json!({
                        "window": name,
                        "count": one.histogram.count(),
                        "p50_ns": quantile(0.5),
                        "p90_ns": quantile(0.9),
                        "p99_ns": quantile(0.99),
                        "p999_ns": quantile(0.999),
                        "worst_ns": one.worst.map(|worst| worst.value),
                        "worst_unix_ms": one.worst.map(|worst| worst.at.unix_ms()),
                        "worst_exact": one.worst.map(|worst| worst.exact),
                    })
                })
                .collect();
            let buckets: Vec<Value> = measured
                .last()
                .map(|all| {
                    let buckets = all.histogram.buckets();
                    buckets
                        .map(|(bucket, count)| json!([lowest(bucket), count]))
                        .collect()
                })
                .unwrap_or_default();
            json!({ "stage": meaning(*stage).0, "windows": windows, "histogram_ns": buckets })
        })
        .collect();
    json!({
        "host": table.node.history.node.host,
        "router": table.router.name,
        "vrid": table.router.vrid,
        "state": table.state.map(Word::as_str),
        "down_interval_ns": table.limit,
        "until_unix_ms": table.until.unix_ms(),
        "stages": stages,
        "not_measured": table.missing.iter().map(|stage| meaning(*stage).0).collect::<Vec<_>>(),
    })
}

/// The answer in the form that was asked for.
pub(crate) fn print(
    nodes: &[Node],
    reading: &Reading,
    stage: Option<StageName>,
    between: Option<(Time, Time)>,
    output: &mut Output,
) {
    let tables = gather(nodes, &reading.router, stage, between);
    let text = if reading.form.json {
        json(nodes, &tables, output.now())
    } else if reading.form.plain {
        plain(&tables)
    } else {
        text(nodes, &tables, stage, output)
    };
    output.answer(&text);
}
