//! The name of a database as `--database` and `POSTGRES_DB` give it: a name, never an address.

use crate::error::Fault;
use crate::settings::Settings;

/// The setting that `--database` is the option of.
pub const SETTING: &str = "POSTGRES_DB";
/// The databases that a backup of all takes, a comma between them.
pub const DATABASES: &str = "XTASK_DATABASES";
/// The databases that it leaves out, and that need no backup.
pub const EXCLUDED: &str = "XTASK_BACKUP_EXCLUDE";
/// The longest name that a server keeps, in bytes (`NAMEDATALEN` - 1). It would cut a longer one, and connect to the
/// database of that name.
const LONGEST: usize = 63;

/// The database that is connected to while others are made, renamed and dropped.
const MAINTENANCE: &str = "postgres";
/// The maintenance database while `postgres` itself is changed.
pub const OTHER_MAINTENANCE: &str = "template1";

/// The maintenance database while this one may be changed.
pub fn maintenance(changed: &str) -> &'static str {
    if changed == MAINTENANCE { OTHER_MAINTENANCE } else { MAINTENANCE }
}

/// The name as it was typed: every letter of it is a part of the name, also `=`, `://` and a `-` in front.
///
/// # Errors
/// It is empty, or longer than a server takes.
pub fn parse(typed: &str) -> Result<String, String> {
    if typed.is_empty() {
        return Err("a database's name is not empty".to_owned());
    }
    check_length(typed).map(|()| typed.to_owned())
}

/// Refuses a name that the server would cut.
///
/// # Errors
/// Exit 2.
pub fn check(name: &str) -> Result<(), Fault> {
    check_length(name)
        .map_err(|why| Fault::usage(why).hint("shorten it where it is set: --database, POSTGRES_DB or DATABASE_URL"))
}

/// The names that a setting lists, each once; none where it is not set.
///
/// # Errors
/// Exit 2: one of them is no name that a database can have.
pub fn listed(settings: &Settings, setting: &str) -> Result<Vec<String>, Fault> {
    let mut names = Vec::new();
    for name in settings.get(setting).unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let name = parse(name).map_err(|why| {
            Fault::usage(format!("{setting} names a database that cannot be: {why}"))
                .hint("it lists names of databases with commas between them: app,sessions")
        })?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

fn check_length(name: &str) -> Result<(), String> {
    match name.len() {
        0..=LONGEST => Ok(()),
        bytes => Err(format!("the name of the database has {bytes} bytes; PostgreSQL takes at most {LONGEST}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_is_a_part_of_the_name() {
        for name in ["openfga", "a b", "a=b", "postgres://u:p@h/d", "-d", "--all", "it's \"so\"", "ä", &"x".repeat(63)]
        {
            assert_eq!(parse(name).as_deref(), Ok(name));
        }
        assert!(parse("").is_err());
        assert!(parse(&"x".repeat(64)).is_err() && parse(&"ä".repeat(32)).is_err());
        assert_eq!(check(&"x".repeat(64)).unwrap_err().exit.code(), 2);
    }

    #[test]
    fn a_list_of_names_has_commas_between_them() {
        let read = |text: &str| {
            let mut settings = Settings::default();
            settings.set_flag(DATABASES, text);
            listed(&settings, DATABASES)
        };
        assert_eq!(read(" app, we ird\"s ,,App,app").unwrap(), ["app", "we ird\"s", "App"]);
        assert_eq!(read(" , ").unwrap(), [""; 0]);
        assert_eq!(read(&"x".repeat(64)).unwrap_err().exit.code(), 2);
    }
}
