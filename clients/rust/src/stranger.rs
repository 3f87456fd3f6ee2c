//! What answers at an address where no bridge does.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::Code;

use crate::Error;

/// How long an answer may take. A bridge, and most others, answer at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);
/// What a client says first in HTTP/2, with empty settings. A bridge answers with its settings.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// The least that a client says first in TLS: version 1.2, seven usual ciphers, no session, compression or extension.
const HELLO: &[u8] = b"\x16\x03\x01\0\x39\x01\0\0\x35\x03\x03\
    a bridge or what else are you ??\
    \0\0\x0e\xc0\x2f\xc0\x30\xc0\x2b\xc0\x2c\0\x9c\0\x2f\x13\x01\x01\0";

/// What the answer to a call shows of the server, if that is not a bridge.
pub(crate) fn shown_by_answer(error: &Error) -> Option<&'static str> {
    if error.message().contains("invalid compression flag") || error.message().contains("invalid content-type") {
        return Some("is not a Mesos bridge: a web server answers there");
    }
    (error.code() == Code::Unimplemented).then_some("is not a Mesos bridge: another gRPC server answers there")
}

/// What answers in plain text. None if it may be a bridge, or if nothing does.
pub(crate) async fn found_at(address: &str) -> Option<&'static str> {
    let answer = answer(address, PREFACE).await?;
    if is_settings(&answer) {
        return None;
    }
    if answer.starts_with(b"HTTP/") {
        return Some("is not a Mesos bridge: a web server answers there");
    }
    // Most servers that want TLS hang up silently.
    if is_tls(&answer) || self::answer(address, HELLO).await.is_some_and(|hello| is_tls(&hello)) {
        return Some("speaks TLS: set Options::tls");
    }
    (!answer.is_empty()).then_some("is not a Mesos bridge: what answers there speaks another protocol")
}

/// True if a server there speaks HTTP/2 in plain text.
pub(crate) async fn is_http2(address: &str) -> bool {
    answer(address, PREFACE).await.is_some_and(|answer| is_settings(&answer))
}

fn is_settings(answer: &[u8]) -> bool {
    answer.get(3) == Some(&4)
}

/// An alert, or the handshake.
fn is_tls(answer: &[u8]) -> bool {
    answer.starts_with(b"\x15\x03") || answer.starts_with(b"\x16\x03")
}

/// The first bytes that come back: none if the server hangs up. None if it can't be reached, or says nothing.
async fn answer(address: &str, words: &[u8]) -> Option<Vec<u8>> {
    let ask = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        stream.write_all(words).await.ok()?;
        let mut start = [0; 9];
        let length = stream.read(&mut start).await.unwrap_or(0);
        Some(start[..length].to_vec())
    };
    timeout(PATIENCE, ask).await.ok().flatten()
}
