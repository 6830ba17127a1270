//! The commands that ask the daemon where it runs: why-not, top, bundle.

use std::path::Path;
use std::time::Duration;

use vrrp_record::control::{Answer, Command};
use vrrp_record::status::Status;

use super::{Exit, Trouble, check_names};
use crate::cli::{BundleArgs, Cli, TopArgs, WhyNotArgs};
use crate::client::{self, ClientError};
use crate::{Output, bundle, render, source, why_not};

pub(super) fn ask(run_dir: &Path) -> Result<Status, ClientError> {
    match client::ask(run_dir, Command::Status)? {
        Answer::Status { status } => Ok(*status),
        Answer::Done { .. } | Answer::Error { .. } => {
            Err(ClientError::NotUnderstood(run_dir.to_owned()))
        }
    }
}

pub(super) fn why_not(
    cli: &Cli,
    arguments: &WhyNotArgs,
    output: &mut Output,
) -> Result<Exit, Trouble> {
    let status = match &arguments.from {
        Some(path) => source::status(path)?,
        None => ask(&cli.run_dir)?,
    };
    check_names(
        status.routers.iter().map(|router| router.name.as_str()),
        &arguments.routers,
    )?;
    let reasons = why_not::reasons(&status, &arguments.routers);
    let text = if arguments.form.json {
        why_not::json(&reasons, &status)
    } else if arguments.form.plain {
        why_not::plain(&reasons)
    } else {
        why_not::text(&reasons, output.style)
    };
    output.answer(&text);
    Ok(if why_not::all_master(&reasons) {
        Exit::Healthy
    } else {
        Exit::NotHealthy
    })
}

/// Clears the terminal and goes to its first corner.
const CLEAR: &str = "\x1b[H\x1b[2J";

pub(super) fn top(cli: &Cli, arguments: &TopArgs, output: &mut Output) -> Result<Exit, Trouble> {
    let mut exit = Exit::Healthy;
    let mut looks = 0;
    while arguments.count.is_none_or(|count| looks < count) && !output.closed {
        if looks > 0 {
            std::thread::sleep(Duration::from_secs(arguments.delay.into()));
        }
        // A daemon that is restarted comes back; only the first look fails for good.
        let text = match ask(&cli.run_dir) {
            Ok(status) => {
                exit = if status.health.healthy {
                    Exit::Healthy
                } else {
                    Exit::NotHealthy
                };
                render::status::whole(&status, output.style, &output.zone)
            }
            Err(error) if looks == 0 => return Err(error.into()),
            Err(error) => {
                exit = Exit::NotHealthy;
                format!("{error}\n")
            }
        };
        let clear = if output.style.colour { CLEAR } else { "" };
        output.answer(&format!(
            "{clear}{}\n{text}\n",
            render::time::moment(output.now(), &output.zone)
        ));
        looks += 1;
    }
    Ok(exit)
}

pub(super) fn bundle(
    cli: &Cli,
    arguments: &BundleArgs,
    output: &mut Output,
) -> Result<Exit, Trouble> {
    let (status, why) = match ask(&cli.run_dir) {
        Ok(status) => (Some(status), None),
        Err(error) => {
            let text = error.to_string();
            (None, text.lines().next().map(str::to_owned))
        }
    };
    let summary = bundle::write(cli, arguments, status.as_ref(), why, output)?;
    output.message(&summary);
    Ok(Exit::Healthy)
}
