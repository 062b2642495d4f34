//! What belongs to the database itself after a restore: the live one's properties, and the backup's wherever the live one
//! has only defaults, as on a new volume.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use super::live::Live;
use super::locale_difference::LocaleDifference;
use super::new_database::NewDatabase;
use super::preflight::{Consent, SettingRules};
use super::property_statements;
use crate::backup::proof::Proven;
use crate::error::Fault;
use crate::postgres::properties::{Assignment, ConnectionLimit, Grant, Properties, Setting, same_grants};
use crate::postgres::quote::{identifier, literals, printable_literal};
use crate::postgres::server::Server;
use crate::postgres::text::Name;
use anyhow::{Context as _, Result};
use std::collections::BTreeSet;

/// The properties of the database that a restore makes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// `None`: neither a live database nor a manifest says anything.
    pub properties: Option<Properties>,
    /// What of them comes from the backup though there is a live database: a line for each, for people.
    pub from_backup: Vec<String>,
    /// Statements that would give the database what the backup has and this restore does not apply; with the reason
    /// behind ` -- ` where the live database has only the default.
    pub not_applied: Vec<String>,
    /// Encoding and locale, where the backup's differ from those that the database gets.
    pub locale_difference: Option<LocaleDifference>,
    /// Roles that must be made for it.
    pub missing_roles: Vec<String>,
}

const NO_ROLE: &str = "there is no such role";

/// What decides over a property of the backup.
struct Bounds<'a> {
    database: &'a str,
    rules: SettingRules<'a>,
    /// Of the roles of the backup and of the live database those that the server has.
    roles: BTreeSet<String>,
    create_roles: bool,
}

/// A merge at work.
struct Draft<'a> {
    bounds: &'a Bounds<'a>,
    now: &'a Properties,
    then: &'a Properties,
    properties: Properties,
    /// Of what the database gets, that which comes from the backup.
    adopted: Properties,
    not_applied: Vec<String>,
    /// The roles that those statements name, in their order.
    named: Vec<String>,
}

impl Merged {
    /// Of an absent database the manifest tells all; what it may say is checked elsewhere.
    ///
    /// # Errors
    /// The server does not answer.
    pub fn draw(live: &Live, backup: &Proven, server: &Server<'_>, consent: Consent<'_>) -> Result<Self> {
        let then = backup.manifest.as_ref().map(|manifest| &manifest.properties);
        let (Some(now), Some(then)) = (&live.properties, then) else {
            let properties = live.properties.as_ref().or(then).cloned();
            return Ok(Self { properties, ..Self::default() });
        };
        let bounds = Bounds {
            database: server.target().database(),
            rules: SettingRules::of(server, then, consent.settings)?,
            roles: existing(&(&then.roles() | &now.roles()), server)?,
            create_roles: consent.create_roles,
        };
        let made = live.made_like(then, server, consent.create_roles)?;
        Ok(Draft::of(&bounds, now, then, made).merge()?)
    }
}

impl Merged {
    /// All that the restore does not apply, as statements.
    ///
    /// # Errors
    /// A name that no statement can hold.
    pub fn all_not_applied(&self, database: &str) -> Result<Vec<String>, Fault> {
        let locale = self.locale_difference.iter().map(|locale| locale.statement(database));
        locale.chain(self.not_applied.iter().cloned().map(Ok)).collect()
    }

    /// Refuses to go on where the backup would give the database other properties than the preview showed.
    ///
    /// # Errors
    /// They differ (1).
    pub fn check_same(&self, now: &Self) -> Result<(), Fault> {
        if (&self.from_backup, &self.not_applied, &self.locale_difference)
            == (&now.from_backup, &now.not_applied, &now.locale_difference)
        {
            return Ok(());
        }
        let message = "The database's own properties changed since the preview; nothing was changed";
        Err(Fault::failed(message).hint("see the new preview: cargo xtask db-restore --dry-run"))
    }
}

