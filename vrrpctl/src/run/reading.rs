//! The commands that read records: from the command line to what is printed.

use std::net::IpAddr;
use std::path::Path;

use vrrp_record::history::{Time, Want};

use super::{Exit, Trouble, check_names};
use crate::Output;
use crate::cli::{
    Between, Cli, CompareArgs, ExplainArgs, LatencyArgs, PeersArgs, Reading, TimelineArgs,
};
use crate::commands::explain::Question;
use crate::commands::{self, compare};
use crate::source::{Node, Opened, Place, Records, tell_apart};
use crate::when;

/// Records longer than this are printed piece by piece.
pub(super) const PIECES: u64 = 64 * 1024 * 1024;
/// How much of longer records is read in full.
const FULL: i64 = 3_600_000_000_000;

pub(super) fn open(cli: &Cli, reading: &Reading) -> Result<Opened, Trouble> {
    let place = if reading.from.is_empty() {
        Place::Here {
            run_dir: &cli.run_dir,
            journal_dir: &reading.here.journal_dir,
        }
    } else {
        Place::Given(&reading.from)
    };
    Ok(Opened::open(place, &reading.node, reading.log.as_deref())?)
}

/// One place that was named, `here` being this machine.
pub(super) fn open_one(
    cli: &Cli,
    path: &Path,
    journal_dir: &Path,
    node: &[IpAddr],
) -> Result<Opened, Trouble> {
    let given = [path.to_owned()];
    let place = if path == Path::new("here") {
        Place::Here {
            run_dir: &cli.run_dir,
            journal_dir,
        }
    } else {
        Place::Given(&given)
    };
    Ok(Opened::open(place, node, None)?)
}

fn point(text: &str, output: &Output) -> Result<Time, Trouble> {
    when::point(text, output.now(), &output.zone).ok_or_else(|| {
        Trouble::Usage(format!(
            "{text} is no time that is understood here: {}",
            when::EXAMPLES
        ))
    })
}

/// The stretch that was asked for; none where it was not bounded at all.
pub(super) fn between(between: &Between, output: &Output) -> Result<Option<(Time, Time)>, Trouble> {
    let since = between
        .since
        .as_deref()
        .map(|text| point(text, output))
        .transpose()?;
    let until = between
        .until
        .as_deref()
        .map(|text| point(text, output))
        .transpose()?;
    if let (Some(since), Some(until)) = (since, until)
        && until < since
    {
        return Err(Trouble::Usage(String::from("--until is before --since")));
    }
    if since.is_none() && until.is_none() {
        return Ok(None);
    }
    Ok(Some((
        since.unwrap_or(Time(i64::MIN)),
        until.unwrap_or(Time(i64::MAX)),
    )))
}

/// Routers that were asked for by name and are in nobody's records.
pub(super) fn check_routers(nodes: &[Node], wanted: &[String]) -> Result<(), Trouble> {
    let routers = nodes.iter().flat_map(|node| &node.history.routers);
    check_names(routers.map(|router| router.name.as_str()), wanted)
}

/// The windows of a wish for full records.
pub(super) fn within(want: Want, between: Option<(Time, Time)>) -> Want {
    match between {
        Some(stretch) => want.within(vec![stretch]),
        None => want,
    }
}

/// Reads what is wanted; of records too long to be held in memory, without a stretch asked for, only the last hour in full.
fn read_bounded(
    opened: &Opened,
    want: Want,
    between: Option<(Time, Time)>,
    output: &mut Output,
) -> Result<Vec<Node>, Trouble> {
    if between.is_some() || opened.bytes() <= PIECES {
        return Ok(opened.read(&within(want, between))?);
    }
    let outline = opened.read(&Want::outline().minutes(true))?;
    let ends = outline.iter().filter_map(|node| node.history.extent());
    let hours = ends.map(|(_, until)| (until.plus(-FULL), until)).collect();
    output.message(
        &"the records are long: adverts of the last hour are read one by one, earlier ones by the minute; --since and \
          --until choose another time",
    );
    Ok(opened.read(&want.within(hours))?)
}

