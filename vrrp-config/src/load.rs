//! The entry: one path in, a plan and its messages out.

use std::path::Path;

use vrrp_proto::router::FastFail;

use crate::diagnostic::{Class, Diagnostic, Severity};
use crate::facts::HostFacts;
use crate::files::FileProvider;
use crate::keepalived;
use crate::plan::Plan;
use crate::source::SourceMap;
use crate::toml;

/// What the reader of a configuration may choose.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// What `@ID` lines compare with: `-i ID`, else the host name up to the first dot.
    pub config_id: String,
    /// Every include must match: `-e`, as `include_check all`.
    pub strict_includes: bool,
    /// `--fast-fail`, which wins over the file.
    pub fast_fail: Option<FastFail>,
}

/// What became of a configuration.
#[derive(Debug)]
pub struct Loaded {
    /// The plan; absent where the daemon cannot run with the file.
    pub plan: Option<Plan>,
    /// Messages in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
    /// The files, for rendering the messages.
    pub sources: SourceMap,
    /// Exit status of the daemon where there is no plan: 2 for the configuration, 6 for a file that cannot be read.
    pub run_exit: u8,
}

impl Loaded {
    /// Exit status of `-t`, keepalived's: 2 where a value is missing, since keepalived reads no further; else the highest
    /// class met.
    #[must_use]
    pub fn check_exit(&self) -> u8 {
        let classes = || self.diagnostics.iter().map(|diagnostic| diagnostic.class);
        if classes().any(|class| class == Class::Missing) {
            return Class::Missing.exit_code();
        }
        classes().map(Class::exit_code).max().unwrap_or(0)
    }

    /// All messages as text, one blank line between two.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        for diagnostic in &self.diagnostics {
            text.push_str(&diagnostic.render(&self.sources));
            text.push('\n');
        }
        text
    }
}

/// Reads a configuration: TOML where the suffix is `.toml`, keepalived's language everywhere else.
#[must_use]
pub fn load(
    entry: &Path,
    files: &dyn FileProvider,
    facts: &dyn HostFacts,
    options: &LoadOptions,
) -> Loaded {
    let mut loaded = if entry.extension().is_some_and(|suffix| suffix == "toml") {
        toml::load(entry, files, facts)
    } else {
        keepalived::load(entry, files, facts, options)
    };
    if let (Some(plan), Some(fast_fail)) = (&mut loaded.plan, options.fast_fail) {
        plan.global.fast_fail = Some(fast_fail);
    }
    let failed = loaded
        .diagnostics
        .iter()
        .any(|diagnostic| diagnostic.severity == Severity::Error);
    if failed {
        loaded.plan = None;
    }
    loaded
}
