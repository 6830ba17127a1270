//! `compare A B`: which advert of one node is which advert of the other, how long each was under way, which ones never came,
//! and how far the clocks are apart as far as that can be known.

use serde_json::{Value, json};
use vrrp_record::event::Kind;
use vrrp_record::histogram::Histogram;
use vrrp_record::history::{History, Received, Router, Sent, Time};
use vrrp_record::join::{Join, Offset, Pair, departure, routers};
use vrrp_record::quantity::{Count, Plural};

use super::frame;
use crate::Output;
use crate::render::table::{columns, hanging, line};
use crate::render::{Paint, time};
use crate::source::Node;

/// Most adverts listed for people; JSON and plain lines have all.
const LISTED: usize = 20;

/// Two nodes, joined.
pub(crate) struct Comparison<'a> {
    first: &'a Node,
    second: &'a Node,
    join: Join,
    /// When the clocks are compared, by the first node.
    at: Time,
    offset: Offset,
    ways: Vec<Way<'a>>,
    /// Transitions of both, by the first node's clock.
    events: Vec<(Time, &'a Node, &'a Kind)>,
}

/// One router's adverts in one direction.
struct Way<'a> {
    from: &'a Node,
    to: &'a Node,
    router: &'a Router,
    joined: u64,
    took: Histogram,
    /// Under way for more than half of an interval, by departure.
    held: Vec<Held>,
    /// Left, and never heard although the other node recorded everything at that time.
    missing: Vec<Sent>,
    /// Left when the other node recorded no single adverts.
    unknown: u64,
}

struct Held {
    sent: Sent,
    received: Received,
    least: i64,
    most: Option<i64>,
}

/// Joins two nodes' records between two times of the first node.
pub(crate) fn gather<'a>(
    first: &'a Node,
    second: &'a Node,
    names: &[String],
    between: Option<(Time, Time)>,
) -> Comparison<'a> {
    let join = Join::of(&first.history, &second.history);
    let inside = |at: Time| between.is_none_or(|(from, until)| (from..=until).contains(&at));
    let last = |pairs: &[Pair], history: &History| {
        let times = pairs.iter().map(|pair| history.sent[pair.sent].due);
        times.filter(|at| inside(*at)).max()
    };
    // Where both sent, the clocks are known best when the second one was heard last.
    let both = join
        .back()
        .iter()
        .map(|pair| first.history.received[pair.received].at())
        .filter(|at| inside(*at))
        .max();
    let fallback = first.history.extent().map_or(Time(0), |(_, until)| until);
    let at = both
        .or_else(|| last(join.there(), &first.history))
        .unwrap_or(fallback);
    let offset = join.offset(at);
    let mut ways = Vec::new();
    for (ours, theirs) in routers(&first.history, &second.history) {
        let (Some(one), Some(other)) = (
            first.history.routers.get(usize::from(ours)),
            second.history.routers.get(usize::from(theirs)),
        ) else {
            continue;
        };
        if !names.is_empty() && !names.contains(&one.name) && !names.contains(&other.name) {
            continue;
        }
        ways.push(way(&join, (first, ours), (second, theirs), false, &inside));
        ways.push(way(&join, (second, theirs), (first, ours), true, &inside));
    }
    ways.retain(|way| way.joined + way.unknown > 0 || !way.missing.is_empty());
    let mut events = Vec::new();
    for (node, by_second) in [(first, false), (second, true)] {
        let changes = node.history.events.iter().filter(|event| {
            matches!(event.event.kind, Kind::Transition { from, to, .. } if from != to)
                || matches!(event.event.kind, Kind::NearFailover { .. })
        });
        events.extend(
            changes
                .map(|event| {
                    (
                        if by_second {
                            join.by_first(event.at).unwrap_or(event.at)
                        } else {
                            event.at
                        },
                        node,
                        &event.event.kind,
                    )
                })
                .filter(|event| inside(event.0)),
        );
    }
    events.sort_by_key(|event| event.0);
    Comparison {
        first,
        second,
        join,
        at,
        offset,
        ways,
        events,
    }
}

