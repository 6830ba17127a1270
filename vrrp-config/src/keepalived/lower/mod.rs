//! The tree of a keepalived.conf into a plan: what each word means.
//!
//! Definitions are read in the order of the file, since `track_script` finds only what stands above it; `global_defs` is
//! read first wherever it stands. A module reads each kind of block, and the last ones check what only the whole can show.

mod address;
mod announce;
mod check;
mod command;
mod complete;
mod fifo;
mod global;
mod group;
mod instance;
mod mail;
mod notify;
mod script;
mod settings;
mod timing;
mod track;
mod transport;
mod value;

use super::collector::Collector;
use super::tree::Node;
use super::words::{self, Scope, Support};
use crate::diagnostic::Diagnostic;
use crate::facts::HostFacts;
use crate::plan::{Plan, UserSpec};
use crate::source::{SourceMap, Span};
use value::quoted;

/// What every step of the lowering needs.
pub(super) struct Context<'a> {
    facts: &'a dyn HostFacts,
    sources: &'a SourceMap,
    collector: &'a mut Collector,
    /// The first command that would be run, for the complaint about script security.
    first_command: Option<Span>,
    /// `enable_script_security`.
    script_security: bool,
    /// `script_user`.
    script_user: Option<UserSpec>,
    /// `script_user` names nobody of this host.
    bad_script_user: bool,
    /// `dynamic_interfaces`.
    dynamic_interfaces: bool,
    /// An interface was refused because the host does not have it.
    missing_interface: bool,
}

/// Gives a tree its meaning.
pub(crate) fn lower(
    roots: &[Node],
    sources: &SourceMap,
    facts: &dyn HostFacts,
    collector: &mut Collector,
) -> Option<Plan> {
    let mut context = Context {
        facts,
        sources,
        collector,
        first_command: None,
        script_security: false,
        script_user: None,
        bad_script_user: false,
        dynamic_interfaces: false,
        missing_interface: false,
    };
    let context = &mut context;
    let mut global = global::GlobalDraft::default();
    for node in roots
        .iter()
        .filter(|node| node.keyword.text == "global_defs")
    {
        global.read(node, context);
    }
    let mut scripts = Vec::new();
    let mut instances = Vec::new();
    let mut groups = Vec::new();
    for node in roots {
        match node.keyword.text.as_str() {
            "global_defs" => {}
            "vrrp_script" => script::read(node, &mut scripts, context),
            "vrrp_instance" => instance::read(node, &scripts, &mut instances, context),
            "vrrp_sync_group" => group::read(node, &scripts, &mut groups, context),
            _ => context.other(Scope::Top, node),
        }
    }
    script::check_commands(&mut scripts, &global, context);
    let mut routers: Vec<_> = instances
        .into_iter()
        .filter_map(|draft| complete::complete(draft, &global, context))
        .collect();
    let mut groups = group::resolve(groups, &mut routers, context);
    for group in &mut groups {
        group.settle(&global);
    }
    check::check(&mut routers, &mut scripts, &mut groups, &global, context);
    if context.collector.refused() {
        return None;
    }
    Some(Plan {
        global: global.finish(),
        scripts: scripts.into_iter().map(|script| script.plan).collect(),
        routers: routers.into_iter().map(|router| router.plan).collect(),
        groups: groups.into_iter().map(|group| group.plan).collect(),
    })
}

impl Context<'_> {
    /// A word that no reader of this scope took: known and not honoured, or unknown.
    fn other(&mut self, scope: Scope, node: &Node) {
        let keyword = node.keyword.text.as_str();
        let span = node.keyword.span;
        match words::support(scope, keyword) {
            Some(Support::NotYet) => self.not_yet(node),
            Some(Support::NoEffect) => self.collector.push(
                Diagnostic::note(span, format!("{} has no effect in vrrpd", quoted(keyword)))
                    .help("nothing needs to change; the word may stay"),
            ),
            Some(Support::Lvs) => self.collector.push(
                Diagnostic::remark(
                    span,
                    format!("{} is IPVS and is skipped: vrrpd has VRRP only", quoted(keyword)),
                )
                .help("let keepalived -C or another tool do the load balancing, or leave the block in place"),
            ),
            Some(Support::Deprecated) => self.collector.push(
                Diagnostic::complaint(span, format!("{} is deprecated and has no effect", quoted(keyword)))
                    .help("remove the line"),
            ),
            Some(Support::Honoured | Support::Own) | None => self.unknown(scope, node),
        }
    }

    /// Says that a word is known and does nothing yet.
    fn not_yet(&mut self, node: &Node) {
        let what = if node.block.is_some() {
            "block"
        } else {
            "line"
        };
        self.collector.push(
            Diagnostic::remark(
                node.keyword.span,
                format!(
                    "{} is not yet honoured by vrrpd",
                    quoted(&node.keyword.text)
                ),
            )
            .help(format!(
                "the {what} may stay; docs/keepalived.md lists what is honoured"
            )),
        );
    }

    fn unknown(&mut self, scope: Scope, node: &Node) {
        let keyword = node.keyword.text.as_str();
        let skipped = if node.block.is_some() {
            "; its whole block is skipped"
        } else {
            ""
        };
        let message = format!("unknown keyword {}{skipped}", quoted(keyword));
        let help = if let Some(word) = words::nearest(scope, keyword) {
            format!("did you mean '{word}'?")
        } else if let Some(home) = words::home(keyword) {
            format!(
                "'{keyword}' belongs {}: is a brace missing or too many?",
                home.place()
            )
        } else {
            "remove the line, or see keepalived.conf(5) for the word that was meant".to_owned()
        };
        self.collector
            .push(Diagnostic::complaint(node.keyword.span, message).help(help));
    }
}
