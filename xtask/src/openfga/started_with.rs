//! The ids of store and model that running services keep since their start, beside those that are asked.

use super::store::{MODEL_ID, STORE_ID};
use crate::target::Target;
use crate::target::backend::StartedWith;
use crate::words::clean_line;

/// A service that asks another store or model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    pub service: String,
    /// For people: `service app was started with OPENFGA_STORE_ID=…`.
    pub what: String,
}

/// The running services that were started with another id than these.
pub fn others(target: &Target, store: &str, model: &str) -> Vec<Other> {
    let asked = [(STORE_ID, store), (MODEL_ID, model)];
    let differs = |given: &StartedWith| asked.iter().any(|(name, id)| given.variable == *name && given.value != *id);
    let kept = target.services().started_with(&[STORE_ID, MODEL_ID]);
    let shown = |given: StartedWith| {
        let StartedWith { service, variable, value } = given;
        let how = if value.is_empty() { format!("no {variable}") } else { format!("{variable}={value}") };
        Other { what: clean_line(&format!("service {service} was started with {how}")), service }
    };
    kept.into_iter().filter(differs).map(shown).collect()
}

/// What gives these services the ids of `.env`, as a hint.
pub fn renew(target: &Target, others: &[Other]) -> String {
    let mut services: Vec<&str> = others.iter().map(|other| other.service.as_str()).collect();
    services.dedup();
    let (names, command) = (services.join(", "), target.services().renew(&services));
    clean_line(&format!("give the ids of .env to {names} (a restart is not enough): {command}"))
}
