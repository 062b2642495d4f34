//! Asks the catalog what lets a weaker role run code with our login, by way of OpenFGA's program.
//!
//! A role reaches that program in each of these ways. It owns the schema, or may create objects there: it makes what is
//! missing, or a function of a name that is called without a schema, for other types. It owns a relation that OpenFGA uses.
//! It may create triggers or foreign keys on one, or will have that right on each table that our login makes. Its code
//! hangs on one; the relation may have another owner by now. With a path of that one schema, objects in other schemas are
//! not reached.

/// SQL that is true for the role `o` if it lacks rights of our login `me`. Where `me` is no superuser, roles from which it
/// has its own rights are left out.
pub(super) const WEAKER: &str = "NOT o.rolsuper AND NOT pg_catalog.pg_has_role(o.oid, me.oid, 'MEMBER')
  AND (me.rolsuper OR NOT CASE WHEN pg_catalog.current_setting('server_version_num')::pg_catalog.int4 < 160000
    THEN pg_catalog.pg_has_role(me.oid, o.oid, 'MEMBER')
    ELSE pg_catalog.pg_has_role(me.oid, o.oid, 'USAGE') OR pg_catalog.pg_has_role(me.oid, o.oid, 'SET') END)";

/// OpenFGA's relations: six tables and a sequence.
const RELATIONS: &str = "'goose_db_version', 'goose_db_version_id_seq', 'tuple', 'authorization_model', 'store', \
    'assertion', 'changelog'";

/// At most so many are reported. Rights that no role has used are cut first: on a person's own server they are no reason.
const MOST: usize = 20;

/// Weaker roles; `others` has everyone, too, as 0, where one of them can log in here. The owner of the database was looked
/// at: `pg_database_owner` has no other member.
const ROLES: &str = "
  base AS (SELECT d.oid, d.datacl FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()),
  others AS (SELECT w.oid, w.rolname FROM weak AS w UNION ALL SELECT 0, NULL WHERE EXISTS (
    SELECT FROM weak AS w CROSS JOIN base
    WHERE w.rolcanlogin AND pg_catalog.has_database_privilege(w.oid, base.oid, 'CONNECT')))";

/// The schemas of the path that are there, which of them weaker roles may write, and the one where OpenFGA's tables are.
const SCHEMAS: &str = "
  written AS (
    SELECT p.oid, 1 AS place, 'schema' AS kind, w.rolname AS role FROM path AS p JOIN weak AS w ON w.oid = p.nspowner
    UNION SELECT p.oid, 2, 'create', o.rolname FROM path AS p CROSS JOIN LATERAL pg_catalog.aclexplode(p.nspacl) AS a
      JOIN others AS o ON o.oid = a.grantee WHERE a.privilege_type = 'CREATE' AND a.grantee <> p.nspowner),
  home AS (SELECT p.oid, p.nspname FROM path AS p ORDER BY NOT EXISTS (SELECT FROM pg_catalog.pg_class AS c
    WHERE c.relnamespace = p.oid AND c.relname = 'goose_db_version'), p.place LIMIT 1)";

/// What hangs on those relations and runs when they are read or written, and whose code it uses. A view of others on them is
/// nothing that OpenFGA reads.
const PARTS: &str = "
  part AS (
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AS classid, t.oid AS objid FROM own AS t
    UNION SELECT d.classid, d.objid FROM own AS t JOIN pg_catalog.pg_depend AS d
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
        AND p.objid NOT IN (SELECT t.oid FROM own AS t))";

