use std::path::PathBuf;

use super::flags::{FLAGS, Id, Takes, help};
use super::*;

fn parsed(words: &str) -> Result<Options, CliError> {
    parse(
        std::iter::once("/usr/sbin/vrrpd")
            .chain(words.split_whitespace())
            .map(OsString::from),
    )
}

fn options(words: &str) -> Options {
    parsed(words).unwrap()
}

#[test]
fn container_entry_points_of_keepalived_are_understood() {
    let long = options("--dont-fork --log-console --log-detail --vrrp --use-file=/etc/k.conf");
    let short = options("-n -l -D -P -f /etc/k.conf");
    let bundled = options("-nlDPf/etc/k.conf");
    assert_eq!(long, short);
    assert_eq!(short, bundled);
    assert!(short.foreground && short.console && short.detail == 1);
    assert_eq!(short.config, Some(PathBuf::from("/etc/k.conf")));
    assert_eq!(short.without_effect, Vec::<String>::new());
}

#[test]
fn bundled_letters_each_count() {
    let bundle = options("-nldDD");
    assert!(bundle.foreground && bundle.console && bundle.dump_configuration);
    assert_eq!(bundle.detail, 2);
}

#[test]
fn the_config_test_takes_its_file_only_attached() {
    assert_eq!(options("-t").task, Task::Check { log: None });
    let log = Some(PathBuf::from("/tmp/x"));
    assert_eq!(options("-t/tmp/x").task, Task::Check { log: log.clone() });
    assert_eq!(options("--config-test=/tmp/x").task, Task::Check { log });
    let ansible = options("-t -f /etc/k.conf");
    assert_eq!(ansible.task, Task::Check { log: None });
    assert_eq!(ansible.config, Some(PathBuf::from("/etc/k.conf")));
}

#[test]
fn own_options_have_their_defaults_and_values() {
    let given = options("--run-dir /a --journal-dir=/b --observe -i node7 -e");
    assert_eq!(given.run_dir, PathBuf::from("/a"));
    assert_eq!(given.journal_dir, PathBuf::from("/b"));
    assert!(given.observe && given.all_includes);
    assert_eq!(given.config_id.as_deref(), Some("node7"));
    assert_eq!(options("").run_dir, PathBuf::from(DEFAULT_RUN_DIR));
    assert_eq!(options("").journal_dir, PathBuf::from(DEFAULT_JOURNAL_DIR));
}

#[test]
fn bounds_of_the_journal_and_the_address_of_metrics_are_checked() {
    let given = options("--journal-size 50 --journal-days=7 --metrics [::1]:9650");
    assert_eq!(given.journal_bytes, Some(50_000_000));
    assert_eq!(given.journal_age, Some(Duration::from_secs(7 * 86_400)));
    assert_eq!(given.metrics, Some("[::1]:9650".parse().unwrap()));
    assert_eq!(options("").metrics, None);
    for words in [
        "--journal-size 3",
        "--journal-size x",
        "--journal-days 0",
        "--metrics localhost",
        "--metrics 127.0.0.1",
    ] {
        let error = parsed(words).unwrap_err();
        assert!(
            matches!(error, CliError::BadValue { .. }),
            "{words}: {error}"
        );
    }
}

#[test]
fn options_without_effect_are_all_named() {
    let given = options("-V -R --snmp -A /x -M -Mpat -u 022 -c /c");
    assert_eq!(
        given.without_effect,
        ["-V", "-R", "--snmp", "-A", "-M", "-M", "-u", "-c"]
    );
}

#[test]
fn surplus_words_are_kept_and_do_not_stop_anything() {
    let given = options("-n start now");
    assert!(given.foreground);
    assert_eq!(given.surplus, ["start", "now"]);
}

#[test]
fn mistakes_name_the_option() {
    for (words, message) in [
        ("-Z", "unknown option '-Z': see --help"),
        (
            "--frobnicate=1",
            "unknown option '--frobnicate': see --help",
        ),
        ("-f", "option '-f' needs a value: FILE"),
        ("--run-dir", "option '--run-dir' needs a value: DIR"),
        ("--vrrp=1", "option '--vrrp' takes no value, got '1'"),
        (
            "-S 8",
            "option '-S' cannot use '8': expected 0 to 7, local0 to local7, user or daemon",
        ),
    ] {
        assert_eq!(parsed(words).unwrap_err().to_string(), message, "{words}");
    }
}

#[test]
fn facilities_are_syslogs_numbers() {
    for (words, number) in [
        ("", 3),
        ("-S 0", 16),
        ("-S 7", 23),
        ("-S local3", 19),
        ("-S user", 1),
        ("-S daemon", 3),
    ] {
        assert_eq!(options(words).facility, number, "{words}");
    }
}

#[test]
fn version_help_and_signum_end_the_parsing() {
    assert_eq!(options("-v -Z").task, Task::Version);
    assert_eq!(options("--help -Z").task, Task::Help);
    assert_eq!(
        options("--signum=JSON -Z").task,
        Task::SignalNumber(String::from("JSON"))
    );
}

#[test]
fn signal_names_are_keepalived_s() {
    for (name, number) in [
        ("RELOAD", Some(1)),
        ("STOP", Some(15)),
        ("DATA", Some(10)),
        ("STATS", Some(12)),
        ("HUP", None),
        ("json", None),
    ] {
        assert_eq!(signal_number(name), number, "{name}");
    }
    assert!(signal_number("JSON") > Some(31));
    assert!(signal_number("STATS_CLEAR") > signal_number("JSON"));
}

#[test]
fn the_name_of_the_program_is_its_last_part() {
    let keepalived = parse([OsString::from("/usr/sbin/keepalived")]).unwrap();
    assert!(keepalived.as_keepalived());
    assert!(!options("").as_keepalived());
}

#[test]
fn no_option_is_in_the_table_twice_and_each_is_in_the_help() {
    let text = help("vrrpd");
    for (index, flag) in FLAGS.iter().enumerate() {
        for other in &FLAGS[index + 1..] {
            assert!(
                flag.short.is_none() || flag.short != other.short,
                "{flag:?} {other:?}"
            );
            assert!(
                flag.long.is_none() || flag.long != other.long,
                "{flag:?} {other:?}"
            );
        }
        let name = flag
            .short
            .map_or_else(|| flag.long.unwrap().to_owned(), |s| format!("-{s}"));
        assert!(text.contains(&name), "{name} is not in the help");
        assert_eq!(flag.help.is_empty(), flag.id == Id::WithoutEffect);
    }
    assert!(matches!(FLAGS[0].takes, Takes::Value("FILE")));
}

#[test]
fn the_recorders_size_is_bytes_with_a_power_of_1024() {
    let size = |text: &str| {
        parse(["vrrpd", "--ring-size", text].map(OsString::from)).map(|options| options.ring_bytes)
    };
    assert_eq!(size("2M"), Ok(Some(2 << 20)));
    assert_eq!(size("512K"), Ok(Some(512 << 10)));
    assert_eq!(size("300000"), Ok(Some(300_000)));
    for bad in ["M", "1K", "2T", "-1", "4G", "99999999999G"] {
        assert!(size(bad).is_err(), "{bad}");
    }
}
