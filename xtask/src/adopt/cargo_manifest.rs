//! The workspace that the copy becomes a member of.

use super::change::Change;
use super::collision::Collision;
use super::journal::is_unfinished;
use super::name::PackageName;
use super::repository::Repository;
use super::{path_dependencies, pattern, toml_text};
use crate::error::Fault;
use crate::process::signals;
use crate::words::shell_word;
use anyhow::Result;
use serde_json::Value;

const PATH: &str = "Cargo.toml";
/// Every byte of a backup passes through these: without optimisation a backup takes several times as long.
const OPTIMISED: [&str; 3] = ["sha2", "memchr", "ruzstd"];

/// What kind of cargo project the repository is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    None,
    Package,
    Workspace,
}

/// The manifests of a repository.
#[derive(Debug)]
pub struct Manifests {
    pub kind: Kind,
    root: Option<(String, Value)>,
    /// Folders below with a manifest: the folder, and what the manifest says.
    below: Vec<(String, Value)>,
    /// Folders that a new workspace must not take in, whatever is in them: submodules, and path dependencies of the root
    /// package.
    apart: Vec<String>,
}

impl Manifests {
    /// Reads them all.
    ///
    /// # Errors
    /// One cannot be read, or the folder lies inside another cargo project.
    pub fn read(repository: &Repository) -> Result<Self> {
        let mut below = Vec::new();
        for path in repository.files(&["*/Cargo.toml"])? {
            signals::check()?;
            let Some(folder) = path.strip_suffix("/Cargo.toml").filter(|path| !is_unfinished(path)) else { continue };
            // A manifest that cannot be read is not a package: cargo does not read it either.
            let read = repository.text(&path).ok().flatten().and_then(|text| toml_text::parsed(&text).ok());
            below.extend(read.map(|manifest| (folder.to_owned(), manifest)));
        }
        let root = match repository.text(PATH)? {
            None => None,
            Some(text) => match toml_text::parsed(&text) {
                Ok(manifest) => Some((text, manifest)),
                Err(error) => {
                    return Err(refused(&format!("{PATH} cannot be read: {error}"), "correct it, then try again"));
                }
            },
        };
        let kind = match &root {
            None => Kind::None,
            Some((_, manifest)) if manifest.get("workspace").is_some() => Kind::Workspace,
            Some((_, manifest)) if manifest.get("package").is_some() => Kind::Package,
            Some(_) => {
                return Err(refused(
                    &format!("{PATH} has neither a package nor a workspace"),
                    "correct it, or remove it",
                ));
            }
        };
        let outer = repository.folder.ancestors().skip(1).take_while(|above| above.starts_with(&repository.top));
        if kind != Kind::Workspace
            && let Some(above) = outer.filter(|above| above.join(PATH).is_file()).last()
        {
            let what = format!("{} lies inside the cargo project {}", repository.folder.display(), above.display());
            let above = shell_word(&above.to_string_lossy());
            return Err(refused(&what, &format!("adopt it there: cargo xtask adopt {above}")));
        }
        let mut apart = repository.submodules()?;
        apart.extend(root.iter().flat_map(|(_, manifest)| path_dependencies::below(manifest, &repository.folder)));
        Ok(Self { kind, root, below, apart })
    }

    /// Refuses a name that a package of the repository has, and a package that belongs to a workspace elsewhere.
    pub fn check(&self, name: &PackageName) -> Result<(), Fault> {
        let named = |manifest: &Value| manifest.pointer("/package/name").and_then(Value::as_str) == Some(name.as_str());
        let root = self.root.iter().map(|(_, manifest)| ("", manifest));
        let below = self.below.iter().map(|(folder, manifest)| (folder.as_str(), manifest));
        for (folder, manifest) in root.chain(below).filter(|(folder, _)| *folder != name.as_str()) {
            if named(manifest) {
                let place = if folder.is_empty() { PATH.to_owned() } else { format!("{folder}/{PATH}") };
                return Err(Collision::of_name(format!("{place} has a package {name} already")).into());
            }
        }
        let elsewhere = self.root.as_ref().and_then(|(_, manifest)| manifest.pointer("/package/workspace"));
        elsewhere.map_or(Ok(()), |workspace| {
            let hint = "name the folder of that workspace";
            Err(Collision::new(format!("{PATH} is a member of the workspace {workspace}"), hint).into())
        })
    }

