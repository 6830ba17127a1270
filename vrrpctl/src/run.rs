//! From the command line to the exit code.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use vrrp_record::control::{Answer, Command};
use vrrp_record::health;
use vrrp_record::status::{SCHEMA, Status};

use crate::cli::{self, Cli, MaintenanceCommand, StatusArgs, YieldArgs};
use crate::client::{self, ClientError};
use crate::output::Output;
use crate::render;
use crate::source::SourceError;

mod config;
mod journal;
mod live;
mod reading;
mod report;
mod watching;

/// How the tool ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: healthy, or as asserted, or done.
    Healthy,
    /// 1: not healthy, not as asserted, or failed.
    NotHealthy,
    /// 2: wrong usage.
    Usage,
    /// 3: the daemon does not run, or left no records here.
    NotRunning,
    /// 4: no permission.
    NoPermission,
    /// What a monitoring plugin ends with, which is a convention of its own.
    Plugin(u8),
}

impl Exit {
    /// The code of DESIGN.md's table.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Healthy => 0,
            Self::NotHealthy => 1,
            Self::Usage => 2,
            Self::NotRunning => 3,
            Self::NoPermission => 4,
            Self::Plugin(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Does what the command line says, the first word being the tool's own name.
pub fn run(arguments: impl IntoIterator<Item = OsString>, output: &mut Output) -> Exit {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => {
            let text = error.render();
            // clap's text names the tool itself.
            output.complaint(&text.to_string());
            // A monitoring system would take 2 for an outage.
            let plugin = arguments.iter().any(|word| word == "check");
            return if plugin {
                watching::UNKNOWN
            } else {
                Exit::Usage
            };
        }
        Err(help) => {
            output.answer(&help.render().to_string());
            return Exit::Healthy;
        }
    };
    let done = match &cli.command {
        cli::Command::Status(arguments) => status(&cli, arguments, output),
        cli::Command::Explain(arguments) => reading::explain(&cli, arguments, output),
        cli::Command::Latency(arguments) => reading::latency(&cli, arguments, output),
        cli::Command::Timeline(arguments) => reading::timeline(&cli, arguments, output),
        cli::Command::Peers(arguments) => reading::peers(&cli, arguments, output),
        cli::Command::Journal(arguments) => journal::journal(&cli, arguments, output),
        cli::Command::WhyNot(arguments) => live::why_not(&cli, arguments, output),
        cli::Command::Compare(arguments) => reading::compare(&cli, arguments, output),
        cli::Command::Report(arguments) => report::report(&cli, arguments, output),
        cli::Command::Bundle(arguments) => live::bundle(&cli, arguments, output),
        cli::Command::Top(arguments) => live::top(&cli, arguments, output),
        cli::Command::Check(arguments) => Ok(watching::check(&cli, arguments, output)),
        cli::Command::Wait(arguments) => watching::wait(&cli, arguments, output),
        cli::Command::Config(command) => config::config(command, output),
        cli::Command::Reload => change(&cli, Command::Reload, output),
        cli::Command::Yield(arguments) => change(&cli, yields(*arguments), output),
        cli::Command::Maintenance(arguments) => change(&cli, maintenance(*arguments), output),
    };
    done.unwrap_or_else(|error| {
        output.message(&error);
        error.exit()
    })
}

/// Why a command has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// The daemon.
    #[error("{0}")]
    Client(#[from] ClientError),
    /// Records.
    #[error("{0}")]
    Source(#[from] SourceError),
    /// The command line.
    #[error("{0}")]
    Usage(String),
    /// What was asked for could not be done.
    #[error("{0}")]
    Failed(String),
}

impl Trouble {
    fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) | Self::Source(SourceError::Missing(_)) => Exit::Usage,
            Self::Client(ClientError::NotRunning(_))
            | Self::Source(SourceError::Nothing { .. } | SourceError::NoRecorder(_)) => {
                Exit::NotRunning
            }
            Self::Client(ClientError::NoPermission(_) | ClientError::Refused(_))
            | Self::Source(SourceError::NoPermission(_)) => Exit::NoPermission,
            Self::Client(
                ClientError::Silent(..)
                | ClientError::Failed(_)
                | ClientError::NotUnderstood(_)
                | ClientError::Broken(..)
                | ClientError::Connect(..),
            )
            | Self::Source(
                SourceError::NotOurs(..) | SourceError::Lacks(..) | SourceError::Broken(..),
            )
            | Self::Failed(_) => Exit::NotHealthy,
        }
    }
}

