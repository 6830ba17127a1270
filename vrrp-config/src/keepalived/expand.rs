//! Definitions (`$NAME`) and generators (`~SEQ`, `~LST`): one line in, one or more out.
//!
//! Expansion happens where a name is used, is recursive, and is bounded in depth and in the number of lines.

use std::collections::BTreeMap;

/// The most that one line may expand to.
const LINES_LIMIT: usize = 65_536;
/// The most bytes that one line may expand to.
const BYTES_LIMIT: usize = 1024 * 1024;
/// How deep definitions may use definitions.
const DEPTH_LIMIT: usize = 32;

/// Why a line cannot be expanded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ExpandError {
    #[error("definition '{0}' uses itself")]
    Recursive(String),
    #[error("this line expands to more than {LINES_LIMIT} lines or {BYTES_LIMIT} bytes")]
    TooMuch,
    #[error("malformed generator: {0}")]
    Generator(&'static str),
}

/// What `${_…}` names stand for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Predefined {
    pub(crate) directory: String,
    pub(crate) instance: String,
}

/// Definitions made so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Definitions {
    values: BTreeMap<String, Vec<String>>,
    random: u64,
    /// Substitutions that the current line may still make.
    budget: usize,
}

const fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// `$NAME=value`: the name and the value.
pub(crate) fn definition(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.strip_prefix('$')?.split_once('=')?;
    let valid = !name.is_empty() && !name.starts_with('_') && name.chars().all(is_name);
    valid.then_some((name, value.trim()))
}

impl Definitions {
    pub(crate) fn set(&mut self, name: &str, lines: Vec<String>) {
        self.values.insert(name.to_owned(), lines);
    }

    /// The lines that this line stands for; `None` where nothing in it is expanded.
    pub(crate) fn expand(
        &mut self,
        line: &str,
        predefined: &Predefined,
    ) -> Result<Option<Vec<String>>, ExpandError> {
        if !line.contains('$') && !line.contains('~') {
            return Ok(None);
        }
        self.budget = LINES_LIMIT;
        let mut lines = Vec::new();
        self.substitute(line, predefined, 0, &mut lines)?;
        let mut output = Vec::new();
        for line in lines {
            generate(&line, &mut output)?;
        }
        if output.len() == 1 && output.first().is_some_and(|only| only == line) {
            return Ok(None);
        }
        Ok(Some(output))
    }

    fn substitute(
        &mut self,
        line: &str,
        predefined: &Predefined,
        depth: usize,
        output: &mut Vec<String>,
    ) -> Result<(), ExpandError> {
        let mut current = String::new();
        let mut rest = line;
        while let Some(at) = rest.find('$') {
            let (before, from) = rest.split_at(at);
            current.push_str(before);
            let Some((name, after)) = reference(from) else {
                current.push('$');
                rest = &from[1..];
                continue;
            };
            self.budget = self.budget.checked_sub(1).ok_or(ExpandError::TooMuch)?;
            if let Some(text) = self.predefined(name, predefined) {
                current.push_str(&text);
            } else if let Some(value) = self.values.get(name).cloned() {
                if depth >= DEPTH_LIMIT {
                    return Err(ExpandError::Recursive(name.to_owned()));
                }
                let mut inner = Vec::new();
                for part in &value {
                    // A block may set the parameters of what it uses further down.
                    if value.len() > 1
                        && let Some((name, value)) = definition(part.trim_start())
                    {
                        self.set(name, vec![value.to_owned()]);
                        continue;
                    }
                    self.substitute(part, predefined, depth + 1, &mut inner)?;
                }
                let last = inner.pop().unwrap_or_default();
                for part in inner {
                    output.push(std::mem::take(&mut current) + &part);
                    bounded(output)?;
                }
                current.push_str(&last);
            } else {
                current.push_str(&from[..from.len() - after.len()]);
            }
            if current.len() > BYTES_LIMIT {
                return Err(ExpandError::TooMuch);
            }
            rest = after;
        }
        current.push_str(rest);
        output.push(current);
        bounded(output)
    }

    fn predefined(&mut self, name: &str, predefined: &Predefined) -> Option<String> {
        let (name, arguments) = name.split_once(' ').unwrap_or((name, ""));
        match name {
            "_PWD" => Some(predefined.directory.clone()),
            "_INSTANCE" => Some(predefined.instance.clone()),
            "_HASH" => Some("#".to_owned()),
            "_BANG" => Some("!".to_owned()),
            "_RANDOM" => {
                let mut limits = arguments
                    .split_whitespace()
                    .filter_map(|word| word.parse::<u64>().ok());
                let (low, high) = match (limits.next(), limits.next()) {
                    (Some(low), Some(high)) => (low, high),
                    (Some(low), None) => (low, 32_767),
                    _ => (0, 32_767),
                };
                Some((low + self.next_random() % (high.saturating_sub(low) + 1)).to_string())
            }
            _ => None,
        }
    }

    /// A number that differs from use to use; nothing depends on its quality.
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 31)
    }

    /// Starts `${_RANDOM}` from a number of the caller's.
    pub(crate) const fn seed(&mut self, seed: u64) {
        self.random = seed;
    }
}

