//! The commands that read records: from the command line to what is printed.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use vrrp_record::history::{Time, Want};

use super::{Exit, Trouble};
use crate::Output;
use crate::cli::{
    Between, Cli, CompareArgs, ExplainArgs, JournalArgs, LatencyArgs, PeersArgs, Reading,
    TimelineArgs,
};
use crate::commands::explain::Question;
use crate::commands::journal::{Filter, Printed};
use crate::commands::{self, compare, journal};
use crate::source::{Node, Opened, Place, Records, tell_apart};
use crate::when;

/// Records longer than this are printed piece by piece.
const PIECES: u64 = 64 * 1024 * 1024;
/// How much of longer records is read in full.
const FULL: i64 = 3_600_000_000_000;
/// Between two looks at records that grow.
const LOOK: Duration = Duration::from_millis(500);

fn open(cli: &Cli, reading: &Reading) -> Result<Opened, Trouble> {
    let place = if reading.from.is_empty() {
        Place::Here {
            run_dir: &cli.run_dir,
            journal_dir: &reading.journal_dir,
        }
    } else {
        Place::Given(&reading.from)
    };
    Ok(Opened::open(place, &reading.node, reading.log.as_deref())?)
}

/// One place that was named, `here` being this machine.
fn open_one(
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
fn between(between: &Between, output: &Output) -> Result<Option<(Time, Time)>, Trouble> {
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
fn check_routers(nodes: &[Node], names: &[String]) -> Result<(), Trouble> {
    let known: Vec<&str> = nodes
        .iter()
        .flat_map(|node| &node.history.routers)
        .map(|router| router.name.as_str())
        .collect();
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        Some(unknown) if known.is_empty() => Err(Trouble::Usage(format!(
            "no router is named {unknown}: the records name none"
        ))),
        Some(unknown) => Err(Trouble::Usage(format!(
            "no router is named {unknown}; there are: {}",
            known.join(", ")
        ))),
        None => Ok(()),
    }
}

/// The windows of a wish for full records.
fn within(want: Want, between: Option<(Time, Time)>) -> Want {
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
        .map(|path| open_one(cli, path, &reading.journal_dir, &arguments.peer_node))
        .transpose()?;
    let peer = peer.as_ref().map(|peer| -> &dyn Records { peer });
    let explained = commands::explain::gather(&opened, peer, question, reading)?;
    check_routers(explained.nodes(), &reading.router)?;
    if let Some(unknown) = commands::explain::unknown_number(&explained) {
        return Err(Trouble::Failed(unknown));
    }
    let text = if reading.json {
        commands::explain::json(&explained, output.now())
    } else if reading.plain {
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
        let opened = open_one(cli, path, &arguments.journal_dir, node)?;
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
    let text = if arguments.json {
        compare::json(&nodes, &comparison, output.now())
    } else if arguments.plain {
        compare::plain(&comparison)
    } else {
        compare::text(&nodes, &comparison, output)
    };
    output.answer(&text);
    Ok(Exit::Healthy)
}

pub(super) fn journal(
    cli: &Cli,
    arguments: &JournalArgs,
    output: &mut Output,
) -> Result<Exit, Trouble> {
    let between = between(&arguments.between, output)?;
    let filter = Filter::new(arguments, between);
    let want = Want::all()
        .adverts(filter.adverts())
        .samples(filter.samples())
        .minutes(false);
    let want = within(want, between);
    let mut opened = open(cli, &arguments.reading)?;
    let mut printer = Printer::new(arguments);
    if arguments.follow {
        return follow(cli, arguments, &filter, &want, printer, output);
    }
    if opened.bytes() > PIECES && arguments.lines.is_none() {
        let mut damage: Vec<String> = Vec::new();
        while let Some(nodes) = opened.next_piece(&want)? {
            printer.print(&nodes, &filter, output);
            damage.extend(nodes.into_iter().flat_map(|node| node.history.damage));
            if output.closed {
                break;
            }
        }
        damage.dedup();
        damage.iter().for_each(|text| output.message(text));
        return Ok(Exit::Healthy);
    }
    let nodes = opened.read(&want)?;
    check_routers(&nodes, &arguments.reading.router)?;
    printer.print(&nodes, &filter, output);
    for text in nodes.iter().flat_map(|node| &node.history.damage) {
        output.message(text);
    }
    if printer.count == 0 {
        output.message(&"no record passes these filters");
    }
    Ok(Exit::Healthy)
}

fn follow(
    cli: &Cli,
    arguments: &JournalArgs,
    filter: &Filter<'_>,
    want: &Want,
    mut printer: Printer<'_>,
    output: &mut Output,
) -> Result<Exit, Trouble> {
    // What is new is in the flight recorder; the journal repeats some of it later.
    let nowhere = PathBuf::new();
    let place = Place::Here {
        run_dir: &cli.run_dir,
        journal_dir: &nowhere,
    };
    let mut rounds = 0_u64;
    while !output.closed {
        let nodes = Opened::open(place, &[], None)?.read(want)?;
        if rounds == 0 {
            check_routers(&nodes, &arguments.reading.router)?;
        }
        printer.print(&nodes, filter, output);
        rounds += 1;
        std::thread::sleep(LOOK);
    }
    Ok(Exit::Healthy)
}

/// Prints records in the form that was asked for, each once.
struct Printer<'a> {
    arguments: &'a JournalArgs,
    printed: Printed,
    day: String,
    count: usize,
    begun: bool,
}

impl<'a> Printer<'a> {
    fn new(arguments: &'a JournalArgs) -> Self {
        Self {
            arguments,
            printed: Printed::default(),
            day: String::new(),
            count: 0,
            begun: false,
        }
    }

    fn print(&mut self, nodes: &[Node], filter: &Filter<'_>, output: &mut Output) {
        let items = self.printed.fresh(journal::gather(nodes, filter));
        self.count += items.len();
        let separator = if self.arguments.csv {
            Some(',')
        } else {
            self.arguments.reading.plain.then_some('\t')
        };
        let mut text = String::new();
        if let Some(separator) = separator {
            if !self.begun {
                text.push_str(&journal::header(separator));
            }
            text.push_str(&journal::lines(&items, separator));
        } else if self.arguments.reading.json {
            text.push_str(&journal::json_lines(&items));
        } else {
            text.push_str(&journal::text(
                &items,
                nodes.len() > 1,
                &mut self.day,
                output,
            ));
        }
        self.begun = true;
        output.answer(&text);
    }
}

#[cfg(test)]
mod tests;
