//! OpenFGA's API, one function for each request that is needed: here those about stores and models.

mod answers;
mod limits;
mod questions;
mod tuples;

pub use questions::{Asking, CheckRequest};
pub use tuples::Stored;

use super::client::{Client, Read, Repeat, refusal};
use super::id;
use super::pages::{LONGEST, Pages, Stop, Turn};
use crate::error::Fault;
use crate::target::endpoint::Endpoint;
use crate::target::percent::encoded;
use anyhow::Result;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// Reads see what was just written.
const CONSISTENCY: &str = "HIGHER_CONSISTENCY";
const PAGE: usize = 100;
/// A list of stores is taken no longer than this.
const MOST_STORES: u64 = 100_000;

/// A store, as the server lists it.
#[derive(Debug, Clone, Deserialize)]
pub struct Store {
    #[serde(deserialize_with = "id::deserialize")]
    pub id: String,
    #[serde(deserialize_with = "limits::name")]
    pub name: String,
    #[serde(default, deserialize_with = "limits::time")]
    pub created_at: String,
}

/// The API of one server.
#[derive(Debug)]
pub struct Api {
    client: Client,
}

impl Api {
    pub fn new(endpoint: Endpoint) -> Self {
        Self { client: Client { endpoint } }
    }

    /// The server's address.
    pub fn url(&self) -> &str {
        self.client.endpoint.url()
    }

    /// A store by its id; `None` where there is none, or where it was deleted.
    pub fn store(&self, id: &str) -> Result<Option<Store>> {
        match self.client.get::<Store>(&format!("/stores/{}", encoded(id))) {
            Ok(Read { value: store, .. }) => {
                let is_it = store.id == id;
                if is_it {
                    Ok(Some(store))
                } else {
                    Err(self.client.unlike_openfga("it gives another store than that of the id".to_owned()))
                }
            }
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All stores.
    pub fn stores(&self) -> Result<Vec<Store>> {
        self.list_stores("")
    }

    /// The stores of exactly this name.
    pub fn stores_named(&self, name: &str) -> Result<Vec<Store>> {
        let mut stores = self.list_stores(&format!("name={}&", encoded(name)))?;
        // A server that does not know the filter lists them all.
        stores.retain(|store| store.name == name);
        Ok(stores)
    }

    /// Through all pages.
    fn list_stores(&self, filter: &str) -> Result<Vec<Store>> {
        #[derive(Deserialize)]
        struct Page {
            stores: Vec<Store>,
            #[serde(default)]
            continuation_token: String,
        }
        let mut found = Vec::new();
        let mut pages = Pages::of_at_most(MOST_STORES, LONGEST);
        loop {
            let path = format!("/stores?{filter}page_size={PAGE}&continuation_token={}", encoded(pages.token()));
            let Read { value: page, bytes } = self.client.get::<Page>(&path)?;
            let turn = Turn { entries: page.stores.len(), bytes, next: page.continuation_token };
            found.extend(page.stores);
            if !self.go_on(&mut pages, turn)? {
                return Ok(found);
            }
        }
    }

    /// Whether a list goes on, after a page.
    ///
    /// # Errors
    /// The server does not let it end (4), or has more than is read (1).
    pub fn go_on(&self, pages: &mut Pages, turn: Turn) -> Result<bool> {
        pages.go_on(turn).map_err(|stop| match stop {
            Stop::Endless(why) => self.client.unlike_openfga(format!("its list does not end: {why}")),
            Stop::TooLarge(most) => {
                let fault = Fault::failed(format!("A list of OpenFGA at {} has more than {most}", self.url()));
                fault
                    .hint("that is more than is read here; a backup of its database holds all: cargo xtask db-backup")
                    .into()
            }
        })
    }

    /// A new store. Never repeated by itself: names are not unique.
    pub fn create_store(&self, name: &str) -> Result<Store> {
        Ok(self.client.post("/stores", &json!({ "name": name }), Repeat::Creates)?.value)
    }

    /// Takes a store away. Its rows stay in the database, marked as deleted.
    pub fn delete_store(&self, store: &str) -> Result<()> {
        self.client.delete(&format!("/stores/{}", encoded(store)))
    }

    /// The newest model of a store, as the server keeps it, with its id.
    pub fn newest_model(&self, store: &str) -> Result<Option<(String, Value)>> {
        #[derive(Deserialize)]
        struct Models {
            authorization_models: Vec<Box<RawValue>>,
        }
        #[derive(Deserialize)]
        struct Named {
            #[serde(deserialize_with = "id::deserialize")]
            id: String,
        }
        let models: Models = self.client.get(&within(store, "authorization-models?page_size=1"))?.value;
        let Some(model) = models.authorization_models.first() else { return Ok(None) };
        let named: Named =
            serde_json::from_str(model.get()).map_err(|error| self.client.unlike_openfga(error.to_string()))?;
        Ok(Some((named.id, self.understood(model)?)))
    }

    /// Whether a store has this model.
    pub fn has_model(&self, store: &str, model: &str) -> Result<bool> {
        match self.client.get::<IgnoredAny>(&path_of_model(store, model)) {
            Ok(_) => Ok(true),
            Err(error) if is_absence(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A store's model, as the server keeps it.
    pub fn model(&self, store: &str, model: &str) -> Result<Value> {
        let model: Box<RawValue> = self.client.get(&path_of_model(store, model))?.value;
        self.understood(&model)
    }

    /// A new model; its id. Never repeated by itself: each request makes another one.
    pub fn write_model(&self, store: &str, model: &Value) -> Result<String> {
        #[derive(Deserialize)]
        struct Written {
            #[serde(default)]
            authorization_model_id: String,
        }
        let written: Written = self.client.post(&within(store, "authorization-models"), model, Repeat::Creates)?.value;
        let id = id::checked(&written.authorization_model_id);
        id.map_err(|why| self.client.unlike_openfga(format!("authorization_model_id: {why}")))
    }

    /// A model's tree, which takes many times the memory of its text.
    fn understood(&self, model: &RawValue) -> Result<Value> {
        let why = match limits::model(model) {
            Ok(value) => return Ok(value),
            Err(why) => why,
        };
        Err(self.client.unlike_openfga(why))
    }
}

/// The path of a store's own part of the API.
fn within(store: &str, part: &str) -> String {
    format!("/stores/{}/{part}", encoded(store))
}

/// The path of one model.
fn path_of_model(store: &str, model: &str) -> String {
    within(store, &format!("authorization-models/{}", encoded(model)))
}

/// Whether the server says that there is no such thing. 400: it could not be an id.
fn is_absence(error: &anyhow::Error) -> bool {
    refusal(error).is_some_and(|refusal| matches!(refusal.status, Some(400 | 404)))
}
