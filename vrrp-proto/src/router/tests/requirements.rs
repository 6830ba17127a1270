//! The state machine's requirements, one by one (RFC 9568 §6.4, RFC 3768 §6.4). The whole table is in `table.rs`.

use super::*;

#[test]
fn s02_owner_startup_is_active_at_once_advert_first() {
    for config in [config(), config_v2()] {
        let mut bench = Bench::new(Config {
            priority: Priority::OWNER,
            ..config
        });
        let actions = bench.tell(Event::Start);
        assert_eq!(actions[0], advert(255, bench.now));
        assert_eq!(actions[1], Action::AddAddresses);
        let report = transition(&actions).unwrap();
        assert_eq!((report.from, report.to), (State::Initialize, State::Active));
        assert_eq!(report.cause, Cause::OwnerStarted);
        assert_eq!(actions.len(), 3);
        // The announcement follows the kernel's confirmation, the timer is set.
        assert_eq!(
            bench.addresses(1, 1),
            [Action::Announce(AnnounceReason::BecameActive)]
        );
        assert_eq!(
            bench.router.next_deadline(),
            Some((bench.now.saturating_add(ms(1_000)), Timer::Advert))
        );
    }
}

#[test]
fn s03_startup_below_255_watches_for_three_own_intervals_and_the_skew() {
    let mut bench = Bench::new(config());
    let report = transition(&bench.tell(Event::Start)).unwrap();
    assert_eq!((report.to, report.cause), (State::Backup, Cause::Started));
    assert_eq!(bench.down_in(), us(3_609_375));
}

#[test]
fn s04_initialize_ignores_adverts_and_timers() {
    let mut bench = Bench::new(config());
    for priority in [0, 1, 100, 255] {
        assert_eq!(bench.hear(peer(1), priority), []);
    }
    assert_eq!(bench.tell(Event::Deadline), []);
    assert_eq!(bench.router.next_deadline(), None);
    assert_eq!(bench.router.snapshot().peer, None);
}

#[test]
fn s05_backup_shutdown_sends_nothing() {
    for kind in [StopKind::Planned, StopKind::Immediate] {
        let mut bench = Bench::backup(config());
        let actions = bench.tell(Event::Stop(kind));
        assert_eq!(adverts(&actions), []);
        assert_eq!(bench.state(), State::Initialize);
        assert_eq!(bench.router.next_deadline(), None);
    }
}

#[test]
fn s06_takeover_is_advert_then_addresses_then_announcement() {
    let mut bench = Bench::backup(config());
    let actions = bench.run_to_deadline();
    assert_eq!(actions[0], advert(100, bench.now));
    assert_eq!(actions[1], Action::AddAddresses);
    assert_eq!(
        transition(&actions).unwrap().cause,
        Cause::SilentActive { last: None }
    );
    assert_eq!(
        bench.addresses(2, 2),
        [Action::Announce(AnnounceReason::BecameActive)]
    );
}

#[test]
fn s07_priority_zero_sets_the_timer_to_the_skew_and_its_interval_is_not_learned() {
    let mut bench = Bench::backup(config());
    bench.hear(peer(1), 200);
    bench.hear_at(peer(1), 0, centis(1_000));
    assert_eq!(bench.down_in(), us(609_375));
    assert_eq!(
        bench.router.snapshot().active_interval,
        AdvertInterval::DEFAULT
    );
    let report = transition(&bench.run_to_deadline()).unwrap();
    assert_eq!(report.cause, Cause::Released { by: peer(1) });
}

#[test]
fn s08_lower_adverts_leave_the_running_timer_alone_while_preempting() {
    let mut bench = Bench::backup(config());
    let takeover = bench.router.next_deadline().unwrap().0;
    for _ in 0..36 {
        bench.advance(ms(100));
        assert_eq!(bench.hear_at(peer(1), 99, centis(10)), []);
        assert_eq!(bench.router.next_deadline().unwrap().0, takeover);
    }
    let report = transition(&bench.run_to_deadline()).unwrap();
    assert_eq!(
        report.cause,
        Cause::Preempting {
            over: peer(1),
            priority: WirePriority::from_wire(99)
        }
    );
    assert_eq!(bench.now, takeover);
}

