//! Databases that are named like ours but are not proven to be: they are left alone, and a person learns what to type.

use super::evidence::{Database, Doubt};
use super::names::{Purpose, named};
use crate::postgres::quote::identifier;
use crate::words::clean_line;
use anyhow::Result;
use chrono::Local;
use serde::{Serialize, Serializer};

/// A database that bears a name of ours without proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unrecorded {
    pub(super) database: Database,
    /// The live database that it is named after.
    pub(super) live: String,
    pub(super) purpose: Purpose,
    pub(super) doubt: Doubt,
}

impl Unrecorded {
    /// Whether it is named like a previous database.
    pub fn is_previous(&self) -> bool {
        self.purpose == Purpose::Previous
    }

    /// What it is, and why it is left alone, in one line.
    pub fn shown(&self) -> String {
        let Database { name, owner_name, .. } = &self.database;
        let why = match self.doubt {
            Doubt::NoRecord => "there is no record of it",
            Doubt::AnotherDatabase => "another database than the recorded one has this name",
            Doubt::AnotherOwner => "its owner is not the recorded one",
            Doubt::NotBeside => "the record does not fit it",
        };
        format!("{name} (owner {owner_name}) is named like a database of this program, but {why}: it is left alone")
    }

    /// The statements, for psql in another database, that a person needs who knows it to be what its name says. Of a
    /// database of another role there are none: it may hold anything.
    pub fn by_hand(&self) -> Result<Vec<String>> {
        if !self.database.has_known_owner {
            return Ok(Vec::new());
        }
        let name = identifier(&self.database.name)?;
        if !self.is_previous() {
            return Ok(vec![format!("DROP DATABASE {name};")]);
        }
        let live = identifier(&self.live)?;
        let aside = identifier(&named(&self.live, "aside", &Local::now()))?;
        let mut statements = vec![
            format!("ALTER DATABASE {live} RENAME TO {aside};"),
            format!("ALTER DATABASE {name} RENAME TO {live};"),
        ];
        if !self.database.accepts_connections {
            // A run that was killed in its swap closed it, or its owner did.
            statements.push(format!("ALTER DATABASE {live} ALLOW_CONNECTIONS true;"));
        }
        Ok(statements)
    }

    /// The same as a hint.
    pub fn hint(&self, maintenance_database: &str) -> Result<String> {
        if !self.database.has_known_owner {
            return Ok(format!("ask its owner what it is: cargo xtask db-shell -- -d {maintenance_database} -l"));
        }
        let what = if self.is_previous() { "to go back to it by hand" } else { "to drop it, if it is not needed" };
        // A name with a line break in it begins no line of ours.
        let lines: Vec<String> = self.by_hand()?.iter().map(|line| clean_line(line)).collect();
        let lines = lines.join("\n");
        Ok(format!("{what}: cargo xtask db-shell -- -d {maintenance_database}, then\n{lines}"))
    }
}

/// An entry of `not_recorded` in `--json`.
impl Serialize for Unrecorded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Document<'a> {
            name: &'a str,
            database: &'a str,
            owner: &'a str,
            by_hand: Vec<String>,
        }
        let by_hand = self.by_hand().unwrap_or_default();
        let (name, owner) = (&self.database.name, &self.database.owner_name);
        Document { name, database: &self.live, owner, by_hand }.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unrecorded(name: &str, live: &str, purpose: Purpose) -> Unrecorded {
        let database = Database {
            oid: 7,
            name: name.into(),
            owner: 1,
            owner_name: "app".into(),
            has_known_owner: true,
            accepts_connections: true,
            bytes: None,
        };
        Unrecorded { database, live: live.into(), purpose, doubt: Doubt::NoRecord }
    }

    #[test]
    fn the_statements_that_undo_by_hand_are_quoted_and_never_make_a_name_of_ours() {
        let live = "it's \"mine\"";
        let kept = unrecorded("it's \"mine\"_before_20251021_163105", live, Purpose::Previous);
        let [away, back] = &kept.by_hand().unwrap()[..] else { panic!("two statements") };
        let aside = away.strip_prefix(r#"ALTER DATABASE "it's ""mine""" RENAME TO "it's ""mine""_aside_"#).unwrap();
        assert!(aside.ends_with("\";"), "{away}");
        assert_eq!(back, r#"ALTER DATABASE "it's ""mine""_before_20251021_163105" RENAME TO "it's ""mine""";"#);
        assert_eq!(Purpose::suggested(&named(live, "aside", &Local::now()), live), None);
        let mut closed = kept.clone();
        closed.database.accepts_connections = false;
        let last = closed.by_hand().unwrap().pop();
        assert_eq!(last.as_deref(), Some(r#"ALTER DATABASE "it's ""mine""" ALLOW_CONNECTIONS true;"#));
        let mut strange = kept;
        strange.database.has_known_owner = false;
        assert_eq!((strange.by_hand().unwrap().len(), strange.hint("postgres").unwrap().contains("ALTER")), (0, false));
        let left = unrecorded("openfga_staging_20251021_163105", "openfga", Purpose::Staging);
        assert_eq!(left.by_hand().unwrap(), [r#"DROP DATABASE "openfga_staging_20251021_163105";"#]);
    }
}
