//! The store of a run, and its model: found, or made once.

use super::api::{Api, Store};
use super::client::refusal;
use super::model::Model;
use crate::error::{self, Fault};
use crate::settings::{Origin, Settings};
use crate::words::first_lines;
use crate::words::shell_word;
use anyhow::Result;

/// The setting that names a store.
pub const STORE_ID: &str = "OPENFGA_STORE_ID";
/// The setting that names its model.
pub const MODEL_ID: &str = "OPENFGA_MODEL_ID";

/// What a setting says about the store.
#[derive(Debug)]
pub struct Named {
    pub id: String,
    pub origin: Origin,
    /// The store of this id, if the server has it.
    pub store: Option<Store>,
}

/// The store that the settings name. `from_file` tells whether `.env` counts.
pub fn named(api: &Api, settings: &Settings, from_file: bool) -> Result<Option<Named>> {
    let found = settings.find(STORE_ID).filter(|(_, origin)| from_file || *origin != Origin::File);
    let Some((id, origin)) = found else { return Ok(None) };
    Ok(Some(Named { id: id.to_owned(), origin, store: api.store(id)? }))
}

/// The store of exactly this name; `None` where there is none.
///
/// # Errors
/// Several bear it: they are listed, and nothing is chosen.
pub fn by_name(api: &Api, name: &str) -> Result<Option<Store>> {
    only(api.stores_named(name)?, name, |id| {
        format!("name the right one, in .env or the environment: {STORE_ID}={}", shell_word(id))
    })
}

/// The same for a name that was typed behind `--store`: the setting does not count beside it.
///
/// # Errors
/// Several bear it: they are listed, and nothing is chosen.
pub fn by_typed_name(api: &Api, name: &str) -> Result<Option<Store>> {
    only(api.stores_named(name)?, name, |id| format!("name the right one by its id: --store {}", shell_word(id)))
}

fn only(mut stores: Vec<Store>, name: &str, hint: impl Fn(&str) -> String) -> Result<Option<Store>> {
    if let [first, _, ..] = &stores[..] {
        let list = first_lines(stores.iter().map(|store| format!("{}  made {}", store.id, store.created_at)));
        let fault = Fault::failed(format!("{} stores are called {name:?}", stores.len()));
        return Err(anyhow::Error::msg(list).context(fault.hint(hint(&first.id))));
    }
    Ok(stores.pop())
}

/// Makes the store. Where the outcome of the request is not known, looks before it asks again.
pub fn create(api: &Api, name: &str) -> Result<Store> {
    match api.create_store(name) {
        Err(error) if is_unsure(&error) => match by_name(api, name)? {
            Some(store) => Ok(store),
            None => api.create_store(name),
        },
        made => made,
    }
}

/// What the newest model of a store is, next to ours.
#[derive(Debug)]
pub struct Comparison {
    /// The newest model's id, if there is one.
    pub newest: Option<String>,
    /// What would change; `None` where there is nothing to compare with.
    pub difference: Option<Vec<String>>,
    /// The newest model; `None` also where it is not understood.
    pub live: Option<Model>,
}

impl Comparison {
    /// Our model next to a store without one.
    pub const NOTHING: Self = Self { newest: None, difference: None, live: None };

    /// Compares our model with the newest of a store.
    pub fn of(api: &Api, store: &str, model: &Model) -> Result<Self> {
        let Some((id, value)) = api.newest_model(store)? else { return Ok(Self::NOTHING) };
        let (difference, live) = match Model::from_value(&value) {
            Ok(newest) => (newest.difference(model), Some(newest)),
            // A newer server's model may hold what we have no words for.
            Err(why) => (vec![format!("~ a model that cannot be read ({why:#})")], None),
        };
        Ok(Self { newest: Some(id), difference: Some(difference), live })
    }

    /// Whether tuples that the newest model takes may not fit ours.
    pub fn may_strand(&self, model: &Model) -> bool {
        let differs = self.difference.as_ref().is_some_and(|lines| !lines.is_empty());
        differs && self.live.as_ref().is_none_or(|live| live.narrows(model))
    }

    /// The newest model's id, where it is the same as ours.
    pub fn same(&self) -> Option<&str> {
        self.newest.as_deref().filter(|_| self.difference.as_ref().is_some_and(Vec::is_empty))
    }
}

/// Writes the model, once. Where the outcome of the request is not known, looks before it asks again.
pub fn write_model(api: &Api, store: &str, model: &Model) -> Result<String> {
    let value = model.to_json();
    let written = match api.write_model(store, &value) {
        Err(error) if is_unsure(&error) => match Comparison::of(api, store, model)?.same() {
            Some(id) => Ok(id.to_owned()),
            None => api.write_model(store, &value),
        },
        written => written,
    };
    written.map_err(|error| error::explain(error, || Fault::failed("The model could not be written")))
}

/// The model that questions go to: the one that the settings name, where the store has it, else the newest.
pub fn model_to_ask(api: &Api, store: &str, settings: &Settings) -> Result<Option<String>> {
    if let Some(id) = settings.get(MODEL_ID)
        && settings.get(STORE_ID) == Some(store)
        && api.has_model(store, id)?
    {
        return Ok(Some(id.to_owned()));
    }
    Ok(api.newest_model(store)?.map(|(id, _)| id))
}

fn is_unsure(error: &anyhow::Error) -> bool {
    refusal(error).is_some_and(|refusal| refusal.unsure)
}
