//! The question that reads the shared catalogs. Of each row come its identity, its name for people, and a digest of each
//! column: no value leaves the server, least of all a password's hash.

use serde::Deserialize;

/// What of the catalogs this role may read, and which there are.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Readable {
    version: u32,
    /// `pg_authid`, which holds passwords; else `pg_roles`, which does not.
    passwords: bool,
    /// All of `pg_subscription`; else without its connection string.
    connections: bool,
}

pub(super) const READABLE: &str = "
SELECT pg_catalog.json_build_object('version', pg_catalog.current_setting('server_version_num')::pg_catalog.int4,
  'passwords', pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT'),
  'connections', pg_catalog.has_table_privilege('pg_catalog.pg_subscription', 'SELECT'))";

/// `pg_parameter_acl` came with this version.
const PARAMETERS_SINCE: u32 = 150_000;

// Columns that VACUUM changes by itself are left out. Rights that were never
// granted are those that a GRANT and its REVOKE leave.
const DATABASES: &str = "
SELECT 'database', d.oid::pg_catalog.text, d.datname, d.oid,
  pg_catalog.to_jsonb(d) - 'oid' - 'datfrozenxid' - 'datminmxid' - 'datlastsysoid' - CASE d.datname WHEN OWN THEN 'dathasloginevt' ELSE '' END
    || pg_catalog.jsonb_build_object('datacl', COALESCE(d.datacl, pg_catalog.acldefault('d', d.datdba)))
FROM pg_catalog.pg_database AS d";
const ROLES: &str = "
SELECT 'role', r.oid::pg_catalog.text, r.rolname, NULL,
  pg_catalog.to_jsonb(r) - 'oid' - 'rolconfig' FROM pg_catalog.ROLES AS r";
const MEMBERSHIPS: &str = "
SELECT 'membership', pg_catalog.concat_ws('/', m.roleid, m.member, m.grantor),
  pg_catalog.format('%s in %s', pg_catalog.pg_get_userbyid(m.member), pg_catalog.pg_get_userbyid(m.roleid)), NULL,
  pg_catalog.to_jsonb(m) - 'oid' - 'roleid' - 'member' - 'grantor' FROM pg_catalog.pg_auth_members AS m";
const SETTINGS: &str = "
SELECT 'settings', pg_catalog.concat_ws('/', s.setdatabase, s.setrole),
  pg_catalog.concat_ws(' in ', CASE WHEN s.setrole <> 0 THEN 'role ' || pg_catalog.pg_get_userbyid(s.setrole) END,
    CASE WHEN s.setdatabase <> 0 THEN 'database ' || COALESCE(d.datname::pg_catalog.text, s.setdatabase::pg_catalog.text) END,
    CASE WHEN s.setrole = 0 AND s.setdatabase = 0 THEN 'all roles' END),
  NULLIF(s.setdatabase, 0::pg_catalog.oid),
  (SELECT pg_catalog.jsonb_object_agg(pg_catalog.split_part(entry, '=', 1), entry) FROM pg_catalog.unnest(s.setconfig) AS entry)
FROM pg_catalog.pg_db_role_setting AS s LEFT JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase";
const COMMENTS: &str = "
SELECT 'KIND', pg_catalog.concat_ws('/', c.classoid, c.objoid PROVIDER), CASE c.classoid
    WHEN 'pg_catalog.pg_database'::pg_catalog.regclass THEN 'database ' || COALESCE(d.datname::pg_catalog.text, c.objoid::pg_catalog.text)
    WHEN 'pg_catalog.pg_authid'::pg_catalog.regclass THEN 'role ' || pg_catalog.pg_get_userbyid(c.objoid)
    ELSE COALESCE('tablespace ' || t.spcname, 'object ' || c.objoid) END,
  CASE WHEN c.classoid = 'pg_catalog.pg_database'::pg_catalog.regclass THEN c.objoid END, pg_catalog.to_jsonb(c) - 'objoid' - 'classoid'
