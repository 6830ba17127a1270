//! Starting a program as another user, the way keepalived's users know it: see [`start`].
//!
//! Between fork and exec only async-signal-safe calls are made and nothing is allocated: the runner has threads.

use std::convert::Infallible;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::sys::prctl;
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, sigprocmask};
use nix::unistd::{self, ForkResult, Gid, Pid, Uid};

/// A program ready to be started: everything that needs memory is made here, before the fork.
#[derive(Debug)]
pub(crate) struct Executable {
    path: CString,
    argv: Vec<CString>,
    /// What runs a text file without `#!`: a shell, with the path and the arguments behind it.
    script_argv: Vec<CString>,
    environment: Vec<CString>,
    uid: Uid,
    gid: Gid,
}

/// The shell that runs a file without `#!`, and keepalived's `<` form.
pub(crate) const SHELL: &CStr = c"/bin/sh";

impl Executable {
    /// `path` with `argv` (its own name first) and `environment` (`NAME=value`), as user `uid` and group `gid`.
    pub(crate) fn new(
        path: CString,
        argv: Vec<CString>,
        environment: Vec<CString>,
        uid: u32,
        gid: u32,
    ) -> Self {
        let script_argv = [SHELL.to_owned(), path.clone()]
            .into_iter()
            .chain(argv.iter().skip(1).cloned())
            .collect();
        Self {
            path,
            argv,
            script_argv,
            environment,
            uid: Uid::from_raw(uid),
            gid: Gid::from_raw(gid),
        }
    }
}

/// Starts a program in a process group of its own: standard streams on `/dev/null`, directory `/`, no supplementary
/// groups, every signal at its default and unblocked, SIGTERM when the calling thread dies, umask inherited.
///
/// Does not wait for the exec, which may hang on a file system. The descriptor gives the exec's errno as four bytes in
/// native order, or ends empty when the program runs.
pub(crate) fn start(program: &Executable) -> io::Result<(Pid, OwnedFd)> {
    let argv = pointers(&program.argv);
    let script_argv = pointers(&program.script_argv);
    let environment = pointers(&program.environment);
    let null = File::options().read(true).write(true).open("/dev/null")?;
    let (result, report) = unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
    let parent = Pid::this();
    // SAFETY: the child calls `become_program` at once, which only makes async-signal-safe calls on memory prepared
    // above, allocates nothing, and never returns.
    match unsafe { unistd::fork() }? {
        ForkResult::Parent { child } => {
            // The child does so too: whoever is first, its group exists before anything is sent to it.
            let _ = unistd::setpgid(child, child);
            Ok((child, result))
        }
        ForkResult::Child => {
            let images = Images {
                argv: &argv,
                script_argv: &script_argv,
                environment: &environment,
            };
            let Err(errno) = become_program(program, parent, null.as_fd(), &images);
            // The pipe is new and empty, so four bytes fit; without it the status alone tells of the failure.
            let _ = unistd::write(&report, &(errno as i32).to_ne_bytes());
            // SAFETY: _exit ends the process without running anything of the parent's.
            unsafe { libc::_exit(127) }
        }
    }
}

/// What exec is given: arrays of pointers that end with a null pointer.
struct Images<'a> {
    argv: &'a [*const libc::c_char],
    script_argv: &'a [*const libc::c_char],
    environment: &'a [*const libc::c_char],
}

/// Everything between fork and exec; returns only with what failed.
fn become_program(
    program: &Executable,
    parent: Pid,
    null: BorrowedFd<'_>,
    images: &Images<'_>,
) -> Result<Infallible, Errno> {
    unistd::setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
    unistd::dup2_stdin(null)?;
    unistd::dup2_stdout(null)?;
    unistd::dup2_stderr(null)?;
    unistd::chdir(c"/")?;
    if unistd::geteuid().is_root() {
        unistd::setgroups(&[])?;
    }
    unistd::setresgid(program.gid, program.gid, program.gid)?;
    unistd::setresuid(program.uid, program.uid, program.uid)?;
    // After the change of user, which clears it; then the parent may be gone already.
    prctl::set_pdeathsig(Some(Signal::SIGTERM))?;
    if unistd::getppid() != parent {
        return Err(Errno::ESRCH);
    }
    for number in 1..=libc::SIGRTMAX() {
        // SAFETY: setting the default action installs no code of ours; numbers that cannot be changed are refused.
        unsafe { libc::signal(number, libc::SIG_DFL) };
    }
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
    let errno = execute(&program.path, images.argv, images.environment);
    if errno == Errno::ENOEXEC {
        return Err(execute(SHELL, images.script_argv, images.environment));
    }
    Err(errno)
}

/// Replaces the process image; returns only with the reason why not.
fn execute(
    path: &CStr,
    argv: &[*const libc::c_char],
    environment: &[*const libc::c_char],
) -> Errno {
    // SAFETY: `path` is a C string; both arrays end with a null pointer and point to C strings that `Executable` owns
    // and that outlive the call.
    unsafe { libc::execve(path.as_ptr(), argv.as_ptr(), environment.as_ptr()) };
    Errno::last()
}

/// Pointers to the strings, and a null pointer at the end, as exec wants them.
fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings
        .iter()
        .map(|string| string.as_ptr())
        .chain([ptr::null()])
        .collect()
}

/// Takes this process out of real time, so that nothing that it starts is in it.
pub(crate) fn leave_real_time() -> io::Result<()> {
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: `parameters` is an initialised sched_param that outlives the call; 0 is the calling thread.
    match unsafe { libc::sched_setscheduler(0, libc::SCHED_OTHER, &raw const parameters) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Marks every descriptor from `first` on as closed on exec, so that what this process inherited goes no further.
///
/// Linux before 5.11 cannot; there they are inherited, as they were by keepalived's scripts.
pub(crate) fn close_on_exec_from(first: u32) -> io::Result<()> {
    const CLOSE_RANGE_CLOEXEC: u32 = 4;
    // SAFETY: the call takes three numbers and touches no memory of ours; no descriptor is closed by it.
    let result =
        unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, CLOSE_RANGE_CLOEXEC) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Sets the name that the process has in lists of processes; at most 15 bytes of it count.
pub(crate) fn set_name(name: &str) -> io::Result<()> {
    prctl::set_name(&CString::new(name)?)?;
    Ok(())
}

/// Gives a signal its default action.
pub(crate) fn default(signal: Signal) -> io::Result<()> {
    // SAFETY: the default action is no code of ours.
    unsafe { nix::sys::signal::signal(signal, SigHandler::SigDfl) }?;
    Ok(())
}

/// Ignores a signal.
pub(crate) fn ignore(signal: Signal) -> io::Result<()> {
    // SAFETY: ignoring installs no code of ours.
    unsafe { nix::sys::signal::signal(signal, SigHandler::SigIgn) }?;
    Ok(())
}

/// A set of signals by number, real-time ones included, which nix cannot name.
pub(crate) fn signal_set(numbers: impl IntoIterator<Item = i32>) -> SigSet {
    let mut set = *SigSet::empty().as_ref();
    for number in numbers {
        // SAFETY: `set` is an initialised signal set; a number that is no signal is refused.
        unsafe { libc::sigaddset(&raw mut set, number) };
    }
    // SAFETY: `set` was made by sigemptyset and sigaddset.
    unsafe { SigSet::from_sigset_t_unchecked(set) }
}

/// A descriptor of a process, which becomes readable when the process ends.
pub(crate) fn open(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: the call takes two numbers and touches no memory of ours.
    let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let descriptor = i32::try_from(descriptor).unwrap_or(-1);
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor for us and told nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}
