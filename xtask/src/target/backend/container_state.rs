//! One container of a Compose project, as its health is judged by.

use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// What Docker says of one container.
#[derive(Debug)]
pub struct ContainerState {
    pub id: String,
    /// The name that Docker's commands take.
    pub name: String,
    /// The image's name as it was asked for.
    pub image: String,
    /// Its variables. There are secrets among them: they are never shown.
    pub environment: BTreeMap<String, String>,
    /// Docker's word: `running`, `exited`, …
    pub status: String,
    pub exit_code: i64,
    pub is_out_of_memory: bool,
    /// Why Docker could not start it; empty where it could.
    pub error: String,
    pub restarts: u64,
    /// Whether Docker starts it again however it ends. Under `on-failure` one that has ended did its work, or was given
    /// up.
    pub comes_back: bool,
    /// TCP ports inside, and where on this host each is really mapped to.
    pub mapped: Vec<(u16, SocketAddr)>,
    /// When it was last started, and when it ended.
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    /// What its own health check says; `None` where it has no such check.
    pub check: Option<OwnCheck>,
}

/// A container's own health check.
#[derive(Debug)]
pub struct OwnCheck {
    /// `starting`, `healthy`, `unhealthy`.
    pub status: String,
    /// The exit code and the output of its last run.
    pub last: Option<(i64, String)>,
}

impl ContainerState {
    pub fn is_running(&self) -> bool {
        self.status == "running"
    }

    /// What makes it run: starting the stack does not wake a paused one.
    pub fn wake(&self) -> String {
        match self.status.as_str() {
            "paused" => format!("docker unpause {}", self.name),
            _ => "cargo xtask up".to_owned(),
        }
    }

    /// Where a port inside is mapped to.
    pub fn mapped_port(&self, inside: u16) -> Option<SocketAddr> {
        self.mapped.iter().find(|(port, _)| *port == inside).map(|(_, address)| *address)
    }

    /// Seconds since it was last started.
    pub fn running_for(&self) -> i64 {
        seconds_since(self.started_at)
    }

    /// Seconds since it ended.
    pub fn ended_for(&self) -> i64 {
        seconds_since(self.finished_at)
    }

    /// What its own health check says; none where it has no such check. Docker calls a container unhealthy from its
    /// pause to its next check: until then its health is not known.
    pub fn health(&self) -> Option<&str> {
        let check = self.check.as_ref()?;
        let was_well = check.last.as_ref().is_none_or(|(exit_code, _)| *exit_code == 0);
        Some(if check.status == "unhealthy" && was_well { "starting" } else { &check.status })
    }

    /// The first line that its own health check printed last.
    pub fn health_words(&self) -> Option<&str> {
        let (_, output) = self.check.as_ref()?.last.as_ref()?;
        output.lines().map(str::trim).find(|line| !line.is_empty())
    }
}

/// A clock that was set back makes no negative time.
fn seconds_since(time: Option<DateTime<Utc>>) -> i64 {
    time.map_or(0, |time| (Utc::now() - time).num_seconds().max(0))
}
