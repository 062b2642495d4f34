//! What a backup's manifest gives a database that does not exist yet: shown before the question.

use crate::postgres::properties::{ConnectionLimit, Grant, LocaleProvider, Properties};
use crate::settings;
use serde::Serialize;

/// The properties of the new database; in `--json`, version 1.
#[derive(Debug, Serialize)]
pub struct NewDatabase<'a> {
    owner: &'a str,
    encoding: &'a str,
    locale_provider: LocaleProvider,
    collate: &'a str,
    ctype: &'a str,
    locale: Option<&'a str>,
    /// As people read them; null: the server's defaults.
    grants: Option<Vec<String>>,
    settings: Vec<Setting<'a>>,
    /// -1: no limit.
    connection_limit: ConnectionLimit,
    comment: Option<&'a str>,
    is_template: bool,
}

#[derive(Debug, Serialize)]
struct Setting<'a> {
    name: &'a str,
    /// `***` where the name says that it is a secret.
    value: &'a str,
    /// Null: for all roles.
    role: Option<&'a str>,
}

impl<'a> NewDatabase<'a> {
    /// Of a database that does not exist yet.
    pub fn of(properties: &'a Properties) -> Self {
        let grants = properties.grants.as_ref().map(|grants| grants.iter().map(Grant::to_string).collect());
        let settings = properties.settings.iter().flat_map(|setting| {
            setting.values.iter().map(|assignment| {
                let is_secret = settings::is_secret(&assignment.name.to_ascii_uppercase());
                let value = if is_secret { "***" } else { assignment.value.as_str() };
                Setting { name: &assignment.name, value, role: setting.role.as_deref() }
            })
        });
        Self {
            owner: &properties.owner,
            encoding: &properties.encoding,
            locale_provider: properties.locale_provider,
            collate: &properties.collate,
            ctype: &properties.ctype,
            locale: properties.locale.as_deref(),
            grants,
            settings: settings.collect(),
            connection_limit: properties.connection_limit,
            comment: properties.comment.as_deref(),
            is_template: properties.is_template,
        }
    }

    /// What people must know: a line for each property that is not the usual one.
    pub fn lines(&self) -> Vec<String> {
        [vec![self.owner_line(), self.encoding_line()], self.own_lines()].concat()
    }

    /// The same of what differs from a database that exists: of the others none is the usual one.
    pub(super) fn lines_beside(&self, other: &Properties) -> Vec<String> {
        let other = NewDatabase::of(other);
        let mut lines = vec![self.owner_line(), self.encoding_line()];
        let others = [other.owner_line(), other.encoding_line()];
        lines.retain(|line| !others.contains(line));
        lines.extend(self.own_lines());
        lines
    }

    fn owner_line(&self) -> String {
        format!("Owner:       {}", self.owner)
    }

    fn encoding_line(&self) -> String {
        let locale = self.locale.map_or_else(String::new, |locale| format!(", {locale}"));
        format!("Encoding:    {}, collate {}, ctype {}{locale}", self.encoding, self.collate, self.ctype)
    }

    fn own_lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        lines.extend(self.grants.iter().flatten().map(|grant| format!("Grant:       {grant}")));
        lines.extend(self.settings.iter().map(|setting| {
            let role = setting.role.map_or_else(String::new, |role| format!(", for role {role}"));
            format!("Setting:     {} = {}{role}", setting.name, setting.value)
        }));
        if self.connection_limit != ConnectionLimit::NONE {
            lines.push(format!("Connections: at most {}", self.connection_limit));
        }
        if self.is_template {
            lines.push("Template:    roles that may create databases may copy it".to_owned());
        }
        lines.extend(self.comment.map(|comment| format!("Comment:     {comment}")));
        lines
    }
}