fn way<'a>(
    join: &Join,
    (from, ours): (&'a Node, u16),
    (to, theirs): (&'a Node, u16),
    back: bool,
    inside: &dyn Fn(Time) -> bool,
) -> Way<'a> {
    let pairs = if back { join.back() } else { join.there() };
    let (sent, received) = (&from.history.sent, &to.history.received);
    let mut heard = vec![false; sent.len()];
    let mut way = Way {
        from,
        to,
        router: &from.history.routers[usize::from(ours)],
        joined: 0,
        took: Histogram::default(),
        held: Vec::new(),
        missing: Vec::new(),
        unknown: 0,
    };
    let half = i64::try_from(way.router.interval / 2).unwrap_or(i64::MAX);
    for pair in pairs {
        heard[pair.sent] = true;
        let (one, other) = (&sent[pair.sent], &received[pair.received]);
        // By the first node's clock.
        let near = if back { other.at() } else { one.due };
        if (one.router, other.router) != (ours, theirs) || !inside(near) {
            continue;
        }
        let (least, most) = if back {
            join.way_back(pair, near)
        } else {
            join.way_there(pair, near)
        };
        way.joined += 1;
        way.took.record(u64::try_from(least).unwrap_or_default());
        if least > half {
            way.held.push(Held {
                sent: *one,
                received: *other,
                least,
                most,
            });
        }
    }
    // Who was heard without numbers cannot be said to have lost any.
    let numbered = received
        .iter()
        .filter(|other| other.router == theirs)
        .all(|other| other.id.is_some());
    for (one, _) in sent
        .iter()
        .zip(&heard)
        .filter(|(one, heard)| !**heard && one.router == ours)
    {
        let Some(left) = departure(one) else { continue };
        let offset = join.offset(left).best().unwrap_or_default();
        // When it should have arrived, by the listener's clock, and when it left by the first node's.
        let (there, by_first) = if back {
            (
                left.plus(offset.saturating_neg()),
                left.plus(offset.saturating_neg()),
            )
        } else {
            (left.plus(offset), left)
        };
        if !inside(by_first) {
            continue;
        }
        if numbered && listens(&to.history, there) {
            way.missing.push(*one);
        } else {
            way.unknown += 1;
        }
    }
    way
}

/// Whether a node kept single adverts around a time.
pub(crate) fn listens(history: &History, at: Time) -> bool {
    const AROUND: i64 = 1_000_000_000;
    let detailed = &history.detailed;
    if detailed.is_empty() {
        return history
            .extent()
            .is_some_and(|(from, until)| from.plus(AROUND) <= at && at <= until.plus(-AROUND));
    }
    detailed
        .iter()
        .any(|(from, until)| from.plus(AROUND) <= at && at <= until.plus(-AROUND))
}

/// A length of time that may be negative.
fn signed(nanos: i64) -> String {
    let span = time::nanos(nanos.unsigned_abs());
    if nanos < 0 {
        format!("-{span}")
    } else {
        span.to_string()
    }
}

/// A length of time to the microsecond: what tells clocks apart.
fn exact(nanos: u64) -> String {
    let micros = nanos / 1_000;
    match micros {
        0..1_000 => format!("{micros} \u{b5}s"),
        1_000..1_000_000 => format!("{}.{:03} ms", micros / 1_000, micros % 1_000),
        _ => format!("{}.{:06} s", micros / 1_000_000, micros % 1_000_000),
    }
}

/// How the second clock stands to the first.
fn clocks(comparison: &Comparison<'_>) -> String {
    let (first, second) = (comparison.first.name(), comparison.second.name());
    let ahead = |nanos: i64| {
        let word = if nanos < 0 { "behind" } else { "ahead of" };
        format!("{} {word} {first}'s", exact(nanos.unsigned_abs()))
    };
    let offset = comparison.offset;
    let from = format!(
        "from {} there and {} back",
        Plural(comparison.join.there().len() as u64, "advert"),
        Count(comparison.join.back().len() as u64)
    );
    match (offset.lower, offset.upper) {
        _ if offset.contradicts() => format!(
            "the bounds contradict each other, so one of the clocks was slewed or stepped in between; times under way are not to be trusted ({from})"
        ),
        (Some(lower), Some(upper)) => format!(
            "{second}'s is between {} and {} ({from}; error at most {})",
            ahead(lower),
            ahead(upper),
            exact(upper.abs_diff(lower) / 2)
        ),
        (None, Some(upper)) => format!(
            "one-sided: {second}'s is at most {}; how far behind is unknown, since no advert of {second} reached {first} ({from}). Times under way are at least what is told",
            ahead(upper)
        ),
        (Some(lower), None) => format!(
            "one-sided: {second}'s is at least {}; how far ahead is unknown, since no advert of {first} reached {second} ({from}). Times under way are at least what is told",
            ahead(lower)
        ),
        (None, None) => {
            String::from("no advert was recorded by both, so nothing is known of their distance")
        }
    }
}

