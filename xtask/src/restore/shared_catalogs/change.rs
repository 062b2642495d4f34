//! What differs between two readings of the shared catalogs.

use super::entry::{Entry, Kind};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One object that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    kind: Kind,
    /// OIDs of what it is about.
    key: String,
    name: String,
    /// The OID of the database that it is or belongs to.
    database: Option<u32>,
    what: What,
}

/// What a statement does with a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Makes,
    Drops,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Added,
    Removed,
    /// These columns; of settings, their names.
    Altered(Vec<String>),
}

/// Columns in people's words; the others' names tell enough.
const WORDS: [(&str, &str); 18] = [
    ("datname", "name"),
    ("datdba", "owner"),
    ("datacl", "grants"),
    ("datallowconn", "whether it accepts connections"),
    ("datistemplate", "whether it is a template"),
    ("datconnlimit", "connection limit"),
    ("dathasloginevt", "whether its login event triggers fire"),
    ("dattablespace", "tablespace"),
    ("rolname", "name"),
    ("rolsuper", "superuser"),
    ("rolcreaterole", "whether it creates roles"),
    ("rolcreatedb", "whether it creates databases"),
    ("rolcanlogin", "whether it logs in"),
    ("rolreplication", "replication"),
    ("rolbypassrls", "whether it bypasses row security"),
    ("rolpassword", "password"),
    ("spcowner", "owner"),
    ("spcacl", "grants"),
];

pub(super) fn between(
    before: &BTreeMap<(Kind, String), Entry>,
    after: &BTreeMap<(Kind, String), Entry>,
) -> Vec<Change> {
    let change = |(entry, what): (&Entry, What)| Change {
        kind: entry.kind,
        key: entry.key.clone(),
        name: entry.name.clone(),
        database: entry.database,
        what,
    };
    let removed = before.iter().filter(|(key, _)| !after.contains_key(*key)).map(|(_, was)| (was, What::Removed));
    let others = after.iter().filter_map(|(key, now)| match before.get(key) {
        None => Some((now, What::Added)),
        Some(was) => {
            let altered = altered(was, now);
            (!altered.is_empty()).then_some((now, What::Altered(altered)))
        }
    });
    let mut changes: Vec<Change> = removed.chain(others).map(change).collect();
    changes.sort_by(|one, other| (one.kind, &one.name).cmp(&(other.kind, &other.name)));
    changes
}

fn altered(was: &Entry, now: &Entry) -> Vec<String> {
    let differs = |column: &&String| was.columns.get(*column) != now.columns.get(*column);
    let gone = was.columns.keys().filter(|column| !now.columns.contains_key(*column));
    let mut names: Vec<String> = now.columns.keys().filter(differs).chain(gone).cloned().collect();
    names.sort();
    names
}

impl Change {
    /// The OID of a new database that has one of these names.
    pub(super) fn of_new_database(&self, names: &[&str]) -> Option<u32> {
        self.of_database(names).filter(|_| self.what == What::Added)
    }

    /// The OID of a database that has one of these names.
    pub(super) fn of_database(&self, names: &[&str]) -> Option<u32> {
        self.database.filter(|_| self.kind == Kind::Database && names.contains(&self.name.as_str()))
    }

    /// Whether it is something that is gone: no statement brings all of it back.
    pub(super) fn is_removal(&self) -> bool {
        matches!(self.what, What::Removed)
    }

    /// Whether a statement of a dump can do it without any function of the file: `CREATE SUBSCRIPTION` makes a replication origin.
    pub(super) fn is_made_by_statements(&self) -> bool {
        self.kind == Kind::Origin
    }

    /// The name of a role that came or went.
    pub(super) fn role(&self) -> Option<(&str, Verb)> {
        let verb = match self.what {
            What::Added => Verb::Makes,
            What::Removed => Verb::Drops,
            What::Altered(_) => return None,
        };
        (self.kind == Kind::Role).then_some((self.name.as_str(), verb))
    }