/// Those of the roles that the server has.
fn existing(roles: &BTreeSet<String>, server: &Server<'_>) -> Result<BTreeSet<String>> {
    let sql = format!(
        "SELECT COALESCE(pg_catalog.json_agg(rolname), '[]') FROM pg_catalog.pg_roles \
         WHERE rolname = ANY (ARRAY[{}]::pg_catalog.text[])",
        literals(roles.iter().map(String::as_str))?
    );
    serde_json::from_str(server.ask_maintenance(&sql)?.trim()).context("the roles that the server has")
}

impl Bounds<'_> {
    fn lacks(&self, role: &Name) -> bool {
        !self.create_roles && !self.roles.contains(role.as_str())
    }
}

impl<'a> Draft<'a> {
    /// `made`: the live one's properties, with those that an empty database takes from the backup.
    fn of(bounds: &'a Bounds<'a>, now: &'a Properties, then: &'a Properties, made: Properties) -> Self {
        let adopted = Properties {
            grants: None,
            settings: Vec::new(),
            connection_limit: ConnectionLimit::NONE,
            comment: None,
            is_template: false,
            ..made.clone()
        };
        Self { bounds, now, then, properties: made, adopted, not_applied: Vec::new(), named: Vec::new() }
    }

    fn merge(mut self) -> Result<Merged, Fault> {
        let (now, then, database) = (self.now, self.then, self.bounds.database);
        let its_owner = self.owner()?;
        self.grants()?;
        self.settings()?;
        if now.connection_limit == ConnectionLimit::NONE {
            self.adopted.connection_limit = then.connection_limit;
            self.properties.connection_limit = then.connection_limit;
        } else if now.connection_limit != then.connection_limit {
            self.not_applied.push(property_statements::limit(database, then.connection_limit)?);
        }
        if now.comment.is_none() {
            self.adopted.comment.clone_from(&then.comment);
            self.properties.comment.clone_from(&then.comment);
        } else if now.comment != then.comment {
            let comment = then.comment.as_deref().map_or_else(|| Ok("NULL".to_owned()), printable_literal)?;
            self.not_applied.push(format!("COMMENT ON DATABASE {} IS {comment};", identifier(database)?));
        }
        self.adopted.is_template = then.is_template && !now.is_template;
        self.properties.is_template |= then.is_template;
        let (there, live) = (&self.bounds.roles, now.roles());
        let is_missing = |role: &String| !there.contains(role) && !live.contains(role);
        let missing_roles: Vec<String> =
            self.properties.roles().into_iter().filter(is_missing).chain(its_owner).collect();
        let mut first: Vec<String> = Vec::new();
        for role in self.named.iter().filter(|role| is_missing(role) && !missing_roles.contains(role)) {
            let statement = format!("CREATE ROLE {} NOLOGIN;", identifier(role)?);
            if !first.contains(&statement) {
                first.push(statement);
            }
        }
        Ok(Merged {
            missing_roles,
            from_backup: NewDatabase::of(&self.adopted).lines_beside(now),
            locale_difference: LocaleDifference::between(&self.properties, then)?,
            not_applied: first.into_iter().chain(self.not_applied).collect(),
            properties: Some(self.properties),
        })
    }

    /// The statement that gives the database the backup's owner; gives that role where it is to be made.
    fn owner(&mut self) -> Result<Option<String>, Fault> {
        let (owner, bounds) = (&self.then.owner, self.bounds);
        if self.properties.owner == *owner {
            return Ok(None);
        }
        self.named.push(owner.to_string());
        self.not_applied.push(property_statements::set_owner(bounds.database, owner)?);
        let is_made = bounds.create_roles && !bounds.roles.contains(owner.as_str());
        Ok(is_made.then(|| owner.to_string()))
    }

