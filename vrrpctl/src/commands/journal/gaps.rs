//! How far apart adverts are: between departures of ours, and between arrivals of each sender. Goes on over pieces of a long
//! record.

use std::collections::HashMap;
use std::net::IpAddr;

use vrrp_record::history::{History, Time};

/// The adverts that came last.
#[derive(Default)]
pub(crate) struct Gaps {
    /// By node, router, and sender; ours have none.
    last: HashMap<(String, String, Option<IpAddr>), Time>,
    /// The latest of each node in the pieces before this one.
    reached: HashMap<String, Time>,
}

impl Gaps {
    /// Time since the advert before, in nanoseconds. None where there is none, and where adverts between them may not have
    /// been kept: the journal has full detail around what happened only.
    pub(super) fn since_last(
        &mut self,
        (node, history): (&str, &History),
        (router, from): (u16, Option<IpAddr>),
        at: Time,
    ) -> Option<u64> {
        let name = history.routers.get(usize::from(router))?.name.clone();
        let before = self.last.insert((node.to_owned(), name, from), at)?;
        let gap = u64::try_from(at.since(before)).ok()?;
        self.is_whole((node, history), before, at).then_some(gap)
    }

    /// All of these records were looked at; the next piece goes on behind them.
    pub(super) fn piece_ends(&mut self) {
        for ((node, ..), at) in &self.last {
            let reached = self.reached.entry(node.clone()).or_insert(*at);
            *reached = (*reached).max(*at);
        }
    }

    fn is_whole(&self, (node, history): (&str, &History), before: Time, at: Time) -> bool {
        let run = |time: Time| history.runs.iter().rposition(|run| run.started <= time);
        // Nobody sends between two runs, which is a gap indeed.
        if history.detailed.is_empty() || run(before) != run(at) {
            return true;
        }
        let reached = self.reached.get(node);
        history.detailed.iter().any(|(first, last)| {
            // What an earlier piece holds of a stretch this one cannot claim.
            let goes_on =
                reached.is_some_and(|reached| before <= *reached && *first <= reached.plus(1));
            *first <= at && at <= *last && (*first <= before || goes_on)
        })
    }
}

#[cfg(test)]
mod tests {
    use vrrp_record::history::{Router, Run};

    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn history(runs: &[i64], detailed: &[(i64, i64)]) -> History {
        let time = |seconds: i64| Time(seconds * SECOND);
        History {
            runs: runs
                .iter()
                .map(|started| Run {
                    boot_id: String::new(),
                    pid: 1,
                    version: String::new(),
                    started: time(*started),
                    ended: None,
                    clean: false,
                })
                .collect(),
            routers: vec![Router {
                name: String::from("vi_1"),
                interface: String::from("eth0"),
                vrid: 1,
                ipv6: false,
                version: 3,
                source: None,
                interval: 1_000_000_000,
                priority: 100,
                preempt: true,
                down_adverts: 3,
                addresses: Vec::new(),
            }],
            detailed: detailed
                .iter()
                .map(|(from, until)| (time(*from), time(*until)))
                .collect(),
            ..History::default()
        }
    }

    fn seconds(gaps: &mut Gaps, history: &History, at: &[i64]) -> Vec<Option<i64>> {
        at.iter()
            .map(|at| {
                let gap = gaps.since_last(("lb1", history), (0, None), Time(at * SECOND))?;
                i64::try_from(gap).ok().map(|gap| gap / SECOND)
            })
            .collect()
    }

    #[test]
    fn what_lies_between_two_windows_of_full_detail_is_no_gap() {
        let history = history(&[0], &[(0, 20), (100, 120)]);
        let found = seconds(&mut Gaps::default(), &history, &[10, 15, 101, 102]);
        assert_eq!(found, [None, Some(5), None, Some(1)]);
    }

    #[test]
    fn the_time_between_two_runs_is_a_gap() {
        let history = history(&[0, 40], &[(0, 20), (40, 60)]);
        let found = seconds(&mut Gaps::default(), &history, &[19, 41]);
        assert_eq!(found, [None, Some(22)]);
    }

    #[test]
    fn a_gap_goes_on_over_pieces_of_a_long_record_and_windows_do_not() {
        let mut gaps = Gaps::default();
        seconds(&mut gaps, &history(&[0], &[(0, 10)]), &[9, 10]);
        gaps.piece_ends();
        // The rest of a stretch begins right behind what the earlier piece holds of it.
        assert_eq!(
            seconds(&mut gaps, &history(&[0], &[(10, 30)]), &[14, 30]),
            [Some(4), Some(16)]
        );
        gaps.piece_ends();
        assert_eq!(
            seconds(&mut gaps, &history(&[0], &[(50, 60)]), &[50]),
            [None]
        );
    }
}
