//! Where a service of OpenFGA keeps its data, as its flags, variables and files say it.

use super::claims::expanded;
use super::config::Service;
use super::image::ImageKind;
use crate::target::percent;
use std::collections::BTreeMap;

/// What OpenFGA reads of its datastore: the flag, and the variable for the same. The flag wins.
pub(super) const SETTINGS: [(&str, &str); 4] = [
    ("--datastore-engine", "OPENFGA_DATASTORE_ENGINE"),
    ("--datastore-uri", "OPENFGA_DATASTORE_URI"),
    ("--datastore-username", "OPENFGA_DATASTORE_USERNAME"),
    ("--datastore-password", "OPENFGA_DATASTORE_PASSWORD"),
];
const PREFIX: &str = "OPENFGA_DATASTORE_";
/// OpenFGA's word for bringing its tables up to date.
pub(super) const MIGRATE: &str = "migrate";
/// Where the official image has its program.
const PROGRAM: &str = "/openfga";

impl Service {
    /// The words that OpenFGA's program gets.
    fn openfga_words(&self) -> impl Iterator<Item = &str> {
        let words = self.entrypoint.iter().chain(&self.command).map(String::as_str);
        words.skip_while(|word| is_program(word))
    }

    /// Whether it only brings OpenFGA's tables up to date, and ends.
    pub(super) fn only_migrates_openfga(&self) -> bool {
        let is_openfga = match self.product() {
            ImageKind::Openfga => true,
            // A team's own build.
            ImageKind::Unknown => self.environment.keys().any(|name| name.starts_with(PREFIX)),
            ImageKind::Postgres | ImageKind::Other => false,
        };
        is_openfga && self.openfga_words().next() == Some(MIGRATE)
    }

    /// The flags of its command that name its datastore, as variables with their values: what `migrate` gets no other way.
    pub(super) fn datastore_flags(&self) -> Vec<(&'static str, String)> {
        let words = self.words();
        let value = |(flag, variable)| Some((variable, option(&words, flag, &self.environment)?));
        SETTINGS.into_iter().filter_map(value).collect()
    }

    fn datastore_setting(&self, variable: &str) -> Option<String> {
        let flag = self.datastore_flags().into_iter().find(|(name, _)| *name == variable).map(|(_, value)| value);
        flag.or_else(|| self.environment.get(variable).cloned()).filter(|value| !value.is_empty())
    }

    /// Whether OpenFGA keeps its data in PostgreSQL, as far as that is known: a mounted file may say it.
    pub(super) fn may_use_postgres(&self) -> bool {
        let is_config = |path: &str| {
            path.starts_with("/etc/openfga") || path.contains(".openfga") || path.ends_with("/config.yaml")
        };
        match self.datastore_setting("OPENFGA_DATASTORE_ENGINE") {
            Some(engine) => engine == "postgres",
            None => self.mounts(is_config),
        }
    }

    /// The role that OpenFGA logs in as, where flags or variables name it.
    pub(super) fn datastore_role(&self) -> Option<String> {
        let of_address = || {
            let uri = self.datastore_setting("OPENFGA_DATASTORE_URI")?;
            let (login, _) = uri.split_once("://")?.1.split_once('@')?;
            percent::decoded(login.split(':').next()?).ok()
        };
        self.datastore_setting("OPENFGA_DATASTORE_USERNAME").or_else(of_address)
    }

    /// The program that replaces an entry point that would not take `migrate` for its command; `None`: it takes it.
    pub(super) fn entrypoint_to_migrate(&self) -> Option<&str> {
        let is_plain = |word: &&str| word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
        match self.entrypoint.as_slice() {
            [] => None,
            [only] if is_program(only) => None,
            words => {
                let program = words.iter().map(String::as_str).filter(is_plain).find(|word| is_program(word));
                Some(program.unwrap_or(PROGRAM))
            }
        }
    }
}

/// An option's last value, in a command's own words or in those of a text for a shell.
pub(super) fn option(command: &[String], name: &str, environment: &BTreeMap<String, String>) -> Option<String> {
    let mut inner = Vec::new();
    for word in command {
        if word.contains(char::is_whitespace) {
            let words = word.split_whitespace().map(|word| word.trim_matches(['"', '\'', ';']));
            inner.extend(words.map(|word| expanded(word, environment)));
        } else {
            inner.push(word.clone());
        }
    }
    let mut words = inner.iter();
    let mut found = None;
    while let Some(word) = words.next() {
        let value = match word.strip_prefix(name) {
            Some("") => words.next().cloned(),
            Some(rest) => rest.strip_prefix('=').map(|value| value.trim_matches(['"', '\'']).to_owned()),
            None => None,
        };
        found = value.or(found);
    }
    found
}

