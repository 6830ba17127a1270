//! A document of `docs/` as part of a man page: what Markdown says, in man(7)'s words.
//!
//! A table becomes tagged paragraphs, since man pages are read in terminals of any width: its first column is the tag.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use roff::{Inline, Roff, bold, italic, roman};

/// A section of a document: what stands between two headings of the second rank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Section<'a> {
    /// Its heading; empty before the first one.
    pub(super) title: &'a str,
    /// Its text.
    pub(super) text: &'a str,
}

/// The sections of a document. The heading of the first rank is left out.
pub(super) fn sections(document: &str) -> Vec<Section<'_>> {
    let mut found = Vec::new();
    let (mut title, mut begin) = ("", 0);
    let mut fenced = false;
    let mut at = 0;
    for line in document.split_inclusive('\n') {
        let next = at + line.len();
        fenced ^= line.starts_with("```");
        if !fenced && let Some(heading) = heading(line) {
            found.push(Section {
                title,
                text: &document[begin..at],
            });
            (title, begin) = (heading, next);
        }
        at = next;
    }
    found.push(Section {
        title,
        text: &document[begin..],
    });
    found.retain(|section| !section.text.trim().is_empty());
    found
}

/// A heading of the second rank; that of the first counts as the nameless beginning.
fn heading(line: &str) -> Option<&str> {
    if line.starts_with("# ") {
        return Some("");
    }
    line.strip_prefix("## ").map(str::trim)
}

/// Writes a section's text, whose headings of the third rank become subsections.
pub(super) fn write(page: &mut Roff, text: &str) {
    let mut writer = Writer {
        page,
        line: Vec::new(),
        style: Style::Plain,
        table: None,
        code: false,
        depth: 0,
        item: false,
    };
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        writer.take(event);
    }
    writer.flush();
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Strong,
    Emphasis,
}

#[derive(Default)]
struct Table {
    head: Vec<Vec<Inline>>,
    row: Vec<Vec<Inline>>,
    in_head: bool,
}

struct Writer<'a> {
    page: &'a mut Roff,
    line: Vec<Inline>,
    style: Style,
    table: Option<Table>,
    code: bool,
    /// Lists within lists.
    depth: u32,
    /// Whether the next paragraph follows an item's mark.
    item: bool,
}

impl Writer<'_> {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) if self.code => self.code_lines(&text),
            Event::Text(text) => {
                let inline = match self.style {
                    Style::Plain => roman(text.into_string()),
                    Style::Strong => bold(text.into_string()),
                    Style::Emphasis => italic(text.into_string()),
                };
                self.line.push(inline);
            }
            Event::Code(text) => self.line.push(bold(text.into_string())),
            Event::SoftBreak | Event::HardBreak => self.line.push(roman(" ")),
            Event::Html(_)
            | Event::InlineHtml(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::FootnoteReference(_)
            | Event::Rule
            | Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Paragraph if !std::mem::take(&mut self.item) => {
                self.page.control("PP", []);
            }
            Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented) => {
                self.flush();
                self.code = true;
                self.page.control("PP", []);
                self.page.control("RS", ["4"]);
                self.page.control("nf", []);
            }
            Tag::List(_) => {
                self.flush();
                self.depth += 1;
                if self.depth > 1 {
                    self.page.control("RS", []);
                }
            }
            Tag::Item => {
                self.page.control("IP", ["\\(bu", "2"]);
                self.item = true;
            }
            Tag::Strong => self.style = Style::Strong,
            Tag::Emphasis => self.style = Style::Emphasis,
            Tag::Table(_) => self.table = Some(Table::default()),
            Tag::TableHead => self.table_mut().in_head = true,
            // Text between marks that need none here.
            Tag::Paragraph
            | Tag::Heading { .. }
            | Tag::BlockQuote(_)
            | Tag::HtmlBlock
            | Tag::FootnoteDefinition(_)
            | Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::TableRow
            | Tag::TableCell
            | Tag::Strikethrough
            | Tag::Superscript
            | Tag::Subscript
            | Tag::Link { .. }
            | Tag::Image { .. }
            | Tag::MetadataBlock(_) => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph => self.flush(),
            TagEnd::Heading(_) => {
                let title = plain(&std::mem::take(&mut self.line));
                self.page.control("SS", [title.as_str()]);
            }
            TagEnd::CodeBlock => {
                self.code = false;
                self.page.control("fi", []);
                self.page.control("RE", []);
            }
            TagEnd::List(_) => {
                self.flush();
                self.depth -= 1;
                if self.depth > 0 {
                    self.page.control("RE", []);
                }
            }
            TagEnd::Item => {
                self.flush();
                self.item = false;
            }
            TagEnd::Strong | TagEnd::Emphasis => self.style = Style::Plain,
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.line);
                let table = self.table_mut();
                if table.in_head {
                    table.head.push(cell);
                } else {
                    table.row.push(cell);
                }
            }
            TagEnd::TableHead => self.table_mut().in_head = false,
            TagEnd::TableRow => self.row(),
            TagEnd::Table => {
                self.table = None;
                self.page.control("PP", []);
            }
            TagEnd::BlockQuote(_)
            | TagEnd::HtmlBlock
            | TagEnd::FootnoteDefinition
            | TagEnd::DefinitionList
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition
            | TagEnd::Strikethrough
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::Link
            | TagEnd::Image
            | TagEnd::MetadataBlock(_) => {}
        }
    }

    fn table_mut(&mut self) -> &mut Table {
        self.table.get_or_insert_default()
    }

    /// One row: the first cell is the tag, and what a cell means is said where there are more than two.
    fn row(&mut self) {
        let table = self.table_mut();
        let row = std::mem::take(&mut table.row);
        let head: Vec<String> = table.head.iter().map(|cell| plain(cell)).collect();
        let mut cells = row.into_iter();
        let Some(tag) = cells.next() else {
            return;
        };
        self.page.control("TP", []);
        self.page.text(tag);
        let mut text: Vec<Inline> = Vec::new();
        let wide = head.len() > 2;
        for (index, cell) in cells.enumerate() {
            if plain(&cell).trim().is_empty() {
                continue;
            }
            if !text.is_empty() {
                text.push(roman("; "));
            }
            let name = head.get(index + 1).map_or("", String::as_str);
            if wide && !name.is_empty() {
                text.push(italic(name.to_owned()));
                text.push(roman(": "));
            }
            text.extend(cell);
        }
        if text.is_empty() {
            text.push(roman("(no more to say)"));
        }
        self.page.text(text);
    }

    fn code_lines(&mut self, text: &str) {
        for line in text.lines() {
            self.page.text([roman(line.to_owned())]);
        }
    }

    fn flush(&mut self) {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.page.text(line);
        }
    }
}

