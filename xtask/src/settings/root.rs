//! The checkout that a run is for.

use super::Settings;
use super::compose_files::{self, main_file};
use super::environment::variable;
use crate::error::Fault;
use crate::words::shell_word;
use std::path::{Component, Path, PathBuf};

/// What makes a checkout of a folder whose Compose file is elsewhere.
const PACKAGE: &str = concat!(env!("CARGO_PKG_NAME"), "/Cargo.toml");

/// Who named the checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NamedBy {
    /// `--root`
    Flag,
    /// `XTASK_ROOT`
    Environment,
    /// The folder that `cargo` runs the program from.
    Package,
    /// The folder where the program was built, which is still there. Whether the user stands outside of it.
    Built { outside: bool },
    /// The nearest Compose file, upwards from the user's folder.
    ComposeFile(&'static str),
    /// Nothing: this is where the program was built.
    Build,
}

/// The checkout that a run is for, and what named it: `--root` > `XTASK_ROOT` > the manifest folder of `cargo run` > the
/// one of the build > the nearest Compose file upwards.
#[derive(Debug, Clone)]
pub struct Root {
    /// The folder, from `/`.
    pub path: PathBuf,
    named_by: NamedBy,
    /// Another Compose project, which is nearer to the user than the checkout of the build.
    passed_over: Option<PathBuf>,
}

impl Root {
    /// Finds the checkout; `flag` is what `--root` says, from `here`.
    pub fn find(flag: Option<&Path>, here: Option<&Path>) -> Self {
        let typed = |path: &Path, named_by| Self { path: absolute(path), named_by, passed_over: None };
        if let Some(flag) = flag {
            return typed(flag, NamedBy::Flag);
        }
        if let Some(root) = variable("XTASK_ROOT").filter(|root| !root.is_empty()) {
            return typed(Path::new(&root), NamedBy::Environment);
        }
        if let Some(package) = package_folder() {
            let path = parent_of(&package);
            let outside = here.is_some_and(|here| !here.starts_with(&path));
            // Who types `cargo xtask` means cargo's checkout.
            if variable("CARGO_MANIFEST_DIR").is_some_and(|run| Path::new(&run) == package) {
                return Self { path, named_by: NamedBy::Package, passed_over: None };
            }
            let nearest = here.and_then(nearest_project).map(|(folder, _)| folder.to_owned());
            return Self { path, named_by: NamedBy::Built { outside }, passed_over: nearest.filter(|_| outside) };
        }
        match here.and_then(nearest_project) {
            Some((folder, file)) => typed(folder, NamedBy::ComposeFile(file)),
            None => typed(&parent_of(Path::new(env!("CARGO_MANIFEST_DIR"))), NamedBy::Build),
        }
    }

    /// What a person should know where the checkout was found, not named.
    pub fn note(&self) -> Option<String> {
        let path = self.path.display();
        match (self.named_by, &self.passed_over) {
            (NamedBy::ComposeFile(file), _) => {
                Some(format!("The checkout is {path}: its {file} is the nearest Compose file"))
            }
            (NamedBy::Built { .. }, Some(other)) => Some(format!(
                "The checkout is {path}, where this program was built; for the project here: --root {}",
                shell_word(&other.display().to_string())
            )),
            (NamedBy::Built { outside: true }, None) => {
                Some(format!("The checkout is {path}, where this program was built; another one: --root DIR"))
            }
            _ => None,
        }
    }

    /// Refuses to work in a folder that is no checkout: backups would go there, and the database be another one.
    ///
    /// # Errors
    /// Exit 2: the folder that was named is none, or the checkout was moved.
    pub fn check(&self, settings: &Settings) -> Result<(), Fault> {
        let root = self.path.display();
        let (what, hint) = match self.named_by {
            _ if self.is_checkout(settings) => return Ok(()),
            NamedBy::Flag => (format!("--root is {root}"), "name the folder of a Compose project: --root DIR"),
            NamedBy::Environment => {
                (format!("XTASK_ROOT is {root}"), "name the checkout's folder: XTASK_ROOT=/path/to/checkout")
            }
            NamedBy::Package | NamedBy::Built { .. } | NamedBy::ComposeFile(_) | NamedBy::Build => {
                let hint = "name the folder of your Compose project: --root DIR, or XTASK_ROOT=/path/to/checkout";
                let message =
                    format!("There is no checkout in {root}, where this program was built, and no Compose file here");
                return Err(Fault::usage(message).hint(hint));
            }
        };
        let below = compose_files::below(&self.path);
        let why = match compose_files::above(&self.path) {
            _ if !self.path.is_dir() => "not a folder".to_owned(),
            _ if below.is_some() => "not a checkout (no Compose file, but one in a folder below)".to_owned(),
            Some(file) => format!("not a checkout (no Compose file; Docker Compose would take {})", file.display()),
            None => "not a checkout (no Compose file)".to_owned(),
        };
        let fault = Fault::usage(format!("{what}, which is {why}"));
        let Some((folder, listed)) = below else { return Err(fault.hint(hint)) };
        let (folder, env) = (folder.display().to_string(), self.path.join(".env"));
        Err(fault.hint(format!(
            "work there: --root {}; or say that it belongs to this folder: COMPOSE_FILE={} in {}",
            shell_word(&folder),
            shell_word(&listed),
            shell_word(&env.to_string_lossy())
        )))
    }

    fn is_checkout(&self, settings: &Settings) -> bool {
        let is_package =
            matches!(self.named_by, NamedBy::Package | NamedBy::Built { .. }) || self.path.join(PACKAGE).is_file();
        is_package || compose_files::are_there(settings, &self.path)
    }
}

/// The folder of the nearest Compose file, upwards from this one, and the file's name.
fn nearest_project(here: &Path) -> Option<(&Path, &'static str)> {
    here.ancestors().find_map(|folder| Some((folder, main_file(folder)?)))
}

/// The folder of this program's package: the one that `cargo` runs it from, else the one where it was built; `None`
/// where neither is there any more.
pub fn package_folder() -> Option<PathBuf> {
    let run_time = variable("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let folders = run_time.into_iter().chain([PathBuf::from(env!("CARGO_MANIFEST_DIR"))]);
    folders.into_iter().find(|folder| folder.join("Cargo.toml").is_file())
}

fn parent_of(package: &Path) -> PathBuf {
    package.parent().unwrap_or(package).to_owned()
}

/// The path from `/`. Only where it holds `..` are links followed: `link/..` is not the link's own folder.
fn absolute(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let is_plain = path.components().all(|part| part != Component::ParentDir);
    if is_plain { path } else { path.canonicalize().unwrap_or(path) }
}
