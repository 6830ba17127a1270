//! Opens files, follows includes, and turns lines into entries and braces.
//!
//! The order for each line is keepalived's: comment off, condition, definition, expansion, generator, include.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::collector::Collector;
use super::expand::{Definitions, Predefined, definition};
use super::token::{Item, Place, scan, split};
use crate::diagnostic::{Class, Diagnostic};
use crate::files::{FileProvider, SIZE_LIMIT};
use crate::load::LoadOptions;
use crate::source::{SourceMap, Span};

/// keepalived's longest line, in bytes.
const LINE_LIMIT: usize = 1024;
/// How deep includes may include.
const INCLUDE_LIMIT: usize = 32;
/// The most entries and braces in all: far above any real file, and bounds what a hostile one can hold.
const ITEMS_LIMIT: usize = 500_000;

/// What reading gave.
pub(crate) struct Read {
    pub(crate) items: Vec<Item>,
    pub(crate) sources: SourceMap,
    /// The main file or a required include cannot be read, or there is too much of it.
    pub(crate) unreadable: bool,
}

/// Reads the main file and everything that it includes.
pub(crate) fn read(
    entry: &Path,
    files: &dyn FileProvider,
    options: &LoadOptions,
    collector: &mut Collector,
) -> Read {
    let mut definitions = Definitions::default();
    definitions.seed(u64::try_from(entry.as_os_str().len()).unwrap_or(0));
    let mut reader = Reader {
        files,
        options,
        collector,
        definitions,
        items: Vec::new(),
        sources: SourceMap::default(),
        bytes_left: SIZE_LIMIT,
        stack: Vec::new(),
        unreadable: false,
    };
    match files.read(entry, SIZE_LIMIT) {
        Ok(content) => reader.file(
            entry,
            &content,
            None,
            IncludeCheck::strict(options.strict_includes),
        ),
        Err(reason) => {
            reader
                .collector
                .push(super::unreadable(entry, None, &reason));
            reader.unreadable = true;
        }
    }
    Read {
        items: reader.items,
        sources: reader.sources,
        unreadable: reader.unreadable,
    }
}

/// Which findings about an include are errors.
#[derive(Clone, Copy, Debug, Default)]
struct IncludeCheck {
    readable: bool,
    matching: bool,
    wildcard: bool,
    brace: bool,
}

impl IncludeCheck {
    const fn strict(on: bool) -> Self {
        Self {
            readable: on,
            matching: on,
            wildcard: on,
            brace: on,
        }
    }

    /// What a form of the include keyword insists on; `include` itself follows `include_check`.
    const fn of(keyword: &str, current: Self) -> Option<Self> {
        Some(match keyword.as_bytes() {
            b"include" => current,
            b"includer" => Self {
                readable: true,
                matching: false,
                wildcard: false,
                brace: false,
            },
            b"includem" => Self {
                readable: false,
                matching: true,
                wildcard: false,
                brace: false,
            },
            b"includew" => Self {
                readable: false,
                matching: true,
                wildcard: true,
                brace: false,
            },
            b"includeb" => Self {
                readable: false,
                matching: false,
                wildcard: false,
                brace: true,
            },
            b"includea" => Self::strict(true),
            _ => return None,
        })
    }

    fn adjust(&mut self, words: &[&str]) {
        if words.is_empty() {
            *self = Self::strict(true);
        }
        if words.iter().any(|word| !word.starts_with(['+', '-'])) {
            *self = Self::strict(false);
        }
        for word in words {
            let on = !word.starts_with('-');
            match word.trim_start_matches(['+', '-']) {
                "readable" => self.readable = on,
                "match" => self.matching = on,
                "wildcard_match" => self.wildcard = on,
                "brace_match" => self.brace = on,
                _ => {}
            }
        }
    }
}

struct Reader<'a> {
    files: &'a dyn FileProvider,
    options: &'a LoadOptions,
    collector: &'a mut Collector,
    definitions: Definitions,
    items: Vec<Item>,
    sources: SourceMap,
    bytes_left: usize,
    stack: Vec<PathBuf>,
    unreadable: bool,
}

