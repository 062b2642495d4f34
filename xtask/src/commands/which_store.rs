//! Which store `openfga-export` and `debug-auth` mean.

use crate::context::Context;
use crate::error::Fault;
use crate::openfga::api::{Api, Store};
use crate::openfga::store::{self, STORE_ID};
use crate::openfga::store_file::check_name;
use crate::terminal::{clean_line, shell_word};
use crate::words::first_lines;
use anyhow::Result;

/// The store of this name or id, the one of the settings, else the only one.
///
/// # Errors
/// Exit 2 where there are several and none is named.
pub fn the_store(wanted: Option<&str>, api: &Api, context: &Context) -> Result<Store> {
    if let Some(wanted) = wanted {
        if let Some(store) = api.store(wanted)? {
            return Ok(store);
        }
        // A name that no store can have is no question for the server.
        let named = if check_name(wanted).is_ok() { store::by_typed_name(api, wanted)? } else { None };
        if let Some(store) = named {
            return Ok(store);
        }
        let fault = Fault::failed(format!("{} has no store {wanted}", api.url()));
        return Err(match api.stores()?.as_slice() {
            [] => fault.hint("make one: cargo xtask setup-openfga").into(),
            stores => anyhow::Error::msg(list(stores)).context(fault.hint("name one of these: --store NAME")),
        });
    }
    if let Some(named) = store::named(api, &context.settings, true)? {
        return named.store.ok_or_else(|| {
            let message = format!("{STORE_ID}={} ({}) names no store of {}", named.id, named.origin.shown(), api.url());
            Fault::failed(clean_line(&message)).hint("name one: --store NAME").into()
        });
    }
    let mut stores = api.stores()?;
    if stores.len() > 1 {
        let fault = Fault::usage(format!("{} has {} stores", api.url(), stores.len()));
        return Err(anyhow::Error::msg(list(&stores)).context(fault.hint("name one: --store NAME")));
    }
    stores.pop().ok_or_else(|| {
        Fault::failed(format!("{} has no store", api.url())).hint("make it: cargo xtask setup-openfga").into()
    })
}

/// The fault of a store without a model. `setup-openfga` writes to the store of the settings, else to the one of the store
/// file's name; the ids of `.env` stay those of the settings' store.
pub fn without_model(store: &Store, context: &Context) -> Fault {
    let fault = Fault::failed(format!("The store {} has no model", clean_line(&store.name)));
    let named = context.settings.get(STORE_ID);
    let is_of_settings = named == Some(store.id.as_str());
    let setting = if is_of_settings { String::new() } else { format!("{STORE_ID}={} ", shell_word(&store.id)) };
    let second = if is_of_settings || named.is_none() { "" } else { " --no-env" };
    fault.hint(format!("write one: {setting}cargo xtask setup-openfga --store={}{second}", shell_word(&store.name)))
}

fn list(stores: &[Store]) -> String {
    first_lines(stores.iter().map(|store| clean_line(&format!("{}  {}", store.id, store.name))))
}
