//! Bounded, wait-free queues between two threads, and the event descriptor that wakes the receiver.
//!
//! A queue has one sender and one receiver; several queues may wake their receiver through one [`Signal`]. Sending and
//! receiving never wait, never allocate after creation and never lock, so both ends may be the engine's. What is done
//! about a full queue is the sender's business.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;

use nix::sys::eventfd::{EfdFlags, EventFd};

/// An event descriptor that is readable from the first [`Signal::raise`] until the next [`Signal::clear`].
///
/// Clones share the descriptor. Usable with epoll (level-triggered) and with tokio's `AsyncFd`.
#[derive(Clone)]
pub struct Signal(Arc<EventFd>);

impl Signal {
    /// A signal that is not raised.
    ///
    /// # Errors
    /// When the process has no descriptor left.
    pub fn new() -> io::Result<Self> {
        let event =
            EventFd::from_value_and_flags(0, EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?;
        Ok(Self(Arc::new(event)))
    }

    /// Makes the descriptor readable. Never waits: a counter that is full is raised already.
    pub fn raise(&self) {
        // The only failure of a non-blocking event descriptor is a full counter, which is as raised as can be.
        let _ = self.0.write(1);
    }

    /// Makes the descriptor unreadable. Clear first, then look at the queues: what is sent in between raises it again.
    pub fn clear(&self) {
        // Not raised is reported as an error; it is what was asked for.
        let _ = self.0.read();
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signal").field(&self.as_raw_fd()).finish()
    }
}

impl AsFd for Signal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Signal {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

/// A queue of at most `capacity` items whose receiver is woken by `signal`.
#[must_use]
pub fn bounded<T>(capacity: usize, signal: Signal) -> (Sender<T>, Receiver<T>) {
    let (producer, consumer) = rtrb::RingBuffer::new(capacity);
    (
        Sender {
            producer,
            signal: RaisedAtEnd(signal.clone()),
        },
        Receiver { consumer, signal },
    )
}

/// The sending end. Dropping it wakes the receiver, which finds out that it is alone.
pub struct Sender<T> {
    producer: rtrb::Producer<T>,
    /// Behind the producer, because fields go in their order: a receiver that was woken while there still is a producer
    /// would sleep again, and for ever.
    signal: RaisedAtEnd,
}

/// Raises its signal when it is dropped.
struct RaisedAtEnd(Signal);

impl Drop for RaisedAtEnd {
    fn drop(&mut self) {
        self.0.raise();
    }
}

impl<T> Sender<T> {
    /// Queues `item` and wakes the receiver.
    ///
    /// # Errors
    /// Gives the item back when the queue is full.
    pub fn send(&mut self, item: T) -> Result<(), T> {
        self.producer
            .push(item)
            .map_err(|rtrb::PushError::Full(item)| item)?;
        self.signal.0.raise();
        Ok(())
    }

    /// How many items can be sent now.
    #[must_use]
    pub fn free(&self) -> usize {
        self.producer.slots()
    }

    /// Whether the receiving end is gone.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.producer.is_abandoned()
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("free", &self.free())
            .field("signal", &self.signal.0)
            .finish()
    }
}

/// The receiving end.
pub struct Receiver<T> {
    consumer: rtrb::Consumer<T>,
    signal: Signal,
}

impl<T> Receiver<T> {
    /// The oldest item, if there is one. Leaves the signal as it is: see [`Signal::clear`].
    pub fn try_next(&mut self) -> Option<T> {
        self.consumer.pop().ok()
    }

    /// What wakes this receiver.
    #[must_use]
    pub const fn signal(&self) -> &Signal {
        &self.signal
    }

    /// Whether the sending end is gone; items may be left.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.consumer.is_abandoned()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("waiting", &self.consumer.slots())
            .field("signal", &self.signal)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    use super::*;

    fn readable(signal: &Signal) -> bool {
        let mut fds = [PollFd::new(signal.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::ZERO).unwrap() == 1
    }

    #[test]
    fn a_full_queue_gives_the_item_back_and_keeps_the_order() {
        let signal = Signal::new().unwrap();
        let (mut sender, mut receiver) = bounded(2, signal);
        assert_eq!(sender.send(1), Ok(()));
        assert_eq!(sender.send(2), Ok(()));
        assert_eq!(sender.send(3), Err(3));
        assert_eq!(receiver.try_next(), Some(1));
        assert_eq!(sender.send(4), Ok(()));
        assert_eq!(receiver.try_next(), Some(2));
        assert_eq!(receiver.try_next(), Some(4));
        assert_eq!(receiver.try_next(), None);
    }

    #[test]
    fn the_signal_is_raised_by_a_send_and_stays_until_cleared() {
        let signal = Signal::new().unwrap();
        let (mut sender, mut receiver) = bounded(4, signal.clone());
        assert!(!readable(&signal));
        sender.send(()).unwrap();
        sender.send(()).unwrap();
        assert!(readable(&signal));
        assert!(receiver.try_next().is_some());
        assert!(
            readable(&signal),
            "taking an item does not clear the signal of the others"
        );
        receiver.signal().clear();
        assert!(!readable(&signal));
        receiver.signal().clear();
        assert!(receiver.try_next().is_some());
    }

    #[test]
    fn two_queues_share_one_signal() {
        let signal = Signal::new().unwrap();
        let (mut first, mut first_end) = bounded(1, signal.clone());
        let (mut second, mut second_end) = bounded(1, signal.clone());
        second.send('b').unwrap();
        assert!(readable(&signal));
        signal.clear();
        assert_eq!(
            (first_end.try_next(), second_end.try_next()),
            (None, Some('b'))
        );
        first.send('a').unwrap();
        assert!(readable(&signal));
        signal.clear();
        drop(first);
        assert!(readable(&signal), "a sender that goes wakes its receiver");
        assert!(first_end.is_abandoned());
        assert_eq!(
            first_end.try_next(),
            Some('a'),
            "what was sent before the sender went is still there"
        );
    }

    #[test]
    fn a_sleeping_receiver_of_another_thread_gets_every_item_in_order() {
        let signal = Signal::new().unwrap();
        let (mut sender, mut receiver) = bounded(8, signal.clone());
        let worker = std::thread::spawn(move || {
            for number in 0..1000_u32 {
                let mut item = number;
                while let Err(back) = sender.send(item) {
                    item = back;
                    std::thread::sleep(Duration::from_micros(50));
                }
            }
        });
        let mut expected = 0;
        while expected < 1000 {
            let mut fds = [PollFd::new(signal.as_fd(), PollFlags::POLLIN)];
            assert_eq!(
                poll(&mut fds, 5000_u16).unwrap(),
                1,
                "item {expected} did not wake the receiver"
            );
            signal.clear();
            while let Some(item) = receiver.try_next() {
                assert_eq!(item, expected);
                expected += 1;
            }
        }
        worker.join().unwrap();
    }

    /// Where the wake-up comes before the sender is gone, a receiver sometimes sleeps for ever: hence so many times.
    #[test]
    fn a_receiver_that_is_woken_by_the_end_finds_itself_alone() {
        for _ in 0..2_000 {
            let signal = Signal::new().unwrap();
            let (sender, receiver) = bounded::<()>(1, signal.clone());
            let ends = std::thread::spawn(move || drop(sender));
            let mut fds = [PollFd::new(signal.as_fd(), PollFlags::POLLIN)];
            assert_eq!(poll(&mut fds, 10_000_u16).unwrap(), 1, "not woken");
            assert!(receiver.is_abandoned());
            ends.join().unwrap();
        }
    }
}
