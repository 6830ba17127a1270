//! The start of the daemon, step by step, up to the main loop of the world around the engine.
//!
//! The order matters: the runner comes before anything is locked or threaded, locks and claims before the network is
//! touched, and privileges go before there is a second thread.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::cli::Options;
use crate::exit::Exit;
use crate::journal;
use crate::load::{self, Access, choose_file, load_options};
use crate::runner::Link;
use crate::service::background::{self, Parent};
use crate::service::locked::{DirectoryError, LockedDirectory, Purpose};
use crate::service::logging::{self, Destination, Detail, Log, PARENT, Sink};
use crate::service::privileges::{self, Kept, Privileges};
use crate::service::signals::Signals;
use crate::service::speaker::{Claims, keepalived, refuse_keepalived};
use crate::service::systemd::Manager;
use crate::watch;
use crate::world::{self, World};

/// Runs the daemon to its end, here or in the background.
#[must_use]
pub fn run(options: &Options, args: &[OsString], in_background: bool) -> Exit {
    if options.foreground {
        return serve(options, args, None);
    }
    if !in_background {
        let arguments = args.get(1..).unwrap_or_default();
        return background::start(&options.program, arguments).unwrap_or_else(|error| {
            crate::complain(options, &format!("cannot go to the background: {error}"));
            Exit::Failure
        });
    }
    match Parent::detach() {
        Ok(parent) => serve(options, args, Some(parent)),
        Err(error) => {
            crate::complain(options, &format!("cannot leave the terminal: {error}"));
            Exit::Failure
        }
    }
}

fn serve(options: &Options, args: &[OsString], parent: Option<Parent>) -> Exit {
    // The program's name would be `exe` after the link that it may have been started by.
    let _ = crate::sys::process::set_name(&options.program);
    let mut log = start_log(options, parent.is_some());
    logging::tell_panics();
    let outcome = if options.observe {
        prepare_observer(options, args, &mut log, parent)
            .and_then(|prepared| watch::run(options, prepared))
    } else {
        prepare(options, args, &mut log, parent).and_then(World::run)
    };
    outcome.unwrap_or_else(|failure| {
        tracing::error!("{}", failure.text);
        failure.exit
    })
}

/// Why the daemon did not start.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What it ends with.
    pub(crate) exit: Exit,
    /// For the log.
    pub(crate) text: String,
}

impl Failure {
    /// An error, with its causes, and what the process ends with.
    pub(crate) fn new(exit: Exit, error: &dyn std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let next = error.to_string();
            // Some messages repeat their cause.
            if !text.contains(&next) {
                text = format!("{text}: {next}");
            }
            cause = error.source();
        }
        Self { exit, text }
    }

    fn io(what: &str, error: &io::Error) -> Self {
        Self {
            exit: Exit::Failure,
            text: format!("{what}: {error}"),
        }
    }
}

/// Lines are kept until there may be a thread to write them.
fn start_log(options: &Options, in_background: bool) -> Log {
    let mut chosen = Destination::choose(options);
    if in_background && !chosen.contains(&Destination::Error) {
        // Until the start is complete its troubles are the caller's to read.
        chosen.push(Destination::Error);
    }
    let sinks = chosen
        .into_iter()
        .map(|destination| Sink::new(destination, options.as_keepalived(), options.facility))
        .collect();
    let log = Log::new(sinks);
    log.install(if options.detail > 0 {
        Detail::Detailed
    } else {
        Detail::Normal
    });
    log
}

/// From the first line of the log to a world that is ready to start its threads.
fn prepare(
    options: &Options,
    args: &[OsString],
    log: &mut Log,
    parent: Option<Parent>,
) -> Result<World, Failure> {
    introduce(options, args);
    let (file, passed_over) = choose_file(options);
    if passed_over {
        tracing::warn!(
            "{} is read, and {} is not: move one of them away, or choose with -f",
            load::KEEPALIVED_FILE,
            load::OWN_FILE
        );
    }
    let signals = Signals::block(options.ignore_interrupt)
        .map_err(|error| Failure::io("cannot take signals", &error))?;
    privileges::check().map_err(|error| Failure::new(Exit::Permission, &error))?;
    let link = match &options.runner {
        Some(socket) => Link::connect(socket),
        None => Link::spawn(),
    };
    let link = link.map_err(|error| Failure::new(Exit::Failure, &error))?;
    let run_dir = lock_run_dir(&options.run_dir)?;
    refuse(keepalived())?;
    make_journal_dir(&options.journal_dir);
    let privileges = drop_privileges(&run_dir, Kept::Daemon)?;
    // From here on there may be threads.
    log.start()
        .map_err(|error| Failure::io("cannot start the log", &error))?;
    let runner = link
        .attach()
        .map_err(|error| Failure::new(Exit::Failure, &error))?;
    // A daemon that never was root sees nothing of root's processes.
    if privileges == Privileges::Given {
        let seen = runner.keepalived();
        refuse(seen.map_err(|error| Failure::new(Exit::Failure, &error))?)?;
    }
    let options_of_file = load_options(options);
    let access = Access::Runner(runner.clone());
    let configuration = read_configuration(&file, &options_of_file, &access)?;
    if options.dump_configuration {
        for line in load::describe(&configuration.plan).lines() {
            tracing::info!("{line}");
        }
    }
    let mut claims = Claims::default();
    claims
        .replace(&configuration.plan.routers)
        .map_err(|error| Failure::new(Exit::OtherSpeaker, &error))?;
    Ok(World {
        parts: world::Parts {
            file,
            options: options_of_file,
            access,
            runner,
            run_dir,
            privileges,
            claims,
            manager: Manager::from_environment(),
            pid_files: pid_files(options),
            as_keepalived: options.as_keepalived(),
            ring_bytes: options.ring_bytes,
            metrics: options.metrics,
            journal_dir: std::path::absolute(&options.journal_dir)
                .unwrap_or_else(|_| options.journal_dir.clone()),
            journal_bounds: (options.journal_bytes, options.journal_age),
        },
        configuration,
        signals,
        parent,
    })
}

