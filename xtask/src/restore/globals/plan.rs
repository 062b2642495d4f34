//! What is made of a file of globals, and what is not.

use super::held_back::{HeldBack, MEMBERS_NAMED};
use super::offer::Offer;
use super::statement;
use crate::error::Fault;
use crate::postgres::globals::{Attribute, Attributes, Globals, LeftOut, Membership, Role, RoleSetting, is_predefined};
use crate::postgres::server::Server;
use crate::restore::preflight::SettingRules;
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};

/// From this version on a membership says by itself whether it inherits and may be acted as.
const MEMBERSHIP_OPTIONS: u32 = 160_000;

/// What a person agreed to on the command line.
#[derive(Debug, Clone, Copy, Default)]
pub struct Consent<'a> {
    /// Roles that get what reaches beyond their grants.
    pub roles: &'a [String],
    /// Settings of roles that not every role may set for itself.
    pub settings: &'a [String],
}

/// A role that is made.
#[derive(Debug)]
pub struct NewRole<'g> {
    pub role: &'g Role,
    /// Those that it gets.
    pub attributes: Attributes,
    pub(super) settings: Vec<&'g RoleSetting>,
}

/// What is made, and what is not.
#[derive(Debug)]
pub struct Plan<'g> {
    pub roles: Vec<NewRole<'g>>,
    /// Roles of the file that the server has: they stay as they are.
    pub existing: Vec<&'g str>,
    pub memberships: Vec<&'g Membership>,
    pub held_back: Vec<HeldBack>,
    pub left_out: &'g [LeftOut],
    pub(super) has_membership_options: bool,
}

/// What the new roles reach beyond themselves.
struct Reach {
    /// Roles whose members reach beyond what they are granted.
    powerful: BTreeSet<String>,
    /// New roles that become members of roles that exist.
    into_existing: BTreeSet<String>,
    /// Every new role, and whether it inherits.
    new: BTreeMap<String, bool>,
}

impl NewRole<'_> {
    /// The settings that it gets.
    pub fn settings(&self) -> &[&RoleSetting] {
        &self.settings
    }
}

impl<'g> Plan<'g> {
    /// Compares the file with the server.
    ///
    /// # Errors
    /// Exit 2: a role that was named is not in the file.
    pub fn draw(server: &Server<'_>, globals: &'g Globals, consent: Consent<'_>) -> Result<Self> {
        for name in consent.roles {
            if !globals.roles.iter().any(|role| role.name.as_str() == name) {
                return Err(Fault::usage(format!("--role {name}: the file has no such role"))
                    .hint("see what the file holds: leave --role away and add --dry-run")
                    .into());
            }
        }
        let offer = Offer::of(server, globals)?;
        let new = || globals.roles.iter().filter(|role| !offer.roles.contains_key(role.name.as_str()));
        let names: BTreeSet<String> =
            new().flat_map(|role| &role.settings).map(|setting| setting.name.to_ascii_lowercase()).collect();
        let rules = SettingRules::of_names(server, &names, consent.settings)?;
        Self::compare(globals, &offer, consent.roles, &|setting| rules.objection(setting, None))
    }

    /// `objection`: why a setting does not go into a role by itself.
    pub(super) fn compare(
        globals: &'g Globals,
        offer: &Offer,
        named: &[String],
        objection: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self> {
        let exists = |role: &&Role| offer.roles.contains_key(role.name.as_str());
        let mut plan = Self {
            roles: Vec::new(),
            existing: globals.roles.iter().filter(exists).map(|role| role.name.as_str()).collect(),
            memberships: Vec::new(),
            held_back: Vec::new(),
            left_out: &globals.left_out,
            has_membership_options: offer.version_num >= MEMBERSHIP_OPTIONS,
        };
        for role in globals.roles.iter().filter(|role| !exists(role)) {
            let is_named = named.iter().any(|name| name == role.name.as_str());
            let attributes = plan.attributes(role, is_named)?;
            let settings = plan.settings(role, objection)?;
            plan.roles.push(NewRole { role, attributes, settings });
        }
        let inherits = |new: &NewRole<'_>| new.attributes.contains(&Attribute::Inherit);
        let mut reach = Reach {
            powerful: plan.powerful(globals, offer, named),
            into_existing: BTreeSet::new(),
            new: plan.roles.iter().map(|new| (new.role.name.to_string(), inherits(new))).collect(),
        };
        reach.into_existing = plan.leading_into_existing(globals, offer, named, &reach);
        for membership in &globals.memberships {
            match plan.objection(membership, offer, named, &reach) {
                None => plan.memberships.push(membership),
                Some(None) => {}
                Some(Some(held_back)) => plan.held_back.push(held_back?),
            }
        }
        plan.name_members();
        Ok(plan)
    }

    /// Names those who get with a role what was held back from it.
    fn name_members(&mut self) {
        let mut members: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for Membership { role, member, .. } in &self.memberships {
            members.entry(role).or_default().push(member);
        }
        for held_back in &mut self.held_back {
            let mut next: Vec<&str> = held_back.role.as_deref().into_iter().collect();
            let mut found = BTreeSet::new();
            while let Some(role) = next.pop().filter(|_| found.len() <= MEMBERS_NAMED) {
                let direct = members.get(role).into_iter().flatten().take(MEMBERS_NAMED + 1);
                next.extend(direct.filter(|member| found.insert(**member)));
            }
            held_back.reaches_members = found.into_iter().take(MEMBERS_NAMED + 1).map(str::to_owned).collect();
        }
    }

    /// Whether there is nothing to make.
    pub fn is_empty(&self) -> bool {
        self.roles.is_empty() && self.memberships.is_empty()
    }

    /// New roles that may log in: the file has no passwords.
    pub fn logins(&self) -> Vec<&'g str> {
        let may_log_in = |new: &&NewRole<'g>| new.attributes.contains(&Attribute::Login);
        self.roles.iter().filter(may_log_in).map(|new| new.role.name.as_str()).collect()
    }

