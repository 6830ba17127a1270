//! A stand-in for the address thread that says yes to everything.

use std::net::IpAddr;
use std::thread::JoinHandle;
use std::time::Duration;

use vrrp_proto::router::AddressState;
use vrrp_proto::units::Family;

use crate::address::{AddressCommand, AddressEnds, AddressReport, AddressSetup};
use crate::core::SchedulingClass;
use crate::net;

/// An address thread that says yes to everything: the interface is up, every address is there at once.
pub(super) fn stand_in(
    setup: AddressSetup,
    ends: AddressEnds,
    _fifo: Option<u8>,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("stand-in".to_owned())
        .spawn(move || {
            let AddressEnds {
                mut commands,
                mut reports,
                world: _world,
            } = ends;
            let mut send = |report| {
                let mut report = Some(report);
                while let Some(again) = report.take().and_then(|report| reports.send(report).err())
                {
                    report = Some(again);
                    std::thread::sleep(Duration::from_millis(1));
                }
            };
            send(AddressReport::Started {
                scheduling: SchedulingClass::Ordinary,
            });
            let mut setup = setup;
            let mut opened = Vec::new();
            tell_everything(&setup, &mut opened, &mut send);
            loop {
                let mut fds = [nix::poll::PollFd::new(
                    std::os::fd::AsFd::as_fd(commands.signal()),
                    nix::poll::PollFlags::POLLIN,
                )];
                nix::poll::poll(&mut fds, 100_u16).unwrap();
                commands.signal().clear();
                while let Some(command) = commands.try_next() {
                    let wanted = |router| {
                        let found = setup.routers.iter().find(|known| known.id == router);
                        u16::try_from(found.unwrap().addresses.len()).unwrap()
                    };
                    match command {
                        AddressCommand::Add { router } => {
                            let count = wanted(router);
                            let state = AddressState {
                                present: count,
                                wanted: count,
                                errno: None,
                            };
                            send(AddressReport::Addresses { router, state });
                        }
                        AddressCommand::Remove { router } => {
                            let state = AddressState {
                                present: 0,
                                wanted: 0,
                                errno: None,
                            };
                            send(AddressReport::Addresses { router, state });
                        }
                        AddressCommand::Replace(next) => {
                            setup = *next;
                            tell_everything(&setup, &mut opened, &mut send);
                        }
                        AddressCommand::Hold { .. }
                        | AddressCommand::Announce { .. }
                        | AddressCommand::AnnounceSource { .. }
                        | AddressCommand::Retire(_) => {}
                        AddressCommand::Stop => {
                            send(AddressReport::Stopped { left: 0 });
                            return;
                        }
                    }
                }
                if commands.is_abandoned() {
                    return;
                }
            }
        })
}

pub(super) fn tell_everything(
    setup: &AddressSetup,
    opened: &mut Vec<(String, net::SocketSpec)>,
    send: &mut dyn FnMut(AddressReport),
) {
    // Sockets of interfaces that a plan leaves out come back to be closed.
    opened.retain(|(name, _)| {
        setup
            .interfaces
            .iter()
            .any(|interface| interface.name == *name)
    });
    for interface in &setup.interfaces {
        let index = nix::net::if_::if_nametoindex(interface.name.as_str()).unwrap();
        send(AddressReport::Interface {
            interface: interface.key,
            exists: true,
            up: true,
        });
        let Some(spec) = interface.sockets.clone() else {
            continue;
        };
        let known = (interface.name.clone(), spec);
        if opened.contains(&known) {
            continue;
        }
        let sockets = net::open(&interface.name, index, &known.1).unwrap();
        opened.push(known);
        send(AddressReport::Sockets {
            interface: interface.key,
            sockets: Ok(Box::new(sockets)),
        });
    }
    for router in &setup.routers {
        let name = &setup
            .interfaces
            .iter()
            .find(|interface| interface.key == router.id.interface)
            .unwrap()
            .name;
        let address = own_address(name, router.id.family);
        send(AddressReport::Source {
            router: router.id,
            address: Some(address),
        });
    }
    send(AddressReport::Settled);
}

/// The address of an interface of these tests: IPv6 is link-local.
pub(super) fn own_address(interface: &str, family: Family) -> IpAddr {
    let addresses = nix::ifaddrs::getifaddrs().unwrap();
    addresses
        .filter(|entry| entry.interface_name == interface)
        .filter_map(|entry| {
            let storage = entry.address?;
            let v4 = storage
                .as_sockaddr_in()
                .map(|address| IpAddr::V4(address.ip()));
            v4.or_else(|| {
                storage
                    .as_sockaddr_in6()
                    .map(|address| IpAddr::V6(address.ip()))
            })
        })
        .find(|address| Family::of(address) == family)
        .unwrap()
}
