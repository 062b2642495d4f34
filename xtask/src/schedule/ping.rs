//! Pings, by the convention of healthchecks.io: `/start`, the address itself after a proven backup, `/fail` with the
//! message. Their server notices a ping that does not come. They are retried, bounded in time, and fail nothing.

use crate::error::Fault;
use crate::platform;
use crate::settings::Settings;
use crate::target::endpoint::{Answer, Endpoint};
use crate::target::state_folder::check_private;
use anyhow::{Context as _, Result};
use std::fmt;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The deadline of one request.
const DEADLINE: Duration = Duration::from_secs(4);
/// How long the ping at the end is tried again.
const RETRY_TIMEOUT: Duration = Duration::from_secs(8);
/// How long the ping at the beginning is tried again: less depends on it.
const START_TIMEOUT: Duration = Duration::from_secs(3);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Bytes of a message that are sent; healthchecks.io keeps 100,000.
const LONGEST: usize = 10_000;
/// An address has no more, in bytes.
const LONGEST_FILE: u64 = 16 << 10;

/// The address to which runs report how backups end. It is a secret, and never shown.
pub struct Ping {
    endpoint: Endpoint,
    /// `?…` of the address.
    query: String,
    begun: Option<JoinHandle<()>>,
}

impl Ping {
    /// The address of this text.
    ///
    /// # Errors
    /// Exit 2: it is none. The error does not repeat it.
    pub fn new(url: &str, settings: &Settings) -> Result<Self> {
        let url = url.trim();
        let url = url.split_once('#').map_or(url, |(url, _)| url);
        let (base, query) =
            url.split_once('?').map_or((url, String::new()), |(base, query)| (base, format!("?{query}")));
        Ok(Self { endpoint: Endpoint::to_ping(base, settings)?, query, begun: None })
    }

    /// The address that a private file holds.
    ///
    /// # Errors
    /// Exit 2: the file cannot be read or holds no address; exit 1: others may read it.
    pub fn of_file(path: &Path, settings: &Settings) -> Result<Self> {
        let refused = || {
            let fault = Fault::usage(format!("The ping file {} cannot be read", path.display()));
            fault.hint("write the address into it: (umask 077; echo ADDRESS > FILE)")
        };
        let file = platform::open_regular(path).with_context(refused)?;
        check_private(&file, path)?;
        let text = platform::read_bounded(file, LONGEST_FILE).with_context(refused)?;
        let text = String::from_utf8(text).with_context(refused)?;
        Self::new(text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default(), settings)
    }

    /// Says that a backup begins, beside it.
    pub fn begin(&mut self) {
        let (endpoint, path) = (self.endpoint.clone(), format!("/start{}", self.query));
        self.begun = Some(std::thread::spawn(move || {
            // If this fails, the ping at the end most likely fails, too, and says why.
            let _ = send(&endpoint, &path, "", START_TIMEOUT);
        }));
    }

    /// Says that there is a proven backup.
    ///
    /// # Errors
    /// Why the ping did not get there.
    pub fn succeed(self, report: &str) -> Result<(), String> {
        self.end("", report)
    }

    /// Says that there is none, and why.
    ///
    /// # Errors
    /// Why the ping did not get there.
    pub fn fail(self, message: &str) -> Result<(), String> {
        self.end("/fail", message)
    }

    fn end(mut self, path: &str, text: &str) -> Result<(), String> {
        // A start that came later would look like another run.
        if let Some(begun) = self.begun.take() {
            let _ = begun.join();
        }
        let end = text.char_indices().map(|(at, _)| at).find(|at| *at >= LONGEST).unwrap_or(text.len());
        send(&self.endpoint, &format!("{path}{}", self.query), &text[..end], RETRY_TIMEOUT)
    }
}

impl fmt::Debug for Ping {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Ping").finish_non_exhaustive()
    }
}

fn send(endpoint: &Endpoint, path: &str, text: &str, limit: Duration) -> Result<(), String> {
    let begin = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let (why, may_pass) = match endpoint.tell(path, text, DEADLINE.min(limit)) {
            Ok(answer) => match judged(&answer) {
                Ok(()) => return Ok(()),
                Err(refused) => refused,
            },
            Err(silence) => (silence.why.replace(endpoint.url(), "***"), true),
        };
        if !may_pass || begin.elapsed() + pause >= limit {
            return Err(why);
        }
        std::thread::sleep(pause);
        pause *= 2;
    }
}

