//! The databases of a set, each as a target of its own, on one server.

use crate::context::Context;
use crate::error::{Exit, Fault};
use crate::postgres::server::Server;
use crate::postgres::session;
use crate::target::Target;
use anyhow::Result;

/// Databases that no restore takes the place of: new ones are made of them, by every restore.
const TEMPLATES: [&str; 2] = ["template0", "template1"];

/// One database.
pub(super) struct Member {
    /// As if `--database` named it.
    pub(super) context: Context,
    pub(super) target: Target,
}

/// At least one database, in the order of the set.
pub(super) struct Members {
    list: Vec<Member>,
}

impl Members {
    /// # Errors
    /// Exit 3: the set holds a template; else what the target says.
    pub(super) fn open<'n>(names: impl Iterator<Item = &'n str>, context: &Context) -> Result<Self> {
        let mut list: Vec<Member> = Vec::new();
        for name in names {
            if TEMPLATES.contains(&name) {
                let message = format!("The set holds {name}, which cannot be restored: new databases are made of it");
                return Err(Fault::new(Exit::Refused, message)
                    .hint("restore its other databases one by one: cargo xtask db-restore --database NAME FILE")
                    .into());
            }
            let context = context.with_database(name);
            let target = context.target()?;
            // Of many databases each psql that waits would be a session.
            let target = match list.first() {
                Some(first) => target.asking_with(&first.target),
                None => target,
            };
            list.push(Member { context, target });
        }
        Ok(Self { list })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Member> {
        self.list.iter()
    }

    /// The databases' names.
    pub(super) fn names(&self) -> Vec<&str> {
        self.list.iter().map(|member| member.target.database()).collect()
    }

    /// A handle for each: with one session name for the run, and away from every database of the set.
    pub(super) fn servers(&self) -> Result<Vec<Server<'_>>> {
        let (names, run) = (self.names(), session::fresh_name()?);
        let handle = |target| names.iter().fold(Server::under_name(target, &run), |server, name| server.beside(name));
        Ok(self.list.iter().map(|member| handle(&member.target)).collect())
    }
}
