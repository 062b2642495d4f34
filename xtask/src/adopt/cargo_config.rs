//! The alias in `.cargo/config.toml`, or in `.cargo/config` where a repository still has that one.

use super::change::Change;
use super::collision::Collision;
use super::name::PackageName;
use super::repository::Repository;
use super::toml_text;
use crate::error::Fault;

const PATH: &str = ".cargo/config.toml";
/// The name of old: where both are there, cargo reads this one.
const OLD_PATH: &str = ".cargo/config";

/// The alias that is missing.
///
/// # Errors
/// Another alias has the name, or the file cannot be read or changed.
pub fn plan(repository: &Repository, name: &PackageName) -> Result<Option<Change>, Fault> {
    let value = format!("run --quiet --package {name} --");
    let path = if repository.has(OLD_PATH) && !is_link_to_new(repository) { OLD_PATH } else { PATH };
    let line = format!("{name} = \"{value}\"");
    let Some(text) = repository.text(path)? else {
        return Ok(Some(Change::new(path, format!("[alias]\n{line}\n"), format!("the alias of cargo {name}"))));
    };
    let config = toml_text::parsed(&text)
        .map_err(|error| Collision::new(format!("{path} cannot be read: {error}"), "correct it, then try again"))?;
    if let Some(alias) = config.get("alias").and_then(|aliases| aliases.get(name.as_str())) {
        let words =
            alias.as_array().map(|words| words.iter().filter_map(|word| word.as_str()).collect::<Vec<_>>().join(" "));
        if alias.as_str() == Some(&value) || words.as_ref() == Some(&value) {
            return Ok(None);
        }
        return Err(Collision::of_name(format!("{path} has an alias {name} already: {alias}")).into());
    }
    let changed = match config.get("alias") {
        Some(_) => toml_text::with_key(&text, "alias", name.as_str(), &value.clone().into()),
        None => toml_text::with_table(&text, &["alias"], &[(name.as_str(), value.clone().into())]),
    };
    let Some(changed) = changed else {
        let by_hand = format!("add by hand, then try again: {line}");
        return Err(Collision::new(format!("{path} has its aliases in a form that cannot be added to"), by_hand).into());
    };
    Ok(Some(Change::new(path, changed, format!("the alias of cargo {name}"))))
}

/// Many have both names, one a link, for cargos of every age.
fn is_link_to_new(repository: &Repository) -> bool {
    let [old, new] = [OLD_PATH, PATH].map(|path| repository.folder.join(path).canonicalize().ok());
    old.is_some() && old == new && !repository.folder.join(PATH).is_symlink()
}
