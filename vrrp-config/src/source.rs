//! The text of a configuration and places in it.
//!
//! Files are kept so that a message can show the line it is about.

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A place in one of the files of a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// Index of the file in its [`SourceMap`].
    pub file: u16,
    /// Line, from 1.
    pub line: u32,
    /// First column in characters, from 1.
    pub column: u32,
    /// Number of characters, at least 1.
    pub length: u32,
}

/// One file that was read.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Its path as it was opened.
    pub path: PathBuf,
    utf8: bool,
    text: Arc<str>,
    /// Byte at which each line starts.
    starts: Vec<u32>,
}

/// The files of one configuration, in the order in which they were read.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    /// Adds a file; `None` after 65,535 of them.
    pub(crate) fn add(&mut self, path: &Path, text: &Arc<str>, utf8: bool) -> Option<u16> {
        let id = u16::try_from(self.files.len()).ok()?;
        let ends = text.bytes().zip(1_u32..).filter(|(byte, _)| *byte == b'\n');
        let starts = std::iter::once(0)
            .chain(ends.map(|(_, next)| next))
            .collect();
        self.files.push(SourceFile {
            path: path.to_owned(),
            utf8,
            text: Arc::clone(text),
            starts,
        });
        Some(id)
    }

    /// The file of a span.
    #[must_use]
    pub fn file(&self, span: Span) -> Option<&SourceFile> {
        self.files.get(usize::from(span.file))
    }

    /// All files read, in order.
    #[must_use]
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// Text of a span's file as the bytes that the file has: a file that is not UTF-8 was read byte by byte.
    pub(crate) fn bytes(&self, span: Span, text: &str) -> Vec<u8> {
        if self.file(span).is_none_or(|file| file.utf8) {
            return text.as_bytes().to_vec();
        }
        text.chars()
            .map(|c| u8::try_from(c).unwrap_or(b'?'))
            .collect()
    }

    /// The line of a span, without its end.
    #[must_use]
    pub fn line(&self, span: Span) -> Option<&str> {
        self.file(span)?.line(span.line)
    }
}

impl SourceFile {
    /// A line by its number, from 1.
    #[must_use]
    pub fn line(&self, number: u32) -> Option<&str> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        let start = usize::try_from(*self.starts.get(index)?).ok()?;
        let rest = self.text.get(start..)?;
        if rest.is_empty() && index > 0 {
            return None;
        }
        rest.lines().next().or(Some(""))
    }
}
