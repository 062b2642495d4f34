//! Why no answer came.

use crate::platform;
use std::io::{self, ErrorKind};
use std::time::Duration;
use ureq::{Error, Timeout};

/// Why no answer came.
#[derive(Debug)]
pub struct Silence {
    pub why: String,
    /// Whether the server may have got the request all the same.
    pub may_have_arrived: bool,
}

/// How far an exchange came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// No status of the answer came. `is_plain`: the address begins with http://.
    Before { is_plain: bool },
    /// A status came, and the answer's body did not come whole.
    Within,
}

/// Of a request with this deadline. `unread`: what names certificates that cannot be read.
pub(super) fn silence(error: &Error, deadline: Duration, stage: Stage, unread: Option<&str>) -> Silence {
    let is_plain = match stage {
        Stage::Before { is_plain } => is_plain,
        Stage::Within => return Silence { why: within(error, deadline), may_have_arrived: true },
    };
    let (why, may_have_arrived) = match error {
        Error::Timeout(Timeout::Connect | Timeout::Resolve) => ("no connection within 5 s".to_owned(), false),
        Error::Timeout(_) => (format!("no answer within {} s", deadline.as_secs()), true),
        Error::HostNotFound => ("the host is not known".to_owned(), false),
        Error::ConnectionFailed => ("the connection failed".to_owned(), false),
        Error::ConnectProxyFailed(why) => (format!("the proxy refused: {why}"), false),
        Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => ("connection refused".to_owned(), false),
        // So rustls tells of a certificate that it does not trust.
        Error::Io(error) if error.kind() == ErrorKind::InvalidData => (of_tls(&error.to_string(), unread), false),
        Error::Tls(_) | Error::Rustls(_) => (of_tls(&error.to_string(), unread), false),
        Error::Io(error) if is_cut(error) => {
            (format!("the server closed the connection without an answer ({error}){}", if_plain(is_plain)), true)
        }
        Error::Protocol(why) => (format!("the answer cannot be read as HTTP ({why}){}", if_plain(is_plain)), true),
        error => (error.to_string(), true),
    };
    Silence { why, may_have_arrived }
}

/// What became of an answer that had begun.
fn within(error: &Error, deadline: Duration) -> String {
    match error {
        Error::Timeout(_) => format!("the answer did not end within {} s", deadline.as_secs()),
        Error::BodyExceedsLimit(most) => format!("the answer is longer than {most} bytes"),
        error => format!("the answer broke off ({error})"),
    }
}

fn if_plain(is_plain: bool) -> &'static str {
    if is_plain { "; a server that expects https:// does so" } else { "" }
}

fn is_cut(error: &io::Error) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

/// What helps against a certificate whose issuer is not known.
const PRIVATE_CA: &str = if platform::NAMED_CERTIFICATES {
    "name the certificate of a private CA in SSL_CERT_FILE, or add it to the system's"
} else {
    "add the certificate of a private CA to the system's"
};

/// The words of rustls, and what helps. They name a certificate that is expired or of another host themselves.
fn of_tls(said: &str, unread: Option<&str>) -> String {
    let help = match unread {
        _ if said.contains("InvalidContentType") => {
            "the server speaks no TLS there: write its address with http://, or name its port for TLS".to_owned()
        }
        Some(unread) => unread.to_owned(),
        None if said.contains("UnknownIssuer") => PRIVATE_CA.to_owned(),
        None => return format!("no TLS connection: {said}"),
    };
    format!("no TLS connection: {said}; {help}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: Stage = Stage::Before { is_plain: true };

    fn why(kind: ErrorKind, said: &str, unread: Option<&str>) -> String {
        silence(&Error::Io(io::Error::new(kind, said.to_owned())), Duration::from_secs(1), BEFORE, unread).why
    }

    #[test]
    fn what_helps_against_a_failure_of_tls_depends_on_it() {
        let tls = |said, unread| why(ErrorKind::InvalidData, said, unread);
        let issuer = "invalid peer certificate: UnknownIssuer";
        assert!(tls(issuer, None).ends_with(&format!("; {PRIVATE_CA}")));
        assert!(tls(issuer, Some("SSL_CERT_FILE=/no has none")).ends_with("; SSL_CERT_FILE=/no has none"));
        let expired = "invalid peer certificate: certificate expired";
        assert_eq!(tls(expired, None), format!("no TLS connection: {expired}"));
        let plain = tls("received corrupt message of type InvalidContentType", None);
        assert!(plain.contains("speaks no TLS") && !plain.contains("SSL_CERT_FILE"), "{plain}");
        let reset = why(ErrorKind::ConnectionReset, "reset by peer", None);
        assert!(
            reset.ends_with("without an answer (reset by peer); a server that expects https:// does so"),
            "{reset}"
        );
    }
}
