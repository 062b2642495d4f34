//! Why no answer came.

use std::time::Duration;
use ureq::{Error, Timeout};

/// Why no answer came.
#[derive(Debug)]
pub struct Silence {
    pub why: String,
    /// Whether the server may have got the request all the same.
    pub may_have_arrived: bool,
}

pub(super) fn silence(error: &Error, deadline: Duration) -> Silence {
    let refused = |error: &std::io::Error| error.kind() == std::io::ErrorKind::ConnectionRefused;
    let (why, may_have_arrived) = match error {
        Error::Timeout(Timeout::Connect | Timeout::Resolve) => ("no connection within 5 s".to_owned(), false),
        Error::Timeout(_) => (format!("no answer within {} s", deadline.as_secs()), true),
        Error::HostNotFound => ("the host is not known".to_owned(), false),
        Error::ConnectionFailed => ("the connection failed".to_owned(), false),
        Error::ConnectProxyFailed(why) => (format!("the proxy refused: {why}"), false),
        Error::Io(error) if refused(error) => ("connection refused".to_owned(), false),
        // So rustls tells of a certificate that it does not trust.
        Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            let why = "name the certificate of a private CA in SSL_CERT_FILE, or add it to the system's";
            (format!("no TLS connection: {error}; {why}"), false)
        }
        Error::Tls(_) | Error::Rustls(_) => (format!("no TLS connection: {error}"), false),
        error => (error.to_string(), true),
    };
    Silence { why, may_have_arrived }
}
