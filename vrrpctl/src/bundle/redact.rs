//! Takes secrets out of a configuration's text (safety rule 11): passwords, keys, and the arguments of programs.
//!
//! Works on the text and not on what it means, so that it also holds for files that no parser accepts and for words that this
//! version does not know. Takes rather too much than too little.

use std::collections::BTreeSet;

/// What stands in a secret's place.
pub(crate) const REMOVED: &str = "[removed]";

/// A word that holds one of these has a secret behind it.
const SECRET: [&str; 8] = [
    "pass",
    "secret",
    "hmac",
    "psk",
    "token",
    "credential",
    "community",
    "private",
];
/// Words behind which a program and its arguments stand.
const PROGRAMS: [&str; 6] = [
    "script",
    "notify",
    "misc_path",
    "exec",
    "command",
    "program",
];

/// The text of all files of a configuration without secrets, in the same order.
///
/// Values that were removed in one place are removed wherever they stand: a definition may hold a password that another
/// line uses.
pub(crate) fn redact(files: &[String]) -> Vec<String> {
    let mut values = BTreeSet::new();
    let variables = variables(files);
    let once: Vec<String> = files
        .iter()
        .map(|text| file(text, &variables, &mut values))
        .collect();
    // Short values would take unrelated text along; they are removed where they stand.
    values.retain(|value: &String| value.len() >= 4);
    let mut longest_first: Vec<&String> = values.iter().collect();
    longest_first.sort_by_key(|value| std::cmp::Reverse(value.len()));
    let everywhere = |text: String| {
        longest_first
            .iter()
            .fold(text, |text, value| text.replace(value.as_str(), REMOVED))
    };
    once.into_iter().map(everywhere).collect()
}

/// Names of definitions that stand behind a secret word: `auth_pass $PASSWORD`.
fn variables(files: &[String]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in files.iter().flat_map(|text| text.lines()) {
        if let Some(at) = secret(line) {
            for part in line[at..].split('$').skip(1) {
                let name: String = part
                    .trim_start_matches('{')
                    .chars()
                    .take_while(|character| character.is_alphanumeric() || *character == '_')
                    .collect();
                names.insert(name);
            }
        }
    }
    names.remove("");
    names
}

/// One file.
fn file(text: &str, variables: &BTreeSet<String>, values: &mut BTreeSet<String>) -> String {
    let mut out = String::with_capacity(text.len());
    // A value that goes on behind the end of its line: until a quote, or because the line ends with a backslash.
    let mut until: Option<&'static str> = None;
    let mut continued = false;
    for whole in text.split_inclusive('\n') {
        let line = whole.trim_end_matches(['\n', '\r']);
        let end = &whole[line.len()..];
        if let Some(quote) = until {
            if let Some(at) = line.find(quote) {
                until = None;
                note(&line[..at], values);
                out.push_str(&line[at..]);
            }
            out.push_str(end);
            continue;
        }
        if continued {
            note(line, values);
            out.push_str(REMOVED);
            continued = line.ends_with('\\');
            out.push_str(end);
            continue;
        }
        let cut = secret(line).or_else(|| defines(line, variables));
        if let Some(at) = cut {
            let (kept, value) = line.split_at(at);
            let quote = ["\"\"\"", "'''"].into_iter().find(|quote| {
                value
                    .trim_start_matches([' ', '\t', '='])
                    .starts_with(quote)
            });
            if let Some(quote) = quote {
                let inside = value.split_once(quote).map_or("", |(_, rest)| rest);
                match inside.split_once(quote) {
                    Some((inside, _)) => note(inside, values),
                    None => {
                        note(inside, values);
                        until = Some(quote);
                    }
                }
            } else {
                note(value, values);
                // Nothing behind the word: the value stands on the next line.
                let bare = value.trim_matches([' ', '\t', '=', '{']).is_empty();
                continued = value.trim_end().ends_with('\\') || (bare && !value.contains('{'));
            }
            out.push_str(kept);
            out.push_str(
                if value.contains('=') && kept.ends_with(|c: char| c.is_alphanumeric() || c == '_')
                {
                    " = "
                } else {
                    " "
                },
            );
            out.push_str(REMOVED);
            // A block that ends on the same line still ends.
            let closed = value
                .matches('}')
                .count()
                .saturating_sub(value.matches('{').count());
            for _ in 0..closed {
                out.push_str(" }");
            }
        } else {
            out.push_str(&arguments(line, values));
        }
        out.push_str(end);
    }
    out
}

