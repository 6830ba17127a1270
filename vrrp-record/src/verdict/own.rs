//! Whether this node itself was late, and which part of the lateness each cause explains (kernel timing table: quota,
//! run-queue wait, own CPU time, frozen, stopped, faults, blocked step, suspend, steal, rest).

use super::view::{Draft, View, against, nanos, seen, signed, span};
use super::{Code, Confidence, Evidence};
use crate::history::{Source, Stall, Time, Unit};
use crate::step::{Class, Step};

/// One cause's part of one late wake-up.
struct Part {
    code: Code,
    share: i64,
    say: String,
    evidence: Vec<Evidence>,
    confidence: Confidence,
}

/// Lateness of a wake-up, or the step that was too long.
fn lateness(stall: &Stall) -> i64 {
    stall.at.since(stall.due).max(0)
}

/// Explains this node's late wake-ups in a window and returns the worst lateness. `until` is the end of the wait: a wake-up
/// that ends a little later still belongs to it.
pub(super) fn own_lateness(view: &View<'_>, from: Time, until: Time, draft: &mut Draft) -> i64 {
    let threshold = view.late();
    let mut worst_advert = 0;
    let mut late = 0_u32;
    for sent in view.sent(from, until) {
        if let Some(woke) = sent.woke {
            let by = woke.since(sent.due);
            worst_advert = worst_advert.max(by);
            late += u32::from(by >= threshold);
        }
    }
    let stalls: Vec<&Stall> = view
        .stalls(from, until)
        .filter(|stall| lateness(stall) >= threshold)
        .collect();
    let total: i64 = stalls.iter().map(|stall| lateness(stall)).sum();
    let worst = stalls
        .iter()
        .map(|stall| lateness(stall))
        .max()
        .unwrap_or(0)
        .max(worst_advert);
    if worst < threshold {
        return worst;
    }
    if late > 0 {
        draft.saw(format!(
            "{late} of our adverts woke more than {} late, the worst {}",
            span(threshold),
            span(worst_advert)
        ));
    }
    if stalls.is_empty() {
        draft.lacks("what the host did while the engine was late (no such record)");
        draft.unknown = Some(format!(
            "this node was {} late itself, and nothing was recorded about the reason",
            span(worst)
        ));
        draft.unexplained = Some(nanos(worst));
        draft.lateness = Some(nanos(worst));
        return worst;
    }
    let (parts, rest_total) = parts_of(view, &stalls, draft);
    draft.lateness = Some(nanos(total));
    // Of another daemon only the departure of its adverts is seen: what its process did may explain a part, and what is left
    // lies behind it as well.
    let outside = view.history.node.source == Source::Observer && rest_total * 2 > total;
    let mut small = 0;
    for part in parts {
        if outside {
            draft.evidence.extend(part.evidence);
            small += part.share;
            continue;
        }
        if part.share * 10 < total && part.code != Code::HostSuspended {
            small += part.share;
            continue;
        }
        draft.find(
            part.code,
            part.confidence,
            Some(nanos(part.share)),
            part.say,
            part.evidence,
        );
    }
    let unexplained = rest_total + small;
    draft.unexplained = Some(nanos(unexplained));
    if unexplained * 2 > total {
        draft.unknown = Some(if outside {
            format!(
                "adverts left up to {} late, and {} of the {} in all are nothing that the daemon's process did: they may have \
                 waited behind it, too",
                span(worst),
                span(rest_total),
                span(total)
            )
        } else {
            format!(
                "this node was {} late itself; {} of it is neither waiting for a CPU nor work: frozen without accounting, \
                 traced, or the machine itself was paused",
                span(worst),
                span(unexplained)
            )
        });
    }
    worst
}

/// What the causes explain of all late wake-ups together, the largest first, and what nothing explains.
fn parts_of(view: &View<'_>, stalls: &[&Stall], draft: &mut Draft) -> (Vec<Part>, i64) {
    let mut rest_total = 0;
    let mut parts: Vec<Part> = Vec::new();
    for stall in stalls {
        let (found, rest) = split(view, stall, draft);
        rest_total += rest;
        for part in found {
            match parts.iter_mut().find(|known| known.code == part.code) {
                Some(known) => {
                    if part.share > known.share {
                        known.say = part.say;
                        known.evidence = part.evidence;
                    }
                    known.share += part.share;
                    known.confidence = known.confidence.min(part.confidence);
                }
                None => parts.push(part),
            }
        }
    }
    parts.sort_by_key(|part| -part.share);
    (parts, rest_total)
}