pub(super) fn explain(
    cli: &Cli,
    arguments: &ExplainArgs,
    output: &mut Output,
) -> Result<Exit, Trouble> {
    let question = match (arguments.number, &arguments.since) {
        (Some(number), _) => Question::Number(number),
        (None, Some(since)) => Question::Since(point(since, output)?),
        (None, None) => Question::Last,
    };
    let reading = &arguments.reading;
    let opened = open(cli, reading)?;
    let peer = arguments
        .peer
        .as_ref()
        .map(|path| open_one(cli, path, &reading.here.journal_dir, &arguments.peer_node))
        .transpose()?;
    let peer = peer.as_ref().map(|peer| -> &dyn Records { peer });
    let explained = commands::explain::gather(&opened, peer, question, reading)?;
    check_routers(explained.nodes(), &reading.router)?;
    if let Some(unknown) = commands::explain::unknown_number(&explained) {
        return Err(Trouble::Failed(unknown));
    }
    let text = if reading.form.json {
        commands::explain::json(&explained, output.now())
    } else if reading.form.plain {
        commands::explain::plain(&explained)
    } else {
        commands::explain::text(&explained, output)
    };
    output.answer(&text);
    Ok(Exit::Healthy)
}

pub(super) fn latency(
    cli: &Cli,
    arguments: &LatencyArgs,
    output: &mut Output,
) -> Result<Exit, Trouble> {
    let between = between(&arguments.between, output)?;
    let want = Want::all().samples(false);
    let opened = open(cli, &arguments.reading)?;
    let nodes = read_bounded(&opened, want, between, output)?;
    check_routers(&nodes, &arguments.reading.router)?;
    commands::latency::print(&nodes, &arguments.reading, arguments.stage, between, output);
    Ok(Exit::Healthy)
}

pub(super) fn timeline(
    cli: &Cli,
    arguments: &TimelineArgs,
    output: &mut Output,
) -> Result<Exit, Trouble> {
    let between = between(&arguments.between, output)?;
    let opened = open(cli, &arguments.reading)?;
    // Without adverts the end of the records would be that of the last event.
    let want = if opened.bytes() > PIECES {
        Want::outline().minutes(true)
    } else {
        Want::all()
    };
    let nodes = opened.read(&want)?;
    check_routers(&nodes, &arguments.reading.router)?;
    commands::timeline::print(&nodes, &arguments.reading, between, arguments.all, output);
    Ok(Exit::Healthy)
}

pub(super) fn peers(
    cli: &Cli,
    arguments: &PeersArgs,
    output: &mut Output,
) -> Result<Exit, Trouble> {
    let between = between(&arguments.between, output)?;
    let want = Want::all().samples(false).minutes(false);
    let opened = open(cli, &arguments.reading)?;
    let nodes = read_bounded(&opened, want, between, output)?;
    check_routers(&nodes, &arguments.reading.router)?;
    commands::peers::print(&nodes, &arguments.reading, between, output);
    Ok(Exit::Healthy)
}

pub(super) fn compare(
    cli: &Cli,
    arguments: &CompareArgs,
    output: &mut Output,
) -> Result<Exit, Trouble> {
    let between = between(&arguments.between, output)?;
    let want = Want::all().samples(false).minutes(false);
    let mut nodes = Vec::new();
    for (position, path) in [&arguments.first, &arguments.second]
        .into_iter()
        .enumerate()
    {
        let node = arguments.node.get(position..=position).unwrap_or_default();
        // The other node's clock may be far off, so a stretch of the first one's time bounds only what is told.
        let opened = open_one(cli, path, &arguments.here.journal_dir, node)?;
        let mut read = read_bounded(&opened, want.clone(), None, output)?;
        if read.len() != 1 {
            let names: Vec<String> = read.iter().map(Node::name).collect();
            return Err(Trouble::Usage(format!(
                "{} holds records of {} nodes ({}): name one node's file",
                path.display(),
                read.len(),
                names.join(", ")
            )));
        }
        nodes.append(&mut read);
    }
    tell_apart(&mut nodes);
    let [first, second] = nodes.as_slice() else {
        return Err(Trouble::Failed(String::from(
            "there are no two nodes to compare",
        )));
    };
    check_routers(&nodes, &arguments.router)?;
    let comparison = compare::gather(first, second, &arguments.router, between);
    let text = if arguments.form.json {
        compare::json(&nodes, &comparison, output.now())
    } else if arguments.form.plain {
        compare::plain(&comparison)
    } else {
        compare::text(&nodes, &comparison, output)
    };
    output.answer(&text);
    Ok(Exit::Healthy)
}

#[cfg(test)]
pub(crate) mod tests;