fn status(cli: &Cli, arguments: &StatusArgs, output: &mut Output) -> Result<Exit, Trouble> {
    let answer = client::ask(&cli.run_dir, Command::Status)?;
    let Answer::Status { mut status } = answer else {
        return Err(ClientError::NotUnderstood(cli.run_dir.clone()).into());
    };
    if status.schema > SCHEMA {
        let (theirs, version) = (status.schema, &status.daemon.version);
        output.message(&format_args!(
            "the daemon ({version}) writes schema {theirs}, this vrrpctl reads {SCHEMA}: some of it may be missing"
        ));
    }
    check_names(
        status.routers.iter().map(|router| router.name.as_str()),
        &arguments.routers,
    )?;
    if !arguments.routers.is_empty() {
        keep_only(&mut status, &arguments.routers);
    }
    if arguments.json {
        let json = serde_json::to_string_pretty(&status).unwrap_or_default();
        output.answer(&format!("{json}\n"));
    } else if arguments.assert.is_some() {
        output.answer(&render::status::headline(&status, output.style));
    } else {
        let text = render::status::whole(&status, output.style, &output.zone);
        output.answer(&text);
    }
    Ok(verdict(&status, arguments))
}

/// Refuses names that no router has.
fn check_names<'a>(known: impl Iterator<Item = &'a str>, wanted: &[String]) -> Result<(), Trouble> {
    let mut known: Vec<&str> = known.collect();
    let Some(unknown) = wanted.iter().find(|name| !known.contains(&name.as_str())) else {
        return Ok(());
    };
    known.sort_unstable();
    known.dedup();
    Err(Trouble::Usage(if known.is_empty() {
        format!("no router is named {unknown}: there is none")
    } else {
        format!(
            "no router is named {unknown}; there are: {}",
            known.join(", ")
        )
    }))
}

fn verdict(status: &Status, arguments: &StatusArgs) -> Exit {
    let holds = match arguments.assert {
        Some(wanted) => {
            !status.routers.is_empty() && status.routers.iter().all(|router| router.state == wanted)
        }
        None => status.health.healthy,
    };
    if holds {
        Exit::Healthy
    } else {
        Exit::NotHealthy
    }
}

/// Leaves the named routers and what belongs to them, and judges the rest anew.
fn keep_only(status: &mut Status, names: &[String]) {
    let keep = |name: &str| names.iter().any(|wanted| wanted == name);
    status.routers.retain(|router| keep(&router.name));
    status
        .groups
        .retain(|group| group.members.iter().any(|member| keep(member)));
    let tracked: Vec<String> = status
        .routers
        .iter()
        .flat_map(|router| {
            router
                .priority
                .entries
                .iter()
                .map(|entry| entry.name.clone())
        })
        .collect();
    status
        .scripts
        .retain(|script| tracked.contains(&script.name));
    status.last_events.retain(|event| {
        event
            .kind
            .router()
            .is_none_or(|router| keep(router.as_str()))
    });
    status.health = health::judge(status);
}

fn yields(arguments: YieldArgs) -> Command {
    match arguments {
        YieldArgs { cancel: true, .. } => Command::YieldCancel,
        YieldArgs { term, .. } => Command::Yield {
            for_ms: term.map(vrrp_record::moment::millis),
        },
    }
}

fn maintenance(command: MaintenanceCommand) -> Command {
    match command {
        MaintenanceCommand::On { term, force } => Command::Maintenance {
            for_ms: term.map(vrrp_record::moment::millis),
            force,
        },
        MaintenanceCommand::Off => Command::MaintenanceEnd,
    }
}

/// Asks for a change, and says what was done.
fn change(cli: &Cli, command: Command, output: &mut Output) -> Result<Exit, Trouble> {
    match client::ask(&cli.run_dir, command)? {
        Answer::Done { message } => {
            output.answer(&format!("{message}\n"));
            Ok(Exit::Healthy)
        }
        Answer::Status { .. } | Answer::Error { .. } => {
            Err(ClientError::NotUnderstood(cli.run_dir.clone()).into())
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
