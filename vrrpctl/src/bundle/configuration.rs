//! The files of a configuration, found by following its includes.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use vrrp_config::{FileError, FileProvider, LoadOptions, NoFacts, load};

/// Where a configuration is looked for when nothing names it.
const USUAL: [&str; 2] = ["/etc/keepalived/keepalived.conf", "/etc/vrrpd/vrrpd.toml"];

/// The first usual file that exists.
pub(crate) fn usual() -> Option<PathBuf> {
    USUAL.iter().map(PathBuf::from).find(|path| path.exists())
}

/// The paths of a configuration and of everything it includes, as far as it can be followed.
pub(crate) fn files(entry: &Path) -> Vec<PathBuf> {
    let loaded = load(entry, &Disk, &NoFacts, &LoadOptions::default());
    let mut paths: Vec<PathBuf> = loaded
        .sources
        .files()
        .iter()
        .map(|file| file.path.clone())
        .collect();
    if !paths.iter().any(|path| path == entry) {
        paths.insert(0, entry.to_owned());
    }
    paths.dedup();
    paths
}

/// Files of this machine.
pub(crate) struct Disk;

impl FileProvider for Disk {
    fn read(&self, path: &Path, limit: usize) -> Result<Vec<u8>, FileError> {
        let meta = fs::metadata(path).map_err(|error| word(&error))?;
        if !meta.is_file() {
            return Err(FileError::NotRegular);
        }
        if usize::try_from(meta.len()).is_ok_and(|length| length > limit) {
            return Err(FileError::TooLarge(limit));
        }
        fs::read(path).map_err(|error| word(&error))
    }

    fn glob(&self, pattern: &Path) -> Vec<PathBuf> {
        let mut found = vec![PathBuf::new()];
        for component in pattern.components() {
            let Component::Normal(part) = component else {
                found.iter_mut().for_each(|path| path.push(component));
                continue;
            };
            let Some(part) = part.to_str() else {
                return Vec::new();
            };
            if part.contains(['*', '?', '[']) {
                found = found
                    .iter()
                    .flat_map(|directory| entries(directory, part))
                    .collect();
            } else {
                found.iter_mut().for_each(|path| path.push(part));
            }
        }
        found.retain(|path| path.exists());
        found.sort();
        found
    }
}

fn word(error: &io::Error) -> FileError {
    let kind = error.kind();
    if kind == io::ErrorKind::NotFound {
        FileError::Missing
    } else if kind == io::ErrorKind::PermissionDenied {
        FileError::Denied
    } else {
        FileError::Other(error.to_string())
    }
}

/// Entries of a directory that a pattern fits.
fn entries(directory: &Path, pattern: &str) -> Vec<PathBuf> {
    let here = if directory.as_os_str().is_empty() {
        Path::new(".")
    } else {
        directory
    };
    let Ok(entries) = fs::read_dir(here) else {
        return Vec::new();
    };
    let pattern: Vec<char> = pattern.chars().collect();
    let names = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok());
    let fitting = names.filter(|name| {
        let hidden = name.starts_with('.') && pattern.first() != Some(&'.');
        !hidden && fits(&pattern, &name.chars().collect::<Vec<char>>())
    });
    fitting.map(|name| directory.join(name)).collect()
}

/// Whether a shell pattern (`*`, `?`, `[…]`, `[!…]`) fits a whole name.
fn fits(pattern: &[char], name: &[char]) -> bool {
    // Positions to return to when what follows the last `*` does not fit.
    let (mut at, mut here, mut star) = (0, 0, None);
    while here < name.len() {
        if pattern.get(at) == Some(&'*') {
            star = Some((at + 1, here));
            at += 1;
        } else if let Some(next) = fits_one(pattern, at, name[here]) {
            at = next;
            here += 1;
        } else if let Some((behind, last)) = star {
            star = Some((behind, last + 1));
            at = behind;
            here = last + 1;
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

/// The place in the pattern behind what fits one character.
fn fits_one(pattern: &[char], at: usize, character: char) -> Option<usize> {
    match pattern.get(at)? {
        '?' => Some(at + 1),
        '[' => {
            let negated = pattern.get(at + 1) == Some(&'!');
            let first = at + 1 + usize::from(negated);
            // A bracket right at the beginning is one of the characters.
            let close = (first + 1..pattern.len()).find(|place| pattern[*place] == ']')?;
            let set = &pattern[first..close];
            let mut inside = false;
            let mut place = 0;
            while place < set.len() {
                if place + 2 < set.len() && set[place + 1] == '-' {
                    inside |= (set[place]..=set[place + 2]).contains(&character);
                    place += 3;
                } else {
                    inside |= set[place] == character;
                    place += 1;
                }
            }
            (inside != negated).then_some(close + 1)
        }
        literal => (*literal == character).then_some(at + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_patterns_fit_whole_names() {
        let fits = |pattern: &str, name: &str| {
            fits(
                &pattern.chars().collect::<Vec<_>>(),
                &name.chars().collect::<Vec<_>>(),
            )
        };
        for (pattern, name) in [
            ("*.conf", "a.conf"),
            ("*", ""),
            ("a?c", "abc"),
            ("[a-c]x", "bx"),
            ("[!a]x", "bx"),
            ("*a*b", "xaaab"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("*.conf", "a.conf~"),
            ("a?c", "ac"),
            ("[!a]x", "ax"),
            ("[a", "a"),
            ("", "a"),
        ] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn included_files_are_found() {
        let directory =
            std::env::temp_dir().join(format!("vrrpctl-includes-{}", std::process::id()));
        fs::create_dir_all(directory.join("conf.d")).unwrap();
        let entry = directory.join("keepalived.conf");
        fs::write(
            &entry,
            format!("include {}/conf.d/*.conf\n", directory.display()),
        )
        .unwrap();
        fs::write(
            directory.join("conf.d/a.conf"),
            "vrrp_script a {\n script \"/bin/true\"\n}\n",
        )
        .unwrap();
        fs::write(directory.join("conf.d/b.txt"), "x\n").unwrap();
        let found = files(&entry);
        fs::remove_dir_all(&directory).unwrap();
        assert_eq!(found, [entry, directory.join("conf.d/a.conf")]);
        assert_eq!(
            files(Path::new("/nonexistent/x.conf")),
            [PathBuf::from("/nonexistent/x.conf")]
        );
    }
}
