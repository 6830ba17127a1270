//! `cargo xtask bench`: the bench, on programs as users run them: built for release.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use super::cargo;
use super::options::Rest;
use super::packages;
use crate::bench::{Options, Report, Subject, TABLES};

const USAGE: &str = "\
cargo xtask bench [TABLE]... [--subject keepalived|vrrpd|both] [--seconds N] [--runs N] [--seed N] [--json FILE]";

#[derive(Debug)]
struct Words {
    tables: Vec<String>,
    options: Options,
    json: Option<PathBuf>,
}

/// Builds for release, and lets that program measure.
pub(super) fn run(words: &[&str]) -> ExitCode {
    if let Err(reason) = parse(words) {
        eprintln!("{reason}\n{USAGE}\n\ntables:");
        for table in TABLES {
            eprintln!("  {:<10} {}", table.name, table.what);
        }
        return ExitCode::from(2);
    }
    if !nix::unistd::geteuid().is_root() {
        eprintln!("cargo xtask bench needs root: it makes network namespaces");
        return ExitCode::FAILURE;
    }
    if let Err(reason) = packages::install_missing() {
        eprintln!("{reason}");
        return ExitCode::FAILURE;
    }
    if !cargo::run(
        &["build", "--release", "--quiet", "--workspace", "--bins"],
        &[],
    )
    .success
    {
        return ExitCode::FAILURE;
    }
    let own = std::env::current_exe().unwrap_or_default();
    let target = own.parent().and_then(std::path::Path::parent);
    let measuring = target.unwrap_or(&own).join("release/xtask");
    match Command::new(&measuring)
        .arg("bench-built")
        .args(words)
        .status()
    {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cannot run {}: {error}", measuring.display());
            ExitCode::FAILURE
        }
    }
}

/// Measures.
pub(super) fn measure(words: &[&str]) -> ExitCode {
    let words = match parse(words) {
        Ok(words) => words,
        Err(reason) => {
            eprintln!("{reason}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let chosen = TABLES.iter().filter(|table| {
        words.tables.is_empty() || words.tables.iter().any(|name| name == table.name)
    });
    let mut report = Report {
        schema: 1,
        about: about(),
        tables: Vec::new(),
    };
    for table in chosen {
        eprintln!("measuring {}: {}", table.name, table.what);
        report.tables.push(table.run(&words.options));
    }
    println!("{report}");
    if let Some(file) = &words.json
        && let Err(error) = std::fs::write(file, report.json())
    {
        eprintln!("cannot write {}: {error}", file.display());
        return ExitCode::FAILURE;
    }
    match report.short() {
        0 => ExitCode::SUCCESS,
        short => {
            println!("{short} rows fall short");
            ExitCode::FAILURE
        }
    }
}

/// What was measured on, and when.
fn about() -> Vec<String> {
    let first_line = |program: &str, word: &str| {
        let output = Command::new(program).arg(word).output().ok()?;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        text.lines().next().map(str::to_owned)
    };
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown CPU", |(_, model)| model);
    let cpus = cpu
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let kernel = first_line("uname", "-r").unwrap_or_default();
    let day = first_line("date", "+%Y-%m-%d %H:%M").unwrap_or_default();
    let keepalived = first_line("keepalived", "-v").unwrap_or_default();
    vec![
        format!("Measured {day}, Linux {kernel}, {cpus} × {model}."),
        format!("{keepalived}; vrrpd {}.", env!("CARGO_PKG_VERSION")),
    ]
}

fn parse(words: &[&str]) -> Result<Words, String> {
    let mut parsed = Words {
        tables: Vec::new(),
        options: Options {
            subjects: vec![Subject::Keepalived, Subject::Vrrpd],
            seconds: None,
            runs: None,
            seed: 1,
            xtask: std::env::current_exe().unwrap_or_default(),
        },
        json: None,
    };
    let mut words = Rest::of(words);
    while let Some(word) = words.next() {
        match word {
            "--subject" => parsed.options.subjects = subjects(words.value(word)?)?,
            "--seconds" => parsed.options.seconds = Some(words.number(word)?),
            "--runs" => {
                let runs = words.number(word)?;
                parsed.options.runs = usize::try_from(runs).ok();
            }
            "--seed" => parsed.options.seed = words.number(word)?,
            "--json" => parsed.json = Some(words.value(word)?.into()),
            name if TABLES.iter().any(|table| table.name == name) => {
                parsed.tables.push(name.to_owned());
            }
            other => return Err(format!("there is no table or option {other}")),
        }
    }
    Ok(parsed)
}

fn subjects(word: &str) -> Result<Vec<Subject>, String> {
    match word {
        "both" => Ok(vec![Subject::Keepalived, Subject::Vrrpd]),
        "keepalived" => Ok(vec![Subject::Keepalived]),
        "vrrpd" => Ok(vec![Subject::Vrrpd]),
        other => Err(format!("{other} is no subject: keepalived, vrrpd or both")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_options_may_be_mixed() {
        let words = parse(&["drift", "--seconds", "3", "many", "--subject", "vrrpd"]).unwrap();
        assert_eq!(words.tables, ["drift", "many"]);
        assert_eq!(words.options.seconds, Some(3));
        assert_eq!(words.options.subjects, [Subject::Vrrpd]);
        assert!(parse(&["drift", "--seconds"]).is_err());
        assert!(parse(&["speed"]).unwrap_err().contains("speed"));
        assert!(
            parse(&["--subject", "ucarp"])
                .unwrap_err()
                .contains("ucarp")
        );
    }
}
