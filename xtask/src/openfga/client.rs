//! Requests that are repeated where that is safe, and refusals as a person reads them.

use crate::error::Fault;
use crate::process::signals;
use crate::target::endpoint::{Answer, Endpoint, Silence};
use crate::target::openfga;
use anyhow::Result;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use std::fmt;
use std::time::{Duration, Instant};

/// The deadline of one request.
pub const DEADLINE: Duration = Duration::from_secs(15);
/// How long a request is sent again.
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);
const TRIES: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// A server that asks for more patience is reported instead.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Of a reason why an answer is not OpenFGA's, in characters.
const LONGEST_REASON: usize = 300;
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// OpenFGA's word for a check that has more steps than its resolve node limit.
const TOO_DEEP: &str = "authorization_model_resolution_too_complex";

/// Whether a request may be sent again when its outcome is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    Safe,
    /// It may, but the caller would rather ask for less.
    Never,
    /// It makes something new each time.
    Creates,
}

/// What a server refused, found by downcast.
#[derive(Debug)]
pub struct Refusal {
    /// HTTP's; `None` where no answer came.
    pub status: Option<u16>,
    message: String,
    /// The server gave up on a check: the way to its answer is longer than it goes.
    pub is_too_deep: bool,
    /// Whether it may have been done all the same.
    pub unsure: bool,
    kind: RefusalKind,
}

/// What a refusal says about asking again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// The request itself is wrong: the same answer would come again.
    Lasting,
    /// The server was too slow, had no time, or did not answer: it may answer the next time.
    Passing,
}

