//! Help, man pages, completions and documents say what the tables of options say.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Command;
use vrrp_tests::manual;
use vrrpd::cli::flags::{FLAGS, Id, help};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn page(name: &str) -> String {
    let pages = manual::pages(&repository()).expect("the documents can be read");
    let page = pages
        .into_iter()
        .find(|page| page.path.ends_with(name))
        .expect("there is such a page");
    let roff = String::from_utf8(page.content).expect("pages are text");
    // As the reader sees it.
    roff.replace("\\-", "-")
        .replace("\\fB", "")
        .replace("\\fI", "")
        .replace("\\fR", "")
        .replace("\\*(Aq", "'")
        .replace("\\(cq", "'")
}

fn completion(name: &str) -> String {
    let files = manual::completions();
    let file = files
        .into_iter()
        .find(|file| file.path.ends_with(name))
        .expect("there is such a file");
    String::from_utf8(file.content).expect("completions are text")
}

/// Above what README says is not there yet.
const NOT_BUILT: &str = "\n## What is not supported yet";

/// All commands and subcommands with the words that lead to them.
fn commands(command: &Command) -> Vec<(String, &Command)> {
    let mut found = Vec::new();
    for sub in command.get_subcommands() {
        found.push((sub.get_name().to_owned(), sub));
        for (name, deeper) in commands(sub) {
            found.push((format!("{} {name}", sub.get_name()), deeper));
        }
    }
    found
}

#[test]
fn each_option_of_the_daemon_is_in_help_page_and_completions() {
    let (text, page) = (help("vrrpd"), page("vrrpd.8"));
    let shells = [
        completion("completions/vrrpd"),
        completion("_vrrpd"),
        completion("vrrpd.fish"),
    ];
    for flag in FLAGS {
        let short = flag.short.map(|short| format!("-{short}"));
        let long = flag.long.map(|long| format!("--{long}"));
        for name in [&short, &long].into_iter().flatten() {
            assert!(page.contains(name.as_str()), "{name} is not in vrrpd.8");
            // The help names those without effect by one name, in one line.
            if flag.id != Id::WithoutEffect {
                assert!(text.contains(name.as_str()), "{name} is not in the help");
                assert!(page.contains(flag.help), "vrrpd.8 tells {name} otherwise");
            }
            for shell in &shells {
                let bare = name.trim_start_matches('-');
                assert!(shell.contains(bare), "{name} is not completed");
            }
        }
    }
}

#[test]
fn each_command_and_option_of_the_tool_is_in_page_and_completions() {
    let page = page("vrrpctl.1");
    let shells = [
        completion("completions/vrrpctl"),
        completion("_vrrpctl"),
        completion("vrrpctl.fish"),
    ];
    let tool = manual::tool();
    let all = commands(&tool);
    assert!(all.len() > 10, "{} commands", all.len());
    for (name, command) in &all {
        let heading = format!("vrrpctl {name}");
        assert!(page.contains(&heading), "{heading} is not in vrrpctl.1");
        let (_, own) = page.split_once(&heading).expect("just found");
        for argument in command.get_arguments() {
            let Some(long) = argument.get_long() else {
                continue;
            };
            let long = format!("--{long}");
            let (shown, own) = (!argument.is_hide_set(), own.contains(&long));
            assert!(
                !shown || own || page.contains(&long),
                "{heading} {long} is not in vrrpctl.1"
            );
        }
        let last = command.get_name();
        for shell in &shells {
            assert!(shell.contains(last), "{heading} is not completed");
        }
    }
}

#[test]
fn each_command_is_documented_and_each_option_of_the_daemon_is() {
    let documents: String = texts().into_iter().map(|(_, text)| text).collect();
    for (name, _) in commands(&manual::tool()) {
        let told = documents.contains(&format!("vrrpctl {name}"))
            || documents.contains(&format!("## {name}\n"))
            || documents.contains(&format!("`{name}`"));
        assert!(told, "say in docs/vrrpctl.md what `vrrpctl {name}` does");
    }
    let own = FLAGS.iter().filter(|flag| {
        // Those that keepalived has are told by its own manual too.
        flag.short.is_none() && flag.id != Id::WithoutEffect
    });
    for flag in own {
        let name = format!("--{}", flag.long.expect("it has a name"));
        assert!(
            documents.contains(&name),
            "say in docs/daemon.md what {name} does"
        );
    }
}

