//! What a PostgreSQL client program must and must not find in its environment.

use crate::process::Program;

/// libpq's variables, by which a person's shell would lead a program to another server, another login or
/// another meaning (libpq, "Environment Variables").
const LIBPQ: [&str; 43] = [
    "PGHOST",
    "PGHOSTADDR",
    "PGPORT",
    "PGDATABASE",
    "PGUSER",
    "PGPASSWORD",
    "PGPASSFILE",
    "PGREQUIREAUTH",
    "PGCHANNELBINDING",
    "PGSERVICE",
    "PGSERVICEFILE",
    "PGOPTIONS",
    "PGAPPNAME",
    "PGSSLMODE",
    "PGREQUIRESSL",
    "PGSSLNEGOTIATION",
    "PGSSLCOMPRESSION",
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

/// The program with these variables, and none of libpq's that somebody else set.
pub fn with_environment(program: Program, environment: &[(&str, &str)], password: &str) -> Program {
    let given = |name: &str| name == "PGPASSWORD" || environment.iter().any(|(given, _)| *given == name);
    let program = LIBPQ.iter().filter(|name| !given(name)).fold(program, |program, name| program.unset(name));
    let program = environment.iter().fold(program, |program, (name, value)| program.env(name, value));
    program.secret("PGPASSWORD", password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_is_not_taken_away() {
        let given = with_environment(Program::new("psql"), &[("PGHOST", "127.0.0.1")], "hunter2");
        assert_eq!(given.shown(), "PGHOST=127.0.0.1 PGPASSWORD=*** psql");
        let debug = format!("{given:?}");
        let (_, unset) = debug.split_once("unset:").unwrap();
        assert!(unset.contains("\"PGSERVICE\"") && !unset.contains("\"PGHOST\"") && !unset.contains("\"PGPASSWORD\""));
    }
}
