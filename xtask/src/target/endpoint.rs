//! The one HTTP client: requests with a deadline to one OpenFGA server, whose key goes to that server alone.

mod certificates;
mod silence;

pub use certificates::{FILE as CERTIFICATE_FILE, FOLDER as CERTIFICATE_FOLDER};
pub use silence::Silence;

use super::proxy::proxy_for;
use crate::error::Fault;
use crate::settings::Settings;
use anyhow::{Context as _, Result};
use certificates::{Trusted, trusted};
use silence::{Stage, silence};
use std::fmt;
use std::io::Read as _;
use std::time::Duration;
use ureq::http::Uri;
use ureq::tls::{RootCerts, TlsConfig};

const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// A model (256 KiB) or a page of tuples (a hundred of 32 KiB) is below.
const LARGEST_ANSWER: u64 = 16 * 1024 * 1024;
/// Of the answer to a POST of plain text only the first words are read.
const LARGEST_BEGINNING: u64 = 64 * 1024;

/// A server by its address.
#[derive(Clone)]
pub struct Endpoint {
    url: String,
    token: Option<String>,
    agent: ureq::Agent,
    /// What names certificates that cannot be read.
    unread: Option<String>,
}

/// What a server answered, whatever its status.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// How long the server asks us to wait (`Retry-After` in seconds).
    pub retry_after: Option<Duration>,
    /// Where it points to (`Location`); never followed, because the key would go along.
    pub location: Option<String>,
    pub body: String,
}

