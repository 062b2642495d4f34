//! The record database: a small database of this role's own that holds nothing but the record. It is made when there is
//! something to record, and goes with the last entry.

use crate::error::{self, Fault};
use crate::postgres::quote::identifier;
use crate::words::shell_word;
use anyhow::{Context as _, Error, Result};
use serde::Deserialize;

/// The record database's name for the role `r`.
macro_rules! record_name {
    () => {
        "'xtask_record_' || CASE WHEN r.rolname ~ '^[A-Za-z0-9_]{1,50}$' THEN r.rolname::pg_catalog.text
    ELSE 'role-' || pg_catalog.to_hex(pg_catalog.hashnameextended(r.rolname, 0)) END"
    };
}

/// The names of the record databases of all roles, as one line of JSON: each belongs to the role that its name tells.
pub(super) const RECORDS: &str = concat!(
    "
SELECT COALESCE(pg_catalog.json_agg(d.datname), '[]') FROM pg_catalog.pg_database AS d
  JOIN pg_catalog.pg_roles AS r ON r.oid = d.datdba AND d.datname = ",
    record_name!()
);

/// One line of JSON, from whichever database: whether this role has a record, and whether it may be trusted. The name
/// is the role's where that is plain, else a hash of it; either is ASCII, so that every database can answer.
pub const QUESTION: &str = concat!(
    "
SELECT pg_catalog.json_build_object('name', n.name, 'database', (
  SELECT pg_catalog.json_build_object(
    'owner', CASE WHEN o.rolname ~ '^[ -~]+$' THEN o.rolname::pg_catalog.text ELSE 'another role' END,
    'own', d.datdba = n.role,
    'open', d.datallowconn,
    'private', d.datacl IS NOT NULL AND NOT EXISTS (
      SELECT FROM pg_catalog.aclexplode(d.datacl) AS a WHERE a.grantee <> d.datdba),
    'plain', d.encoding = pg_catalog.pg_char_to_encoding('UTF8') AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_db_role_setting AS s WHERE s.setdatabase = d.oid))
  FROM pg_catalog.pg_database AS d JOIN pg_catalog.pg_roles AS o ON o.oid = d.datdba
  WHERE d.datname = n.name))
FROM (SELECT r.oid AS role, ",
    record_name!(),
    " AS name
  FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user) AS n"
);

/// What the server says of the record database.
#[derive(Debug, Deserialize)]
pub(super) struct Place {
    pub(super) name: String,
    database: Option<Facts>,
}

#[derive(Debug, Deserialize)]
struct Facts {
    owner: String,
    /// This role owns it.
    own: bool,
    /// It accepts connections: it is complete.
    open: bool,
    /// No other role may connect or make anything there.
    private: bool,
    /// It was made by this program's statement, and has no settings.
    plain: bool,
}

/// How far a record database is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RecordState {
    Absent,
    /// A run was killed while it made it. No other session has been in it.
    Unfinished,
    Complete,
}

impl Place {
    /// Reads the answer to [`QUESTION`].
    pub(super) fn read(answer: &str) -> Result<Self> {
        serde_json::from_str(answer.trim()).context("whether there is a record of this role's databases")
    }

    /// `maintenance` is the database in which a person looks who changed it.
    ///
    /// # Errors
    /// A database of that name is not this role's own, or others may use it.
    pub(super) fn state(&self, maintenance: &str) -> Result<RecordState, Fault> {
        let Some(facts) = &self.database else { return Ok(RecordState::Absent) };
        let name = identifier(&self.name)?;
        if !facts.own {
            let message = format!(
                "The database {} belongs to {}: this role's record of its databases should be there, and that \
                 database is not trusted",
                self.name, facts.owner
            );
            return Err(Fault::failed(message).hint(format!(
                "give it another name, as its owner or a superuser: cargo xtask db-shell, then\n\
                 ALTER DATABASE {name} RENAME TO {};",
                identifier(&format!("not_{}", self.name))?
            )));
        }
        if !facts.open {
            return Ok(RecordState::Unfinished);
        }
        if facts.private && facts.plain {
            return Ok(RecordState::Complete);
        }
        let (what, undo) = if facts.private {
            ("has settings or an encoding of its own", format!("ALTER DATABASE {name} RESET ALL;"))
        } else {
            let others = "-- and from every other role that \\l+ shows";
            ("can be used by other roles", format!("REVOKE ALL ON DATABASE {name} FROM PUBLIC; {others}"))
        };
        let message =
            format!("The database {}, this role's record of its databases, {what}: it is not trusted", self.name);
        Err(Fault::failed(message).hint(format!(
            "see who changed it: cargo xtask db-shell -- -d {maintenance} -c '\\l+ xtask_record*' -c '\\drds'\n\
             to trust it again, as that user: cargo xtask db-shell, then\n{undo}"
        )))
    }