fn bounded(lines: &[String]) -> Result<(), ExpandError> {
    if lines.len() > LINES_LIMIT {
        Err(ExpandError::TooMuch)
    } else {
        Ok(())
    }
}

/// The name that a `$` at the start of `text` refers to, and the text after the reference.
fn reference(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('$')?;
    if let Some(braced) = inner.strip_prefix('{') {
        let (name, after) = braced.split_once('}')?;
        let plain = name.split(' ').next().unwrap_or_default();
        return (!plain.is_empty() && plain.chars().all(is_name)).then_some((name, after));
    }
    let length = inner.find(|c| !is_name(c)).unwrap_or(inner.len());
    let (name, after) = inner.split_at(length);
    let ends = after
        .chars()
        .next()
        .is_none_or(|c| c.is_whitespace() || c == ')');
    (!name.is_empty() && ends).then_some((name, after))
}

/// Repeats a line for its first generator, and again for the ones left in it: nested loops.
fn generate(line: &str, output: &mut Vec<String>) -> Result<(), ExpandError> {
    let Some((at, generator)) = ["~SEQx(", "~SEQ(", "~LST("]
        .into_iter()
        .filter_map(|word| line.find(word).map(|at| (at, word)))
        .min_by_key(|(at, _)| *at)
    else {
        output.push(line.to_owned());
        return bounded(output);
    };
    let inner = &line[at + generator.len()..];
    let Some((arguments, after)) = inner.split_once(')') else {
        return Err(ExpandError::Generator("the closing ')' is missing"));
    };
    let template = format!("{}{after}", &line[..at]);
    let template = template.trim();
    let rounds = if generator == "~LST(" {
        list(arguments)?
    } else {
        sequence(arguments, generator == "~SEQx(")?
    };
    for bindings in rounds {
        let mut text = template.to_owned();
        for (name, value) in bindings {
            text = text.replace(&format!("${{{name}}}"), &value);
            text = replace_plain(&text, &name, &value);
        }
        generate(&text, output)?;
    }
    Ok(())
}

/// Replaces `$name` where the name ends there.
fn replace_plain(text: &str, name: &str, value: &str) -> String {
    let pattern = format!("${name}");
    let mut output = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(&pattern) {
        let (before, from) = rest.split_at(at);
        let after = &from[pattern.len()..];
        output.push_str(before);
        output.push_str(if after.chars().next().is_some_and(is_name) {
            &pattern
        } else {
            value
        });
        rest = after;
    }
    output.push_str(rest);
    output
}

type Bindings = Vec<(String, String)>;

fn sequence(arguments: &str, hexadecimal: bool) -> Result<Vec<Bindings>, ExpandError> {
    let mut words = arguments.split(',').map(str::trim);
    let name = words.next().unwrap_or_default();
    let radix = if hexadecimal { 16 } else { 10 };
    let numbers: Result<Vec<i64>, _> = words.map(|word| i64::from_str_radix(word, radix)).collect();
    let numbers =
        numbers.map_err(|_| ExpandError::Generator("start, step and end must be numbers"))?;
    let (start, step, end) = match *numbers.as_slice() {
        [end] => (1, 1, end),
        [start, end] => (start, 1, end),
        [start, step, end] => (start, step, end),
        _ => return Err(ExpandError::Generator("write ~SEQ(name, start, step, end)")),
    };
    if name.is_empty() || !name.chars().all(is_name) || step == 0 {
        return Err(ExpandError::Generator(
            "write ~SEQ(name, start, step, end) with a step other than 0",
        ));
    }
    let mut rounds = Vec::new();
    let mut value = start;
    while (step > 0 && value <= end) || (step < 0 && value >= end) {
        if rounds.len() >= LINES_LIMIT {
            return Err(ExpandError::TooMuch);
        }
        let text = if hexadecimal {
            format!("{value:x}")
        } else {
            value.to_string()
        };
        rounds.push(vec![(name.to_owned(), text)]);
        let Some(next) = value.checked_add(step) else {
            break;
        };
        value = next;
    }
    Ok(rounds)
}

fn list(arguments: &str) -> Result<Vec<Bindings>, ExpandError> {
    let mut parts = Vec::new();
    let mut depth = 0_u32;
    let mut part = String::new();
    for c in arguments.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            _ => {}
        }
        part.push(c);
    }
    parts.push(part);
    let tuple = |text: &str| -> Vec<String> {
        let text = text.trim();
        match text
            .strip_prefix('{')
            .and_then(|inner| inner.strip_suffix('}'))
        {
            Some(inner) => inner
                .split(',')
                .map(|word| word.trim().to_owned())
                .collect(),
            None => vec![text.to_owned()],
        }
    };
    let mut parts = parts.iter().map(|part| tuple(part));
    let names = parts.next().unwrap_or_default();
    if names
        .iter()
        .any(|name| name.is_empty() || !name.chars().all(is_name))
    {
        return Err(ExpandError::Generator(
            "write ~LST(name, value, ...) or ~LST({a, b}, {1, 2}, ...)",
        ));
    }
    parts
        .map(|values| {
            if values.len() == names.len() {
                Ok(names.iter().cloned().zip(values).collect())
            } else {
                Err(ExpandError::Generator(
                    "each tuple needs as many values as there are names",
                ))
            }
        })
        .collect()
}