/// One row for each: in which order, what, its object, the role.
const EXPOSED: &str = "
  SELECT w.place, w.kind, pg_catalog.format('%I', h.nspname) AS object, w.role FROM written AS w JOIN home AS h ON h.oid = w.oid
  UNION SELECT 3, 'relation', t.name, w.rolname FROM own AS t JOIN weak AS w ON w.oid = t.relowner
  UNION SELECT 4, 'view', t.name, NULL FROM own AS t WHERE t.relkind NOT IN ('r', 'S') AND EXISTS (SELECT FROM weak)
  UNION SELECT 5, 'privilege', t.name, o.rolname FROM own AS t CROSS JOIN LATERAL (
      SELECT a.grantee, a.privilege_type FROM pg_catalog.aclexplode(t.relacl) AS a UNION ALL
      SELECT a.grantee, a.privilege_type FROM pg_catalog.pg_attribute AS c
        CROSS JOIN LATERAL pg_catalog.aclexplode(c.attacl) AS a WHERE c.attrelid = t.oid) AS a
    JOIN others AS o ON o.oid = a.grantee WHERE a.privilege_type IN ('TRIGGER', 'REFERENCES') AND a.grantee <> t.relowner
  UNION SELECT 5, 'default', CASE e.defaclnamespace WHEN 0 THEN '' ELSE pg_catalog.format(' IN SCHEMA %I', h.nspname) END, o.rolname
    FROM pg_catalog.pg_default_acl AS e JOIN me ON me.oid = e.defaclrole JOIN home AS h ON e.defaclnamespace IN (0, h.oid)
    CROSS JOIN LATERAL pg_catalog.aclexplode(e.defaclacl) AS a JOIN others AS o ON o.oid = a.grantee
    WHERE e.defaclobjtype = 'r' AND a.privilege_type IN ('TRIGGER', 'REFERENCES')
      AND (SELECT pg_catalog.count(*) FROM own AS t WHERE t.relkind = 'r') < 6
  UNION SELECT 6, 'attached', pg_catalog.pg_describe_object(u.classid, u.objid, 0), w.rolname
    FROM used AS u JOIN weak AS w ON w.oid = u.owner
  UNION SELECT 7, 'named', pg_catalog.pg_describe_object('pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, 0), w.rolname
    FROM pg_catalog.pg_proc AS p JOIN home AS h ON h.oid = p.pronamespace JOIN weak AS w ON w.oid = p.proowner
    WHERE EXISTS (SELECT FROM pg_catalog.pg_proc AS b WHERE b.proname = p.proname
      AND b.pronamespace = 'pg_catalog'::pg_catalog.regnamespace)
  UNION SELECT 7, 'named', pg_catalog.pg_describe_object('pg_catalog.pg_operator'::pg_catalog.regclass, p.oid, 0), w.rolname
    FROM pg_catalog.pg_operator AS p JOIN home AS h ON h.oid = p.oprnamespace JOIN weak AS w ON w.oid = p.oprowner
    WHERE EXISTS (SELECT FROM pg_catalog.pg_operator AS b WHERE b.oprname = p.oprname
      AND b.oprnamespace = 'pg_catalog'::pg_catalog.regnamespace)";

/// Asks for what stands in these schemas, literals in the order of the path.
pub(super) fn question(schemas: &str) -> String {
    format!(
        "WITH me AS (SELECT r.oid, r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = session_user),
  weak AS (SELECT o.oid, o.rolname, o.rolcanlogin FROM pg_catalog.pg_roles AS o CROSS JOIN me
    WHERE {WEAKER} AND o.rolname <> 'pg_database_owner'),
  {ROLES},
  path AS (SELECT n.oid, n.nspname, n.nspowner, n.nspacl, p.place
    FROM pg_catalog.unnest(ARRAY[{schemas}]::pg_catalog.text[]) WITH ORDINALITY AS p(name, place)
    JOIN pg_catalog.pg_namespace AS n ON n.nspname = p.name WHERE pg_catalog.has_schema_privilege(n.oid, 'USAGE')),
  {SCHEMAS},
  own AS (SELECT c.oid, c.relkind, c.relowner, c.relacl, pg_catalog.format('%I.%I', h.nspname, c.relname) AS name
    FROM pg_catalog.pg_class AS c JOIN home AS h ON h.oid = c.relnamespace WHERE c.relname IN ({RELATIONS})),
  {PARTS},
  exposed AS (SELECT e.* FROM ({EXPOSED}) AS e
    ORDER BY e.kind IN ('create', 'privilege', 'default'), e.place, e.kind, e.object, e.role LIMIT {MOST})
SELECT pg_catalog.json_build_object('home', (SELECT h.nspname FROM home AS h),
  'open', EXISTS (SELECT FROM written AS w WHERE w.oid NOT IN (SELECT h.oid FROM home AS h)) OR EXISTS (
    SELECT FROM base CROSS JOIN LATERAL pg_catalog.aclexplode(base.datacl) AS a JOIN others AS o ON o.oid = a.grantee
    WHERE a.privilege_type = 'CREATE'),
  'exposed', (SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object('kind', e.kind, 'object', e.object,
    'role', e.role) ORDER BY e.place, e.kind, e.object, e.role), '[]') FROM exposed AS e))"
    )
}
