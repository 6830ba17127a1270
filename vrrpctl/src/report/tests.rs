//! Bounds: whatever was recorded, the page stays within its bytes, and says what it left out.

use vrrp_record::history::{Router, Stage};

use super::cells::{Cell, Cells};
use super::clocks::Clocks;
use super::*;
use crate::example;
use crate::source::Node;

const MINUTE: i64 = 60_000_000_000;

/// Numbers without any order, the same in every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// A node with so many routers over so many minutes, in which no number is like another.
fn noisy(routers: u16, minutes: i64) -> Gathered {
    let mut history = example::master(0);
    let one = history.routers[0].clone();
    history.routers = (0..routers)
        .map(|number| Router {
            name: format!("customer-{number}"),
            vrid: u8::try_from(number % 255 + 1).unwrap(),
            ipv6: number >= 255,
            ..one.clone()
        })
        .collect();
    let (first, last) = history.extent().unwrap();
    let mut cells = Cells::default();
    let mut noise = Noise(4_711);
    for router in 0..routers {
        for minute in 0..minutes {
            for stage in [Stage::Departure, Stage::Gap, Stage::Read] {
                let cell = Cell {
                    count: noise.next() % 61,
                    typical: noise.next() % 1_000_000_000,
                    worst: noise.next() % 10_000_000_000,
                };
                cells.put(router, stage, first.0 / MINUTE - minute, cell);
            }
        }
    }
    let nodes = vec![Node {
        history,
        alias: None,
        verdicts: Vec::new(),
        origins: Vec::new(),
    }];
    Gathered {
        clocks: Clocks::of(&nodes),
        nodes,
        within: (first.plus(-minutes * MINUTE), last),
        cells: vec![cells],
        judged: Vec::new(),
        story: None,
        unjudged: 0,
    }
}

#[test]
fn a_page_of_noise_is_coarser_and_says_so() {
    let gathered = noisy(4, 7 * 1_440);
    let whole = within(&gathered, &[], example::NOW, usize::MAX).unwrap();
    assert!(
        !whole.contains("a band&#39;s cell"),
        "everything fits where room is endless"
    );
    for limit in [whole.len() / 3, 200_000] {
        let page = within(&gathered, &[], example::NOW, limit).unwrap();
        assert!(page.len() <= limit, "{} of {limit}", page.len());
        assert!(page.contains("a band&#39;s cell stands for"), "{limit}");
        assert!(page.contains("id=\"data\""));
    }
}

#[test]
fn even_the_smallest_page_has_its_frame() {
    let gathered = noisy(300, 3);
    assert_eq!(within(&gathered, &[], example::NOW, 10_000), None);
    let page = within(&gathered, &[], example::NOW, 100_000).unwrap();
    assert!(page.len() <= 100_000);
}

#[test]
fn single_adverts_are_those_around_incidents_and_the_latest() {
    let gathered = noisy(1, 1);
    let bounds = Bounds {
        adverts: 100,
        ..Bounds::USUAL
    };
    let model = build::build(&gathered, &[], bounds);
    let drawn: usize = model.routers[0]
        .tracks
        .iter()
        .map(|track| track.at.len())
        .sum();
    assert!((1..=100).contains(&drawn), "{drawn}");
    assert!(
        model
            .left_out
            .iter()
            .any(|text| text.contains("drawn one by one")),
        "{:?}",
        model.left_out
    );
    let all = build::build(&gathered, &[], Bounds::USUAL);
    assert!(all.left_out.is_empty(), "{:?}", all.left_out);
}
