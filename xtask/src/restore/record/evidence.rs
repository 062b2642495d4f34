//! What proves that a database is one that this role's runs made. Nothing else is ever dropped, renamed or swapped in.

use super::entry::Entry;
use super::names::Purpose;
use crate::postgres::quote::{identifier, literal};
use anyhow::Result;
use serde::Deserialize;

/// A database as the server has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Database {
    pub oid: u32,
    pub name: String,
    /// The role's OID.
    pub owner: u32,
    pub owner_name: String,
    /// Whether its owner is this role, or the live database's.
    #[serde(default)]
    pub has_known_owner: bool,
    pub accepts_connections: bool,
    /// On the server's disk; `None` where this role may not know it.
    pub bytes: Option<u64>,
}

/// A database that the record proves to be made by this role's runs: OID, name and owner are the recorded ones, the
/// name fits its purpose, and it is no live one. Only [`judge`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedDatabase {
    id: i64,
    oid: u32,
    name: String,
    owner: u32,
}

/// What the record and the server together say of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Owned(OwnedDatabase),
    /// There is no such database (any more).
    Gone,
    /// A database bears the name, but it is not proven to be the recorded one.
    Doubtful(Doubt),
}

/// Why a database that is named like one of ours is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// This role has no record of it.
    NoRecord,
    /// Another database than the recorded one bears the name.
    AnotherDatabase,
    /// Another role owns it than the recorded one.
    AnotherOwner,
    /// It has a live database's name or OID, or a name that fits no purpose, or its entry is not understood.
    NotBeside,
}

/// Judges an entry by what the server has: `databases` holds at least those whose OID or name an entry of `record` has.
/// `role` is this session's role; `live` is the database that this run works on.
pub fn judge(entry: &Entry, record: &[Entry], databases: &[Database], role: u32, live: &str) -> Verdict {
    let named = databases.iter().find(|database| database.name == entry.name);
    let found = match entry.oid {
        Some(oid) => databases.iter().find(|database| database.oid == oid && database.name == entry.name),
        // The name was recorded and the run killed. Owned by this role the database can only be this role's own work.
        None => named.filter(|database| {
            let recorded = record.iter().any(|other| other.oid == Some(database.oid));
            database.owner == role && entry.live_oid != Some(database.oid) && !recorded
        }),
    };
    let Some(database) = found else {
        return named.map_or(Verdict::Gone, |_| Verdict::Doubtful(Doubt::AnotherDatabase));
    };
    let live_oid = databases.iter().find(|database| database.name == entry.live).map(|database| database.oid);
    if entry.details.is_unknown
        || !entry.purpose.fits(&entry.name, &entry.live)
        || [&entry.live, live].contains(&entry.name.as_str())
        || live_oid == Some(database.oid)
    {
        return Verdict::Doubtful(Doubt::NotBeside);
    }
    if database.owner != entry.owner {
        return Verdict::Doubtful(Doubt::AnotherOwner);
    }
    Verdict::Owned(OwnedDatabase {
        id: entry.id,
        oid: database.oid,
        name: database.name.clone(),
        owner: database.owner,
    })
}

impl OwnedDatabase {
    /// Its entry in the record.
    pub fn id(&self) -> i64 {
        self.id
    }

