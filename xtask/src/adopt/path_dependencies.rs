//! The path dependencies of a package: in a workspace cargo takes each for a member that lies below the root.

use serde_json::{Map, Value};
use std::path::{Component, Path, PathBuf};

const TABLES: [&str; 5] =
    ["dependencies", "dev-dependencies", "build-dependencies", "dev_dependencies", "build_dependencies"];

/// The folders below this one that the manifest names, whether git lists them or not; paths from the folder. Only the
/// manifest is read.
pub fn below(manifest: &Value, folder: &Path) -> Vec<String> {
    let targets = manifest.get("target").and_then(Value::as_object).into_iter().flat_map(Map::values);
    let of_kinds = std::iter::once(manifest).chain(targets);
    let mut tables: Vec<&Value> =
        of_kinds.flat_map(|kinds| TABLES.iter().filter_map(move |table| kinds.get(table))).collect();
    // What replaces a package of a registry.
    tables.extend(manifest.get("patch").and_then(Value::as_object).into_iter().flat_map(Map::values));
    let dependencies = tables.into_iter().filter_map(Value::as_object).flat_map(Map::values);
    let paths = dependencies.filter_map(|dependency| dependency.get("path")?.as_str());
    paths.filter_map(|path| from_folder(path, folder)).collect()
}

/// The folder that a path of the manifest means, as seen from the manifest's; `None` where it is not below.
fn from_folder(path: &str, folder: &Path) -> Option<String> {
    let mut whole = PathBuf::new();
    for part in folder.join(path).components() {
        match part {
            Component::ParentDir => {
                whole.pop();
            }
            Component::CurDir => {}
            part => whole.push(part),
        }
    }
    let parts = whole.strip_prefix(folder).ok()?.iter().map(|part| part.to_str());
    let parts: Option<Vec<&str>> = parts.collect();
    parts.filter(|parts| !parts.is_empty()).map(|parts| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adopt::toml_text;

    #[test]
    fn every_table_is_looked_at_and_nothing_outside_is_named() {
        let manifest = toml_text::parsed(
            "[dependencies]\na = { path = 'vendor/a' }\nb = '1'\nc = { path = '../outside' }\nd = { path = '.' }\n\
             [dev-dependencies.e]\npath = './x/../e/'\n[target.'wasm32-wasip1'.build-dependencies]\nf = { path = 'f' }\n\
             [patch.crates-io]\ng = { path = '../repo/g' }\nh = { path = '/etc' }\n[features]\npath = ['a']\n",
        );
        let mut found = below(&manifest.unwrap(), Path::new("/srv/repo"));
        found.sort();
        assert_eq!(found, ["e", "f", "g", "vendor/a"]);
    }
}
