//! What a gap was, by the numbers and the spacing of the adverts that came after it, in words.

use super::heard::{Gap, Told, after_gap};
use super::view::{Draft, View, against, seen, span};
use super::{Code, Confidence};
use crate::history::{NO_ANSWER, ProbeTarget, Time, Unit};
use crate::quantity::Plural;

/// A daemon that comes back within this time was restarted; a machine takes longer to boot.
const RESTART: i64 = 10_000_000_000;

/// Multicast packets that are usual in a gap, at least, for their absence to tell anything.
const USUAL: u64 = 5;

/// Signs that nothing sent to a group came through in a gap while the sender itself was there: other multicast stood still,
/// too, and its probes were answered.
fn multicast_stopped(view: &View<'_>, gap: &Gap, at: Time) -> Option<Vec<super::Evidence>> {
    let family = if gap.sender.is_ipv6() { 1_u32 << 31 } else { 0 };
    // The counter is read every 100 ms: stay inside.
    // The silence goes on after a takeover, and probes are a second apart.
    let until = gap.end.unwrap_or(at).max(at).plus(-200_000_000);
    // What stopped adverts did so before the first that is missing was due.
    let from = gap.begin.plus(view.interval() + 100_000_000);
    if !view.looked(until.plus(-until.since(from) / 3), until) {
        return None;
    }
    let silent = view
        .objects(Unit::MulticastAtInterface, from, until)
        .into_iter()
        .filter(|object| object & 1 << 31 == family)
        .filter_map(|object| view.moved(Unit::MulticastAtInterface, object, from, until))
        .find(|moved| {
            moved
                .usual
                .is_some_and(|usual| usual >= USUAL && moved.by * 20 <= usual)
        })?;
    let answers: Vec<u64> = view
        .history
        .samples
        .iter()
        .filter(|sample| sample.unit == Unit::ProbeRoundTrip)
        .filter(|sample| sample.at >= from && sample.at <= until)
        .filter(|sample| !ProbeTarget::of_object(sample.object).is_gateway())
        .map(|sample| sample.value)
        .collect();
    let answered = !answers.is_empty() && answers.iter().all(|value| *value != NO_ANSWER);
    answered.then(|| {
        vec![
            against(
                format!(
                    "{} to other groups in {}",
                    Plural(silent.by, "packet"),
                    span(until.since(from))
                ),
                silent.usual.map(|usual| usual.to_string()),
            ),
            seen("our probes of the peer, which are no multicast, were answered meanwhile"),
        ]
    })
}

/// Takes loss of adverts for what it is where all multicast stopped.
pub(super) fn lost(
    view: &View<'_>,
    gap: &Gap,
    at: Time,
    (confidence, say, text): (Confidence, String, String),
    draft: &mut Draft,
) {
    let sender = gap.sender;
    if let Some(mut signs) = multicast_stopped(view, gap, at) {
        signs.insert(0, seen(text));
        draft.find(
            Code::PathMulticastStopped,
            Confidence::Medium,
            None,
            format!("multicast stopped on the way while unicast of {sender} goes on: {say}"),
            signs,
        );
        draft.next.push(String::from(
            "IGMP snooping on the switch without a querier; or unicast_peer",
        ));
        return;
    }
    draft.find(Code::PathLost, confidence, None, say, vec![seen(text)]);
    if confidence == Confidence::High {
        return;
    }
    draft.next.push(format!(
        "on {sender}: vrrpctl explain --last (did they leave its kernel?)"
    ));
}

