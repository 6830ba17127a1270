//! From what tracing is told to one line: the message, then the other fields as `name=value`.

use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::Context;

/// Longest line in bytes; the rest is cut.
const LENGTH_LIMIT: usize = 2_048;

/// Which of keepalived's processes a line is by, where we are called by its name; else all lines are by one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Speaker {
    /// Its VRRP process, which is who monitoring listens to.
    #[default]
    Vrrp,
    /// Its first process.
    Parent,
    /// None: the line is ours alone.
    Own,
}

impl Speaker {
    fn of(target: &str) -> Self {
        match target {
            super::PARENT => Self::Parent,
            super::OWN => Self::Own,
            _ => Self::Vrrp,
        }
    }
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// By whom.
    pub speaker: Speaker,
    /// How bad it is.
    pub level: Level,
    /// What is said, without newline.
    pub text: String,
    /// When it was said.
    pub at: SystemTime,
}

impl Line {
    /// A line; control characters become spaces, so that nobody can forge a second one.
    #[must_use]
    pub fn new(level: Level, mut text: String, at: SystemTime) -> Self {
        if text.contains(|character: char| character.is_control()) {
            text = text.replace(|character: char| character.is_control(), " ");
        }
        if text.len() > LENGTH_LIMIT {
            let mut end = LENGTH_LIMIT;
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text.truncate(end);
        }
        Self {
            speaker: Speaker::default(),
            level,
            text,
            at,
        }
    }

    /// syslog's severity.
    #[must_use]
    pub const fn severity(&self) -> u8 {
        match self.level {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            _ => 7,
        }
    }
}

/// Hands every event on as a [`Line`].
pub(super) struct Layer<F>(Arc<F>);

impl<F: Fn(Line) + Send + Sync + 'static> Layer<F> {
    pub(super) const fn new(put: Arc<F>) -> Self {
        Self(put)
    }
}

impl<S: Subscriber, F: Fn(Line) + Send + Sync + 'static> tracing_subscriber::Layer<S> for Layer<F> {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        let line = text.message + &text.fields;
        let line = Line::new(*event.metadata().level(), line, SystemTime::now());
        (self.0)(Line {
            speaker: Speaker::of(event.metadata().target()),
            ..line
        });
    }
}

#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a String cannot fail.
        let _ = if field.name() == "message" {
            write!(self.message, "{value:?}")
        } else {
            write!(self.fields, " {}={value:?}", field.name())
        };
    }
}
