//! One line into words and braces.
//!
//! Double quotes group and are the only quotes here; an unquoted `#` or `!` starts a comment even inside a word. Lines of
//! script keywords are split a second time, shell-like, by [`split_command`].

use crate::source::Span;

/// A word with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) span: Span,
}

/// What a line is made of after braces were put on lines of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// Words of one entry, and its text from the first word on for script keywords.
    Entry { words: Vec<Word>, raw: String },
    /// `{`.
    Open(Span),
    /// `}`.
    Close(Span),
}

/// Where the characters of a line stand in a file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// The text is as it was written, from this zero-based character of the line on.
    Exact(Span, usize),
    /// The line came from a definition or generator: the whole line that used it is the place.
    Whole(Span),
}

impl Place {
    /// The place of `length` characters from the zero-based character `start` of the line.
    pub(crate) fn at(self, start: usize, length: usize) -> Span {
        match self {
            Self::Whole(span) => span,
            Self::Exact(span, offset) => Span {
                column: u32::try_from(offset + start + 1).unwrap_or(u32::MAX),
                length: u32::try_from(length.max(1)).unwrap_or(u32::MAX),
                ..span
            },
        }
    }
}

/// Where the comment of a line starts, if it has one, and where a quote was opened that no quote closes.
pub(crate) struct Scan {
    /// Bytes before the comment.
    pub(crate) content: usize,
    /// Byte of the quote that is not closed.
    pub(crate) open_quote: Option<usize>,
    /// A backslash kept a comment character.
    pub(crate) escaped: bool,
}

/// Looks for comment and quotes.
pub(crate) fn scan(line: &str) -> Scan {
    let mut open_quote = None;
    let mut escaped = false;
    let mut previous = None;
    for (at, c) in line.char_indices() {
        match c {
            '"' => open_quote = if open_quote.is_some() { None } else { Some(at) },
            '#' | '!' if open_quote.is_none() => {
                if previous == Some('\\') {
                    escaped = true;
                } else {
                    return Scan {
                        content: at,
                        open_quote: None,
                        escaped,
                    };
                }
            }
            _ => {}
        }
        previous = Some(c);
    }
    Scan {
        content: line.len(),
        open_quote,
        escaped,
    }
}

const fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\x0c' | '\x0b' | '\r' | '\n')
}

/// Splits a line without comment, whose quotes are closed, into entries and braces.
pub(crate) fn split(line: &str, place: Place) -> Vec<Item> {
    let mut items = Vec::new();
    let mut entry = Entry::default();
    let mut characters = line.char_indices().enumerate().peekable();
    while let Some((column, (at, c))) = characters.next() {
        match c {
            '{' | '}' => {
                entry.flush(line, at, &mut items);
                let span = place.at(column, 1);
                items.push(if c == '{' {
                    Item::Open(span)
                } else {
                    Item::Close(span)
                });
            }
            '"' => {
                let mut text = String::new();
                for (_, (_, inner)) in characters.by_ref() {
                    if inner == '"' {
                        break;
                    }
                    text.push(inner);
                }
                let length = text.chars().count() + 2;
                entry.push(
                    at,
                    Word {
                        text,
                        span: place.at(column, length),
                    },
                );
            }
            c if is_separator(c) => {}
            c => {
                let mut text = String::from(c);
                while let Some((_, (_, next))) = characters.peek() {
                    if is_separator(*next) || matches!(next, '"' | '{' | '}') {
                        break;
                    }
                    text.push(*next);
                    characters.next();
                }
                let length = text.chars().count();
                let text = text.replace("\\#", "#").replace("\\!", "!");
                entry.push(
                    at,
                    Word {
                        text,
                        span: place.at(column, length),
                    },
                );
            }
        }
    }
    entry.flush(line, line.len(), &mut items);
    items
}

#[derive(Default)]
struct Entry {
    words: Vec<Word>,
    start: usize,
}

impl Entry {
    fn push(&mut self, at: usize, word: Word) {
        if self.words.is_empty() {
            self.start = at;
        }
        self.words.push(word);
    }

    fn flush(&mut self, line: &str, end: usize, items: &mut Vec<Item>) {
        if !self.words.is_empty() {
            let raw = line
                .get(self.start..end)
                .unwrap_or_default()
                .trim_end()
                .to_owned();
            items.push(Item::Entry {
                words: std::mem::take(&mut self.words),
                raw,
            });
        }
    }
}

/// Why a command could not be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SplitError {
    UnclosedQuote(char),
}

/// Splits the text of a script keyword shell-like: both kinds of quotes group, nothing is escaped.
pub(crate) fn split_quoted(text: &str) -> Result<Vec<String>, SplitError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next() {
                        None => return Err(SplitError::UnclosedQuote(c)),
                        Some(inner) if inner == c => break,
                        Some(inner) => word.push(inner),
                    }
                }
            }
            c if is_separator(c) => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Splits the command word of a script keyword into arguments: quotes and backslash escapes.
pub(crate) fn split_command(text: &str) -> Result<Vec<String>, SplitError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('\'' | '"', None) => {
                word.get_or_insert_default();
                quote = Some(c);
            }
            ('\\', _) => {
                let word = word.get_or_insert_default();
                match characters.next() {
                    None => word.push('\\'),
                    Some(escape) => word.push(unescape(escape, &mut characters)),
                }
            }
            (c, None) if is_separator(c) => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    if let Some(open) = quote {
        return Err(SplitError::UnclosedQuote(open));
    }
    words.extend(word);
    Ok(words)
}

fn unescape(escape: char, rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> char {
    match escape {
        'a' => '\x07',
        'b' => '\x08',
        'E' => '\x1b',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        'x' => number(rest, 16, 2, 0).unwrap_or('x'),
        'c' => rest
            .next()
            .map_or('c', |c| char::from(u8::try_from(c).unwrap_or(b'@') & 0x1f)),
        '0'..='7' => number(rest, 8, 2, escape.to_digit(8).unwrap_or(0)).unwrap_or(escape),
        other => other,
    }
}

/// Up to `most` further digits.
fn number(
    rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
    radix: u32,
    most: usize,
    first: u32,
) -> Option<char> {
    let mut value = first;
    for _ in 0..most {
        let Some(digit) = rest.peek().and_then(|c| c.to_digit(radix)) else {
            break;
        };
        value = value * radix + digit;
        rest.next();
    }
    char::from_u32(value & 0xff)
}