/// Remembers the words of a value.
fn note(value: &str, values: &mut BTreeSet<String>) {
    let trimmed = value.trim_matches(|character: char| {
        character.is_whitespace() || "='\"{}[],;\\".contains(character)
    });
    if trimmed == "removed" {
        return;
    }
    if !trimmed.is_empty() {
        values.insert(trimmed.to_owned());
    }
    for word in value.split_whitespace() {
        let word = word.trim_matches(|character: char| "='\"{}[],;\\".contains(character));
        if !word.is_empty() && !word.starts_with('$') {
            values.insert(word.to_owned());
        }
    }
}

/// Where the value behind the first secret word of a line begins.
fn secret(line: &str) -> Option<usize> {
    let lower = line.to_ascii_lowercase();
    let mut from = 0;
    for word in lower
        .split(|character: char| !(character.is_ascii_alphanumeric() || "_-.".contains(character)))
    {
        let at = from + lower[from..].find(word)?;
        from = at + word.len();
        // `auth_type PASS` names a kind of authentication and no password.
        let kind = word == "pass" && lower[..at].trim_end().ends_with("auth_type");
        let kind = kind
            || (word == "pass"
                && lower[..at]
                    .trim_end()
                    .trim_end_matches(['"', '\'', '=', ' '])
                    .ends_with("type"));
        if !word.is_empty() && !kind && SECRET.iter().any(|secret| word.contains(secret)) {
            return Some(from);
        }
    }
    None
}

/// Where the value of a definition begins whose name stands behind a secret word elsewhere.
fn defines(line: &str, variables: &BTreeSet<String>) -> Option<usize> {
    let (name, _) = line.split_once('=')?;
    let plain = name.trim().strip_prefix('$')?;
    variables.contains(plain.trim()).then_some(name.len())
}

/// A line with the arguments of its program removed, where it names one.
fn arguments(line: &str, values: &mut BTreeSet<String>) -> String {
    let lower = line.to_ascii_lowercase();
    let trimmed = lower.trim_start();
    let word: String = trimmed
        .chars()
        .take_while(|character| character.is_ascii_alphanumeric() || *character == '_')
        .collect();
    let named = PROGRAMS.iter().any(|program| word.contains(program));
    // `script_user nobody` and `enable_script_security` have no program.
    if !named
        || word.ends_with("_user")
        || word.ends_with("_security")
        || word.ends_with("_timeout")
    {
        return line.to_owned();
    }
    let at = line.len() - trimmed.len() + word.len();
    let (kept, rest) = line.split_at(at);
    let start = rest.len()
        - rest
            .trim_start_matches([' ', '\t', '=', '[', '"', '\''])
            .len();
    let (lead, program) = rest.split_at(start);
    let Some(end) = program.find([' ', '\t', '"', '\'', ',']) else {
        return line.to_owned();
    };
    let (path, tail) = program.split_at(end);
    if !path.contains('/') {
        return line.to_owned();
    }
    let given = tail
        .trim_matches(|character: char| character.is_whitespace() || "'\"[],".contains(character));
    if given.is_empty() {
        return line.to_owned();
    }
    for argument in given.split_whitespace() {
        // Only what looks like one is a secret that may stand elsewhere too.
        let argument = argument.trim_matches(|character: char| "'\"[],".contains(character));
        if argument.len() >= 8 && !argument.contains('/') {
            values.insert(argument.to_owned());
        }
    }
    let quote = if lead.contains('"') {
        "\""
    } else if lead.contains('\'') {
        "'"
    } else {
        ""
    };
    format!("{kept}{lead}{path} {REMOVED}{quote}")
}

#[cfg(test)]
mod tests;
