//! A small HTTP server for one page. It answers `GET /metrics` and closes, so there is nothing that a client could hold.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Source;
use super::page::page;

/// How much of the daemon its clients may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Connections at one time; others are told to come back.
    pub(crate) connections: usize,
    /// From accepting a connection to closing it, whatever the client does.
    pub(crate) deadline: Duration,
    /// Bytes of a request.
    pub(crate) request: usize,
    /// A page is made at most this often; requests in between share one.
    pub(crate) age: Duration,
    /// How long to wait before an address that cannot be listened on is tried again.
    pub(crate) retry: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 8,
            deadline: Duration::from_secs(5),
            request: 8 * 1024,
            age: Duration::from_millis(200),
            retry: Duration::from_secs(10),
        }
    }
}

struct Shared {
    source: Arc<dyn Source>,
    limits: Limits,
    cached: Mutex<Option<(Instant, Arc<str>)>>,
}

/// Serves metrics on an address until the future is dropped. An address that is not there yet is tried again.
pub(crate) async fn serve(address: SocketAddr, source: Arc<dyn Source>, limits: Limits) {
    let mut told = false;
    let listener = loop {
        match TcpListener::bind(address).await {
            Ok(listener) => break listener,
            Err(error) if told => tracing::debug!("cannot serve metrics on {address}: {error}"),
            Err(error) => {
                told = true;
                tracing::warn!(
                    "cannot serve metrics on {address}: {error}; it is tried again every {} s",
                    limits.retry.as_secs()
                );
            }
        }
        tokio::time::sleep(limits.retry).await;
    };
    if told {
        tracing::info!("metrics are served on {address} now");
    }
    accept(&listener, source, limits).await;
}

async fn accept(listener: &TcpListener, source: Arc<dyn Source>, limits: Limits) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let shared = Arc::new(Shared {
        source,
        limits,
        cached: Mutex::new(None),
    });
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let mut stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors or memory: the kernel keeps the connection, so wait for better times.
                tracing::debug!("cannot accept a metrics connection: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            // A fresh socket takes as much without waiting.
            let _ = stream
                .try_write(answer("503 Service Unavailable", "too many clients\n").as_bytes());
            continue;
        };
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            // A client that is too slow or gone gets nothing more.
            let _ = timeout(shared.limits.deadline, respond(&mut stream, &shared)).await;
            drop(place);
        });
    }
}

async fn respond(stream: &mut TcpStream, shared: &Shared) -> std::io::Result<()> {
    let Some(request) = request(stream, shared.limits.request).await? else {
        let text = answer("400 Bad Request", "not an HTTP request for a page\n");
        return stream.write_all(text.as_bytes()).await;
    };
    match request {
        Request::Page => {
            let page = shared.page();
            let head = head(
                "200 OK",
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
                page.len(),
            );
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(page.as_bytes()).await?;
        }
        Request::Elsewhere => {
            let text = answer("404 Not Found", "metrics are at /metrics\n");
            stream.write_all(text.as_bytes()).await?;
        }
        Request::OtherMethod => {
            let text = answer("405 Method Not Allowed", "only GET is answered\n");
            stream.write_all(text.as_bytes()).await?;
        }
    }
    stream.shutdown().await
}

impl Shared {
    fn page(&self) -> Arc<str> {
        // A panic while it was held leaves the old page.
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((made, page)) = &*cached
            && made.elapsed() < self.limits.age
        {
            return Arc::clone(page);
        }
        let text: Arc<str> = page(&self.source.scrape()).into();
        *cached = Some((Instant::now(), Arc::clone(&text)));
        text
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    Page,
    Elsewhere,
    OtherMethod,
}

/// Reads a request up to its empty line. None where it is none, or too long.
async fn request(stream: &mut TcpStream, limit: usize) -> std::io::Result<Option<Request>> {
    let mut text = Vec::new();
    let mut part = [0; 1024];
    while !ended(&text) {
        let length = stream.read(&mut part).await?;
        if length == 0 || text.len() + length > limit {
            return Ok(None);
        }
        text.extend_from_slice(part.get(..length).unwrap_or_default());
    }
    Ok(parsed(&text))
}

fn ended(text: &[u8]) -> bool {
    text.windows(4).any(|end| end == b"\r\n\r\n") || text.windows(2).any(|end| end == b"\n\n")
}

fn parsed(text: &[u8]) -> Option<Request> {
    let line = text.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?.trim_end();
    let mut words = line.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    if !version.starts_with("HTTP/1.") {
        return None;
    }
    let path = target.split('?').next().unwrap_or_default();
    Some(match (method, path) {
        ("GET", "/metrics") => Request::Page,
        ("GET", _) => Request::Elsewhere,
        _ => Request::OtherMethod,
    })
}

fn head(status: &str, kind: &str, length: usize) -> String {
    format!(
        "HTTP/1.0 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )
}

fn answer(status: &str, text: &str) -> String {
    format!(
        "{}{text}",
        head(status, "text/plain; charset=utf-8", text.len())
    )
}
