//! Messages about a configuration: where, what, and what to write instead.

use std::fmt;
use std::path::PathBuf;

use crate::source::{SourceMap, Span};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// The daemon runs, perhaps not as meant.
    Warning,
    /// The daemon does not run with this.
    Error,
}

/// keepalived's classes of complaint, which `-t` turns into its exit status: the highest one met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Said by us and not by keepalived; does not change the exit status.
    Silent,
    /// 2: a parameter is missing.
    Missing,
    /// 4: cannot run on this host.
    CannotRun,
    /// 5: any other complaint.
    Complaint,
    /// 6: script security, or a file that cannot be read.
    Security,
}

impl Class {
    /// The exit status of `-t`.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Silent => 0,
            Self::Missing => 2,
            Self::CannotRun => 4,
            Self::Complaint => 5,
            Self::Security => 6,
        }
    }
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad.
    pub severity: Severity,
    /// Which exit status it asks for.
    pub class: Class,
    /// Where; absent for what concerns the whole configuration.
    pub span: Option<Span>,
    /// Path, where there is no file to show: it could not be read.
    pub path: Option<PathBuf>,
    /// What is wrong: lower case, no full stop, names the value.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl Diagnostic {
    pub(crate) fn new(
        severity: Severity,
        class: Class,
        span: impl Into<Option<Span>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            class,
            span: span.into(),
            path: None,
            message: message.into(),
            help: None,
        }
    }

    /// A complaint of keepalived's that does not stop the daemon.
    pub(crate) fn complaint(span: impl Into<Option<Span>>, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, Class::Complaint, span, message)
    }

    /// Something that keepalived does not say.
    pub(crate) fn remark(span: impl Into<Option<Span>>, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, Class::Silent, span, message)
    }

    /// Something worth knowing that calls for nothing.
    pub(crate) fn note(span: impl Into<Option<Span>>, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, Class::Silent, span, message)
    }

    /// Something that stops the daemon; `-t` counts it as `class`.
    pub(crate) fn error(
        class: Class,
        span: impl Into<Option<Span>>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(Severity::Error, class, span, message)
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The message with its place, the line, a caret and the remedy, ready to print.
    #[must_use]
    pub fn render(&self, sources: &SourceMap) -> String {
        Rendered {
            diagnostic: self,
            sources,
        }
        .to_string()
    }
}

struct Rendered<'a> {
    diagnostic: &'a Diagnostic,
    sources: &'a SourceMap,
}

/// The longest part of a line that is shown, in characters.
const SHOWN: usize = 100;

impl fmt::Display for Rendered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let diagnostic = self.diagnostic;
        let severity = match diagnostic.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        let file = diagnostic.span.and_then(|span| self.sources.file(span));
        if let (Some(span), Some(file)) = (diagnostic.span, file) {
            write!(
                f,
                "{}:{}:{}: ",
                clean(&file.path.to_string_lossy()),
                span.line,
                span.column
            )?;
        } else if let Some(path) = &diagnostic.path {
            write!(f, "{}: ", clean(&path.to_string_lossy()))?;
        }
        write!(f, "{severity}: {}", clean(&diagnostic.message))?;
        if let Some(span) = diagnostic.span
            && let Some(line) = self.sources.line(span)
        {
            excerpt(f, line, span)?;
        }
        if let Some(help) = &diagnostic.help {
            write!(f, "\n  help: {}", clean(help))?;
        }
        Ok(())
    }
}

/// The line of a span with a caret below; a long line is cut around the place. Control characters are shown as `.` so
/// that a hostile file cannot talk to the terminal.
fn excerpt(f: &mut fmt::Formatter<'_>, line: &str, span: Span) -> fmt::Result {
    let column = usize::try_from(span.column).unwrap_or(1).saturating_sub(1);
    let start = column.saturating_sub(SHOWN / 2);
    let visible = |c: char| {
        if c == '\t' {
            ' '
        } else if c.is_control() {
            '.'
        } else {
            c
        }
    };
    let shown: String = masked(line)
        .chars()
        .skip(start)
        .take(SHOWN)
        .map(visible)
        .collect();
    let indent = column - start;
    let rest = shown.chars().count().saturating_sub(indent).max(1);
    let length = usize::try_from(span.length).unwrap_or(1).clamp(1, rest);
    let number = span.line.to_string();
    let gutter = " ".repeat(number.len());
    write!(
        f,
        "\n {gutter} |\n {number} | {}\n {gutter} | {}{}",
        shown.trim_end(),
        " ".repeat(indent),
        "^".repeat(length)
    )
}

/// Text without control characters.
fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '.' } else { c })
        .collect()
}

/// A line with what follows a password's keyword hidden: messages go to logs (safety rule 11).
fn masked(line: &str) -> String {
    let mut hidden = false;
    let mut output = String::with_capacity(line.len());
    let mut word = String::new();
    for c in line.chars() {
        if hidden {
            output.push(if c.is_whitespace() || matches!(c, '{' | '}') {
                c
            } else {
                '*'
            });
            continue;
        }
        output.push(c);
        if c.is_ascii_alphanumeric() || c == '_' {
            word.push(c);
        } else {
            hidden = is_secret(&word);
            word.clear();
        }
    }
    output
}

/// Keywords of passwords, and what one types instead of them.
fn is_secret(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    word == "pass"
        || ["auth_pa", "authpa", "auth_ps", "passw"]
            .iter()
            .any(|start| lower.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_hidden_in_the_lines_that_messages_show() {
        for (line, shown) in [
            ("auth_pass secret", "auth_pass ******"),
            ("  auth_pass \"a b\" # c", "  auth_pass ** ** * *"),
            (
                "authentication { auth_type PASS auth_pass x }",
                "authentication { auth_type PASS auth_pass * }",
            ),
            ("auth_pas secret", "auth_pas ******"),
            ("password = \"secret\"", "password * ********"),
            ("auth_type PASS", "auth_type PASS"),
            ("script \"/etc/bypass.sh\"", "script \"/etc/bypass.sh\""),
        ] {
            assert_eq!(masked(line), shown);
        }
    }
}
