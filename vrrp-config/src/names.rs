//! Names that the kernel decides about.

/// What to write for an interface.
pub(crate) const INTERFACE_HELP: &str =
    "an interface name has 1 to 15 bytes, no '/' and no blank; see 'ip link'";

/// Whether an interface can have this name.
pub(crate) fn is_interface(name: &str) -> bool {
    let refused = |c: char| c == '/' || c.is_whitespace() || c.is_control();
    !name.is_empty() && name.len() <= 15 && name != "." && name != ".." && !name.contains(refused)
}

#[cfg(test)]
mod tests {
    use super::is_interface;

    #[test]
    fn interface_names_have_the_kernels_limits() {
        for name in ["eth0", "ens20.10", "a", "fifteen-bytes-x"] {
            assert!(is_interface(name), "{name}");
        }
        for name in ["", ".", "..", "a/b", "a b", "sixteen-bytes-xx"] {
            assert!(!is_interface(name), "{name}");
        }
    }
}
