//! Which set: the one that was named, else the newest of this server; every file of it proven.

use crate::backup::globals::ProvenGlobals;
use crate::backup::proof::Proven;
use crate::backup::set::{self, Listed, SetFile};
use crate::context::Context;
use crate::error::{self, Exit, Fault};
use crate::postgres::identity::Identity;
use crate::postgres::server::Server;
use crate::target::Target;
use anyhow::Result;
use std::cell::Cell;
use std::path::Path;

/// A set of which every file was read to its end, and is the one that the set names.
pub(super) struct ProvenSet {
    pub(super) file: SetFile,
    /// In the order of the set's databases.
    pub(super) backups: Vec<Proven>,
    /// The roles that belong to it.
    pub(super) globals: Option<ProvenGlobals>,
}

/// The set's file, which is whole; of its files nothing is read.
pub(super) fn choose(file: Option<&Path>, target: &Target, context: &Context) -> Result<SetFile> {
    match file {
        Some(file) => set::read(&context.typed(file)).map_err(|error| {
            let unusable = || Fault::failed(format!("The set {} cannot be restored", context.shown(file)));
            error::explain(error, || unusable().hint("list the sets there are: cargo xtask db-list"))
        }),
        None => newest(target, context),
    }
}

/// Proves every file of the set.
///
/// # Errors
/// Exit 3: one is missing, cut, damaged, or another one than the set names.
pub(super) fn prove(file: SetFile, context: &Context) -> Result<ProvenSet> {
    set::check_presence(&file)?;
    let bytes = file.set.databases.iter().fold(0_u64, |sum, database| sum.saturating_add(database.bytes.get()));
    let progress = context.terminal.progress("proving the set", Some(bytes));
    let before = Cell::new(0_u64);
    let mut backups = Vec::new();
    for database in &file.set.databases {
        let backup = set::prove_database(&file, database, &|read| progress.set(before.get().saturating_add(read)))?;
        before.set(before.get().saturating_add(database.bytes.get()));
        check_full(&backup, context)?;
        backups.push(backup);
    }
    let globals = file.set.globals.as_ref().map(|globals| set::prove_globals(&file, globals)).transpose()?;
    drop(progress);
    Ok(ProvenSet { file, backups, globals })
}

fn check_full(backup: &Proven, context: &Context) -> Result<(), Fault> {
    if backup.manifest.as_ref().is_some_and(|manifest| manifest.is_full()) {
        return Ok(());
    }
    let shown = context.shown(&backup.path);
    Err(Fault::new(Exit::Refused, format!("{shown} holds only some tables; a restore replaces the whole database"))
        .hint("take a set again: cargo xtask db-backup --all"))
}

/// Whether the server is the one that the set was taken of; `None`: one of them does not say.
pub(super) fn is_of(set: &SetFile, server: &Identity) -> Option<bool> {
    let taken_of = set.set.server.system_identifier.as_ref();
    taken_of.zip(server.system_identifier.as_ref()).map(|(one, other)| one == other)
}

/// The newest of this server.
fn newest(target: &Target, context: &Context) -> Result<SetFile> {
    let folder = context.backups_folder();
    let shown = context.shown(&folder);
    let identity = Identity::ask(&Server::new(target)?)?;
    let mut other = None;
    for Listed { path, set, .. } in set::list(&folder)? {
        match set {
            Err(why) => {
                return Err(Fault::new(
                    Exit::Refused,
                    format!("{} is the newest set, but {why}", context.shown(&path)),
                )
                .hint("name the set that you want: cargo xtask db-restore --set FILE")
                .into());
            }
            Ok(set) if is_of(&set, &identity) != Some(false) => return Ok(set),
            Ok(_) => other = other.or(Some(path)),
        }
    }
    let fault = match other {
        Some(path) => Fault::failed(format!("{shown} holds no set of this server, only sets of others"))
            .hint(format!("to restore one here, name it: cargo xtask db-restore --set {}", context.as_word(&path))),
        None => Fault::failed(format!("There is no set in {shown}")).hint("make one: cargo xtask db-backup --all"),
    };
    Err(fault.into())
}
