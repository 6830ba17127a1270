//! File names by pattern: `*`, `?`, `[a-z]`, `[!x]` within one part of a path, and `{a,b}` alternatives anywhere.
//!
//! As in shells, a leading dot is matched only by a dot. Matching is separate from reading directories.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::files::FileError;

/// Most alternatives that one pattern may stand for.
const ALTERNATIVE_LIMIT: usize = 1_024;
/// Most names that one pattern may match.
const NAME_LIMIT: usize = 65_536;

/// Every path that matches, sorted within each `{}` alternative; what has no wildcard is listed if it exists.
///
/// # Errors
/// When a pattern stands for too much; directories that cannot be read match nothing.
pub fn glob(pattern: &str) -> Result<Vec<PathBuf>, FileError> {
    let mut found = Vec::new();
    for alternative in alternatives(pattern)? {
        let mut paths = vec![PathBuf::from(if alternative.starts_with('/') {
            "/"
        } else {
            ""
        })];
        for part in alternative.split('/').filter(|part| !part.is_empty()) {
            let mut next = Vec::new();
            for path in paths {
                extend(&path, part, &mut next);
                if next.len() > NAME_LIMIT {
                    return Err(too_much(pattern).into());
                }
            }
            paths = next;
        }
        found.extend(paths);
    }
    Ok(found)
}

fn too_much(pattern: &str) -> io::Error {
    let text = format!("pattern '{pattern}' stands for too many names");
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

/// Adds what `part` matches in the directory `path`.
fn extend(path: &Path, part: &str, found: &mut Vec<PathBuf>) {
    if !part.contains(['*', '?', '[']) {
        let next = path.join(part);
        if next.symlink_metadata().is_ok() {
            found.push(next);
        }
        return;
    }
    let directory = if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    };
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    let mut names: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.file_name()))
        .filter(|name| name_matches(part.as_bytes(), name))
        .collect();
    names.sort();
    found.extend(names.into_iter().map(|name| path.join(name)));
}

fn name_matches(pattern: &[u8], name: &OsStr) -> bool {
    let name = name.as_bytes();
    if name.starts_with(b".") && !pattern.starts_with(b".") {
        return false;
    }
    matches(pattern, name)
}

/// Whether one part of a pattern matches one name. Linear but for one point to go back to, so no pattern is slow.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut seen) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while seen < name.len() {
        if pattern.get(at) == Some(&b'*') {
            star = Some((at + 1, seen));
            at += 1;
            continue;
        }
        if let Some(length) = single(&pattern[at..], name[seen]) {
            at += length;
            seen += 1;
            continue;
        }
        let Some((after, from)) = star else {
            return false;
        };
        star = Some((after, from + 1));
        at = after;
        seen = from + 1;
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

/// The length of the pattern's first element if it matches `byte`.
fn single(pattern: &[u8], byte: u8) -> Option<usize> {
    match *pattern.first()? {
        b'?' => Some(1),
        b'[' => class(pattern, byte),
        b'\\' if pattern.len() > 1 => (pattern[1] == byte).then_some(2),
        literal => (literal == byte).then_some(1),
    }
}

/// The length of a bracket expression if it matches `byte`; one that is never closed is an ordinary bracket.
fn class(pattern: &[u8], byte: u8) -> Option<usize> {
    let negated = matches!(pattern.get(1), Some(b'!' | b'^'));
    let start = if negated { 2 } else { 1 };
    // A closing bracket that comes first is a member.
    let Some(end) = pattern
        .iter()
        .skip(start + 1)
        .position(|member| *member == b']')
    else {
        return (byte == b'[').then_some(1);
    };
    let members = &pattern[start..start + 1 + end];
    let mut found = false;
    let mut index = 0;
    while index < members.len() {
        if index + 2 < members.len() && members[index + 1] == b'-' {
            found |= (members[index]..=members[index + 2]).contains(&byte);
            index += 3;
        } else {
            found |= members[index] == byte;
            index += 1;
        }
    }
    (found != negated).then_some(start + 1 + end + 1)
}

/// The patterns that one with `{a,b}` stands for, in order; braces nest.
fn alternatives(pattern: &str) -> io::Result<Vec<String>> {
    let mut done = Vec::new();
    let mut open = vec![pattern.to_owned()];
    while let Some(next) = open.pop() {
        match first_braces(&next) {
            None => done.push(next),
            Some((start, end)) => {
                let choices = split_choices(&next[start + 1..end]);
                for choice in choices.iter().rev() {
                    open.push(format!("{}{choice}{}", &next[..start], &next[end + 1..]));
                }
            }
        }
        if done.len() + open.len() > ALTERNATIVE_LIMIT {
            return Err(too_much(pattern));
        }
    }
    Ok(done)
}

/// Where the first balanced pair of braces is.
fn first_braces(text: &str) -> Option<(usize, usize)> {
    let start = text.find('{')?;
    let mut depth = 0_usize;
    for (index, character) in text[start..].char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((start, start + index));
        }
    }
    None
}

/// The choices between braces, split at commas that are not in inner braces.
fn split_choices(text: &str) -> Vec<&str> {
    let mut choices = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (index, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                choices.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    choices.push(&text[start..]);
    choices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_within_one_name() {
        for (pattern, name, expected) in [
            ("*.conf", "a.conf", true),
            ("*.conf", ".conf", false),
            ("*.conf", "a.conf~", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("?[a-c][!x]", "zby", true),
            ("?[a-c][!x]", "zdy", false),
            ("?[a-c][!x]", "zbx", false),
            ("[]]", "]", true),
            ("[abc", "[abc", true),
            ("*", "", true),
            (".*", ".hidden", true),
            ("*", ".hidden", false),
            ("\\*", "*", true),
            ("\\*", "x", false),
        ] {
            let found = name_matches(pattern.as_bytes(), OsStr::new(name));
            assert_eq!(found, expected, "{pattern} {name}");
        }
    }

    #[test]
    fn braces_stand_for_alternatives_in_order() {
        let expand = |pattern| alternatives(pattern).unwrap();
        assert_eq!(expand("a{b,c}d"), ["abd", "acd"]);
        assert_eq!(expand("{a,b}{1,2}"), ["a1", "a2", "b1", "b2"]);
        assert_eq!(expand("x{a,{b,c}y}"), ["xa", "xby", "xcy"]);
        assert_eq!(expand("{open"), ["{open"]);
        assert_eq!(expand("plain"), ["plain"]);
    }

    #[test]
    fn a_pattern_that_explodes_is_refused() {
        let pattern = "{a,b}".repeat(20);
        assert!(alternatives(&pattern).is_err());
    }

    #[test]
    fn names_are_found_in_directories_and_sorted() {
        let root = std::env::temp_dir().join(format!("vrrpd-glob-{}", std::process::id()));
        fs::create_dir_all(root.join("conf.d")).unwrap();
        for name in ["b.conf", "a.conf", "c.txt"] {
            fs::write(root.join("conf.d").join(name), "").unwrap();
        }
        let found = glob(&format!("{}/conf.d/*.conf", root.display())).unwrap();
        let plain = glob(&format!("{}/conf.d/{{c.txt,none}}", root.display())).unwrap();
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(
            found,
            [root.join("conf.d/a.conf"), root.join("conf.d/b.conf")]
        );
        assert_eq!(plain, [root.join("conf.d/c.txt")]);
    }
}
