//! What the server has of the roles that a file names.

use crate::postgres::globals::Globals;
use crate::postgres::powerful_role::POWERFUL;
use crate::postgres::quote::literals;
use crate::postgres::server::Server;
use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The server's answer.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Offer {
    pub(super) version_num: u32,
    /// Those roles of the file that exist, and whether each reaches beyond what it is granted, by itself or as a member.
    pub(super) roles: BTreeMap<String, bool>,
    /// Memberships between them: role and member.
    pub(super) memberships: BTreeSet<(String, String)>,
}

const QUERY: &str = "
SELECT pg_catalog.json_build_object(
  'version_num', pg_catalog.current_setting('server_version_num')::pg_catalog.int4,
  'roles', (SELECT COALESCE(pg_catalog.json_object_agg(r.rolname, POWERFUL), '{}')
    FROM pg_catalog.pg_roles AS r WHERE r.rolname = ANY (ARRAY[NAMES]::pg_catalog.name[])),
  'memberships', (SELECT COALESCE(pg_catalog.json_agg(DISTINCT pg_catalog.jsonb_build_array(r.rolname, m.rolname)), '[]')
    FROM pg_catalog.pg_auth_members AS a
    JOIN pg_catalog.pg_roles AS r ON r.oid = a.roleid JOIN pg_catalog.pg_roles AS m ON m.oid = a.member
    WHERE r.rolname = ANY (ARRAY[NAMES]::pg_catalog.name[]) AND m.rolname = ANY (ARRAY[NAMES]::pg_catalog.name[])))";

impl Offer {
    /// Asks for every role that the file names.
    pub(super) fn of(server: &Server<'_>, globals: &Globals) -> Result<Self> {
        let roles = globals.roles.iter().map(|role| role.name.as_str());
        let granted = globals.memberships.iter().map(|membership| membership.role.as_str());
        let names: BTreeSet<&str> = roles.chain(granted).collect();
        // The names come last: nothing is replaced in them.
        let query = QUERY.replace("POWERFUL", POWERFUL).replace("NAMES", &literals(names)?);
        let answer = server.ask_maintenance(&query)?;
        serde_json::from_str(answer.trim()).context("the roles that the server has")
    }
}

/// Those of the names that are a role's.
pub(super) fn existing(server: &Server<'_>, names: &BTreeSet<&str>) -> Result<BTreeSet<String>> {
    let sql = format!(
        "SELECT COALESCE(pg_catalog.json_agg(r.rolname), '[]') FROM pg_catalog.pg_roles AS r \
         WHERE r.rolname = ANY (ARRAY[{}]::pg_catalog.name[])",
        literals(names.iter().copied())?
    );
    serde_json::from_str(server.ask_maintenance(&sql)?.trim()).context("the roles that were created")
}
