//! Words and commands so that the reader of keepalived's language gets them back as they were.

use std::fmt::Write as _;
use std::time::Duration;

use crate::plan::CommandPlan;

/// A word: quoted where it would end early, be a comment, or be nothing.
pub(super) fn word(text: &str) -> String {
    let plain = |c: char| !c.is_whitespace() && !matches!(c, '"' | '{' | '}' | '#' | '!' | '\\');
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("\"{text}\"")
}

/// A command between double quotes, in which the reader of the line knows no escapes; the reader of the command does.
pub(super) fn command(command: &CommandPlan) -> String {
    if command.shell {
        return format!("\"<{}\"", command.argv.concat());
    }
    let words: Vec<String> = command.argv.iter().map(|word| argument(word)).collect();
    format!("\"{}\"", words.join(" "))
}

fn argument(text: &str) -> String {
    if text.is_empty() {
        return String::from("''");
    }
    let mut out = String::new();
    for c in text.chars() {
        match c {
            // What the line's reader must not see: quotes, and the begin of a definition, a generator or a shell's text.
            '"' | '$' | '<' | '~' => push_number(c, &mut out),
            c if c.is_ascii_control() => push_number(c, &mut out),
            ' ' | '\'' | '\\' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

fn push_number(c: char, out: &mut String) {
    let _ = write!(out, "\\x{:02x}", u32::from(c));
}

/// Seconds with as many decimals as they have, six at most.
pub(super) fn seconds(time: Duration) -> String {
    let micros = time.subsec_micros();
    if micros == 0 {
        return time.as_secs().to_string();
    }
    let text = format!("{}.{micros:06}", time.as_secs());
    text.trim_end_matches('0').to_owned()
}
