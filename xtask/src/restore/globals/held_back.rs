//! What a file of globals says and no restore does by itself, each with its reason and the statement for a person.

use serde::Serialize;

/// At most this many members are named in a line.
pub(super) const MEMBERS_NAMED: usize = 10;

/// One such thing; in `--json`, version 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldBack {
    /// `SUPERUSER of role boss`.
    pub what: String,
    pub why: String,
    /// What to type so that it is done: `--role boss`.
    pub option: Option<String>,
    /// SQL that does it afterwards.
    pub by_hand: String,
    /// The role that gets it, where it reaches that role's members, too.
    #[serde(skip)]
    pub role: Option<String>,
    /// Roles that this plan makes members of `role`, also by other roles: by hand, they get it, too. Of many,
    /// `MEMBERS_NAMED` and one more.
    pub reaches_members: Vec<String>,
}

impl HeldBack {
    /// In one line.
    pub fn line(&self) -> String {
        let Self { what, why, option, .. } = self;
        let option = option.as_ref().map_or_else(String::new, |option| format!("; with {option} it is done"));
        format!("{what}: {why}{option}")
    }

    /// Who else gets it by hand, in one line.
    pub fn members_line(&self) -> Option<String> {
        let role = self.role.as_ref().filter(|_| !self.reaches_members.is_empty())?;
        let (named, rest) = self.reaches_members.split_at(self.reaches_members.len().min(MEMBERS_NAMED));
        let others = if rest.is_empty() { "" } else { " and others" };
        let members = named.join(", ");
        Some(format!("{}: by hand, members of {role} get it, too: {members}{others}", self.what))
    }
}
