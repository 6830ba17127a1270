//! A headless Chromium, driven by the DevTools protocol over two pipes: a page is loaded, looked at and touched as a person
//! would, and everything that it asks the network for is seen.
//!
//! The protocol on the pipes is JSON messages that end with a zero byte, so that nothing but JSON is needed to speak it.

use std::fmt;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Longest time that any answer or condition may take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Where Debian's package has it.
const PROGRAM: &str = "/usr/bin/chromium";

/// A browser with one page.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    session: Option<String>,
    number: u64,
    /// What the page said on its own.
    events: Vec<Value>,
    profile: PathBuf,
}

/// What went wrong in a page, and what it asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Exceptions, errors and warnings.
    pub troubles: Vec<String>,
    /// Addresses of everything that it requested.
    pub requests: Vec<String>,
}

/// Why the browser did not do what it should.
#[derive(Debug)]
pub struct Broken(String);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Broken {}

/// Whether a browser is here. Root, who can install one, must have it.
#[must_use]
#[expect(
    clippy::print_stderr,
    reason = "a test that is left out has to be seen"
)]
pub fn is_here() -> bool {
    let here = Path::new(PROGRAM).exists();
    if !here && !nix::unistd::geteuid().is_root() {
        eprintln!("SKIPPED: no {PROGRAM} here; cargo xtask test installs it as root");
        return false;
    }
    assert!(here, "no {PROGRAM}: apt-get install chromium");
    true
}

