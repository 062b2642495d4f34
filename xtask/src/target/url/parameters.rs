//! libpq's parameters, and what becomes of each one that `DATABASE_URL` gives.

/// What becomes of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Programs get it by this variable of their environment.
    Variable(&'static str),
    /// Each run sets its own, silently.
    Ours,
    /// It changes neither the database nor how safe the connection is; it is named, and left out.
    LeftOut,
    /// It cannot be given to a program, or would lead it elsewhere.
    Refused(&'static str),
    /// A parameter that libpq does not know.
    Unknown,
}

/// libpq's own (its manual, "Parameter Key Words" and "Environment Variables").
const LIBPQ: &[(&str, Fate)] = &[
    ("host", Fate::Variable("PGHOST")),
    ("hostaddr", Fate::Variable("PGHOSTADDR")),
    ("port", Fate::Variable("PGPORT")),
    ("dbname", Fate::Variable("PGDATABASE")),
    ("user", Fate::Variable("PGUSER")),
    ("password", Fate::Variable("PGPASSWORD")),
    ("passfile", Fate::Variable("PGPASSFILE")),
    ("require_auth", Fate::Variable("PGREQUIREAUTH")),
    ("channel_binding", Fate::Variable("PGCHANNELBINDING")),
    ("connect_timeout", Fate::Variable("PGCONNECT_TIMEOUT")),
    ("options", Fate::Variable("PGOPTIONS")),
    ("sslmode", Fate::Variable("PGSSLMODE")),
    ("requiressl", Fate::Variable("PGREQUIRESSL")),
    ("sslnegotiation", Fate::Variable("PGSSLNEGOTIATION")),
    ("sslcompression", Fate::Variable("PGSSLCOMPRESSION")),
    ("sslcert", Fate::Variable("PGSSLCERT")),
    ("sslkey", Fate::Variable("PGSSLKEY")),
    ("sslcertmode", Fate::Variable("PGSSLCERTMODE")),
    ("sslrootcert", Fate::Variable("PGSSLROOTCERT")),
    ("sslcrl", Fate::Variable("PGSSLCRL")),
    ("sslcrldir", Fate::Variable("PGSSLCRLDIR")),
    ("sslsni", Fate::Variable("PGSSLSNI")),
    ("requirepeer", Fate::Variable("PGREQUIREPEER")),
    ("ssl_min_protocol_version", Fate::Variable("PGSSLMINPROTOCOLVERSION")),
    ("ssl_max_protocol_version", Fate::Variable("PGSSLMAXPROTOCOLVERSION")),
    ("min_protocol_version", Fate::Variable("PGMINPROTOCOLVERSION")),
    ("max_protocol_version", Fate::Variable("PGMAXPROTOCOLVERSION")),
    ("gssencmode", Fate::Variable("PGGSSENCMODE")),
    ("krbsrvname", Fate::Variable("PGKRBSRVNAME")),
    ("gsslib", Fate::Variable("PGGSSLIB")),
    ("gssdelegation", Fate::Variable("PGGSSDELEGATION")),
    ("target_session_attrs", Fate::Variable("PGTARGETSESSIONATTRS")),
    ("load_balance_hosts", Fate::Variable("PGLOADBALANCEHOSTS")),
    ("application_name", Fate::Ours),
    ("fallback_application_name", Fate::Ours),
    ("client_encoding", Fate::Ours),
    // These have no variable.
    ("keepalives", Fate::LeftOut),
    ("keepalives_idle", Fate::LeftOut),
    ("keepalives_interval", Fate::LeftOut),
    ("keepalives_count", Fate::LeftOut),
    ("tcp_user_timeout", Fate::LeftOut),
    ("sslpassword", Fate::Refused("libpq takes it from no variable; use a key without a password")),
    ("service", Fate::Refused("a service file could name another database; write its parameters here")),
    ("servicefile", Fate::Refused("a service file could name another database; write its parameters here")),
    ("replication", Fate::Refused("it asks for a replication session, which reads no tables")),
];

/// The major version of libpq from which on it knows these; an older one passes them over in silence when they come by
/// their variables (its manual, release notes).
const SINCE: &[(&str, u32)] = &[
    ("sslcrldir", 14),
    ("sslsni", 14),
    ("gssdelegation", 16),
    ("load_balance_hosts", 16),
    ("require_auth", 16),
    ("sslcertmode", 16),
    ("sslnegotiation", 17),
    ("max_protocol_version", 18),
    ("min_protocol_version", 18),
];

/// The major version of libpq that knows this parameter, and any before it; 0: each one that this program takes does.
pub(super) fn since(name: &str) -> u32 {
    SINCE.iter().find(|(known, _)| *known == name).map_or(0, |(_, major)| *major)
}

/// Other programs' parameters for their own pools, caches and search path.
const HARMLESS: &[&str] = &[
    // Prisma
    "schema",
    "connection_limit",
    "pool_timeout",
    "socket_timeout",
    "statement_cache_size",
    "pgbouncer",
    "max_connection_lifetime",
    "max_idle_connection_lifetime",
    // pgx, and so OpenFGA
    "pool_max_conns",
    "pool_min_conns",
    "pool_max_conn_lifetime",
    "pool_max_conn_lifetime_jitter",
    "pool_max_conn_idle_time",
    "pool_health_check_period",
    "default_query_exec_mode",
    "statement_cache_capacity",
    "description_cache_capacity",
    "search_path",
    // sqlx, JDBC
    "statement-cache-capacity",
    "currentSchema",
    "prepareThreshold",
    "ApplicationName",
];

/// What becomes of this parameter.
pub(super) fn fate(name: &str) -> Fate {
    if let Some((_, fate)) = LIBPQ.iter().find(|(known, _)| *known == name) {
        return *fate;
    }
    if HARMLESS.contains(&name) { Fate::LeftOut } else { Fate::Unknown }
}

/// Whether the value is a file's path.
pub(super) fn is_path(name: &str, value: &str) -> bool {
    // `system` stands for the system's own certificates; a key may be in an engine.
    let names = ["passfile", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslcrldir"];
    names.contains(&name) && value != "system" && !(name == "sslkey" && value.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_weaken_a_connection_is_never_left_out() {
        assert_eq!(fate("schema"), Fate::LeftOut);
        assert_eq!(fate("sslmode"), Fate::Variable("PGSSLMODE"));
        for name in ["sslaccept", "sslmod", "Host", "ssl", ""] {
            assert_eq!(fate(name), Fate::Unknown, "{name}");
        }
        assert!(SINCE.iter().all(|(name, _)| matches!(fate(name), Fate::Variable(_))));
        assert!(HARMLESS.iter().all(|name| LIBPQ.iter().all(|(known, _)| known != name)));
    }
}
