//! An allocator that counts the calls of each thread, for tests of code that must not allocate.
//!
//! A test's program makes it its own with `#[global_allocator]`, and compares [`calls`] before and after.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, counted.
#[derive(Clone, Copy, Debug)]
pub struct Counting;

/// How often this thread has called the allocator.
///
/// # Panics
/// In a program with another allocator, where nothing is ever counted.
#[must_use]
pub fn calls() -> u64 {
    let before = CALLS.get();
    drop(std::hint::black_box(Box::new(0_u8)));
    assert_ne!(CALLS.get(), before, "`Counting` is not the allocator here");
    CALLS.set(before);
    before
}

fn count() {
    // Absent only while the thread ends.
    let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
}

// SAFETY: every call is passed on unchanged to the system's allocator; counting touches only a thread-local cell.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's contract for `alloc` is the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        // SAFETY: the pointer came from `alloc` above, which is the system allocator's.
        unsafe { System.dealloc(pointer, layout) }
    }
}
