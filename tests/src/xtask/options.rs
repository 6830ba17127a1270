//! Options with values on the command lines of these commands.

use std::slice::Iter;

/// Words that are not read yet.
pub(super) struct Rest<'a>(Iter<'a, &'a str>);

impl<'a> Rest<'a> {
    pub(super) fn of(words: &'a [&'a str]) -> Self {
        Self(words.iter())
    }

    /// The value of an option.
    pub(super) fn value(&mut self, option: &str) -> Result<&'a str, String> {
        self.next().ok_or_else(|| format!("{option} needs a value"))
    }

    /// The value of an option that is a number.
    pub(super) fn number(&mut self, option: &str) -> Result<u64, String> {
        let text = self.value(option)?;
        text.parse().map_err(|_| format!("{text} is no number"))
    }
}

impl<'a> Iterator for Rest<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        self.0.next().copied()
    }
}
