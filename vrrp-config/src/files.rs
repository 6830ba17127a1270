//! How this crate gets at files: through a trait, so that the daemon's runner can read them as root and tests can read
//! them from memory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The most that a configuration may hold, includes counted, in bytes.
pub const SIZE_LIMIT: usize = 16 * 1024 * 1024;

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// It does not exist.
    #[error("no such file")]
    Missing,
    /// It may not be read.
    #[error("permission denied")]
    Denied,
    /// It is a directory, device, socket or has an executable bit: keepalived reads none of these.
    #[error("not a regular non-executable file")]
    NotRegular,
    /// It is larger than the limit given.
    #[error("larger than {0} bytes")]
    TooLarge(usize),
    /// The operating system's word for anything else.
    #[error("{0}")]
    Other(String),
}

/// Reads files and expands patterns.
pub trait FileProvider {
    /// The whole content of a regular, non-executable file of at most `limit` bytes.
    ///
    /// # Errors
    /// Says why it cannot be read.
    fn read(&self, path: &Path, limit: usize) -> Result<Vec<u8>, FileError>;

    /// The paths that match a shell pattern (`*`, `?`, `[…]`), sorted; none where nothing matches.
    fn glob(&self, pattern: &Path) -> Vec<PathBuf>;
}

/// Files in memory, for tests and for tools that hold the text already.
#[derive(Clone, Debug, Default)]
pub struct MemoryFiles(BTreeMap<PathBuf, Vec<u8>>);

impl MemoryFiles {
    /// One file.
    #[must_use]
    pub fn single(path: impl Into<PathBuf>, content: impl Into<Vec<u8>>) -> Self {
        Self::default().with(path, content)
    }

    /// One more file.
    #[must_use]
    pub fn with(mut self, path: impl Into<PathBuf>, content: impl Into<Vec<u8>>) -> Self {
        self.0.insert(path.into(), content.into());
        self
    }
}

impl FileProvider for MemoryFiles {
    fn read(&self, path: &Path, limit: usize) -> Result<Vec<u8>, FileError> {
        match self.0.get(path) {
            None => Err(FileError::Missing),
            Some(content) if content.len() > limit => Err(FileError::TooLarge(limit)),
            Some(content) => Ok(content.clone()),
        }
    }

    /// Knows `*` only, which is what tests need.
    fn glob(&self, pattern: &Path) -> Vec<PathBuf> {
        let pattern = pattern.to_string_lossy();
        let matches = |path: &Path| match pattern.split_once('*') {
            None => path.to_string_lossy() == pattern,
            Some((head, tail)) => {
                let path = path.to_string_lossy();
                path.len() >= head.len() + tail.len()
                    && path.starts_with(head)
                    && path.ends_with(tail)
            }
        };
        self.0
            .keys()
            .filter(|path| matches(path))
            .cloned()
            .collect()
    }
}