/// Whether the ping counted; else why not, and whether it may the next time.
fn judged(answer: &Answer) -> Result<(), (String, bool)> {
    match answer.status {
        // So healthchecks.io answers for an address that it does not know, or hears too often.
        200..300 if answer.body.contains("(not found)") => {
            Err(("the server does not know this check".to_owned(), false))
        }
        200..300 if answer.body.contains("(rate limited)") => {
            Err(("the server limits the rate of pings".to_owned(), true))
        }
        200..300 => Ok(()),
        300..400 => {
            let to = answer.location.as_deref().map_or_else(String::new, |to| format!(" to {}", place(to)));
            Err((format!("it redirects{to}, which is not followed: name that address itself"), false))
        }
        status @ (429 | 500..) => Err((format!("HTTP {status}"), true)),
        status => Err((format!("HTTP {status}"), false)),
    }
}

/// The server of an address, without its path: that may be a secret.
fn place(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            format!("{scheme}://{}/…", host.rsplit('@').next().unwrap_or_default())
        }
        None => "another path".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    fn answer(status: u16, body: &str, location: Option<&str>) -> Answer {
        Answer { status, retry_after: None, location: location.map(str::to_owned), body: body.to_owned() }
    }

    #[test]
    fn an_answer_counts_only_where_the_server_took_the_ping() {
        assert_eq!(judged(&answer(200, "OK", None)), Ok(()));
        let passes = |status, body, location| judged(&answer(status, body, location)).unwrap_err();
        assert!(!passes(200, "OK (not found)", None).1);
        assert!(passes(503, "", None).1 && passes(429, "", None).1 && !passes(404, "", None).1);
        let (why, again) = passes(301, "", Some("https://user:pw@hc.example.com/ping/secret-uuid?x"));
        assert!(
            why.contains("https://hc.example.com/…") && !why.contains("secret") && !why.contains("pw") && !again,
            "{why}"
        );
        assert!(passes(302, "", Some("/secret-uuid")).0.contains("another path"));
    }

    /// A server that answers one connection after the other so; `None`: it says nothing.
    fn server(answers: &'static [Option<&'static str>]) -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/uuid", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let mut silent = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let _ = stream.read(&mut [0; 4096]);
                match answer {
                    Some(status) => {
                        let text = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                        let _ = stream.write_all(text.as_bytes());
                    }
                    None => silent.push(stream),
                }
            }
            std::thread::sleep(Duration::from_secs(2));
        });
        Endpoint::to_ping(&url, &Settings::default()).unwrap()
    }

    #[test]
    fn a_ping_is_tried_again_and_bounded_in_time() {
        let send = |endpoint: &Endpoint| send(endpoint, "/fail", "text", Duration::from_millis(900));
        assert_eq!(send(&server(&[Some("503 Busy"), Some("200 OK")])), Ok(()));
        assert_eq!(send(&server(&[Some("404 Gone"), Some("200 OK")])), Err("HTTP 404".to_owned()));
        let begin = Instant::now();
        let slow = send(&server(&[None, None, None])).unwrap_err();
        assert!(slow.contains("no answer") && begin.elapsed() < Duration::from_secs(4), "{slow}");
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let endpoint = Endpoint::to_ping(&format!("http://{nobody}/uuid"), &Settings::default()).unwrap();
        assert_eq!(send(&endpoint), Err("connection refused".to_owned()));
    }

    /// It was taken when its status came: what else the server sends, or holds back, changes nothing.
    #[test]
    fn a_ping_counts_whatever_comes_behind_its_status() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/uuid", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for body in [vec![b'x'; 20 << 20], b"half".to_vec()] {
                let (mut stream, _) = listener.accept().unwrap();
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 20971520\r\n\r\n");
                let _ = stream.write_all(&body);
            }
        });
        let endpoint = Endpoint::to_ping(&url, &Settings::default()).unwrap();
        for _ in 0..2 {
            assert_eq!(send(&endpoint, "", "text", Duration::from_secs(2)), Ok(()));
        }
    }

    #[test]
    fn an_address_is_never_shown() {
        let settings = Settings::default();
        for wrong in ["", "hunter2", "ftp://hunter2", "https://me:hunter2@host/x", "https://"] {
            let error = Ping::new(wrong, &settings).unwrap_err();
            assert_eq!(crate::error::exit_code(&error), 2, "{wrong}");
            assert!(!format!("{error:#}").contains("hunter2"));
        }
        let ping = Ping::new(" https://hc-ping.com/hunter2/slug?create=1#x \n", &settings).unwrap();
        assert_eq!((ping.endpoint.url(), ping.query.as_str()), ("https://hc-ping.com/hunter2/slug", "?create=1"));
        assert!(!format!("{ping:?}").contains("hunter2"));
    }
}