FROM pg_catalog.CATALOG AS c
LEFT JOIN pg_catalog.pg_database AS d ON c.classoid = 'pg_catalog.pg_database'::pg_catalog.regclass AND d.oid = c.objoid
LEFT JOIN pg_catalog.pg_tablespace AS t ON c.classoid = 'pg_catalog.pg_tablespace'::pg_catalog.regclass AND t.oid = c.objoid";
const TABLESPACES: &str = "
SELECT 'tablespace', t.oid::pg_catalog.text, t.spcname, NULL, pg_catalog.to_jsonb(t) - 'oid'
    || pg_catalog.jsonb_build_object('spcacl', COALESCE(t.spcacl, pg_catalog.acldefault('t', t.spcowner)))
FROM pg_catalog.pg_tablespace AS t";
const PARAMETERS: &str = "
SELECT 'parameter', p.oid::pg_catalog.text, p.parname, NULL, pg_catalog.to_jsonb(p) - 'oid'
FROM pg_catalog.pg_parameter_acl AS p";
// Its worker moves `subskiplsn` and `subtwophasestate` on.
const SUBSCRIPTIONS: &str = "
SELECT 'subscription', s.oid::pg_catalog.text, pg_catalog.format('%s of database %s', s.subname, d.datname), d.oid, COLUMNS
FROM pg_catalog.pg_subscription AS s JOIN pg_catalog.pg_database AS d ON d.oid = s.subdbid
WHERE d.datname <> OWN";
const ALL_OF_THEM: &str = "pg_catalog.to_jsonb(s) - 'oid' - 'subdbid' - 'subskiplsn' - 'subtwophasestate'";
const PUBLIC_OF_THEM: &str = "pg_catalog.jsonb_build_object('subname', s.subname, 'subowner', s.subowner, \
    'subenabled', s.subenabled, 'subslotname', s.subslotname, 'subpublications', s.subpublications)";
// A subscription has one: the loaded database's own are as much its own as they are.
const ORIGINS: &str = "
SELECT 'origin', o.roident::pg_catalog.text, o.roname, NULL, pg_catalog.to_jsonb(o) - 'roident'
FROM pg_catalog.pg_replication_origin AS o WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_subscription AS s JOIN pg_catalog.pg_database AS d ON d.oid = s.subdbid
  WHERE d.datname = OWN AND o.roname = 'pg_' || s.oid)";

/// One line of JSON; `own` is the loaded database's name, as SQL.
pub(super) fn query(readable: Readable, own: &str) -> String {
    let comments = |kind: &str, catalog: &str, provider: &str| {
        COMMENTS.replace("KIND", kind).replace("CATALOG", catalog).replace("PROVIDER", provider)
    };
    let mut parts = vec![
        DATABASES.replace("OWN", own),
        ROLES.replace("ROLES", if readable.passwords { "pg_authid" } else { "pg_roles" }),
        MEMBERSHIPS.to_owned(),
        SETTINGS.to_owned(),
        comments("comment", "pg_shdescription", ""),
        comments("label", "pg_shseclabel", ", c.provider"),
        TABLESPACES.to_owned(),
        SUBSCRIPTIONS
            .replace("COLUMNS", if readable.connections { ALL_OF_THEM } else { PUBLIC_OF_THEM })
            .replace("OWN", own),
        ORIGINS.replace("OWN", own),
    ];
    if readable.version >= PARAMETERS_SINCE {
        parts.push(PARAMETERS.to_owned());
    }
    // decode's `escape` takes text of any encoding, with backslashes doubled.
    format!(
        "WITH entries(kind, key, name, database, entry) AS ({}) \
         SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object('kind', e.kind, 'key', e.key, 'name', e.name, \
         'database', e.database::pg_catalog.int8, 'columns', \
         (SELECT COALESCE(pg_catalog.json_object_agg(c.key, pg_catalog.left(pg_catalog.encode(pg_catalog.sha256( \
            pg_catalog.decode(pg_catalog.replace(c.value, pg_catalog.chr(92), pg_catalog.repeat(pg_catalog.chr(92), 2)), \
            'escape')), 'hex'), 32)), '{{}}') FROM pg_catalog.jsonb_each_text(e.entry) AS c))), '[]') FROM entries AS e",
        parts.join(" UNION ALL ")
    )
}
