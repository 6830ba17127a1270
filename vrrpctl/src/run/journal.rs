//! `journal`: whole, in pieces where the records are long, or following them as they grow.

use std::path::Path;
use std::time::Duration;

use vrrp_record::history::Want;

use super::reading::{PIECES, between, check_routers, open, within};
use super::{Exit, Trouble, check_names};
use crate::Output;
use crate::cli::{Cli, JournalArgs};
use crate::commands::frame::damage;
use crate::commands::journal::{self, Filter, Gaps, Item, Printed};
use crate::source::{Node, Opened, Records, SourceError};

/// Between two looks at records that grow.
const LOOK: Duration = Duration::from_millis(500);

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
    let mut printer = Printer::new(arguments);
    if arguments.follow {
        return follow(&cli.run_dir, arguments, &filter, &want, printer, output);
    }
    let mut opened = open(cli, &arguments.reading)?;
    let told = if opened.bytes() > PIECES {
        if let Some(lines) = arguments.lines {
            // Only the end is wanted, and what lies before it is not held in memory until it is known where it begins.
            let mut count = 0;
            pieces(&mut opened, &want, &filter, |_, items| {
                count += items.len();
                true
            })?;
            printer.skip = count.saturating_sub(lines);
        }
        let mut names = Vec::new();
        let mut told = Vec::new();
        pieces(&mut opened, &want, &filter, |nodes, items| {
            for node in nodes {
                names.extend(
                    node.history
                        .routers
                        .iter()
                        .map(|router| router.name.clone()),
                );
                told.extend_from_slice(&node.history.damage);
            }
            names.sort_unstable();
            names.dedup();
            printer.print(items, nodes.len() > 1, output);
            !output.closed
        })?;
        if !output.closed {
            check_names(names.iter().map(String::as_str), &arguments.reading.router)?;
        }
        told.dedup();
        told
    } else {
        let nodes = opened.read(&want)?;
        check_routers(&nodes, &arguments.reading.router)?;
        let items = journal::gather(&nodes, &filter, &mut Gaps::default());
        printer.skip = arguments
            .lines
            .map_or(0, |lines| items.len().saturating_sub(lines));
        printer.print(items, nodes.len() > 1, output);
        nodes
            .into_iter()
            .flat_map(|node| node.history.damage)
            .collect()
    };
    damage(&told).for_each(|text| output.message(&text));
    if printer.count == 0 {
        output.message(&"no record passes these filters");
    }
    Ok(Exit::Healthy)
}

/// Hands out the records piece by piece, each once, until `each` has enough.
fn pieces(
    opened: &mut Opened,
    want: &Want,
    filter: &Filter<'_>,
    mut each: impl FnMut(&[Node], Vec<Item<'_>>) -> bool,
) -> Result<(), SourceError> {
    let mut printed = Printed::default();
    // The flight recorder repeats what the journal before it told.
    for nodes in opened.repeating(want)? {
        printed.expect_again(&journal::gather(&nodes, filter, &mut Gaps::default()));
    }
    opened.rewind();
    let mut gaps = Gaps::default();
    while let Some(nodes) = opened.next_piece(want)? {
        let items = printed.fresh(journal::gather(&nodes, filter, &mut gaps));
        if !each(&nodes, items) {
            break;
        }
    }
    Ok(())
}

fn follow(
    run_dir: &Path,
    arguments: &JournalArgs,
    filter: &Filter<'_>,
    want: &Want,
    mut printer: Printer<'_>,
    output: &mut Output,
) -> Result<Exit, Trouble> {
    let mut printed = Printed::default();
    let mut begun = false;
    while !output.closed {
        // What is new is in the flight recorder; the journal repeats some of it later.
        match Opened::recorder(run_dir).and_then(|opened| opened.read(want)) {
            Ok(nodes) => {
                let items = printed.fresh(journal::gather(&nodes, filter, &mut Gaps::default()));
                if !begun {
                    check_routers(&nodes, &arguments.reading.router)?;
                    printer.skip = arguments
                        .lines
                        .map_or(0, |lines| items.len().saturating_sub(lines));
                    begun = true;
                }
                printer.print(items, nodes.len() > 1, output);
            }
            Err(error) if !begun => return Err(error.into()),
            // A daemon that starts anew has made its flight recorder with the next look.
            Err(_) => {}
        }
        std::thread::sleep(LOOK);
    }
    Ok(Exit::Healthy)
}

/// Prints records in the form that was asked for.
struct Printer<'a> {
    arguments: &'a JournalArgs,
    /// The date that was printed last.
    day: String,
    /// So many of the next records are not printed.
    skip: usize,
    count: usize,
    begun: bool,
}

impl<'a> Printer<'a> {
    fn new(arguments: &'a JournalArgs) -> Self {
        Self {
            arguments,
            day: String::new(),
            skip: 0,
            count: 0,
            begun: false,
        }
    }

    fn print(&mut self, mut items: Vec<Item<'_>>, several: bool, output: &mut Output) {
        self.count += items.len();
        let skipped = self.skip.min(items.len());
        items.drain(..skipped);
        self.skip -= skipped;
        let form = self.arguments.reading.form;
        let separator = if self.arguments.csv {
            Some(',')
        } else {
            form.plain.then_some('\t')
        };
        let mut text = String::new();
        if let Some(separator) = separator {
            if !self.begun {
                text.push_str(&journal::header(separator));
            }
            text.push_str(&journal::lines(&items, separator));
        } else if form.json {
            text.push_str(&journal::json_lines(&items));
        } else {
            text.push_str(&journal::text(&items, several, &mut self.day, output));
        }
        self.begun = true;
        output.answer(&text);
    }
}