#[test]
fn s09_lower_adverts_are_accepted_and_learned_with_preempt_off() {
    let mut bench = Bench::backup(Config {
        preempt: false,
        ..config()
    });
    for _ in 0..50 {
        bench.advance(ms(1_000));
        bench.hear_at(peer(1), 1, centis(300));
        assert_eq!(bench.state(), State::Backup);
    }
    assert_eq!(bench.router.snapshot().active_interval, centis(300));
    assert_eq!(bench.down_in(), ms(9_000) + us(1_828_125));
}

#[test]
fn s10_equal_priority_is_accepted_in_backup_whatever_the_addresses_are() {
    for from in [peer(1), OWN, peer(250)] {
        let mut bench = Bench::backup(config());
        bench.advance(ms(2_000));
        assert_eq!(bench.hear(from, 100), []);
        assert_eq!(bench.down_in(), us(3_609_375));
    }
}

#[test]
fn s11_active_with_preempt_off_yields_to_a_higher_priority() {
    let mut bench = Bench::active(Config {
        preempt: false,
        ..config()
    });
    bench.hear(peer(1), 101);
    assert_eq!(bench.state(), State::Backup);
}

#[test]
fn s12_owner_preempts_with_preempt_off() {
    let mut bench = Bench::active(Config {
        priority: Priority::OWNER,
        preempt: false,
        preempt_delay: ms(5_000),
        ..config()
    });
    // A second owner with the higher address takes it away; a lower Active after that is preempted.
    bench.hear(peer(250), 255);
    assert_eq!(bench.state(), State::Backup);
    let takeover = bench.router.next_deadline().unwrap().0;
    bench.advance(ms(1_000));
    assert_eq!(bench.hear(peer(1), 254), []);
    assert_eq!(bench.router.next_deadline().unwrap().0, takeover);
}

#[test]
fn s12_a_lowered_owner_still_preempts_with_preempt_off() {
    let mut bench = Bench::active(Config {
        priority: Priority::OWNER,
        owner_clash_lowers: true,
        preempt: false,
        ..config()
    });
    bench.hear(peer(250), 255);
    assert_eq!(bench.router.priority(), priority(254));
    let takeover = bench.router.next_deadline().unwrap().0;
    bench.advance(ms(1_000));
    bench.hear(peer(1), 253);
    assert_eq!(bench.router.next_deadline().unwrap().0, takeover);
}

#[test]
fn s13_tie_compares_whole_addresses_as_unsigned_numbers() {
    let v6 = |text: &str| text.parse::<IpAddr>().unwrap();
    let yields = |own: IpAddr, other: IpAddr| {
        let mut bench = Bench::active(config());
        bench.tell(Event::Source(Some(own)));
        bench.hear(other, 100);
        bench.state() == State::Backup
    };
    for (low, high) in [
        ("9.0.0.2", "10.0.0.1"),
        ("127.255.0.1", "128.0.0.1"),
        ("fe80::ff", "fe80::1:0"),
        ("fe80::1", "fe80::2"),
        ("10.0.0.9", "10.0.1.1"),
    ] {
        assert!(yields(v6(low), v6(high)), "{low} yields to {high}");
        assert!(!yields(v6(high), v6(low)), "{high} stays against {low}");
    }
}

#[test]
fn s14_tie_uses_the_address_the_router_sends_from_now() {
    let mut bench = Bench::active(config());
    bench.hear(peer(90), 100);
    assert_eq!(bench.state(), State::Active);
    bench.tell(Event::Source(Some(peer(80))));
    bench.hear(peer(90), 100);
    assert_eq!(bench.state(), State::Backup);
}

