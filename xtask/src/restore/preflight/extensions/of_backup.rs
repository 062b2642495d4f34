//! The extensions that a backup names.

use super::super::settings::SettingRules;
use super::server::{INSTALL, Obstacle, ServerExtensions, only_in, preload, setting_of};
use super::steps::{self, Shown};
use crate::backup::manifest::Manifest;
use crate::backup::proof::Proven;
use crate::error::{Exit, Fault};
use crate::postgres::server::Server;
use crate::target::Target;
use crate::words::shell_word;
use anyhow::Result;
use std::path::Path;

/// An extension of another version than the backup's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionChange {
    name: String,
    backup: String,
    server: String,
}

impl VersionChange {
    /// A line for people.
    pub fn line(&self) -> String {
        let Self { name, backup, server } = self;
        format!("extension {name} is {backup} in the backup, {server} on this server")
    }
}

/// Refuses a backup whose extensions the staging database cannot have; gives those that have another version here. `roles`
/// gives the statements that make the roles which the server lacks; `allowed` are the settings that a person named.
///
/// # Errors
/// Which extensions, and what to do (1).
pub fn check(
    target: &Target,
    backup: &Proven,
    server: &ServerExtensions,
    allowed: &[String],
    roles: impl Fn() -> Result<Vec<String>>,
) -> Result<Vec<VersionChange>> {
    let named: Vec<&str> = backup.contents.extensions.iter().map(String::as_str).collect();
    let by_hand = || by_hand_here(target, backup, &roles()?, allowed);
    let (message, hint) = match Obstacle::of(&named, server) {
        None => {
            return Ok(backup.manifest.as_ref().map(|manifest| version_changes(manifest, server)).unwrap_or_default());
        }
        Some(Obstacle::Missing(names)) => {
            (format!("The server lacks extensions that the backup names: {}", names.join(", ")), INSTALL.to_owned())
        }
        Some(Obstacle::Unloaded(name)) => {
            let message = format!(
                "The backup names extension {name}, whose library this server has not loaded (shared_preload_libraries)"
            );
            let more = match setting_of(name) {
                Some(setting) => format!("\n{}\n{}", only_in(name, setting, None), by_hand()?),
                None => String::new(),
            };
            (message, preload(name, target) + &more)
        }
        Some(Obstacle::Bound(bound)) => {
            let (path, why) = (backup.path.display(), bound.why());
            let message = format!("{path} cannot be loaded beside {}: {why}", target.database());
            let way = bound.elsewhere(target).map_or_else(by_hand, Ok)?;
            (message, format!("nothing was changed; {way}"))
        }
    };
    Err(Fault::new(Exit::Failed, message).hint(hint).into())
}

/// What is to be said of a backup that was just made and that no restore of ours can load, and what to type; `None`: all is
/// well. It is not known yet which server the backup is for, and what is printed may stay in a log: `db-restore` names the
/// roles and shows the settings.
pub fn advice(target: &Target, manifest: &Manifest, file: &Path) -> Option<(String, String)> {
    let named = manifest.extensions.iter().map(|extension| extension.as_str());
    let (name, setting) = named.filter_map(|name| Some((name, setting_of(name)?))).next()?;
    let only_in = only_in(name, setting, Some(target.database()));
    let file = file.to_string_lossy();
    let roles = format!(
        "/* the roles that the server lacks come first; cargo xtask db-restore --dry-run {} names them */",
        shell_word(&file)
    );
    let by_hand = by_hand(target, Some((manifest, Shown::Names)), &[roles], &shell_word(&file));
    Some((format!("db-restore and db-verify --restore cannot load this backup: {only_in}"), by_hand))
}

/// What a person types to restore this backup on this server.
fn by_hand_here(target: &Target, backup: &Proven, roles: &[String], allowed: &[String]) -> Result<String> {
    let Some(manifest) = &backup.manifest else { return Ok(by_hand(target, None, roles, &backup.as_word())) };
    let rules = SettingRules::of(&Server::new(target)?, &manifest.properties, allowed)?;
    Ok(by_hand(target, Some((manifest, Shown::Judged(&rules))), roles, &backup.as_word()))
}

/// What a person types to restore such a backup, and what makes the next ones restorable.
fn by_hand(target: &Target, manifest: Option<(&Manifest, Shown<'_>)>, roles: &[String], file: &str) -> String {
    let load = format!("cargo xtask db-shell -- -v ON_ERROR_STOP=1 -f {file}");
    let properties = manifest.map(|(manifest, shown)| (&manifest.properties, shown));
    format!(
        "{}\nso that later backups restore: {}",
        steps::by_hand(target, properties, roles, &load).unwrap_or_default(),
        steps::ELSEWHERE
    )
}

fn version_changes(manifest: &Manifest, server: &ServerExtensions) -> Vec<VersionChange> {
    let versions = manifest.extension_versions.iter().flatten();
    let changes = versions.filter_map(|(name, backup)| {
        let there = server.available.get(name.as_str())?.as_deref()?;
        let change = VersionChange {
            name: name.as_str().to_owned(),
            backup: backup.as_str().to_owned(),
            server: there.to_owned(),
        };
        (there != backup.as_str()).then_some(change)
    });
    changes.collect()
}
