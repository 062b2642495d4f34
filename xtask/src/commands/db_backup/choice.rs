//! Which databases of several are meant.

use super::args::Args;
use crate::context::Context;
use crate::error::Fault;
use crate::target::database_name::{self, DATABASES, EXCLUDED};
use anyhow::Result;

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
            if args.jobs > 1 {
                return Err(Fault::usage("--jobs goes with --all, or with --database more than once")
                    .hint("take every database: cargo xtask db-backup --all --jobs N"));
            }
            return Ok(None);
        }
        if args.all && !typed.is_empty() {
            return Err(Fault::usage("--all and --database do not go together")
                .hint("--database may be repeated; --all takes every database, or those that XTASK_DATABASES names"));
        }
        if !args.tables.is_empty() {
            return Err(Fault::usage("--table goes with one database")
                .hint("take one: cargo xtask db-backup --database NAME --table TABLE"));
        }
        if !args.all {
            return Ok(Some(Self::Named(typed)));
        }
        let named = database_name::listed(&context.settings, DATABASES)?;
        let excluded = database_name::listed(&context.settings, EXCLUDED)?;
        Ok(Some(if named.is_empty() { Self::All { excluded } } else { Self::Named(named) }))
    }
}
