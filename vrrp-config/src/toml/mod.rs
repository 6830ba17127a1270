//! TOML into a plan: strict where keepalived's language forgives.
//!
//! [`schema`] is the form of the file, [`value`] its small value types, and [`lower`] checks ranges and references. What is
//! wrong is refused with its place; nothing is rounded, clipped or ignored. The form is described in `docs/vrrpd.toml.md`.

mod lower;
mod schema;
mod value;

#[cfg(test)]
mod tests;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::diagnostic::{Class, Diagnostic};
use crate::facts::HostFacts;
use crate::files::{FileProvider, SIZE_LIMIT};
use crate::load::Loaded;
use crate::source::{SourceMap, Span};

/// The most messages of one file.
const MOST: usize = 200;

/// Reads TOML.
pub(crate) fn load(entry: &Path, files: &dyn FileProvider, facts: &dyn HostFacts) -> Loaded {
    let content = match files.read(entry, SIZE_LIMIT) {
        Ok(content) => content,
        Err(reason) => {
            return refused(
                crate::keepalived::unreadable(entry, None, &reason),
                SourceMap::default(),
                6,
            );
        }
    };
    let mut sources = SourceMap::default();
    let text = match String::from_utf8(content) {
        Ok(text) => text,
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            let place = Place::new(&mut sources, entry, &text);
            let message = "this file is not UTF-8, which TOML has to be";
            let diagnostic = Diagnostic::error(Class::Complaint, place.span(at..at), message);
            return refused(diagnostic.help("is this the right file? name keepalived's language by a suffix other than .toml"), sources, 2);
        }
    };
    let place = Place::new(&mut sources, entry, &text);
    let file: schema::File = match ::toml::from_str(&text) {
        Ok(file) => file,
        Err(error) => {
            let span = error.span().map(|range| place.span(range));
            let diagnostic = Diagnostic::error(
                Class::Complaint,
                span,
                error.message().trim().replace('\n', ", "),
            );
            return refused(
                diagnostic.help("docs/vrrpd.toml.md lists what may stand where"),
                sources,
                2,
            );
        }
    };
    let mut problems = Problems {
        place: &place,
        found: Vec::new(),
    };
    let plan = lower::lower(&file, facts, &mut problems);
    let mut diagnostics = problems.found;
    diagnostics.sort_by_key(|diagnostic| (diagnostic.span.is_none(), diagnostic.span));
    diagnostics.truncate(MOST);
    let plan = plan.filter(|_| diagnostics.is_empty());
    Loaded {
        plan,
        diagnostics,
        sources,
        run_exit: 2,
    }
}

fn refused(diagnostic: Diagnostic, sources: SourceMap, run_exit: u8) -> Loaded {
    Loaded {
        plan: None,
        diagnostics: vec![diagnostic],
        sources,
        run_exit,
    }
}

/// Turns byte ranges into lines and columns.
struct Place<'a> {
    file: u16,
    text: &'a str,
    /// Byte at which each line starts.
    starts: Vec<usize>,
}

impl<'a> Place<'a> {
    fn new(sources: &mut SourceMap, path: &Path, text: &'a str) -> Self {
        let file = sources.add(path, &Arc::from(text), true).unwrap_or(0);
        let ends = text
            .bytes()
            .enumerate()
            .filter(|(_, byte)| *byte == b'\n')
            .map(|(at, _)| at + 1);
        Self {
            file,
            text,
            starts: std::iter::once(0).chain(ends).collect(),
        }
    }

    fn span(&self, range: Range<usize>) -> Span {
        let line = self
            .starts
            .partition_point(|start| *start <= range.start)
            .saturating_sub(1);
        let start = self.starts.get(line).copied().unwrap_or(0);
        let end = self
            .text
            .get(start..)
            .and_then(|rest| rest.find('\n'))
            .map_or(self.text.len(), |at| start + at);
        let count = |from: usize, to: usize| {
            self.text
                .get(from..to.max(from))
                .map_or(0, |part| part.chars().count())
        };
        let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Span {
            file: self.file,
            line: narrow(line + 1),
            column: narrow(count(start, range.start.min(end)) + 1),
            length: narrow(count(range.start, range.end.min(end)).max(1)),
        }
    }
}

/// Collects what is wrong.
struct Problems<'a> {
    place: &'a Place<'a>,
    found: Vec<Diagnostic>,
}

impl Problems<'_> {
    fn refuse(&mut self, at: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.found
            .push(Diagnostic::error(Class::Complaint, self.place.span(at), message).help(help));
    }
}
