//! Entries and braces into nested blocks.

use super::collector::Collector;
use super::token::{Item, Word};
use crate::diagnostic::{Class, Diagnostic};
use crate::source::Span;

/// The deepest nesting that is read.
const DEPTH_LIMIT: usize = 64;

/// An entry, with its block where it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// The first word: the keyword.
    pub(crate) keyword: Word,
    /// The words after it.
    pub(crate) arguments: Vec<Word>,
    /// The text of the entry as written, keyword included.
    pub(crate) raw: String,
    /// What stands between its braces.
    pub(crate) block: Option<Vec<Self>>,
}

impl Node {
    /// The entries of its block; none where it has no block.
    pub(crate) fn children(&self) -> &[Self] {
        self.block.as_deref().unwrap_or_default()
    }

    /// All words of the entry.
    pub(crate) fn words(&self) -> impl Iterator<Item = &Word> {
        std::iter::once(&self.keyword).chain(&self.arguments)
    }
}

/// Nests blocks. What does not fit is reported, and reading goes on, as keepalived does.
pub(crate) fn build(items: Vec<Item>, collector: &mut Collector) -> Vec<Node> {
    let mut levels: Vec<Vec<Node>> = vec![Vec::new()];
    let mut opened: Vec<Span> = Vec::new();
    let mut may_open = false;
    for item in items {
        match item {
            Item::Entry { words, raw } => {
                let mut words = words.into_iter();
                if let (Some(keyword), Some(level)) = (words.next(), levels.last_mut()) {
                    level.push(Node {
                        keyword,
                        arguments: words.collect(),
                        raw,
                        block: None,
                    });
                    may_open = true;
                }
            }
            Item::Open(span) if may_open => {
                if opened.len() >= DEPTH_LIMIT {
                    collector.push(
                        Diagnostic::error(Class::Complaint, span, format!("blocks nest deeper than {DEPTH_LIMIT} levels"))
                            .help("no keyword of keepalived needs more than four levels: is this a configuration file?"),
                    );
                    return Vec::new();
                }
                opened.push(span);
                levels.push(Vec::new());
                may_open = false;
            }
            Item::Open(span) => {
                collector.push(
                    Diagnostic::complaint(span, "this '{' has no keyword before it and is ignored")
                        .help("write the block's keyword before the brace, or remove the brace"),
                );
            }
            Item::Close(span) => {
                may_open = false;
                if opened.pop().is_some() {
                    close(&mut levels);
                } else {
                    collector.push(
                        Diagnostic::complaint(span, "this '}' closes nothing and is ignored")
                            .help("remove it, or look for a block above that was closed too early"),
                    );
                }
            }
        }
    }
    for span in opened.into_iter().rev() {
        collector.push(
            Diagnostic::complaint(
                span,
                "the block opened here is never closed; the end of the file closes it",
            )
            .help("add the missing '}'"),
        );
        close(&mut levels);
    }
    levels.pop().unwrap_or_default()
}

fn close(levels: &mut Vec<Vec<Node>>) {
    if let Some(children) = levels.pop()
        && let Some(node) = levels.last_mut().and_then(|level| level.last_mut())
    {
        node.block = Some(children);
    }
}