/// Rule 10: one speaker.
fn refuse(keepalived: Option<i32>) -> Result<(), Failure> {
    refuse_keepalived(keepalived).map_err(|error| Failure::new(Exit::OtherSpeaker, &error))
}

/// The same for an observer: it speaks for no router, so nobody else's speaking is in its way, and it runs no program.
fn prepare_observer(
    options: &Options,
    args: &[OsString],
    log: &mut Log,
    parent: Option<Parent>,
) -> Result<watch::Prepared, Failure> {
    introduce(options, args);
    let (file, _) = choose_file(options);
    let signals = Signals::block(options.ignore_interrupt)
        .map_err(|error| Failure::io("cannot take signals", &error))?;
    privileges::check_observer().map_err(|error| Failure::new(Exit::Permission, &error))?;
    let run_dir = lock_run_dir(&options.run_dir)?;
    // Before privileges go, as the file may be root's alone.
    let configuration = read_configuration(&file, &load_options(options), &Access::Direct)?;
    make_journal_dir(&options.journal_dir);
    let privileges = drop_privileges(&run_dir, Kept::Observer)?;
    log.start()
        .map_err(|error| Failure::io("cannot start the log", &error))?;
    if let Some(parent) = parent {
        parent.release();
    }
    Ok(watch::Prepared {
        configuration,
        file,
        run_dir,
        signals,
        root: privileges == Privileges::Root,
    })
}

/// The first lines of the log.
fn introduce(options: &Options, args: &[OsString]) {
    let words: Vec<_> = args.iter().map(|word| word.to_string_lossy()).collect();
    let name = if options.as_keepalived() {
        "Keepalived"
    } else {
        options.program.as_str()
    };
    tracing::info!(target: PARENT, "Starting {name} v{}", env!("CARGO_PKG_VERSION"));
    tracing::info!(target: PARENT, "Command line: {}", words.join(" "));
    if !options.surplus.is_empty() {
        tracing::warn!(
            "unexpected words are ignored: {}",
            options.surplus.join(" ")
        );
    }
    if !options.without_effect.is_empty() {
        tracing::warn!(
            "accepted without effect: {}",
            options.without_effect.join(" ")
        );
    }
}

fn read_configuration(
    file: &Path,
    options: &vrrp_config::LoadOptions,
    access: &Access,
) -> Result<load::Configuration, Failure> {
    load::load(file, options, access).map_err(|refused| Failure {
        exit: refused.exit,
        text: format!(
            "cannot run with {}: {} error{} above",
            file.display(),
            refused.errors,
            if refused.errors == 1 { "" } else { "s" }
        ),
    })
}

/// The journal's directory, for the user that the daemon goes on as. One that cannot be made is no reason not to start.
fn make_journal_dir(path: &Path) {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let user = privileges::daemon_user();
    let (uid, gid) = user.map_or_else(
        || (nix::unistd::geteuid(), nix::unistd::getegid()),
        |user| (user.uid, user.gid),
    );
    journal::make(path, uid, gid);
}

/// The run directory, signed with this process's number.
fn lock_run_dir(path: &Path) -> Result<LockedDirectory, Failure> {
    let locked = LockedDirectory::lock(path, Purpose::Run).and_then(|mut directory| {
        directory.sign()?;
        Ok(directory)
    });
    locked.map_err(|error| {
        let exit = match error {
            DirectoryError::InUse { .. } => Exit::OtherSpeaker,
            DirectoryError::Io { .. } => Exit::Failure,
        };
        Failure::new(exit, &error)
    })
}

fn drop_privileges(run_dir: &LockedDirectory, kept: Kept) -> Result<Privileges, Failure> {
    let user = privileges::daemon_user();
    if let Some(user) = &user
        && nix::unistd::geteuid().is_root()
    {
        run_dir
            .give_to(user.uid, user.gid)
            .map_err(|error| Failure::new(Exit::Failure, &error))?;
    }
    let outcome = privileges::drop_to(user.as_ref(), kept)
        .map_err(|error| Failure::new(Exit::Permission, &error))?;
    match &outcome {
        Privileges::Dropped { uid } => {
            tracing::info!("runs as user {} (uid {uid})", privileges::USER);
        }
        Privileges::Root => tracing::warn!(
            "stays root: there is no user {}; create it to run with less",
            privileges::USER
        ),
        Privileges::Given => {
            tracing::info!("runs as uid {}", nix::unistd::geteuid());
        }
    }
    Ok(outcome)
}

/// Where the process id goes: where the command line says, and as keepalived where its users look.
fn pid_files(options: &Options) -> Vec<PathBuf> {
    let default = |name| options.as_keepalived().then(|| PathBuf::from(name));
    let parent = options
        .pid_file
        .clone()
        .or_else(|| default("/run/keepalived.pid"));
    let vrrp = options
        .vrrp_pid_file
        .clone()
        .or_else(|| default("/run/vrrp.pid"));
    let files = [parent, vrrp].into_iter().flatten();
    files
        .map(|file| std::path::absolute(&file).unwrap_or(file))
        .collect()
}