    fn attributes(&mut self, role: &Role, is_named: bool) -> Result<Attributes> {
        let (held_back, attributes): (Attributes, Attributes) =
            role.attributes.iter().partition(|attribute| attribute.is_powerful() && !is_named);
        if !held_back.is_empty() {
            let words: Vec<&str> = held_back.iter().map(|attribute| attribute.word()).collect();
            self.held_back.push(HeldBack {
                what: format!("{} of role {}", words.join(", "), role.name),
                why: "a file alone does not give it".to_owned(),
                option: Some(format!("--role {}", role.name)),
                by_hand: statement::alter(&role.name, &words.join(" "))?,
                role: Some(role.name.to_string()),
                reaches_members: Vec::new(),
            });
        }
        Ok(attributes)
    }

    fn settings(&mut self, role: &'g Role, objection: &dyn Fn(&str) -> Option<String>) -> Result<Vec<&'g RoleSetting>> {
        let mut settings = Vec::new();
        for setting in &role.settings {
            let Some(why) = objection(&setting.name) else {
                settings.push(setting);
                continue;
            };
            self.held_back.push(HeldBack {
                what: format!("setting {} of role {}", setting.name, role.name),
                why,
                option: Some(format!("--allow-setting {}", setting.name)),
                by_hand: statement::set_shown(&role.name, setting)?,
                role: None,
                reaches_members: Vec::new(),
            });
        }
        Ok(settings)
    }

    /// Roles whose members reach beyond what they are granted: the server's own, and those that become so.
    fn powerful(&self, globals: &'g Globals, offer: &Offer, named: &[String]) -> BTreeSet<String> {
        let of_server = offer.roles.iter().filter(|(_, powerful)| **powerful).map(|(name, _)| name.clone());
        let is_powerful = |new: &&NewRole<'_>| new.attributes.iter().any(|attribute| attribute.is_powerful());
        let made = self.roles.iter().filter(is_powerful).map(|new| new.role.name.to_string());
        let mut powerful: BTreeSet<String> = of_server.chain(made).collect();
        loop {
            let before = powerful.len();
            for Membership { role, member, .. } in &globals.memberships {
                let is_of_powerful = is_predefined(role) || powerful.contains(role.as_str());
                if is_of_powerful && named.iter().any(|name| name == member.as_str()) {
                    powerful.insert(member.to_string());
                }
            }
            if powerful.len() == before {
                return powerful;
            }
        }
    }

    /// New roles that become members of roles that exist, directly or by other new roles.
    fn leading_into_existing(
        &self,
        globals: &'g Globals,
        offer: &Offer,
        named: &[String],
        reach: &Reach,
    ) -> BTreeSet<String> {
        let exists = |name: &str| offer.roles.contains_key(name);
        let is_made = |membership: &&Membership| {
            !exists(&membership.member) && self.objection(membership, offer, named, reach).is_none()
        };
        let mut members: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for Membership { role, member, .. } in globals.memberships.iter().filter(is_made) {
            members.entry(role).or_default().push(member);
        }
        let mut next: Vec<&str> = members.keys().copied().filter(|role| exists(role)).collect();
        let mut found = BTreeSet::new();
        while let Some(role) = next.pop() {
            let new = members.get(role).into_iter().flatten().filter(|member| found.insert((**member).to_owned()));
            next.extend(new);
        }
        found
    }

    /// Why a membership is not made: because it is there already (`Some(None)`), or what is shown.
    fn objection(
        &self,
        membership: &Membership,
        offer: &Offer,
        named: &[String],
        reach: &Reach,
    ) -> Option<Option<Result<HeldBack>>> {
        let (role, member) = (membership.role.as_str(), membership.member.as_str());
        let exists = |name: &str| offer.roles.contains_key(name);
        if exists(role) && exists(member) && offer.memberships.contains(&(role.to_owned(), member.to_owned())) {
            return Some(None);
        }
        let is_powerful = is_predefined(role) || reach.powerful.contains(role);
        let is_named = named.iter().any(|name| name == member);
        let (why, option) = if is_predefined(role) && !exists(role) {
            ("this server has no such role", None)
        } else if exists(member) && (exists(role) || is_powerful) {
            ("a role that exists is not changed", None)
        } else if exists(member) && reach.into_existing.contains(role) {
            ("by that role it would get the rights of a role that exists", None)
        } else if is_powerful && !is_named {
            ("a file alone does not give it", Some(format!("--role {member}")))
        } else if !self.has_membership_options && reach.restricts(membership) {
            ("a server before version 16 would give more than the file says", None)
        } else {
            return None;
        };
        let held_back = statement::grant(membership, self.has_membership_options).map(|by_hand| HeldBack {
            what: format!("membership of {member} in {role}"),
            why: why.to_owned(),
            option,
            by_hand,
            role: Some(member.to_owned()),
            reaches_members: Vec::new(),
        });
        Some(Some(held_back.map_err(Into::into)))
    }
}

impl Reach {
    /// Whether the membership gives less than one does on servers that know no options.
    fn restricts(&self, membership: &Membership) -> bool {
        // Of a member that exists it is not known.
        let would_inherit = || self.new.get(membership.member.as_str()).copied().unwrap_or(true);
        membership.set == Some(false) || (membership.inherit == Some(false) && would_inherit())
    }
}