    /// # Errors
    /// This database is the record itself.
    pub(super) fn check_other(&self, database: &str) -> Result<(), Fault> {
        if self.name != database {
            return Ok(());
        }
        Err(Fault::failed(format!("{database} is this program's own record: it cannot be restored or reset")))
    }

    /// What a failure to read it means, where it is no more than a failure.
    pub(super) fn unreadable(&self, error: Error) -> Error {
        error::explain(error, || {
            let fault =
                Fault::failed("This role's record of its databases cannot be read; nothing is changed without it");
            fault.hint(format!(
                "see it: cargo xtask db-shell -- -d {} -c 'TABLE xtask.databases'",
                shell_word(&self.name)
            ))
        })
    }

    /// The statements that make it or complete it, one after the other. No other role can connect before it is private.
    pub(super) fn making(&self, state: RecordState) -> Result<Vec<String>> {
        let name = identifier(&self.name)?;
        let create = format!(
            "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' ALLOW_CONNECTIONS false"
        );
        let complete = [
            format!("REVOKE ALL ON DATABASE {name} FROM PUBLIC"),
            format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"),
        ];
        let first = (state == RecordState::Absent).then_some(create);
        Ok(if state == RecordState::Complete { Vec::new() } else { first.into_iter().chain(complete).collect() })
    }

    /// The statement that removes it. It fails while a session is connected to it.
    pub(super) fn removal(&self) -> Result<String> {
        Ok(format!("DROP DATABASE {}", identifier(&self.name)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn place(own: bool, open: bool, private: bool, plain: bool) -> Place {
        let facts = json!({ "owner": "mallory", "own": own, "open": open, "private": private, "plain": plain });
        Place::read(&json!({ "name": "xtask_record_postgres", "database": facts }).to_string()).unwrap()
    }

    #[test]
    fn only_a_private_database_of_the_roles_own_is_trusted() {
        assert_eq!(place(true, true, true, true).state("postgres").unwrap(), RecordState::Complete);
        assert_eq!(place(true, false, false, true).state("postgres").unwrap(), RecordState::Unfinished);
        let absent = Place::read(r#"{"name": "xtask_record_postgres", "database": null}"#).unwrap();
        assert_eq!(absent.state("postgres").unwrap(), RecordState::Absent);
        for (own, private, plain, words) in [
            (false, true, true, "belongs to mallory"),
            (true, false, true, "can be used by other roles"),
            (true, true, false, "has settings"),
        ] {
            for open in if own { vec![true] } else { vec![true, false] } {
                let fault = place(own, open, private, plain).state("template1").unwrap_err();
                assert!(fault.to_string().contains(words), "{fault}");
                assert!(fault.hint_text().unwrap().contains(if own { " -d template1 -c " } else { "RENAME TO" }));
            }
        }
    }

    #[test]
    fn no_session_connects_before_it_is_private() {
        let place = place(true, false, false, true);
        let [create, revoke, open] = &place.making(RecordState::Absent).unwrap()[..] else {
            panic!("three statements")
        };
        assert!(create.ends_with("ALLOW_CONNECTIONS false") && revoke.starts_with("REVOKE ALL"));
        assert!(open.ends_with("ALLOW_CONNECTIONS true"));
        assert_eq!(place.making(RecordState::Unfinished).unwrap(), [revoke.clone(), open.clone()]);
    }
}
