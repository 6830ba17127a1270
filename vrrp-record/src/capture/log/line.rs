//! What a line of keepalived's log says. Texts are those that Debian's keepalived prints; unknown ones say nothing.

use std::net::IpAddr;

use crate::words::Word;

/// A line that says something.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said {
    /// The daemon starts.
    Starting,
    /// It was asked to stop.
    Stopping,
    /// It has stopped.
    Stopped,
    /// It read its configuration again.
    Reloaded,
    /// It ran late.
    Late { seconds: f64 },
    /// A script's run ended differently than the one before.
    Script { name: String, result: ScriptResult },
    /// An interface changed.
    Link { interface: String, up: bool },
    /// Something about an instance.
    Instance { name: String, what: About },
}

/// How a script fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScriptResult {
    Succeeded,
    Failed(Option<i32>),
    TimedOut,
}

/// What is said about an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum About {
    Entering {
        word: Word,
        init: bool,
    },
    Timeout,
    Higher {
        from: IpAddr,
        priority: u8,
        ours: Option<u8>,
    },
    Tie {
        from: IpAddr,
        priority: u8,
    },
    Lower {
        from: IpAddr,
        priority: u8,
    },
    Goodbye,
    Priority {
        from: u8,
        to: u8,
    },
    FaultLink {
        interface: String,
    },
    /// A packet was refused.
    Refused,
}

/// Phrases about packets that a check refused.
const REFUSED: [&str; 12] = [
    "bogus VRRP packet",
    "invalid version",
    "invalid TTL",
    "Invalid TTL",
    "invalid authentication",
    "received an invalid passwd",
    "unexpected ip number count",
    "VIPs but received",
    "advertisement interval mismatch",
    "advert interval mismatch",
    "incomplete packet",
    "Invalid VRRP checksum",
];

impl Said {
    /// What the text behind the name of the program says.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some((name, rest)) = text.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
            let rest = rest.trim_start_matches(':').trim();
            let name = name.to_owned();
            return About::parse(rest).map(|what| Self::Instance { name, what });
        }
        if text.starts_with("Starting Keepalived ") {
            return Some(Self::Starting);
        }
        if text == "Stopping" {
            return Some(Self::Stopping);
        }
        if text.starts_with("Stopped Keepalived ") {
            return Some(Self::Stopped);
        }
        if text == "Reload complete" {
            return Some(Self::Reloaded);
        }
        if text.contains("thread timer expired") {
            let seconds = text
                .split_ascii_whitespace()
                .find_map(|word| word.parse().ok())?;
            return Some(Self::Late { seconds });
        }
        if let Some(rest) = text.strip_prefix("VRRP_Script(") {
            let (name, rest) = rest.split_once(')')?;
            return script(rest.trim()).map(|result| Self::Script {
                name: name.to_owned(),
                result,
            });
        }
        if let Some(rest) = text.strip_prefix("Netlink reports ") {
            let (interface, state) = rest.split_once(' ')?;
            let up = match state {
                "up" => true,
                "down" => false,
                _ => return None,
            };
            let interface = interface.to_owned();
            return Some(Self::Link { interface, up });
        }
        None
    }
}

fn script(rest: &str) -> Option<ScriptResult> {
    if rest.starts_with("succeeded") || rest.starts_with("considered successful") {
        return Some(ScriptResult::Succeeded);
    }
    if rest.starts_with("timed out") || rest.starts_with("timed_out") {
        return Some(ScriptResult::TimedOut);
    }
    if rest.starts_with("failed") || rest.starts_with("considered unsuccessful") {
        let status = rest
            .split_once("status ")
            .and_then(|(_, status)| status.trim_end_matches(')').parse().ok());
        return Some(ScriptResult::Failed(status));
    }
    None
}

