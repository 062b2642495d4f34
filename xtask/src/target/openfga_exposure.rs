//! What would let another role have the program openfga run that role's code with our login's rights.

use super::percent;
use crate::words::{clean_line, shell_word, sql_name};
use serde::Deserialize;

/// What the program would meet in the database, started with our login.
#[derive(Debug, Default)]
pub struct Grounds {
    /// What other roles could use, or have used.
    pub exposed: Vec<Exposure>,
    /// The only schema that it gets to see: that of its tables. `None`: the database itself is exposed, and it is not started.
    pub path: Option<PinnedPath>,
}

impl Grounds {
    /// Without what the version that this program knows never calls, where the program is of that version.
    #[must_use]
    pub fn of_version(mut self, is_pinned: impl FnOnce() -> bool) -> Self {
        if self.exposed.iter().any(|exposure| !exposure.called) && is_pinned() {
            self.exposed.retain(|exposure| exposure.called);
        }
        self
    }

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
    /// The owner, or who was granted it; `None`: every role, or not known.
    role: Option<String>,
    /// The member of that role that could use it; `None`: the role itself.
    member: Option<String>,
    /// Whether the version of OpenFGA that this program knows calls it.
    called: bool,
    /// How that member has the rights of our login.
    #[serde(skip)]
    carrier: Option<Carrier>,
}

