//! The page around the model: one file that needs nothing else, and that may not load anything else.

use std::fmt::{self, Write as _};
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use super::answer::Answer;
use super::model::Model;
use super::words;
use crate::source::Node;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/style.css");
/// In the order in which they stand in the page; one function holds them all.
const SCRIPTS: [&str; 8] = [
    include_str!("page/time.js"),
    include_str!("page/data.js"),
    include_str!("page/paint.js"),
    include_str!("page/view.js"),
    include_str!("page/detail.js"),
    include_str!("page/record.js"),
    include_str!("page/overview.js"),
    include_str!("page/stages.js"),
];
const MAIN: &str = include_str!("page/main.js");

/// Text that cannot end or begin an element or an attribute, and cannot turn the direction of what stands beside it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'a>(pub(crate) &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\n' | '\t' => f.write_str(" ")?,
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => f.write_char('\u{fffd}')?,
                control if control.is_control() => f.write_char('\u{fffd}')?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// The whole page.
pub(crate) fn page(model: &Model, answer: &Answer, nodes: &[Node], verdicts: &str) -> String {
    let script = script();
    let data = data(model);
    let policy = policy(&script, STYLE);
    let title = Text(&answer.title).to_string();
    let headline = words::headline(answer);
    let story = words::story(answer);
    let scope = Text(&answer.scope).to_string();
    let records = words::records(answer, model, nodes);
    let part = |name: &str| -> &str {
        match name {
            "policy" => &policy,
            "version" => env!("CARGO_PKG_VERSION"),
            "title" => &title,
            "style" => STYLE,
            "answer" => &headline,
            "story" => &story,
            "scope" => &scope,
            "verdicts" => verdicts,
            "records" => &records,
            "data" => &data,
            "script" => &script,
            _ => "",
        }
    };
    // Once from the beginning to the end: what is put in is never looked at again, whatever it says.
    let mut out = String::with_capacity(data.len() + verdicts.len() + 100_000);
    let mut rest = PAGE;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let Some((name, behind)) = after.split_once("}}") else {
            break;
        };
        out.push_str(part(name));
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// All of the script, in a scope of its own.
fn script() -> String {
    let mut script = String::from("(() => {\n'use strict';\n");
    for part in SCRIPTS.into_iter().chain([MAIN]) {
        script.push_str(part);
    }
    script.push_str("})();\n");
    script
}

/// Nothing from anywhere: no network, no other script than this one, whatever the records say.
fn policy(script: &str, style: &str) -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; img-src data:; base-uri 'none'; form-action 'none'",
        hash(script),
        hash(style)
    )
}

/// The model as JSON, compressed, in letters that mean nothing in HTML.
fn data(model: &Model) -> String {
    let json = serde_json::to_vec(model).unwrap_or_default();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    // Memory takes everything.
    let written = encoder.write_all(&json).and_then(|()| encoder.finish());
    STANDARD.encode(written.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_records_stays_text() {
        let hostile = "</script><img src=x onerror=\"alert('1')\">&\u{202e}\u{7}{{data}}";
        assert_eq!(
            Text(hostile).to_string(),
            "&lt;/script&gt;&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;\u{fffd}\u{fffd}{{data}}"
        );
    }

    #[test]
    fn every_place_of_the_page_is_filled_once() {
        for name in [
            "policy", "version", "title", "style", "answer", "story", "scope", "verdicts",
            "records", "data", "script",
        ] {
            let places = PAGE.matches(&format!("{{{{{name}}}}}")).count();
            assert_eq!(places, 1, "{name}");
        }
        assert_eq!(PAGE.matches("{{").count(), 11);
    }

    #[test]
    fn no_part_of_the_page_names_a_network() {
        for part in SCRIPTS.into_iter().chain([MAIN, STYLE, PAGE]) {
            for word in [
                "http:",
                "https:",
                "//cdn",
                "fetch(",
                "XMLHttpRequest",
                "WebSocket",
                "import(",
                "@import",
                "url(",
            ] {
                assert!(!part.contains(word), "{word}");
            }
            assert!(!part.contains("</script>") || part == PAGE);
        }
    }
}
