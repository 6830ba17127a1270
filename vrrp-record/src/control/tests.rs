use std::io::Cursor;

use super::*;

/// A stream that gives its bytes one at a time, and counts how many were asked for at most.
struct Trickle {
    bytes: Vec<u8>,
    given: usize,
}

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.bytes.len() || buffer.is_empty() {
            return Ok(0);
        }
        buffer[0] = self.bytes[self.given];
        self.given += 1;
        Ok(1)
    }
}

#[test]
fn a_frame_survives_a_trickling_stream() {
    let bytes = encode_frame(&Request::new(Command::Status), MAX_REQUEST).unwrap();
    let content = read_frame(&mut Trickle { bytes, given: 0 }, MAX_REQUEST).unwrap();
    assert_eq!(
        decode_frame::<Request>(&content).unwrap(),
        Request::new(Command::Status)
    );
}

#[test]
fn requests_look_as_documented() {
    let frame = encode_frame(&Request::new(Command::Reload), MAX_REQUEST).unwrap();
    assert_eq!(&frame[4..], br#"{"version":1,"command":"reload"}"#);
    assert_eq!(frame[..4], [0, 0, 0, 32]);
}

#[test]
fn a_huge_length_is_refused_before_its_content_is_read() {
    let mut stream = Cursor::new([0xff, 0xff, 0xff, 0xff, b'{']);
    let error = read_frame(&mut stream, MAX_RESPONSE).unwrap_err();
    assert!(
        matches!(
            error,
            FrameError::TooLarge {
                length: 0xffff_ffff,
                limit: MAX_RESPONSE
            }
        ),
        "{error}"
    );
    assert_eq!(stream.position(), 4);
}

#[test]
fn an_announced_length_takes_no_memory_before_the_bytes_come() {
    let mut bytes = MAX_RESPONSE.to_be_bytes().to_vec();
    bytes.extend_from_slice(b"{}");
    let error = read_frame(&mut Cursor::new(bytes), MAX_RESPONSE).unwrap_err();
    assert!(matches!(error, FrameError::Truncated), "{error}");
}

#[test]
fn the_end_of_a_stream_is_told_from_a_broken_frame() {
    assert!(matches!(
        read_frame(&mut Cursor::new(b""), MAX_REQUEST),
        Err(FrameError::Closed)
    ));
    assert!(matches!(
        read_frame(&mut Cursor::new(b"\0\0"), MAX_REQUEST),
        Err(FrameError::Truncated)
    ));
    assert!(matches!(
        decode_frame::<Request>(b"\xff\xfe"),
        Err(FrameError::Invalid(_))
    ));
}

#[test]
fn a_value_above_the_cap_is_not_sent() {
    let answer = Response::new(Answer::Done {
        message: "x".repeat(100),
    });
    let mut out = Vec::new();
    assert!(matches!(
        write_frame(&mut out, &answer, 64),
        Err(FrameError::TooLarge { limit: 64, .. })
    ));
    assert!(out.is_empty());
}

#[test]
fn a_command_of_a_newer_client_is_still_a_request() {
    let request: Request =
        decode_frame(br#"{"version":1,"command":"not_invented","router":"a"}"#).unwrap();
    assert_eq!(request.command, Command::Unknown);
}

#[test]
fn orders_look_as_documented() {
    for (command, text) in [
        (Command::Yield { for_ms: None }, r#"{"command":"yield"}"#),
        (
            Command::Maintenance {
                for_ms: Some(60_000),
                force: true,
            },
            r#"{"command":"maintenance","for_ms":60000,"force":true}"#,
        ),
        (Command::MaintenanceEnd, r#"{"command":"maintenance_end"}"#),
    ] {
        assert_eq!(serde_json::to_string(&command).unwrap(), text);
        assert_eq!(serde_json::from_str::<Command>(text).unwrap(), command);
        assert!(command.changes());
    }
}

#[test]
fn only_reading_is_free() {
    assert!(!Command::Status.changes());
    assert!(Command::Reload.changes());
}

proptest::proptest! {
    #[test]
    fn any_stream_is_read_or_refused(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        match read_frame(&mut Cursor::new(&bytes), 128) {
            Ok(content) => {
                let announced = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
                proptest::prop_assert_eq!(u32::try_from(content.len()).unwrap(), announced);
                proptest::prop_assert!(announced <= 128);
                // Whatever it says, reading it does not panic.
                let _request = decode_frame::<Request>(&content);
                let _response = decode_frame::<Response>(&content);
            }
            Err(FrameError::Closed) => proptest::prop_assert!(bytes.is_empty()),
            Err(error) => proptest::prop_assert!(!matches!(error, FrameError::Io(_)), "{}", error),
        }
    }
}
