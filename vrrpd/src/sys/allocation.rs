//! Counts the allocations of chosen threads in this crate's tests.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

/// Watched threads by kernel number, zero where there is none, and what each has allocated or freed.
static WATCHED: [(AtomicI32, AtomicU64); 4] = [const { (AtomicI32::new(0), AtomicU64::new(0)) }; 4];
/// How many are watched: nothing else is looked at while there are none.
static COUNT: AtomicU64 = AtomicU64::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Counting;

// SAFETY: every call goes on to the system's allocator unchanged; the counting beside it allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

fn count() {
    if COUNT.load(Ordering::Relaxed) == 0 {
        return;
    }
    let thread = super::thread::current();
    for (watched, calls) in &WATCHED {
        if watched.load(Ordering::Relaxed) == thread {
            calls.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A thread whose calls of the allocator are counted while this lives.
pub(crate) struct Watch(usize);

impl Watch {
    pub(crate) fn begin(thread: i32) -> Self {
        for (place, (watched, calls)) in WATCHED.iter().enumerate() {
            if watched
                .compare_exchange(0, thread, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
            {
                calls.store(0, Ordering::Relaxed);
                COUNT.fetch_add(1, Ordering::AcqRel);
                return Self(place);
            }
        }
        panic!("four threads are watched already");
    }

    /// Calls of the allocator so far.
    pub(crate) fn calls(&self) -> u64 {
        WATCHED[self.0].1.load(Ordering::Relaxed)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        WATCHED[self.0].0.store(0, Ordering::Release);
        COUNT.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watched_threads_allocations_are_seen() {
        let watch = Watch::begin(crate::sys::thread::current());
        let before = watch.calls();
        drop(std::hint::black_box(Box::new(7)));
        assert_eq!(watch.calls(), before + 2);
    }
}
