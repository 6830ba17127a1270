//! `vrrpd --release`: takes the virtual addresses of a configuration off this host when nobody speaks for them any more.
//!
//! A daemon that was killed leaves its addresses, so that the next start finds them where they were. When the service
//! manager gives up restarting it, this is what keeps the host from answering for an address that its peer has taken.

use crate::cli::Options;
use crate::daemon::Failure;
use crate::exit::Exit;
use crate::load::{Access, choose_file, load_options};
use crate::service::speaker::{Claims, keepalived, refuse_keepalived};
use crate::{address, core, say};

/// Removes the addresses and says how many there were.
#[must_use]
pub(crate) fn release(options: &Options) -> Exit {
    match run(options) {
        Ok(removed) => say(&format!("virtual addresses removed: {removed}")),
        Err(failure) => {
            crate::complain(options, &failure.text);
            failure.exit
        }
    }
}

fn run(options: &Options) -> Result<usize, Failure> {
    let (file, _) = choose_file(options);
    let access = Access::Direct;
    let loaded = vrrp_config::load(&file, &access, &access, &load_options(options));
    let Some(plan) = loaded.plan else {
        return Err(Failure {
            exit: Exit::Class(loaded.run_exit),
            text: format!("{} is no configuration; vrrpd -t says why", file.display()),
        });
    };
    let speaks = |error| Failure::new(Exit::OtherSpeaker, &error);
    refuse_keepalived(keepalived()).map_err(speaks)?;
    let mut claims = Claims::default();
    claims.replace(&plan.routers).map_err(speaks)?;
    let setup = core::addresses(&plan).map_err(|error| Failure::new(Exit::Failure, &error))?;
    address::cleanup(&setup).map_err(|error| Failure::new(Exit::Failure, &error))
}
