//! Which roles reach beyond their own objects.

/// True of a role `r` that is, or may act as, a role with rights over the server or over other roles. Files and other
/// roles choose names: no hint asks for a membership in such a role.
pub const POWERFUL: &str = "EXISTS (SELECT FROM pg_catalog.pg_roles AS p WHERE (p.rolsuper OR p.rolcreaterole \
    OR p.rolreplication OR p.rolbypassrls OR pg_catalog.starts_with(p.rolname::pg_catalog.text, 'pg_')) AND pg_catalog.pg_has_role(r.oid, p.oid, 'MEMBER'))";
