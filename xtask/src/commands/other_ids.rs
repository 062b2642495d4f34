//! A warning of services that ask another store or model than a command does.

use crate::context::Context;
use crate::openfga::started_with::{others, renew};
use crate::openfga::store::{MODEL_ID, STORE_ID};
use crate::target::Target;
use crate::terminal::clean_line;

/// Warns of running services that were started with another store or model than the one that is asked.
pub fn warn(store: &str, model: &str, target: &Target, context: &Context) {
    let others = others(target, store, model);
    for other in &others {
        let what = &other.what;
        context.terminal.warn(&clean_line(&format!("The {what}; this command asks store {store}, model {model}")));
    }
    let of_settings = [(STORE_ID, store), (MODEL_ID, model)];
    let is_of_settings = of_settings.iter().all(|(name, id)| context.settings.get(name) == Some(id));
    if !others.is_empty() && is_of_settings {
        context.terminal.hint(&renew(target, &others));
    }
}
