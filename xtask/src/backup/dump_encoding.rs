//! The encoding of a dump. pg_dump writes in the `client_encoding` that a database or role sets, where none is asked for; a
//! backup is in the database's own encoding, which can hold every letter of it.

use crate::error::{self, Exit};
use crate::postgres::server::Server;
use std::fmt;

/// pg_dump wrote, or would have written, in another encoding. Holds the database's own one, for a second try.
#[derive(Debug)]
pub(super) struct OtherEncoding(pub(super) String);

impl fmt::Display for OtherEncoding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the dump is not in the database's encoding {}", self.0)
    }
}

impl std::error::Error for OtherEncoding {}

/// Where none was asked for, a dump is in the database's own encoding. `opening`: what was read of it. A dump that failed
/// before its beginning was written may have met a letter that the encoding of a setting has not.
pub(super) fn check(
    server: &Server<'_>,
    opening: &[u8],
    failure: Option<&anyhow::Error>,
    own: &str,
) -> Result<(), OtherEncoding> {
    let failed = failure.is_some_and(|error| error::exit(error) == Exit::Failed);
    let is_other = match declared(opening) {
        Some(declared) => declared != own,
        None => failed && is_set(server),
    };
    if is_other { Err(OtherEncoding(own.to_owned())) } else { Ok(()) }
}

/// The encoding that the dump names at its beginning.
fn declared(opening: &[u8]) -> Option<String> {
    const SET: &str = "\nSET client_encoding = '";
    let text = String::from_utf8_lossy(opening);
    let (name, _) = text.split_once(SET)?.1.split_once('\'')?;
    Some(name.to_owned())
}

/// Whether the database or the login has a setting for its sessions' encoding.
fn is_set(server: &Server<'_>) -> bool {
    let sql = "SELECT pg_catalog.count(*) FROM pg_catalog.pg_db_role_setting AS s \
               CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c(setting) \
               WHERE c.setting LIKE 'client_encoding=%' \
               AND s.setrole IN (0, (SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = session_user)) \
               AND s.setdatabase IN (0, (SELECT d.oid FROM pg_catalog.pg_database AS d \
               WHERE d.datname = pg_catalog.current_database()))";
    server.ask(sql).is_ok_and(|count| count.trim() != "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_the_one_of_the_first_setting() {
        let dump = "--\n-- PostgreSQL database dump\n--\n\nSET lock_timeout = 0;\nSET client_encoding = 'LATIN1';\n\
                    SET client_encoding = 'UTF8';\n";
        assert_eq!(declared(dump.as_bytes()).as_deref(), Some("LATIN1"));
        assert_eq!(declared(b"SET client_encodin"), None);
    }
}