#[test]
fn s15_active_answers_priority_zero_at_once_and_restarts_its_timer() {
    for config in [config(), config_v2()] {
        let mut bench = Bench::active(config);
        bench.advance(ms(700));
        let actions = bench.hear(peer(1), 0);
        assert_eq!(actions[0], advert(100, bench.now));
        assert_eq!(
            actions[1],
            Action::Announce(AnnounceReason::OtherActive),
            "hosts may have learned the one that leaves"
        );
        assert_eq!(
            bench.router.next_deadline().unwrap().0,
            bench.now.saturating_add(ms(1_000))
        );
    }
}

#[test]
fn s16_losing_active_learns_and_goes_to_backup_without_any_advert() {
    for (from, priority) in [(peer(1), 101), (peer(101), 100)] {
        let mut bench = Bench::active(config());
        bench.advance(ms(300));
        let actions = bench.hear_at(from, priority, centis(300));
        assert_eq!(adverts(&actions), []);
        assert_eq!(actions[0], Action::RemoveAddresses);
        let report = transition(&actions).unwrap();
        assert_eq!((report.from, report.to), (State::Active, State::Backup));
        assert_eq!(bench.down_in(), ms(9_000) + us(1_828_125));
    }
}

#[test]
fn s16_last_advert_before_yielding_is_an_option() {
    let mut bench = Bench::active(Config {
        advert_before_yield: true,
        ..config()
    });
    assert_eq!(adverts(&bench.hear(peer(1), 101)), [100]);
    assert_eq!(bench.state(), State::Backup);
}

#[test]
fn s17_every_exit_from_active_removes_the_addresses_in_the_same_step() {
    let faults = Event::Faults(FaultSet::INTERFACE_DOWN);
    for event in [
        faults,
        Event::Stop(StopKind::Immediate),
        Event::Stop(StopKind::Planned),
        Event::AddressesLost,
        Event::Group(GroupOrder::Yield),
        Event::Group(GroupOrder::Bounce),
        Event::Priority(Priority::OWNER),
    ] {
        let mut bench = Bench::active(config());
        let actions = bench.tell(event);
        assert!(
            actions.contains(&Action::RemoveAddresses),
            "{}",
            event.name()
        );
    }
}

#[test]
fn s18_losing_advert_is_answered_at_once_and_the_grid_stays() {
    let mut bench = Bench::active(config());
    let next = bench.router.next_deadline().unwrap().0;
    bench.advance(ms(300));
    for (from, priority) in [(peer(1), 99), (peer(99), 100)] {
        let actions = bench.hear(from, priority);
        assert_eq!(
            actions[0],
            Action::LowerHeard {
                from,
                priority: WirePriority::from_wire(priority)
            }
        );
        assert_eq!(actions[1], advert(100, bench.now));
        assert_eq!(actions[2], Action::Announce(AnnounceReason::OtherActive));
        assert_eq!(bench.router.next_deadline().unwrap().0, next);
        assert_eq!(bench.state(), State::Active);
    }
}

#[test]
fn s19_version_2_discards_a_losing_advert_silently() {
    let mut bench = Bench::active(config_v2());
    let actions = bench.hear(peer(1), 99);
    assert_eq!(adverts(&actions), []);
    assert_eq!(bench.state(), State::Active);
    // keepalived answers there too; that is the profile's choice.
    let mut bench = Bench::active(Config {
        answer_lower: true,
        ..config_v2()
    });
    assert_eq!(adverts(&bench.hear(peer(1), 99)), [100]);
}

