//! Numbers for names of interfaces and tracked objects: the engine and the protocol know them by number only.

use vrrp_proto::router::InterfaceKey;
use vrrp_proto::track::TrackerId;

/// Gives every interface name a number and never takes it back, so that a name that vanishes and comes back is the same
/// interface to every router and record.
#[derive(Clone, Debug, Default)]
pub struct InterfaceNames {
    names: Vec<String>,
}

impl InterfaceNames {
    /// The number of `name`; the same for the life of the process. `None` when 65,536 other names were used up.
    pub fn intern(&mut self, name: &str) -> Option<InterfaceKey> {
        if let Some(key) = self.key(name) {
            return Some(key);
        }
        let key = InterfaceKey(u16::try_from(self.names.len()).ok()?);
        self.names.push(name.to_owned());
        Some(key)
    }

    /// The number of `name`, if it has one.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<InterfaceKey> {
        let position = self.names.iter().position(|known| known == name)?;
        u16::try_from(position).ok().map(InterfaceKey)
    }

    /// The name behind a number.
    #[must_use]
    pub fn name(&self, key: InterfaceKey) -> Option<&str> {
        self.names.get(usize::from(key.0)).map(String::as_str)
    }
}

/// Numbers of tracked scripts, kept as those of interfaces are; tracked interfaces have theirs above all scripts.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrackerNames {
    scripts: Vec<String>,
}

/// Where the numbers of tracked interfaces begin.
const INTERFACES: u64 = 1 << 32;

impl TrackerNames {
    /// The number of a script; the same for the life of the process.
    pub(crate) fn script(&mut self, name: &str) -> TrackerId {
        if let Some(known) = self.find(name) {
            return known;
        }
        self.scripts.push(name.to_owned());
        TrackerId(u64::try_from(self.scripts.len() - 1).unwrap_or(u64::MAX))
    }

    /// The number of a script, if it has one.
    pub(crate) fn find(&self, name: &str) -> Option<TrackerId> {
        let position = self.scripts.iter().position(|known| known == name)?;
        u64::try_from(position).ok().map(TrackerId)
    }

    /// The number of a tracked interface.
    pub(crate) fn interface(key: InterfaceKey) -> TrackerId {
        TrackerId(INTERFACES + u64::from(key.0))
    }

    /// The name behind a number.
    pub(crate) fn name<'a>(
        &'a self,
        interfaces: &'a InterfaceNames,
        tracker: TrackerId,
    ) -> Option<&'a str> {
        match tracker.0.checked_sub(INTERFACES) {
            Some(key) => interfaces.name(InterfaceKey(u16::try_from(key).ok()?)),
            None => self
                .scripts
                .get(usize::try_from(tracker.0).ok()?)
                .map(String::as_str),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_and_interfaces_of_one_name_are_different_trackers() {
        let (mut interfaces, mut trackers) = (InterfaceNames::default(), TrackerNames::default());
        let key = interfaces.intern("eth0").unwrap();
        let script = trackers.script("eth0");
        let interface = TrackerNames::interface(key);
        assert_ne!(script, interface);
        assert_eq!(trackers.script("eth0"), script);
        assert_eq!(trackers.name(&interfaces, script), Some("eth0"));
        assert_eq!(trackers.name(&interfaces, interface), Some("eth0"));
        assert_eq!(trackers.name(&interfaces, TrackerId(1)), None);
    }

    #[test]
    fn a_name_keeps_its_number() {
        let mut names = InterfaceNames::default();
        let eth0 = names.intern("eth0").unwrap();
        let eth1 = names.intern("eth1").unwrap();
        assert_ne!(eth0, eth1);
        assert_eq!(names.intern("eth0"), Some(eth0));
        assert_eq!(names.name(eth1), Some("eth1"));
        assert_eq!(names.key("eth2"), None);
        assert_eq!(names.name(InterfaceKey(2)), None);
    }
}
