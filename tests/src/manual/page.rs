//! The man pages: what the table of options says, and what the documents say about it.

use clap::{Arg, ArgAction, Command};
use roff::{Inline, Roff, bold, italic, roman};

use super::markdown;

/// What a page is about, and where the reader may go on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    /// Its name, which is that of its file without the section.
    pub(super) name: &'static str,
    /// Its section of the manual.
    pub(super) section: &'static str,
    /// One line for `apropos`.
    pub(super) summary: &'static str,
    /// Other pages.
    pub(super) see_also: &'static [&'static str],
}

/// Begins a page, up to its one-line summary.
pub(super) fn begin(head: &Head) -> Roff {
    let mut page = Roff::new();
    let version = format!("vrrpd {}", env!("CARGO_PKG_VERSION"));
    let title = head.name.to_uppercase();
    page.control(
        "TH",
        [title.as_str(), head.section, "", version.as_str(), "vrrpd"],
    );
    page.control("SH", ["NAME"]);
    page.text([roman(format!("{} - {}", head.name, head.summary))]);
    page
}

/// Ends a page with where to go on.
pub(super) fn end(page: &mut Roff, head: &Head) {
    page.control("SH", ["SEE ALSO"]);
    page.text([roman(format!(
        "{}; the documents named here lie in /usr/share/doc/vrrpd",
        head.see_also.join(", ")
    ))]);
}

/// A section made of a document's text.
pub(super) fn section(page: &mut Roff, title: &str, text: &str) {
    page.control("SH", [title.to_uppercase().replace('`', "").as_str()]);
    markdown::write(page, text);
}

/// How a command is written.
pub(super) fn synopsis(page: &mut Roff, command: &Command) {
    page.control("SH", ["SYNOPSIS"]);
    page.text(usage(command));
}

/// Its options, each with its value and what it does.
pub(super) fn options(page: &mut Roff, command: &Command) {
    for argument in command.get_arguments().filter(|it| !it.is_hide_set()) {
        page.control("TP", []);
        page.text(label(argument));
        page.text([roman(help(argument))]);
    }
}

/// The subcommands, each with its usage, its options and what a document says of it.
pub(super) fn subcommands(
    page: &mut Roff,
    command: &Command,
    told: &dyn Fn(&str) -> Option<String>,
) {
    for sub in command.get_subcommands() {
        let name = sub.get_display_name().unwrap_or_else(|| sub.get_name());
        let name = sub.get_bin_name().unwrap_or(name);
        page.control("SS", [name]);
        page.text(usage(sub));
        page.control("PP", []);
        page.text([roman(about(sub))]);
        // What every command has is told once, at the beginning.
        let own = sub
            .get_arguments()
            .filter(|it| !it.is_hide_set() && !it.is_global_set() && it.get_id() != "help");
        for argument in own {
            page.control("TP", []);
            page.text(label(argument));
            page.text([roman(help(argument))]);
        }
        if let Some(text) = told(sub.get_name()) {
            markdown::write(page, &text);
        }
        subcommands(page, sub, told);
    }
}

/// `vrrpctl status [OPTIONS] [ROUTER]...`
fn usage(command: &Command) -> Vec<Inline> {
    let text = command.clone().render_usage().to_string();
    let text = text.strip_prefix("Usage: ").unwrap_or(&text).trim();
    let mut line = Vec::new();
    for (index, word) in text.split_whitespace().enumerate() {
        if index > 0 {
            line.push(roman(" "));
        }
        let word = word.to_owned();
        let named = word.starts_with(char::is_lowercase);
        line.push(if named { bold(word) } else { italic(word) });
    }
    line
}

fn about(command: &Command) -> String {
    let text = command.get_long_about().or_else(|| command.get_about());
    text.map(ToString::to_string).unwrap_or_default()
}

/// `-f`, `--use-file=FILE`
fn label(argument: &Arg) -> Vec<Inline> {
    let mut line = Vec::new();
    let value = value(argument);
    if argument.is_positional() {
        line.push(italic(value.unwrap_or_default()));
        return line;
    }
    if let Some(short) = argument.get_short() {
        line.push(bold(format!("-{short}")));
    }
    if let Some(long) = argument.get_long() {
        if !line.is_empty() {
            line.push(roman(", "));
        }
        line.push(bold(format!("--{long}")));
    }
    if let Some(value) = value {
        let optional = argument
            .get_num_args()
            .is_some_and(|number| number.min_values() == 0);
        let joint = if argument.get_long().is_some() {
            "="
        } else {
            " "
        };
        line.push(roman(if optional {
            format!("[{joint}")
        } else {
            joint.to_owned()
        }));
        line.push(italic(value));
        if optional {
            line.push(roman("]"));
        }
    }
    line
}

fn value(argument: &Arg) -> Option<String> {
    if !argument.get_action().takes_values() {
        return None;
    }
    let names = argument.get_value_names()?;
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    Some(names.join(" "))
}

/// What it does, which values it takes, and what holds without it.
fn help(argument: &Arg) -> String {
    let text = argument.get_long_help().or_else(|| argument.get_help());
    let mut text = text.map(ToString::to_string).unwrap_or_default();
    if argument.get_action().takes_values() {
        let values: Vec<String> = argument
            .get_possible_values()
            .iter()
            .map(|value| value.get_name().to_owned())
            .collect();
        if !values.is_empty() {
            let before = text.trim_end_matches('.');
            text = format!("{before}; one of {}", values.join(", "));
        }
        let defaults: Vec<_> = argument
            .get_default_values()
            .iter()
            .map(|value| value.to_string_lossy())
            .collect();
        if !defaults.is_empty() && !matches!(argument.get_action(), ArgAction::SetTrue) {
            let before = text.trim_end_matches('.');
            text = format!("{before}; {} unless given", defaults.join(" "));
        }
    }
    text
}
