//! Which databases a service names: in its variables and in the words of its command, by the ways in which programs are
//! configured. Values are input and hold secrets: none is ever shown.

use super::claims_in_text::{Claim, of_text};
use super::server_names::Host;
use std::collections::BTreeMap;

/// How the names of variables end that name a host.
const HOST_ENDS: [&str; 8] = ["HOSTNAME", "HOSTADDR", "HOST", "SERVER", "ADDRESS", "ADDR", "SEEDS", "ENDPOINT"];
/// How the names of those end that name a database. `NAME` alone counts only beside a host of the same prefix.
const DATABASE_ENDS: [&str; 8] =
    ["DATABASE_NAME", "DATABASENAME", "DB_NAME", "DBNAME", "DATABASE", "DB", "CATALOG", "NAME"];

/// All that a service names.
pub(super) fn of(environment: &BTreeMap<String, String>, command: &[String]) -> Vec<Claim> {
    let words = words_of(command, environment);
    let mut variables: Vec<(String, String)> = environment.iter().map(|(a, b)| (a.clone(), b.clone())).collect();
    let in_environment = variables.iter().flat_map(|(name, value)| of_text(name, value, environment));
    let in_words = words.iter().flat_map(|word| of_text("its command", word, environment));
    let mut claims: Vec<Claim> = in_environment.chain(in_words).collect();
    variables.extend(options_of(&words));
    claims.extend(pairs(&variables));
    claims
}

/// The words of a command; those of a text for a shell, too, with the service's variables in their places.
fn words_of(command: &[String], environment: &BTreeMap<String, String>) -> Vec<String> {
    let mut words = Vec::new();
    for word in command {
        words.push(word.clone());
        if word.contains(char::is_whitespace) {
            let inner = word.split_whitespace().map(|word| word.trim_matches(['"', '\'', ';']));
            words.extend(inner.map(|word| expanded(word, environment)));
        }
    }
    words
}

/// `$NAME` and `${NAME}` as a shell would replace them; what is not known stays.
pub(super) fn expanded(word: &str, environment: &BTreeMap<String, String>) -> String {
    let mut text = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(at) = rest.find('$') {
        let (before, after) = rest.split_at(at);
        text.push_str(before);
        let inner = after.strip_prefix("${").and_then(|inner| inner.split_once('}'));
        let is_letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let (name, behind) = inner.unwrap_or_else(|| {
            let bare = &after[1..];
            bare.split_at(bare.find(|letter| !is_letter(letter)).unwrap_or(bare.len()))
        });
        match environment.get(name) {
            Some(value) => text.push_str(value),
            None => text.push_str(&after[..after.len() - behind.len()]),
        }
        rest = behind;
    }
    text.push_str(rest);
    text
}

/// Options as the variables that they stand for: `--db-host=x` and `--db-host x` are `DB_HOST`.
fn options_of(words: &[String]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        let name = match word.as_str() {
            "-h" | "-H" => "host",
            "-d" => "database",
            long => match long.strip_prefix("--") {
                Some(long) => long,
                None => continue,
            },
        };
        let assigned = name.split_once('=').map(|(name, value)| (name, value.to_owned()));
        let (name, value) = match assigned {
            Some(assigned) => assigned,
            None => match words.peek().filter(|next| !next.starts_with('-')) {
                Some(next) => (name, (*next).clone()),
                None => continue,
            },
        };
        found.push((name.replace('-', "_"), value));
    }
    found
}

fn is_separator(letter: char) -> bool {
    matches!(letter, '_' | '.' | '-')
}

/// What stands before the end of a variable's name by which it names a host: `DB` of `DB_HOST`.
fn prefix_of_host(name: &str) -> Option<String> {
    let upper = name.to_ascii_uppercase();
    let prefix = HOST_ENDS.iter().find_map(|end| upper.strip_suffix(end))?;
    Some(prefix.trim_end_matches(is_separator).to_owned())
}

/// Whether the variable names the database beside the host of this prefix: `DB_NAME` beside `DB_HOST`.
fn is_beside(prefix: &str, name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let rest = upper.strip_prefix(prefix).map(|rest| rest.trim_start_matches(is_separator));
    // `NAME` without a prefix may belong to any program.
    rest.is_some_and(|rest| DATABASE_ENDS.contains(&rest) && !(prefix.is_empty() && rest == "NAME"))
}

/// A host in one variable, its database in another.
fn pairs(variables: &[(String, String)]) -> Vec<Claim> {
    let hosts: Vec<(String, &str, &str)> = variables
        .iter()
        .filter_map(|(name, value)| Some((prefix_of_host(name)?, name.as_str(), value.as_str())))
        .collect();
    let is_bound = |name: &str| hosts.iter().any(|(prefix, ..)| is_beside(prefix, name));
    let ends_so = |name: &str| {
        let upper = name.to_ascii_uppercase();
        DATABASE_ENDS.iter().any(|end| *end != "NAME" && upper.ends_with(end))
    };
    let values = |wanted: &dyn Fn(&str) -> bool| -> Vec<String> {
        let found = variables.iter().filter(|(name, value)| !value.is_empty() && wanted(name));
        found.map(|(_, value)| value.clone()).collect()
    };
    let claim = |(prefix, name, value): &(String, &str, &str)| {
        let beside = values(&|other| is_beside(prefix, other));
        let is_certain = !beside.is_empty();
        // The prefix itself may be the name of the variable: `APP_DB` beside `APP_DB_HOST`.
        let loose = values(&|other| other.eq_ignore_ascii_case(prefix) || (ends_so(other) && !is_bound(other)));
        let databases = if is_certain { beside } else { loose };
        Claim { source: (*name).to_owned(), hosts: Host::list(value), databases, is_certain, is_readable: true }
    };
    hosts.iter().map(claim).collect()
}

