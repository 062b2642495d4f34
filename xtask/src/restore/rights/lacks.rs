//! What the server says that a role lacks.

use crate::postgres::powerful_role::POWERFUL;
use crate::postgres::quote::{literal_or_null, literals};
use crate::postgres::server::Server;
use anyhow::{Context as _, Result};
use serde::Deserialize;

/// What the role lacks, by the server's own word.
#[derive(Debug, Deserialize)]
pub(super) struct Lacks {
    /// It follows another server, and takes no change of its own.
    pub(super) standby: bool,
    pub(super) read_only: bool,
    pub(super) superuser: bool,
    pub(super) may_create: bool,
    /// Roles that the load or the swap gives something to, which it may not act as.
    pub(super) not_member_of: Vec<String>,
    /// Those of them as which one may do more than with one's own objects.
    pub(super) powerful: Vec<String>,
    /// Who is connected to the live database and cannot be cut off by this role.
    pub(super) sessions: Vec<Session>,
    /// Settings of the live database that only a superuser may carry over.
    pub(super) parameters: Vec<String>,
    pub(super) may_change_roles: bool,
    /// The server's major version.
    pub(super) major: u32,
    /// Roles that have settings of their own in the live database, which this role cannot carry over.
    pub(super) roles_with_settings: Vec<RoleWithSettings>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RoleWithSettings {
    pub(super) name: String,
    /// See [`POWERFUL`].
    pub(super) powerful: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Session {
    pub(super) user: String,
    pub(super) superuser: bool,
}

// To give a role something takes SET ROLE (a right of its own since 16); to act with its rights takes inheritance.
fn query(database: &str, roles: &str, may_set: &str) -> String {
    format!(
        "
WITH me AS (SELECT r.* FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user),
version AS (SELECT pg_catalog.current_setting('server_version_num')::pg_catalog.int4 AS number),
database AS (SELECT d.* FROM pg_catalog.pg_database AS d WHERE d.datname = {database}),
wanted AS (
  SELECT r.oid, r.rolname, {POWERFUL} AS powerful FROM pg_catalog.pg_roles AS r
  WHERE r.rolname = ANY ({roles}) OR r.oid = (SELECT datdba FROM database)),
lacking AS (
  SELECT w.* FROM wanted AS w, version AS v WHERE NOT (pg_catalog.pg_has_role(w.oid, 'USAGE')
    AND pg_catalog.pg_has_role(w.oid, CASE WHEN v.number >= 160000 THEN 'SET' ELSE 'MEMBER' END))),
settings AS (
  SELECT s.setrole, pg_catalog.split_part(entry, '=', 1) AS name
  FROM pg_catalog.pg_db_role_setting AS s, pg_catalog.unnest(s.setconfig) AS entry
  WHERE s.setdatabase = (SELECT oid FROM database))
SELECT pg_catalog.json_build_object(
  'standby', pg_catalog.pg_is_in_recovery(),
  'read_only', pg_catalog.current_setting('transaction_read_only')::pg_catalog.bool,
  'superuser', (SELECT rolsuper FROM me),
  'may_create', (SELECT rolsuper OR rolcreatedb FROM me),
  'not_member_of', (SELECT COALESCE(pg_catalog.json_agg(l.rolname ORDER BY l.rolname), '[]') FROM lacking AS l),
  'powerful', (SELECT COALESCE(pg_catalog.json_agg(l.rolname ORDER BY l.rolname), '[]') FROM lacking AS l WHERE l.powerful),
  'sessions', (SELECT COALESCE(pg_catalog.json_agg(DISTINCT pg_catalog.jsonb_build_object(
      'user', a.usename, 'superuser', r.rolsuper)), '[]')
    FROM pg_catalog.pg_stat_activity AS a JOIN pg_catalog.pg_roles AS r ON r.oid = a.usesysid
    WHERE a.datid = (SELECT oid FROM database) AND a.pid <> pg_catalog.pg_backend_pid()
      AND (r.rolsuper OR NOT (pg_catalog.pg_has_role(r.oid, 'USAGE') OR pg_catalog.pg_has_role('pg_signal_backend', 'USAGE')))),
  'parameters', (SELECT COALESCE(pg_catalog.json_agg(DISTINCT s.name), '[]')
    FROM settings AS s JOIN pg_catalog.pg_settings AS p ON pg_catalog.lower(p.name) = pg_catalog.lower(s.name)
    WHERE p.context IN ('superuser', 'superuser-backend') AND NOT {may_set}),
  'may_change_roles', (SELECT rolcreaterole FROM me),
  'major', (SELECT number / 10000 FROM version),
  'roles_with_settings', (SELECT COALESCE(pg_catalog.json_agg(DISTINCT pg_catalog.jsonb_build_object(
      'name', r.rolname, 'powerful', {POWERFUL})), '[]')
    FROM settings AS s JOIN pg_catalog.pg_roles AS r ON r.oid = s.setrole, version AS v
    WHERE r.rolname <> current_user AND NOT ((SELECT rolcreaterole FROM me) AND NOT r.rolsuper
      AND (v.number < 160000 OR pg_catalog.pg_has_role(r.oid, 'MEMBER WITH ADMIN OPTION')))))"
    )
}

/// Since PostgreSQL 15 a single setting can be granted.
const MAY_SET: &str = "pg_catalog.has_parameter_privilege(p.name, 'SET')";
pub(super) const PARAMETERS_SINCE: u32 = 15;

pub(super) fn ask(server: &Server<'_>, roles: &[&str], database: Option<&str>) -> Result<Lacks> {
    let asked = |sql: &str| server.ask_maintenance(sql);
    let version: u32 = asked("SHOW server_version_num")?.trim().parse().context("the server's version")?;
    let sql = query(
        &literal_or_null(database)?,
        &format!("ARRAY[{}]::pg_catalog.text[]", literals(roles.iter().copied())?),
        if version / 10_000 >= PARAMETERS_SINCE { MAY_SET } else { "false" },
    );
    serde_json::from_str(asked(&sql)?.trim()).context("what this role may do")
}