#[test]
fn s20_answers_are_bounded_under_a_flood_and_the_grid_goes_on() {
    for flood in [0, 99] {
        let mut bench = Bench::active(config());
        let (mut answers, mut reports, mut announcements) = (0, 0, 0);
        let end = bench.now.saturating_add(ms(10_000));
        while bench.now < end {
            bench.advance(us(100));
            if bench.router.next_deadline().unwrap().0 <= bench.now {
                answers += adverts(&bench.tell(Event::Deadline)).len();
            }
            let actions = bench.hear(peer(1), flood);
            answers += adverts(&actions).len();
            for action in &actions {
                reports += usize::from(matches!(action, Action::LowerHeard { .. }));
                announcements += usize::from(matches!(action, Action::Announce(_)));
            }
        }
        // 100,000 packets in ten intervals: eight answers in each, beside the ten of the grid.
        assert!((10..=100).contains(&answers), "{answers} adverts");
        assert!(reports <= 88, "{reports}");
        assert!(announcements <= 88, "{announcements}");
        let counters = bench.router.snapshot().counters;
        assert!(counters.unanswered > 99_000, "{counters:?}");
        assert_eq!(bench.state(), State::Active);
    }
}

#[test]
fn s21_missing_source_leaves_the_state_machine_running() {
    let mut bench = Bench::backup(config());
    bench.tell(Event::Source(None));
    bench.run_to_deadline();
    assert_eq!(bench.state(), State::Active);
    bench.run_for(ms(900));
    assert_eq!(bench.state(), State::Active);
    // A tie cannot be won without an address.
    bench.hear(peer(1), 100);
    assert_eq!(bench.state(), State::Backup);
}

#[test]
fn s23_change_to_or_from_owner_is_shutdown_and_startup() {
    let mut bench = Bench::active(config());
    let owner = Config {
        priority: Priority::OWNER,
        ..config()
    };
    let actions = bench.tell(Event::Reconfigure {
        config: &owner,
        priority: Priority::OWNER,
    });
    assert_eq!(adverts(&actions), [0, 255]);
    assert_eq!(bench.state(), State::Active);
    bench.addresses(1, 1);
    let actions = bench.tell(Event::Reconfigure {
        config: &config(),
        priority: Priority::DEFAULT,
    });
    assert_eq!(adverts(&actions), [0]);
    assert!(actions.contains(&Action::RemoveAddresses));
    assert_eq!(bench.state(), State::Backup);
    assert_eq!(bench.down_in(), us(3_609_375));
}

#[test]
fn s23_priority_change_counts_at_the_next_comparison() {
    let mut bench = Bench::active(config());
    assert_eq!(
        bench.tell(Event::Priority(priority(50))),
        [Action::PriorityChanged {
            from: priority(100),
            to: priority(50)
        }]
    );
    // Visible in the next scheduled advert, no extra one.
    assert_eq!(adverts(&bench.run_to_deadline()), [50]);
    bench.hear(peer(1), 51);
    assert_eq!(bench.state(), State::Backup);
}

#[test]
fn s24_of_two_owners_the_smaller_address_yields() {
    let owner = Config {
        priority: Priority::OWNER,
        ..config()
    };
    let mut bench = Bench::active(owner);
    bench.hear(peer(250), 255);
    assert_eq!(bench.state(), State::Backup);
    assert_eq!(bench.router.priority(), Priority::OWNER);
    let mut bench = Bench::active(owner);
    bench.hear(peer(1), 255);
    assert_eq!(bench.state(), State::Active);
}

#[test]
fn s24_keepalived_lowers_the_losing_owner_to_254_until_it_starts_again() {
    let mut bench = Bench::active(Config {
        priority: Priority::OWNER,
        owner_clash_lowers: true,
        ..config()
    });
    let actions = bench.hear(peer(250), 255);
    assert!(actions.contains(&Action::PriorityChanged {
        from: Priority::OWNER,
        to: priority(254)
    }));
    assert_eq!(bench.state(), State::Backup);
    assert_eq!(bench.router.priority(), priority(254));
    assert_eq!(adverts(&bench.run_to_deadline()), [254]);
    bench.tell(Event::Stop(StopKind::Immediate));
    assert_eq!(adverts(&bench.tell(Event::Start)), [255]);
}

