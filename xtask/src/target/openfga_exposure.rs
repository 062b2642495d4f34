//! What would let another role have the program openfga run that role's code with our login's rights.

use super::percent;
use crate::words::{clean_line, shell_word, sql_name};
use serde::Deserialize;

/// What the program would meet in the database, started with our login.
#[derive(Debug, Default)]
pub struct Grounds {
    /// What other roles could use, or have used.
    pub exposed: Vec<Exposure>,
    /// The only schemas that it gets to see; `None`: those that role and database name.
    pub path: Option<PinnedPath>,
}

impl Grounds {
    /// Why the program is not started. A right that no role has used is no reason on this person's own server.
    pub fn reasons(&self, is_on_own_server: bool) -> Vec<&Exposure> {
        self.exposed.iter().filter(|exposure| !(is_on_own_server && exposure.is_right())).collect()
    }

    /// What is said where the program is started although a role has such a right; `None`: there is none.
    pub fn warning(&self, user: &str) -> Option<String> {
        let why = self.exposed.first()?.why();
        let more = match self.exposed.len().saturating_sub(1) {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        Some(format!("OpenFGA runs with the rights of user {user}, and another role could use them: {why}{more}"))
    }
}

/// A `search_path` as a value of the setting: every name in quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedPath(pub String);

impl PinnedPath {
    /// The parameter of an address for OpenFGA's library, which sends it with the login: it wins over role and database.
    pub fn parameter(&self) -> String {
        format!("search_path={}", percent::encoded(&self.0))
    }
}

/// One thing, and the role that could use it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Exposure {
    kind: Kind,
    /// As SQL writes it; of `Attached` and `Named`, as PostgreSQL describes it.
    object: String,
    /// `None`: every role, or not known.
    role: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// The role owns the database.
    Database,
    /// The role owns the schema.
    Schema,
    /// The role may create objects in the schema.
    Create,
    /// The role owns a relation that OpenFGA uses.
    Relation,
    /// A relation that is no table.
    View,
    /// The role may create triggers or foreign keys on a table.
    Privilege,
    /// The role will have that right on the tables that our login makes; the object is where.
    Default,
    /// Code of the role hangs on a table.
    Attached,
    /// A function or operator of the role has a name of PostgreSQL's own.
    Named,
}

impl Exposure {
    /// The database belongs to this role.
    pub fn owned_by(owner: String, database: &str) -> Self {
        Self { kind: Kind::Database, object: sql_name(database), role: Some(owner) }
    }

    /// For people, in a sentence about `database`.
    pub fn why(&self) -> String {
        let (object, role) = (&self.object, shell_word(self.role.as_deref().unwrap_or_default()));
        let who = if self.role.is_some() { format!("role {role}") } else { "every role".to_owned() };
        match self.kind {
            Kind::Database => format!("the database belongs to role {role}"),
            Kind::Schema => format!("schema {object} belongs to role {role}"),
            Kind::Create => format!("{who} may create objects in schema {object}"),
            Kind::Relation => format!("{object} belongs to role {role}"),
            Kind::View => format!("{object} is not a table"),
            Kind::Privilege => format!("{who} may create triggers or foreign keys on {object}"),
            Kind::Default => format!("{who} gets the right to create triggers or foreign keys on new tables"),
            Kind::Attached => format!("{object} uses code of role {role}"),
            Kind::Named => format!("{object} of role {role} has a name of PostgreSQL's own"),
        }
    }

    /// The role that could use it, where that is one.
    pub fn role(&self) -> Option<&str> {
        self.role.as_deref()
    }

    /// The role as which the program may run, since it owns the thing.
    pub fn owner(&self) -> Option<&str> {
        self.role.as_deref().filter(|_| matches!(self.kind, Kind::Database | Kind::Schema | Kind::Relation))
    }

    /// The statement that ends it; `None`: a person has to look at the object and remove it. That of a database runs in
    /// another one.
    pub fn statement(&self, user: &str) -> Option<String> {
        let (object, user) = (&self.object, sql_name(user));
        let role = self.role.as_deref().map_or_else(|| "PUBLIC".to_owned(), sql_name);
        let statement = match self.kind {
            Kind::Database => format!("ALTER DATABASE {object} OWNER TO {user}"),
            Kind::Schema => format!("ALTER SCHEMA {object} OWNER TO {user}"),
            Kind::Create => format!("REVOKE CREATE ON SCHEMA {object} FROM {role}"),
            Kind::Relation => format!("ALTER TABLE {object} OWNER TO {user}"),
            Kind::Privilege => format!("REVOKE TRIGGER, REFERENCES ON TABLE {object} FROM {role}"),
            Kind::Default => format!(
                "ALTER DEFAULT PRIVILEGES FOR ROLE {user}{object} REVOKE TRIGGER, REFERENCES ON TABLES FROM {role}"
            ),
            Kind::View | Kind::Attached | Kind::Named => return None,
        };
        // A name with a line break in it begins no line of ours.
        Some(clean_line(&statement))
    }

    /// Whether the role has a right, and has made nothing yet.
    fn is_right(&self) -> bool {
        matches!(self.kind, Kind::Create | Kind::Privilege | Kind::Default)
    }

    /// Whether it is the database itself.
    pub fn is_database(&self) -> bool {
        self.kind == Kind::Database
    }

    /// What a person looks at and removes.
    pub fn to_remove(&self) -> Option<String> {
        matches!(self.kind, Kind::View | Kind::Attached | Kind::Named).then(|| shell_word(&self.object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_another_role_stays_one_name_on_one_line() {
        let of = |kind: &str, role: Option<&str>| -> Exposure {
            serde_json::from_value(serde_json::json!({ "kind": kind, "object": "\"a\n;b\".store", "role": role }))
                .unwrap()
        };
        let statement = |kind, role| of(kind, role).statement("m\"e").unwrap();
        assert_eq!(statement("relation", Some("r")), "ALTER TABLE \"a\\n;b\".store OWNER TO \"m\"\"e\"");
        assert_eq!(statement("create", None), "REVOKE CREATE ON SCHEMA \"a\\n;b\".store FROM PUBLIC");
        let role = Some("PUBLIC; x");
        assert!(statement("privilege", role).ends_with("ON TABLE \"a\\n;b\".store FROM \"PUBLIC; x\""));
        assert_eq!(of("view", None).statement("me"), None);
        assert_eq!(of("attached", Some("r")).to_remove().as_deref(), Some("$'\"a\\012;b\".store'"));
        assert_eq!((of("schema", Some("r")).owner(), of("create", Some("r")).owner()), (Some("r"), None));
    }

    #[test]
    fn an_unused_right_is_no_reason_on_an_own_server() {
        let of = |kind: &str| {
            serde_json::from_value(serde_json::json!({ "kind": kind, "object": "o", "role": "r" })).unwrap()
        };
        for (kind, is_right) in [
            ("create", true),
            ("privilege", true),
            ("default", true),
            ("database", false),
            ("schema", false),
            ("relation", false),
            ("view", false),
            ("attached", false),
            ("named", false),
        ] {
            let grounds = Grounds { exposed: vec![of(kind)], path: None };
            assert_eq!((grounds.reasons(false).len(), grounds.reasons(true).is_empty()), (1, is_right), "{kind}");
        }
    }

    #[test]
    fn a_path_is_one_parameter_of_an_address() {
        assert_eq!(PinnedPath("\"a&b\"".into()).parameter(), "search_path=%22a%26b%22");
    }
}
