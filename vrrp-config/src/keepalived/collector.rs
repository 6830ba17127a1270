//! Collects messages, and stops collecting before a hostile file fills memory with them.

use crate::diagnostic::{Class, Diagnostic, Severity};

/// The most messages kept; the rest is counted.
const LIMIT: usize = 200;

#[derive(Debug, Default)]
pub(crate) struct Collector {
    kept: Vec<Diagnostic>,
    suppressed: usize,
    worst: Option<Class>,
    refused: bool,
}

impl Collector {
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        let error = diagnostic.severity == Severity::Error;
        self.refused |= error;
        if self.kept.len() < LIMIT || (error && self.kept.len() < 2 * LIMIT) {
            self.kept.push(diagnostic);
        } else {
            self.suppressed += 1;
            self.worst = self.worst.max(Some(diagnostic.class));
        }
    }

    /// Whether something was met that the daemon cannot run with.
    pub(crate) const fn refused(&self) -> bool {
        self.refused
    }

    /// The messages in the order of the files; those without a place come last.
    pub(crate) fn finish(mut self) -> Vec<Diagnostic> {
        self.kept
            .sort_by_key(|diagnostic| (diagnostic.span.is_none(), diagnostic.span));
        if self.suppressed > 0 {
            let class = self.worst.unwrap_or(Class::Silent);
            let text = format!("{} more messages are not shown", self.suppressed);
            self.kept.push(
                Diagnostic::new(Severity::Warning, class, None, text)
                    .help("mend the first ones, then check again"),
            );
        }
        self.kept
    }
}
