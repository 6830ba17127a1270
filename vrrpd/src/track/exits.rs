//! The end of processes that a script looks for (fast_fail): the kernel tells of it, and the script is run at once.
//!
//! Which processes is learned from the script itself, `killall -0 NAME`, `pidof NAME` or `pgrep NAME`. They are looked for
//! after a run that passed, while none is watched; from then on nothing is asked: a descriptor of the process becomes
//! readable when it ends.

use std::fs;
use std::os::fd::OwnedFd;
use std::time::Duration;

use tokio::io::unix::AsyncFd;
use tokio::time::sleep;

use crate::sys;

/// Processes of one name that are watched at most; one that ends is enough to look again.
const MOST: usize = 64;
/// Bytes of a process's name in the kernel.
const NAME: usize = 15;
/// Between two looks whether the parent has taken a dead process away: until then signals still find it.
const REAPED_LOOK: Duration = Duration::from_millis(2);
/// Looks at most.
const REAPED_LOOKS: u32 = 50;

/// What a script looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    name: String,
    /// `pgrep` without `-x` finds parts of names.
    part: bool,
}

impl Watched {
    /// What a command looks for, where it is one of the known ones with one plain name.
    #[must_use]
    pub fn by(argv: &[String]) -> Option<Self> {
        let words: Vec<&str> = match argv {
            // `sh -c "..."`, and a whole line in one word.
            [shell, option, line] if base(shell).ends_with("sh") && option == "-c" => {
                line.split_whitespace().collect()
            }
            [line] => line.split_whitespace().collect(),
            words => words.iter().map(String::as_str).collect(),
        };
        let (program, rest) = words.split_first()?;
        let (options, names): (Vec<&str>, Vec<&str>) =
            rest.iter().partition(|word| word.starts_with('-'));
        let [name] = names[..] else { return None };
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        if name.is_empty() || !name.chars().all(plain) {
            return None;
        }
        let part = match base(program) {
            "killall" if options.contains(&"-0") => false,
            "pidof" => false,
            "pgrep" => !options.contains(&"-x"),
            _ => return None,
        };
        Some(Self {
            name: base(name).to_owned(),
            part,
        })
    }

    fn matches(&self, comm: &str) -> bool {
        let name = self.name.get(..NAME).unwrap_or(&self.name);
        if self.part {
            comm.contains(name)
        } else {
            comm == name
        }
    }
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The processes that are watched now.
#[derive(Debug)]
pub(super) struct Exits {
    wanted: Option<Watched>,
    open: Vec<(u32, AsyncFd<OwnedFd>)>,
}

impl Exits {
    pub(super) const fn new(wanted: Option<Watched>) -> Self {
        Self {
            wanted,
            open: Vec::new(),
        }
    }

    /// Looks for the processes, where none is watched.
    pub(super) fn look(&mut self) {
        let Some(wanted) = &self.wanted else { return };
        if !self.open.is_empty() {
            return;
        }
        let Ok(entries) = fs::read_dir("/proc") else {
            return;
        };
        let found = entries.flatten().filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let comm = fs::read_to_string(entry.path().join("comm")).ok()?;
            if !wanted.matches(comm.trim_end()) {
                return None;
            }
            let descriptor = sys::process::open(pid).ok()?;
            Some((pid, sys::readiness::register_process(descriptor).ok()?))
        });
        self.open = found.take(MOST).collect();
    }

    /// Waits until one of them ends, and is taken away by its parent. Cancel safe.
    pub(super) async fn next(&mut self) {
        let ended = std::future::poll_fn(|context| {
            for (place, (_, descriptor)) in self.open.iter().enumerate() {
                if descriptor.poll_read_ready(context).is_ready() {
                    return std::task::Poll::Ready(place);
                }
            }
            std::task::Poll::Pending
        })
        .await;
        let pid = self.open.get(ended).map_or(0, |(pid, _)| *pid);
        for _ in 0..REAPED_LOOKS {
            // A process that took its number over is there to stay: the looks are few.
            if !fs::exists(format!("/proc/{pid}")).unwrap_or(false) {
                break;
            }
            sleep(REAPED_LOOK).await;
        }
        self.open.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(line: &str) -> Option<(String, bool)> {
        let argv: Vec<String> = line.split(' ').map(str::to_owned).collect();
        Watched::by(&argv).map(|watched| (watched.name, watched.part))
    }

    #[test]
    fn what_a_script_looks_for_is_learned_from_its_words() {
        for line in [
            "killall -0 haproxy",
            "/usr/bin/killall -0 haproxy",
            "pidof haproxy",
            "/bin/pidof -s haproxy",
            "pgrep -x haproxy",
        ] {
            assert_eq!(by(line), Some(("haproxy".to_owned(), false)), "{line}");
        }
        assert_eq!(by("pgrep haproxy"), Some(("haproxy".to_owned(), true)));
        for line in [
            "killall haproxy",
            "killall -0 haproxy nginx",
            "pgrep ^ha.*y$",
            "/etc/keepalived/check.sh haproxy",
            "curl -f http://127.0.0.1/",
            "pidof",
            "",
        ] {
            assert_eq!(by(line), None, "{line}");
        }
        let shell = ["sh", "-c", "killall -0 haproxy"].map(str::to_owned);
        assert_eq!(Watched::by(&shell).unwrap().name, "haproxy");
        let line = ["killall -0 haproxy".to_owned()];
        assert_eq!(Watched::by(&line).unwrap().name, "haproxy");
    }

    #[test]
    fn a_long_name_is_compared_as_far_as_the_kernel_keeps_it() {
        let watched = Watched::by(&["pidof".to_owned(), "a-very-long-program".to_owned()]).unwrap();
        assert!(watched.matches("a-very-long-pro"));
        assert!(!watched.matches("a-very-long-prx"));
    }

    #[tokio::test]
    async fn the_end_of_a_process_is_told_at_once() {
        let mut child = std::process::Command::new("sleep")
            .arg("600")
            .spawn()
            .unwrap();
        let mut exits = Exits::new(Some(Watched {
            name: "sleep".to_owned(),
            part: false,
        }));
        let mut looks = 0;
        while !exits.open.iter().any(|(pid, _)| *pid == child.id()) {
            looks += 1;
            assert!(looks < 1_000, "the child does not become sleep");
            exits.open.clear();
            exits.look();
            sleep(Duration::from_millis(2)).await;
        }
        exits.open.retain(|(pid, _)| *pid == child.id());
        let began = std::time::Instant::now();
        child.kill().unwrap();
        child.wait().unwrap();
        tokio::time::timeout(Duration::from_secs(5), exits.next())
            .await
            .expect("the kernel tells");
        assert!(exits.open.is_empty());
        println!("told after {:?}", began.elapsed());
    }
}
