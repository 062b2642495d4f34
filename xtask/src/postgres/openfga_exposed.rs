//! Asks the catalog what lets a weaker role run code with our login, by way of OpenFGA's program.
//!
//! A role reaches that program in each of these ways, itself or as a member of another role. It owns the schema, or may
//! create objects there: it makes what is missing, or a function of a name that is called without a schema, for other types.
//! It owns a relation that OpenFGA uses. It may create triggers or foreign keys on one, or will have that right on each table
//! that our login makes. Its code hangs on one, which may have another owner by now, or runs at an event in the database. The
//! program always gets a path of that one schema: objects in other schemas are not reached, and names of PostgreSQL's own
//! are found there first.

use super::openfga_roles::{ABLE, CARRIER};

/// OpenFGA's relations: six tables and a sequence.
const RELATIONS: &str = "'goose_db_version', 'goose_db_version_id_seq', 'tuple', 'authorization_model', 'store', \
    'assertion', 'changelog'";

/// At most so many are reported. What the pinned version does not call is cut first, then rights that no role has used: on a
/// person's own server they are no reason.
const MOST: usize = 20;

/// `others` has everyone, too, as 0, where a weaker role can log in here.
const OTHERS: &str = "
  base AS (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()),
  others AS (SELECT a.oid, a.role, a.member FROM able AS a UNION ALL SELECT 0, NULL, NULL WHERE EXISTS (
    SELECT FROM weak AS w CROSS JOIN base WHERE pg_catalog.has_database_privilege(w.oid, base.oid, 'CONNECT')))";

/// The first schema of the path that has OpenFGA's tables; else the first of all, where they would be made.
const HOME: &str = "
  home AS (SELECT p.oid, p.nspname, p.nspowner, p.nspacl FROM path AS p ORDER BY NOT EXISTS (
    SELECT FROM pg_catalog.pg_class AS c WHERE c.relnamespace = p.oid AND c.relname = 'goose_db_version'), p.place LIMIT 1),
  twice AS (SELECT pg_catalog.count(*) > 1 AS is_twice FROM path AS p JOIN pg_catalog.pg_class AS c
    ON c.relnamespace = p.oid AND c.relname = 'goose_db_version')";

/// What hangs on those relations and runs when they are read or written, and whose code it uses. A view of others on them is
/// nothing that OpenFGA reads.
const PARTS: &str = "
  reached AS (SELECT t.oid FROM own AS t UNION SELECT d.refobjid FROM reached AS r
    JOIN pg_catalog.pg_rewrite AS w ON w.ev_class = r.oid JOIN pg_catalog.pg_depend AS d
      ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = w.oid
        AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass),
  part AS (
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AS classid, t.oid AS objid FROM reached AS t
    UNION SELECT d.classid, d.objid FROM reached AS t JOIN pg_catalog.pg_depend AS d
      ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = t.oid
    WHERE d.classid IN ('pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_attrdef'::pg_catalog.regclass,
        'pg_catalog.pg_constraint'::pg_catalog.regclass, 'pg_catalog.pg_trigger'::pg_catalog.regclass,
        'pg_catalog.pg_policy'::pg_catalog.regclass, 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass)
      OR d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
        AND EXISTS (SELECT FROM pg_catalog.pg_rewrite AS r WHERE r.oid = d.objid AND r.ev_class = t.oid)),
  thing AS (
    SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass AS classid, p.oid, p.proowner AS owner FROM pg_catalog.pg_proc AS p
    UNION ALL SELECT 'pg_catalog.pg_operator'::pg_catalog.regclass, o.oid, o.oprowner FROM pg_catalog.pg_operator AS o
    UNION ALL SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, y.oid, y.typowner FROM pg_catalog.pg_type AS y
    UNION ALL SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid, c.relowner FROM pg_catalog.pg_class AS c),
  used AS (
    SELECT p.classid, p.objid, t.owner FROM part AS p JOIN pg_catalog.pg_depend AS d
      ON d.classid = p.classid AND d.objid = p.objid JOIN thing AS t ON t.classid = d.refclassid AND t.oid = d.refobjid
    WHERE d.refobjid NOT IN (SELECT t.oid FROM own AS t)
    UNION SELECT p.classid, p.objid, c.relowner FROM part AS p JOIN pg_catalog.pg_class AS c ON c.oid = p.objid
      WHERE p.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.relkind NOT IN ('i', 'I', 't', 'S')
        AND p.objid NOT IN (SELECT t.oid FROM own AS t)
    UNION SELECT 'pg_catalog.pg_event_trigger'::pg_catalog.regclass::pg_catalog.oid, e.oid, f.proowner FROM pg_catalog.pg_event_trigger AS e
      JOIN pg_catalog.pg_proc AS f ON f.oid = e.evtfoid WHERE e.evtenabled <> 'D')";

