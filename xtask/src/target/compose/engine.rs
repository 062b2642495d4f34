//! The Docker engine: whether it is there for us, and why not.

use crate::error::Fault;
use crate::process::{self, Captured, Program};
use anyhow::Result;
use std::time::Duration;

pub(super) const DEADLINE: Duration = Duration::from_secs(20);

/// Why there is no engine for us.
#[derive(Debug)]
pub enum Lack {
    NotInstalled,
    /// It runs, but this user may not use it: Docker's words.
    Forbidden(String),
    /// The engine does not answer: Docker's words.
    Silent(String),
    /// Docker's command could not be asked.
    Unasked(anyhow::Error),
}

/// Asks the engine for its version; `None` where it answers.
pub fn lack() -> Option<Lack> {
    if process::find("docker").is_none() {
        return Some(Lack::NotInstalled);
    }
    match asked_version(DEADLINE) {
        Ok(captured) if captured.ending.success() => None,
        Ok(captured) => {
            let said = captured.stderr.trim().lines().last().unwrap_or_default().to_owned();
            // Only of its socket: Docker also warns of a config file that it may not read.
            let lower = captured.stderr.to_ascii_lowercase();
            let mut lines = lower.lines();
            let forbidden = lines.any(|line| line.contains("permission denied") && line.contains("connect"));
            Some(if forbidden { Lack::Forbidden(said) } else { Lack::Silent(said) })
        }
        Err(error) => Some(Lack::Unasked(error)),
    }
}

/// What Docker answers to the question for the engine's version.
pub(super) fn asked_version(deadline: Duration) -> Result<Captured> {
    Program::new("docker").args(["version", "--format", "{{.Server.Version}}"]).capture(deadline)
}

/// Why the engine cannot be used, as an error with exit code 4; `None` where it can.
pub fn cause() -> Option<anyhow::Error> {
    lack().map(Lack::into_error)
}

impl Lack {
    /// The error, with what to do about it.
    pub fn into_error(self) -> anyhow::Error {
        let (said, message, hint) = match self {
            Self::NotInstalled => {
                let hint = "install Docker (https://docs.docker.com/get-docker/), or use a server of this host: --target local";
                return Fault::unreachable("The docker command is not installed").hint(hint).into();
            }
            Self::Unasked(error) => return error,
            Self::Forbidden(said) => (
                said,
                "No permission to use the Docker engine",
                "add yourself to the docker group and log in again: sudo usermod -aG docker \"$USER\"",
            ),
            Self::Silent(said) => (
                said,
                "The Docker engine does not answer",
                "start Docker, then try again (docker info shows its state)",
            ),
        };
        anyhow::Error::msg(said).context(Fault::unreachable(message).hint(hint))
    }
}
