//! Grants, default privileges and owners, taken out of a schema and compared by themselves. They depend on who ran the
//! files, so that they count less than the schema: what the files give is asked for, what the database has beside that
//! may be the server's own.

mod grant;
mod of_dump;

use self::grant::{ALL, Grant};
use self::of_dump::{OfDump, PUBLIC, one_line};
use super::catalog::Catalog;
use super::ledger::Ledger;
use crate::postgres::quote::literal;
use crate::postgres::server::Server;
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};

/// Who owns what, and who may do what with it. Roles are written as in SQL.
#[derive(Debug)]
pub struct Rights {
    /// `TABLE public.t` and its owner.
    owners: BTreeMap<String, String>,
    /// Statements.
    grants: BTreeSet<String>,
    /// Who runs the files: the ledger's owner, where there is a ledger.
    runner: Option<String>,
}

/// What two databases do not have in common, as statements.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct RightsDifferences {
    /// What only the files give.
    pub missing: Vec<String>,
    /// What only the database has.
    pub extra: Vec<String>,
}

impl RightsDifferences {
    pub fn are_none(&self) -> bool {
        self.missing.is_empty() && self.extra.is_empty()
    }
}

/// The owner of a ledger as SQL writes it; `None` where there is none yet.
///
/// # Errors
/// The server does not answer.
pub fn runner(server: &Server<'_>, ledger: &Ledger) -> Result<Option<String>> {
    let table = literal(&ledger.name()?)?;
    let owner = server.ask(&format!(
        "SELECT pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(c.relowner)) FROM pg_catalog.pg_class AS c \
         WHERE c.oid = pg_catalog.to_regclass({table})"
    ))?;
    Ok(Some(owner.trim().to_owned()).filter(|owner| !owner.is_empty()))
}

impl Rights {
    /// Takes them out of a schema; `runner` runs the files.
    pub fn out_of(schema: &mut Catalog, runner: Option<String>) -> Self {
        let OfDump { owners, grants } = OfDump::out_of(schema);
        Self { owners, grants, runner }
    }

    /// What these rights, which files give, and those of the live database do not have in common.
    pub fn differences(&self, live: &Self) -> RightsDifferences {
        let mut found = RightsDifferences::default();
        for (object, role) in &self.owners {
            let there = live.owners.get(object);
            // What is not there at all is a difference of the schema.
            if there == Some(role) || there.is_none() && object != PUBLIC {
                continue;
            }
            // The role that runs the files owns what they make.
            if self.runner.as_ref() != Some(role) {
                found.missing.push(owned(object, role));
            }
        }
        for (object, role) in &live.owners {
            let here = self.owners.get(object);
            let is_runner = live.runner.as_ref().is_none_or(|runner| runner == role);
            if here != Some(role) && (here.is_some() || object == PUBLIC) && !is_runner {
                found.extra.push(owned(object, role));
            }
        }
        found.missing.extend(self.beyond(live));
        found.extra.extend(live.beyond(self));
        found
    }

    /// The grants that only this one has. An owner needs none.
    fn beyond(&self, other: &Self) -> Vec<String> {
        let there: BTreeSet<&str> = other.grants.iter().map(|grant| other.without_runner(grant)).collect();
        let is_there = |grant: &String| {
            other.grants.contains(grant) || there.contains(self.without_runner(grant)) || other.is_owners(grant)
        };
        let only_here = self.grants.iter().filter(|grant| !is_there(grant));
        only_here.filter_map(|grant| self.without_those_of(grant, other)).map(|grant| one_line(&grant)).collect()
    }

    /// The grant without the privileges that another statement of the other one gives; `None` where none is left. pg_dump
    /// writes all that a role may do with an object in one statement.
    fn without_those_of(&self, grant: &str, other: &Self) -> Option<String> {
        let Some(own) = Grant::of(self.without_runner(grant)) else { return Some(grant.to_owned()) };
        let there = other.grants.iter().filter_map(|grant| Grant::of(other.without_runner(grant)));
        let there: Vec<&str> = there.filter(|it| it.covers(&own)).flat_map(|it| it.privileges).collect();
        let is_given = |privilege: &&str| there.contains(privilege) || there.contains(&ALL);
        let left: Vec<&str> = own.privileges.iter().filter(|privilege| !is_given(privilege)).copied().collect();
        let lead = Grant::of(grant).map_or("", |whole| whole.lead);
        (!left.is_empty()).then(|| format!("{lead}GRANT {} ON {}", left.join(","), own.rest))
    }

    /// Default privileges without the role that runs the files.
    fn without_runner<'g>(&self, grant: &'g str) -> &'g str {
        let lead = self.runner.as_ref().map(|runner| format!("ALTER DEFAULT PRIVILEGES FOR ROLE {runner} "));
        lead.and_then(|lead| grant.strip_prefix(&lead)).unwrap_or(grant)
    }

    /// Whether a grant goes to the role that owns the object here.
    fn is_owners(&self, grant: &str) -> bool {
        let Some((what, to)) = grant.split_once(" ON ").and_then(|(_, rest)| rest.rsplit_once(" TO ")) else {
            return false;
        };
        let to = to.trim_end_matches(';').trim_end_matches(" WITH GRANT OPTION");
        if grant.starts_with("ALTER DEFAULT PRIVILEGES ") {
            return self.runner.as_deref() == Some(to);
        }
        let mut of_name = self.owners.iter().filter(|(object, _)| name(object) == name(what)).peekable();
        match of_name.peek() {
            Some(_) => of_name.any(|(_, role)| role == to),
            // Such as a sequence of an identity column.
            None => self.owners.values().chain(&self.runner).any(|role| role == to),
        }
    }
}

