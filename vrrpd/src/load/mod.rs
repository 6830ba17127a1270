//! From the command line to a configuration that can run: which file, its plan, and every command as a program with its
//! user.
//!
//! Files, users and programs are looked at through the runner, or directly by `-t`, which is its caller's own process.

mod access;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use vrrp_config::plan::{CommandPlan, NotifyPlan, Plan};
use vrrp_config::{LoadOptions, Loaded, Severity};
use vrrp_proto::router::FastFail;

pub use access::Access;
use access::candidate;

use crate::cli::Options;
use crate::exit::Exit;
use crate::notify::{Commands, Fifo};
use crate::runner::{DEFAULT_USER, Program};
use crate::track::{Settings, Watched};

/// keepalived's file.
pub const KEEPALIVED_FILE: &str = "/etc/keepalived/keepalived.conf";
/// Ours.
pub const OWN_FILE: &str = "/etc/vrrpd/vrrpd.toml";

/// Complaints that a log is told of one configuration; `vrrpd -t` shows all.
const LOGGED_COMPLAINTS: usize = 50;

/// The configuration file to read, and whether our own file is passed over for keepalived's.
#[must_use]
pub fn choose_file(options: &Options) -> (PathBuf, bool) {
    choose(options, |path| path.exists())
}

fn choose(options: &Options, exists: impl Fn(&Path) -> bool) -> (PathBuf, bool) {
    let (keepalived, own) = (Path::new(KEEPALIVED_FILE), Path::new(OWN_FILE));
    if let Some(file) = &options.config {
        // Absolute, as the daemon's directory is not the caller's.
        let file = std::path::absolute(file).unwrap_or_else(|_| file.clone());
        (file, false)
    } else if options.as_keepalived() {
        (keepalived.to_owned(), false)
    } else if exists(keepalived) {
        (keepalived.to_owned(), exists(own))
    } else {
        (own.to_owned(), false)
    }
}

/// What the configuration's reader may choose.
#[must_use]
pub fn load_options(options: &Options) -> LoadOptions {
    LoadOptions {
        config_id: options.config_id.clone().unwrap_or_else(short_host_name),
        strict_includes: options.all_includes,
        fast_fail: options.fast_fail.then_some(FastFail {
            peer_priority: options.peer_priority,
        }),
    }
}

/// keepalived's default for the id of conditional lines: the host name up to the first dot.
fn short_host_name() -> String {
    let name = nix::unistd::gethostname().unwrap_or_default();
    let name = name.to_string_lossy();
    name.split('.').next().unwrap_or_default().to_owned()
}

/// A configuration that can run.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// Everything about routers.
    pub plan: Arc<Plan>,
    /// Warnings of its file.
    pub warnings: u32,
    /// Track scripts that can be started.
    pub scripts: Vec<Settings>,
    /// Notify programs of each router, in the plan's order.
    pub router_commands: Vec<Commands>,
    /// Notify programs of each group, in the plan's order.
    pub group_commands: Vec<Commands>,
    /// Notify FIFOs that could be opened.
    pub fifos: Vec<Fifo>,
}

/// A configuration that cannot run. Its messages are in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What the process ends with, if it ends for that.
    pub exit: Exit,
    /// How many errors there are.
    pub errors: u32,
}

/// Reads a configuration and finds its programs. Messages go to the log, each as one line: where, what, and what to
/// write instead. The line of the file is not shown there, as it may hold a password (safety rule 11).
///
/// # Errors
/// [`Refused`].
pub fn load(file: &Path, options: &LoadOptions, access: &Access) -> Result<Configuration, Refused> {
    let loaded = vrrp_config::load(file, access, access, options);
    let (errors, warnings) = log_complaints(file, &loaded);
    let Some(plan) = loaded.plan else {
        return Err(Refused {
            exit: Exit::Class(loaded.run_exit),
            errors: errors.max(1),
        });
    };
    let mut programs = Programs {
        access,
        plan: &plan,
        without_default_user: false,
    };
    let scripts = programs.scripts();
    let routers = plan.routers.iter();
    let router_commands = routers
        .map(|router| programs.commands(&router.name, &router.notify, router.smtp_alert))
        .collect();
    let groups = plan.groups.iter();
    let group_commands = groups
        .map(|group| programs.commands(&group.name, &group.notify, group.smtp_alert))
        .collect();
    let fifos = programs.fifos();
    if programs.without_default_user {
        tracing::info!(
            "Script user '{DEFAULT_USER}' does not exist: programs without a user of their own run as the daemon's"
        );
    }
    Ok(Configuration {
        plan: Arc::new(plan),
        warnings,
        scripts,
        router_commands,
        group_commands,
        fifos,
    })
}