/// The direct membership in our login through which another role has its rights.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Carrier {
    member: String,
    /// Who granted it, where that must be said.
    grantor: Option<String>,
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
    /// The role owns a schema, or a relation in it, and another schema of the path has OpenFGA's tables, too.
    Planted,
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
    /// The database belongs to this role, which is weaker than our login itself or has this member that is.
    pub fn owned_by(owner: String, member: Option<String>, database: &str) -> Self {
        Self {
            kind: Kind::Database,
            object: sql_name(database),
            role: Some(owner),
            member,
            called: true,
            carrier: None,
        }
    }

    /// The same, where this membership carries what a member of our login has.
    #[must_use]
    pub fn carried_by(self, carrier: Option<&Carrier>) -> Self {
        Self { carrier: carrier.cloned(), ..self }
    }

    /// For people, in a sentence about `database`.
    pub fn why(&self) -> String {
        let (object, role) = (&self.object, shell_word(self.role.as_deref().unwrap_or_default()));
        if let Some(member) = &self.member {
            return self.why_of(&format!("role {}, a member of {role},", shell_word(member)));
        }
        let who = if self.role.is_some() { format!("role {role}") } else { "every role".to_owned() };
        match self.kind {
            Kind::Database => format!("the database belongs to role {role}"),
            Kind::Schema => format!("schema {object} belongs to role {role}"),
            Kind::Relation => format!("{object} belongs to role {role}"),
            Kind::Attached => format!("{object} uses code of role {role}"),
            Kind::Named => format!("{object} of role {role} has a name of PostgreSQL's own"),
            Kind::Planted => {
                format!("{object} belongs to role {role}, and another schema of the path has OpenFGA's tables, too")
            }
            Kind::Create | Kind::View | Kind::Privilege | Kind::Default => self.why_of(&who),
        }
    }

    /// In a sentence whose subject is the role that could use it.
    fn why_of(&self, who: &str) -> String {
        let object = &self.object;
        match self.kind {
            Kind::Database => format!("{who} owns the database"),
            Kind::Schema => format!("{who} owns schema {object}"),
            Kind::Create => format!("{who} may create objects in schema {object}"),
            Kind::Relation => format!("{who} owns {object}"),
            Kind::Planted => format!("{who} owns {object}, and another schema of the path has OpenFGA's tables, too"),
            Kind::View => format!("{object} is not a table"),
            Kind::Privilege => format!("{who} may create triggers or foreign keys on {object}"),
            Kind::Default => format!("{who} gets the right to create triggers or foreign keys on new tables"),
            Kind::Attached => format!("{who} owns code that {object} uses"),
            Kind::Named => format!("{who} owns {object}, which has a name of PostgreSQL's own"),
        }
    }

    /// The role that has it, where that is one.
    pub fn role(&self) -> Option<&str> {
        self.role.as_deref()
    }

    /// The role as which the program may run, since it owns the thing.
    pub fn owner(&self) -> Option<&str> {
        let is_own = self.member.is_none() && matches!(self.kind, Kind::Database | Kind::Schema | Kind::Relation);
        self.role.as_deref().filter(|_| is_own)
    }

    /// The statement that ends it; `None`: a person has to look at the object and remove it. That of a database runs in
    /// another one.
    pub fn statement(&self, user: &str) -> Option<String> {
        if let Some(member) = self.member.as_deref().filter(|_| self.role.as_deref() == Some(user)) {
            let carrier = self.carrier.as_ref();
            let member = carrier.map_or(member, |carrier| &carrier.member);
            let grantor = carrier.and_then(|carrier| carrier.grantor.as_deref());
            let by = grantor.map(|grantor| format!(" GRANTED BY {}", sql_name(grantor))).unwrap_or_default();
            return Some(clean_line(&format!("REVOKE {} FROM {}{by}", sql_name(user), sql_name(member))));
        }
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
            Kind::Planted | Kind::View | Kind::Attached | Kind::Named => return None,
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

    /// What hides the tables of another schema: a person removes it, and takes it over in no case.
    pub fn planted(&self) -> Option<String> {
        (self.kind == Kind::Planted).then(|| shell_word(&self.object))
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
            serde_json::from_value(
                serde_json::json!({ "kind": kind, "object": "\"a\n;b\".store", "role": role, "called": true }),
            )
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
    fn a_member_is_named_with_its_role() {
        let of = |kind: &str| -> Exposure {
            let all =
                serde_json::json!({ "kind": kind, "object": "o", "role": "my apps", "member": "web", "called": true });
            serde_json::from_value(all).unwrap()
        };
        let (schema, create) = (of("schema"), of("create"));
        assert_eq!(schema.why(), "role web, a member of 'my apps', owns schema o");
        assert_eq!(create.why(), "role web, a member of 'my apps', may create objects in schema o");
        // That role may have no password to run as; the right is taken from whom it was given to.
        assert_eq!(schema.owner(), None);
        assert_eq!(create.statement("me").unwrap(), "REVOKE CREATE ON SCHEMA o FROM \"my apps\"");
        assert_eq!(create.statement("my apps").unwrap(), "REVOKE \"my apps\" FROM \"web\"");
        // A member of a member: what the login itself gave is taken from the one it gave it to.
        let carrier = |grantor: Option<&str>| Carrier { member: "g".to_owned(), grantor: grantor.map(str::to_owned) };
        let of = |grantor| of("schema").carried_by(Some(&carrier(grantor)));
        assert_eq!(of(None).statement("my apps").unwrap(), "REVOKE \"my apps\" FROM \"g\"");
        assert_eq!(of(Some("b")).statement("my apps").unwrap(), "REVOKE \"my apps\" FROM \"g\" GRANTED BY \"b\"");
        assert_eq!(of(None).statement("me").unwrap(), "ALTER SCHEMA o OWNER TO \"me\"");
    }

    #[test]
    fn what_the_known_version_never_calls_counts_for_other_versions() {
        let of = |called: bool| {
            let named = serde_json::json!({ "kind": "named", "object": "o", "role": "r", "called": called });
            Grounds { exposed: vec![serde_json::from_value(named).unwrap()], path: None }
        };
        for (called, is_pinned, left) in [(true, true, 1), (true, false, 1), (false, true, 0), (false, false, 1)] {
            assert_eq!(of(called).of_version(|| is_pinned).exposed.len(), left, "{called} {is_pinned}");
        }
        // The program is asked only where that decides.
        assert_eq!(of(true).of_version(|| unreachable!()).exposed.len(), 1);
    }

    #[test]
    fn an_unused_right_is_no_reason_on_an_own_server() {
        let of = |kind: &str| {
            serde_json::from_value(serde_json::json!({ "kind": kind, "object": "o", "role": "r", "called": true }))
                .unwrap()
        };
        for (kind, is_right) in [
            ("create", true),
            ("privilege", true),
            ("default", true),
            ("database", false),
            ("schema", false),
            ("relation", false),
            ("planted", false),
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
