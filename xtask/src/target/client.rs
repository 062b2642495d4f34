//! What PostgreSQL's programs must and must not find in their environment.

use crate::platform;
use crate::process::Program;

/// Variables that tell libpq how to log in and how the connection is protected, but not to what
/// (libpq, "Environment Variables").
const LOGIN: [&str; 20] = [
    "PGPASSWORD",
    "PGPASSFILE",
    "PGREQUIREAUTH",
    "PGCHANNELBINDING",
    "PGSSLMODE",
    "PGSSLNEGOTIATION",
    "PGSSLCERT",
    "PGSSLKEY",
    "PGSSLCERTMODE",
    "PGSSLROOTCERT",
    "PGSSLCRL",
    "PGSSLCRLDIR",
    "PGSSLSNI",
    "PGREQUIREPEER",
    "PGSSLMINPROTOCOLVERSION",
    "PGSSLMAXPROTOCOLVERSION",
    "PGGSSENCMODE",
    "PGKRBSRVNAME",
    "PGGSSLIB",
    "PGGSSDELEGATION",
];

/// Those by which a person's shell would lead a program to another server, another user or another meaning.
const MEANING: [&str; 23] = [
    "PGHOST",
    "PGHOSTADDR",
    "PGPORT",
    "PGDATABASE",
    "PGUSER",
    "PGSERVICE",
    "PGSERVICEFILE",
    "PGOPTIONS",
    "PGAPPNAME",
    "PGREQUIRESSL",
    "PGSSLCOMPRESSION",
    "PGCONNECT_TIMEOUT",
    "PGCLIENTENCODING",
    "PGTARGETSESSIONATTRS",
    "PGLOADBALANCEHOSTS",
    "PGMINPROTOCOLVERSION",
    "PGMAXPROTOCOLVERSION",
    "PGDATESTYLE",
    "PGTZ",
    "PGGEQO",
    "PGSYSCONFDIR",
    "PGLOCALEDIR",
    "PG_COLOR",
];

/// Variables whose values `--verbose` shows. Any other one may hold a secret: a setting of the session in PGOPTIONS,
/// the PIN of a key in PGSSLKEY.
const SHOWN: [&str; 18] = [
    "LC_ALL",
    "LC_MESSAGES",
    "PGHOST",
    "PGHOSTADDR",
    "PGPORT",
    "PGDATABASE",
    "PGUSER",
    "PGAPPNAME",
    "PGCLIENTENCODING",
    "PGCONNECT_TIMEOUT",
    "PGTARGETSESSIONATTRS",
    "PGLOADBALANCEHOSTS",
    "PGSSLMODE",
    "PGSSLNEGOTIATION",
    "PGSSLROOTCERT",
    "PGREQUIREAUTH",
    "PGCHANNELBINDING",
    "PGGSSENCMODE",
];

fn with(program: Program, (name, value): (&str, &str)) -> Program {
    if SHOWN.contains(&name) { program.env(name, value) } else { program.secret(name, value) }
}

/// The program with these variables, and no other variable of libpq.
pub fn with_environment(program: Program, environment: &[(&str, &str)], password: &str) -> Program {
    let given = |name: &str| name == "PGPASSWORD" || environment.iter().any(|(given, _)| *given == name);
    let program = without(program, given);
    let program = environment.iter().copied().fold(program, with);
    program.secret("PGPASSWORD", password)
}

/// The program with these variables. Of libpq's others it keeps those that say how to log in; those that would
/// lead it to another server, database, user or meaning are taken away.
pub fn with_login_of(program: Program, environment: &[(&str, &str)], password: Option<&str>) -> Program {
    let given = |name: &str| LOGIN.contains(&name) || environment.iter().any(|(given, _)| *given == name);
    let program = without(program, given);
    let program = environment.iter().copied().fold(program, with);
    password.into_iter().fold(program, |program, password| program.secret("PGPASSWORD", password))
}

/// A server program with none of them: the server takes `PGCLIENTENCODING`, `PGDATESTYLE` and `PGPORT` from its
/// environment and makes them every session's default.
pub fn without_environment(program: Program) -> Program {
    without(program.unset("PGDATA"), |_| false)
}

fn without(program: Program, but: impl Fn(&str) -> bool) -> Program {
    let program = program.text_mode(platform::WINDOWS);
    LOGIN.iter().chain(&MEANING).filter(|name| !but(name)).fold(program, |program, name| program.unset(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_may_hold_a_secret_are_masked() {
        let variables =
            [("PGOPTIONS", "-c x.y=hunter2"), ("PGSSLKEY", "pkcs11:k?pin-value=hunter2"), ("PGPORT", "5432")];
        let shown = "PGOPTIONS=*** PGSSLKEY=*** PGPORT=5432 psql";
        assert_eq!(with_login_of(Program::new("psql"), &variables, None).shown(), shown);
        let both = format!("{} PGPASSWORD=*** psql", shown.strip_suffix(" psql").unwrap());
        assert_eq!(with_environment(Program::new("psql"), &variables, "hunter2").shown(), both);
    }

    #[test]
    fn what_is_given_is_not_taken_away() {
        let given = with_environment(Program::new("psql"), &[("PGHOST", "127.0.0.1")], "hunter2");
        assert_eq!(given.shown(), "PGHOST=127.0.0.1 PGPASSWORD=*** psql");
        let debug = format!("{given:?}");
        let (_, unset) = debug.split_once("unset:").unwrap();
        assert!(unset.contains("\"PGSERVICE\"") && !unset.contains("\"PGHOST\"") && !unset.contains("\"PGPASSWORD\""));
    }
}
