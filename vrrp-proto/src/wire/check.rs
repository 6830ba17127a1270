//! From an IP packet to an accepted advert: every check of requirement R-24, in its order, each with its own discard.
//!
//! A check reads; only a packet that passes them all changes anything, and the one thing that changes here is the
//! AH sequence. What the standards and keepalived decide differently is a field of [`ReceivePolicy`](super::ReceivePolicy).

use core::net::IpAddr;
use core::num::NonZeroU8;

use super::accepted::{Accepted, Warning, Warnings};
use super::advert::{Advert, Trailer};
use super::ah::{AhFields, AhSequence, AhView};
use super::auth::{Auth, Password, TrailerKind};
use super::checksum::{ChecksumAccept, ChecksumForm, Sum};
use super::discard::Discard;
use super::ip::Datagram;
use super::packet::Message;
use super::receive::{ReceiveConfig, ReceiveTransport, Versions};
use super::{PROTOCOL_AH, PROTOCOL_VRRP, TTL};
use crate::addr::{Addresses, address_size, is_link_local};
use crate::units::{AdvertInterval, Family, Version, WirePriority};

impl ReceiveConfig {
    /// Judges a packet. `sequence` moves on only with an accepted advert that has an Authentication Header.
    ///
    /// # Errors
    /// The first check, in the order of R-24, that the packet fails.
    pub fn receive<'a>(
        &self,
        datagram: &Datagram<'a>,
        sequence: &mut AhSequence,
    ) -> Result<Accepted<'a>, Discard> {
        self.check_ends(datagram)?;
        let (ah, message) = self.open(datagram)?;
        let message = Message::new(datagram.family(), message).ok_or(Discard::Truncated)?;
        let version = self.check_version(&message)?;
        if message.kind() != 1 {
            return Err(Discard::Type);
        }
        if message.vrid() != self.vrid.as_u8() {
            return Err(Discard::Vrid);
        }
        let none_allowed = version == Version::V2 && self.addresses.is_empty();
        if message.count() == 0 && !none_allowed {
            return Err(Discard::CountZero);
        }
        let (addresses, data) = split_body(&message, version)?;
        let kind = self.check_auth_type(&message, version, ah.is_some())?;
        let checksum_form = self.check_checksum(datagram, &message, version)?;
        let ah = self.check_secret(datagram, ah, data, version, *sequence)?;

        let mut warnings = Warnings::default();
        let form_is_odd = checksum_form == Some(ChecksumForm::PseudoHeader);
        warnings.raise(
            Warning::ChecksumForm,
            form_is_odd && self.policy.checksum == ChecksumAccept::Both,
        );
        let advert = self.build(
            &message,
            version,
            addresses,
            Trailer { kind, data },
            &mut warnings,
        )?;
        self.check_owner(version, &mut warnings)?;
        if version == Version::V3
            && datagram.family() == Family::V6
            && self.policy.require_link_local_first
            && !addresses.first().is_some_and(|first| is_link_local(&first))
        {
            return Err(Discard::FirstNotLinkLocal);
        }
        self.check_addresses(&advert, &mut warnings)?;

        if let Some(fields) = ah {
            sequence.note(fields.sequence);
        }
        Ok(Accepted {
            advert,
            source: datagram.source,
            sequence: datagram.sequence,
            checksum: message.checksum(),
            checksum_form,
            ah,
            warnings,
        })
    }

    /// Destination, source and TTL.
    fn check_ends(&self, datagram: &Datagram<'_>) -> Result<(), Discard> {
        let (source, destination) = (&datagram.source, &datagram.destination);
        let ttl = match &self.transport {
            ReceiveTransport::Multicast { group } => {
                if destination != group {
                    return Err(Discard::Destination);
                }
                let foreign = self.policy.require_link_local_source
                    && datagram.family() == Family::V6
                    && !is_link_local(source);
                if foreign {
                    return Err(Discard::Source);
                }
                TTL..=TTL
            }
            ReceiveTransport::Unicast {
                local,
                peers,
                check_source,
            } => {
                let ours = match local {
                    Some(local) => destination == local,
                    None => !destination.is_multicast(),
                };
                if !ours {
                    return Err(Discard::Destination);
                }
                match peers.iter().find(|peer| peer.address == *source) {
                    Some(peer) => peer.min_ttl..=peer.max_ttl,
                    None if *check_source => return Err(Discard::Source),
                    None => 0..=u8::MAX,
                }
            }
        };
        if source.is_multicast() || source.is_unspecified() {
            return Err(Discard::Source);
        }
        if self.own_source.as_ref() == Some(source) {
            return Err(Discard::OwnSource);
        }
        if ttl.contains(&datagram.ttl) {
            Ok(())
        } else {
            Err(Discard::Ttl)
        }
    }

    /// Protocol, and the Authentication Header if there is one. A header is opened only where it is configured.
    fn open<'a>(&self, datagram: &Datagram<'a>) -> Result<(Option<AhView<'a>>, &'a [u8]), Discard> {
        match (datagram.protocol, datagram.family()) {
            (PROTOCOL_VRRP, _) => Ok((None, datagram.payload)),
            (PROTOCOL_AH, Family::V4) => match self.auth {
                Auth::Ah { .. } => {
                    let view = AhView::parse(datagram.payload)?;
                    Ok((Some(view), view.message()))
                }
                Auth::None | Auth::Pass(_) => Err(Discard::AuthTypeMismatch),
            },
            _ => Err(Discard::NotVrrp),
        }
    }

    fn check_version(&self, message: &Message<'_>) -> Result<Version, Discard> {
        let version = match (message.version(), message.family()) {
            (2, Family::V4) => Version::V2,
            (3, _) => Version::V3,
            _ => return Err(Discard::Version),
        };
        match self.versions {
            Versions::Only(only) if only != version => Err(Discard::Version),
            Versions::Only(_) | Versions::Both => Ok(version),
        }
    }

    /// Auth Type of version 2; an Authentication Header is present exactly where it is configured (U-01). Version 3 has
    /// neither.
    fn check_auth_type(
        &self,
        message: &Message<'_>,
        version: Version,
        sealed: bool,
    ) -> Result<TrailerKind, Discard> {
        match version {
            Version::V3 if sealed => Err(Discard::AuthTypeMismatch),
            Version::V3 => Ok(TrailerKind::None),
            Version::V2 => {
                let kind =
                    TrailerKind::from_wire(message.auth_type()).ok_or(Discard::AuthTypeUnknown)?;
                if kind != self.auth.kind() || sealed != (kind == TrailerKind::Ah) {
                    return Err(Discard::AuthTypeMismatch);
                }
                Ok(kind)
            }
        }
    }

    /// The checksum, and for version 3 over IPv4 the form that matched.
    fn check_checksum(
        &self,
        datagram: &Datagram<'_>,
        message: &Message<'_>,
        version: Version,
    ) -> Result<Option<ChecksumForm>, Discard> {
        let bytes = message.as_bytes();
        let length = u16::try_from(bytes.len()).map_err(|_| Discard::Length)?;
        let plain = || Sum::default().bytes(bytes).verifies();
        let pseudo = || {
            Sum::pseudo_header(datagram.source, datagram.destination, length)
                .bytes(bytes)
                .verifies()
        };
        let accept = self.policy.checksum;
        match (version, datagram.family()) {
            (Version::V2, _) if plain() => Ok(None),
            (Version::V3, Family::V6) if pseudo() => Ok(None),
            (Version::V3, Family::V4) if accept.allows(ChecksumForm::Message) && plain() => {
                Ok(Some(ChecksumForm::Message))
            }
            (Version::V3, Family::V4) if accept.allows(ChecksumForm::PseudoHeader) && pseudo() => {
                Ok(Some(ChecksumForm::PseudoHeader))
            }
            (Version::V2 | Version::V3, _) => Err(Discard::Checksum),
        }
    }

    /// Password, or integrity check value and sequence.
    fn check_secret(
        &self,
        datagram: &Datagram<'_>,
        ah: Option<AhView<'_>>,
        data: Password,
        version: Version,
        sequence: AhSequence,
    ) -> Result<Option<AhFields>, Discard> {
        match (&self.auth, version) {
            (Auth::Pass(password), Version::V2) if data != *password => Err(Discard::AuthFailed),
            (Auth::Ah { key, icv }, Version::V2) => {
                let (Some(ah), IpAddr::V4(source)) = (ah, datagram.source) else {
                    return Err(Discard::AuthTypeMismatch);
                };
                ah.verify(datagram.header, source, key, *icv, sequence)
                    .map(Some)
            }
            (Auth::None | Auth::Pass(_), Version::V2) | (_, Version::V3) => Ok(None),
        }
    }

    /// The interval, which is the last thing that can keep the message from being an advert.
    fn build<'a>(
        &self,
        message: &Message<'a>,
        version: Version,
        addresses: Addresses<'a>,
        trailer: Trailer,
        warnings: &mut Warnings,
    ) -> Result<Advert<'a>, Discard> {
        let priority = WirePriority::from_wire(message.priority());
        match version {
            Version::V2 => {
                let alone = self.versions == Versions::Only(Version::V2);
                let Some(seconds) = NonZeroU8::new(message.seconds()) else {
                    return Err(if alone {
                        Discard::IntervalMismatch
                    } else {
                        Discard::IntervalZero
                    });
                };
                // A version 3 router below a second cannot be named exactly by a version 2 peer (I-04).
                let differs = if alone {
                    AdvertInterval::from(seconds) != self.interval
                } else {
                    seconds != self.interval.seconds_rounded_up()
                };
                if alone && differs {
                    return Err(Discard::IntervalMismatch);
                }
                warnings.raise(Warning::Interval, differs);
                Advert::v2(self.vrid, priority, seconds, trailer, addresses)
                    .map_err(|_| Discard::Version)
            }
            Version::V3 => {
                let interval =
                    AdvertInterval::from_centis(message.centis()).ok_or(Discard::IntervalZero)?;
                warnings.raise(Warning::Interval, interval != self.interval);
                Advert::v3(self.vrid, priority, interval, addresses)
                    .map_err(|_| Discard::IntervalZero)
            }
        }
    }

    fn check_owner(&self, version: Version, warnings: &mut Warnings) -> Result<(), Discard> {
        if self.owner && version == Version::V2 && self.policy.owner_discards_v2 {
            return Err(Discard::Owner);
        }
        warnings.raise(Warning::LocalOwner, self.owner);
        Ok(())
    }

    /// The address list, as a set. Version 3 never discards for it, whatever keepalived 2.2.7 does: a pair with unlike
    /// lists would have two Actives.
    fn check_addresses(&self, advert: &Advert<'_>, warnings: &mut Warnings) -> Result<(), Discard> {
        let differs = self.policy.check_addresses && !self.addresses.same_set(advert.addresses());
        let from_owner = advert.priority().as_u8() == u8::MAX;
        if differs && advert.version() == Version::V2 && !from_owner {
            return Err(Discard::AddrList);
        }
        warnings.raise(Warning::AddrList, differs);
        Ok(())
    }
}

/// Addresses and version 2 authentication data: exactly as many bytes as the count asks for.
fn split_body<'a>(
    message: &Message<'a>,
    version: Version,
) -> Result<(Addresses<'a>, Password), Discard> {
    let size = usize::from(message.count()).saturating_mul(address_size(message.family()));
    let (addresses, rest) = message
        .body()
        .split_at_checked(size)
        .ok_or(Discard::Truncated)?;
    let (data, rest) = match version {
        Version::V2 => {
            let (data, rest) = rest.split_first_chunk::<8>().ok_or(Discard::Truncated)?;
            (*data, rest)
        }
        Version::V3 => ([0; 8], rest),
    };
    if !rest.is_empty() {
        return Err(Discard::Length);
    }
    let addresses = Addresses::from_wire(message.family(), addresses).ok_or(Discard::Truncated)?;
    Ok((addresses, Password::from_wire(data)))
}

#[cfg(test)]
mod tests;