    /// The root manifest with the copy as a member.
    ///
    /// # Errors
    /// It has a form that cannot be changed safely; the line to add by hand is in the hint.
    pub fn plan(&self, name: &PackageName) -> Result<Option<Change>, Fault> {
        let Some((text, manifest)) = &self.root else { return Ok(Some(self.new_root(name))) };
        let mut text = text.clone();
        if self.kind == Kind::Package {
            let mut lines: Vec<(&str, Value)> = vec![("members", Value::from(vec![name.as_str()]))];
            let excluded = self.standing_alone(name);
            if !excluded.is_empty() {
                lines.push(("exclude", Value::from(excluded)));
            }
            text = toml_text::with_table(&text, &["workspace"], &lines).ok_or_else(|| cannot_add(name))?;
        } else {
            text = with_member(&text, manifest, name)?;
        }
        for package in OPTIMISED {
            let packages = manifest.pointer("/profile/dev/package");
            if packages.is_some_and(|packages| packages.get(package).is_some() || packages.get("*").is_some()) {
                continue;
            }
            let table = ["profile", "dev", "package", package];
            // Only speed depends on it.
            text = toml_text::with_table(&text, &table, &[("opt-level", 3.into())]).unwrap_or(text);
        }
        let what = match self.kind {
            Kind::Package => format!("the package becomes the root of a workspace, with {name} as its member"),
            Kind::None | Kind::Workspace => format!("{name} as a member of the workspace"),
        };
        Ok((text != self.root_text()).then(|| Change::new(PATH, text, what)))
    }

    fn root_text(&self) -> &str {
        self.root.as_ref().map_or("", |(text, _)| text)
    }

    fn new_root(&self, name: &PackageName) -> Change {
        let excluded = self.standing_alone(name);
        let exclude =
            if excluded.is_empty() { String::new() } else { format!("exclude = {}\n", Value::from(excluded)) };
        let mut text = format!("[workspace]\nresolver = \"3\"\nmembers = [\"{name}\"]\n{exclude}");
        text.push_str(
            "\n# The first build is what people wait for; every byte of a backup passes through some of its packages.\n",
        );
        text.push_str("[profile.dev]\ndebug = false\n");
        for package in OPTIMISED {
            text.push_str(&format!("\n[profile.dev.package.{package}]\nopt-level = 3\n"));
        }
        Change::new(PATH, text, format!("a workspace with {name} as its member"))
    }

    /// Packages below that are built on their own until now: inside a new workspace cargo would refuse them. A path
    /// dependency would become a member by itself, and one with a workspace of its own would end every cargo command.
    fn standing_alone(&self, name: &PackageName) -> Vec<String> {
        let mut alone: Vec<String> = Vec::new();
        let mut apart: Vec<&String> = self.apart.iter().filter(|folder| *folder != name.as_str()).collect();
        // The outer folder first.
        apart.sort();
        for folder in apart {
            if !alone.iter().any(|outer| folder == outer || is_below(folder, outer)) {
                alone.push(folder.clone());
            }
        }
        for (folder, manifest) in &self.below {
            let is_inside = |outer: &str| folder == outer || is_below(folder, outer);
            let has_own =
                |(outer, manifest): &(String, Value)| is_below(folder, outer) && manifest.get("workspace").is_some();
            let is_covered = alone.iter().any(|outer| is_inside(outer)) || self.below.iter().any(has_own);
            if manifest.get("workspace").is_none() && !is_covered && folder != name.as_str() {
                alone.push(folder.clone());
            }
        }
        alone.sort();
        alone
    }
}

fn is_below(folder: &str, outer: &str) -> bool {
    folder.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'))
}

fn refused(what: &str, way_round: &str) -> anyhow::Error {
    Fault::from(Collision::new(what, way_round)).into()
}

fn cannot_add(name: &PackageName) -> Fault {
    let hint = format!("add by hand, then try again: members = [\"{name}\"] in [workspace]");
    Collision::new(format!("{PATH} has its workspace in a form that cannot be added to"), hint).into()
}

