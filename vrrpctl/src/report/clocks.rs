//! Several nodes on one axis of time: that of the first node's clock.

use vrrp_record::history::Time;
use vrrp_record::join::Join;

use crate::render::time::nanos;
use crate::source::Node;

/// The clocks of nodes.
#[derive(Debug)]
pub(crate) struct Clocks {
    /// Each later node joined with the first, where their distance is known.
    joins: Vec<Option<Join>>,
    /// What is known, in words; one sentence for each later node.
    pub(crate) told: Vec<String>,
}

impl Clocks {
    /// Compares every node with the first.
    pub(crate) fn of(nodes: &[Node]) -> Self {
        let mut clocks = Self {
            joins: vec![None],
            told: Vec::new(),
        };
        let Some(first) = nodes.first() else {
            return clocks;
        };
        for node in nodes.iter().skip(1) {
            let join = Join::of(&first.history, &node.history);
            let known = join.known_at(&first.history).map(|at| join.offset(at));
            let torn = known.is_some_and(|offset| offset.contradicts());
            let offset = known.filter(|offset| !offset.contradicts());
            let best = offset.and_then(|offset| offset.best());
            clocks.told.push(match best {
                Some(best) => {
                    let word = if best < 0 { "behind" } else { "ahead of" };
                    let error = offset
                        .and_then(|offset| offset.width())
                        .map_or_else(
                            || String::from("one-sided: adverts went one way only"),
                            |width| {
                                format!("error at most {}", nanos(width.unsigned_abs().div_ceil(2)))
                            },
                        );
                    format!(
                        "times by {0}'s clock; {1}'s is about {2} {word} it ({error})",
                        first.name(),
                        node.name(),
                        nanos(best.unsigned_abs())
                    )
                }
                None if torn => format!(
                    "times of {} by its own clock: one of the clocks was slewed or stepped, so its distance to {}'s is not known",
                    node.name(),
                    first.name()
                ),
                None => format!(
                    "times of {} by its own clock: its distance to {}'s is not known",
                    node.name(),
                    first.name()
                ),
            });
            clocks.joins.push(best.map(|_| join));
        }
        clocks
    }

    /// A time of a node by the first node's clock.
    pub(crate) fn by_first(&self, node: usize, at: Time) -> Time {
        let join = self.joins.get(node).and_then(Option::as_ref);
        join.and_then(|join| join.by_first(at)).unwrap_or(at)
    }
    /// Whether a node's times can be brought to the first node's clock.
    pub(crate) fn known(&self, node: usize) -> bool {
        node == 0 || self.joins.get(node).is_some_and(Option::is_some)
    }
}
