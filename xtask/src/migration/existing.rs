//! What the server had before files were tried in a scratch database.

use super::shared_objects::Touched;
use crate::postgres::server::Server;
use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::collections::BTreeSet;

/// Roles and tablespaces that were there before.
#[derive(Debug, Default, Deserialize)]
pub struct Existing {
    roles: BTreeSet<String>,
    tablespaces: BTreeSet<String>,
    /// Roles that own, or have rights on, something that belongs to the whole server.
    holders: BTreeSet<String>,
}

const QUERY: &str = "
SELECT pg_catalog.json_build_object(
  'roles', (SELECT COALESCE(pg_catalog.json_agg(rolname), '[]') FROM pg_catalog.pg_roles),
  'tablespaces', (SELECT COALESCE(pg_catalog.json_agg(spcname), '[]') FROM pg_catalog.pg_tablespace),
  'holders', (SELECT COALESCE(pg_catalog.json_agg(r.rolname), '[]') FROM pg_catalog.pg_roles AS r WHERE EXISTS (
    SELECT FROM pg_catalog.pg_shdepend AS s WHERE s.dbid OPERATOR(pg_catalog.=) 0 AND s.refobjid OPERATOR(pg_catalog.=) r.oid
      AND s.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_authid'::pg_catalog.regclass)))";

/// Words that stand for a role that is there.
const OWN: [&str; 4] = ["current_role", "current_user", "session_user", "user"];

impl Existing {
    /// Asks the server.
    pub fn of(server: &Server<'_>) -> Result<Self> {
        let answer = server.ask(QUERY)?;
        serde_json::from_str(answer.trim()).context("the roles and tablespaces of the server")
    }

    /// Whether a statement changes something that was there before. What files made themselves they may change: it goes
    /// with what made it.
    pub fn has(&self, touched: &Touched) -> bool {
        let is_role = |name: &String| self.roles.contains(name) || OWN.contains(&name.as_str());
        match touched {
            Touched::Server => true,
            Touched::Roles(names) => names.iter().any(is_role),
            Touched::Tablespaces(names) => names.iter().any(|name| self.tablespaces.contains(name)),
            Touched::Memberships { groups, members } => groups.iter().any(is_role) && members.iter().any(is_role),
            Touched::HeldBy(names) => {
                names.iter().any(|name| self.holders.contains(name) || OWN.contains(&name.as_str()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_files_made_themselves_is_theirs() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let existing =
            Existing { roles: names(&["old", "owner"]), tablespaces: names(&["disk"]), holders: names(&["owner"]) };
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let member =
            |group: &str, member: &str| Touched::Memberships { groups: list(&[group]), members: list(&[member]) };
        for (touched, is_there) in [
            (Touched::Server, true),
            (Touched::Roles(list(&["new", "old"])), true),
            (Touched::Roles(list(&["new"])), false),
            (Touched::Roles(list(&["current_user"])), true),
            (Touched::Tablespaces(list(&["disk"])), true),
            (Touched::Tablespaces(list(&["old"])), false),
            (member("old", "owner"), true),
            (member("old", "new"), false),
            (member("new", "old"), false),
            (Touched::HeldBy(list(&["old"])), false),
            (Touched::HeldBy(list(&["new", "owner"])), true),
        ] {
            assert_eq!(existing.has(&touched), is_there, "{touched:?}");
        }
    }
}