fn took(held: &Held) -> String {
    match held.most {
        // Bounds that read alike are one.
        Some(most) if signed(most) != signed(held.least) => {
            format!("{} to {}", signed(held.least), signed(most))
        }
        Some(_) => signed(held.least),
        None => format!("at least {}", signed(held.least)),
    }
}

/// Text for people.
pub(crate) fn text(nodes: &[Node], comparison: &Comparison<'_>, output: &Output) -> String {
    let mut out = String::new();
    hanging(&mut out, "", 2, &answer(comparison, output));
    out.push('\n');
    line(&mut out, "clocks", &clocks(comparison));
    for way in &comparison.ways {
        section(&mut out, way, comparison.offset.width(), output);
    }
    if !comparison.events.is_empty() {
        let zone = &output.zone;
        let title = format!(
            "transitions (by {}'s clock, times {})",
            comparison.first.name(),
            time::offset(comparison.at.unix_ms(), zone)
        );
        out.push_str(&format!("\n{}\n", output.style.paint(Paint::Strong, title)));
        let skip = comparison.events.len().saturating_sub(LISTED);
        if skip > 0 {
            out.push_str(&format!(
                "  {skip} earlier: see --json or vrrpctl timeline\n"
            ));
        }
        for (at, node, kind) in comparison.events.iter().skip(skip) {
            let number = kind
                .number()
                .map(|number| format!("#{number}"))
                .unwrap_or_default();
            let head = format!(
                "  {}  {number:>5}  {}  ",
                time::stamp(*at, zone),
                node.name()
            );
            let indent = head.chars().count();
            hanging(&mut out, &head, indent, &frame::sentence(node, kind));
        }
    }
    frame::foot(&mut out, nodes, output);
    out
}

fn answer(comparison: &Comparison<'_>, output: &Output) -> String {
    let (first, second) = (comparison.first.name(), comparison.second.name());
    let joined: u64 = comparison.ways.iter().map(|way| way.joined).sum();
    if comparison.ways.is_empty() || joined == 0 {
        return format!("{first} and {second}: no advert is in the records of both");
    }
    let missing: usize = comparison.ways.iter().map(|way| way.missing.len()).sum();
    let held: usize = comparison.ways.iter().map(|way| way.held.len()).sum();
    let mut parts = vec![format!("{} in both records", Plural(joined, "advert"))];
    parts.push(match missing {
        0 => String::from("none lost"),
        missing => output
            .style
            .paint(Paint::Bad, format_args!("{missing} lost on the way")),
    });
    let worst = comparison
        .ways
        .iter()
        .flat_map(|way| &way.held)
        .map(|held| held.least)
        .max();
    parts.push(match worst {
        None => String::from("none held"),
        Some(worst) => output.style.paint(
            Paint::Bad,
            format_args!("{held} held on the way, for up to {}", signed(worst)),
        ),
    });
    format!("{first} and {second}: {}", parts.join(", "))
}

fn section(out: &mut String, way: &Way<'_>, width: Option<i64>, output: &Output) {
    let (zone, style) = (&output.zone, output.style);
    let title = format!("{} \u{2192} {}", way.from.name(), way.to.name());
    out.push_str(&format!(
        "\n{}   {}, {}\n",
        style.paint(Paint::Strong, title),
        way.router.name,
        frame::identity(way.router)
    ));
    let missing = match way.missing.len() {
        0 => String::from("none missing"),
        count => style.paint(Paint::Bad, format_args!("{count} missing")),
    };
    let unknown = match way.unknown {
        0 => String::new(),
        count => format!(
            "; {} more left when {} kept no single adverts",
            Count(count),
            way.to.name()
        ),
    };
    line(
        out,
        "adverts",
        &format!("{} in both records, {missing}{unknown}", Count(way.joined)),
    );
    let quantile = |quantile| {
        way.took
            .quantile(quantile)
            .map_or_else(String::new, |value| time::nanos(value).to_string())
    };
    let more = width
        .map(|width| format!("; at most {} more", exact(width.unsigned_abs())))
        .unwrap_or_default();
    if way.joined > 0 {
        line(
            out,
            "under way",
            &format!(
                "at least p50 {}, p99 {}, worst {}{more}",
                quantile(0.5),
                quantile(0.99),
                time::nanos(way.took.largest())
            ),
        );
    }
    held(out, way, output);
    for sent in way.missing.iter().take(LISTED) {
        let left = departure(sent)
            .map(|left| time::stamp(left, zone))
            .unwrap_or_default();
        line(
            out,
            "missing",
            &format!(
                "id {} left {left} and never reached {}",
                sent.id,
                way.to.name()
            ),
        );
    }
    if way.missing.len() > LISTED {
        line(
            out,
            "",
            &format!(
                "and {} more: see --json or --plain",
                way.missing.len() - LISTED
            ),
        );
    }
}

