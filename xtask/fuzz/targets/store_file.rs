//! A `store.fga.yaml` that names no other files. Nothing panics; what is refused says where.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::Path;
use xtask_fuzz::openfga::store_file::{StoreFile, Options, yaml};

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(Some(root)) = yaml::parse(text)
    {
        let _ = root.to_json();
    }
    let nowhere = Path::new("/nonexistent");
    match StoreFile::of(data.to_vec(), nowhere, "store.fga.yaml", Some("name"), Options { store: None, allow_external_files: false }) {
        Ok(store) => {
            if let Some(model) = &store.model {
                assert!(xtask_fuzz::openfga::model::Model::from_value(&model.to_json()).expect("its own JSON") == *model);
            }
            assert!(!store.name.is_empty());
        }
        Err(error) => assert!(!format!("{error:#}").is_empty()),
    }
});
