//! Scheduling class, stack and signals of the calling thread.

use std::io;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use nix::libc;
use nix::sys::resource::{UsageWho, getrusage};

/// Threads that SIGXCPU demotes, by kernel number; zero where there is none.
static REALTIME_THREADS: [AtomicI32; 8] = [const { AtomicI32::new(0) }; 8];
/// Whether SIGXCPU has come since [`take_limit_reached`] last asked.
static LIMIT_REACHED: AtomicBool = AtomicBool::new(false);

/// The calling thread's number.
pub(crate) fn current() -> i32 {
    nix::unistd::gettid().as_raw()
}

/// Puts the calling thread into SCHED_FIFO with this priority; its children start in the ordinary class.
pub(crate) fn set_fifo(priority: u8) -> io::Result<()> {
    set_class(
        0,
        libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK,
        priority.into(),
    )
}

/// Puts the calling thread into the ordinary class.
pub(crate) fn set_ordinary() -> io::Result<()> {
    set_class(0, libc::SCHED_OTHER | libc::SCHED_RESET_ON_FORK, 0)
}

/// The calling thread's class and priority, as the kernel sees them.
#[cfg(test)]
pub(crate) fn class() -> (i32, i32) {
    // SAFETY: sched_param is a plain C structure for which all-zero bytes are a valid value.
    let mut param: libc::sched_param = unsafe { std::mem::zeroed() };
    // SAFETY: `param` is a sched_param that outlives the call; 0 is the calling thread.
    let _ = unsafe { libc::sched_getparam(0, &raw mut param) };
    // SAFETY: takes and touches no memory.
    let policy = unsafe { libc::sched_getscheduler(0) };
    (policy & !libc::SCHED_RESET_ON_FORK, param.sched_priority)
}

/// By system call, because C libraries without POSIX thread scheduling (musl) refuse the library call.
fn set_class(thread: i32, policy: i32, priority: i32) -> io::Result<()> {
    // SAFETY: sched_param is a plain C structure for which all-zero bytes are a valid value.
    let mut param: libc::sched_param = unsafe { std::mem::zeroed() };
    param.sched_priority = priority;
    // SAFETY: the kernel reads one sched_param, which outlives the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_sched_setscheduler,
            thread,
            policy,
            &raw const param,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Faults and context switches of a thread since its start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    pub(crate) major_faults: u64,
    pub(crate) minor_faults: u64,
    pub(crate) voluntary: u64,
    pub(crate) involuntary: u64,
}

/// What the calling thread has used.
pub(crate) fn usage() -> Option<Usage> {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).ok()?;
    let count = |number| u64::try_from(number).unwrap_or_default();
    Some(Usage {
        major_faults: count(usage.major_page_faults()),
        minor_faults: count(usage.minor_page_faults()),
        voluntary: count(usage.voluntary_context_switches()),
        involuntary: count(usage.involuntary_context_switches()),
    })
}

/// Timer slack of the calling thread, in nanoseconds. Its timers do not have it, but its sleeps do.
pub(crate) fn timer_slack() -> Option<u64> {
    // SAFETY: takes a number and touches no memory.
    let slack = unsafe { libc::prctl(libc::PR_GET_TIMERSLACK) };
    u64::try_from(slack).ok()
}

/// The calling thread's stack: lowest address and bytes. `None` where the C library cannot tell.
pub(crate) fn stack() -> Option<(usize, usize)> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: takes and touches no memory.
    let thread = unsafe { libc::pthread_self() };
    // SAFETY: the calling thread exists, and the call initialises `attributes` when it returns 0.
    let result = unsafe { libc::pthread_getattr_np(thread, attributes.as_mut_ptr()) };
    if result != 0 {
        return None;
    }
    let mut lowest = std::ptr::null_mut();
    let mut bytes = 0;
    // SAFETY: `attributes` was initialised above; both results are written before the call returns.
    let result = unsafe {
        libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut lowest, &raw mut bytes)
    };
    // SAFETY: `attributes` was initialised above and is not used again.
    unsafe { libc::pthread_attr_destroy(attributes.as_mut_ptr()) };
    (result == 0).then_some((lowest.addr(), bytes))
}

