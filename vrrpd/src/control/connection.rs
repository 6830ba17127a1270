//! One connection: requests in, responses out, until the client leaves, errs, or its time is up.

use std::io;

use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use vrrp_record::control::{
    Answer, Command, ErrorCode, FrameError, MAX_REQUEST, MAX_RESPONSE, Request, Response, VERSION,
    decode_frame, encode_frame, frame_length,
};

use super::server::{Change, Peer, Shared};

/// Serves one client within its deadline.
pub(super) async fn run(stream: &UnixStream, peer: Peer, shared: &Shared) {
    let mut deadline = Instant::now() + shared.limits.deadline;
    for _ in 0..shared.limits.requests {
        let content = match timeout_at(deadline, read(stream)).await {
            Ok(Ok(content)) => content,
            Ok(Err(error)) => return reject(stream, &error),
            Err(_) => return,
        };
        let command = match parse(&content) {
            Ok(command) => command,
            Err(answer) => {
                // A client that does not speak our language gets one answer and no second try.
                return send(stream, deadline, &answer, shared)
                    .await
                    .unwrap_or_default();
            }
        };
        drop(content);
        if command.changes() && peer.may(command) {
            deadline = Instant::now() + shared.limits.change_deadline;
        }
        let sent = match command {
            Command::Status => send_status(stream, deadline, shared).await,
            Command::Reload
            | Command::Yield { .. }
            | Command::YieldCancel
            | Command::Maintenance { .. }
            | Command::MaintenanceEnd => {
                let answer = change(command, peer, deadline, shared).await;
                send(stream, deadline, &answer, shared).await
            }
            Command::Unknown => {
                let message = format!(
                    "this daemon (version {}) does not know that command",
                    env!("CARGO_PKG_VERSION")
                );
                send(
                    stream,
                    deadline,
                    &error(ErrorCode::Unsupported, message),
                    shared,
                )
                .await
            }
        };
        if sent.is_none() {
            return;
        }
    }
}

/// The command in a request, or the answer to something that is none.
fn parse(content: &[u8]) -> Result<Command, Answer> {
    match decode_frame::<Request>(content) {
        Ok(request) if request.version == VERSION => Ok(request.command),
        Ok(request) => Err(error(
            ErrorCode::Unsupported,
            format!(
                "this daemon speaks control version {VERSION}, not {}: use its own vrrpctl",
                request.version
            ),
        )),
        // The parser's message may quote the content, so it stays here.
        Err(_) => Err(error(
            ErrorCode::BadRequest,
            "the request is not valid".to_owned(),
        )),
    }
}

/// Has a change made by the rest of the daemon.
async fn change(command: Command, peer: Peer, deadline: Instant, shared: &Shared) -> Answer {
    let granted = peer.may(command);
    shared.source.commanded(command, peer, granted);
    if !granted {
        let message = format!(
            "{} changes the daemon and is for root only: use sudo",
            command.name()
        );
        return error(ErrorCode::NotPermitted, message);
    }
    let (reply, answer) = oneshot::channel();
    if shared
        .changes
        .try_send(Change {
            command,
            peer,
            reply,
        })
        .is_err()
    {
        return error(
            ErrorCode::Busy,
            "the daemon is busy with another change: try again".to_owned(),
        );
    }
    match timeout_at(deadline, answer).await {
        Ok(Ok(Ok(message))) => Answer::Done { message },
        Ok(Ok(Err(message))) => error(ErrorCode::Failed, message),
        Ok(Err(_)) => error(ErrorCode::Failed, "the daemon is stopping".to_owned()),
        Err(_) => error(
            ErrorCode::Failed,
            format!("{} is still going on: see the log", command.name()),
        ),
    }
}

fn error(code: ErrorCode, message: String) -> Answer {
    Answer::Error { code, message }
}

/// Sends the status; `None` ends the connection.
async fn send_status(stream: &UnixStream, deadline: Instant, shared: &Shared) -> Option<()> {
    match timeout_at(deadline, shared.status_frame()).await.ok()? {
        Ok(frame) => send_frame(stream, deadline, &frame, shared).await,
        Err(cause) => {
            send(
                stream,
                deadline,
                &error(ErrorCode::Failed, cause.to_string()),
                shared,
            )
            .await
        }
    }
}

/// Sends an answer; `None` ends the connection.
async fn send(
    stream: &UnixStream,
    deadline: Instant,
    answer: &Answer,
    shared: &Shared,
) -> Option<()> {
    let response = Response::new(answer.clone());
    let frame = encode_frame(&response, MAX_RESPONSE).ok()?;
    send_frame(stream, deadline, &frame, shared).await
}

/// Writes a frame while the budget for unread responses and the deadline allow; `None` ends the connection.
async fn send_frame(
    stream: &UnixStream,
    deadline: Instant,
    frame: &[u8],
    shared: &Shared,
) -> Option<()> {
    let kib = u32::try_from(frame.len().div_ceil(1024))
        .unwrap_or(u32::MAX)
        .min(shared.limits.pending_kib);
    let budget = shared.pending.try_acquire_many(kib).ok()?;
    let written = timeout_at(deadline, write_all(stream, frame)).await;
    drop(budget);
    matches!(written, Ok(Ok(()))).then_some(())
}

async fn write_all(stream: &UnixStream, mut rest: &[u8]) -> io::Result<()> {
    while !rest.is_empty() {
        stream.writable().await?;
        match stream.try_write(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => rest = &rest[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads one frame's content; its length is checked before memory is taken.
async fn read(stream: &UnixStream) -> Result<Vec<u8>, FrameError> {
    let mut header = [0; 4];
    match fill(stream, &mut header).await? {
        0 => return Err(FrameError::Closed),
        4 => {}
        _ => return Err(FrameError::Truncated),
    }
    let length = frame_length(header, MAX_REQUEST)?;
    let mut content = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
    if fill(stream, &mut content).await? < content.len() {
        return Err(FrameError::Truncated);
    }
    Ok(content)
}

/// Fills the buffer, and says how much arrived before the end of the stream.
async fn fill(stream: &UnixStream, buffer: &mut [u8]) -> Result<usize, FrameError> {
    let mut filled = 0;
    while filled < buffer.len() {
        stream.readable().await.map_err(FrameError::Io)?;
        match stream.try_read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(FrameError::Io(error)),
        }
    }
    Ok(filled)
}

/// Answers a broken frame as far as that needs no waiting.
fn reject(stream: &UnixStream, broken: &FrameError) {
    match broken {
        FrameError::TooLarge { .. } | FrameError::Invalid(_) => {
            let response = Response::new(error(ErrorCode::BadRequest, broken.to_string()));
            if let Ok(frame) = encode_frame(&response, MAX_RESPONSE)
                && let Err(error) = stream.try_write(&frame)
            {
                tracing::trace!(%error, "cannot answer a broken request");
            }
        }
        FrameError::Closed | FrameError::Truncated | FrameError::Io(_) => {}
    }
}