#[cfg(test)]
mod tests {
    use super::super::claims_in_text::Meaning;
    use super::super::server_names::ServerNames;
    use super::*;

    /// What the claims of these variables and this command say of the database `openfga` of the service `postgres`.
    fn meaning(variables: &[(&str, &str)], command: &[&str]) -> Option<Meaning> {
        let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        let names = ServerNames::named(["postgres".to_owned(), "db.internal".to_owned()]);
        of(&environment, &command).iter().filter_map(|claim| claim.meaning(&names, "openfga")).max()
    }

    #[test]
    fn a_host_and_a_database_in_two_variables() {
        for (variables, expected) in [
            (&[("PGHOST", "postgres"), ("PGDATABASE", "openfga")][..], Some(Meaning::This)),
            (&[("PGHOST", "POSTGRES."), ("PGDATABASE", "gdpr")], Some(Meaning::Another)),
            (&[("PGHOST", "elsewhere"), ("PGDATABASE", "openfga")], None),
            (&[("DB_HOST", "postgres"), ("DB_NAME", "openfga"), ("DB_USER_NAME", "x")], Some(Meaning::This)),
            (&[("DB_HOST", "postgres"), ("DB_NAME", "netbox"), ("REDIS_DATABASE", "0")], Some(Meaning::Another)),
            (
                &[
                    ("DB_POSTGRESDB_HOST", "postgres:5432"),
                    ("DB_POSTGRESDB_DATABASE", "n8n"),
                    ("DB_TYPE", "postgresdb"),
                ],
                Some(Meaning::Another),
            ),
            (
                &[("KC_DB", "postgres"), ("KC_DB_URL_HOST", "postgres"), ("KC_DB_URL_DATABASE", "kc")],
                Some(Meaning::Another),
            ),
            (&[("GITEA__database__HOST", "postgres:5432"), ("GITEA__database__NAME", "gitea")], Some(Meaning::Another)),
            (&[("POSTGRES_SERVER", "db.internal"), ("POSTGRES_DB", "openfga")], Some(Meaning::This)),
            (&[("DBHOST", "postgres"), ("DBNAME", "openfga")], Some(Meaning::This)),
            // Another prefix may mean another server.
            (&[("POSTGRES_HOST", "postgres"), ("OPENFGA_DB", "openfga")], Some(Meaning::This)),
            (&[("POSTGRES_HOST", "postgres"), ("GDPR_DB", "gdpr")], Some(Meaning::Unclear)),
            (&[("APP_DB_HOST", "postgres"), ("APP_DB", "postgres")], Some(Meaning::Unclear)),
            (&[("POSTGRES_SEEDS", "postgres"), ("DB", "postgres12")], Some(Meaning::Unclear)),
            (&[("DB_HOST", "postgres")], Some(Meaning::HostAlone)),
            (&[("PG_HOST", "postgres"), ("KC_DB_URL", "jdbc:postgresql://postgres/keycloak")], Some(Meaning::Another)),
            (&[("POSTGRES_USER", "postgres"), ("POSTGRES_DB", "openfga"), ("DB_TYPE", "postgres")], None),
            (&[("DB_HOST", "a,postgres"), ("DB_NAME", "x")], Some(Meaning::Another)),
        ] {
            assert_eq!(meaning(variables, &[]), expected, "{variables:?}");
        }
    }

    #[test]
    fn a_command_names_it_in_words_options_and_texts_for_a_shell() {
        let uri = "postgres://u:hunter2@postgres:5432/openfga?sslmode=disable";
        let assigned = format!("--datastore-uri={uri}");
        let shell = "exec openfga run --datastore-uri \"postgres://u:$PW@postgres/${NAME}\"";
        for (command, expected) in [
            (&["run", "--datastore-uri", uri][..], Some(Meaning::This)),
            (&["run", &assigned], Some(Meaning::This)),
            (&["sh", "-c", shell], Some(Meaning::This)),
            (&["sh", "-c", "exec x --uri postgres://postgres/$UNKNOWN"], Some(Meaning::Unclear)),
            (&["psql", "-h", "postgres", "-d", "gdpr"], Some(Meaning::Another)),
            (&["serve", "--db-host=postgres", "--db-name", "openfga"], Some(Meaning::This)),
            (&["serve", "--host", "--", "-h"], None),
        ] {
            let found = meaning(&[("NAME", "openfga"), ("PW", "a")], command);
            assert_eq!(found, expected, "{command:?}");
        }
    }

    #[test]
    fn a_shells_variables_are_replaced_where_they_are_known() {
        let environment = [("A".to_owned(), "1".to_owned()), ("AB".to_owned(), "2".to_owned())].into();
        for (word, expected) in
            [("$A/${AB}$AB.", "1/22."), ("${A", "${A"), ("$", "$"), ("a$C${D}$é", "a$C${D}$é"), ("${}", "${}")]
        {
            assert_eq!(expanded(word, &environment), expected, "{word}");
        }
    }
}
