//! Colours, and what they mean: green is well, yellow is worth a look, red is not well.

use std::fmt;

use vrrp_record::words::Word;

/// How text looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether to use colours at all.
    pub colour: bool,
}

/// One meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    Good,
    Look,
    Bad,
    Strong,
    Plain,
}

impl Style {
    /// `text` in the colour of its meaning.
    pub(crate) fn paint(self, paint: Paint, text: impl fmt::Display) -> String {
        let code = match paint {
            Paint::Good => "32",
            Paint::Look => "33",
            Paint::Bad => "1;31",
            Paint::Strong => "1",
            Paint::Plain => return text.to_string(),
        };
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_string()
        }
    }

    /// A state in its colour.
    pub(crate) fn word(self, word: Word) -> String {
        let paint = match word {
            Word::Master => Paint::Good,
            Word::Backup => Paint::Strong,
            Word::Init => Paint::Look,
            Word::Fault => Paint::Bad,
        };
        self.paint(paint, word)
    }
}
