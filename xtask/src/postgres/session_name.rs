//! The names of server sessions.

use crate::platform::random;
use crate::words::hex;
use anyhow::Result;

/// A name for one run's server sessions, by which they can be found and ended.
pub fn fresh_name() -> Result<String> {
    Ok(format!("xtask-{}", hex(&random::<6>()?)))
}

/// Whether it is such a name.
pub fn is_fresh_name(name: &str) -> bool {
    let digits = name.strip_prefix("xtask-").unwrap_or_default();
    digits.len() == 12 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
