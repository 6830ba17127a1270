//! Man pages and shell completions of both programs, made from the one table of options of each, and from `docs/`.
//!
//! The daemon's table is [`vrrpd::cli::flags::FLAGS`], the tool's is its clap command. Nothing is written twice: a new option or
//! subcommand is in help, page and completion as soon as it is in its table, and a page's other sections are those of
//! the document about the matter.

mod commands;
mod markdown;
mod page;

use std::io;
use std::path::{Path, PathBuf};

use clap_complete::Shell;
use roff::Roff;

pub use commands::{daemon, tool};
use page::Head;

/// A file of the manual or a completion, as it lies below `/usr`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Below `/usr`.
    pub path: PathBuf,
    /// What is in it.
    pub content: Vec<u8>,
}

const DAEMON: Head = Head {
    name: "vrrpd",
    section: "8",
    summary: "VRRP daemon that keeps virtual addresses on one of several hosts",
    see_also: &["vrrpctl(1)", "vrrpd.toml(5)", "vrrpd-keepalived(7)"],
};
const TOOL: Head = Head {
    name: "vrrpctl",
    section: "1",
    summary: "ask a vrrpd what it does and why",
    see_also: &["vrrpd(8)", "vrrpd.toml(5)"],
};
const TOML: Head = Head {
    name: "vrrpd.toml",
    section: "5",
    summary: "configuration of vrrpd",
    see_also: &["vrrpd(8)", "vrrpd-keepalived(7)"],
};
const KEEPALIVED: Head = Head {
    name: "vrrpd-keepalived",
    section: "7",
    summary: "keepalived.conf as vrrpd reads it, and what differs from keepalived",
    see_also: &["vrrpd(8)", "vrrpd.toml(5)"],
};

/// The man pages, made from the tables and the documents below `repository`.
///
/// # Errors
/// A document that cannot be read.
pub fn pages(repository: &Path) -> io::Result<Vec<File>> {
    let document = |name: &str| {
        let path = repository.join("docs").join(name);
        std::fs::read_to_string(&path)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
    };
    Ok(vec![
        file(&DAEMON, daemon_page(&document("daemon.md")?)),
        file(&TOOL, tool_page(&document("vrrpctl.md")?)),
        file(&TOML, document_page(&TOML, &document("vrrpd.toml.md")?)),
        file(
            &KEEPALIVED,
            document_page(&KEEPALIVED, &document("keepalived.md")?),
        ),
    ])
}

/// The completions of both programs for bash, zsh and fish.
#[must_use]
pub fn completions() -> Vec<File> {
    let shells = [
        (Shell::Bash, "share/bash-completion/completions/", ""),
        (Shell::Zsh, "share/zsh/vendor-completions/_", ""),
        (Shell::Fish, "share/fish/vendor_completions.d/", ".fish"),
    ];
    let mut files = Vec::new();
    for (name, command) in [("vrrpd", daemon()), ("vrrpctl", vrrpctl::command())] {
        for (shell, before, after) in shells {
            let mut content = Vec::new();
            clap_complete::generate(shell, &mut command.clone(), name, &mut content);
            files.push(File {
                path: PathBuf::from(format!("{before}{name}{after}")),
                content,
            });
        }
    }
    files
}

/// Writes manual and completions below `usr`.
///
/// # Errors
/// What cannot be read or written.
pub fn write(repository: &Path, usr: &Path) -> io::Result<Vec<PathBuf>> {
    let mut written = Vec::new();
    for file in pages(repository)?.into_iter().chain(completions()) {
        let path = usr.join(&file.path);
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        std::fs::write(&path, &file.content)?;
        written.push(path);
    }
    Ok(written)
}

fn file(head: &Head, page: Roff) -> File {
    let directory = format!("share/man/man{}", head.section);
    File {
        path: Path::new(&directory).join(format!("{}.{}", head.name, head.section)),
        content: page.render().into_bytes(),
    }
}

fn daemon_page(document: &str) -> Roff {
    let command = daemon();
    let mut page = page::begin(&DAEMON);
    page::synopsis(&mut page, &command);
    for section in markdown::sections(document) {
        if section.title.is_empty() {
            page::section(&mut page, "Description", section.text);
            page.control("SH", ["OPTIONS"]);
            page::options(&mut page, &command);
        } else {
            page::section(&mut page, section.title, section.text);
        }
    }
    page::end(&mut page, &DAEMON);
    page
}

fn tool_page(document: &str) -> Roff {
    let command = tool();
    let sections = markdown::sections(document);
    let is_command = |title: &str| {
        let mut known = command.get_subcommands();
        known.any(|sub| sub.get_name() == title)
    };
    let mut page = page::begin(&TOOL);
    page::synopsis(&mut page, &command);
    let beginning = sections.iter().find(|section| section.title.is_empty());
    page::section(
        &mut page,
        "Description",
        beginning.map_or("", |section| section.text),
    );
    page.control("SH", ["OPTIONS"]);
    page::options(&mut page, &command);
    for section in &sections {
        if !section.title.is_empty() && !is_command(section.title) {
            page::section(&mut page, section.title, section.text);
        }
    }
    page.control("SH", ["COMMANDS"]);
    page::subcommands(&mut page, &command, &|name| {
        let section = sections.iter().find(|section| section.title == name)?;
        Some(section.text.to_owned())
    });
    page.control("SH", ["EXIT STATUS"]);
    if let Some(codes) = command.get_after_help() {
        page.control("nf", []);
        for line in codes.to_string().lines().skip(1) {
            page.text([roff::roman(line.trim().to_owned())]);
        }
        page.control("fi", []);
    }
    page::end(&mut page, &TOOL);
    page
}

fn document_page(head: &Head, document: &str) -> Roff {
    let mut page = page::begin(head);
    for section in markdown::sections(document) {
        let title = if section.title.is_empty() {
            "Description"
        } else {
            section.title
        };
        page::section(&mut page, title, section.text);
    }
    page::end(&mut page, head);
    page
}
