//! What a restore of a new backup cannot do, or may fail at.

use crate::backup::set;
use crate::backup::take::Taken;
use crate::commands::full_backup::warn_of_extensions;
use crate::context::Context;
use crate::postgres::path_dependents::{Extension, PathDependent};
use crate::postgres::server::Server;
use crate::restore::record;
use crate::target::Target;
use crate::target::database_name::{self, EXCLUDED};
use crate::terminal::{self, Terminal};
use anyhow::Result;

/// Says of a database that nobody named, and that has no tables, which others its server has: one of them may be meant.
pub(super) fn warn_of_empty_database(taken: &Taken, target: &Target, context: &Context) {
    let settings = &context.settings;
    let is_named = || ["POSTGRES_DB", "DATABASE_URL"].iter().any(|name| settings.get(name).is_some());
    if !taken.manifest.is_full() || !taken.manifest.tables().is_empty() || is_named() {
        return;
    }
    // The backup is made: what cannot be asked now is no reason to fail.
    let Ok(others) = others(target, context) else { return };
    let Some(first) = others.first() else { return };
    let text =
        format!("The database {} has no tables; the server also has: {}", taken.manifest.database, others.join(", "));
    let hint = format!(
        "back that up: cargo xtask db-backup --database {}\nor all of them: cargo xtask db-backup --all",
        terminal::shell_word(first)
    );
    context.terminal.warn(&format!("{}\n{}", terminal::clean_line(&text), context.terminal.to_type(&hint)));
}

/// The databases that `--all` would take, too, without the one that every server has.
fn others(target: &Target, context: &Context) -> Result<Vec<String>> {
    let server = Server::new(target)?;
    let excluded = database_name::listed(&context.settings, EXCLUDED)?;
    let selection = set::select(&server, &record::own_databases(&server)?, &excluded)?;
    let names = selection.taken.into_iter().map(|database| String::from(database.name));
    Ok(names.filter(|name| name != target.database() && name != server.maintenance_database()).collect())
}

/// Says of a whole database's backup what a restore of it cannot do, or may fail at.
pub(super) fn warn_of_restores(taken: &Taken, target: &Target, context: &Context) {
    if !taken.manifest.is_full() {
        return;
    }
    warn_of_extensions(taken, target, context);
    let mut schemas: Vec<&str> = Vec::new();
    for found in taken.path_dependents.iter().filter(|found| !found.reads_table) {
        if !schemas.contains(&found.schema.as_str()) {
            schemas.push(&found.schema);
        }
    }
    // One load has one path.
    let path = schemas.join(", ");
    taken.path_dependents.iter().for_each(|found| context.terminal.warn(&told(found, &path, &context.terminal)));
}

/// What may fail, and what helps. The database's owner chose all of these names.
fn told(found: &PathDependent, path: &str, terminal: &Terminal) -> String {
    let [object, function, names, schema] =
        [&found.object, &found.function, &found.names, &found.schema].map(|name| terminal::clean_line(name));
    let word = terminal::shell_word(path);
    let until = if found.is_built { " (into PostgreSQL 16 and older)" } else { "" };
    let verify = terminal.to_type("cargo xtask db-verify --restore");
    if let Some(extension) = found.extension.as_ref().filter(|extension| extension.has_path && !found.reads_table) {
        return told_of_changed(found, extension, path, terminal);
    }
    let start = format!(
        "A restore may fail at {object}: it uses {function}, which names {names} without its schema ({schema}), and a dump \
         loads with an empty search_path\n\
         check whether it loads: {verify}"
    );
    if found.reads_table {
        return format!(
            "{start}\n\
             fix it for good: fill that column with a trigger. A generated column must read no table: a restore may create and \
             fill the column's table before {schema}.{names}, and no search_path helps then"
        );
    }
    let load = format!("{start}; load it with: --search-path {word}{until}");
    match &found.extension {
        None => format!("{load}\nfix it for good: ALTER FUNCTION {function} SET search_path = {schema}"),
        Some(Extension { name, wrapper, .. }) => format!(
            "{load}\n\
             ALTER FUNCTION does not last: a restore recreates the functions of extension {}. Fix it for good with a \
             function of your own, and recreate {object} with that in the place of {function}:\n\
             {} SET search_path = {schema};",
            terminal::clean_line(name),
            terminal::clean_line(wrapper)
        ),
    }
}

/// The same of a function that has a `search_path`, by its extension's script or since: after a GRANT, another owner and
/// pg_upgrade the catalogs do not say which.
fn told_of_changed(found: &PathDependent, extension: &Extension, path: &str, terminal: &Terminal) -> String {
    let Extension { name, wrapper, .. } = extension;
    let [object, function, names, schema, name, wrapper] =
        [&found.object, &found.function, &found.names, &found.schema, name, wrapper]
            .map(|name| terminal::clean_line(name));
    let word = terminal::shell_word(path);
    let until = if found.is_built { " (into PostgreSQL 16 and older)" } else { "" };
    let verify = terminal.to_type("cargo xtask db-verify --restore");
    format!(
        "A restore may fail at {object} if {function} has its search_path from an ALTER FUNCTION: a restore recreates the \
         functions of extension {name}, and it names {names} without its schema ({schema})\n\
         check whether it loads: {verify}; where it does, the extension's script gives the search_path\n\
         where it does not, load it with: --search-path {word}{until}; and fix it for good with a function of your own: \
         recreate {object} with that in the place of {function}:\n\
         {wrapper} SET search_path = {schema};"
    )
}
