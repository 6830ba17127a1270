//! `cargo xtask package`: a .deb and an .rpm of vrrpd and vrrpctl, and small ones that provide keepalived's names.
//!
//! Files are laid below `target/package` as they will lie on a host; cargo-deb and cargo-generate-rpm pack them. Both
//! packers, and the linker that keeps the binaries runnable on older systems, come from PyPI into `target/tools`.

mod check;
mod stage;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use super::repository;

/// The newest C library that a package may need: Debian 11 has 2.31, EL 8 has 2.28.
const OLDEST_LIBC: (u32, u32) = (2, 28);

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    /// Unoptimised binaries against this machine's own C library: for tests of the packages themselves.
    quick: bool,
    /// Try the packages out afterwards.
    check: bool,
    /// The Rust target.
    target: String,
}

impl Wanted {
    fn parse(words: &[&str]) -> Result<Self, String> {
        let mut wanted = Self {
            quick: false,
            check: false,
            target: format!("{}-unknown-linux-gnu", std::env::consts::ARCH),
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "--quick" => wanted.quick = true,
                "--check" => wanted.check = true,
                "--target" => {
                    let target = words.next().ok_or("--target needs a Rust target")?;
                    (*target).clone_into(&mut wanted.target);
                }
                other => return Err(format!("no such option: {other}")),
            }
        }
        Ok(wanted)
    }
}

/// Builds the packages.
pub(super) fn run(words: &[&str]) -> ExitCode {
    let done = Wanted::parse(words).and_then(|wanted| package(&wanted));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("cargo xtask package: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn package(wanted: &Wanted) -> Result<(), String> {
    let tools = Tools::install()?;
    let binaries = build(wanted, &tools)?;
    let libc = stage::newest_libc(&binaries)?;
    if let Some((major, minor)) = libc {
        println!("binaries need the C library {major}.{minor} or newer");
    } else {
        println!("binaries need no C library");
    }
    if !wanted.quick && libc.is_some_and(|libc| libc > OLDEST_LIBC) {
        let (major, minor) = OLDEST_LIBC;
        return Err(format!(
            "packages must run with the C library {major}.{minor}"
        ));
    }
    let place = stage::lay_out(&binaries, libc)?;
    let arch = wanted.target.split('-').next().unwrap_or_default();
    for variant in [None, Some("keepalived")] {
        tools.pack_deb(&place, wanted, variant)?;
        tools.pack_rpm(&place, arch, variant)?;
    }
    for file in packages(&place)? {
        let length = std::fs::metadata(&file).map_or(0, |file| file.len());
        println!("{} ({} KB)", file.display(), length / 1000);
    }
    if wanted.check {
        check::run(&place)?;
    }
    Ok(())
}

/// The packages that lie there.
fn packages(place: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(place).map_err(|error| error.to_string())?;
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|end| end == "deb" || end == "rpm")
        })
        .collect();
    found.sort_unstable();
    Ok(found)
}

/// Builds both programs; where they lie.
fn build(wanted: &Wanted, tools: &Tools) -> Result<Vec<PathBuf>, String> {
    let root = repository();
    let (mut words, directory) = if wanted.quick {
        (vec!["build"], root.join("target/debug"))
    } else {
        let directory = root.join("target").join(&wanted.target).join("release");
        (vec!["zigbuild", "--release", "--target"], directory)
    };
    // A musl target brings its C library along.
    let (major, minor) = OLDEST_LIBC;
    let target = if wanted.target.ends_with("musl") {
        wanted.target.clone()
    } else {
        format!("{}.{major}.{minor}", wanted.target)
    };
    if !wanted.quick {
        words.push(&target);
    }
    words.extend(["-p", "vrrpd", "-p", "vrrpctl", "--bins"]);
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(words)
        .current_dir(&root)
        .env("PATH", tools.path());
    succeed(&mut command)?;
    Ok(["vrrpd", "vrrpctl"]
        .map(|name| directory.join(name))
        .to_vec())
}

/// The packers.
struct Tools(PathBuf);

impl Tools {
    /// Installs what is missing, and says so.
    fn install() -> Result<Self, String> {
        let tools = Self(repository().join("target/tools"));
        let names = ["cargo-deb", "cargo-generate-rpm", "cargo-zigbuild"];
        if names.iter().all(|name| tools.program(name).exists()) {
            return Ok(tools);
        }
        println!(
            "installing {} and zig from PyPI into {}",
            names.join(", "),
            tools.0.display()
        );
        succeed(Command::new("python3").args(["-m", "venv"]).arg(&tools.0))?;
        let mut pip = Command::new(tools.program("pip"));
        succeed(pip.args(["install", "--quiet", "ziglang"]).args(names))?;
        Ok(tools)
    }

    fn program(&self, name: &str) -> PathBuf {
        self.0.join("bin").join(name)
    }

    /// With the packers before everything else.
    fn path(&self) -> String {
        let path = std::env::var("PATH").unwrap_or_default();
        format!("{}:{path}", self.0.join("bin").display())
    }

    fn pack_deb(&self, place: &Path, wanted: &Wanted, variant: Option<&str>) -> Result<(), String> {
        let mut command = Command::new(self.program("cargo-deb"));
        command
            .args([
                "deb",
                "--no-build",
                "--no-strip",
                "--deb-revision",
                "1",
                "--target",
            ])
            .arg(&wanted.target)
            .args(["--manifest-path", "Cargo.toml", "--output", "."])
            .current_dir(place);
        if wanted.quick {
            command.arg("--fast");
        }
        if let Some(variant) = variant {
            command.args(["--variant", variant]);
        }
        succeed(&mut command)
    }

    fn pack_rpm(&self, place: &Path, arch: &str, variant: Option<&str>) -> Result<(), String> {
        let mut command = Command::new(self.program("cargo-generate-rpm"));
        // Old rpm programs know gzip.
        command
            .args([
                "--arch",
                arch,
                "--payload-compress",
                "gzip",
                "--output",
                ".",
            ])
            .current_dir(place);
        if let Some(variant) = variant {
            command.args(["--variant", variant]);
        }
        succeed(&mut command)
    }
}

/// Runs a program to its end.
fn succeed(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command
        .status()
        .map_err(|error| format!("cannot run {name}: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{name} failed: {status}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_checked() {
        let wanted = Wanted::parse(&["--quick", "--check"]).unwrap();
        assert!(wanted.quick && wanted.check && wanted.target.ends_with("-linux-gnu"));
        let wanted = Wanted::parse(&["--target", "aarch64-unknown-linux-musl"]).unwrap();
        assert_eq!(wanted.target, "aarch64-unknown-linux-musl");
        assert!(Wanted::parse(&["--target"]).is_err());
        assert!(Wanted::parse(&["--fast"]).is_err());
    }
}
