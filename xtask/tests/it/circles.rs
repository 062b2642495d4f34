//! No two source files take items from one another. An edge leads to the file that defines the item, also through
//! `pub use`; `mod`, `pub use` and what is compiled for tests alone are no edges.

use crate::harness::{Test, sandbox::checkout};
use proc_macro2::{Ident, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};
use syn::{Attribute, File, ImplItemFn, Item, ItemMod, ItemUse, Macro, Meta, UseTree, Visibility};

pub fn tests() -> Vec<Test> {
    tests![[] no_two_files_import_one_another, [] no_command_imports_another]
}

/// `a::b` is `["a", "b"]`; the crate's root is empty.
pub type Module = Vec<String>;

/// What a module offers under a name.
#[derive(Debug, Clone)]
enum Name {
    Defined,
    Child,
    /// `use`, with the path as written.
    Imported {
        path: Vec<String>,
        is_offered: bool,
    },
}

#[derive(Debug, Default)]
struct Contents {
    /// A type, a function and a module may have one name.
    names: BTreeMap<String, Vec<Name>>,
    /// `use path::*`.
    globs: Vec<Vec<String>>,
    /// Every path that code of the module names, `use` left out.
    paths: BTreeSet<Vec<String>>,
}

type Modules = BTreeMap<Module, Contents>;

/// What each file takes from which other file.
pub fn edges() -> BTreeMap<(Module, Module), Vec<String>> {
    let modules = modules();
    assert!(modules.len() > 100, "the source files were not found");
    let mut edges: BTreeMap<(Module, Module), Vec<String>> = BTreeMap::new();
    for (module, contents) in &modules {
        let used = contents.names.values().flatten().filter_map(|name| match name {
            Name::Imported { path, is_offered: false } => Some(path),
            _ => None,
        });
        for path in contents.paths.iter().chain(used) {
            for (target, item) in resolve(&modules, module, path, 0) {
                if target != *module {
                    edges.entry((module.clone(), target)).or_default().push(item);
                }
            }
        }
    }
    edges
}

fn no_two_files_import_one_another() {
    let edges = edges();
    let mutual: Vec<String> = edges
        .iter()
        .filter(|((from, to), _)| from < to)
        .filter_map(|((from, to), there)| {
            let back = edges.get(&(to.clone(), from.clone()))?;
            let items = |items: &[String]| Vec::from_iter(BTreeSet::from_iter(items.iter().cloned())).join(", ");
            let (from, to) = (from.join("::"), to.join("::"));
            Some(format!("{from} {to}: {} and {}", items(there), items(back)))
        })
        .collect();
    assert!(mutual.is_empty(), "files import one another:\n{}", mutual.join("\n"));
}

/// What several commands share stands in a file of its own beside them, which `cli.rs` does not name.
fn no_command_imports_another() {
    let edges = edges();
    let command = |module: &Module| match module.as_slice() {
        [commands, name, ..] if commands == "commands" => Some(name.clone()),
        _ => None,
    };
    let is_run = |name: &str| edges.keys().any(|(from, to)| from == &["cli"] && to.get(1).is_some_and(|to| to == name));
    assert!(is_run("db_restore"), "the commands were not found");
    let found: BTreeSet<String> = edges
        .keys()
        .filter_map(|(from, to)| Some((command(from)?, command(to)?)))
        .filter(|(from, to)| from != to && is_run(from) && is_run(to))
        .map(|(from, to)| format!("{from} {to}"))
        .collect();
    assert!(found.is_empty(), "commands that import another: {found:?}");
}

/// The modules, and the names of the items, that a path written in `module` leads to. A path may name several things
/// (a module and a function of one name).
fn resolve(modules: &Modules, module: &[String], path: &[String], depth: usize) -> Vec<(Module, String)> {
    assert!(depth < 20, "{path:?} in {module:?} comes back to itself");
    let Some((first, rest)) = path.split_first() else { return Vec::new() };
    let mut place = module.to_vec();
    let rest = match first.as_str() {
        "crate" => {
            place.clear();
            rest
        }
        "self" => rest,
        "super" => {
            place.pop();
            let mut rest = rest;
            while rest.first().is_some_and(|word| word == "super") {
                place.pop();
                rest = &rest[1..];
            }
            rest
        }
        _ => path,
    };
    walk(modules, &place, rest, depth)
}

fn walk(modules: &Modules, place: &[String], rest: &[String], depth: usize) -> Vec<(Module, String)> {
    let Some((next, after)) = rest.split_first() else { return Vec::new() };
    let Some(contents) = modules.get(place) else { return Vec::new() };
    let Some(names) = contents.names.get(next) else {
        let globs = contents.globs.iter();
        return globs.flat_map(|glob| resolve(modules, place, &[glob, rest].concat(), depth + 1)).collect();
    };
    let led = names.iter().flat_map(|name| match name {
        Name::Child => walk(modules, &[place, std::slice::from_ref(next)].concat(), after, depth),
        Name::Defined => vec![(place.to_vec(), next.clone())],
        // `use create::create`: of the module, not of itself.
        Name::Imported { path, .. } if path.first() == Some(next) => {
            walk(modules, &[place, std::slice::from_ref(next)].concat(), &[&path[1..], after].concat(), depth + 1)
        }
        Name::Imported { path, .. } => resolve(modules, place, &[path, after].concat(), depth + 1),
    });
    led.collect()
}