/// Logs the messages of a file; returns how many errors and warnings there are.
fn log_complaints(file: &Path, loaded: &Loaded) -> (u32, u32) {
    let (mut errors, mut warnings) = (0, 0);
    for (number, diagnostic) in loaded.diagnostics.iter().enumerate() {
        match diagnostic.severity {
            Severity::Error => errors += 1,
            Severity::Warning => warnings += 1,
            Severity::Note => {}
        }
        if number == LOGGED_COMPLAINTS {
            let file = file.display();
            tracing::warn!(
                "more messages about {file} are left out: vrrpd -t -f {file} shows them"
            );
        }
        if number >= LOGGED_COMPLAINTS && diagnostic.severity != Severity::Error {
            continue;
        }
        let rendered = diagnostic.render(&loaded.sources);
        let first = rendered.lines().next().unwrap_or_default();
        let help = diagnostic
            .help
            .as_ref()
            .map(|help| format!(" ({help})"))
            .unwrap_or_default();
        match diagnostic.severity {
            Severity::Error => tracing::error!("{first}{help}"),
            Severity::Warning => tracing::warn!("{first}{help}"),
            Severity::Note => tracing::info!("{first}{help}"),
        }
    }
    (errors, warnings)
}

/// The plan in words, for `-d`. Arguments of commands are left out, and passwords show themselves redacted (safety rule
/// 11).
#[must_use]
pub fn describe(plan: &Plan) -> String {
    let mut shown = plan.clone();
    let scripts = shown.scripts.iter_mut().map(|script| &mut script.command);
    let routers = shown.routers.iter_mut().map(|router| &mut router.notify);
    let groups = shown.groups.iter_mut().map(|group| &mut group.notify);
    let readers = shown
        .global
        .fifos
        .iter_mut()
        .filter_map(|fifo| fifo.script.as_mut());
    let notify = routers.chain(groups).flat_map(|notify| {
        let NotifyPlan {
            master,
            backup,
            fault,
            stop,
            deleted,
            any,
            lower_heard,
            priority_changes: _,
        } = notify;
        [master, backup, fault, stop, deleted, any, lower_heard]
            .into_iter()
            .flatten()
    });
    for command in scripts.chain(notify).chain(readers) {
        let hidden = command.argv.len().saturating_sub(1);
        command.argv.truncate(1);
        if command.shell {
            command.argv = vec![String::from("(text for a shell)")];
        } else if hidden > 0 {
            command.argv.push(format!("({hidden} more)"));
        }
    }
    format!("{shown:#?}")
}

/// From commands of the plan to programs.
struct Programs<'a> {
    access: &'a Access,
    plan: &'a Plan,
    without_default_user: bool,
}

