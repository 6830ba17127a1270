//! The OpenMetrics text format: families with their samples, escaped as the format wants it.

use std::fmt::Write as _;

use crate::journal::Buckets;

/// What a family counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Counter,
    Gauge,
    Histogram,
    Info,
}

/// A page under construction.
#[derive(Debug, Default)]
pub(super) struct Page(String);

/// A family whose samples follow. One without samples leaves nothing behind.
#[derive(Debug)]
pub(super) struct Family<'a> {
    page: &'a mut Page,
    name: &'a str,
    kind: Type,
    head: Option<String>,
}

impl Page {
    /// Begins a family. `name` is without `_total` or `_info`; a unit is what it ends with.
    pub(super) fn family<'a>(&'a mut self, name: &'a str, kind: Type, help: &str) -> Family<'a> {
        let word = match kind {
            Type::Counter => "counter",
            Type::Gauge => "gauge",
            Type::Histogram => "histogram",
            Type::Info => "info",
        };
        let mut head = format!("# TYPE {name} {word}\n");
        if name.ends_with("_seconds") {
            // A page is a string, which takes everything.
            let _ = writeln!(head, "# UNIT {name} seconds");
        }
        let _ = writeln!(head, "# HELP {name} {}", escaped(help));
        Family {
            page: self,
            name,
            kind,
            head: Some(head),
        }
    }

    /// The whole page.
    pub(super) fn finish(mut self) -> String {
        self.0.push_str("# EOF\n");
        self.0
    }
}

impl Family<'_> {
    /// A sample that is a whole number.
    pub(super) fn count(&mut self, labels: &[(&str, &str)], value: u64) {
        let suffix = match self.kind {
            Type::Counter => "_total",
            Type::Info => "_info",
            Type::Gauge | Type::Histogram => "",
        };
        self.sample(suffix, labels, &value.to_string());
    }

    /// A sample in seconds.
    pub(super) fn seconds(&mut self, labels: &[(&str, &str)], nanos: u64) {
        let suffix = if self.kind == Type::Counter {
            "_total"
        } else {
            ""
        };
        self.sample(suffix, labels, &seconds(nanos));
    }

    /// A moment in seconds since 1970.
    pub(super) fn moment(&mut self, labels: &[(&str, &str)], unix_ms: i64) {
        let sign = if unix_ms < 0 { "-" } else { "" };
        let millis = unix_ms.unsigned_abs();
        let text = format!("{sign}{}.{:03}", millis / 1_000, millis % 1_000);
        self.sample("", labels, &text);
    }

    /// The samples of a histogram.
    pub(super) fn histogram(&mut self, labels: &[(&str, &str)], buckets: &Buckets) {
        let bounds = buckets
            .cumulative()
            .map(|(bound, count)| (seconds(bound), count))
            .chain([("+Inf".to_owned(), buckets.total())]);
        for (bound, count) in bounds {
            let mut with_bound: Vec<(&str, &str)> = labels.to_vec();
            with_bound.push(("le", &bound));
            self.sample("_bucket", &with_bound, &count.to_string());
        }
        self.sample("_count", labels, &buckets.total().to_string());
        self.sample("_sum", labels, &seconds(buckets.sum()));
    }

    fn sample(&mut self, suffix: &str, labels: &[(&str, &str)], value: &str) {
        let text = &mut self.page.0;
        if let Some(head) = self.head.take() {
            text.push_str(&head);
        }
        text.push_str(self.name);
        text.push_str(suffix);
        for (position, (name, value)) in labels.iter().enumerate() {
            let before = if position == 0 { '{' } else { ',' };
            let _ = write!(text, "{before}{name}=\"{}\"", escaped(value));
        }
        if !labels.is_empty() {
            text.push('}');
        }
        let _ = writeln!(text, " {value}");
    }
}

/// Nanoseconds as seconds, without trailing zeros but with one decimal at least.
pub(super) fn seconds(nanos: u64) -> String {
    let (whole, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    let text = format!("{whole}.{rest:09}");
    let short = text.trim_end_matches('0');
    if short.ends_with('.') {
        format!("{short}0")
    } else {
        short.to_owned()
    }
}

/// Labels and help texts hold anything but these three as they are.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => escaped.push_str("\\\\"),
            '"' => escaped.push_str("\\\""),
            '\n' => escaped.push_str("\\n"),
            other => escaped.push(other),
        }
    }
    escaped
}