fn with_member(text: &str, manifest: &Value, name: &PackageName) -> Result<String, Fault> {
    let list = |key: &str| manifest.pointer(&format!("/workspace/{key}")).and_then(Value::as_array);
    let covers = |list: Option<&Vec<Value>>| {
        list.into_iter().flatten().filter_map(Value::as_str).any(|pattern| covers(pattern, name.as_str()))
    };
    if covers(list("exclude")) {
        let what = format!("{PATH} excludes the folder {name} from its workspace");
        return Err(Collision::of_name(what).into());
    }
    if covers(list("members")) {
        return Ok(text.to_owned());
    }
    let changed = match list("members") {
        Some(_) => toml_text::with_item(text, "workspace", "members", name.as_str()),
        None => toml_text::with_key(text, "workspace", "members", &Value::from(vec![name.as_str()])),
    };
    changed.ok_or_else(|| cannot_add(name))
}

/// Whether a pattern of members means a folder of the top: only `*` and `?` can, beside the name itself.
fn covers(pattern: &str, name: &str) -> bool {
    let pattern = pattern.strip_prefix("./").unwrap_or(pattern).trim_end_matches('/');
    !pattern.contains('/') && pattern::fits(pattern, name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn manifests(root: &str, below: &[(&str, &str)]) -> Manifests {
        let root = (!root.is_empty()).then(|| (root.to_owned(), toml_text::parsed(root).unwrap()));
        let kind = match &root {
            None => Kind::None,
            Some((_, manifest)) if manifest.get("workspace").is_some() => Kind::Workspace,
            Some(_) => Kind::Package,
        };
        let below = below.iter().map(|(folder, text)| ((*folder).to_owned(), toml_text::parsed(text).unwrap()));
        let apart = root.iter().flat_map(|(_, root)| path_dependencies::below(root, Path::new("/repo"))).collect();
        Manifests { kind, root, below: below.collect(), apart }
    }

    fn planned(root: &str, below: &[(&str, &str)]) -> Value {
        let name = "xtask".parse().unwrap();
        let change = manifests(root, below).plan(&name).unwrap().unwrap();
        toml_text::parsed(change.text().unwrap()).unwrap()
    }

    #[test]
    fn packages_that_stand_alone_stay_so_and_workspaces_of_their_own_need_no_word() {
        let below = [
            ("backend", "[package]\nname = 'b'\n"),
            ("backend/inner", "[package]\nname = 'i'\n"),
            ("fuzz", "[package]\nname = 'f'\n[workspace]\n"),
            ("fuzz/inner", "[package]\nname = 'g'\n"),
        ];
        let root = planned("", &below);
        assert_eq!(root["workspace"]["exclude"], Value::from(vec!["backend"]));
        let root = planned("[package]\nname = 'x'\n", &below);
        assert_eq!(root["workspace"], serde_json::json!({"members": ["xtask"], "exclude": ["backend"]}));
        assert_eq!(root["profile"]["dev"]["package"]["sha2"]["opt-level"], 3);
        // But for a path dependency, which becomes a member by itself.
        let root =
            planned("[package]\nname = 'x'\n[dependencies]\nf = { path = 'fuzz/inner' }\ng.path = 'fuzz'\n", &below);
        assert_eq!(root["workspace"]["exclude"], Value::from(vec!["backend", "fuzz"]));
    }

    #[test]
    fn a_workspace_gets_a_member_that_it_does_not_have() {
        let root = planned("[workspace]\nmembers = ['crates/*']\n[profile.dev.package.'*']\nopt-level = 1\n", &[]);
        assert_eq!(root["workspace"]["members"], Value::from(vec!["crates/*", "xtask"]));
        assert_eq!(root["profile"]["dev"]["package"].as_object().unwrap().len(), 1);
        let name: PackageName = "xtask".parse().unwrap();
        let covered = "[workspace]\nmembers = ['*']\n[profile.dev.package.'*']\nopt-level = 1\n";
        assert!(manifests(covered, &[]).plan(&name).unwrap().is_none());
        let excluded = manifests("[workspace]\nmembers = ['*']\nexclude = ['x*']\n", &[]).plan(&name);
        assert!(excluded.unwrap_err().hint_text().unwrap().contains("--name"));
        let odd = manifests("workspace = { members = [] }\n", &[]).plan(&name);
        assert!(odd.unwrap_err().hint_text().unwrap().contains("members = [\"xtask\"]"));
    }

    #[test]
    fn patterns_mean_folders_of_the_top_alone() {
        for (pattern, expected) in [
            ("xtask", true),
            ("./xtask/", true),
            ("*", true),
            ("x*k", true),
            ("xtas?", true),
            ("crates/*", false),
            ("y*", false),
        ] {
            assert_eq!(covers(pattern, "xtask"), expected, "{pattern}");
        }
    }
}
