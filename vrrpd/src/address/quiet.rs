//! Keeps the kernel from asking by ARP with a held address as sender (safety rule 2).
//!
//! A successor's announcement has just moved the address in every neighbour's table; an ARP request of ours with it as
//! sender would move it back. `arp_announce` 2 makes the kernel take the interface's best other address instead, for as
//! long as something is held. Answers to others' requests are not touched. What IPv6 has for this is a deprecated
//! address, which is not chosen for new conversations; solicitations for old ones keep their sender.

use std::fs;

/// The value that keeps an application's source address out of ARP requests.
const BEST: &str = "2";

/// Interfaces whose setting was changed, with what to put back.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    changed: Vec<(String, String)>,
}

impl Quiet {
    /// Keeps these interfaces quiet, and lets every other one speak as before. A setting that is refused, as in a sandbox
    /// with read-only settings, stays as it is: the hold is short, and the successor announces again.
    pub(super) fn keep(&mut self, names: &[&str]) {
        self.changed.retain(|(name, before)| {
            let stays = names.contains(&name.as_str());
            if !stays {
                // Only what is still ours to put back.
                if read(name).as_deref() == Some(BEST) {
                    let _ = fs::write(path(name), before);
                }
            }
            stays
        });
        for name in names {
            if self.changed.iter().any(|(known, _)| known == name) {
                continue;
            }
            let Some(before) = read(name) else {
                continue;
            };
            if before != BEST && fs::write(path(name), BEST).is_ok() {
                self.changed.push(((*name).to_owned(), before));
            }
        }
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        self.keep(&[]);
    }
}

/// A file of the kernel's memory, never of a disk.
fn path(name: &str) -> String {
    format!("/proc/sys/net/ipv4/conf/{name}/arp_announce")
}

fn read(name: &str) -> Option<String> {
    let value = fs::read_to_string(path(name)).ok()?;
    Some(value.trim().to_owned())
}
