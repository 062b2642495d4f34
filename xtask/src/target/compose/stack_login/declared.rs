//! What a service says of its login: by the names of its image, in variables or in files.

use super::part::{DATABASE, PASSWORD, Part, PartOrigin, USER};
use crate::error::Fault;
use std::collections::BTreeMap;

/// Bitnami's and Red Hat's names for the same, strongest first.
const OTHER_NAMES: [(&str, &[&str]); 3] = [
    (USER, &["POSTGRESQL_USERNAME", "POSTGRESQL_USER"]),
    (PASSWORD, &["POSTGRESQL_PASSWORD"]),
    (DATABASE, &["POSTGRESQL_DATABASE"]),
];
/// The password of the superuser `postgres` beside another user, on Bitnami's image.
const SUPERUSER_PASSWORD: &str = "POSTGRESQL_POSTGRES_PASSWORD";
pub(super) const SUPERUSER: &str = "postgres";

/// What the service says: of its container, or of the Compose files.
pub(in crate::target::compose) struct Declared<'a> {
    pub(in crate::target::compose) service: &'a str,
    pub(in crate::target::compose) environment: &'a BTreeMap<String, String>,
    pub(in crate::target::compose) command: &'a [String],
    /// The content of the file of a `…_FILE` variable; why it cannot be had.
    pub(in crate::target::compose) file: &'a dyn Fn(&str) -> Result<String, String>,
    /// The database that OpenFGA's datastore names.
    pub(in crate::target::compose) of_openfga: Option<Part>,
    /// Whether the server runs. Until then a file inside of its container cannot be read, and nothing logs in.
    pub(in crate::target::compose) runs: bool,
}

impl Declared<'_> {
    /// Whether the image names its variables as Bitnami's does. The official image and those made from it have `PG_MAJOR`.
    pub(super) fn is_bitnami(&self) -> bool {
        let has = |name: &str| self.environment.get(name).is_some_and(|value| !value.is_empty());
        let named = |name: &str| has(name) || has(&format!("{name}_FILE"));
        !has("PG_MAJOR") && OTHER_NAMES.iter().any(|(_, others)| others.iter().any(|name| named(name)))
    }

    /// A setting by the names that the image has for it, from a variable or a file.
    pub(super) fn part(&self, setting: &str) -> Result<Option<Part>, Fault> {
        let others = OTHER_NAMES.iter().find(|(name, _)| *name == setting).map_or(&[][..], |(_, others)| others);
        let others = if self.is_bitnami() { others } else { &[] };
        let mut names = others.iter().copied().chain([setting]);
        let unreadable = |why| {
            let hint = format!("say it in the environment: {setting}=…");
            Fault::failed(why).hint(hint)
        };
        names.find_map(|name| self.variable(name).transpose()).transpose().map_err(unreadable)
    }

    /// The password of this user: the variable of programs inside, then those of the image.
    pub(super) fn password(&self, user: &str) -> Result<Option<Part>, String> {
        if let Some(part) = self.variable("PGPASSWORD")? {
            return Ok(Some(part));
        }
        if user == SUPERUSER
            && self.is_bitnami()
            && let Some(part) = self.variable(SUPERUSER_PASSWORD)?
        {
            return Ok(Some(part));
        }
        self.part(PASSWORD).map_err(|fault| fault.to_string())
    }

    fn variable(&self, name: &str) -> Result<Option<Part>, String> {
        let value = |name: &str| self.environment.get(name).filter(|value| !value.is_empty());
        let part = |name: &str, value: String| {
            let origin = PartOrigin::Variable { service: self.service.to_owned(), name: name.to_owned() };
            (!value.is_empty()).then_some(Part { value, origin })
        };
        if let Some(value) = value(name) {
            return Ok(part(name, value.clone()));
        }
        let file = format!("{name}_FILE");
        let Some(path) = value(&file) else { return Ok(None) };
        let text = (self.file)(path).map_err(|why| {
            format!("{file} of the service {} names {path}, which cannot be read: {why}", self.service)
        })?;
        // As the entry point's shell takes it.
        Ok(part(&file, text.trim_end_matches('\n').to_owned()))
    }
}