pub(super) fn is_program(word: &str) -> bool {
    word == "openfga" || word.ends_with(PROGRAM)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(json: serde_json::Value) -> Service {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn only_a_service_whose_openfga_migrates_is_a_one_shot() {
        let is = |image: &str, entrypoint: &[&str], command: &[&str], variable: &str| {
            let environment = serde_json::json!({ variable: "x" });
            service(serde_json::json!({ "image": image, "entrypoint": entrypoint, "command": command, "environment": environment }))
                .only_migrates_openfga()
        };
        assert!(is("openfga/openfga:latest", &[], &["migrate", "--verbose"], "A"));
        assert!(is("openfga/openfga", &["/openfga", "migrate"], &[], "A"));
        assert!(is("openfga/openfga", &[], &["/usr/bin/openfga", "migrate"], "A"));
        assert!(is("team/fga", &[], &["migrate"], "OPENFGA_DATASTORE_ENGINE"));
        assert!(!is("team/app", &[], &["migrate"], "DATABASE_URL"), "another program's migration");
        assert!(!is("postgres:16", &[], &["migrate"], "OPENFGA_DATASTORE_ENGINE"));
        assert!(!is("openfga/openfga", &[], &["run", "migrate"], "A"));
        assert!(!is("openfga/openfga", &["sh", "-c"], &["openfga migrate && openfga run"], "A"));
    }

    #[test]
    fn a_flag_wins_over_its_variable_and_the_last_flag_over_the_first() {
        let both = service(serde_json::json!({
            "image": "openfga/openfga",
            "command": ["run", "--datastore-engine", "postgres", "--datastore-uri=postgres://a%40b:x@db/f", "--datastore-uri",
                "postgres://c%40d:x@db/f?a=b", "--datastore-max-open-conns=5", "--datastore-username"],
            "environment": { "OPENFGA_DATASTORE_ENGINE": "memory", "OPENFGA_DATASTORE_PASSWORD": "env" },
        }));
        let flags =
            [("OPENFGA_DATASTORE_ENGINE", "postgres"), ("OPENFGA_DATASTORE_URI", "postgres://c%40d:x@db/f?a=b")];
        assert_eq!(both.datastore_flags(), flags.map(|(name, value)| (name, value.to_owned())));
        assert!(both.may_use_postgres());
        assert_eq!(both.datastore_role().as_deref(), Some("c@d"));
    }

    #[test]
    fn flags_in_a_text_for_a_shell_count() {
        let text = "exec /openfga run --datastore-engine postgres --datastore-uri \"postgres://fga:$PW@db/f\"";
        let shell =
            service(serde_json::json!({ "entrypoint": ["sh", "-c"], "command": [text], "environment": { "PW": "x" } }));
        assert!(shell.may_use_postgres());
        assert_eq!(shell.datastore_setting("OPENFGA_DATASTORE_URI").as_deref(), Some("postgres://fga:x@db/f"));
        assert_eq!(shell.datastore_role().as_deref(), Some("fga"));
    }

    #[test]
    fn a_datastore_in_memory_is_not_migrated_but_a_mounted_file_may_name_postgres() {
        let memory = service(serde_json::json!({ "image": "openfga/openfga", "command": ["run"] }));
        assert!(!memory.may_use_postgres());
        let mysql = service(serde_json::json!({ "environment": { "OPENFGA_DATASTORE_ENGINE": "mysql" } }));
        assert!(!mysql.may_use_postgres());
        let file = serde_json::json!({ "volumes": [{ "type": "bind", "source": "/h", "target": "/etc/openfga/config.yaml" }] });
        assert!(service(file).may_use_postgres());
    }

    #[test]
    fn an_entry_point_that_takes_no_command_is_replaced_by_openfgas_program() {
        let of = |words: &[&str]| {
            let service = service(serde_json::json!({ "entrypoint": words }));
            service.entrypoint_to_migrate().map(str::to_owned)
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&["/openfga"]), None);
        assert_eq!(of(&["/openfga", "run"]).as_deref(), Some("/openfga"));
        assert_eq!(of(&["tini", "--", "/usr/local/bin/openfga", "run"]).as_deref(), Some("/usr/local/bin/openfga"));
        assert_eq!(of(&["sh", "-c", "x; /openfga"]).as_deref(), Some("/openfga"));
    }
}
