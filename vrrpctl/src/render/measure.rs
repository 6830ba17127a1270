//! What was measured of a router, and what keeps it: lateness, margin, near failovers; flight recorder and journal.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::tz::TimeZone;
use vrrp_record::quantity::{Count, Errno, Span};
use vrrp_record::status::{Margin, Recorder, Router, Status};
use vrrp_record::words::Word;

use super::style::{Paint, Style};
use super::table::line;
use super::time::{self, millis};

const fn micros(micros: u64) -> Span {
    Span(Duration::from_micros(micros))
}

/// Lines of a router's section.
pub(super) fn router(out: &mut String, router: &Router, style: Style, zone: &TimeZone) {
    if let Some(late) = router.lateness.filter(|_| router.sent.due > 0) {
        let mut text = format!(
            "p50 {}, p99 {}, worst {} (24 h)",
            micros(late.p50_us),
            micros(late.p99_us),
            micros(late.worst_us)
        );
        if let Some(ever) = late.ever.filter(|_| late.ever_us > late.worst_us) {
            let at = time::full(ever.unix_ms, zone);
            let _infallible = write!(text, ", {} ({at})", micros(late.ever_us));
        }
        line(out, "late", &text);
        if let (Some(p99), Some(worst)) = (late.device_p99_us, late.device_worst_us) {
            let text = format!(
                "takes 99 % of the adverts within {}, worst {} (24 h)",
                micros(p99),
                micros(worst)
            );
            line(out, "device", &text);
        }
    }
    if let Some(margin) = &router.margin {
        line(out, "margin", &self::margin(margin, router.state, style));
    }
    if let Some(near) = &router.near_failovers {
        let Some(last) = near.last.as_ref().filter(|_| near.count > 0) else {
            return;
        };
        let mut text = format!(
            "{}; the last {}: {} of the {} that lead to a failover",
            Count(near.count),
            time::full(last.at.unix_ms, zone),
            millis(last.gap_ms),
            millis(last.limit_ms)
        );
        match last.from {
            Some(from) => {
                let _infallible = write!(text, " without {from}");
            }
            None => text.push_str(" without an advert of ours"),
        }
        if let Some(why) = &last.why {
            let _infallible = write!(text, "; {why}");
        }
        if last.number > 0 {
            let _infallible = write!(text, " (vrrpctl explain {})", last.number);
        }
        line(out, "near", &style.paint(Paint::Look, text));
    }
}

fn margin(margin: &Margin, state: Word, style: Style) -> String {
    let windows = [
        ("1 min", margin.minute_ms),
        ("1 h", margin.hour_ms),
        ("24 h", margin.day_ms),
    ];
    let worst: Vec<String> = windows
        .iter()
        .filter_map(|(name, left)| {
            let left = (*left)?;
            let paint = if left < margin.limit_ms / 2 {
                Paint::Look
            } else {
                Paint::Plain
            };
            Some(style.paint(paint, format_args!("{} in {name}", millis(left))))
        })
        .collect();
    let who = if state == Word::Master {
        "a peer takes over"
    } else {
        "this node takes over"
    };
    format!(
        "worst {} of the {} after which {who}",
        worst.join(", "),
        millis(margin.limit_ms)
    )
}

/// What keeps the recorder from its best.
fn recorder_trouble(recorder: &Recorder, style: Style) -> String {
    let mut trouble = String::new();
    if let Some(errno) = recorder.lock_errno {
        trouble += &format!(", not locked in memory: {}", Errno(errno));
    }
    if recorder.lost > 0 {
        trouble += &format!(", {} records left out of a flood", Count(recorder.lost));
    }
    if trouble.is_empty() {
        trouble
    } else {
        style.paint(Paint::Look, trouble)
    }
}

/// Lines of the daemon's section.
pub(super) fn keeping(out: &mut String, status: &Status, style: Style) {
    if let Some(recorder) = &status.recorder {
        let window = recorder
            .window_s
            .map(|seconds| format!(", back to {} ago", Span(Duration::from_secs(seconds))))
            .unwrap_or_default();
        line(
            out,
            "recorder",
            &if recorder.bytes == 0 {
                // Why is told among the notes.
                style.paint(
                    Paint::Look,
                    "none, so only what the journal keeps can be explained",
                )
            } else {
                format!(
                    "{}, {}{window}{}",
                    recorder.file,
                    bytes(recorder.bytes),
                    recorder_trouble(recorder, style)
                )
            },
        );
    }
    if let Some(journal) = &status.journal {
        let oldest = journal
            .oldest
            .map(|oldest| format!(", back to {} ago", Span(oldest.age())))
            .unwrap_or_default();
        let lost = match journal.lost {
            0 => String::new(),
            lost => style.paint(
                Paint::Look,
                format_args!(", {} records could not be kept", Count(lost)),
            ),
        };
        line(
            out,
            "journal",
            &format!(
                "{}, {} of {}{oldest}{lost}",
                journal.directory,
                bytes(journal.bytes),
                bytes(journal.limit_bytes)
            ),
        );
    }
}

/// `20 kB`, `200 MB`.
fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        1_000_000..10_000_000 => {
            format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10)
        }
        _ => format!("{} MB", bytes / 1_000_000),
    }
}
