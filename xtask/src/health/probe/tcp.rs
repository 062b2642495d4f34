//! One question and its answer on an open connection.

use crate::process::signals;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// How often signals are looked for while an answer is awaited.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Says something on an open connection and reads what comes; nothing where no answer comes in time, or a signal came.
pub fn send_and_receive(stream: &mut TcpStream, words: &[u8], timeout: Duration) -> Result<Vec<u8>, String> {
    let end = Instant::now() + timeout;
    let spoken = stream.set_read_timeout(Some(POLL_INTERVAL)).and_then(|()| stream.write_all(words));
    spoken.map_err(|_| closed())?;
    let mut buffer = [0; 512];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Err(closed()),
            Ok(count) => return Ok(buffer[..count].to_owned()),
            Err(error) if is_silence(&error) => {
                if Instant::now() >= end || signals::pending().is_some() {
                    return Ok(Vec::new());
                }
            }
            Err(_) => return Err(closed()),
        }
    }
}

/// What Docker's proxy does for a service that is dead.
fn closed() -> String {
    "the connection is accepted and closed at once: nothing is behind the port".to_owned()
}

/// Whether reading ended because nothing came.
fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
