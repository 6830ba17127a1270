//! Where the tool writes: answers and messages, with colours only where somebody looks.
//!
//! A reader that has gone away ends the writing and nothing else.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use vrrp_record::history::Time;

use crate::render::Style;

/// Where the tool writes, and how.
pub struct Output {
    /// For answers.
    pub answers: Box<dyn Write>,
    /// For messages about the tool itself.
    pub messages: Box<dyn Write>,
    /// How answers look.
    pub style: Style,
    /// In which time zone.
    pub zone: TimeZone,
    /// The wall clock.
    pub clock: fn() -> Time,
    /// Nobody reads the answers any more.
    pub closed: bool,
}

impl Output {
    /// Standard output and standard error of this process.
    #[must_use]
    pub fn standard() -> Self {
        let stdout = io::stdout();
        let style = Style {
            colour: stdout.is_terminal() && colours_are_welcome(),
        };
        Self {
            answers: Box::new(stdout),
            messages: Box::new(io::stderr()),
            style,
            zone: TimeZone::system(),
            clock: || Time(i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX)),
            closed: false,
        }
    }

    /// The wall clock now.
    pub(crate) fn now(&self) -> Time {
        (self.clock)()
    }

    /// Writes an answer.
    pub(crate) fn answer(&mut self, text: &str) {
        self.closed |= !put(&mut self.answers, text.as_bytes());
    }

    /// Writes bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.closed |= !put(&mut self.answers, bytes);
    }

    /// Writes a message, with the tool's name in front.
    pub(crate) fn message(&mut self, text: &impl fmt::Display) {
        put(&mut self.messages, format!("vrrpctl: {text}\n").as_bytes());
    }

    /// Writes a message that says itself whose it is.
    pub(crate) fn complaint(&mut self, text: &str) {
        put(&mut self.messages, text.as_bytes());
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("style", &self.style)
            .finish_non_exhaustive()
    }
}

/// Writes all of a text, and whether it went out: whoever closed the other end does not want it, and there is nobody left
/// to tell.
fn put(to: &mut impl Write, text: &[u8]) -> bool {
    to.write_all(text).and_then(|()| to.flush()).is_ok()
}

/// Whether the user has said nothing against colours (<https://no-color.org>), and the terminal knows them.
fn colours_are_welcome() -> bool {
    let unset = |name| std::env::var_os(name).is_none_or(|value| value.is_empty());
    unset("NO_COLOR")
        && std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb")
}
