//! Which databases of several are meant.

use super::Args;
use crate::context::Context;
use crate::error::Fault;
use crate::settings::Settings;
use crate::target::database_name;
use anyhow::Result;

/// The databases that `--all` takes, a comma between them.
const DATABASES: &str = "XTASK_DATABASES";
/// The databases that it leaves out.
const EXCLUDED: &str = "XTASK_BACKUP_EXCLUDE";

/// Several databases of one server.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// Every one that is neither a template nor this program's own, but for these names.
    All { excluded: Vec<String> },
    /// Those of these names.
    Named(Vec<String>),
}

impl Choice {
    /// `None`: one database is meant, as by every other command.
    ///
    /// # Errors
    /// Exit 2: options that do not go together, a setting that holds no name of a database.
    pub(super) fn of(args: &Args, context: &Context) -> Result<Option<Self>, Fault> {
        let typed = context.typed_databases();
        if !args.all && typed.len() < 2 {
            return Ok(None);
        }
        if args.all && !typed.is_empty() {
            return Err(Fault::usage("--all and --database do not go together")
                .hint("--database may be repeated; --all takes every database, or those that XTASK_DATABASES names"));
        }
        if !args.tables.is_empty() {
            return Err(Fault::usage("--table goes with one database"));
        }
        if !args.all {
            return Ok(Some(Self::Named(typed)));
        }
        let named = names(&context.settings, DATABASES)?;
        let excluded = names(&context.settings, EXCLUDED)?;
        Ok(Some(if named.is_empty() { Self::All { excluded } } else { Self::Named(named) }))
    }
}

/// The names that a setting lists, each once; none where it is not set.
fn names(settings: &Settings, setting: &str) -> Result<Vec<String>, Fault> {
    let mut names = Vec::new();
    for name in settings.get(setting).unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let name = database_name::parse(name).map_err(|why| {
            Fault::usage(format!("{setting} names a database that cannot be: {why}"))
                .hint("it lists names of databases with commas between them: app,sessions")
        })?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_names_has_commas_between_them() {
        let read = |text: &str| {
            let mut settings = Settings::default();
            settings.set_flag(DATABASES, text);
            names(&settings, DATABASES)
        };
        assert_eq!(read(" app, we ird\"s ,,App,app").unwrap(), ["app", "we ird\"s", "App"]);
        assert_eq!(read(" , ").unwrap(), [""; 0]);
        assert_eq!(read(&"x".repeat(64)).unwrap_err().exit.code(), 2);
    }
}