/// Names a thread that SIGXCPU takes out of its real-time class; forget it again before it ends.
pub(crate) fn watch_limit(thread: i32) {
    for slot in &REALTIME_THREADS {
        if slot
            .compare_exchange(0, thread, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
        {
            return;
        }
    }
}

/// Forgets a thread named to [`watch_limit`].
pub(crate) fn forget_limit(thread: i32) {
    for slot in &REALTIME_THREADS {
        let _ = slot.compare_exchange(thread, 0, Ordering::AcqRel, Ordering::Relaxed);
    }
}

/// Whether SIGXCPU has come since the last call.
pub(crate) fn take_limit_reached() -> bool {
    // A plain load in the usual case: the engine asks at every wake-up.
    LIMIT_REACHED.load(Ordering::Acquire) && LIMIT_REACHED.swap(false, Ordering::AcqRel)
}

/// Makes the kernel send SIGXCPU to a real-time thread that has run for `micros` without sleeping, and the signal demote
/// every thread named to [`watch_limit`], from whichever thread it interrupts.
pub(crate) fn install_limit(micros: u64) -> io::Result<()> {
    // SAFETY: sigaction is a plain C structure for which all-zero bytes are a valid value.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    let handler: extern "C" fn(i32) = on_limit;
    action.sa_sigaction = handler as usize;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: `action` is initialised; the handler makes only system calls and atomic operations, which are safe in a
    // signal handler.
    let result = unsafe { libc::sigaction(libc::SIGXCPU, &raw const action, std::ptr::null_mut()) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: rlimit is a plain C structure for which all-zero bytes are a valid value.
    let mut limit: libc::rlimit = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes one rlimit, which outlives the call.
    if unsafe { libc::getrlimit(libc::RLIMIT_RTTIME, &raw mut limit) } != 0 {
        return Err(io::Error::last_os_error());
    }
    limit.rlim_cur = micros.min(limit.rlim_max);
    // SAFETY: the kernel reads one rlimit, which outlives the call.
    let result = unsafe { libc::setrlimit(libc::RLIMIT_RTTIME, &raw const limit) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Takes every watched thread out of its real-time class: the one that loops may never reach its own checks again.
extern "C" fn on_limit(_signal: i32) {
    for slot in &REALTIME_THREADS {
        let thread = slot.load(Ordering::Acquire);
        if thread != 0 {
            let _ = set_class(thread, libc::SCHED_OTHER | libc::SCHED_RESET_ON_FORK, 0);
        }
    }
    LIMIT_REACHED.store(true, Ordering::Release);
}

/// Ends the process at once, without running exit handlers that may wait for a hanging world.
pub(crate) fn end_process(code: i32) -> ! {
    // SAFETY: _exit takes and touches no memory and does not return.
    unsafe { libc::_exit(code) }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// Safety rule 4: a real-time thread that never sleeps is taken out of its class by the kernel's signal. In a process
    /// of its own: the signal demotes every watched thread.
    #[test]
    fn the_kernels_limit_demotes_a_thread_that_never_sleeps() {
        let program = std::env::current_exe().unwrap();
        let name = "sys::thread::tests::a_thread_that_never_sleeps_is_demoted";
        let output = std::process::Command::new(program)
            .args(["--exact", name, "--ignored", "--nocapture"])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && text.contains("1 passed"),
            "{text}"
        );
        for line in text.lines().filter(|line| line.starts_with("SKIPPED")) {
            eprintln!("{line}");
        }
    }

    #[test]
    #[ignore = "run by the test above in a process of its own"]
    fn a_thread_that_never_sleeps_is_demoted() {
        let looped = std::thread::spawn(|| {
            watch_limit(current());
            install_limit(200_000).unwrap();
            if let Err(error) = set_fifo(1) {
                forget_limit(current());
                return Err(error);
            }
            let began = Instant::now();
            let mut counted = 0_u64;
            while class().0 == libc::SCHED_FIFO && began.elapsed() < Duration::from_secs(5) {
                counted = std::hint::black_box(counted + 1);
            }
            forget_limit(current());
            Ok((class().0, began.elapsed()))
        });
        match looped.join().unwrap() {
            Ok((class, after)) => {
                assert_eq!(class, libc::SCHED_OTHER, "still real-time after {after:?}");
                assert!(
                    after >= Duration::from_millis(150),
                    "demoted after {after:?} already"
                );
            }
            Err(error) => println!("SKIPPED: real time is refused here: {error}"),
        }
    }
}
