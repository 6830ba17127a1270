//! Words into numbers, times, truth values and addresses, with keepalived's limits and one message for each mistake.

use std::fmt::Display;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::Context;
use crate::diagnostic::{Class, Diagnostic};
use crate::keepalived::token::Word;
use crate::keepalived::tree::Node;
use crate::names;
use crate::number::decimal;
use crate::source::Span;

/// The most characters of a value that a message repeats.
const SHOWN: usize = 40;
const MICROS: u64 = 1_000_000;

/// A value with the place where it was written.
#[derive(Clone, Debug)]
pub(super) struct Set<T> {
    pub(super) value: T,
    pub(super) span: Span,
}

/// A value of the file in quotes, shortened.
pub(super) fn quoted(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(SHOWN)
        .map(|c| if c.is_control() { '.' } else { c })
        .collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    format!("'{shown}'")
}

/// Why a number could not be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberError {
    Invalid,
    OutOfRange,
}

impl Display for NumberError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Invalid => "is not a whole number",
            Self::OutOfRange => "is out of range",
        })
    }
}

/// A whole number, base 10, with nothing behind it.
pub(super) fn integer(text: &str, range: &RangeInclusive<i64>) -> Result<i64, NumberError> {
    let value: i64 = text.parse().map_err(|_| NumberError::Invalid)?;
    if range.contains(&value) {
        Ok(value)
    } else {
        Err(NumberError::OutOfRange)
    }
}

/// keepalived's truth values.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "on" | "true" | "yes" => Some(true),
        "off" | "false" | "no" => Some(false),
        _ => None,
    }
}