/// A definition whose lines go on with `\`.
struct Continued {
    name: String,
    lines: Vec<String>,
    span: Span,
}

impl Reader<'_> {
    fn file(
        &mut self,
        path: &Path,
        content: &[u8],
        included: Option<Span>,
        mut check: IncludeCheck,
    ) {
        let Some(left) = self.bytes_left.checked_sub(content.len()) else {
            self.collector.push(super::unreadable(
                path,
                included,
                &crate::files::FileError::TooLarge(SIZE_LIMIT),
            ));
            self.unreadable = true;
            return;
        };
        self.bytes_left = left;
        let (text, utf8) = decode(content);
        let text = Arc::<str>::from(text);
        let Some(file) = self.sources.add(path, &text, utf8) else {
            let text = "more than 65,535 files are included";
            self.collector.push(
                Diagnostic::error(Class::Security, included, text).help("include fewer files"),
            );
            self.unreadable = true;
            return;
        };
        self.stack.push(path.to_owned());
        let directory = path.parent().map(Path::to_owned).unwrap_or_default();
        let predefined = Predefined {
            directory: directory.to_string_lossy().into_owned(),
            instance: self.options.config_id.clone(),
        };
        let mut continued: Option<Continued> = None;
        for (index, line) in text.lines().enumerate() {
            if self.unreadable {
                break;
            }
            let length = u32::try_from(line.chars().count().max(1)).unwrap_or(u32::MAX);
            let span = Span {
                file,
                line: u32::try_from(index + 1).unwrap_or(u32::MAX),
                column: 1,
                length,
            };
            self.line(line, span, &predefined, &mut continued, &mut check);
            if self.items.len() > ITEMS_LIMIT {
                let text = format!("there are more than {ITEMS_LIMIT} entries");
                let help = "is this the right file? check what it includes and generates";
                self.collector
                    .push(Diagnostic::error(Class::Security, span, text).help(help));
                self.unreadable = true;
            }
        }
        if let Some(definition) = continued {
            let text = format!(
                "definition '{}' is not finished: the file ends after a '\\'",
                definition.name
            );
            self.collector.push(
                Diagnostic::complaint(definition.span, text).help("end its last line without '\\'"),
            );
        }
        self.stack.pop();
    }

    fn line(
        &mut self,
        line: &str,
        span: Span,
        predefined: &Predefined,
        continued: &mut Option<Continued>,
        check: &mut IncludeCheck,
    ) {
        if line.len() > LINE_LIMIT {
            let text = format!("this line is longer than {LINE_LIMIT} bytes and is ignored");
            self.collector
                .push(Diagnostic::complaint(span, text).help("break it into several lines"));
            return;
        }
        if line.contains('\0') {
            let text = "this line holds a NUL byte and is ignored";
            self.collector
                .push(Diagnostic::complaint(span, text).help("is this a text file?"));
            return;
        }
        let scanned = scan(line);
        if let Some(at) = scanned.open_quote {
            let column = line.get(..at).map_or(0, |before| before.chars().count());
            let text = "this quote is never closed; the rest of the line is ignored";
            let place = Place::Exact(span, 0).at(column, 1);
            self.collector.push(
                Diagnostic::complaint(place, text).help("add the closing '\"' on the same line"),
            );
        }
        if scanned.escaped {
            let text =
                "keepalived 2.2 takes the escaped character for a comment and cuts the value there";
            let help = "write the value in double quotes, which every version reads alike";
            self.collector
                .push(Diagnostic::remark(span, text).help(help));
        }
        let content = line
            .get(..scanned.open_quote.unwrap_or(scanned.content))
            .unwrap_or_default()
            .trim_end();
        let mut definition_line = content.trim_start();
        if let Some(open) = continued.as_mut() {
            let (part, more) = strip_continuation(definition_line);
            open.lines.push(part.to_owned());
            if !more && let Some(done) = continued.take() {
                self.definitions.set(&done.name, done.lines);
            }
            return;
        }
        let mut place = Place::Exact(span, 0);
        let mut text = content;
        if let Some(condition) = definition_line.strip_prefix('@') {
            let Some(rest) = self.condition(condition, span) else {
                return;
            };
            definition_line = rest;
            text = rest;
            place = Place::Exact(span, column_of(content, rest));
        }
        if let Some((name, value)) = definition(definition_line) {
            let (value, more) = strip_continuation(value);
            let lines = if more && value.is_empty() {
                Vec::new()
            } else {
                vec![value.to_owned()]
            };
            if more {
                *continued = Some(Continued {
                    name: name.to_owned(),
                    lines,
                    span,
                });
            } else {
                self.definitions.set(name, lines);
            }
            return;
        }
        match self.definitions.expand(text, predefined) {
            Ok(None) => self.statement(text, place, check),
            Ok(Some(lines)) => {
                // `${_HASH}` at the start makes a whole line a comment, and is a character of the value anywhere else.
                let lines = lines
                    .iter()
                    .filter(|line| !line.trim_start().starts_with(['#', '!']));
                for line in lines {
                    self.statement(line, Place::Whole(trimmed(content, span)), check);
                }
            }
            Err(reason) => self.collector.push(
                Diagnostic::complaint(span, format!("{reason}; the line is ignored"))
                    .help("see the definitions and generators in keepalived.conf(5)"),
            ),
        }
    }

    /// The rest of a conditional line where its condition holds.
    fn condition<'l>(&mut self, text: &'l str, span: Span) -> Option<&'l str> {
        let (negated, text) = text
            .strip_prefix('^')
            .map_or((false, text), |rest| (true, rest));
        let (id, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        if id.is_empty() || rest.trim().is_empty() {
            self.collector.push(
                Diagnostic::complaint(
                    span,
                    "a line that starts with '@' needs an id and something to configure",
                )
                .help(
                    "write '@ID keyword value' for one host, '@^ID keyword value' for all others",
                ),
            );
            return None;
        }
        ((id == self.options.config_id) != negated).then_some(rest.trim_start())
    }

    fn statement(&mut self, text: &str, place: Place, check: &mut IncludeCheck) {
        let items = split(text, place);
        if let Some(Item::Entry { words, .. }) = items.first()
            && let Some(keyword) = words.first()
        {
            let arguments: Vec<&str> = words
                .iter()
                .skip(1)
                .map(|word| word.text.as_str())
                .collect();
            if keyword.text == "include_check" {
                check.adjust(&arguments);
                return;
            }
            if let Some(wanted) = IncludeCheck::of(&keyword.text, *check) {
                let rest = text
                    .trim_start()
                    .get(keyword.text.len()..)
                    .unwrap_or_default()
                    .trim();
                self.include(rest.trim_matches('"'), keyword.span, wanted, *check);
                return;
            }
        }
        self.items.extend(items);
    }

    fn include(
        &mut self,
        pattern: &str,
        span: Span,
        wanted: IncludeCheck,
        inherited: IncludeCheck,
    ) {
        if pattern.is_empty() {
            let text = "include has no file name";
            self.collector.push(
                Diagnostic::error(Class::Missing, span, text)
                    .help("write 'include FILE' or 'include DIR/*.conf'"),
            );
            return;
        }
        if self.stack.len() >= INCLUDE_LIMIT {
            let text = format!("includes nest deeper than {INCLUDE_LIMIT} levels");
            self.collector.push(
                Diagnostic::error(Class::Security, span, text).help("does a file include itself?"),
            );
            self.unreadable = true;
            return;
        }
        let directory = self
            .stack
            .last()
            .and_then(|path| path.parent())
            .map(Path::to_owned)
            .unwrap_or_default();
        let alternatives = braces(pattern);
        let braced = alternatives.len() > 1;
        let mut matched = false;
        for alternative in alternatives {
            let path = directory.join(&alternative);
            let wildcard = alternative.contains(['*', '?', '[']);
            let paths = if wildcard {
                self.files.glob(&path)
            } else {
                vec![path.clone()]
            };
            if paths.is_empty() && braced && wanted.brace {
                self.nothing_matches(&alternative, span, true);
            }
            for path in paths {
                match self.included(&path, wildcard, span, wanted, inherited) {
                    Found::Read => matched = true,
                    Found::Skipped => {}
                    Found::Missing if braced && wanted.brace => {
                        self.nothing_matches(&alternative, span, true)
                    }
                    Found::Missing => {}
                }
            }
        }
        let wildcard = pattern.contains(['*', '?', '[']);
        if !matched {
            let error = if wildcard {
                wanted.wildcard
            } else {
                wanted.matching
            };
            self.nothing_matches(pattern, span, error);
        }
    }

    fn included(
        &mut self,
        path: &Path,
        wildcard: bool,
        span: Span,
        wanted: IncludeCheck,
        inherited: IncludeCheck,
    ) -> Found {
        if self.stack.iter().any(|open| open == path) {
            let text = format!(
                "'{}' includes itself; this include is ignored",
                path.display()
            );
            self.collector
                .push(Diagnostic::complaint(span, text).help("remove the include"));
            return Found::Skipped;
        }
        match self.files.read(path, self.bytes_left) {
            Ok(content) => {
                self.file(path, &content, Some(span), inherited);
                Found::Read
            }
            Err(crate::files::FileError::Missing) if !wildcard => Found::Missing,
            Err(reason @ crate::files::FileError::TooLarge(_)) => {
                self.collector
                    .push(super::unreadable(path, Some(span), &reason));
                self.unreadable = true;
                Found::Skipped
            }
            Err(reason) => {
                if wanted.readable {
                    self.collector
                        .push(super::unreadable(path, Some(span), &reason));
                    self.unreadable = true;
                } else {
                    let text = format!("included file '{}' is skipped: {reason}", path.display());
                    self.collector.push(
                        Diagnostic::complaint(span, text)
                            .help("make it a readable file without executable bit"),
                    );
                }
                Found::Skipped
            }
        }
    }

    fn nothing_matches(&mut self, pattern: &str, span: Span, error: bool) {
        let text = format!("no file matches '{pattern}'");
        let help = "check the path: it is relative to the directory of the file that includes it";
        if error {
            self.collector
                .push(Diagnostic::error(Class::Security, span, text).help(help));
            self.unreadable = true;
        } else {
            self.collector
                .push(Diagnostic::remark(span, text).help(help));
        }
    }
}

