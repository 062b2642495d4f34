//! The fuzz targets compile files of the program by name: each file that one of them takes items from is there, too.

use crate::circles::{Module, edges};
use crate::harness::{Test, sandbox::checkout};
use std::collections::BTreeSet;
use std::fs;
use syn::{Attribute, Expr, Item, ItemMod, Lit, Meta};

pub fn tests() -> Vec<Test> {
    tests![[] the_fuzz_targets_have_every_file_that_their_files_use]
}

fn the_fuzz_targets_have_every_file_that_their_files_use() {
    let text = fs::read_to_string(checkout().join("xtask/fuzz/src/lib.rs")).unwrap();
    let mut named = BTreeSet::new();
    collect(&syn::parse_file(&text).unwrap().items, &[], &mut named);
    assert!(named.contains(&vec!["postgres".to_owned(), "dump".to_owned()]), "the list was not found: {named:?}");
    // A file brings those of its folder.
    let is_there = |module: &Module| named.iter().any(|name| module.starts_with(name));
    let missing: Vec<String> = edges()
        .into_keys()
        .filter(|(from, to)| is_there(from) && !is_there(to))
        .map(|(from, to)| format!("{} takes from {}", from.join("::"), to.join("::")))
        .collect();
    assert!(missing.is_empty(), "not in xtask/fuzz/src/lib.rs:\n{}", missing.join("\n"));
}

/// The modules that stand for files.
fn collect(items: &[Item], parent: &[String], named: &mut BTreeSet<Module>) {
    for item in items {
        let Item::Mod(ItemMod { ident, content, attrs, .. }) = item else { continue };
        let module = [parent, &[ident.to_string()]].concat();
        match content {
            Some((_, items)) => collect(items, &module, named),
            None if path(attrs).is_none_or(|path| !path.contains("/tests/")) => {
                named.insert(module);
            }
            None => {}
        }
    }
}

fn path(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(path) => Some(path.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    })
}
