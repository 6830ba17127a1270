//! keepalived's configuration language: text, lines, tree, plan.
//!
//! Each step is a module: [`reader`] opens files and expands what is expanded line by line, [`expand`] knows
//! definitions and generators, [`token`] splits lines into words, [`tree`] nests blocks, [`lower`] gives the words their
//! meaning, and [`words`] is the list of all the words that keepalived knows.

mod collector;
mod expand;
mod lower;
mod reader;
#[cfg(test)]
mod tests;
mod token;
mod tree;
pub mod words;

use std::path::Path;

use crate::diagnostic::{Class, Diagnostic, Severity};
use crate::facts::HostFacts;
use crate::files::FileProvider;
use crate::load::{LoadOptions, Loaded};
use collector::Collector;

/// Reads keepalived's language.
pub(crate) fn load(
    entry: &Path,
    files: &dyn FileProvider,
    facts: &dyn HostFacts,
    options: &LoadOptions,
) -> Loaded {
    let mut collector = Collector::default();
    let read = reader::read(entry, files, options, &mut collector);
    let mut run_exit = 2;
    let plan = if read.unreadable {
        run_exit = 6;
        None
    } else {
        let roots = tree::build(read.items, &mut collector);
        lower::lower(&roots, &read.sources, facts, &mut collector)
    };
    let diagnostics = collector.finish();
    debug_assert!(
        plan.is_some() || diagnostics.iter().any(|d| d.severity == Severity::Error),
        "a refused configuration has an error that says why"
    );
    Loaded {
        plan,
        diagnostics,
        sources: read.sources,
        run_exit,
    }
}

/// A message about a file that cannot be opened.
pub(crate) fn unreadable(
    path: &Path,
    span: Option<crate::source::Span>,
    reason: &crate::files::FileError,
) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(
        Class::Security,
        span,
        format!(
            "cannot read configuration file '{}': {reason}",
            path.display()
        ),
    );
    diagnostic.path = Some(path.to_owned());
    diagnostic.help(match reason {
        crate::files::FileError::Missing => "name an existing file with -f".to_owned(),
        crate::files::FileError::NotRegular => format!("chmod a-x {}", path.display()),
        crate::files::FileError::Denied => "run as root, or give the reader access".to_owned(),
        crate::files::FileError::TooLarge(_) => {
            "a configuration holds at most 16 MiB after includes: is this the right file?"
                .to_owned()
        }
        crate::files::FileError::Other(_) => "see what the operating system says above".to_owned(),
    })
}

/// Splits a command into its words, as the second split of script keywords does; a quote that is never closed is the error.
pub(crate) fn split_command(text: &str) -> Result<Vec<String>, char> {
    token::split_command(text).map_err(|token::SplitError::UnclosedQuote(quote)| quote)
}