impl Refusal {
    /// Whether the server may answer the same request another time.
    pub fn is_passing(&self) -> bool {
        self.kind == RefusalKind::Passing
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

/// The refusal that an error carries.
pub fn refusal(error: &anyhow::Error) -> Option<&Refusal> {
    error.downcast_ref::<Refusal>()
}

/// An answer, and how long its text was.
#[derive(Debug)]
pub struct Read<T> {
    pub value: T,
    pub bytes: usize,
}

/// What OpenFGA says of a refusal.
#[derive(Debug, Deserialize)]
struct ErrorBody {
    /// A word; a number where the path is none of OpenFGA's.
    code: Option<Box<RawValue>>,
    message: Option<Box<RawValue>>,
}

impl ErrorBody {
    fn text(part: Option<&RawValue>) -> String {
        part.and_then(|part| serde_json::from_str(part.get()).ok()).unwrap_or_default()
    }
}

/// One server, spoken to with patience.
#[derive(Debug)]
pub struct Client {
    pub endpoint: Endpoint,
}

impl Client {
    /// An answer, read straight into its type: members that no caller asks for take no memory.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Read<T>> {
        self.read(&self.repeat(Repeat::Safe, || self.endpoint.get(path, DEADLINE))?)
    }

    /// The answer to a request with a body, likewise.
    pub fn post<T: DeserializeOwned>(&self, path: &str, body: &Value, repeat: Repeat) -> Result<Read<T>> {
        let body = body.to_string();
        self.read(&self.repeat(repeat, || self.endpoint.post(path, &body, DEADLINE))?)
    }

    /// A question whose answer is a stream: one JSON value a line, each given to `each`.
    pub fn stream<T: DeserializeOwned>(&self, path: &str, body: &Value, each: &mut dyn FnMut(T)) -> Result<()> {
        let body = body.to_string();
        let answer = self.repeat(Repeat::Safe, || self.endpoint.post(path, &body, DEADLINE))?;
        for line in answer.lines().filter(|line| !line.trim().is_empty()) {
            each(self.read(line)?.value);
        }
        Ok(())
    }

    pub fn delete(&self, path: &str) -> Result<()> {
        self.repeat(Repeat::Safe, || self.endpoint.delete(path, DEADLINE)).map(drop)
    }

    fn repeat(&self, repeat: Repeat, exchange: impl Fn() -> Result<Answer, Silence>) -> Result<String> {
        let mut pause = FIRST_PAUSE;
        let end = Instant::now() + RETRY_TIMEOUT;
        let mut tries = 0_u32;
        loop {
            tries += 1;
            signals::check()?;
            let said = match exchange() {
                Ok(answer) if (200..300).contains(&answer.status) => return Ok(answer.body),
                said => said,
            };
            let wait = match &said {
                Ok(answer) if passes(answer, repeat) => answer.retry_after.unwrap_or(pause),
                Err(_) if repeat == Repeat::Never => return Err(self.refused(said, repeat)),
                Err(silence) if repeat == Repeat::Safe || !silence.may_have_arrived => pause,
                _ => return Err(self.refused(said, repeat)),
            };
            if tries >= TRIES || wait > LONGEST_PAUSE || Instant::now() >= end {
                return Err(self.refused(said, repeat));
            }
            sleep(wait.max(pause))?;
            pause *= 2;
        }
    }

    fn read<T: DeserializeOwned>(&self, body: &str) -> Result<Read<T>> {
        let value = serde_json::from_str(body).map_err(|error| {
            if error.is_data() {
                // It may quote the answer.
                return self.unlike_openfga(error.to_string().chars().take(LONGEST_REASON).collect());
            }
            let begins: String = body.trim_start().chars().take(60).collect();
            self.unlike_openfga(format!("its answer begins {begins:?}"))
        })?;
        Ok(Read { value, bytes: body.len() })
    }

    /// What answers is no OpenFGA, and why that is known (exit 4).
    pub fn unlike_openfga(&self, why: String) -> anyhow::Error {
        let fault = Fault::unreachable(format!("{} answers, but not as OpenFGA does", self.endpoint.url()));
        anyhow::Error::msg(why).context(fault.hint("name OpenFGA's own address in OPENFGA_API_URL"))
    }

    fn refused(&self, said: Result<Answer, Silence>, repeat: Repeat) -> anyhow::Error {
        let url = self.endpoint.url();
        let answer = match said {
            Ok(answer) => answer,
            Err(silence) => {
                let unsure = silence.may_have_arrived && repeat == Repeat::Creates;
                let kind = RefusalKind::Passing;
                let refusal = Refusal { status: None, message: silence.why, is_too_deep: false, unsure, kind };
                let fault = Fault::unreachable(format!("No answer from OpenFGA at {url}"));
                return anyhow::Error::new(refusal).context(fault.hint("ask every part: cargo xtask health-check"));
            }
        };
        let status = answer.status;
        if matches!(status, 401 | 403) {
            return openfga::key_refused(&self.endpoint).into();
        }
        let said: Option<ErrorBody> = serde_json::from_str(&answer.body).ok();
        let code = ErrorBody::text(said.as_ref().and_then(|said| said.code.as_deref()));
        let message = match ErrorBody::text(said.as_ref().and_then(|said| said.message.as_deref())) {
            message if message.is_empty() => {
                format!("HTTP {status}: {}", answer.body.trim().chars().take(200).collect::<String>())
            }
            message => format!("{message} (HTTP {status}{}{code})", if code.is_empty() { "" } else { ", " }),
        };
        let too_large = is_too_large(&answer);
        let kind = match status {
            _ if too_large => RefusalKind::Lasting,
            422 | 429 | 500.. => RefusalKind::Passing,
            _ => RefusalKind::Lasting,
        };
        let unsure = status >= 500 && repeat == Repeat::Creates && !too_large;
        let fault = fault_of(url, &answer, said.is_some());
        let is_too_deep = code == TOO_DEEP;
        anyhow::Error::new(Refusal { status: Some(status), message, is_too_deep, unsure, kind }).context(fault)
    }
}

/// The fault of an answer that is no success.
fn fault_of(url: &str, answer: &Answer, is_json: bool) -> Fault {
    match (answer.status, &answer.location) {
        _ if is_too_large(answer) => Fault::failed(format!("OpenFGA at {url} does not take a request of this size")),
        (300..400, Some(location)) => Fault::unreachable(format!("{url} redirects to {location}"))
            .hint("name OpenFGA's own address in OPENFGA_API_URL; the key is not sent there by itself"),
        (422 | 429, _) => {
            Fault::unreachable(format!("OpenFGA at {url} limits the rate of requests (HTTP {})", answer.status))
                .hint("try again later")
        }
        (500.., _) => Fault::unreachable(format!("OpenFGA at {url} failed to answer the request"))
            .hint("see its log for the cause"),
        _ if !is_json => Fault::unreachable(format!("{url} answers, but not as OpenFGA does"))
            .hint("name OpenFGA's own address in OPENFGA_API_URL"),
        (409, _) => Fault::failed("Another client changed the same tuples meanwhile").hint("run it again"),
        _ => Fault::failed(format!("OpenFGA at {url} refused")),
    }
}

/// Failures after which another try may succeed. A request that creates is repeated only where the server did not take
/// it.
fn passes(answer: &Answer, repeat: Repeat) -> bool {
    match answer.status {
        _ if repeat == Repeat::Never || is_too_large(answer) => false,
        429 => true,
        501 => false,
        409 | 422 | 500.. => repeat == Repeat::Safe,
        _ => false,
    }
}

/// A limit of the server's, or of a proxy before it; OpenFGA says it with HTTP 500 and in words only.
fn is_too_large(answer: &Answer) -> bool {
    answer.status == 413
        || (answer.status == 500
            && answer.body.contains("resource_exhausted")
            && answer.body.contains("message larger than max"))
}

/// Waits, but not beyond a signal.
fn sleep(time: Duration) -> Result<(), Fault> {
    let end = Instant::now() + time;
    while Instant::now() < end {
        signals::check()?;
        std::thread::sleep(POLL_INTERVAL.min(end.saturating_duration_since(Instant::now())));
    }
    Ok(())
}
