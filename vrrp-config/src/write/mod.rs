//! A plan as text of either language: `vrrpctl config convert`.
//!
//! What is written is read again and compared, so that a setting which the language has no word for is named and never
//! lost in silence. Comments, includes and definitions of a file are not in its plan and so in no text of it.

mod keepalived;
mod quote;
#[cfg(test)]
mod tests;
mod toml;

use std::path::Path;

use crate::diagnostic::Severity;
use crate::diff::{NamedChange, PlanDiff, diff};
use crate::facts::NoFacts;
use crate::files::MemoryFiles;
use crate::load::{LoadOptions, load};
use crate::plan::Plan;

/// The languages of configuration files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// keepalived.conf.
    Keepalived,
    /// vrrpd.toml.
    Toml,
}

/// A plan in a language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The text.
    pub text: String,
    /// What the text does not say because its language cannot, one sentence each; empty where it makes the same plan.
    pub lost: Vec<String>,
    /// Whether the language takes the text at all.
    pub loads: bool,
}

/// Writes a plan, and says what of it the language has no words for.
#[must_use]
pub fn write(plan: &Plan, language: Language) -> Written {
    let (text, path) = match language {
        Language::Keepalived => (keepalived::write(plan), "written.conf"),
        Language::Toml => (toml::write(plan), "written.toml"),
    };
    let path = Path::new(path);
    let files = MemoryFiles::single(path, text.as_str());
    let loaded = load(path, &files, &NoFacts, &LoadOptions::default());
    let (lost, loads) = match &loaded.plan {
        Some(read) => (differences(&diff(plan, read)), true),
        None => {
            let errors = loaded
                .diagnostics
                .iter()
                .filter(|diagnostic| diagnostic.severity == Severity::Error);
            (errors.map(|error| error.message.clone()).collect(), false)
        }
    };
    Written { text, lost, loads }
}

/// Each difference as what the text lacks.
fn differences(diff: &PlanDiff) -> Vec<String> {
    let mut lost = Vec::new();
    lost.extend(
        diff.global
            .iter()
            .map(|field| format!("global setting {field}")),
    );
    for (kind, changes) in [("script", &diff.scripts), ("sync group", &diff.groups)] {
        for change in changes {
            match change {
                NamedChange::Added(name) | NamedChange::Removed(name) => {
                    lost.push(format!("{kind} {name}"));
                }
                NamedChange::Changed(name, fields) => {
                    lost.extend(fields.iter().map(|field| format!("{kind} {name}: {field}")));
                }
            }
        }
    }
    let routers = diff.added.iter().chain(&diff.removed);
    lost.extend(routers.map(|router| format!("router {}", router.name)));
    for router in &diff.changed {
        if router.is_renamed() {
            lost.push(format!("router {}: its name", router.old_name));
        }
        let fields = router.fields.iter();
        lost.extend(fields.map(|field| format!("router {}: {field}", router.old_name)));
    }
    if diff.reordered {
        lost.push(String::from("the order of the file"));
    }
    lost
}