    pub fn oid(&self) -> u32 {
        self.oid
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// A PL/pgSQL statement that fails unless record and server still say what proved it. For the statement that
    /// follows in the same session.
    pub(in crate::restore) fn assertion(&self) -> Result<String> {
        let Self { id, oid, name, owner } = self;
        let name = literal(name)?;
        Ok(format!(
            "IF NOT EXISTS (SELECT FROM xtask.databases AS r JOIN pg_catalog.pg_database AS d ON d.datname = {name} \
             WHERE r.id = {id} AND r.name = {name} AND COALESCE(r.oid, d.oid) = d.oid AND d.oid = {oid} \
             AND d.oid IS DISTINCT FROM r.live_oid AND r.owner = d.datdba AND d.datdba = {owner} AND r.live <> {name}) \
             THEN RAISE EXCEPTION 'the database % is no longer the recorded one', {name}; END IF;"
        ))
    }

    /// Its name as SQL writes it.
    pub(in crate::restore) fn quoted(&self) -> Result<String> {
        Ok(identifier(&self.name)?)
    }
}

impl Purpose {
    /// Whether a database of this purpose stands beside the live one; else the entry is about the live one itself.
    pub fn is_beside(self) -> bool {
        matches!(self, Self::Verify | Self::Staging | Self::Previous)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::restore::record::entry::Details;
    use std::sync::Arc;

    const ROLE: u32 = 10;
    const APP: u32 = 16_384;

    fn entry(purpose: Purpose, name: &str, oid: Option<u32>, owner: u32) -> Entry {
        Entry {
            id: 1,
            purpose,
            live: "openfga".into(),
            name: name.into(),
            oid,
            owner,
            live_oid: Some(1),
            run: "xtask-0123456789ab".into(),
            at: "2025-10-21T16:31:05+02:00".into(),
            details: Arc::new(Details::default()),
            details_at: None,
            alive: false,
        }
    }

    fn database(oid: u32, name: &str, owner: u32) -> Database {
        let (name, owner_name) = (name.into(), owner.to_string());
        Database { oid, name, owner, owner_name, has_known_owner: true, accepts_connections: true, bytes: None }
    }

    fn verdict(entry: &Entry, databases: &[Database]) -> Verdict {
        judge(entry, std::slice::from_ref(entry), databases, ROLE, "openfga")
    }

    const NAME: &str = "openfga_before_20251021_163105";

    #[test]
    fn oid_name_and_owner_prove_it_together() {
        let recorded = entry(Purpose::Previous, NAME, Some(7), APP);
        let owned = verdict(&recorded, &[database(1, "openfga", APP), database(7, NAME, APP)]);
        assert!(matches!(&owned, Verdict::Owned(owned) if (owned.oid, owned.name.as_str()) == (7, NAME)), "{owned:?}");
        for (databases, expected) in [
            (vec![], Verdict::Gone),
            (vec![database(7, "renamed", APP)], Verdict::Gone),
            (vec![database(8, NAME, APP)], Verdict::Doubtful(Doubt::AnotherDatabase)),
            (vec![database(8, NAME, APP), database(7, "x", APP)], Verdict::Doubtful(Doubt::AnotherDatabase)),
            (vec![database(7, NAME, ROLE)], Verdict::Doubtful(Doubt::AnotherOwner)),
        ] {
            assert_eq!(verdict(&recorded, &databases), expected, "{databases:?}");
        }
    }

    #[test]
    fn the_live_database_is_never_owned() {
        for (purpose, name) in [
            (Purpose::Previous, "openfga"),
            (Purpose::Staging, "openfga"),
            (Purpose::First, "openfga"),
            (Purpose::Unknown, NAME),
            (Purpose::Staging, NAME),
            (Purpose::Previous, "another_before_20251021_163105"),
        ] {
            let recorded = entry(purpose, name, Some(7), ROLE);
            assert_eq!(verdict(&recorded, &[database(7, name, ROLE)]), Verdict::Doubtful(Doubt::NotBeside), "{name}");
        }
        // A kept database may be the live one of another run.
        let recorded = entry(Purpose::Previous, NAME, Some(7), ROLE);
        let seen_there = judge(&recorded, &[], &[database(7, NAME, ROLE)], ROLE, NAME);
        assert_eq!(seen_there, Verdict::Doubtful(Doubt::NotBeside));
    }

    #[test]
    fn a_name_without_an_oid_needs_a_database_that_this_role_owns_and_nothing_else_explains() {
        let name = "openfga_staging_20251021_163105";
        let recorded = entry(Purpose::Staging, name, None, ROLE);
        assert_eq!(verdict(&recorded, &[]), Verdict::Gone);
        assert!(matches!(verdict(&recorded, &[database(7, name, ROLE)]), Verdict::Owned(_)));
        let doubtful = Verdict::Doubtful(Doubt::AnotherDatabase);
        assert_eq!(verdict(&recorded, &[database(7, name, APP)]), doubtful);
        // The live database, renamed to it by another session.
        assert_eq!(verdict(&recorded, &[database(1, name, ROLE)]), doubtful);
        let other = entry(Purpose::Previous, NAME, Some(7), ROLE);
        assert_eq!(judge(&recorded, &[other], &[database(7, name, ROLE)], ROLE, "openfga"), doubtful);
    }
}
