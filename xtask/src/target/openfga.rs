//! Whether OpenFGA answers: its health (which knows nothing of keys and data) and a request (which does).

use super::endpoint::{Answer, Endpoint, Silence};
use crate::error::{self, Cause, Fault};
use crate::settings::Settings;
use anyhow::{Context as _, Result};
use std::fmt;
use std::time::Duration;

/// OpenFGA's name where nothing names it otherwise.
pub const USUAL_SERVICE: &str = "openfga";
/// The setting of a server that takes the place of the stack's own.
pub const URL: &str = "OPENFGA_API_URL";
/// The port of its HTTP API inside the container.
pub const HTTP_PORT: u16 = 8080;
/// The port of its metrics.
pub const METRICS_PORT: u16 = 2112;
const DEADLINE: Duration = Duration::from_secs(5);
/// At most this many characters of an answer are shown.
const ANSWER_SHOWN: usize = 200;

/// The setting of the key that this program sends, and those of the server's own keys.
const TOKEN: &str = "OPENFGA_API_TOKEN";
/// The keys that the server accepts, a comma between them.
pub const KEYS: &str = "OPENFGA_AUTHN_PRESHARED_KEYS";
const METHOD: &str = "OPENFGA_AUTHN_METHOD";

/// A server that is not the stack's: it gets no key but the one that was set for it.
pub fn foreign(url: &str, settings: &Settings) -> Result<Endpoint> {
    Endpoint::new(url, settings.get(TOKEN), settings)
}

/// The stack's own server. Where no key was set it gets the first of those that it accepts.
pub fn own(url: &str, settings: &Settings) -> Result<Endpoint> {
    let is_preshared = settings.get(METHOD) == Some("preshared");
    let keys = settings.get(KEYS).filter(|_| is_preshared).unwrap_or_default();
    let endpoint = Endpoint::new(url, settings.get(TOKEN), settings)?;
    match key_for(&endpoint, keys) {
        Some(key) => Ok(endpoint.with_key(key)?),
        None => Ok(endpoint),
    }
}

/// Whether the stack's own server answers, with its key in `endpoint`. One that refuses the key which the settings know
/// may have another from elsewhere: `keys`, a comma between them.
pub fn own_answers(endpoint: &mut Endpoint, keys: &dyn Fn() -> Option<String>) -> Result<()> {
    let refusal = match answers(endpoint) {
        Err(refusal) if error::is_lasting(&refusal) => refusal,
        answered => return answered,
    };
    let keys = keys();
    let Some(key) = keys.as_deref().and_then(|keys| key_for(endpoint, keys)) else { return Err(refusal) };
    *endpoint = endpoint.with_key(key)?;
    answers(endpoint)
}

/// The key of this list that the endpoint should send in place of what it has. OpenFGA splits the list at its commas
/// and takes every other letter for a part of a key: of `a, b` the second key is ` b`. One that ends in a blank cannot
/// be sent.
fn key_for<'a>(endpoint: &Endpoint, keys: &'a str) -> Option<&'a str> {
    let mut keys = keys.split(',').filter(|key| !key.is_empty() && key.trim_end() == *key);
    match endpoint.key() {
        None => keys.next(),
        Some(token) => keys.find(|key| key.trim_start() == token).filter(|key| *key != token),
    }
}

/// Asks `GET /healthz`, then `GET /stores?page_size=1` with the key.
///
/// # Errors
/// Exit 4: nothing listens, it does not serve yet, it refuses the key, or the answer is not OpenFGA's.
pub fn answers(server: &Endpoint) -> Result<()> {
    let url = server.url();
    let health = answer(server, server.get_openly("/healthz", DEADLINE))?;
    if health.status != 200 || !health.body.contains("\"SERVING\"") {
        let fault = not_serving(url, &health);
        return Err(if health.status >= 500 && !fault.is_lasting() {
            anyhow::Error::new(FailsNow { body: health.body.lines().next().unwrap_or_default().to_owned() })
                .context(fault)
        } else {
            fault.into()
        });
    }
    let stores = answer(server, server.get("/stores?page_size=1", DEADLINE))?;
    match stores.status {
        200 if stores.body.contains("\"stores\"") => Ok(()),
        401 | 403 => Err(key_refused(server).into()),
        status => {
            let message = format!("OpenFGA at {url} is healthy but refuses a request (HTTP {status})");
            Err(of_status(message, status).into())
        }
    }
}

/// The server's words, or why there are none.
fn answer(server: &Endpoint, said: Result<Answer, Silence>) -> Result<Answer> {
    said.map_err(|silence| anyhow::Error::msg(silence.why))
        .with_context(|| Fault::unreachable(format!("no answer from {}", server.url())))
}

fn not_serving(url: &str, health: &Answer) -> Fault {
    let status = health.status;
    if let Some(location) = &health.location {
        let fault = Fault::unreachable(format!("{url} redirects to {location} (HTTP {status})"));
        return fault.hint("name OpenFGA's own address in OPENFGA_API_URL").lasting();
    }
    if health.body.trim_start().starts_with('<') || matches!(status, 404 | 405) {
        let fault = Fault::unreachable(format!("another program answers at {url}, not OpenFGA (HTTP {status})"));
        return fault.hint("name OpenFGA's own address in OPENFGA_API_URL").lasting();
    }
    of_status(format!("OpenFGA at {url} is not serving (HTTP {status})"), status)
}

fn of_status(message: String, status: u16) -> Fault {
    let fault = Fault::unreachable(message);
    if status >= 500 { fault.because(Cause::ServerFails) } else { fault }
}

/// The answer of a server that fails for a moment, as OpenFGA does (HTTP 500) while it connects to its database again.
#[derive(Debug)]
pub struct FailsNow {
    body: String,
}

impl fmt::Display for FailsNow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: String = self.body.chars().take(ANSWER_SHOWN).collect();
        write!(formatter, "it answered: {}", if words.is_empty() { "nothing" } else { &words })
    }
}

impl std::error::Error for FailsNow {}

/// The key is wrong, or there is none.
pub fn key_refused(server: &Endpoint) -> Fault {
    let said = if server.has_key() { "it does not know the key that was sent" } else { "it requires a key" };
    Fault::unreachable(format!("OpenFGA at {}: key refused ({said})", server.url()))
        .hint(
            "set OPENFGA_API_TOKEN in .env to one of the keys in OPENFGA_AUTHN_PRESHARED_KEYS\n\
             a blank beside a comma there is part of the key: write the list without blanks",
        )
        .lasting()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_all_that_stands_between_two_commas() {
        let sent = |token: Option<&str>, keys: &str| {
            let mut settings = Settings::default();
            settings.set_flag(METHOD, "preshared");
            settings.set_flag(KEYS, keys);
            token.iter().for_each(|token| settings.set_flag(TOKEN, *token));
            own("http://h", &settings).unwrap().key().map(str::to_owned)
        };
        assert_eq!(sent(None, "a, b").as_deref(), Some("a"));
        assert_eq!(sent(None, " a,b").as_deref(), Some(" a"));
        assert_eq!(sent(None, "a ,,b").as_deref(), Some("b"));
        assert_eq!((sent(None, ","), sent(None, "a ")), (None, None));
        assert_eq!(sent(Some("b"), "a, b").as_deref(), Some(" b"));
        assert_eq!(sent(Some("b\n"), "a,b").as_deref(), Some("b"));
        assert_eq!(sent(Some("c"), "a, b").as_deref(), Some("c"));
    }
}