#[derive(Clone, Copy)]
enum Method<'a> {
    Get,
    Post(&'a str),
    /// A POST of plain text.
    Tell(&'a str),
    Delete,
}

impl Endpoint {
    /// The server at this address. Proxies come from the settings (`HTTPS_PROXY`, `NO_PROXY`, …), never for loopback.
    ///
    /// # Errors
    /// Exit 2: no address of an HTTP server, a key that no request can carry, or a proxy that is none.
    pub fn new(url: &str, token: Option<&str>, settings: &Settings) -> Result<Self> {
        let wrong = |why: &str| {
            Fault::usage(format!("OPENFGA_API_URL is not an address of an OpenFGA server: {why}"))
                .hint("write it as http://127.0.0.1:8080 or https://fga.example.com")
        };
        let (url, uri) = understood(url, "; put the key into OPENFGA_API_TOKEN").map_err(|why| wrong(&why))?;
        // Messages show it.
        if url.contains(['@', '?', '#']) {
            return Err(wrong("it contains more than a host, a port and a path").into());
        }
        let token = token.map(usable).transpose()?;
        Self::of(url, token, &uri, settings)
    }

    /// An address that gets a plain POST. It may be a secret: no error repeats it.
    ///
    /// # Errors
    /// Exit 2: no address of an HTTP server, or a proxy that is none.
    pub fn to_ping(url: &str, settings: &Settings) -> Result<Self> {
        let (url, uri) = understood(url, "").map_err(|why| {
            Fault::usage(format!("The ping address is not one of an HTTP server: {why}"))
                .hint("write it as https://hc-ping.com/UUID, in XTASK_PING_URL or in a file: --ping-file FILE")
        })?;
        Self::of(url, None, &uri, settings)
    }

    fn of(url: String, token: Option<String>, uri: &Uri, settings: &Settings) -> Result<Self> {
        let Trusted { roots, unread } = trusted(settings);
        Ok(Self { url, token, agent: agent(uri, settings, roots)?, unread })
    }

    /// This server with a key from its list of keys, in which blanks may stand.
    ///
    /// # Errors
    /// Exit 2: a key that no request can carry.
    pub fn with_key(&self, key: &str) -> Result<Self, Fault> {
        if key.is_empty() || key.ends_with(' ') || !key.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
            return Err(Fault::usage(
                "A key in OPENFGA_AUTHN_PRESHARED_KEYS cannot be sent: it ends in a blank, or holds a \
                                     line break or a letter beyond ASCII",
            )
            .hint("write the keys without blanks, a comma between them"));
        }
        Ok(Self { token: Some(key.to_owned()), ..self.clone() })
    }

    /// Its address, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The key that requests carry.
    pub(super) fn key(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Whether requests carry a key.
    pub fn has_key(&self) -> bool {
        self.token.is_some()
    }

    /// One GET without the key.
    pub fn get_openly(&self, path: &str, deadline: Duration) -> Result<Answer, Silence> {
        self.exchange(path, Method::Get, false, deadline)
    }

    /// One GET.
    pub fn get(&self, path: &str, deadline: Duration) -> Result<Answer, Silence> {
        self.exchange(path, Method::Get, true, deadline)
    }

    /// One POST of JSON.
    pub fn post(&self, path: &str, body: &str, deadline: Duration) -> Result<Answer, Silence> {
        self.exchange(path, Method::Post(body), true, deadline)
    }

    /// One POST of plain text, without the key.
    pub fn tell(&self, path: &str, text: &str, deadline: Duration) -> Result<Answer, Silence> {
        self.exchange(path, Method::Tell(text), false, deadline)
    }

    /// One DELETE.
    pub fn delete(&self, path: &str, deadline: Duration) -> Result<Answer, Silence> {
        self.exchange(path, Method::Delete, true, deadline)
    }

    fn exchange(&self, path: &str, method: Method<'_>, keyed: bool, deadline: Duration) -> Result<Answer, Silence> {
        let url = format!("{}{path}", self.url);
        let key = self.token.as_ref().filter(|_| keyed).map(|token| format!("Bearer {token}"));
        let without_body = |request: ureq::RequestBuilder<ureq::typestate::WithoutBody>| {
            let request = request.config().timeout_global(Some(deadline)).build();
            match &key {
                Some(key) => request.header("Authorization", key).call(),
                None => request.call(),
            }
        };
        let response = match method {
            Method::Get => without_body(self.agent.get(&url)),
            Method::Delete => without_body(self.agent.delete(&url)),
            Method::Post(body) | Method::Tell(body) => {
                let request = self.agent.post(&url).config().timeout_global(Some(deadline)).build();
                let is_json = matches!(method, Method::Post(_));
                let kind = if is_json { "application/json" } else { "text/plain; charset=utf-8" };
                let request = request.header("Content-Type", kind);
                match &key {
                    Some(key) => request.header("Authorization", key).send(body),
                    None => request.send(body),
                }
            }
        };
        let silence = |error: &ureq::Error, stage| silence(error, deadline, stage, self.unread.as_deref());
        let before = Stage::Before { is_plain: self.url.starts_with("http://") };
        let mut response = response.map_err(|error| silence(&error, before))?;
        let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
        let retry_after = header("Retry-After").and_then(|value| value.trim().parse().ok()).map(Duration::from_secs);
        let location = header("Location");
        let body = match method {
            Method::Tell(_) => beginning(&mut response),
            _ => {
                let body = response.body_mut().with_config().limit(LARGEST_ANSWER).lossy_utf8(true).read_to_string();
                body.map_err(|error| silence(&error, Stage::Within))?
            }
        };
        Ok(Answer { status: response.status().as_u16(), retry_after, location, body })
    }
}

/// As much of a body as comes: the server has taken the request by then.
fn beginning(response: &mut ureq::http::Response<ureq::Body>) -> String {
    let mut bytes = Vec::new();
    // What was read before a failure stays.
    let _ = response.body_mut().as_reader().take(LARGEST_BEGINNING).read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// An address without the slash at its end, or why it is none.
fn understood(url: &str, of_login: &str) -> Result<(String, Uri), String> {
    let url = url.trim().trim_end_matches('/');
    let uri: Uri = url.parse().map_err(|_| "it cannot be understood".to_owned())?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
        return Err("it begins neither with http:// nor with https://".to_owned());
    }
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(format!("it contains a login{of_login}"));
    }
    Ok((url.to_owned(), uri))
}