    /// Whether it is a membership, a setting or a comment that came or went with this role.
    pub(super) fn goes_with(&self, role: &Self) -> bool {
        let mut oids = self.key.split('/');
        let named = match self.kind {
            Kind::Membership => oids.take(2).any(|oid| oid == role.key),
            Kind::Settings | Kind::Comment | Kind::Label => oids.nth(1) == Some(&role.key),
            _ => false,
        };
        named && self.what == role.what
    }

    /// Whether it is about one of these databases.
    pub(super) fn is_of(&self, databases: &BTreeSet<u32>) -> bool {
        self.database.is_some_and(|oid| databases.contains(&oid))
    }
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Database => "database",
            Kind::Role => "role",
            Kind::Membership => "membership of",
            Kind::Settings => "settings of",
            Kind::Comment => "comment on",
            Kind::Label => "security label on",
            Kind::Tablespace => "tablespace",
            Kind::Parameter => "grants on parameter",
            Kind::Subscription => "subscription",
            Kind::Origin => "replication origin",
        };
        let name = self.name.replace(char::is_control, "?");
        match &self.what {
            What::Added => write!(formatter, "{kind} {name}: new"),
            What::Removed => write!(formatter, "{kind} {name}: gone"),
            What::Altered(columns) => {
                let word = |column: &String| {
                    let known = WORDS.iter().find(|(name, _)| name == column);
                    known.map_or_else(|| column.replace(char::is_control, "?"), |(_, word)| (*word).to_owned())
                };
                let columns: Vec<String> = columns.iter().map(word).collect();
                write!(formatter, "{kind} {name}: changed ({})", columns.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: Kind, key: &str, name: &str, database: Option<u32>, columns: &[(&str, &str)]) -> Entry {
        Entry {
            kind,
            key: key.to_owned(),
            name: name.to_owned(),
            database,
            columns: columns.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned()))).collect(),
        }
    }

    fn catalogs(entries: &[Entry]) -> BTreeMap<(Kind, String), Entry> {
        entries.iter().map(|entry| ((entry.kind, entry.key.clone()), entry.clone())).collect()
    }

    fn words(before: &[Entry], after: &[Entry]) -> Vec<String> {
        between(&catalogs(before), &catalogs(after)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_change_is_named_and_nothing_else() {
        let stays = entry(Kind::Tablespace, "1", "fast", None, &[("spcowner", "a")]);
        let was = [
            stays.clone(),
            entry(Kind::Role, "10", "alice", None, &[("rolsuper", "f"), ("rolpassword", "x"), ("rolname", "a")]),
            entry(Kind::Role, "11", "bob", None, &[]),
            entry(Kind::Settings, "5/0", "database openfga", Some(5), &[("search_path", "a"), ("work_mem", "b")]),
        ];
        let now = [
            stays,
            entry(Kind::Role, "10", "alice", None, &[("rolsuper", "t"), ("rolpassword", "y"), ("rolname", "a")]),
            entry(Kind::Role, "12", "mal\u{1b}lory", None, &[]),
            entry(Kind::Settings, "5/0", "database openfga", Some(5), &[("search_path", "b")]),
            entry(Kind::Comment, "1262/5", "database openfga", Some(5), &[("description", "a")]),
        ];
        let found = words(&was, &now);
        assert_eq!(
            found,
            [
                "role alice: changed (password, superuser)",
                "role bob: gone",
                "role mal?lory: new",
                "settings of database openfga: changed (search_path, work_mem)",
                "comment on database openfga: new",
            ]
        );
        assert_eq!(words(&was, &was), [""; 0]);
    }

    #[test]
    fn a_change_belongs_to_its_database_and_a_role_to_none() {
        let now = [
            entry(Kind::Database, "9", "a_verify", Some(9), &[]),
            entry(Kind::Comment, "1262/9", "database a_verify", Some(9), &[]),
            entry(Kind::Role, "9", "a_verify", None, &[]),
        ];
        let changes = between(&catalogs(&[]), &catalogs(&now));
        let of: Vec<bool> = changes.iter().map(|change| change.is_of(&[9].into())).collect();
        assert_eq!(of, [true, false, true]);
    }
}