enum Found {
    Read,
    Skipped,
    Missing,
}

/// Bytes as text: UTF-8, or else each byte as the character of that number, so that nothing is lost.
fn decode(content: &[u8]) -> (String, bool) {
    match std::str::from_utf8(content) {
        Ok(text) => (text.to_owned(), true),
        Err(_) => (
            content.iter().map(|byte| char::from(*byte)).collect(),
            false,
        ),
    }
}

fn strip_continuation(line: &str) -> (&str, bool) {
    line.strip_suffix('\\')
        .map_or((line, false), |part| (part.trim_end(), true))
}

/// The zero-based character of a line at which its end `rest` starts.
fn column_of(line: &str, rest: &str) -> usize {
    let start = line.len().saturating_sub(rest.len());
    line.get(..start).map_or(0, |before| before.chars().count())
}

fn trimmed(content: &str, span: Span) -> Span {
    let indent = content.chars().take_while(|c| c.is_whitespace()).count();
    Place::Exact(span, 0).at(indent, content.trim().chars().count())
}

/// The alternatives of `{a,b}` in a pattern; the pattern itself where it has none.
fn braces(pattern: &str) -> Vec<String> {
    let Some((head, (inner, tail))) = pattern
        .split_once('{')
        .and_then(|(head, rest)| Some((head, rest.split_once('}')?)))
    else {
        return vec![pattern.to_owned()];
    };
    inner
        .split(',')
        .flat_map(|choice| braces(&format!("{head}{choice}{tail}")))
        .take(1024)
        .collect()
}