/// One row for each: in which order, what, its object, the role that has it, and a weaker member of that role.
const EXPOSED: &str = "
  SELECT 1 AS place, CASE WHEN t.is_twice THEN 'planted' ELSE 'schema' END AS kind,
    pg_catalog.format(CASE WHEN t.is_twice THEN 'schema %I' ELSE '%I' END, h.nspname) AS object, a.role, a.member, true AS called
    FROM home AS h JOIN able AS a ON a.oid = h.nspowner CROSS JOIN twice AS t
  UNION SELECT 2, 'create', pg_catalog.format('%I', h.nspname), o.role, o.member, true
    FROM home AS h CROSS JOIN LATERAL pg_catalog.aclexplode(h.nspacl) AS g JOIN others AS o ON o.oid = g.grantee
    WHERE g.privilege_type = 'CREATE' AND g.grantee <> h.nspowner
  UNION SELECT 3, CASE WHEN w.is_twice THEN 'planted' ELSE 'relation' END, t.name, a.role, a.member, true
    FROM own AS t JOIN able AS a ON a.oid = t.relowner CROSS JOIN twice AS w
  UNION SELECT 4, 'view', t.name, NULL, NULL, true FROM own AS t WHERE t.relkind NOT IN ('r', 'S') AND EXISTS (SELECT FROM able)
  UNION SELECT 5, 'privilege', t.name, o.role, o.member, true FROM own AS t CROSS JOIN LATERAL (
      SELECT g.grantee, g.privilege_type FROM pg_catalog.aclexplode(t.relacl) AS g UNION ALL
      SELECT g.grantee, g.privilege_type FROM pg_catalog.pg_attribute AS c
        CROSS JOIN LATERAL pg_catalog.aclexplode(c.attacl) AS g WHERE c.attrelid = t.oid) AS g
    JOIN others AS o ON o.oid = g.grantee WHERE g.privilege_type IN ('TRIGGER', 'REFERENCES') AND g.grantee <> t.relowner
  UNION SELECT 5, 'default', CASE e.defaclnamespace WHEN 0 THEN '' ELSE pg_catalog.format(' IN SCHEMA %I', h.nspname) END,
      o.role, o.member, true
    FROM pg_catalog.pg_default_acl AS e JOIN me ON me.oid = e.defaclrole JOIN home AS h ON e.defaclnamespace IN (0, h.oid)
    CROSS JOIN LATERAL pg_catalog.aclexplode(e.defaclacl) AS g JOIN others AS o ON o.oid = g.grantee
    WHERE e.defaclobjtype = 'r' AND g.privilege_type IN ('TRIGGER', 'REFERENCES') AND g.grantee <> me.oid
      AND (SELECT pg_catalog.count(*) FROM own AS t WHERE t.relkind = 'r') < 6
  UNION SELECT 6, 'attached', pg_catalog.pg_describe_object(u.classid, u.objid, 0), a.role, a.member, true
    FROM used AS u JOIN able AS a ON a.oid = u.owner";

/// Functions and operators of the schema that have a name of PostgreSQL's own: for some types they are chosen before it.
/// The pinned version of OpenFGA and its library for migrations call these functions alone; a test reads the server's log.
const NAMED: &str = "
  UNION SELECT 7, 'named', pg_catalog.pg_describe_object('pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, 0), a.role, a.member,
      p.proname IN ('now', 'max', 'current_schema')
    FROM pg_catalog.pg_proc AS p JOIN home AS h ON h.oid = p.pronamespace JOIN able AS a ON a.oid = p.proowner
    WHERE EXISTS (SELECT FROM pg_catalog.pg_proc AS b WHERE b.proname = p.proname
      AND b.pronamespace = 'pg_catalog'::pg_catalog.regnamespace)
  UNION SELECT 7, 'named', pg_catalog.pg_describe_object('pg_catalog.pg_operator'::pg_catalog.regclass, p.oid, 0),
      a.role, a.member, true
    FROM pg_catalog.pg_operator AS p JOIN home AS h ON h.oid = p.oprnamespace JOIN able AS a ON a.oid = p.oprowner
    WHERE EXISTS (SELECT FROM pg_catalog.pg_operator AS b WHERE b.oprname = p.oprname
      AND b.oprnamespace = 'pg_catalog'::pg_catalog.regnamespace)";

/// Asks for what stands in these schemas, literals in the order of the path.
pub(super) fn question(schemas: &str) -> String {
    format!(
        "WITH RECURSIVE {ABLE},
  {OTHERS},
  path AS (SELECT n.oid, n.nspname, n.nspowner, n.nspacl, p.place
    FROM pg_catalog.unnest(ARRAY[{schemas}]::pg_catalog.text[]) WITH ORDINALITY AS p(name, place)
    JOIN pg_catalog.pg_namespace AS n ON n.nspname = p.name WHERE pg_catalog.has_schema_privilege(n.oid, 'USAGE')),
  {HOME},
  own AS (SELECT c.oid, c.relkind, c.relowner, c.relacl, pg_catalog.format('%I.%I', h.nspname, c.relname) AS name
    FROM pg_catalog.pg_class AS c JOIN home AS h ON h.oid = c.relnamespace WHERE c.relname IN ({RELATIONS})),
  {PARTS},
  exposed AS (SELECT e.* FROM ({EXPOSED}{NAMED}) AS e ORDER BY NOT e.called, e.kind IN ('create', 'privilege', 'default'),
    e.place, e.kind, e.object, e.role LIMIT {MOST})
SELECT pg_catalog.json_build_object('home', (SELECT h.nspname FROM home AS h), 'carrier', {CARRIER},
  'exposed', (SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object('kind', e.kind, 'object', e.object,
    'role', e.role, 'member', e.member, 'called', e.called) ORDER BY e.place, e.kind, e.object, e.role), '[]')
    FROM exposed AS e))"
    )
}
