//! The files of the packages as they will lie on a host, and the manifest that the packers read.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::succeed;
use crate::manual;
use crate::xtask::repository;

/// The newest version of the C library that any of these programs asks for; none where they are static.
pub(super) fn newest_libc(programs: &[PathBuf]) -> Result<Option<(u32, u32)>, String> {
    let mut newest = None;
    for program in programs {
        let bytes = fs::read(program)
            .map_err(|error| format!("cannot read {}: {error}", program.display()))?;
        newest = newest.max(newest_in(&bytes));
    }
    Ok(newest)
}

/// Versions of symbols stand in the program as text: `GLIBC_2.28`.
fn newest_in(program: &[u8]) -> Option<(u32, u32)> {
    const MARK: &[u8] = b"GLIBC_";
    let mut newest = None;
    for (at, _) in program
        .windows(MARK.len())
        .enumerate()
        .filter(|(_, window)| *window == MARK)
    {
        let rest = &program[at + MARK.len()..];
        let end = rest
            .iter()
            .position(|byte| !byte.is_ascii_digit() && *byte != b'.')
            .unwrap_or(0);
        let text = String::from_utf8_lossy(&rest[..end]);
        let mut numbers = text.split('.').map(str::parse);
        if let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) {
            newest = newest.max(Some((major, minor)));
        }
    }
    newest
}

/// Lays everything out below `target/package`, which is made anew.
pub(super) fn lay_out(programs: &[PathBuf], libc: Option<(u32, u32)>) -> Result<PathBuf, String> {
    let place = repository().join("target/package");
    let _ = fs::remove_dir_all(&place);
    fill(&place, programs, libc)
        .map_err(|error| format!("cannot fill {}: {error}", place.display()))??;
    Ok(place)
}

fn fill(
    place: &Path,
    programs: &[PathBuf],
    libc: Option<(u32, u32)>,
) -> std::io::Result<Result<(), String>> {
    let from = repository();
    let packaging = from.join("packaging");
    let root = place.join("root");
    fs::create_dir_all(&root)?;
    for (program, directory) in programs.iter().zip(["usr/sbin", "usr/bin"]) {
        let name = program.file_name().unwrap_or_default();
        let to = root.join(directory).join(name);
        copy(program, &to, 0o755)?;
        // Line numbers of backtraces are not worth their size on every host.
        if let Err(reason) = succeed(Command::new("strip").arg("--strip-debug").arg(&to)) {
            return Ok(Err(reason));
        }
    }
    manual::write(&from, &root.join("usr"))?;
    compress_pages(&root.join("usr/share/man"))?;
    let systemd = packaging.join("systemd");
    for (name, to) in [
        ("vrrpd.service", "systemd/system/vrrpd.service"),
        ("vrrpd-runner.socket", "systemd/system/vrrpd-runner.socket"),
        (
            "vrrpd-runner@.service",
            "systemd/system/vrrpd-runner@.service",
        ),
        (
            "vrrpd-release.service",
            "systemd/system/vrrpd-release.service",
        ),
        ("vrrpd.sysusers", "sysusers.d/vrrpd.conf"),
        ("vrrpd.tmpfiles", "tmpfiles.d/vrrpd.conf"),
    ] {
        copy(&systemd.join(name), &root.join("usr/lib").join(to), 0o644)?;
    }
    let documents = root.join("usr/share/doc/vrrpd");
    for name in ["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT"] {
        copy(&from.join(name), &documents.join(name), 0o644)?;
    }
    copy_tree(&from.join("docs"), &documents)?;
    for name in ["examples", "prometheus", "grafana"] {
        copy_tree(&packaging.join(name), &documents.join(name))?;
    }
    let profile = packaging.join("apparmor/usr.sbin.vrrpd");
    copy(&profile, &root.join("etc/apparmor.d/usr.sbin.vrrpd"), 0o644)?;

    let scripts = place.join("scripts");
    copy_tree(&packaging.join("deb"), &scripts.join("vrrpd"))?;
    let of_names = packaging.join("keepalived/scripts");
    copy_tree(&of_names, &scripts.join("vrrpd-keepalived"))?;
    copy_tree(&packaging.join("rpm"), &scripts)?;
    let names = place.join("names");
    fs::create_dir_all(&names)?;
    // A packer that looks for the link's target finds one.
    fs::write(names.join("vrrpd"), "")?;
    symlink("vrrpd", names.join("keepalived"))?;
    let drop_in = packaging.join("keepalived/keepalived.conf");
    copy(&drop_in, &names.join("keepalived.conf"), 0o644)?;
    copy(
        &packaging.join("etc/default"),
        &place.join("options"),
        0o644,
    )?;
    copy(&from.join("LICENSE-MIT"), &place.join("LICENSE"), 0o644)?;
    fs::write(
        place.join("nothing.rs"),
        "//! Nothing: what is packed was built before.\n",
    )?;
    let template = fs::read_to_string(packaging.join("Cargo.toml.in"))?;
    fs::write(place.join("Cargo.toml"), manifest(&template, place, libc)?)?;
    Ok(Ok(()))
}

