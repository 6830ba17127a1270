//! Numbers for interface names: the engine and the protocol know interfaces by number only.

use vrrp_proto::router::InterfaceKey;

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

#[cfg(test)]
mod tests {
    use super::*;

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
