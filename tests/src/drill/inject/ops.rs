//! I: operations.

use std::time::Duration;

use crate::drill::cause::{Cause, ON_THE_SENDER, OURS, OURS_V4, Truth, View};
use crate::drill::scene::Scene;
use crate::lab::{Daemon, State};

pub(super) const CAUSES: &[Cause] = &[
    Cause::new(
        "I2",
        "a reload lowers the leader's priority",
        OURS,
        reload,
        Truth {
            leader: View::is(&["I2"]).also(&["F4"]),
            follower: View::is(&["F1", "F4"]),
            both: View::is(&["I2", "F1", "F4"]),
        },
    ),
    Cause::new(
        "I3",
        "keepalived is started beside the leader's daemon",
        OURS_V4,
        second_daemon,
        Truth {
            // keepalived removes the virtual address when it starts, and says goodbye when it ends.
            leader: View::is(&["I3"]).also(&["G1"]),
            follower: View::is(&["I3"])
                .also(&["D7", "F3"])
                .or_undetermined(ON_THE_SENDER)
                .or_nothing(),
            // Of the follower's own transitions the goodbye is the whole truth.
            both: View::is(&["I3", "F3"]).also(&["D7", "G1"]),
        },
    ),
    Cause::new(
        "I5",
        "the leader's machine comes back with another boot id",
        OURS,
        rebooted,
        Truth {
            leader: View::is(&["I5", "A10"]).also(&["G2"]),
            follower: View::is(&["A10", "I5"]).or_undetermined(ON_THE_SENDER),
            both: View::is(&["I5", "A10"]).also(&["G2"]),
        },
    ),
];

fn reload(scene: &mut Scene) -> Result<(), String> {
    let mut side = scene.setup.leader.clone();
    side.priority = u8::try_from(scene.prng.between(10, 80)).unwrap_or(50);
    let text = scene.setup.text(&side, Daemon::Ours);
    scene.leader.peer().reload(&text);
    scene.follower.reach(State::Master)?;
    scene.pause(scene.setup.interval() * 3);
    Ok(())
}

fn second_daemon(scene: &mut Scene) -> Result<(), String> {
    let keepalived = scene.leader.host.spawn(&[
        "keepalived",
        "-n",
        "-l",
        "-D",
        "-P",
        "-f",
        "/etc/keepalived/keepalived.conf",
        "-p",
        "/run/second.pid",
        "-r",
        "/run/second-vrrp.pid",
    ]);
    let from = scene.adverts_of("lb1", scene.since).len();
    let began = crate::lab::Capture::now();
    scene.pause(scene.setup.down() * 2 + Duration::from_secs(2));
    let sent = scene.adverts_of("lb1", scene.since).len() - from;
    let time = crate::lab::Capture::now() - began;
    let one = time.as_millis() / scene.setup.interval().as_millis().max(1);
    drop(keepalived);
    scene.prove(
        u128::try_from(sent).unwrap_or(0) > one + one / 4,
        &format!("{sent} adverts where one daemon sends {one}"),
    )
}

fn rebooted(scene: &mut Scene) -> Result<(), String> {
    let host = scene.leader.host.clone();
    scene.leader.peer().kill();
    scene.follower.reach(State::Master)?;
    host.write(
        "/run/boot_id",
        "11111111-2222-4333-8444-555555555555\n",
        0o444,
    );
    host.must("mount --bind /run/boot_id /proc/sys/kernel/random/boot_id");
    scene.start_leader();
    scene.leader.reach(State::Master)?;
    scene.calm(4)
}
