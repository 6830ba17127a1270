//! Maintenance in files, so that it outlasts the process: in the run directory for a restart, and a copy beside the
//! journal for a reboot, which empties the other one.
//!
//! Written by a thread that may wait; an answer to an operator waits for it, within a bound, and says what failed.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use vrrp_record::event::Asked;

use crate::control::Peer;
use crate::observe::Now;

/// The file in either directory.
const FILE: &str = "maintenance.json";
/// The largest file that is read.
const LARGEST: u64 = 4_096;
/// How long an answer waits for the files, and a start for the copy.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whoever waits for an answer.
type Reply = oneshot::Sender<Result<String, String>>;

/// An operator's word, as it stands in the file. Times are the wall clock's: they outlast a reboot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Order {
    /// What was asked.
    pub(crate) what: Asked,
    /// When, in milliseconds since 1970.
    pub(crate) since_unix_ms: i64,
    /// Until when, where it has an end.
    pub(crate) until_unix_ms: Option<i64>,
    /// Whose word it was.
    pub(crate) uid: u32,
    /// From which process.
    pub(crate) pid: u32,
}

impl Order {
    pub(super) fn new(what: Asked, now_unix_ms: i64, left: Option<Duration>, peer: Peer) -> Self {
        let until = left.map(|left| {
            let left = i64::try_from(left.as_millis()).unwrap_or(i64::MAX);
            now_unix_ms.saturating_add(left)
        });
        Self {
            what,
            since_unix_ms: now_unix_ms,
            until_unix_ms: until,
            uid: peer.uid,
            pid: peer
                .pid
                .and_then(|pid| u32::try_from(pid).ok())
                .unwrap_or_default(),
        }
    }

    /// For how long it has been in force.
    pub(crate) fn age_ms(&self, now_unix_ms: i64) -> u64 {
        u64::try_from(now_unix_ms.saturating_sub(self.since_unix_ms)).unwrap_or(0)
    }

    /// How much of its time is left.
    pub(crate) fn left_ms(&self, now_unix_ms: i64) -> Option<u64> {
        let until = self.until_unix_ms?;
        Some(u64::try_from(until.saturating_sub(now_unix_ms)).unwrap_or(0))
    }

    /// The same from now on.
    pub(super) fn left(&self) -> Option<Duration> {
        self.left_ms(Now::read().unix_ms())
            .map(Duration::from_millis)
    }
}

/// Both places of the file.
#[derive(Clone, Debug)]
pub(super) struct OrderFile {
    run_dir: PathBuf,
    journal_dir: PathBuf,
    /// The number of the last change: one that was overtaken writes nothing.
    last: Arc<AtomicU64>,
    /// Held by the change that is being written. The next ones wait for it as tasks: neither the loop nor a second thread
    /// waits for a disk.
    turn: Arc<Mutex<()>>,
}

impl OrderFile {
    pub(super) fn new(run_dir: &Path, journal_dir: &Path) -> Self {
        Self {
            run_dir: run_dir.to_owned(),
            journal_dir: journal_dir.to_owned(),
            last: Arc::default(),
            turn: Arc::default(),
        }
    }

    /// Reads what an earlier run left, and drops what has run out. After a reboot the run directory is empty, and the copy
    /// counts.
    pub(super) fn read(&self, after_reboot: bool) -> Option<Order> {
        let order = match read(&self.run_dir.join(FILE)) {
            Ok(None) if after_reboot => self.read_copy(),
            Ok(order) => order,
            Err(error) => {
                tracing::error!(
                    "cannot read {}, so this node takes part as configured: {error}; vrrpctl maintenance on if that is wrong",
                    self.run_dir.join(FILE).display()
                );
                None
            }
        }?;
        let runs = order.what.is_maintenance()
            && order
                .left_ms(Now::read().unix_ms())
                .is_none_or(|left| left > 0);
        if runs && let Err(error) = write(&self.run_dir, &order) {
            tracing::warn!("maintenance is not kept over the next restart: {error}");
        }
        runs.then_some(order)
    }