/// `TABLE public.t` without the kind.
fn name(object: &str) -> &str {
    object.trim_start_matches(|letter: char| letter.is_ascii_uppercase() || letter == ' ')
}

fn owned(object: &str, role: &str) -> String {
    one_line(&format!("ALTER {object} OWNER TO {role};"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(dump: &str, runner: Option<&str>) -> (Catalog, Rights) {
        let mut schema = Catalog::parse(dump).unwrap();
        let rights = Rights::out_of(&mut schema, runner.map(str::to_owned));
        (schema, rights)
    }

    fn table(name: &str, owner: &str) -> String {
        format!("--\nCREATE TABLE {name} (\n    a integer\n);\n\n\nALTER TABLE {name} OWNER TO {owner};\n\n")
    }

    #[test]
    fn rights_are_taken_out_of_a_schema_and_nothing_else_is() {
        let (bare, _) = rights("--\nCREATE TABLE public.t (\n    a integer\n);\n\n", None);
        let grants = "--\nREVOKE ALL ON TABLE public.t FROM x;\nSET SESSION AUTHORIZATION y;\nGRANT SELECT ON TABLE public.t TO \
                      z;\nRESET SESSION AUTHORIZATION;\n\n";
        let (schema, found) = rights(&format!("{}{grants}", table("public.t", "\"my x\"")), None);
        assert!(schema.differences(&bare).are_none() && bare.differences(&schema).are_none());
        assert_eq!(found.owners.get("TABLE public.t").unwrap(), "\"my x\"");
        let expected = [
            "REVOKE ALL ON TABLE public.t FROM x;",
            "SET SESSION AUTHORIZATION y; GRANT SELECT ON TABLE public.t TO z;",
        ];
        assert_eq!(found.grants.iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn who_runs_the_files_makes_no_difference() {
        let own = |runner: &str| {
            let defaults = format!("--\nALTER DEFAULT PRIVILEGES FOR ROLE {runner} GRANT SELECT ON TABLES TO z;\n\n");
            rights(&(table("public.t", runner) + &defaults), Some(runner)).1
        };
        assert!(own("x").differences(&own("y")).are_none());
        // Before the first run that role is not known.
        let unknown = rights(&table("public.t", "z"), None).1;
        let found = own("x").differences(&unknown);
        assert_eq!(found.missing, ["ALTER DEFAULT PRIVILEGES FOR ROLE x GRANT SELECT ON TABLES TO z;"]);
        assert!(found.extra.is_empty());
        let mut before = own("x");
        before.runner = None;
        assert!(own("x").differences(&before).are_none());
    }

    #[test]
    fn owners_and_grants_differ_in_both_directions() {
        let given = |owner: &str, grant: &str| rights(&(table("public.t", owner) + grant), Some("x")).1;
        let found = given("app", "").differences(&given("x", ""));
        assert_eq!((found.missing, found.extra), (vec!["ALTER TABLE public.t OWNER TO app;".to_owned()], vec![]));
        let found = given("x", "").differences(&given("app", ""));
        assert_eq!((found.missing, found.extra), (vec![], vec!["ALTER TABLE public.t OWNER TO app;".to_owned()]));
        let grant = "--\nGRANT ALL ON TABLE public.t TO app;\n";
        let found = given("x", grant).differences(&given("x", ""));
        assert_eq!((found.missing, found.extra), (vec!["GRANT ALL ON TABLE public.t TO app;".to_owned()], vec![]));
        assert_eq!(given("x", "").differences(&given("x", grant)).extra.len(), 1);
        // What is granted beside it takes nothing away.
        let more = |privileges: &str| given("x", &format!("--\nGRANT {privileges} ON TABLE public.t TO app;\n"));
        for (files, live, missing) in [
            ("SELECT", "SELECT,INSERT", &[][..]),
            ("SELECT", "ALL", &[]),
            ("SELECT,INSERT", "SELECT", &["GRANT INSERT ON TABLE public.t TO app;"]),
            ("ALL", "SELECT", &["GRANT ALL ON TABLE public.t TO app;"]),
            ("SELECT(a)", "SELECT(b)", &["GRANT SELECT(a) ON TABLE public.t TO app;"]),
        ] {
            assert_eq!(more(files).differences(&more(live)).missing, missing, "{files} beside {live}");
        }
        let option = given("x", "--\nGRANT SELECT ON TABLE public.t TO app WITH GRANT OPTION;\n");
        assert!(more("SELECT").differences(&option).missing.is_empty());
        assert_eq!(option.differences(&more("ALL")).missing.len(), 1);
        // The service made its table itself, and needs no grant.
        let live = rights(&table("public.t", "app"), Some("app")).1;
        assert!(given("x", grant).differences(&live).are_none());
    }
}