impl Context<'_> {
    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        self.collector.push(diagnostic);
    }

    pub(super) fn complain(
        &mut self,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Diagnostic::complaint(span, message).help(help));
    }

    pub(super) fn remark(
        &mut self,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Diagnostic::remark(span, message).help(help));
    }

    pub(super) fn refuse(
        &mut self,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Diagnostic::error(Class::Complaint, span, message).help(help));
    }

    /// The first argument of an entry; where there is none the configuration is refused, as keepalived refuses it.
    pub(super) fn argument<'n>(&mut self, node: &'n Node, expected: &str) -> Option<&'n Word> {
        self.no_block(node);
        if node.arguments.is_empty() {
            self.missing(&node.keyword, expected);
        }
        node.arguments.first()
    }

    /// Refuses a keyword that has no value.
    pub(super) fn missing(&mut self, keyword: &Word, expected: &str) {
        let name = &keyword.text;
        self.push(
            Diagnostic::error(
                Class::Missing,
                keyword.span,
                format!("{} has no value", quoted(name)),
            )
            .help(format!("write '{name} {expected}', or remove the line")),
        );
    }

    /// Complains about a block behind a word that has none.
    pub(super) fn no_block(&mut self, node: &Node) {
        if node.block.is_some() {
            let message = format!(
                "{} takes no block; the block is ignored",
                quoted(&node.keyword.text)
            );
            self.complain(
                node.keyword.span,
                message,
                "remove the braces and what is between them",
            );
        }
    }

    /// The entries of a block; a complaint where the braces are missing.
    pub(super) fn block<'n>(&mut self, node: &'n Node) -> &'n [Node] {
        if node.block.is_none() {
            let name = &node.keyword.text;
            let message = format!("{} needs a block", quoted(name));
            self.complain(
                node.keyword.span,
                message,
                format!("write '{name} {{', its entries line by line, and '}}'"),
            );
        }
        node.children()
    }

    /// A whole number in a range; a complaint that says what is used instead.
    pub(super) fn number(
        &mut self,
        node: &Node,
        range: RangeInclusive<i64>,
        instead: &str,
    ) -> Option<Set<i64>> {
        let (low, high) = (range.start(), range.end());
        let word = self.argument(node, &format!("{low}...{high}"))?;
        self.number_of(&node.keyword.text, word, &range, instead)
    }

    /// The same for a word of an entry.
    pub(super) fn number_of(
        &mut self,
        what: &str,
        word: &Word,
        range: &RangeInclusive<i64>,
        instead: &str,
    ) -> Option<Set<i64>> {
        match integer(&word.text, range) {
            Ok(value) => Some(Set {
                value,
                span: word.span,
            }),
            Err(reason) => {
                let message = format!("{what} {} {reason}; {instead}", quoted(&word.text));
                let help = format!(
                    "write a whole number from {} to {}",
                    range.start(),
                    range.end()
                );
                self.complain(word.span, message, help);
                None
            }
        }
    }

    /// Seconds with decimals in a range of microseconds; a complaint that says what is used instead.
    pub(super) fn seconds(
        &mut self,
        node: &Node,
        range: RangeInclusive<u64>,
        instead: &str,
    ) -> Option<Set<u64>> {
        let word = self.argument(node, "SECONDS")?;
        let what = &node.keyword.text;
        let help = || {
            format!(
                "write seconds from {} to {}",
                Micros(*range.start()),
                Micros(*range.end())
            )
        };
        match decimal(&word.text) {
            Some((micros, rounded)) if range.contains(&micros) => {
                if rounded {
                    let message = format!(
                        "{what} {} has more than six decimals and is rounded",
                        quoted(&word.text)
                    );
                    self.complain(word.span, message, help());
                }
                Some(Set {
                    value: micros,
                    span: word.span,
                })
            }
            Some(_) => {
                self.complain(
                    word.span,
                    format!("{what} {} is out of range; {instead}", quoted(&word.text)),
                    help(),
                );
                None
            }
            None => {
                let message = format!(
                    "{what} {} is not a number of seconds; {instead}",
                    quoted(&word.text)
                );
                self.complain(word.span, message, help());
                None
            }
        }
    }

    /// A keyword that takes a truth value; alone it means yes.
    pub(super) fn boolean(&mut self, node: &Node) -> Option<bool> {
        self.no_block(node);
        let Some(word) = node.arguments.first() else {
            return Some(true);
        };
        let value = boolean(&word.text);
        if value.is_none() {
            let message = format!(
                "{} is neither on nor off; {} is ignored",
                quoted(&word.text),
                node.keyword.text
            );
            self.complain(
                word.span,
                message,
                "write on, off, true, false, yes or no, or nothing for on",
            );
        }
        value
    }

    /// A keyword that is on wherever it stands, whatever follows it.
    pub(super) fn flag(&mut self, node: &Node) -> bool {
        self.no_block(node);
        if let Some(word) = node.arguments.first()
            && boolean(&word.text) != Some(true)
        {
            let name = &node.keyword.text;
            let message = format!(
                "{} has no effect: {name} is on wherever it stands",
                quoted(&word.text)
            );
            self.remark(
                word.span,
                message,
                format!("remove the whole line to turn {name} off"),
            );
        }
        true
    }

    /// An address; a complaint where it is none. A prefix length behind it is dropped, as keepalived drops it.
    pub(super) fn address(&mut self, word: &Word, what: &str) -> Option<IpAddr> {
        let text = word.text.split('/').next().unwrap_or_default();
        let address = text.parse().ok();
        if address.is_none() {
            let message = format!(
                "{what} {} is not an IP address and is skipped",
                quoted(&word.text)
            );
            self.complain(
                word.span,
                message,
                "write an address such as 192.0.2.1 or fe80::1",
            );
        }
        address
    }

    /// An interface name that the kernel can have; one that the host does not have is refused.
    pub(super) fn interface(&mut self, word: &Word) -> Option<String> {
        let name = word.text.as_str();
        if !names::is_interface(name) {
            let message = format!("interface {} cannot exist", quoted(name));
            self.complain(word.span, message, names::INTERFACE_HELP);
            return None;
        }
        self.exists(name, word.span);
        Some(name.to_owned())
    }

    /// Refuses an interface that the host does not have, unless it may come later.
    fn exists(&mut self, name: &str, span: Span) {
        if self.facts.interface_exists(name) != Some(false) {
            return;
        }
        let message = format!("interface {} does not exist", quoted(name));
        if self.dynamic_interfaces {
            let message = format!("{message} yet; what needs it is in FAULT until it appears");
            self.remark(span, message, "'ip link' lists the interfaces of this host");
        } else {
            let help = "'ip link' lists the interfaces of this host; write dynamic_interfaces in global_defs if it appears later";
            self.refuse(span, message, help);
            self.missing_interface = true;
        }
    }

    /// A word as the bytes that stand in its file.
    pub(super) fn bytes(&self, word: &Word) -> Vec<u8> {
        self.sources.bytes(word.span, &word.text)
    }

    /// Words behind those that are used, which keepalived ignores in silence.
    pub(super) fn surplus(&mut self, node: &Node, used: usize) {
        if let Some(word) = node.arguments.get(used) {
            let message = format!("{} and what follows it is ignored", quoted(&word.text));
            self.remark(
                word.span,
                message,
                "one line holds one setting; begin a new line, or quote words that belong together",
            );
        }
    }
}

/// Microseconds shown as seconds.
struct Micros(u64);

impl Display for Micros {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = format!("{}.{:06}", self.0 / MICROS, self.0 % MICROS);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// Microseconds as a duration.
pub(super) const fn micros(value: u64) -> Duration {
    Duration::from_micros(value)
}

/// A value that a range check has put into the type already.
pub(super) fn narrow<T: TryFrom<i64>>(value: i64) -> Option<T> {
    T::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_base_ten_with_nothing_behind_them() {
        let range = 1..=255;
        for (text, expected) in [
            ("1", Ok(1)),
            ("255", Ok(255)),
            ("0100", Ok(100)),
            ("0", Err(NumberError::OutOfRange)),
            ("256", Err(NumberError::OutOfRange)),
            ("-1", Err(NumberError::OutOfRange)),
            ("0x10", Err(NumberError::Invalid)),
            ("100abc", Err(NumberError::Invalid)),
            ("1s", Err(NumberError::Invalid)),
            ("", Err(NumberError::Invalid)),
            ("99999999999999999999", Err(NumberError::Invalid)),
        ] {
            assert_eq!(integer(text, &range), expected, "{text}");
        }
    }

    #[test]
    fn times_are_shown_without_needless_zeros() {
        assert_eq!(Micros(10_000).to_string(), "0.01");
        assert_eq!(Micros(255_000_000).to_string(), "255");
        assert_eq!(Micros(0).to_string(), "0");
    }
}
