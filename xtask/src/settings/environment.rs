//! The process environment, and the variables that are read from it alone.

use crate::platform;
use chrono::{DateTime, Local};

/// Stops this process at a named place, for tests that kill it there: `XTASK_FAULT_POINT` names the place.
pub fn fault_point(name: &str) {
    if variable("XTASK_FAULT_POINT").is_some_and(|point| point == name) {
        platform::stop_here();
    }
}

/// The time of day: the clock's, or where a test sets it by `XTASK_FAULT_CLOCK` (RFC 3339) the one that it says.
pub fn now() -> DateTime<Local> {
    let set = variable("XTASK_FAULT_CLOCK").and_then(|text| DateTime::parse_from_rfc3339(&text).ok());
    set.map_or_else(Local::now, |time| time.with_timezone(&Local))
}

/// Whether the program that started this one asks, by this variable, for a document.
pub fn is_asked_for(variable_name: &str) -> bool {
    variable(variable_name).is_some()
}

#[expect(clippy::disallowed_methods, reason = "the environment is read here alone")]
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[expect(clippy::disallowed_methods, reason = "the environment is read here alone")]
pub(super) fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}