fn modules() -> Modules {
    let src = checkout().join("xtask/src");
    let mut modules = Modules::new();
    read(&src, &src.join("main.rs"), &[], &mut modules);
    modules
}

/// Reads a file and those of its `mod`s.
fn read(src: &Path, file: &Path, module: &[String], modules: &mut Modules) {
    let text = fs::read_to_string(file).unwrap();
    let parsed: File = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut reading = Reading::default();
    reading.visit_file(&parsed);
    let children = std::mem::take(&mut reading.children);
    modules.insert(module.to_vec(), reading.contents);
    for child in children {
        let module = [module, &[child]].concat();
        // `platform` has a file of another name for each kind of system; none of them takes from another.
        let file = path_of(src, &module);
        if file.exists() {
            read(src, &file, &module, modules);
        }
    }
}

fn path_of(src: &Path, module: &[String]) -> PathBuf {
    let base = module.iter().fold(src.to_owned(), |path, name| path.join(name));
    let file = base.with_extension("rs");
    if file.exists() { file } else { base.join("mod.rs") }
}

#[derive(Default)]
struct Reading {
    contents: Contents,
    children: Vec<String>,
    /// Inside of a function or of another item, where names are not the module's.
    depth: usize,
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string().contains("test"))
    })
}

impl Reading {
    fn import(&mut self, tree: &UseTree, before: &[String], is_offered: bool) {
        let with = |name: &dyn ToString| [before, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.import(&path.tree, &with(&path.ident), is_offered),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(tree, before, is_offered)),
            UseTree::Glob(_) => self.contents.globs.push(before.to_vec()),
            UseTree::Name(name) if name.ident == "self" => {
                let last = before.last().cloned().unwrap_or_default();
                self.name(&last, Name::Imported { path: before.to_vec(), is_offered });
            }
            UseTree::Name(name) => self.name(&name.ident, Name::Imported { path: with(&name.ident), is_offered }),
            UseTree::Rename(rename) => {
                let path = if rename.ident == "self" { before.to_vec() } else { with(&rename.ident) };
                self.name(&rename.rename, Name::Imported { path, is_offered });
            }
        }
    }

    fn name(&mut self, name: &dyn ToString, what: Name) {
        self.contents.names.entry(name.to_string()).or_default().push(what);
    }

    /// The paths in tokens that are no syntax tree: `a::b` wherever it stands.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Ident(ident) if colons == 2 => {
                    path.push(ident.to_string());
                    colons = 0;
                }
                other => {
                    self.path(std::mem::take(&mut path));
                    colons = 0;
                    match other {
                        TokenTree::Ident(ident) => path.push(ident.to_string()),
                        TokenTree::Group(group) => self.tokens(group.stream()),
                        _ => {}
                    }
                }
            }
        }
        self.path(path);
    }

    fn path(&mut self, path: Vec<String>) {
        if path.len() > 1 {
            self.contents.paths.insert(path);
        }
    }
}

impl Visit<'_> for Reading {
    fn visit_item(&mut self, item: &Item) {
        let (attributes, name): (&[Attribute], Option<&Ident>) = match item {
            Item::Const(item) => (&item.attrs, Some(&item.ident)),
            Item::Enum(item) => (&item.attrs, Some(&item.ident)),
            Item::Fn(item) => (&item.attrs, Some(&item.sig.ident)),
            Item::Static(item) => (&item.attrs, Some(&item.ident)),
            Item::Struct(item) => (&item.attrs, Some(&item.ident)),
            Item::Trait(item) => (&item.attrs, Some(&item.ident)),
            Item::Type(item) => (&item.attrs, Some(&item.ident)),
            Item::Macro(item) => (&item.attrs, item.ident.as_ref()),
            Item::Mod(item) => (&item.attrs, None),
            Item::Use(item) => (&item.attrs, None),
            Item::Impl(item) => (&item.attrs, None),
            _ => (&[], None),
        };
        if is_for_tests(attributes) {
            return;
        }
        if let Some(name) = name.filter(|_| self.depth == 0) {
            self.name(name, Name::Defined);
        }
        self.depth += 1;
        visit::visit_item(self, item);
        self.depth -= 1;
    }

    fn visit_item_mod(&mut self, item: &ItemMod) {
        if item.content.is_none() {
            self.name(&item.ident, Name::Child);
            self.children.push(item.ident.to_string());
        } else {
            // Its items are this file's.
            self.name(&item.ident, Name::Defined);
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &ItemUse) {
        self.import(&item.tree, &[], !matches!(item.vis, Visibility::Inherited));
    }

    fn visit_impl_item_fn(&mut self, item: &ImplItemFn) {
        if !is_for_tests(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_path(&mut self, path: &syn::Path) {
        self.path(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &Macro) {
        self.tokens(item.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone());
        }
    }

    /// `pub(super)` and its like.
    fn visit_visibility(&mut self, _: &Visibility) {}
}