impl Programs<'_> {
    fn scripts(&mut self) -> Vec<Settings> {
        let plan = self.plan;
        let mut scripts = Vec::new();
        for script in &plan.scripts {
            let what = format!("vrrp_script {}", script.name);
            let Some(program) = self.program(&what, &script.command) else {
                continue;
            };
            scripts.push(Settings {
                name: script.name.as_str().into(),
                program,
                interval: script.interval.max(Duration::from_millis(1)),
                timeout: script.timeout,
                rise: script.rise,
                fall: script.fall,
                init_fail: script.init_fail,
                watches: plan
                    .global
                    .fast_fail
                    .and_then(|_| Watched::by(&script.command.argv)),
            });
        }
        scripts
    }

    fn commands(&mut self, name: &str, notify: &NotifyPlan, mail: bool) -> Commands {
        let mut find = |word: &str, command: &Option<CommandPlan>| {
            let command = command.as_ref()?;
            self.program(&format!("{word} of {name}"), command)
        };
        Commands {
            master: find("notify_master", &notify.master),
            backup: find("notify_backup", &notify.backup),
            fault: find("notify_fault", &notify.fault),
            stop: find("notify_stop", &notify.stop),
            deleted: find("notify_deleted", &notify.deleted),
            any: find("notify", &notify.any),
            lower_heard: find("notify_master_rx_lower_pri", &notify.lower_heard),
            mail,
            priority_changes: notify.priority_changes,
        }
    }

    /// FIFOs are opened, and made where they are missing, before the plan is put into force, so that no line is missed.
    fn fifos(&mut self) -> Vec<Fifo> {
        let plan = self.plan;
        let mut fifos = Vec::new();
        for fifo in &plan.global.fifos {
            let reader = fifo.script.as_ref().and_then(|script| {
                let mut program = self.program(&format!("reader of {}", fifo.path), script)?;
                program.argv.push(fifo.path.clone());
                Some(program)
            });
            let path = PathBuf::from(&fifo.path);
            match self.access.fifo(&path, fifo.owner.as_ref()) {
                Ok(pipe) => fifos.push(Fifo {
                    path,
                    pipe: Arc::new(pipe),
                    reader,
                }),
                Err(error) => tracing::error!("cannot open fifo {}: {error}", fifo.path),
            }
        }
        fifos
    }

    /// The program of a command. One that cannot be used is left out with its reason: a track script without results
    /// keeps its routers from taking part, or from the weight that its success would give.
    fn program(&mut self, what: &str, command: &CommandPlan) -> Option<Program> {
        let global = &self.plan.global;
        let candidate = candidate(command, global.script_user.as_ref(), global.script_security);
        match self.access.resolve(&candidate) {
            Ok(Ok(resolved)) => {
                self.without_default_user |= resolved.without_default_user;
                Some(resolved.program)
            }
            Ok(Err(error)) => {
                tracing::error!("{what} is not run: {error}");
                None
            }
            Err(error) => {
                tracing::error!("{what} is not run: {error}");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::cli;

    fn chosen(words: &[&str], present: &[&str]) -> (PathBuf, bool) {
        let options = cli::parse(words.iter().map(OsString::from)).unwrap();
        choose(&options, |path| {
            present.iter().any(|file| path == Path::new(file))
        })
    }

    #[test]
    fn a_described_plan_tells_no_secret() {
        let text = "vrrp_script chk {\n script \"/bin/curl -u me:hunter2\"\n}\n\
                    vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 1\n priority 100\n\
                    notify \"/bin/tell hunter3\"\n authentication {\n auth_type PASS\n auth_pass hunter4\n }\n\
                    virtual_ipaddress {\n 192.0.2.1\n }\n}\n";
        let files = vrrp_config::MemoryFiles::single("/x.conf", text);
        let options = LoadOptions::default();
        let loaded = vrrp_config::load(
            Path::new("/x.conf"),
            &files,
            &vrrp_config::NoFacts,
            &options,
        );
        let plan = loaded.plan.as_ref().expect("the configuration is good");
        let text = describe(plan);
        assert!(
            text.contains("/bin/curl") && text.contains("/bin/tell"),
            "{text}"
        );
        assert!(text.contains("VI_1") && text.contains("(2 more)"), "{text}");
        assert!(!text.contains("hunter"), "{text}");
    }

    #[test]
    fn the_file_is_chosen_as_the_design_says() {
        let (keepalived, own) = (PathBuf::from(KEEPALIVED_FILE), PathBuf::from(OWN_FILE));
        for (words, present, file, passed_over) in [
            (&["vrrpd"][..], &[][..], &own, false),
            (&["vrrpd"], &[OWN_FILE], &own, false),
            (&["vrrpd"], &[KEEPALIVED_FILE], &keepalived, false),
            (&["vrrpd"], &[KEEPALIVED_FILE, OWN_FILE], &keepalived, true),
            (&["keepalived"], &[OWN_FILE], &keepalived, false),
            (&["/sbin/keepalived"], &[], &keepalived, false),
            (
                &["vrrpd", "-f", "/x.toml"],
                &[KEEPALIVED_FILE],
                &PathBuf::from("/x.toml"),
                false,
            ),
        ] {
            assert_eq!(
                chosen(words, present),
                (file.clone(), passed_over),
                "{words:?}"
            );
        }
        let (relative, _) = chosen(&["vrrpd", "-f", "x.conf"], &[]);
        assert!(relative.is_absolute() && relative.ends_with("x.conf"));
    }
}
