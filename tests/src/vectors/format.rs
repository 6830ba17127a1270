//! A vector as it stands in a file, and what its parts mean in the crate's types. No judging here.

use std::fmt;
use std::net::IpAddr;

use serde::Deserialize;
use vrrp_proto::addr::AddressList;
use vrrp_proto::units::{AdvertInterval, Family, Version, Vrid};
use vrrp_proto::wire::{
    Accepted, AhSequence, Auth, ChecksumAccept, ChecksumForm, GROUP_V4, GROUP_V6, IcvForm,
    Password, Peer, ReceiveConfig, ReceivePolicy, ReceiveTransport, Versions,
};

/// One line of a file.
#[derive(Clone, Debug, Deserialize)]
pub struct Vector {
    /// Unique in its file.
    pub name: String,
    /// 4 or 6.
    pub ipv: u8,
    /// Hex, from the first byte of the IP header.
    pub packet: String,
    /// The receiver.
    pub ctx: Context,
    /// The outcome.
    pub expect: Expect,
}

/// Configuration of the receiver.
#[derive(Clone, Debug, Deserialize)]
pub struct Context {
    version: ContextVersion,
    vrid: u8,
    priority: u8,
    adver_cs: u16,
    addrs: Vec<IpAddr>,
    auth: Option<ContextAuth>,
    mode: ContextMode,
    v3v4_checksum: ContextChecksum,
    check_addrs: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum ContextVersion {
    Number(u8),
    Text(String),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum ContextAuth {
    Pass {
        key: String,
    },
    Ah {
        key: String,
        icv: ContextIcv,
        last_seq: u32,
    },
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ContextIcv {
    TtlKept,
    TtlZeroed,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ContextMode {
    Multicast,
    Unicast {
        local: IpAddr,
        peers: Vec<IpAddr>,
        min_ttl: u8,
    },
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ContextChecksum {
    Both,
    Message,
    Pseudo,
}

/// The expected outcome.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "result", rename_all = "lowercase")]
pub enum Expect {
    /// The packet is discarded.
    Discard {
        /// For this reason.
        error: String,
    },
    /// The packet is accepted.
    Accept {
        /// With these warnings, in any order.
        warn: Vec<String>,
        /// And these fields.
        decode: Decoded,
    },
}

/// Every field of a decoded advert.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decoded {
    version: u8,
    #[serde(rename = "type")]
    kind: u8,
    vrid: u8,
    priority: u8,
    count: u16,
    adver_cs: u16,
    checksum: u16,
    addrs: Vec<IpAddr>,
    checksum_form: Option<String>,
    auth_type: Option<u8>,
    auth_data: Option<String>,
    ah: Option<DecodedAh>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct DecodedAh {
    spi: String,
    seq: u32,
}

impl Vector {
    /// The packet's bytes.
    ///
    /// # Errors
    /// When it is not hex.
    pub fn bytes(&self) -> Result<Vec<u8>, String> {
        let digits = self.packet.as_bytes();
        if !digits.len().is_multiple_of(2) {
            return Err("packet has an odd number of hex digits".to_owned());
        }
        let byte = |pair: &[u8]| {
            let text = std::str::from_utf8(pair).map_err(|_| "packet is not hex".to_owned())?;
            u8::from_str_radix(text, 16)
                .map_err(|_| format!("packet has {text:?} where hex digits belong"))
        };
        digits.chunks(2).map(byte).collect()
    }

    /// The family that the packet came by.
    ///
    /// # Errors
    /// When it is neither 4 nor 6.
    pub fn family(&self) -> Result<Family, String> {
        match self.ipv {
            4 => Ok(Family::V4),
            6 => Ok(Family::V6),
            other => Err(format!("ipv is {other}, not 4 or 6")),
        }
    }
}

impl Context {
    /// The AH sequence that the receiver has reached.
    #[must_use]
    pub fn sequence(&self) -> AhSequence {
        match self.auth {
            Some(ContextAuth::Ah { last_seq, .. }) => AhSequence::resumed(last_seq),
            Some(ContextAuth::Pass { .. }) | None => AhSequence::default(),
        }
    }

    /// The receiver, with every point on which profiles differ as RFC 9568 has it.
    ///
    /// # Errors
    /// When a setting is out of its range.
    pub fn receive_config(&self, family: Family) -> Result<ReceiveConfig, String> {
        let versions = match &self.version {
            ContextVersion::Number(2) => Versions::Only(Version::V2),
            ContextVersion::Number(3) => Versions::Only(Version::V3),
            ContextVersion::Text(text) if text == "2+3" => Versions::Both,
            other @ (ContextVersion::Number(_) | ContextVersion::Text(_)) => {
                return Err(format!("ctx.version is {other:?}, not 2, 3 or \"2+3\""));
            }
        };
        let checksum = match self.v3v4_checksum {
            ContextChecksum::Both => ChecksumAccept::Both,
            ContextChecksum::Message => ChecksumAccept::Only(ChecksumForm::Message),
            ContextChecksum::Pseudo => ChecksumAccept::Only(ChecksumForm::PseudoHeader),
        };
        Ok(ReceiveConfig {
            vrid: Vrid::new(self.vrid).ok_or("ctx.vrid is 0")?,
            versions,
            owner: self.priority == u8::MAX,
            interval: AdvertInterval::from_centis(self.adver_cs)
                .ok_or("ctx.adver_cs is out of range")?,
            addresses: AddressList::new(family, self.addrs.iter().copied())
                .map_err(|error| format!("ctx.addrs: {error}"))?,
            auth: self.auth(),
            transport: self.transport(family),
            own_source: None,
            policy: ReceivePolicy {
                check_addresses: self.check_addrs,
                checksum,
                ..ReceivePolicy::RFC9568
            },
        })
    }

    fn auth(&self) -> Auth {
        match &self.auth {
            None => Auth::None,
            Some(ContextAuth::Pass { key }) => Auth::Pass(Password::truncated(key.as_bytes())),
            Some(ContextAuth::Ah { key, icv, .. }) => Auth::Ah {
                key: Password::truncated(key.as_bytes()),
                icv: match icv {
                    ContextIcv::TtlKept => IcvForm::TtlKept,
                    ContextIcv::TtlZeroed => IcvForm::TtlZeroed,
                },
            },
        }
    }

    fn transport(&self, family: Family) -> ReceiveTransport {
        match &self.mode {
            ContextMode::Multicast => ReceiveTransport::Multicast {
                group: match family {
                    Family::V4 => IpAddr::V4(GROUP_V4),
                    Family::V6 => IpAddr::V6(GROUP_V6),
                },
            },
            ContextMode::Unicast {
                local,
                peers,
                min_ttl,
            } => ReceiveTransport::Unicast {
                local: Some(*local),
                peers: peers
                    .iter()
                    .map(|address| Peer {
                        address: *address,
                        min_ttl: *min_ttl,
                        max_ttl: u8::MAX,
                    })
                    .collect(),
                check_source: true,
            },
        }
    }
}

impl Decoded {
    pub(super) fn of(accepted: &Accepted<'_>) -> Self {
        let advert = &accepted.advert;
        let trailer = advert.trailer();
        Self {
            version: match advert.version() {
                Version::V2 => 2,
                Version::V3 => 3,
            },
            // The only type that an accepted message can have.
            kind: 1,
            vrid: advert.vrid().as_u8(),
            priority: advert.priority().as_u8(),
            count: u16::from(advert.addresses().count()),
            adver_cs: advert.interval().as_centis(),
            checksum: accepted.checksum,
            addrs: advert.addresses().iter().collect(),
            checksum_form: accepted.checksum_form.map(|form| match form {
                ChecksumForm::Message => "message".to_owned(),
                ChecksumForm::PseudoHeader => "pseudo".to_owned(),
            }),
            auth_type: trailer.map(|trailer| trailer.kind.as_u8()),
            auth_data: trailer.map(|trailer| hex(trailer.data.expose())),
            ah: accepted.ah.map(|fields| DecodedAh {
                spi: format!("{:08x}", fields.spi),
                seq: fields.sequence,
            }),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
