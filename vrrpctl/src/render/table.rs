//! Sections of labelled lines, wrapped to the width that mails and terminals share.

/// Widest line, in characters.
pub(crate) const WIDTH: usize = 100;
/// Column where the text behind a label begins.
const TEXT: usize = 13;

/// Adds `  label      text`, with what does not fit on lines of its own below.
///
/// Width is counted in characters without escape sequences. Texts break at spaces; a word longer than a line stays whole.
pub(crate) fn line(out: &mut String, label: &str, text: &str) {
    let head = format!("  {label:<width$}", width = TEXT - 2);
    hanging(out, &head, TEXT, text);
}

/// Adds `head` and `text`, wrapped, with later lines indented by `indent`.
pub(crate) fn hanging(out: &mut String, head: &str, indent: usize, text: &str) {
    let mut current = head.to_owned();
    let mut column = visible(head);
    let mut fresh = true;
    for word in text.split(' ') {
        let space = usize::from(!fresh);
        if !fresh && column + space + visible(word) > WIDTH {
            push(out, &current);
            current = " ".repeat(indent);
            column = indent;
            fresh = true;
        }
        if !fresh {
            current.push(' ');
            column += 1;
        }
        current.push_str(word);
        column += visible(word);
        fresh = false;
    }
    push(out, &current);
}

fn push(out: &mut String, line: &str) {
    out.push_str(line.trim_end());
    out.push('\n');
}

/// Characters that take a column: escape sequences take none.
fn visible(text: &str) -> usize {
    let mut count = 0;
    let mut escape = false;
    for character in text.chars() {
        match (escape, character) {
            (false, '\x1b') => escape = true,
            (true, 'm') => escape = false,
            (true, _) => {}
            (false, _) => count += 1,
        }
    }
    count
}

/// Rows under each other in columns: the first `left` columns to the left, the others to the right, two spaces between.
/// Each line begins with `indent` spaces.
pub(crate) fn columns(out: &mut String, indent: usize, left: usize, rows: &[Vec<String>]) {
    let count = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widths: Vec<usize> = (0..count)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| visible(cell)).max().unwrap_or_default()
        })
        .collect();
    for row in rows {
        let mut text = " ".repeat(indent);
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let gap = " ".repeat(width - visible(cell));
            if column > 0 {
                text.push_str("  ");
            }
            // The last column needs no room behind it.
            if column < left || column + 1 == count {
                text.push_str(cell);
                text.push_str(&gap);
            } else {
                text.push_str(&gap);
                text.push_str(cell);
            }
        }
        push(out, &text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_wrap_under_their_beginning() {
        let mut out = String::new();
        line(&mut out, "addresses", &"192.168.205.7/32 ".repeat(9));
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| visible(line) <= WIDTH), "{out}");
        assert!(lines[1].starts_with("             192."), "{out}");
    }

    #[test]
    fn a_word_longer_than_a_line_stays_whole() {
        let mut out = String::new();
        line(&mut out, "x", &"y".repeat(200));
        assert!(out.contains(&"y".repeat(200)));
    }

    #[test]
    fn colours_take_no_columns() {
        assert_eq!(visible("\x1b[1;31mFAULT\x1b[0m"), 5);
    }
}
