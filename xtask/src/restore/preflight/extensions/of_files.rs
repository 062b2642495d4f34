//! The extensions that migration files make.

use super::server::{INSTALL, Obstacle, QUERY, ServerExtensions, preload};
use super::steps::{self, Shown};
use crate::error::Fault;
use crate::postgres::properties::Properties;
use crate::postgres::server::Server;
use crate::target::Target;
use anyhow::{Context as _, Result};

/// An extension that a statement of a file makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeExtension {
    /// File and line: `migrations/1_jobs.up.sql:3`.
    pub place: String,
    pub name: String,
}

/// What the database beside the target's own is for, in which the files are to run.
#[derive(Debug, Clone, Copy)]
pub enum Beside<'a> {
    /// It takes the place of the target's own, whose properties these are.
    Reset(Option<&'a Properties>),
    /// Files are tried in it; what to do without that, if anything.
    Scratch(Option<&'a str>),
}

/// Refuses files that make an extension which a database beside the target's own cannot have.
///
/// # Errors
/// Which extension, by file and line, and what to do (1).
pub fn check_made(server: &Server<'_>, made: &[MadeExtension], beside: Beside<'_>) -> Result<()> {
    let target = server.target();
    let text = server.ask_maintenance(&format!("SELECT {QUERY}"))?;
    let extensions: ServerExtensions = serde_json::from_str(text.trim()).context("the server's extensions")?;
    let named: Vec<&str> = made.iter().map(|made| made.name.as_str()).collect();
    let places = |wanted: &[&str]| {
        let places = made.iter().filter(|made| wanted.contains(&made.name.as_str())).map(|made| made.place.as_str());
        places.collect::<Vec<_>>().join(", ")
    };
    let (message, hint) = match Obstacle::of(&named, &extensions) {
        None => return Ok(()),
        Some(Obstacle::Missing(names)) => {
            (format!("{}: the server lacks extension {}", places(&names), names.join(", ")), INSTALL.to_owned())
        }
        Some(Obstacle::Unloaded(name)) => {
            let why = "whose library this server has not loaded (shared_preload_libraries)";
            (format!("{}: it makes extension {name}, {why}", places(&[name])), preload(name, target))
        }
        Some(Obstacle::Bound(bound)) => (
            format!("{} cannot run beside {}: {}", places(&[bound.name]), target.database(), bound.why()),
            match (bound.elsewhere(target), beside) {
                (Some(elsewhere), Beside::Reset(_)) => elsewhere,
                _ => in_its_place(target, beside)?,
            },
        ),
    };
    Err(Fault::failed(message).hint(format!("nothing was changed; {hint}")).into())
}

/// What to do where only the target's own database can have the extension.
fn in_its_place(target: &Target, beside: Beside<'_>) -> Result<String, Fault> {
    match beside {
        Beside::Reset(properties) => {
            let properties = properties.map(|properties| (properties, Shown::Live));
            let by_hand = steps::by_hand(target, properties, &[], "cargo xtask db-migrate up")?;
            Ok(format!("{by_hand}\nso that later resets work: {}", steps::ELSEWHERE))
        }
        Beside::Scratch(otherwise) => {
            let guarded = "a file can make it only where it may be:\n\
                           DO $$ BEGIN IF current_database() = current_setting('cron.database_name', true) THEN \
                           CREATE EXTENSION IF NOT EXISTS pg_cron; END IF; END $$;";
            let otherwise = otherwise.map_or_else(String::new, |otherwise| format!("{otherwise}; "));
            Ok(format!("{otherwise}{guarded}\nor {}", steps::ELSEWHERE))
        }
    }
}