/// What the documents tell people to type is what the programs take.
#[test]
fn what_documents_tell_to_type_is_in_the_tables() {
    let tool = manual::tool();
    let (mut seen, mut wrong) = (0, Vec::new());
    for (document, text) in texts() {
        // What is planned is told in one place.
        let built = text.split(NOT_BUILT).next().unwrap_or_default();
        for line in built.lines() {
            for typed in typed(line, "vrrpctl ") {
                seen += 1;
                if let Err(why) = takes(&tool, &typed) {
                    wrong.push(format!("{document}: vrrpctl {typed}: {why}"));
                }
            }
            for typed in typed(line, "vrrpd ") {
                seen += 1;
                for word in typed.split_whitespace() {
                    let Some(long) = long(word) else { continue };
                    if !FLAGS.iter().any(|flag| flag.long == Some(long)) {
                        wrong.push(format!("{document}: vrrpd {typed}: no option --{long}"));
                    }
                }
            }
        }
    }
    assert!(seen > 30, "{seen} commands found");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn texts() -> Vec<(String, String)> {
    let mut files = vec![repository().join("README.md")];
    let directory = std::fs::read_dir(repository().join("docs")).expect("there are documents");
    files.extend(directory.map(|entry| entry.expect("it can be read").path()));
    files.retain(|path| path.extension().is_some_and(|end| end == "md"));
    files
        .into_iter()
        .map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let text = std::fs::read_to_string(&path).expect("a text");
            (name.into_owned(), text)
        })
        .collect()
}

/// What follows a program's name in a line of a shell or between backticks.
fn typed(line: &str, program: &str) -> Vec<String> {
    let trimmed = line.trim_start();
    let command = trimmed.strip_prefix("$ ").unwrap_or(trimmed);
    if line.starts_with("    ") || line.starts_with("$ ") {
        let command = command.strip_prefix("sudo ").unwrap_or(command);
        return command
            .strip_prefix(program)
            .map(upto_end)
            .into_iter()
            .collect();
    }
    line.split('`')
        .skip(1)
        .step_by(2)
        .filter_map(|code| code.strip_prefix(program))
        .map(upto_end)
        .collect()
}

/// Up to where another command, a comment or output begins.
fn upto_end(command: &str) -> String {
    let ends = ["|", "#", ";", ">", "&&", "  "];
    let end = ends.iter().filter_map(|end| command.find(end)).min();
    command[..end.unwrap_or(command.len())].trim().to_owned()
}

fn long(word: &str) -> Option<&str> {
    let name = word.trim_start_matches('[').strip_prefix("--")?;
    let end =
        name.find(|letter: char| !letter.is_ascii_lowercase() && letter != '-' && letter != '_');
    Some(&name[..end.unwrap_or(name.len())]).filter(|name| !name.is_empty())
}

/// Whether the tool has the subcommands and long options that were typed.
fn takes(tool: &Command, typed: &str) -> Result<(), String> {
    let mut command = tool;
    let mut known: BTreeSet<String> = longs(tool);
    let mut names = true;
    for word in typed.split_whitespace() {
        if let Some(long) = long(word) {
            if !known.contains(long) {
                return Err(format!("no option --{long}"));
            }
            continue;
        }
        if !names
            || !word
                .chars()
                .all(|letter| letter.is_ascii_lowercase() || letter == '-')
        {
            names = false;
            continue;
        }
        match command.find_subcommand(word) {
            Some(sub) => {
                command = sub;
                known.extend(longs(sub));
                names = sub.has_subcommands();
            }
            None if command.has_subcommands() => return Err(format!("no command {word}")),
            None => names = false,
        }
    }
    Ok(())
}

fn longs(command: &Command) -> BTreeSet<String> {
    let named = command.get_arguments().filter_map(|it| it.get_long());
    named.map(str::to_owned).collect()
}

#[test]
fn the_check_of_documents_finds_what_is_wrong() {
    let tool = manual::tool();
    assert_eq!(takes(&tool, "status --assert MASTER"), Ok(()));
    assert!(takes(&tool, "staus").is_err());
    assert!(takes(&tool, "status --asert MASTER").is_err());
    assert_eq!(
        typed("    vrrpctl top -d 1 | cat", "vrrpctl "),
        ["top -d 1"]
    );
    assert_eq!(typed("say `vrrpctl top` and", "vrrpctl "), ["top"]);
    assert_eq!(long("--journal-dir=/x"), Some("journal-dir"));
}

/// Every page begins as one, has its sections, and is complete for `man`.
#[test]
fn pages_are_man_pages() {
    let pages = manual::pages(&repository()).expect("the documents can be read");
    let names: Vec<String> = pages
        .iter()
        .map(|page| page.path.display().to_string())
        .collect();
    assert_eq!(
        names,
        [
            "share/man/man8/vrrpd.8",
            "share/man/man1/vrrpctl.1",
            "share/man/man5/vrrpd.toml.5",
            "share/man/man7/vrrpd-keepalived.7"
        ]
    );
    for page in pages {
        let text = String::from_utf8(page.content).expect("a text");
        for section in [".TH ", ".SH NAME", ".SH DESCRIPTION", ".SH \"SEE ALSO\""] {
            assert!(
                text.contains(section),
                "{}: no {section}",
                page.path.display()
            );
        }
        assert!(
            !text.contains("|---"),
            "{}: a table is left",
            page.path.display()
        );
        assert!(
            !text.contains("]("),
            "{}: a link is left",
            page.path.display()
        );
    }
}