impl About {
    fn parse(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix("Entering ") {
            let (word, rest) = rest.split_once(' ')?;
            let init = rest.trim_end().ends_with("(init)");
            let word = Word::parse(word)?;
            return rest
                .starts_with("STATE")
                .then_some(Self::Entering { word, init });
        }
        if text.starts_with("Receive advertisement timeout") {
            return Some(Self::Timeout);
        }
        if text.starts_with("Backup received priority 0 advertisement") {
            return Some(Self::Goodbye);
        }
        if let Some(rest) = text.strip_prefix("Changing effective priority from ") {
            let (from, to) = rest.split_once(" to ")?;
            return Some(Self::Priority {
                from: from.trim().parse().ok()?,
                to: to.trim().parse().ok()?,
            });
        }
        if let Some(rest) = text.strip_prefix("Master received advert from ") {
            let (from, rest) = rest.split_once(' ')?;
            let from = from.parse().ok()?;
            if let Some(rest) = rest.strip_prefix("with higher priority ") {
                let (priority, ours) = rest.split_once(", ours ").unwrap_or((rest, ""));
                return Some(Self::Higher {
                    from,
                    priority: priority.trim().parse().ok()?,
                    ours: ours.trim().parse().ok(),
                });
            }
            let rest = rest.strip_prefix("with same priority ")?;
            let priority = rest.split(' ').next()?.parse().ok()?;
            return Some(Self::Tie { from, priority });
        }
        if let Some(rest) = text.strip_prefix("Received advert from ") {
            let (from, rest) = rest.split_once(" with lower priority ")?;
            return Some(Self::Lower {
                from: from.parse().ok()?,
                priority: rest.split([',', ' ']).next()?.parse().ok()?,
            });
        }
        if let Some(rest) = text.strip_prefix("entering FAULT state (interface ") {
            let interface = rest.split(' ').next()?.to_owned();
            return Some(Self::FaultLink { interface });
        }
        REFUSED
            .iter()
            .any(|phrase| text.contains(phrase))
            .then_some(Self::Refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(text: &str) -> About {
        match Said::parse(text) {
            Some(Said::Instance { name, what }) if name == "VI_1" => what,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn lines_of_2_2_7_are_understood() {
        let peer = IpAddr::from([10, 0, 0, 1]);
        let entering = |word, init| About::Entering { word, init };
        for (text, what) in [
            (
                "(VI_1) Entering BACKUP STATE (init)",
                entering(Word::Backup, true),
            ),
            (
                "(VI_1) Entering MASTER STATE",
                entering(Word::Master, false),
            ),
            ("(VI_1) Entering FAULT STATE", entering(Word::Fault, false)),
            ("(VI_1) Receive advertisement timeout", About::Timeout),
            (
                "(VI_1) Master received advert from 10.0.0.1 with higher priority 150, ours 100",
                About::Higher {
                    from: peer,
                    priority: 150,
                    ours: Some(100),
                },
            ),
            (
                "(VI_1) Master received advert from 10.0.0.1 with same priority 100 but higher IP address than ours",
                About::Tie {
                    from: peer,
                    priority: 100,
                },
            ),
            (
                "(VI_1) Received advert from 10.0.0.1 with lower priority 100, ours 150, forcing new election",
                About::Lower {
                    from: peer,
                    priority: 100,
                },
            ),
            (
                "(VI_1) Backup received priority 0 advertisement",
                About::Goodbye,
            ),
            (
                "(VI_1) Changing effective priority from 150 to 90",
                About::Priority { from: 150, to: 90 },
            ),
            (
                "(VI_1): entering FAULT state (interface eth0 down)",
                About::FaultLink {
                    interface: String::from("eth0"),
                },
            ),
            (
                "(VI_1) received an unexpected ip number count 2, expected 1!",
                About::Refused,
            ),
        ] {
            assert_eq!(about(text), what, "{text}");
        }
    }

    #[test]
    fn lines_without_an_instance_are_understood() {
        let script = |name: &str, result| Said::Script {
            name: name.to_owned(),
            result,
        };
        for (text, said) in [
            ("Starting Keepalived v2.2.7 (01/16,2022)", Said::Starting),
            ("Stopping", Said::Stopping),
            ("Stopped Keepalived v2.2.7 (01/16,2022)", Said::Stopped),
            (
                "VRRP_Script(chk) succeeded",
                script("chk", ScriptResult::Succeeded),
            ),
            (
                "VRRP_Script(chk) failed (exited with status 1)",
                script("chk", ScriptResult::Failed(Some(1))),
            ),
            (
                "VRRP_Script(chk) timed out",
                script("chk", ScriptResult::TimedOut),
            ),
            (
                "A thread timer expired 2.783000 seconds ago",
                Said::Late { seconds: 2.783 },
            ),
            (
                "Netlink reports eth0 down",
                Said::Link {
                    interface: String::from("eth0"),
                    up: false,
                },
            ),
        ] {
            assert_eq!(Said::parse(text), Some(said), "{text}");
        }
    }

    #[test]
    fn other_lines_say_nothing() {
        for text in [
            "",
            "(VI_1) setting VIPs.",
            "(VI_1",
            "(VI_1) Entering",
            "Sending gratuitous ARP on eth0 for 10.0.0.100",
            "Netlink reports",
            "(VI_1) Master received advert from nobody with higher priority x",
        ] {
            assert_eq!(Said::parse(text), None, "{text}");
        }
    }
}
