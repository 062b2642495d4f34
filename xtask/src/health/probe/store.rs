//! The store and the model that `.env` names: that they exist, and are those of the store file.

use super::answering_openfga::Found;
use super::openfga::{SETUP_OPENFGA, of_openfga};
use crate::health::Scene;
use crate::health::report::Finding;
use crate::openfga::started_with;
use crate::openfga::store::{MODEL_ID, STORE_ID};
use crate::openfga::store_file::{Options, StoreFile};
use anyhow::Result;
use std::path::Path;

const FILE: &str = "openfga/store.fga.yaml";

pub fn probe(scene: &Scene) -> Finding {
    of_openfga(scene, judge)
}

fn judge(scene: &Scene, found: &Found) -> Result<Finding> {
    let Some(id) = scene.settings.get(STORE_ID) else {
        return Ok(Finding::warn(format!("{STORE_ID} is not set"), format!("run setup-openfga: {SETUP_OPENFGA}")));
    };
    let Some(store) = found.api.store(id)? else {
        let detail = format!("{STORE_ID}={id} names no store of {} (deleted, or another server's)", found.api.url());
        return Ok(Finding::fail(detail, SETUP_OPENFGA));
    };
    if let Some(Ok(file)) = file(scene)
        && file.name != store.name
    {
        let detail = format!("{STORE_ID}={id} is the store {:?}, {FILE} is of {:?}", store.name, file.name);
        return Ok(Finding::fail(detail, SETUP_OPENFGA));
    }
    let Some(model) = scene.settings.get(MODEL_ID) else {
        return Ok(Finding::warn(format!("{MODEL_ID} is not set"), format!("run setup-openfga: {SETUP_OPENFGA}")));
    };
    if !found.api.has_model(id, model)? {
        let detail = format!("{MODEL_ID}={model} names no model of the store {} ({id})", store.name);
        return Ok(Finding::fail(detail, SETUP_OPENFGA));
    }
    let others = started_with::others(scene.target, id, model);
    if let [other, ..] = others.as_slice() {
        let detail = format!("store {} ({id}), but the {}", store.name, other.what);
        return Ok(Finding::warn(detail, started_with::renew(scene.target, &others)));
    }
    Ok(Finding::ok(format!("store {} ({id})", store.name)))
}

/// The project's store file; `None` where there is none.
pub(super) fn file(scene: &Scene) -> Option<Result<StoreFile>> {
    let path = scene.root.join(Path::new(FILE));
    path.exists().then(|| StoreFile::read(&path, FILE, Options { store: None, allow_external_files: false }))
}