fn plain(inlines: &[Inline]) -> String {
    inlines
        .iter()
        .map(|inline| match inline {
            Inline::Roman(text) | Inline::Italic(text) | Inline::Bold(text) => text.as_str(),
            Inline::LineBreak => " ",
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(text: &str) -> String {
        let mut page = Roff::new();
        write(&mut page, text);
        page.to_roff()
    }

    #[test]
    fn sections_are_what_stands_between_headings() {
        let document = "# name\n\nbefore\n\n## One\n\ntext\n```\n## no heading\n```\n## Two\n\n## Three\nlast\n";
        let titles: Vec<&str> = sections(document)
            .iter()
            .map(|section| section.title)
            .collect();
        assert_eq!(titles, ["", "One", "Three"]);
        assert!(sections(document)[1].text.contains("## no heading"));
    }

    #[test]
    fn a_table_becomes_tagged_paragraphs_that_name_their_columns() {
        let text =
            "| field | value | default |\n|---|---|---|\n| `a` | 1 to 9 | 5 |\n| `b` | | none |\n";
        let page = rendered(text);
        assert!(page.contains(".TP\n\\fBa\\fR\n"), "{page}");
        assert!(
            page.contains("\\fIvalue\\fR: 1 to 9; \\fIdefault\\fR: 5"),
            "{page}"
        );
        assert!(page.contains("\\fBb\\fR\n\\fIdefault\\fR: none"), "{page}");
        let two = rendered("| code | meaning |\n|---|---|\n| 0 | well |\n");
        assert!(two.contains(".TP\n0\nwell"), "{two}");
    }

    #[test]
    fn code_keeps_its_lines_and_no_line_of_it_is_a_request() {
        let page = rendered("text\n\n    .so /etc/passwd\n    'x\n    a\\b -c\n");
        assert!(page.contains(".nf\n"), "{page}");
        assert!(!page.lines().any(|line| line.starts_with(".so")), "{page}");
        assert!(!page.lines().any(|line| line.starts_with('\'')), "{page}");
        assert!(page.contains("a\\\\b \\-c"), "{page}");
    }

    #[test]
    fn lists_have_marks_and_their_text_stands_beside_them() {
        let page = rendered("* first *item*\n* second\n  * within\n\n1. one\n");
        assert!(page.contains(".IP \\(bu 2\nfirst \\fIitem\\fR\n"), "{page}");
        assert!(page.contains(".RS\n.IP \\(bu 2\nwithin\n.RE"), "{page}");
    }
}
