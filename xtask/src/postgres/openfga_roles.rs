//! Which roles could use what belongs to a role or was granted to it, without all rights of our login.

/// The start of a query, after `WITH RECURSIVE`. `me` is our login.
///
/// `strong` roles have all its rights: each can become a superuser or our login by SET ROLE, at once or after it has
/// granted itself that role. Before 16 every membership allows SET ROLE, and CREATEROLE grants every role but superusers.
/// From 16 on a membership may allow nothing; rights without SET ROLE lack the role's attributes.
///
/// `weak` are the other roles that can log in. `reach` says which roles each of them has something of, at any distance.
///
/// `able` has a row for each role that is weaker or serves a weaker one: `member` is that one, NULL is the role itself.
/// A role that cannot log in counts itself, too, where our login does not have its rights: it may come to log in. The
/// owner of the database is asked for by name; `pg_database_owner` has no other member.
pub(super) const ABLE: &str = "me AS (SELECT r.oid, r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = session_user),
  server AS (SELECT pg_catalog.current_setting('server_version_num')::pg_catalog.int4 < 160000 AS is_old),
  strong AS MATERIALIZED (
    SELECT DISTINCT o.oid FROM pg_catalog.pg_roles AS o CROSS JOIN me CROSS JOIN server
      JOIN pg_catalog.pg_roles AS s ON s.rolsuper OR s.oid = me.oid OR server.is_old AND s.rolcreaterole AND NOT me.rolsuper
    WHERE CASE WHEN server.is_old THEN pg_catalog.pg_has_role(o.oid, s.oid, 'MEMBER')
      ELSE pg_catalog.pg_has_role(o.oid, s.oid, 'SET') OR NOT s.rolsuper AND EXISTS (
        SELECT FROM pg_catalog.pg_auth_members AS m WHERE m.roleid = s.oid AND m.admin_option AND (
          pg_catalog.pg_has_role(o.oid, m.member, 'USAGE') OR pg_catalog.pg_has_role(o.oid, m.member, 'SET'))) END),
  weak AS MATERIALIZED (SELECT o.oid, o.rolname FROM pg_catalog.pg_roles AS o
    WHERE o.rolcanlogin AND o.oid NOT IN (SELECT s.oid FROM strong AS s)),
  grants AS MATERIALIZED (SELECT m.roleid, m.member, m.grantor FROM pg_catalog.pg_auth_members AS m WHERE m.admin_option
    OR COALESCE((pg_catalog.to_jsonb(m.*) ->> 'inherit_option')::pg_catalog.bool, true)
    OR COALESCE((pg_catalog.to_jsonb(m.*) ->> 'set_option')::pg_catalog.bool, true)),
  reach AS (SELECT w.oid AS login, w.oid AS role FROM weak AS w
    UNION SELECT r.login, g.roleid FROM reach AS r JOIN grants AS g ON g.member = r.role),
  able AS MATERIALIZED (
    SELECT o.oid, o.rolname AS role, CASE WHEN i.itself THEN NULL ELSE b.member END AS member
    FROM pg_catalog.pg_roles AS o CROSS JOIN me CROSS JOIN server
      LEFT JOIN (SELECT r.role, pg_catalog.min(w.rolname::pg_catalog.text) AS member
        FROM reach AS r JOIN weak AS w ON w.oid = r.login GROUP BY r.role) AS b ON b.role = o.oid
      CROSS JOIN LATERAL (SELECT o.oid NOT IN (SELECT s.oid FROM strong AS s) AND (o.rolcanlogin OR me.rolsuper
        OR NOT CASE WHEN server.is_old THEN pg_catalog.pg_has_role(me.oid, o.oid, 'MEMBER')
          ELSE pg_catalog.pg_has_role(me.oid, o.oid, 'USAGE') OR pg_catalog.pg_has_role(me.oid, o.oid, 'SET') END)) AS i(itself)
    WHERE o.rolname <> 'pg_database_owner' AND (i.itself OR b.member IS NOT NULL))";

/// Through which direct member of our login the member that `able` names for it has its rights; NULL where there is none. From
/// 16 on a membership is taken away as the one who granted it; the first superuser is whom a superuser stands for.
pub(super) const CARRIER: &str = "(SELECT pg_catalog.json_build_object('member', d.rolname, 'grantor',
      CASE WHEN NOT server.is_old AND g.grantor <> 10 THEN pg_catalog.pg_get_userbyid(g.grantor) END)
    FROM me CROSS JOIN server JOIN able AS a ON a.oid = me.oid JOIN grants AS g ON g.roleid = me.oid
      JOIN pg_catalog.pg_roles AS d ON d.oid = g.member JOIN reach AS r ON r.role = g.member
      JOIN weak AS w ON w.oid = r.login AND w.rolname = a.member
    ORDER BY d.rolname, g.grantor LIMIT 1)";
