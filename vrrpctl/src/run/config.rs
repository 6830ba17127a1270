//! `config`: configuration files, without a daemon and on any machine.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;
use vrrp_config::plan::Plan;
use vrrp_config::{
    Class, Disagreement, Language, LoadOptions, Loaded, NoFacts, Severity, Weight, compare_nodes,
    load, write,
};

use super::{Exit, Trouble};
use crate::bundle::configuration::{Disk, usual};
use crate::cli::{ConfigCommand, ConvertArgs, DiffArgs, LanguageName, TestArgs};
use crate::output::Output;

/// Schema of `config diff --json`; fields are only added within a number.
const SCHEMA: u32 = 1;

pub(super) fn config(command: &ConfigCommand, output: &mut Output) -> Result<Exit, Trouble> {
    match command {
        ConfigCommand::Test(arguments) => test(arguments, output),
        ConfigCommand::Diff(arguments) => diff(arguments, output),
        ConfigCommand::Convert(arguments) => convert(arguments, output),
    }
}

/// Reads a file; one that is not there is the caller's mistake.
fn read(file: &Path, id: Option<&str>) -> Result<Loaded, Trouble> {
    if !file.exists() {
        return Err(Trouble::Usage(format!(
            "there is no file {}",
            file.display()
        )));
    }
    let options = LoadOptions {
        config_id: id.map_or_else(host, str::to_owned),
        ..LoadOptions::default()
    };
    Ok(load(file, &Disk, &NoFacts, &options))
}

/// This host's name up to the first dot, as keepalived takes it for conditional lines; empty where it is not told.
fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().split('.').next().unwrap_or_default().to_owned()
}

fn test(arguments: &TestArgs, output: &mut Output) -> Result<Exit, Trouble> {
    let file = match &arguments.file {
        Some(file) => file.clone(),
        None => usual().ok_or_else(|| {
            Trouble::Usage(String::from(
                "no configuration is where one is looked for: name a file",
            ))
        })?,
    };
    let loaded = read(&file, arguments.config_id.as_deref())?;
    output.answer(&loaded.render());
    let count = |severity: Severity| {
        let messages = loaded.diagnostics.iter();
        messages
            .filter(|message| message.severity == severity)
            .count()
    };
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let file = file.display();
    let verdict = match (&loaded.plan, errors, warnings) {
        (Some(plan), _, 0) => format!("{file}: good, {}", routers(plan)),
        (Some(plan), _, _) => format!(
            "{file}: runs, {}; {}",
            routers(plan),
            plural(warnings, "warning")
        ),
        (None, _, _) => format!("{file}: refused; {}", plural(errors.max(1), "error")),
    };
    output.answer(&format!("{verdict}\n"));
    let class = loaded.check_exit();
    if class != 0 {
        output.answer(&format!(
            "vrrpd -t, like keepalived -t, ends with {class} for this\n"
        ));
    }
    output.answer("not looked at: interfaces, users and programs of a host; vrrpd -t does\n");
    Ok(if loaded.plan.is_some() && class == 0 {
        Exit::Healthy
    } else {
        Exit::NotHealthy
    })
}

fn routers(plan: &Plan) -> String {
    plural(plan.routers.len(), "virtual router")
}

fn plural(count: usize, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {what}{s}")
}

/// The plan of a file that has to have one; its errors are shown where it has none.
fn plan(file: &Path, loaded: &Loaded, output: &mut Output) -> Result<Plan, Trouble> {
    loaded.plan.clone().ok_or_else(|| {
        output.complaint(&loaded.render());
        Trouble::Failed(format!("{} is refused, see above", file.display()))
    })
}

fn diff(arguments: &DiffArgs, output: &mut Output) -> Result<Exit, Trouble> {
    let mut plans = Vec::new();
    for (file, id) in [
        (&arguments.first, &arguments.id_a),
        (&arguments.second, &arguments.id_b),
    ] {
        let loaded = read(file, id.as_deref())?;
        plans.push(plan(file, &loaded, output)?);
    }
    let [a, b] = names(arguments, &plans);
    let found = compare_nodes((&a, &plans[0]), (&b, &plans[1]));
    let trouble = found.iter().any(|found| found.weight == Weight::Trouble);
    let text = if arguments.json {
        as_json([&a, &b], &found)
    } else {
        as_text([&a, &b], &plans[0], &found)
    };
    output.answer(&text);
    Ok(if trouble {
        Exit::NotHealthy
    } else {
        Exit::Healthy
    })
}

