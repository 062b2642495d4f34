//! Whether OpenFGA answers: its health (which knows nothing of keys and data) and a request (which does).

use crate::error::Fault;
use anyhow::{Context as _, Result};
use std::time::Duration;

/// OpenFGA's service in docker-compose.yml.
pub const SERVICE: &str = "openfga";
/// The port of its HTTP API inside the container.
pub const HTTP_PORT: u16 = 8080;
const DEADLINE: Duration = Duration::from_secs(5);

/// Asks `GET /healthz`, then `GET /stores?page_size=1` with the key.
///
/// # Errors
/// Exit 4: nobody there, not serving, the key refused, or an answer that is not OpenFGA's.
pub fn answers(url: &str, token: Option<&str>) -> Result<()> {
    let (status, health) = get(&format!("{url}/healthz"), None)?;
    if status != 200 || !health.contains("\"SERVING\"") {
        return Err(Fault::unreachable(format!("OpenFGA at {url} is not serving (HTTP {status})")).into());
    }
    let (status, stores) = get(&format!("{url}/stores?page_size=1"), token)?;
    match status {
        200 if stores.contains("\"stores\"") => Ok(()),
        401 | 403 => Err(key_refused(url, token).into()),
        _ => {
            Err(Fault::unreachable(format!("OpenFGA at {url} is healthy but refuses a request (HTTP {status})")).into())
        }
    }
}

fn key_refused(url: &str, token: Option<&str>) -> Fault {
    let said = if token.is_some() { "refused the key of OPENFGA_API_TOKEN" } else { "wants a key" };
    Fault::unreachable(format!("OpenFGA at {url} {said}"))
        .hint("set OPENFGA_API_TOKEN in .env to one of the keys in OPENFGA_AUTHN_PRESHARED_KEYS")
        .lasting()
}

fn get(url: &str, token: Option<&str>) -> Result<(u16, String)> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(DEADLINE))
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .build()
        .into();
    let mut request = agent.get(url);
    if let Some(token) = token {
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    let mut response = request.call().with_context(|| Fault::unreachable(format!("no answer from {url}")))?;
    let status = response.status().as_u16();
    let body = response.body_mut().read_to_string().unwrap_or_default();
    Ok((status, body))
}