    /// From a disk that may not answer.
    fn read_copy(&self) -> Option<Order> {
        let path = self.journal_dir.join(FILE);
        let (sender, result) = mpsc::channel();
        let place = path.clone();
        let reader = move || {
            // Nobody may wait any more.
            let _ = sender.send(read(&place));
        };
        let outcome = std::thread::Builder::new()
            .spawn(reader)
            .and_then(|_| {
                result
                    .recv_timeout(PATIENCE)
                    .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))
            })
            .and_then(|read| read);
        outcome.unwrap_or_else(|error| {
            tracing::warn!(
                "cannot read whether this node is in maintenance, {}: {error}",
                path.display()
            );
            None
        })
    }

    /// Writes the order down, then answers.
    pub(super) fn keep(&self, order: Order, text: String, reply: Reply) {
        let (run_dir, journal_dir) = (self.run_dir.clone(), self.journal_dir.clone());
        self.change(Some((text, reply)), move || {
            let restart = write(&run_dir, &order);
            let reboot = write(&journal_dir, &order);
            [("a restart", restart), ("a reboot", reboot)]
        });
    }

    /// Removes the files, then answers where somebody waits.
    pub(super) fn forget(&self, reply: Option<(String, Reply)>) {
        let (run_dir, journal_dir) = (self.run_dir.clone(), self.journal_dir.clone());
        self.change(reply, move || {
            let restart = remove(&run_dir);
            let reboot = remove(&journal_dir);
            [("a restart", restart), ("a reboot", reboot)]
        });
    }

    fn change(
        &self,
        reply: Option<(String, Reply)>,
        work: impl FnOnce() -> [(&'static str, io::Result<()>); 2] + Send + 'static,
    ) {
        let number = self.last.fetch_add(1, Ordering::AcqRel) + 1;
        let (last, turn) = (Arc::clone(&self.last), Arc::clone(&self.turn));
        // A task of its own: it goes on when nobody waits for it any more.
        let work = tokio::spawn(async move {
            let alone = turn.lock_owned().await;
            spawn_blocking(move || {
                let _alone = alone;
                (last.load(Ordering::Acquire) == number).then(work)
            })
            .await
        });
        tokio::spawn(async move {
            let troubles = match timeout(PATIENCE, work).await {
                Ok(Ok(Ok(Some(results)))) => {
                    let failed = results.into_iter().filter_map(|(over, result)| {
                        Some(format!("not known after {over}: {}", result.err()?))
                    });
                    failed.collect()
                }
                Ok(Ok(Ok(None))) => Vec::new(),
                Ok(Ok(Err(_)) | Err(_)) => vec![String::from("not known after a restart")],
                Err(_) => vec![String::from(
                    "perhaps not known after a restart: the disk does not answer",
                )],
            };
            for trouble in &troubles {
                tracing::warn!("maintenance: this change is {trouble}");
            }
            if let Some((mut text, reply)) = reply {
                for trouble in troubles {
                    text.push_str(&format!("\nbut this is {trouble}"));
                }
                // A client that has gone does not matter.
                let _ = reply.send(Ok(text));
            }
        });
    }
}

fn read(path: &Path) -> io::Result<Option<Order>> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
        Ok(metadata) if metadata.len() > LARGEST => {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(_) => {}
    }
    let text = fs::read(path)?;
    Ok(Some(serde_json::from_slice(&text)?))
}

/// In one step, so that no reader meets half a file.
fn write(directory: &Path, order: &Order) -> io::Result<()> {
    let (new, path) = (directory.join(format!("{FILE}.new")), directory.join(FILE));
    let mut text = serde_json::to_vec(order)?;
    text.push(b'\n');
    let mut file = fs::File::create(&new)?;
    file.write_all(&text)?;
    file.sync_all()?;
    fs::rename(&new, &path)
}

fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_file(directory.join(FILE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(until_unix_ms: Option<i64>) -> Order {
        Order {
            what: Asked::Maintenance,
            since_unix_ms: 1_000,
            until_unix_ms,
            uid: 0,
            pid: 4711,
        }
    }

    struct Places(PathBuf);

    impl Places {
        fn new(name: &str) -> (Self, OrderFile) {
            let base = std::env::temp_dir().join(format!("vrrpd-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&base);
            let (run, journal) = (base.join("run"), base.join("journal"));
            fs::create_dir_all(&run).unwrap();
            fs::create_dir_all(&journal).unwrap();
            (Self(base), OrderFile::new(&run, &journal))
        }
    }

    impl Drop for Places {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    async fn keep(file: &OrderFile, order: Order) -> String {
        let (reply, answer) = oneshot::channel();
        file.keep(order, String::from("kept"), reply);
        answer.await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn maintenance_is_found_after_a_restart_and_after_a_reboot() {
        let (places, file) = Places::new("order");
        assert_eq!(file.read(true), None);
        assert_eq!(keep(&file, order(None)).await, "kept");
        assert_eq!(file.read(false), Some(order(None)));
        fs::remove_file(places.0.join("run").join(FILE)).unwrap();
        assert_eq!(
            file.read(false),
            None,
            "only a reboot empties the run directory"
        );
        assert_eq!(file.read(true), Some(order(None)));
        assert_eq!(file.read(false), Some(order(None)), "from now on in both");
        let (reply, answer) = oneshot::channel();
        file.forget(Some((String::from("gone"), reply)));
        assert_eq!(answer.await.unwrap().unwrap(), "gone");
        assert_eq!(file.read(true), None);
    }

    #[tokio::test]
    async fn what_has_run_out_or_is_no_order_does_not_count() {
        let (places, file) = Places::new("order-out");
        keep(&file, order(Some(2_000))).await;
        assert_eq!(file.read(true), None);
        let later = order(Some(Now::read().unix_ms() + 60_000));
        keep(&file, later).await;
        assert_eq!(file.read(true), Some(later));
        fs::write(places.0.join("run").join(FILE), "half an ord").unwrap();
        assert_eq!(file.read(true), None);
    }

    #[tokio::test]
    async fn a_directory_that_cannot_be_written_is_told_to_the_operator() {
        let (places, file) = Places::new("order-lost");
        fs::remove_dir_all(places.0.join("journal")).unwrap();
        let text = keep(&file, order(None)).await;
        assert!(text.contains("not known after a reboot"), "{text}");
        assert_eq!(file.read(false), Some(order(None)));
    }

    /// A FIFO that nobody reads stands for a disk that hangs: opening it waits.
    #[tokio::test]
    async fn a_disk_that_hangs_holds_neither_the_caller_nor_the_next_change() {
        let (places, file) = Places::new("order-hangs");
        let disk = places.0.join("journal").join(format!("{FILE}.new"));
        nix::unistd::mkfifo(&disk, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let text = keep(&file, order(None)).await;
        assert!(text.contains("the disk does not answer"), "{text}");
        let (called, returned) = mpsc::channel();
        let (reply, answer) = oneshot::channel();
        let (changed, runtime) = (file.clone(), tokio::runtime::Handle::current());
        std::thread::spawn(move || {
            let _runtime = runtime.enter();
            changed.forget(Some((String::from("gone"), reply)));
            let _ = called.send(());
        });
        let returned = returned.recv_timeout(Duration::from_secs(5));
        let told = match returned {
            Ok(()) => answer.await.unwrap().unwrap(),
            Err(_) => String::new(),
        };
        // It answers again, and both changes come to an end.
        let reader = std::thread::spawn(move || fs::read(disk));
        assert_eq!(returned, Ok(()), "the caller waits for the disk");
        assert!(told.contains("the disk does not answer"), "{told}");
        let _ = reader.join().unwrap();
        let gone = async {
            while file.read(false).is_some() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(5), gone)
            .await
            .expect("the last change counts");
    }
}
