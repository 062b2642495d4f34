//! Stores beside the live one: for what must be known before the live one is changed, and for tests with more tuples
//! than a question can carry. They are in a second OpenFGA, whose data is in memory; where there is none, and only where
//! that was asked for, in the live server itself, which keeps their rows.

use super::api::Api;
use super::assertions::OwnStore;
use super::model::Model;
use super::reconcile::batches;
use super::tuples::{Key, Tuple};
use crate::error::{self, Fault};
use crate::process::signals;
use crate::settings::Settings;
use crate::target::Target;
use crate::target::memory_openfga::{self, MemoryOpenfga};
use anyhow::Result;
use std::cell::RefCell;
use std::collections::HashSet;
use std::path::Path;

/// The name of stores that are taken away again.
const NAME: &str = "xtask temporary store";

/// Where such stores are made.
#[derive(Debug)]
pub struct Second<'a> {
    place: Place<'a>,
}

#[derive(Debug)]
enum Place<'a> {
    Memory { api: Api, _server: Box<MemoryOpenfga> },
    Live { api: &'a Api, made: RefCell<Vec<String>> },
}

impl<'a> Second<'a> {
    /// Starts a second OpenFGA. `temporary` lets its stores be made on the live server where none can be started.
    ///
    /// # Errors
    /// There is none, and nothing else was allowed; or it does not start.
    pub fn start(target: &Target, settings: &Settings, root: &Path, live: &'a Api, temporary: bool) -> Result<Self> {
        let started = memory_openfga::start(target, settings, root);
        let place = match started {
            Ok(Some(server)) => Place::Memory { api: Api::new(server.endpoint.clone()), _server: Box::new(server) },
            Ok(None) | Err(_) if temporary => Place::Live { api: live, made: RefCell::default() },
            Ok(None) => return Err(unavailable().into()),
            Err(why) => {
                return Err(error::explain(why, || hinted("The tests need a second OpenFGA, which cannot be started")));
            }
        };
        Ok(Self { place })
    }

    /// Its API.
    pub fn api(&self) -> &Api {
        match &self.place {
            Place::Memory { api, .. } => api,
            Place::Live { api, .. } => api,
        }
    }

    /// Whether what is made stays in a database.
    pub fn rows_stay(&self) -> bool {
        matches!(self.place, Place::Live { .. })
    }

    /// A new store with this model, these tuples, and a test's own in place of those of the same key.
    pub fn store(&self, model: &Model, tuples: &[Tuple], own: &[Tuple]) -> Result<OwnStore<'_>> {
        let api = self.api();
        let store = api.create_store(NAME)?.id;
        if let Place::Live { made, .. } = &self.place {
            made.borrow_mut().push(store.clone());
        }
        let id = api.write_model(&store, &model.to_json())?;
        let keys: HashSet<Key<'_>> = own.iter().map(Tuple::key).collect();
        let all: Vec<&Tuple> = own.iter().chain(tuples.iter().filter(|tuple| !keys.contains(&tuple.key()))).collect();
        batches::write(api, &store, &id, &all, &|_| ())?;
        Ok(OwnStore { api, store, model: id })
    }
}

impl Drop for Second<'_> {
    fn drop(&mut self) {
        if let Place::Live { api, made } = &self.place {
            // Also after a signal; what cannot be taken away bears a name that says what it is.
            signals::shielded(|| made.borrow().iter().for_each(|store| drop(api.delete_store(store))));
        }
    }
}

fn unavailable() -> Fault {
    hinted("The tests need a second OpenFGA, and there is none here")
}

fn hinted(message: &str) -> Fault {
    Fault::failed(message).hint(
        "name an openfga program of this host in XTASK_OPENFGA_BIN\n\
         or let them run in a temporary store of that server, whose rows stay in its database: --temporary-store",
    )
}