#[expect(
    clippy::too_many_lines,
    reason = "one flat table with an arm for each reading"
)]
/// Reads the numbers; a cause that is known already gets them as further evidence.
pub(super) fn numbers(view: &View<'_>, gap: &Gap, at: Time, decided: bool, draft: &mut Draft) {
    let sender = gap.sender;
    let (told, burst) = after_gap(view, gap);
    let came = gap
        .end
        .map(|end| span(end.since(gap.begin)).to_string())
        .unwrap_or_default();
    // Adverts that were due in the gap; one of them may have been built late and come as the next.
    let due = (at.since(gap.begin) - view.interval() / 2) / view.interval();
    let least = u32::try_from(due - 1).unwrap_or(0).max(1);
    // A higher MASTER does not give way to us: it built on until it was heard again, or it stopped building.
    let higher = burst
        .first()
        .zip(view.settings())
        .is_some_and(|(first, router)| first.priority > router.priority);
    let whole = gap.end.map_or(0, |end| {
        (end.since(gap.begin) - view.interval() / 2) / view.interval()
    });
    let least = if higher {
        least.max(u32::try_from(whole * 7 / 10).unwrap_or(0))
    } else {
        least
    };
    match told {
        Told::Nothing => {
            draft.lacks(format!("later adverts of {sender}: none came yet"));
            if !decided {
                draft.unknown = Some(format!("nothing was heard of {sender} up to now"));
            }
        }
        Told::Held(count) => {
            let length = burst
                .last()
                .zip(burst.first())
                .map_or(0, |(last, first)| last.at().since(first.at()));
            let ids: Vec<u16> = burst.iter().filter_map(|one| one.id).collect();
            let numbered = burst
                .first()
                .is_some_and(|one| one.sequence == crate::history::Sequence::Next);
            let range = match (ids.first(), ids.last()) {
                (Some(first), Some(last)) if numbered => {
                    format!(", numbers {first}..{last}, none missing")
                }
                _ => String::from(", as many as were due"),
            };
            let text = format!(
                "after {came} {count} adverts of {sender} came within {}{range}",
                span(length)
            );
            if decided {
                draft.saw(text);
                return;
            }
            draft.ruled_out.push(if numbered {
                String::from("loss (no number is missing)")
            } else {
                String::from("loss (as many came as were due)")
            });
            draft
                .ruled_out
                .push(format!("a stalled daemon on {sender} (it built on)"));
            draft.find(
                Code::PathHeld,
                if numbered {
                    Confidence::High
                } else {
                    Confidence::Low
                },
                None,
                format!(
                    "adverts of {sender} were built on time and held between its socket and here"
                ),
                vec![seen(text)],
            );
            draft.next.push(format!(
                "on {sender}: vrrpctl explain --last (if its adverts left its kernel on time: ask its host)"
            ));
        }
        Told::Lost(count) if count >= least => {
            let text = format!("{sender} numbered {count} adverts that never came");
            if decided {
                draft.saw(text);
                return;
            }
            draft
                .ruled_out
                .push(format!("a stalled daemon on {sender} (it built on)"));
            let say = format!(
                "{count} adverts of {sender} were built and lost between its daemon and here"
            );
            lost(view, gap, at, (Confidence::Medium, say, text), draft);
        }
        Told::Lost(count) => {
            draft.saw(format!(
                "{} of {sender} missing",
                Plural(count.into(), "advert")
            ));
            if !decided {
                draft.unknown = Some(format!(
                    "too few adverts of {sender} are missing to explain the gap"
                ));
            }
        }
        Told::NoneBuilt => {
            draft.saw(format!(
                "the next advert of {sender} came after {came} with the next number: it built none in between"
            ));
            draft
                .ruled_out
                .push(String::from("loss and delay on the way"));
            if !decided {
                draft.unknown = Some(format!(
                    "{sender} built no advert in between: stopped, starved, paused or blocked there"
                ));
            }
        }
        Told::Restarted => {
            let text = format!("the numbers of {sender} began anew after {came}, without goodbye");
            let quick = gap.end.is_some_and(|end| end.since(gap.begin) <= RESTART);
            if quick && !decided {
                draft.find(
                    Code::SenderCrashed,
                    Confidence::Medium,
                    None,
                    format!("the daemon on {sender} ended without goodbye and was started again"),
                    vec![seen(text)],
                );
            } else {
                draft.saw(text);
                if !decided {
                    draft.unknown = Some(format!(
                        "the daemon or the machine of {sender} was started again"
                    ));
                }
            }
        }
        Told::Unclear => {
            draft.lacks(format!(
                "numbers of {sender} that can be trusted as a sequence"
            ));
            if !decided {
                draft.unknown = Some(format!(
                    "{sender} was heard again after {came}; its numbers and the spacing do not tell why it was silent"
                ));
            }
        }
    }
}
