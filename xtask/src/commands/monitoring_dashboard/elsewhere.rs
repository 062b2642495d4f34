//! Without Docker: which part can run on this host, and what shows the same in a terminal.

use crate::error::{self, Exit, Fault};
use crate::monitoring::part::PARTS;
use crate::process;
use crate::target::Target;
use anyhow::Result;

/// Why there are no dashboards for a target without containers.
pub fn no_containers(target: &Target) -> Fault {
    let fault = Fault::usage(format!("The dashboards run in containers, and {} is in none", target.place()));
    fault.hint(instead())
}

/// An error, with what else can be done where Docker is what lacks.
pub fn or_explained<T>(result: Result<T>, target: &Target) -> Result<T> {
    result.map_err(|error| {
        let has_no_engine = || target.engine_cause().is_some();
        let is_lack =
            error::exit(&error) == Exit::Unreachable && (process::find("docker").is_none() || has_no_engine());
        if !is_lack {
            return error;
        }
        let hint = error::fault(&error).and_then(Fault::hint_text).unwrap_or_default();
        let fault = Fault::unreachable(error.to_string()).hint(format!("{hint}\n{}", instead()));
        error.context(fault)
    })
}

/// What a person can do without Docker.
fn instead() -> String {
    let found = PARTS.iter().filter(|part| part.programs.iter().any(|name| process::find(name).is_some()));
    let names: Vec<&str> = found.map(|part| part.name).collect();
    let here = if names.is_empty() { "none of them".to_owned() } else { names.join(", ") };
    format!(
        "in this terminal: cargo xtask db-stats --watch\n\
         by Prometheus, its exporters and Grafana (this host has {here}): write their files with: cargo xtask monitoring-dashboard --print DIR"
    )
}