#[expect(
    clippy::too_many_lines,
    reason = "the order of the questions is the point"
)]
fn split(view: &View<'_>, stall: &Stall, draft: &mut Draft) -> (Vec<Part>, i64) {
    let late = lateness(stall);
    let mut rest = late;
    let mut parts = Vec::new();
    let length = stall.at.since(stall.from).max(late);
    // What a counter usually does in as long a time is no evidence.
    let usual = |unit| {
        view.moved_any(unit, stall.from.plus(-1), stall.at)
            .and_then(|moved| moved.usual)
    };
    let take = |value: i64, rest: &mut i64| {
        let share = value.clamp(0, *rest);
        *rest -= share;
        share
    };
    let significant = |share: i64| share * 20 >= late && share >= 1_000_000;

    let throttled = signed(stall.throttled.unwrap_or_default());
    if stall.throttled.is_none() {
        draft.lacks("throttling of the control groups");
    }
    if significant(throttled.min(rest)) && stall.throttled_times.unwrap_or_default() > 0 {
        let share = take(throttled, &mut rest);
        parts.push(Part {
            code: Code::SenderThrottled,
            share,
            say: format!(
                "throttled by our own CPU limit {} times ({})",
                stall.throttled_times.unwrap_or_default(),
                span(share)
            ),
            evidence: vec![seen(format!(
                "a control group of the engine was throttled for {} of the {}",
                span(throttled),
                span(late)
            ))],
            confidence: Confidence::High,
        });
    }

    let steal_usual = usual(Unit::Steal).map_or(0, signed);
    let steal = signed(stall.steal.unwrap_or_default()).saturating_sub(2 * steal_usual);
    let mut steal_left = if steal >= 20_000_000 { steal } else { 0 };
    if stall.steal.is_none() {
        draft.lacks("steal time");
    }

    let waited = signed(stall.run_delay.unwrap_or_default());
    let waited = waited.saturating_sub(throttled.min(waited));
    if stall.run_delay.is_none() {
        draft.lacks("run-queue wait (schedstat)");
    }
    if significant(waited.min(rest)) {
        let share = take(waited, &mut rest);
        // Steal of a virtual CPU that has something to run counts as waiting, too.
        let stolen = if steal_left * 5 >= share {
            steal_left.min(share)
        } else {
            0
        };
        steal_left -= stolen;
        if stolen > 0 {
            parts.push(stolen_part(stolen, steal, late, steal_usual));
        }
        let waited = share - stolen;
        if waited > 0 {
            let real_time = stall.fifo > 0;
            parts.push(Part {
                code: if real_time {
                    Code::SenderRtStarved
                } else {
                    Code::SenderCpuWait
                },
                share: waited,
                say: if real_time {
                    format!(
                        "late {}, {} of it waiting for CPU {} that another real-time task held (the engine is FIFO/{}, so no \
                         ordinary task can)",
                        span(late),
                        span(waited),
                        stall.cpu_number,
                        stall.fifo
                    )
                } else {
                    format!(
                        "late {}, {} of it waiting for CPU {} while others ran",
                        span(late),
                        span(waited),
                        stall.cpu_number
                    )
                },
                evidence: vec![against(
                    format!("run-queue wait {} within {}", span(share), span(length)),
                    usual(Unit::RunDelay).map(|usual| span(signed(usual)).to_string()),
                )],
                confidence: if stolen > 0 {
                    Confidence::Medium
                } else {
                    Confidence::High
                },
            });
        }
    }

    let step = Step::from_u8(stall.step);
    let step_name = step.map_or("of a newer version", Step::as_str);
    let class = step.map_or(Class::Waiting, Step::class);
    let cpu = signed(stall.cpu.unwrap_or_default());
    // The span of the counters may be much longer than the lateness, and what the engine used before is no part of it: then
    // the step itself has to have run, without what it waited.
    let within = length <= 2 * late;
    let ran = signed(stall.step_time).saturating_sub(waited);
    let worked = within || class == Class::Work && ran * 2 >= late;
    if significant(cpu.min(rest)) && cpu * 5 >= late && worked {
        let share = take(cpu, &mut rest);
        parts.push(Part {
            code: Code::SenderOwnWork,
            share,
            say: format!("loop held {} by step \"{step_name}\"", span(share)),
            evidence: vec![seen(format!(
                "the engine itself used {} of CPU time; longest step \"{step_name}\" {}",
                span(cpu),
                span(signed(stall.step_time))
            ))],
            confidence: Confidence::High,
        });
    }

    let frozen = signed(stall.frozen.unwrap_or_default());
    if stall.frozen.is_none() && rest * 2 > late {
        draft.lacks("frozen time of the control group (cgroup v2, kernel 6.18)");
    }
    if significant(frozen.min(rest)) {
        let share = take(frozen, &mut rest);
        parts.push(Part {
            code: Code::SenderFrozen,
            share,
            say: format!("control group was frozen for {}", span(share)),
            evidence: vec![seen(format!(
                "frozen for {} of the {}; waited for a CPU {}",
                span(frozen),
                span(late),
                span(waited)
            ))],
            confidence: Confidence::High,
        });
    }

    let blocked =
        matches!(class, Class::File | Class::Service) && signed(stall.step_time) * 2 >= late;
    let faults = stall.major_faults.unwrap_or_default();
    let pressure = stall.io_pressure.map(signed);
    let by_faults = faults > 0 && pressure.is_some_and(|io| io * 2 >= rest && significant(io));
    if let (Some(sender), false, false) = (stall.sigcont, blocked, by_faults)
        && rest * 5 >= late
        && steal_left * 5 < rest
    {
        let share = take(rest, &mut rest);
        let by = match sender {
            0 => String::new(),
            pid => format!(" from pid {pid}"),
        };
        parts.push(Part {
            code: Code::SenderStopped,
            share,
            say: format!("process was stopped {} (SIGCONT received{by})", span(share)),
            evidence: vec![seen(format!(
                "SIGCONT pending at wake-up{by}; waited for a CPU {}, ran {}",
                span(waited),
                span(cpu)
            ))],
            confidence: if share * 5 >= late * 4 {
                Confidence::High
            } else {
                Confidence::Medium
            },
        });
    }
    if let (true, Some(io)) = (by_faults, pressure) {
        let share = take(io, &mut rest);
        let locked = if stall.locked {
            ""
        } else {
            " (memory is not locked)"
        };
        parts.push(Part {
            code: Code::SenderPagedOut,
            share,
            say: format!(
                "{faults} major faults took {}: memory was paged out{locked}",
                span(share)
            ),
            evidence: vec![seen(format!(
                "{faults} major faults, own I/O pressure {} of the {}",
                span(io),
                span(late)
            ))],
            confidence: Confidence::High,
        });
    } else if faults > 0 && rest * 2 > late {
        draft.saw(format!("{faults} major faults of the engine"));
        draft.lacks("how long the faults took (I/O pressure of the own control group, PSI)");
    }
    if blocked && rest * 5 >= late {
        let share = take(signed(stall.step_time), &mut rest);
        parts.push(Part {
            code: if class == Class::File {
                Code::SenderBlockedFile
            } else {
                Code::SenderBlockedService
            },
            share,
            say: format!("loop held {} by step \"{step_name}\"", span(share)),
            evidence: vec![seen(format!(
                "step \"{step_name}\" took {} without using a CPU ({})",
                span(signed(stall.step_time)),
                span(cpu)
            ))],
            confidence: Confidence::High,
        });
    }
    let suspended = signed(stall.suspended.unwrap_or_default());
    if suspended >= 100_000_000 {
        let share = take(suspended, &mut rest);
        parts.push(Part {
            code: Code::HostSuspended,
            share,
            say: format!("machine was suspended {}", span(suspended)),
            evidence: vec![seen(format!(
                "CLOCK_BOOTTIME ran {} further than CLOCK_MONOTONIC",
                span(suspended)
            ))],
            confidence: Confidence::High,
        });
    }
    if steal_left * 2 >= rest && significant(steal_left.min(rest)) {
        let share = take(steal_left, &mut rest);
        parts.push(stolen_part(share, steal, late, steal_usual));
    }
    let slack = signed(stall.timer_slack.unwrap_or_default());
    if slack >= 5_000_000 && rest > 0 && rest <= slack + slack / 4 {
        let share = take(rest, &mut rest);
        parts.push(Part {
            code: Code::HostCoarseTimer,
            share,
            say: format!("timer slack of this thread is {}", span(slack)),
            evidence: vec![seen(format!(
                "late {} with a timer slack of {}",
                span(late),
                span(slack)
            ))],
            confidence: Confidence::High,
        });
    }
    if rest * 2 > late && class == Class::Work && signed(stall.step_time) * 2 > late {
        draft.saw(format!(
            "the loop was in step \"{step_name}\" for {}",
            span(signed(stall.step_time))
        ));
    }
    (parts, rest)
}

fn stolen_part(share: i64, steal: i64, late: i64, usual: i64) -> Part {
    let baseline = (usual > 0).then(|| span(usual).to_string());
    Part {
        code: Code::HostSteal,
        share,
        say: format!(
            "late {}, hypervisor stole {} of all CPUs",
            span(late),
            span(steal)
        ),
        evidence: vec![against(
            format!("steal {} within the {}", span(steal), span(late)),
            baseline.or_else(|| Some(String::from("next to none"))),
        )],
        confidence: Confidence::Medium,
    }
}
