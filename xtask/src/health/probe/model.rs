//! The model that `.env` names: the newest of its store, and equal to the file.

use super::answering_openfga::Found;
use super::openfga::{SETUP_OPENFGA, of_openfga};
use super::store::file;
use crate::health::Scene;
use crate::health::report::{Finding, Part};
use crate::openfga::store::{Comparison, MODEL_ID, STORE_ID};
use crate::words::counted;
use anyhow::Result;

pub fn probe(scene: &Scene) -> Finding {
    of_openfga(scene, judge)
}

fn judge(scene: &Scene, found: &Found) -> Result<Finding> {
    let ids = scene.settings.get(STORE_ID).zip(scene.settings.get(MODEL_ID));
    let Some((store, model)) = ids else { return Ok(Finding::skipped("no ids are set (see openfga/store)")) };
    if found.api.store(store)?.is_none() || !found.api.has_model(store, model)? {
        return Ok(Finding::skipped_for(Part::Store, "the ids name no store or model (see openfga/store)"));
    }
    let newest = found.api.newest_model(store)?.map(|(id, _)| id);
    if newest.as_deref() != Some(model) {
        let newest = newest.unwrap_or_else(|| "none".to_owned());
        return Ok(Finding::warn(
            format!("{MODEL_ID}={model} is not the newest of its store ({newest})"),
            SETUP_OPENFGA,
        ));
    }
    let file = match file(scene) {
        None => return Ok(Finding::ok("the newest of its store")),
        Some(Ok(file)) => file,
        Some(Err(error)) => {
            let detail = format!("the file cannot be compared: {error}");
            return Ok(Finding::warn(detail, "see what is wrong in it: cargo xtask test-auth"));
        }
    };
    let Some(model) = &file.model else { return Ok(Finding::ok("the newest of its store; the file has none")) };
    match Comparison::of(&found.api, store, model)?.difference {
        Some(lines) if !lines.is_empty() => {
            let number = counted(lines.len() as u64, "difference", "differences");
            let first = lines.first().map_or("", String::as_str);
            Ok(Finding::warn(format!("it differs from the file: {number} ({first})"), SETUP_OPENFGA))
        }
        _ => Ok(Finding::ok("the newest of its store, as in the file")),
    }
}
