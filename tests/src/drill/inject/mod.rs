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
    fn every_code_of_the_drill_is_one_of_the_catalogue_and_every_scene_comes_once() {
        let mut seen = HashSet::new();
        for cause in catalogue() {
            let scene = (cause.code, cause.what);
            assert!(seen.insert(scene), "{} comes twice", cause.code);
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

    #[test]
    fn what_the_documentation_says_the_drill_holds_it_injects() {
        let text = include_str!("../../../../docs/verdicts.md");
        let injected: HashSet<&str> = catalogue()
            .flat_map(|cause| cause.code.split('+'))
            .collect();
        for code in Code::all().filter(|code| *code != Code::Undetermined) {
            let begin = format!("| {} `{code}` |", code.letter());
            let row = text.lines().find(|line| line.starts_with(&begin)).unwrap();
            let held = row.trim_end_matches('|').rsplit('|').next().unwrap().trim();
            let expected = match (held, injected.contains(code.letter())) {
                ("none", _) => continue,
                (_, true) => "drill",
                (_, false) => "readings",
            };
            assert_eq!(held, expected, "{row}");
        }
    }
}
