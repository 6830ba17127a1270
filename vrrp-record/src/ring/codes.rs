//! Numbers of enumerations in records. They never change; new variants get new ones.

use vrrp_proto::router::State;

use crate::history::{Stage, Unit};

macro_rules! codes {
    ($type:ident, $code:ident, $from:ident: $($variant:ident = $number:literal),+ $(,)?) => {
        pub(crate) const fn $code(value: $type) -> u8 {
            match value {
                $($type::$variant => $number,)+
            }
        }

        pub(crate) const fn $from(code: u8) -> Option<$type> {
            match code {
                $($number => Some($type::$variant),)+
                _ => None,
            }
        }
    };
}

codes!(Unit, unit, unit_of:
    InterfaceReceived = 1,
    InterfaceSent = 2,
    InterfaceReceiveDropped = 3,
    InterfaceSendDropped = 4,
    CarrierChanges = 5,
    QdiscDropped = 6,
    QdiscBacklog = 7,
    QueueStalls = 8,
    RunDelay = 9,
    Steal = 10,
    PressureCpu = 11,
    PressureIo = 12,
    PressureMemory = 13,
    DeviceBusy = 14,
    DeviceWait = 15,
    DeviceRequests = 16,
    SoftirqDropped = 17,
    SoftirqSqueezed = 18,
    SocketDropped = 19,
    AdvertsAtInterface = 20,
    Membership = 21,
    ProbeRoundTrip = 22,
    WallClock = 23,
    OutOfMemoryKills = 24,
    InterfaceMaster = 25,
    ForeignSockets = 26,
    MulticastAtInterface = 27,
    Claimant = 28,
    Claimed = 29,
);

codes!(Stage, stage, stage_of:
    Wake = 1,
    Send = 2,
    Queue = 3,
    Device = 4,
    Departure = 5,
    Gap = 6,
    Read = 7,
);

codes!(State, state, state_of:
    Initialize = 0,
    Backup = 1,
    Active = 2,
    Releasing = 3,
);
