//! Random numbers of the system.

use anyhow::{Result, anyhow};

/// Bytes that cannot be guessed.
///
/// # Errors
/// The system gives none.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("no random numbers from the system: {error}"))?;
    Ok(bytes)
}