/// The manifest with every file of the stage.
fn manifest(template: &str, place: &Path, libc: Option<(u32, u32)>) -> std::io::Result<String> {
    const DROP_IN: &str = "usr/lib/systemd/system/vrrpd.service.d/keepalived.conf";
    let (mut deb, mut rpm) = (String::new(), String::new());
    let mut files = Vec::new();
    list(&place.join("root"), &mut files)?;
    for file in files {
        let source = file.strip_prefix(place).unwrap_or(&file).display();
        let to = file
            .strip_prefix(place.join("root"))
            .unwrap_or(&file)
            .display();
        let mode = fs::metadata(&file)?.permissions().mode() & 0o777;
        deb.push_str(&format!("    [\"{source}\", \"{to}\", \"{mode:o}\"],\n"));
        let config = file.starts_with(place.join("root/etc"));
        rpm.push_str(&format!(
            "    {{ source = \"{source}\", dest = \"/{to}\", mode = \"{mode:o}\", config = {config} }},\n"
        ));
    }
    deb.push_str("    [\"options\", \"etc/default/vrrpd\", \"644\"],\n");
    rpm.push_str("    { source = \"options\", dest = \"/etc/sysconfig/vrrpd\", mode = \"644\", config = true },\n");
    let deb_names = format!(
        "    [\"names/keepalived\", \"usr/sbin/keepalived\", \"777\"],\n    \
         [\"names/keepalived.conf\", \"{DROP_IN}\", \"644\"],\n"
    );
    let rpm_names = format!(
        "    {{ source = \"names/keepalived.conf\", dest = \"/{DROP_IN}\", mode = \"644\" }},\n"
    );
    let (deb_libc, rpm_libc) = libc.map_or_else(Default::default, |(major, minor)| {
        (
            format!("libc6 (>= {major}.{minor})"),
            format!("glibc = \">= {major}.{minor}\""),
        )
    });
    let mut text = template.to_owned();
    for (mark, value) in [
        ("@VERSION@", env!("CARGO_PKG_VERSION")),
        ("@DEB_LIBC@", &deb_libc),
        ("@RPM_LIBC@", &rpm_libc),
        ("@DEB_ASSETS@", &deb),
        ("@RPM_ASSETS@", &rpm),
        ("@DEB_NAMES@", &deb_names),
        ("@RPM_NAMES@", &rpm_names),
    ] {
        text = text.replace(mark, value);
    }
    // The packer of .rpm takes scripts as text.
    for name in [
        "post",
        "preun",
        "postun",
        "names-post",
        "names-preun",
        "names-postun",
    ] {
        let script = format!("scripts/{name}.sh");
        text = text.replace(
            &format!("@{script}@"),
            &fs::read_to_string(place.join(&script))?,
        );
    }
    Ok(text)
}

fn copy(from: &Path, to: &Path, mode: u32) -> std::io::Result<()> {
    if let Some(directory) = to.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::copy(from, to).map_err(|error| {
        std::io::Error::new(error.kind(), format!("{}: {error}", from.display()))
    })?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode))
}

fn copy_tree(from: &Path, to: &Path) -> std::io::Result<()> {
    let mut files = Vec::new();
    list(from, &mut files)?;
    for file in files {
        let mode = fs::metadata(&file)?.permissions().mode() & 0o111;
        let place = to.join(file.strip_prefix(from).unwrap_or(&file));
        copy(&file, &place, if mode == 0 { 0o644 } else { 0o755 })?;
    }
    Ok(())
}

/// Every file below a directory, in order.
fn list(directory: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries: Vec<PathBuf> = fs::read_dir(directory)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    entries.sort_unstable();
    for entry in entries {
        if entry.is_dir() {
            list(&entry, files)?;
        } else {
            files.push(entry);
        }
    }
    Ok(())
}

fn compress_pages(directory: &Path) -> std::io::Result<()> {
    let mut pages = Vec::new();
    list(directory, &mut pages)?;
    let status = Command::new("gzip").args(["-9n"]).args(pages).status()?;
    if status.success() {
        Ok(())
    } else {
        Err(std::io::Error::other(format!("gzip: {status}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_of_the_c_library_is_found() {
        let program = b"\0GLIBC_2.2.5\0GLIBC_2.34\0GLIBC_2.9\0GLIBC_PRIVATE\0GLIBC_";
        assert_eq!(newest_in(program), Some((2, 34)));
        assert_eq!(newest_in(b"static"), None);
    }
}
