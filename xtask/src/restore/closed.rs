//! Keeps other roles out of a database while it is filled. A role that owns one of its tables could give that table a
//! trigger, which then runs with the rights of the session that loads; and rows would be readable before the grants that
//! protect them are there.

use crate::error::Fault;
use crate::postgres::quote::{identifier, literal};

/// SQL that opens a database made with `ALLOW_CONNECTIONS false` to this role alone.
///
/// A superuser owns it, with the connection limit 0, which counts for all but superusers. Another role takes the right
/// to connect from PUBLIC, and gives the database to `owner`, who must be allowed to make tables there: that role may
/// connect, and so may the roles that are members of it.
pub(super) fn open_for_this_role(name: &str, owner: Option<&str>, tag: &str) -> Result<String, Fault> {
    let database = identifier(name)?;
    let give = match owner {
        Some(owner) => format!("ALTER DATABASE {database} OWNER TO {};", identifier(owner)?),
        None => String::new(),
    };
    Ok(format!(
        "DO {tag} BEGIN\n\
         \x20 IF (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user) THEN\n\
         \x20   ALTER DATABASE {database} CONNECTION LIMIT 0;\n\
         \x20 ELSE\n    REVOKE CONNECT ON DATABASE {database} FROM PUBLIC;\n    {give}\n  END IF;\n\
         \x20 ALTER DATABASE {database} ALLOW_CONNECTIONS true;\nEND {tag};\n"
    ))
}

/// PL/pgSQL that opens it as a new database is open.
pub(super) fn open_for_all(name: &str) -> Result<String, Fault> {
    let database = identifier(name)?;
    Ok(format!(
        "  ALTER DATABASE {database} CONNECTION LIMIT -1;\n\
         \x20 IF EXISTS (SELECT FROM pg_catalog.pg_database AS d WHERE d.datname = {} AND d.datacl IS NOT NULL) THEN\n\
         \x20   GRANT CONNECT ON DATABASE {database} TO PUBLIC;\n  END IF;\n",
        literal(name)?
    ))
}