#[test]
fn s27_fault_is_shutdown_and_its_end_is_startup() {
    let mut bench = Bench::active(config());
    let actions = bench.tell(Event::Faults(FaultSet::TRACKER));
    assert_eq!(adverts(&actions), [0, 0], "as many as configured");
    assert_eq!(actions[2], Action::RemoveAddresses);
    let report = transition(&actions).unwrap();
    assert_eq!(report.to, State::Initialize);
    assert_eq!(report.cause, Cause::Fault(FaultSet::TRACKER));
    assert_eq!(bench.router.next_deadline(), None);
    let report = transition(&bench.tell(Event::Faults(FaultSet::NONE))).unwrap();
    assert_eq!(
        (report.to, report.cause),
        (State::Backup, Cause::FaultCleared)
    );
    assert_eq!(bench.down_in(), us(3_609_375));
}

#[test]
fn s27_owner_is_active_again_as_soon_as_its_fault_is_over() {
    let mut bench = Bench::active(Config {
        priority: Priority::OWNER,
        ..config()
    });
    bench.tell(Event::Faults(FaultSet::INTERFACE_DOWN));
    assert_eq!(bench.state(), State::Initialize);
    bench.tell(Event::Faults(FaultSet::NONE));
    assert_eq!(bench.state(), State::Active);
}

#[test]
fn a_fault_at_start_is_told_once_and_a_pending_first_result_is_not_a_fault() {
    let mut bench = Bench::new(config());
    bench.tell(Event::Faults(FaultSet::TRACKER_PENDING));
    assert_eq!(bench.tell(Event::Start), []);
    assert_eq!(bench.state(), State::Initialize);
    let report = transition(&bench.tell(Event::Faults(FaultSet::TRACKER))).unwrap();
    assert_eq!(
        (report.from, report.to),
        (State::Initialize, State::Initialize)
    );
    assert_eq!(report.cause, Cause::Fault(FaultSet::TRACKER));
    let both = FaultSet::TRACKER.with(FaultSet::INTERFACE_DOWN, true);
    assert_eq!(bench.tell(Event::Faults(both)), []);
    let report = transition(&bench.tell(Event::Faults(FaultSet::NONE))).unwrap();
    assert_eq!(report.cause, Cause::FaultCleared);
    // Without a fault in between, the first result is the end of starting.
    let mut bench = Bench::new(config());
    bench.tell(Event::Faults(FaultSet::TRACKER_PENDING));
    bench.tell(Event::Start);
    let report = transition(&bench.tell(Event::Faults(FaultSet::NONE))).unwrap();
    assert_eq!(report.cause, Cause::Started);
}

#[test]
fn a_tracker_that_a_reload_adds_takes_nobody_out_before_its_first_result() {
    let mut bench = Bench::active(config());
    assert_eq!(bench.tell(Event::Faults(FaultSet::TRACKER_PENDING)), []);
    assert_eq!(bench.state(), State::Active);
    bench.tell(Event::Faults(FaultSet::TRACKER));
    assert_eq!(bench.state(), State::Initialize);
}

#[test]
fn s30_s31_shutdown_of_an_active_is_priority_zero_then_addresses() {
    let mut bench = Bench::active(config());
    let actions = bench.tell(Event::Stop(StopKind::Planned));
    assert_eq!(actions[0], advert(0, bench.now));
    assert_eq!(actions[1], Action::RemoveAddresses, "S-32");
    assert_eq!(transition(&actions).unwrap().cause, Cause::Stopped);
    assert_eq!(bench.state(), State::Initialize);
}

#[test]
fn s34_reload_without_a_change_is_not_noticed() {
    for make in [Bench::active, Bench::backup] {
        let mut bench = make(config());
        let before = bench.router.snapshot();
        assert_eq!(
            bench.tell(Event::Reconfigure {
                config: &config(),
                priority: Priority::DEFAULT
            }),
            []
        );
        assert_eq!(bench.router.snapshot(), before);
    }
}
