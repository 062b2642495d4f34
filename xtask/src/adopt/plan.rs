//! All that adopting changes in a repository, worked out before anything is written.

use super::adopted::{self, Adopted, LocalChanges};
use super::cargo_manifest::{Kind, Manifests};
use super::change::{Change, Content};
use super::collision::Collision;
use super::journal::Journal;
use super::name::PackageName;
use super::repository::Repository;
use super::source::Source;
use super::{cargo_config, dockerfile, env_example, ignored, lock_file, makefile, toolchain};
use crate::error::{self, Fault};
use anyhow::Result;
use std::collections::BTreeMap;

/// What is asked for.
#[derive(Debug)]
pub struct Options<'a> {
    pub name: Option<PackageName>,
    pub update: bool,
    /// Work that is not committed is no reason to stop.
    pub force: bool,
    /// The commands, as `make` names them.
    pub goals: &'a [String],
    /// Settings that were detected.
    pub settings: &'a [(String, String)],
}

/// What is there, what is changed, and what stands in the way.
#[derive(Debug)]
pub struct Plan {
    pub name: PackageName,
    /// What was found: a heading, and the words for it.
    pub found: Vec<(&'static str, String)>,
    pub changes: Vec<Change>,
    /// What only people can change.
    pub by_hand: Vec<String>,
    /// What stands in the way; nothing is written then.
    pub collisions: Vec<anyhow::Error>,
}

impl Plan {
    /// Looks at the repository and works everything out. Nothing is written.
    ///
    /// # Errors
    /// The repository cannot be looked at. What stands in the way is not an error yet.
    pub fn draw(repository: &Repository, source: &Source, options: &Options<'_>) -> Result<Self> {
        if repository.folder.starts_with(&source.top) {
            let what = format!("{} is this checkout, or lies in it", repository.folder.display());
            return Err(Fault::usage(what).hint("name the folder of another repository: cargo xtask adopt DIR").into());
        }
        let adopted = Adopted::find(repository)?;
        let known = adopted.as_ref().map(|adopted| adopted.name.clone());
        let default = || "xtask".parse().map_err(anyhow::Error::msg);
        let name = match known.clone().or_else(|| options.name.clone()) {
            Some(name) => name,
            None => default()?,
        };
        let mut plan =
            Self { name, found: Vec::new(), changes: Vec::new(), by_hand: Vec::new(), collisions: Vec::new() };
        plan.found.push(("Git", repository.state()?));
        if let Some((known, asked)) = known.as_ref().zip(options.name.as_ref()).filter(|(known, asked)| known != asked)
        {
            let what = format!("It is adopted there already, as {known}, not as {asked}");
            plan.collide(Fault::from(Collision::new(what, "leave --name out")));
        }
        plan.package(repository, source, adopted.as_ref(), options.update)?;
        plan.rest(repository, source, options)?;
        if !plan.changes.is_empty() && !options.force {
            plan.check_clean(repository)?;
        }
        Ok(plan)
    }

    fn collide(&mut self, error: impl Into<anyhow::Error>) {
        self.collisions.push(error.into());
    }

