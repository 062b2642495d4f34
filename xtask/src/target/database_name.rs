//! The name of a database as `--database` and `POSTGRES_DB` give it: a name, never an address.

use crate::error::Fault;

/// The setting that `--database` is the option of.
pub const SETTING: &str = "POSTGRES_DB";
/// The longest name that a server keeps, in bytes (`NAMEDATALEN` - 1). It would cut a longer one, and connect to the
/// database of that name.
const LONGEST: usize = 63;

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
}
