//! Both programs as clap sees them: the tool's own command, and the daemon's made from its table of options.

use clap::{Arg, ArgAction, Command, ValueHint};
use vrrpd::cli::flags::{FLAGS, Flag, Id, Takes};

/// The daemon's options, from the table that its parser and its help are made from.
///
/// It describes them and is never parsed with: bundles such as `-nldD` are the daemon's own parser's.
#[must_use]
pub fn daemon() -> Command {
    Command::new("vrrpd")
        .about("VRRP daemon: keeps virtual addresses on one of several hosts, and explains itself")
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args(FLAGS.iter().map(argument))
}

/// The tool with all its subcommands, names and usage lines complete.
#[must_use]
pub fn tool() -> Command {
    let mut command = vrrpctl::command().disable_help_subcommand(true);
    command.build();
    command
}

/// The name by which an option is known here.
fn key(flag: &Flag) -> String {
    match (flag.long, flag.short) {
        (Some(long), _) => long.to_owned(),
        (None, Some(short)) => short.to_string(),
        (None, None) => String::new(),
    }
}

fn argument(flag: &Flag) -> Arg {
    let mut argument = Arg::new(key(flag)).help(if flag.id == Id::WithoutEffect {
        "accepted for keepalived's sake, without effect yet"
    } else {
        flag.help
    });
    if let Some(short) = flag.short {
        argument = argument.short(short);
    }
    if let Some(long) = flag.long {
        argument = argument.long(long);
    }
    match flag.takes {
        Takes::Nothing => argument.action(ArgAction::Count),
        Takes::Value(name) => argument.value_name(name).value_hint(hint(name)),
        Takes::Optional(name) => argument
            .value_name(name)
            .value_hint(hint(name))
            .num_args(0..=1)
            .require_equals(true),
    }
}

/// What a shell may offer for a value of this name.
fn hint(value: &str) -> ValueHint {
    match value {
        "FILE" | "SOCKET" => ValueHint::FilePath,
        "DIR" => ValueHint::DirPath,
        _ => ValueHint::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_commands_are_consistent() {
        daemon().debug_assert();
        vrrpctl::command().debug_assert();
    }

    #[test]
    fn every_option_of_the_daemon_is_there_with_its_value() {
        let command = daemon();
        let arguments: Vec<&Arg> = command.get_arguments().collect();
        assert_eq!(arguments.len(), FLAGS.len());
        for (argument, flag) in arguments.iter().zip(FLAGS) {
            assert_eq!(argument.get_short(), flag.short);
            assert_eq!(argument.get_long(), flag.long);
            let takes = argument.get_action().takes_values();
            assert_eq!(takes, flag.takes != Takes::Nothing, "{flag:?}");
        }
    }
}