/// What the nodes are called in sentences: by what tells them apart.
fn names(arguments: &DiffArgs, plans: &[Plan]) -> [String; 2] {
    let router_id = |index: usize| plans[index].global.router_id.clone();
    let file = |path: &PathBuf| {
        let name = path.file_name().unwrap_or(path.as_os_str());
        name.to_string_lossy().into_owned()
    };
    let whole = |path: &PathBuf| path.display().to_string();
    let (first, second) = (&arguments.first, &arguments.second);
    let candidates = [
        arguments.id_a.clone().zip(arguments.id_b.clone()),
        router_id(0).zip(router_id(1)),
        Some((file(first), file(second))),
        Some((whole(first), whole(second))),
    ];
    let told_apart = candidates.into_iter().flatten().find(|(a, b)| a != b);
    told_apart.map_or_else(
        || [String::from("the first"), String::from("the second")],
        |(a, b)| [a, b],
    )
}

fn as_text([a, b]: [&str; 2], first: &Plan, found: &[Disagreement]) -> String {
    if found.is_empty() {
        let count = plural(first.routers.len(), "virtual router");
        return format!("{a} and {b} agree: {count}\n");
    }
    let mut text = String::new();
    let mut router = "";
    for point in found {
        if point.router != router {
            router = &point.router;
            text.push_str(&format!("{router}\n"));
        }
        let weight = match point.weight {
            Weight::Trouble => "TROUBLE",
            Weight::Note => "note   ",
        };
        text.push_str(&format!("  {weight}  {}: {}\n", point.about, point.text));
    }
    let count = |weight: Weight| found.iter().filter(|point| point.weight == weight).count();
    let (trouble, notes) = (count(Weight::Trouble), count(Weight::Note));
    text.push_str(&match (trouble, notes) {
        (0, notes) => format!("{a} and {b} work together; {}\n", plural(notes, "note")),
        (trouble, 0) => format!("{} between {a} and {b}\n", plural(trouble, "trouble")),
        (trouble, notes) => format!(
            "{} between {a} and {b}; {}\n",
            plural(trouble, "trouble"),
            plural(notes, "note")
        ),
    });
    text
}

fn as_json(nodes: [&str; 2], found: &[Disagreement]) -> String {
    let points: Vec<_> = found
        .iter()
        .map(|point| {
            json!({
                "router": point.router,
                "trouble": point.weight == Weight::Trouble,
                "about": point.about,
                "text": point.text,
            })
        })
        .collect();
    let whole = json!({ "schema": SCHEMA, "nodes": nodes, "disagreements": points });
    format!("{whole:#}\n")
}

fn convert(arguments: &ConvertArgs, output: &mut Output) -> Result<Exit, Trouble> {
    let file = &arguments.file;
    let loaded = read(file, arguments.config_id.as_deref())?;
    let plan = plan(file, &loaded, output)?;
    // Words that were read and are not honoured are in no plan; nobody is to find that out later.
    let dropped = loaded
        .diagnostics
        .iter()
        .filter(|message| message.class != Class::Security);
    for message in dropped {
        output.complaint(&message.render(&loaded.sources));
    }
    let from_toml = file.extension().is_some_and(|suffix| suffix == "toml");
    let language = match (arguments.to, from_toml) {
        (Some(LanguageName::Toml), _) | (None, false) => Language::Toml,
        (Some(LanguageName::Keepalived), _) | (None, true) => Language::Keepalived,
    };
    let name = match language {
        Language::Toml => "TOML",
        Language::Keepalived => "keepalived's language",
    };
    let written = write(&plan, language);
    for lost in &written.lost {
        output.message(&format_args!("{name} cannot say: {lost}"));
    }
    if !written.loads {
        return Err(Trouble::Failed(format!(
            "nothing is written: {name} does not take this configuration"
        )));
    }
    if !written.lost.is_empty() && !arguments.closest {
        return Err(Trouble::Failed(format!(
            "nothing is written; --closest writes what {name} can say"
        )));
    }
    let text = format!(
        "# Converted from {} by vrrpctl config convert; comments, includes and definitions are not carried over.\n{}{}",
        file.display(),
        notes(&written.lost),
        written.text
    );
    match &arguments.output {
        None => output.answer(&text),
        Some(path) => {
            create(path, &text).map_err(|error| {
                Trouble::Failed(format!("cannot write {}: {error}", path.display()))
            })?;
        }
    }
    Ok(Exit::Healthy)
}

/// What is lost, for whoever reads the file later.
fn notes(lost: &[String]) -> String {
    let lines = lost.iter().map(|lost| format!("# Not said here: {lost}\n"));
    lines.collect()
}

/// A new file that only its owner may read: there may be passwords in it.
fn create(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests;
