//! A mail server on a host that keeps what it was given.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::host::Host;

/// A letter as it was delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// The address behind MAIL FROM.
    pub from: String,
    /// The addresses behind RCPT TO.
    pub to: Vec<String>,
    /// Header lines in order.
    pub headers: Vec<String>,
    /// Lines of the body.
    pub body: Vec<String>,
}

impl Delivered {
    /// The value of a header; empty where there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let start = format!("{name}: ");
        let found = self
            .headers
            .iter()
            .find_map(|line| line.strip_prefix(&start));
        found.unwrap_or_default()
    }
}

/// A mail server. It stays until the test's process ends.
#[derive(Clone, Debug)]
pub struct Mailbox {
    letters: Arc<Mutex<Vec<Delivered>>>,
    refused: Arc<AtomicU32>,
}

impl Mailbox {
    /// Serves on all addresses of `host`; the first `refusals` letters are answered with "try again later".
    ///
    /// # Panics
    /// When the port is taken.
    #[must_use]
    pub fn start(host: &Host, port: u16, refusals: u32) -> Self {
        let listener = host.within(move || TcpListener::bind(("0.0.0.0", port)));
        let listener = listener.unwrap_or_else(|error| panic!("cannot serve mail: {error}"));
        let mailbox = Self {
            letters: Arc::default(),
            refused: Arc::new(AtomicU32::new(refusals)),
        };
        let serving = mailbox.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                // A client that breaks off has delivered nothing.
                std::thread::spawn(move || serving.serve(&stream));
            }
        });
        mailbox
    }

    /// What was delivered until now.
    #[must_use]
    pub fn letters(&self) -> Vec<Delivered> {
        let letters = self.letters.lock();
        letters.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn serve(&self, stream: &TcpStream) -> std::io::Result<()> {
        let mut answer = stream;
        let mut lines = BufReader::new(stream).lines();
        answer.write_all(b"220 mail ready\r\n")?;
        let mut letter = Delivered::default();
        while let Some(line) = lines.next().transpose()? {
            let address = || {
                let inner = line
                    .split_once('<')
                    .and_then(|(_, rest)| rest.rsplit_once('>'));
                inner.map_or_else(String::new, |(address, _)| address.to_owned())
            };
            if line.starts_with("MAIL ") {
                letter.from = address();
            } else if line.starts_with("RCPT ") {
                letter.to.push(address());
            } else if line == "DATA" {
                answer.write_all(b"354 go on\r\n")?;
                read_letter(&mut lines, &mut letter)?;
                let refuse = |left: u32| left.checked_sub(1);
                let refused = self
                    .refused
                    .fetch_update(Ordering::AcqRel, Ordering::Acquire, refuse)
                    .is_ok();
                if refused {
                    answer.write_all(b"451 later\r\n")?;
                    letter = Delivered::default();
                    continue;
                }
                let letters = self.letters.lock();
                letters
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(std::mem::take(&mut letter));
            } else if line == "QUIT" {
                answer.write_all(b"221 bye\r\n")?;
                return Ok(());
            }
            answer.write_all(b"250 fine\r\n")?;
        }
        Ok(())
    }
}

fn read_letter(
    lines: &mut impl Iterator<Item = std::io::Result<String>>,
    letter: &mut Delivered,
) -> std::io::Result<()> {
    let mut in_body = false;
    for line in lines {
        match line?.as_str() {
            "." => break,
            "" if !in_body => in_body = true,
            text if in_body => letter.body.push(text.to_owned()),
            text => letter.headers.push(text.to_owned()),
        }
    }
    // keepalived ends its text with an empty line.
    while letter.body.last().is_some_and(String::is_empty) {
        letter.body.pop();
    }
    Ok(())
}