/// The adverts that were held, one by one.
fn held(out: &mut String, way: &Way<'_>, output: &Output) {
    let zone = &output.zone;
    if way.held.is_empty() {
        return;
    }
    let mut rows = vec![
        ["", "id", "due", "left", "arrived", "under way"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for held in way.held.iter().take(LISTED) {
        let clock =
            |at: Option<Time>| at.map_or_else(|| String::from("-"), |at| time::clock(at, zone));
        rows.push(vec![
            String::from("held"),
            held.sent.id.to_string(),
            time::stamp(held.sent.due, zone),
            clock(departure(&held.sent)),
            clock(Some(held.received.at())),
            took(held),
        ]);
    }
    columns(out, 2, 1, &rows);
    let rest = way.held.len().saturating_sub(LISTED);
    if rest > 0 {
        out.push_str(&format!("  and {rest} more: see --json or --plain\n"));
    }
    let (from, to) = (way.from.name(), way.to.name());
    line(
        out,
        "",
        &format!(
            "due and left by {from}'s clock, arrived by {to}'s; under way with the clocks' distance taken off"
        ),
    );
}

/// Lines for programs: every advert held or missing.
pub(crate) fn plain(comparison: &Comparison<'_>) -> String {
    let mut out = String::from(
        "what\tfrom\tto\trouter\tid\tdue_ns\tleft_ns\tarrived_ns\tleast_ns\tmost_ns\n",
    );
    let number = |value: Option<i64>| value.map_or_else(String::new, |value| value.to_string());
    let mut add = |fields: [String; 10]| {
        out.push_str(&fields.join("\t"));
        out.push('\n');
    };
    let empty = String::new;
    add([
        String::from("offset"),
        comparison.first.name(),
        comparison.second.name(),
        empty(),
        empty(),
        comparison.at.0.to_string(),
        empty(),
        empty(),
        number(comparison.offset.lower),
        number(comparison.offset.upper),
    ]);
    for way in &comparison.ways {
        let head = |what: &str, sent: &Sent| {
            [
                what.to_owned(),
                way.from.name(),
                way.to.name(),
                way.router.name.clone(),
                sent.id.to_string(),
                sent.due.0.to_string(),
                number(departure(sent).map(|left| left.0)),
            ]
        };
        for held in &way.held {
            let [a, b, c, d, e, f, g] = head("held", &held.sent);
            add([
                a,
                b,
                c,
                d,
                e,
                f,
                g,
                held.received.at().0.to_string(),
                held.least.to_string(),
                number(held.most),
            ]);
        }
        for sent in &way.missing {
            let [a, b, c, d, e, f, g] = head("missing", sent);
            add([a, b, c, d, e, f, g, empty(), empty(), empty()]);
        }
    }
    out
}

/// The same as JSON.
pub(crate) fn json(nodes: &[Node], comparison: &Comparison<'_>, now: Time) -> String {
    let ways: Vec<Value> = comparison
        .ways
        .iter()
        .map(|way| {
            let held: Vec<Value> = way
                .held
                .iter()
                .map(|held| json!({"sent": held.sent, "received": held.received, "least_ns": held.least, "most_ns": held.most}))
                .collect();
            json!({
                "from": way.from.history.node.host,
                "to": way.to.history.node.host,
                "router": way.router.name,
                "vrid": way.router.vrid,
                "joined": way.joined,
                "least_p50_ns": way.took.quantile(0.5),
                "least_p99_ns": way.took.quantile(0.99),
                "least_worst_ns": way.took.largest(),
                "held": held,
                "missing": way.missing,
                "not_comparable": way.unknown,
            })
        })
        .collect();
    let events: Vec<Value> = comparison
        .events
        .iter()
        .map(|(at, node, kind)| json!({"unix_ms": at.unix_ms(), "host": node.history.node.host, "text": kind.to_string(), "event": kind}))
        .collect();
    let body = json!({
        "offset": {
            "at_unix_ms": comparison.at.unix_ms(),
            "lower_ns": comparison.offset.lower,
            "upper_ns": comparison.offset.upper,
            "contradicts": comparison.offset.contradicts(),
            "there": comparison.join.there().len(),
            "back": comparison.join.back().len(),
        },
        "ways": ways,
        "transitions": events,
    });
    frame::json("compare", nodes, now, body)
}
