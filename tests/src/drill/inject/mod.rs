//! The injections, one file per family of the catalogue.

mod address;
mod egress;
mod election;
mod health;
mod host;
mod ingress;
mod mixed;
mod ops;
mod path;
mod process;

use super::cause::Cause;

pub(super) use election::CHECK;

/// Every cause that the drill can inject, in the order of the catalogue; then two at once, then unknown ones.
pub fn catalogue() -> impl Iterator<Item = &'static Cause> {
    [
        process::CAUSES,
        host::CAUSES,
        egress::CAUSES,
        path::CAUSES,
        ingress::CAUSES,
        election::CAUSES,
        address::CAUSES,
        health::CAUSES,
        ops::CAUSES,
        mixed::CAUSES,
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use vrrp_record::verdict::Code;

    use super::*;

    #[test]
    fn every_code_of_the_drill_is_one_of_the_catalogue_and_comes_once() {
        let mut seen = HashSet::new();
        for cause in catalogue() {
            assert!(seen.insert(cause.code), "{} comes twice", cause.code);
            if !cause.code.starts_with('U') {
                for code in cause.code.split('+') {
                    assert!(Code::parse(code).is_some(), "{code}");
                }
            }
            for view in [cause.truth.leader, cause.truth.follower, cause.truth.both] {
                for code in view.right.iter().chain(view.also) {
                    assert!(Code::parse(code).is_some(), "{}: {code}", cause.code);
                }
                assert!(
                    !view.right.is_empty() || view.quiet || view.undetermined.is_some(),
                    "{}: nothing would be right",
                    cause.code
                );
            }
        }
    }
}