    /// Keeps a change; what stands in its way is kept, too, and the rest is still looked at.
    fn keep(&mut self, planned: Result<Option<Change>>) -> Result<()> {
        match planned {
            Ok(change) => self.changes.extend(change),
            Err(error) if error::fault(&error).is_some() => self.collisions.push(error),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// The copy itself.
    fn package(
        &mut self,
        repository: &Repository,
        source: &Source,
        adopted: Option<&Adopted>,
        update: bool,
    ) -> Result<()> {
        let name = self.name.clone();
        let files = source.files(&name);
        let Some(adopted) = adopted else {
            self.first_copy(repository, files, &source.version, update);
            return Ok(());
        };
        let hashes: BTreeMap<String, String> =
            files.iter().map(|(path, text)| (path.clone(), adopted::hash(text))).collect();
        if hashes == adopted.hashes && adopted.version == source.version {
            return Ok(());
        }
        if !update {
            let what = format!(
                "{name} was adopted there in version {}; this checkout has other files (version {})",
                adopted.version, source.version
            );
            let way = format!("bring them there: cargo xtask adopt --update {}", repository.as_word());
            self.collide(Fault::from(Collision::new(what, way)));
            return Ok(());
        }
        let changed = adopted.local_changes(repository, &files)?;
        if !changed.is_empty() {
            let diff = adopted.difference(repository, &changed, &source.package)?;
            self.collide(changed_since(&name, LocalChanges { files: changed, diff }));
        }
        self.update(repository, &files, adopted, &source.version)
    }

    /// The copy into a repository that has none.
    fn first_copy(
        &mut self,
        repository: &Repository,
        mut files: BTreeMap<String, String>,
        version: &str,
        update: bool,
    ) {
        let name = self.name.clone();
        if update {
            let what = format!("Nothing was adopted in {} yet", repository.folder.display());
            let way = format!("without --update it is: cargo xtask adopt {}", repository.as_word());
            self.collide(Fault::from(Collision::new(what, way)));
        } else if repository.has(name.as_str()) {
            self.collide(Fault::from(Collision::of_name(format!("{name} is there already, and was not adopted"))));
        }
        let what = format!("{} files of version {version}", files.len());
        files.insert(adopted::FILE.to_owned(), adopted::list(&files, version));
        self.changes.push(Change { path: name.to_string(), content: Content::Folder(files), what });
    }

    fn update(
        &mut self,
        repository: &Repository,
        files: &BTreeMap<String, String>,
        adopted: &Adopted,
        version: &str,
    ) -> Result<()> {
        let name = self.name.clone();
        for (path, text) in files {
            let path = format!("{name}/{path}");
            if repository.text(&path)?.map(|text| adopted::hash(&text)) != Some(adopted::hash(text)) {
                self.changes.push(Change::new(path, text.clone(), format!("of version {version}")));
            }
        }
        for (path, hash) in adopted.hashes.iter().filter(|(path, _)| !files.contains_key(*path)) {
            let path = format!("{name}/{path}");
            let Some(text) = repository.text(&path)? else { continue };
            if adopted::hash(&text) != *hash {
                let what = format!("{path} is not the file that was adopted, and version {version} has no such file");
                self.collide(Fault::from(Collision::new(what, "move it away")));
                continue;
            }
            let what = format!("removed: version {version} has no such file");
            self.changes.push(Change { path, content: Content::Removed, what });
        }
        // Last: until then an interrupted update is known as such.
        let list = Change::new(
            format!("{name}/{}", adopted::FILE),
            adopted::list(files, version),
            "the list of these files".to_owned(),
        );
        self.changes.push(list);
        Ok(())
    }

    /// What leads to the copy.
    fn rest(&mut self, repository: &Repository, source: &Source, options: &Options<'_>) -> Result<()> {
        let name = self.name.clone();
        self.found.push((
            "Rust",
            toolchain::pinned(repository).map_or_else(
                || "no toolchain is pinned".to_owned(),
                |(file, channel)| format!("{file} pins {channel}"),
            ),
        ));
        self.keep(toolchain::check(repository, &source.rust_version).map(|()| None).map_err(Into::into))?;
        self.keep(ignored::for_git(repository))?;
        self.keep(env_example::plan(repository, options.settings).map_err(Into::into))?;
        self.make(repository, options, &name);
        self.keep(cargo_config::plan(repository, &name).map_err(Into::into))?;
        self.cargo(repository, source, &name)
    }

    fn make(&mut self, repository: &Repository, options: &Options<'_>, name: &PackageName) {
        match makefile::plan(repository, options.goals, name) {
            Ok(planned) => {
                self.found.push(("Make", planned.found));
                self.changes.extend(planned.change);
                self.by_hand.extend(planned.by_hand);
            }
            Err(fault) => self.collide(fault),
        }
    }

    /// Manifests and lock file, and what keeps their output out of images.
    fn cargo(&mut self, repository: &Repository, source: &Source, name: &PackageName) -> Result<()> {
        let manifests = match Manifests::read(repository) {
            Ok(manifests) => manifests,
            Err(error) => return self.keep(Err(error)),
        };
        self.found.push((
            "Cargo",
            match manifests.kind {
                Kind::None => "no Cargo.toml",
                Kind::Package => "a package without a workspace",
                Kind::Workspace => "a workspace",
            }
            .to_owned(),
        ));
        if manifests.kind != Kind::None {
            self.by_hand.extend(dockerfile::by_hand(repository, name)?);
        }
        self.keep(ignored::for_docker(repository, manifests.kind))?;
        self.keep(manifests.check(name).map(|()| None).map_err(Into::into))?;
        // Before the manifest: with that, a run that goes on would take the workspace for theirs.
        if manifests.kind == Kind::None && !repository.has("Cargo.lock") {
            let files = source.files(name);
            let manifest = files.get("Cargo.toml").map_or("", String::as_str);
            let lock = lock_file::of_copy(&source.lock(), name, manifest);
            let change = lock.map(|lock| Change::new("Cargo.lock", lock, "the versions that were tested".to_owned()));
            self.changes.extend(change);
        }
        self.keep(manifests.plan(name).map_err(Into::into))
    }

    fn check_clean(&mut self, repository: &Repository) -> Result<()> {
        let journal = Journal::read(repository)?;
        let mut dirty = repository.dirty()?;
        // Settings of this checkout: adopting has git ignore them.
        let is_env = |path: &str| path == ".env" && !repository.is_tracked(path);
        dirty.retain(|path| !journal.wrote(repository, path) && !is_env(path));
        let Some(first) = dirty.first() else { return Ok(()) };
        let more = if dirty.len() > 1 { format!(" and {} more", dirty.len() - 1) } else { String::new() };
        let what = format!("{} has changes that are not committed: {first}{more}", repository.folder.display());
        let way = "commit or stash them, so that git shows what adopting changes; or go on all the same: --force";
        self.collide(Fault::from(Collision::new(what, way)));
        Ok(())
    }
}

/// Why the copy is not updated: that would lose what people changed in it.
fn changed_since(name: &PackageName, changes: LocalChanges) -> anyhow::Error {
    let message = format!("Files of {name} were changed since they were adopted; nothing was changed");
    let hint = format!(
        "undo that, and make it again after the update: git diff shows it; then: git checkout COMMIT -- {name}"
    );
    anyhow::Error::new(changes).context(Fault::failed(message).hint(hint))
}