    fn grants(&mut self) -> Result<(), Fault> {
        let (now, then, bounds) = (self.now, self.then, self.bounds);
        let owner = self.properties.owner.clone();
        let of_owner = |grants: Vec<Grant>, old: &Name| -> Vec<Grant> {
            grants.iter().map(|grant| grant.of_owner(old, &owner)).collect()
        };
        let theirs = of_owner(then.all_grants(), &then.owner);
        if now.owner != owner {
            self.properties.grants = self.properties.grants.take().map(|grants| of_owner(grants, &now.owner));
        }
        if !now.has_default_grants() {
            let ours = self.properties.all_grants();
            if !same_grants(&theirs, &ours) {
                // The statement that changes the owner comes first.
                let ours: Vec<Grant> = ours.iter().map(|grant| grant.of_owner(&owner, &then.owner)).collect();
                self.not_applied.extend(replace_grants(bounds.database, &ours, then)?);
                let theirs = then.all_grants();
                self.named.extend(theirs.iter().flat_map(Grant::roles).map(ToString::to_string));
            }
            return Ok(());
        }
        if then.has_default_grants() {
            return Ok(());
        }
        let mut given = Vec::new();
        for grant in theirs {
            if grant.grantee.as_ref().is_some_and(|role| bounds.lacks(role)) {
                let statement = property_statements::give_as_grantor(bounds.database, &grant, &owner)?;
                self.not_applied.push(format!("{statement} -- {NO_ROLE}"));
                self.named.extend(grant.roles().map(ToString::to_string));
            } else if bounds.lacks(&grant.grantor) && grant.grantor != owner {
                given.push(grant.of_owner(&grant.grantor, &owner));
            } else {
                given.push(grant);
            }
        }
        self.adopted.grants = Some(given.clone());
        self.properties.grants = Some(given);
        Ok(())
    }

    fn settings(&mut self) -> Result<(), Fault> {
        let (now, then, database) = (self.now, self.then, self.bounds.database);
        let mut taken = Vec::new();
        for (role, assignment) in assignments(then) {
            let statement = property_statements::set(
                database,
                role,
                &property_statements::without_secret(assignment),
                printable_literal,
            )?;
            if !now.settings.is_empty() {
                if !assignments(now).any(|ours| ours == (role, assignment)) {
                    self.named.extend(role.map(ToString::to_string));
                    self.not_applied.push(statement);
                }
            } else if let Some(why) = self.objection(role, assignment) {
                self.named.extend(role.map(ToString::to_string));
                self.not_applied.push(format!("{statement} -- {why}"));
            } else {
                taken.push(Setting { role: role.cloned(), values: vec![assignment.clone()] });
            }
        }
        for (role, assignment) in assignments(now) {
            let is_same = |theirs: (Option<&Name>, &Assignment)| {
                theirs.0 == role && theirs.1.name.eq_ignore_ascii_case(&assignment.name)
            };
            if !assignments(then).any(is_same) {
                self.not_applied.push(property_statements::reset(database, role, assignment)?);
            }
        }
        if now.settings.is_empty() {
            self.adopted.settings.clone_from(&taken);
            self.properties.settings = taken;
        }
        Ok(())
    }

    /// In words of ours alone: they stand behind ` -- `.
    fn objection(&self, role: Option<&Name>, assignment: &Assignment) -> Option<String> {
        match role.filter(|role| self.bounds.lacks(role)) {
            Some(_) => Some(NO_ROLE.to_owned()),
            None => self.bounds.rules.objection(&assignment.name, role),
        }
    }
}

fn assignments(properties: &Properties) -> impl Iterator<Item = (Option<&Name>, &Assignment)> {
    let settings = properties.settings.iter();
    settings.flat_map(|setting| setting.values.iter().map(|assignment| (setting.role.as_ref(), assignment)))
}

/// `then`: whose grants there are to be.
fn replace_grants(database: &str, ours: &[Grant], then: &Properties) -> Result<Vec<String>, Fault> {
    let grantees: BTreeSet<&Name> = ours.iter().filter_map(|grant| grant.grantee.as_ref()).collect();
    let grantees: Vec<String> = grantees.into_iter().map(|name| identifier(name)).collect::<Result<_, _>>()?;
    let from = std::iter::once("PUBLIC".to_owned()).chain(grantees).collect::<Vec<_>>().join(", ");
    let revoke = format!("REVOKE ALL ON DATABASE {} FROM {from} CASCADE;", identifier(database)?);
    let (theirs, owner) = (then.all_grants(), &then.owner);
    let given = property_statements::in_order(&theirs, owner).into_iter();
    let given = given.map(|grant| property_statements::give_as_grantor(database, grant, owner));
    std::iter::once(Ok(revoke)).chain(given).collect()
}