/// What speaks to this server; it follows no redirect.
fn agent(uri: &Uri, settings: &Settings, roots: RootCerts) -> Result<ureq::Agent> {
    let proxy = proxy_for(uri.scheme_str(), uri.host().unwrap_or_default(), settings);
    let proxy = proxy.map(ureq::Proxy::new).transpose();
    let proxy = proxy.with_context(|| Fault::usage("The proxy of the environment cannot be used"))?;
    let agent = ureq::Agent::config_builder()
        .timeout_connect(Some(CONNECT_DEADLINE))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_idle_connections_per_host(16)
        .proxy(proxy)
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .build();
    Ok(agent.into())
}

/// A key without the blanks and line breaks around it: a file that holds one often ends in one.
fn usable(token: &str) -> Result<String, Fault> {
    let token = token.trim();
    if !token.is_empty() && token.chars().all(|letter| letter.is_ascii_graphic()) {
        return Ok(token.to_owned());
    }
    Err(Fault::usage("OPENFGA_API_TOKEN is not a key: it contains a blank, a line break or a character beyond ASCII")
        .hint("write the key alone: one of those in OPENFGA_AUTHN_PRESHARED_KEYS"))
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Endpoint").field("url", &self.url).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::net::TcpListener;

    /// Why a server that answers this and closes the connection gives no answer.
    fn silence_after(answer: &'static str) -> Silence {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let endpoint = Endpoint::new(&url, None, &Settings::default()).unwrap();
        let silence = endpoint.get("/", Duration::from_secs(5)).unwrap_err();
        server.join().unwrap();
        silence
    }

    #[test]
    fn an_answer_that_breaks_off_is_distinguished_from_none_and_from_what_is_no_http() {
        let cut = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc";
        let chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n0\r\n\r\n";
        for answer in [cut, chunk] {
            let Silence { why, may_have_arrived } = silence_after(answer);
            assert!(why.starts_with("the answer broke off (") && !why.contains("https") && may_have_arrived, "{why}");
        }
        let none = silence_after("").why;
        assert!(none.starts_with("the server closed the connection without an answer ("), "{none}");
        let other = silence_after("220 mail.example.com ESMTP\r\n").why;
        assert!(other.starts_with("the answer cannot be read as HTTP (") && other.contains("https://"), "{other}");
    }

    #[test]
    fn a_key_may_end_in_a_line_break_and_not_hold_one() {
        let key = |token: &str| Endpoint::new("http://h", Some(token), &Settings::default());
        for taken in ["hunter2", "hunter2\n", " hunter2\r\n", "a+b/c==", "a,b"] {
            assert_eq!(key(taken).unwrap().token.unwrap(), taken.trim());
        }
        for refused in ["hun\nter2", "hun ter2", "hünter2", "hunter2\u{7}"] {
            let fault = key(refused).unwrap_err();
            assert_eq!(crate::error::exit_code(&fault), 2, "{refused:?}");
            assert!(!format!("{fault:#}").contains("ter2"));
        }
    }

    #[test]
    fn an_address_that_is_none_is_refused_and_a_login_in_it_is_not_repeated() {
        for wrong in [
            "",
            "8080",
            "ftp://host",
            "http://",
            "http://user:hunter2@host",
            "http://u:x#hunter2@h",
            "http://h/?k=hunter2",
        ] {
            let refusal = Endpoint::new(wrong, None, &Settings::default()).unwrap_err();
            assert_eq!(crate::error::exit_code(&refusal), 2, "{wrong}");
            assert!(!format!("{refusal:#}").contains("hunter2"));
        }
        assert_eq!(Endpoint::new("http://h:1/", None, &Settings::default()).unwrap().url(), "http://h:1");
    }
}
