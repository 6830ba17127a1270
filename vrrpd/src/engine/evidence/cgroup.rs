//! The files of the engine's cgroups: throttling of every ancestor, frozen time and I/O pressure of its own.
//!
//! Runs once, at the engine's start.

use std::fs;
use std::path::{Path, PathBuf};

use super::readings::ANCESTORS;
use super::source::Source;

/// The open files.
#[derive(Debug, Default)]
pub(super) struct Cgroups {
    pub(super) throttling: Vec<Throttling>,
    pub(super) frozen: Source,
    pub(super) io_pressure: Source,
}

/// One `cpu.stat`.
#[derive(Debug)]
pub(super) struct Throttling {
    pub(super) source: Source,
    pub(super) version_2: bool,
}

impl Cgroups {
    /// Opens what there is.
    pub(super) fn open() -> Self {
        let text = |path| fs::read_to_string(path).unwrap_or_default();
        let groups = groups(
            &text("/proc/thread-self/cgroup"),
            &text("/proc/thread-self/mountinfo"),
        );
        let mut cgroups = Self::default();
        for group in &groups {
            for directory in group.ancestors() {
                if cgroups.throttling.len() < ANCESTORS && counts_throttling(directory) {
                    cgroups.throttling.push(Throttling {
                        source: Source::open(directory.join("cpu.stat")),
                        version_2: group.version_2,
                    });
                }
            }
            if group.version_2 {
                cgroups.frozen = Source::open(group.directory.join("cgroup.stat.local"));
                cgroups.io_pressure = Source::open(group.directory.join("io.pressure"));
            }
        }
        cgroups
    }
}

/// A group's `cpu.stat` names throttling only where the cpu controller is on, and never in the root.
fn counts_throttling(directory: &Path) -> bool {
    fs::read_to_string(directory.join("cpu.stat")).is_ok_and(|text| text.contains("nr_throttled"))
}

/// A cgroup of this process.
#[derive(Debug, PartialEq, Eq)]
struct Group {
    /// Where it is mounted.
    mount: PathBuf,
    directory: PathBuf,
    version_2: bool,
}

impl Group {
    /// Its directory and those above it, up to the mount.
    fn ancestors(&self) -> impl Iterator<Item = &Path> {
        let inside = |directory: &&Path| directory.starts_with(&self.mount);
        self.directory.ancestors().take_while(inside)
    }
}

/// The groups of the unified hierarchy and of version 1's cpu controller, from the texts of /proc.
fn groups(cgroup: &str, mountinfo: &str) -> Vec<Group> {
    let mounts: Vec<_> = mountinfo.lines().filter_map(Mount::parse).collect();
    let mut groups = Vec::new();
    for line in cgroup.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(number), Some(controllers), Some(path)) =
            (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let version_2 = number == "0" && controllers.is_empty();
        if !version_2 && !controllers.split(',').any(|name| name == "cpu") {
            continue;
        }
        let mount = mounts.iter().find(|mount| {
            mount.version_2 == version_2
                && (version_2 || mount.options.split(',').any(|option| option == "cpu"))
        });
        let Some(mount) = mount else { continue };
        // In a cgroup namespace, or where a part is mounted, paths begin at the root of the mount.
        let below = path.strip_prefix(mount.root).unwrap_or(path);
        let directory = Path::new(mount.place).join(below.trim_start_matches('/'));
        groups.push(Group {
            mount: PathBuf::from(mount.place),
            directory,
            version_2,
        });
    }
    groups
}

/// A mounted hierarchy: a line of mountinfo.
struct Mount<'a> {
    root: &'a str,
    place: &'a str,
    options: &'a str,
    version_2: bool,
}

impl<'a> Mount<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (mount, filesystem) = line.split_once(" - ")?;
        let mut mount = mount.split(' ').skip(3);
        let (root, place) = (mount.next()?, mount.next()?);
        let mut filesystem = filesystem.split(' ');
        let version_2 = match filesystem.next()? {
            "cgroup2" => true,
            "cgroup" => false,
            _ => return None,
        };
        Some(Self {
            root: if root == "/" { "" } else { root },
            place,
            options: filesystem.nth(1).unwrap_or_default(),
            version_2,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(group: &Group) -> Vec<&str> {
        group.ancestors().filter_map(Path::to_str).collect()
    }

    #[test]
    fn every_ancestor_up_to_the_mount_is_found_in_a_unified_hierarchy() {
        let mounts =
            "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
        let found = groups("0::/system.slice/vrrpd.service\n", mounts);
        assert_eq!(found.len(), 1);
        assert!(found[0].version_2);
        assert_eq!(
            paths(&found[0]),
            [
                "/sys/fs/cgroup/system.slice/vrrpd.service",
                "/sys/fs/cgroup/system.slice",
                "/sys/fs/cgroup"
            ]
        );
    }

    #[test]
    fn version_1_is_read_where_its_cpu_controller_is_mounted() {
        let mounts = "31 23 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                      32 23 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
                      33 23 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        let found = groups("4:memory:/a\n3:cpu,cpuacct:/a/b\n0::/c\n", mounts);
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].version_2, paths(&found[0])),
            (
                false,
                vec![
                    "/sys/fs/cgroup/cpu,cpuacct/a/b",
                    "/sys/fs/cgroup/cpu,cpuacct/a",
                    "/sys/fs/cgroup/cpu,cpuacct"
                ]
            )
        );
        assert_eq!(
            paths(&found[1]),
            ["/sys/fs/cgroup/unified/c", "/sys/fs/cgroup/unified"]
        );
    }

    #[test]
    fn the_root_of_a_partial_mount_is_taken_off_the_path() {
        let mounts = "30 23 0:26 /pod7 /sys/fs/cgroup rw - cgroup2 cgroup rw\n";
        let found = groups("0::/pod7/box\n", mounts);
        assert_eq!(paths(&found[0]), ["/sys/fs/cgroup/box", "/sys/fs/cgroup"]);
    }

    #[test]
    fn texts_without_sense_give_nothing() {
        assert_eq!(groups("0:/x\n::\n", "nonsense\n1 2 3 - cgroup2\n"), []);
    }
}
