//! `postgres://user:password@host:port/database?parameter=value`, read as libpq reads it (its manual, "Connection
//! URIs").

use super::percent;

/// libpq's parameters that the URI gives, in order; a later one wins.
///
/// # Errors
/// What is wrong, in words that never hold a part of the URI: any part may be the password.
pub(super) fn parameters(uri: &str) -> Result<Vec<(String, String)>, &'static str> {
    let rest = uri.split_once("://").map_or("", |(_, rest)| rest);
    let mut found = Vec::new();
    let rest = match rest.find(['@', '/']).map(|at| (rest[..at].split_once(':'), at)) {
        Some((login, at)) if rest[at..].starts_with('@') => {
            let (user, password) = login.unwrap_or((&rest[..at], ""));
            found.push(("user".to_owned(), percent::decoded(user)?));
            found.push(("password".to_owned(), percent::decoded(password)?));
            &rest[at + 1..]
        }
        _ => rest,
    };
    let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
    let (hosts, database) = rest.split_once('/').unwrap_or((rest, ""));
    if hosts.contains('@') || database.contains(['@', '/']) {
        return Err(NOT_ENCODED);
    }
    let (hosts, ports) = hosts_and_ports(hosts)?;
    for (name, value) in [("host", &*hosts), ("port", &*ports), ("dbname", database)] {
        found.push((name.to_owned(), percent::decoded(value)?));
    }
    for pair in query.into_iter().flat_map(|query| query.split('&')).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or("it has a parameter without =")?;
        if value.contains('=') {
            return Err("it has a parameter with a second =, which must be written %3D");
        }
        let (name, value) = (percent::decoded(name)?, percent::decoded(value)?);
        // JDBC's way to ask for TLS; libpq takes it, too.
        let jdbc = name == "ssl" && value == "true";
        found.push(if jdbc { ("sslmode".to_owned(), "require".to_owned()) } else { (name, value) });
    }
    found.retain(|(_, value)| !value.is_empty());
    Ok(found)
}

const NOT_ENCODED: &str = "it cannot be parsed: in user and password @ must be written %40, / %2F, : %3A, % %25";

/// `a:1,[::1]:2` → `a,::1` and `1,2`.
fn hosts_and_ports(list: &str) -> Result<(String, String), &'static str> {
    let mut hosts = Vec::new();
    let mut ports = Vec::new();
    for part in list.split(',') {
        let (host, port) = if let Some(inner) = part.strip_prefix('[') {
            let (host, rest) = inner.split_once(']').ok_or("it has a [ without its ]")?;
            if host.is_empty() {
                return Err("it has an empty IPv6 address");
            }
            let port = if rest.is_empty() { Some("") } else { rest.strip_prefix(':') };
            (host, port.ok_or("it has more than a port after an IPv6 address")?)
        } else {
            part.split_once(':').unwrap_or((part, ""))
        };
        hosts.push(host);
        ports.push(port);
    }
    let ports = if ports.iter().all(|port| port.is_empty()) { String::new() } else { ports.join(",") };
    Ok((hosts.join(","), ports))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(uri: &str) -> Vec<(String, String)> {
        parameters(uri).unwrap_or_else(|why| panic!("{uri}: {why}"))
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn every_form_of_the_manual_is_read() {
        for (uri, expected) in [
            ("postgresql://", &[][..]),
            ("postgresql://localhost", &[("host", "localhost")]),
            ("postgresql://localhost:5433", &[("host", "localhost"), ("port", "5433")]),
            ("postgres://localhost/mydb", &[("host", "localhost"), ("dbname", "mydb")]),
            ("postgresql://user@localhost", &[("user", "user"), ("host", "localhost")]),
            ("postgresql://u:secret@localhost", &[("user", "u"), ("password", "secret"), ("host", "localhost")]),
            (
                "postgresql://other@localhost/otherdb?connect_timeout=10&application_name=myapp",
                &[
                    ("user", "other"),
                    ("host", "localhost"),
                    ("dbname", "otherdb"),
                    ("connect_timeout", "10"),
                    ("application_name", "myapp"),
                ],
            ),
            (
                "postgresql://host1:123,host2:456/somedb?target_session_attrs=any",
                &[("host", "host1,host2"), ("port", "123,456"), ("dbname", "somedb"), ("target_session_attrs", "any")],
            ),
            (
                "postgresql:///mydb?host=localhost&port=5433",
                &[("dbname", "mydb"), ("host", "localhost"), ("port", "5433")],
            ),
            ("postgresql://[2001:db8::1234]/database", &[("host", "2001:db8::1234"), ("dbname", "database")]),
            ("postgresql://[::1]:5,b:6/d", &[("host", "::1,b"), ("port", "5,6"), ("dbname", "d")]),
            ("postgresql://%2Fvar%2Flib%2Fpostgresql/dbname", &[("host", "/var/lib/postgresql"), ("dbname", "dbname")]),
            ("postgresql:///dbname?host=/var/lib/postgresql", &[("dbname", "dbname"), ("host", "/var/lib/postgresql")]),
            ("postgresql://a,b:5433/d", &[("host", "a,b"), ("port", ",5433"), ("dbname", "d")]),
            ("postgres://:@h/d?", &[("host", "h"), ("dbname", "d")]),
            ("postgres://h/d?ssl=true", &[("host", "h"), ("dbname", "d"), ("sslmode", "require")]),
            (
                "postgres://u:p%40%2F%3A%25%20%C3%A9#?x@h/d%20b",
                &[("user", "u"), ("password", "p@/:% é#?x"), ("host", "h"), ("dbname", "d b")],
            ),
        ] {
            assert_eq!(read(uri), pairs(expected), "{uri}");
        }
    }

    #[test]
    fn what_cannot_be_taken_apart_is_refused_without_showing_it() {
        for uri in [
            "postgres://u:hunter2@x@h/d",
            "postgres://u:12/hunter2@h/d",
            "postgres://u:hunter2%@h/d",
            "postgres://u:hunter2%zz@h/d",
            "postgres://u:hunter2%00@h/d",
            "postgres://u:hunter2%ff@h/d",
            "postgres://u:hunter2@[::1/d",
            "postgres://u:hunter2@[::1]x/d",
            "postgres://u:hunter2@[]/d",
            "postgres://u:hunter2@h/d?sslmode",
            "postgres://u:hunter2@h/d?a=b=c",
            "postgres://u:hunter2@h/a/b",
        ] {
            let why = parameters(uri).unwrap_err();
            assert!(!why.contains("hunter2"), "{uri}: {why}");
        }
    }
}