impl Browser {
    /// Starts a browser whose profile lies in a directory, without any network.
    ///
    /// # Errors
    /// Where it does not start or does not answer.
    pub fn start(directory: &Path) -> Result<Self, Broken> {
        let profile = directory.join("profile");
        let failed = |error: std::io::Error| Broken(format!("{PROGRAM}: {error}"));
        std::fs::create_dir_all(&profile).map_err(failed)?;
        let log = std::fs::File::create(directory.join("browser.log")).map_err(failed)?;
        // The browser reads from descriptor 3 and writes to 4.
        let mut child = Command::new("/bin/sh")
            .args(["-c", "exec \"$@\" 3<&0 4>&1 </dev/null >&2", "sh", PROGRAM])
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-background-networking",
                "--disable-component-update",
                "--hide-scrollbars",
                "--no-first-run",
                "--remote-debugging-pipe",
            ])
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(failed)?;
        let (Some(to), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Broken(String::from("no pipes to the browser")));
        };
        let (sender, from) = channel();
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut message = Vec::new();
            while output
                .read_until(0, &mut message)
                .is_ok_and(|read| read > 0)
            {
                message.pop();
                if let Ok(value) = serde_json::from_slice(&message)
                    && sender.send(value).is_err()
                {
                    break;
                }
                message.clear();
            }
        });
        let mut browser = Self {
            child,
            to,
            from,
            session: None,
            number: 0,
            events: Vec::new(),
            profile,
        };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}))?;
        let attached = browser.call(
            "Target.attachToTarget",
            json!({"targetId": target["targetId"], "flatten": true}),
        )?;
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}))?;
        }
        browser.call(
            "Network.emulateNetworkConditions",
            json!({"offline": true, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}),
        )?;
        Ok(browser)
    }

    /// Calls a method of the protocol and gives its result.
    ///
    /// # Errors
    /// The browser's, or where it does not answer.
    pub fn call(&mut self, method: &str, parameters: Value) -> Result<Value, Broken> {
        self.number += 1;
        let mut message = json!({"id": self.number, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        let written = self.to.write_all(&bytes).and_then(|()| self.to.flush());
        written.map_err(|error| Broken(format!("{method}: {error}")))?;
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let answer = self.from.recv_timeout(left).map_err(|error| {
                Broken(match error {
                    RecvTimeoutError::Timeout => format!("{method}: no answer"),
                    RecvTimeoutError::Disconnected => format!("{method}: the browser is gone"),
                })
            })?;
            if answer["id"] != json!(self.number) {
                self.events.push(answer);
            } else if answer["error"].is_object() {
                return Err(Broken(format!("{method}: {}", answer["error"])));
            } else {
                return Ok(answer["result"].clone());
            }
        }
    }

    /// Loads a file, in a window of that size.
    ///
    /// # Errors
    /// Of the browser.
    pub fn open(&mut self, page: &Path, size: (u32, u32), dark: bool) -> Result<(), Broken> {
        self.events.clear();
        self.call(
            "Emulation.setDeviceMetricsOverride",
            json!({"width": size.0, "height": size.1, "deviceScaleFactor": 1, "mobile": false}),
        )?;
        let scheme = if dark { "dark" } else { "light" };
        self.call(
            "Emulation.setEmulatedMedia",
            json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]}),
        )?;
        self.call(
            "Page.navigate",
            json!({"url": format!("file://{}", page.display())}),
        )?;
        self.reach("document.documentElement.dataset.ready !== undefined")
    }

    /// The value of an expression in the page; of a promise what it comes to.
    ///
    /// # Errors
    /// Of the browser, or thrown by the page.
    pub fn value(&mut self, expression: &str) -> Result<Value, Broken> {
        let answer = self.call(
            "Runtime.evaluate",
            json!({"expression": expression, "returnByValue": true, "awaitPromise": true}),
        )?;
        if answer["exceptionDetails"].is_object() {
            return Err(Broken(format!(
                "{expression}: {}",
                answer["exceptionDetails"]
            )));
        }
        Ok(answer["result"]["value"].clone())
    }

    /// Waits until an expression is true.
    ///
    /// # Errors
    /// Where it does not become so in time.
    pub fn reach(&mut self, expression: &str) -> Result<(), Broken> {
        let until = Instant::now() + PATIENCE;
        loop {
            // While a page is replaced by the next there is nothing to ask.
            if self
                .value(expression)
                .is_ok_and(|value| value == json!(true))
            {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(Broken(format!("not reached: {expression}")));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Presses and releases a key.
    ///
    /// # Errors
    /// Of the browser.
    pub fn key(&mut self, key: &str) -> Result<(), Broken> {
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({"type": kind, "key": key});
            if key.chars().count() == 1 && kind == "keyDown" {
                event["text"] = json!(key);
            }
            self.call("Input.dispatchKeyEvent", event)?;
        }
        Ok(())
    }

    /// Moves the pointer to a place of the window.
    ///
    /// # Errors
    /// Of the browser.
    pub fn point(&mut self, x: f64, y: f64) -> Result<(), Broken> {
        let event = json!({"type": "mouseMoved", "x": x, "y": y});
        self.call("Input.dispatchMouseEvent", event).map(|_| ())
    }

    /// Turns the wheel there, with the control key held.
    ///
    /// # Errors
    /// Of the browser.
    pub fn wheel(&mut self, x: f64, y: f64, by: f64) -> Result<(), Broken> {
        let event = json!({"type": "mouseWheel", "x": x, "y": y, "deltaX": 0, "deltaY": by, "modifiers": 2});
        self.call("Input.dispatchMouseEvent", event).map(|_| ())
    }

    /// A picture of the whole page, as the base64 of a PNG.
    ///
    /// # Errors
    /// Of the browser.
    pub fn picture(&mut self) -> Result<String, Broken> {
        let shot = self.call(
            "Page.captureScreenshot",
            json!({"format": "png", "captureBeyondViewport": true}),
        )?;
        let data = shot["data"].as_str().map(str::to_owned);
        data.ok_or_else(|| Broken(String::from("no picture")))
    }

    /// What the page complained of and asked for since it was opened.
    #[must_use]
    pub fn heard(&self) -> Heard {
        let mut heard = Heard::default();
        for event in &self.events {
            let about = &event["params"];
            match event["method"].as_str() {
                Some("Runtime.exceptionThrown") => heard.troubles.push(about.to_string()),
                Some("Runtime.consoleAPICalled")
                    if about["type"] == "error" || about["type"] == "warning" =>
                {
                    heard.troubles.push(about["args"].to_string());
                }
                Some("Log.entryAdded") => heard.troubles.push(about["entry"].to_string()),
                Some("Network.requestWillBeSent") => heard
                    .requests
                    .extend(about["request"]["url"].as_str().map(str::to_owned)),
                _ => {}
            }
        }
        heard
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}
