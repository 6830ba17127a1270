use std::io::Read;
use std::os::fd::AsFd;
use std::time::{Duration, Instant, SystemTime};

use tracing::Level;

use super::format::Layer;
use super::sink::write_console;
use super::*;

fn line(text: &str) -> Line {
    Line::new(Level::INFO, String::from(text), SystemTime::UNIX_EPOCH)
}

#[test]
fn console_lines_have_keepalived_s_shape() {
    let mut out = Vec::new();
    write_console(&mut out, &line("(VI_1) Entering MASTER STATE")).unwrap();
    let text = String::from_utf8(out).unwrap();
    // Local time of the epoch depends on the machine, its shape does not.
    let (time, message) = text.split_once(": ").unwrap();
    assert_eq!(message, "(VI_1) Entering MASTER STATE\n");
    let words: Vec<&str> = time.split(' ').collect();
    assert_eq!(words.len(), 5, "{time}");
    assert!(["Wed", "Thu"].contains(&words[0]), "{time}");
    assert_eq!(words[3].len(), 8, "{time}");
    assert!(["1969", "1970"].contains(&words[4]), "{time}");
}

#[test]
fn syslog_and_journal_messages_carry_priority_and_identity() {
    let sink = Sink::new(Destination::Syslog, true, 3);
    let message = String::from_utf8(sink.syslog_message(&line("text"))).unwrap();
    assert!(message.starts_with("<30>"), "{message}");
    let tail = format!(" Keepalived_vrrp[{}]: text", std::process::id());
    assert!(message.ends_with(&tail), "{message}");
    let warning = Line::new(Level::WARN, String::from("text"), SystemTime::UNIX_EPOCH);
    assert_eq!(
        sink.journal_message(&warning),
        b"PRIORITY=4\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=Keepalived_vrrp\nMESSAGE=text\n"
    );
    for (as_keepalived, speaker, identity) in [
        (true, Speaker::Parent, " Keepalived["),
        (true, Speaker::Own, " vrrpd["),
        (false, Speaker::Vrrp, " vrrpd["),
    ] {
        let sink = Sink::new(Destination::Syslog, as_keepalived, 3);
        let line = Line {
            speaker,
            ..line("text")
        };
        let message = String::from_utf8(sink.syslog_message(&line)).unwrap();
        assert!(message.contains(identity), "{message}");
    }
}

#[test]
fn a_text_cannot_forge_a_second_line_and_is_cut() {
    assert_eq!(line("a\nb\r\x1bc").text, "a b  c");
    let long = line(&"\u{e4}".repeat(5_000));
    assert!(long.text.len() <= 2_048 && long.text.ends_with('\u{e4}'));
}

#[test]
fn an_event_s_message_comes_first_and_its_fields_after_it() {
    use tracing_subscriber::layer::SubscriberExt;
    let (sender, lines) = std::sync::mpsc::channel();
    let layer = Layer::new(Arc::new(move |line: Line| sender.send(line.text).unwrap()));
    let subscriber = tracing_subscriber::registry().with(layer);
    listened_to(subscriber, || {
        tracing::info!(router = "VI_1", priority = 100, "({}) said", "VI_1");
        tracing::warn!("plain");
    });
    assert_eq!(
        lines.recv().unwrap(),
        "(VI_1) said router=VI_1 priority=100"
    );
    assert_eq!(lines.recv().unwrap(), "plain");
}

#[test]
fn lines_before_the_thread_are_not_lost() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let log = Log::new(vec![Sink::to(writer.into())]);
    log.put(line("first"));
    drop(log);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert!(text.ends_with(": first\n"), "{text}");
}

#[test]
fn a_stuck_reader_costs_lines_and_no_time() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    // As small as pipes can be, so that it is full at once.
    nix::fcntl::fcntl(writer.as_fd(), nix::fcntl::FcntlArg::F_SETPIPE_SZ(4_096)).unwrap();
    let mut log = Log::new(vec![Sink::to(writer.into())]);
    log.start().unwrap();
    let filler = "x".repeat(1_000);
    let begin = Instant::now();
    for _ in 0..20_000 {
        log.put(line(&filler));
    }
    assert!(
        begin.elapsed() < Duration::from_secs(5),
        "20,000 lines took {:?} while nobody read",
        begin.elapsed()
    );
    let lost = log.lost();
    assert!(lost > 10_000, "{lost} lines lost");
    // The reader wakes up: the rest comes, and a line about what did not.
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        text
    });
    let begin = Instant::now();
    while log.lost() > 0 {
        assert!(begin.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(5));
    }
    log.put(line("last"));
    drop(log);
    let text = reading.join().unwrap();
    let report = format!("{lost} log lines were lost");
    assert!(text.contains(&report), "no line says that {report}");
    assert!(text.ends_with(": last\n"));
}

#[test]
fn a_line_that_another_thread_came_to_first_is_heard() {
    use tracing_subscriber::layer::SubscriberExt;
    fn say() {
        tracing::info!("said by both");
    }
    let (sender, lines) = std::sync::mpsc::channel();
    let layer = Layer::new(Arc::new(move |line: Line| sender.send(line.text).unwrap()));
    listened_to(tracing_subscriber::registry().with(layer), || {
        std::thread::spawn(say).join().unwrap();
        say();
    });
    assert_eq!(lines.try_iter().collect::<Vec<_>>(), ["said by both"]);
}
