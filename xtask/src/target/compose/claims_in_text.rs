//! The databases that one text names: URIs of every library, JDBC, libpq's and .NET's keywords, `host:port/database`.

use super::server_names::{Host, ServerNames};
use crate::target::{conninfo, percent, uri};
use std::collections::BTreeMap;

/// A place that a service names, and the database there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    /// The variable's name, or `its command`.
    pub(super) source: String,
    pub(super) hosts: Vec<Host>,
    /// Those that may be meant.
    pub(super) databases: Vec<String>,
    /// Whether no other can be meant.
    pub(super) is_certain: bool,
    /// Whether it is written as expected: else a part of it may be missed.
    pub(super) is_readable: bool,
}

/// What a claim means for one database of a server, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Meaning {
    /// The server, and nothing of a database.
    HostAlone,
    /// Another database of the server.
    Another,
    /// The server; which database is not known.
    Unclear,
    /// This database.
    This,
}

impl Claim {
    /// What it means for this database of the server; `None` where it names another server.
    pub(super) fn meaning(&self, server: &ServerNames, database: &str) -> Option<Meaning> {
        if !self.is_at(server) {
            return None;
        }
        Some(match () {
            () if self.databases.iter().any(|named| named == database) => Meaning::This,
            () if self.is_certain && !self.databases.is_empty() => Meaning::Another,
            () if self.databases.is_empty() && self.is_readable => Meaning::HostAlone,
            () => Meaning::Unclear,
        })
    }

    /// The one database of this server that it names for certain.
    pub(super) fn only_database(&self, server: &ServerNames) -> Option<&str> {
        let is_here = self.is_certain && self.is_at(server);
        self.databases.first().filter(|_| is_here && self.databases.len() == 1).map(String::as_str)
    }

    /// Whether one of the servers that it names is this one.
    pub(super) fn is_at(&self, server: &ServerNames) -> bool {
        self.hosts.iter().any(|host| server.has(host))
    }
}

/// The names that libraries give PostgreSQL before `://`, without what follows a `+`.
const SCHEMES: [&str; 12] = [
    "postgres",
    "postgresql",
    "pgsql",
    "postgis",
    "psql",
    "pg",
    "ecto",
    "asyncpg",
    "psycopg",
    "psycopg2",
    "timescale",
    "timescaledb",
];
const HOST_KEYS: [&str; 4] = ["host", "hostaddr", "server", "data source"];
const DATABASE_KEYS: [&str; 4] = ["dbname", "database", "initial catalog", "db"];

/// What a text names. `environment` has libpq's defaults of the program that reads it.
pub(super) fn of_text(source: &str, text: &str, environment: &BTreeMap<String, String>) -> Vec<Claim> {
    let reader = Reader { source, environment };
    let mut claims: Vec<Claim> = addresses(text).into_iter().map(|address| reader.uri(address)).collect();
    if claims.is_empty() {
        claims.extend(reader.keywords(text).or_else(|| reader.bare(text)));
    }
    claims
}

/// What follows the `://` of each address of PostgreSQL.
fn addresses(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let text = text.trim();
    for (at, _) in text.match_indices("://") {
        let before = &text[..at];
        let is_scheme = |letter: char| letter.is_ascii_alphanumeric() || "+.-".contains(letter);
        let start = before
            .rfind(|letter| !is_scheme(letter))
            .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let scheme = before[start..].to_ascii_lowercase();
        if !SCHEMES.contains(&scheme.split('+').next().unwrap_or_default()) {
            continue;
        }
        let rest = &text[at + 3..];
        let alone = start == 0 || before[..start].eq_ignore_ascii_case("jdbc:");
        let ends = |letter: char| !alone && (letter.is_whitespace() || "\"'`<>\\".contains(letter));
        found.push(&rest[..rest.find(ends).unwrap_or(rest.len())]);
    }
    found
}

struct Reader<'a> {
    source: &'a str,
    environment: &'a BTreeMap<String, String>,
}

impl Reader<'_> {
    fn default_of(&self, name: &str) -> Option<String> {
        self.environment.get(name).filter(|value| !value.is_empty()).cloned()
    }

    /// `user:password@host:port/database?…`; where it is not written as libpq reads it, its parts are guessed.
    fn uri(&self, rest: &str) -> Claim {
        match uri::parameters(&format!("postgresql://{rest}")) {
            Ok(parameters) => self.parameters(&parameters),
            Err(_) => self.guessed(rest),
        }
    }

    fn parameters(&self, parameters: &[(String, String)]) -> Claim {
        let last = |names: &[&str]| {
            let found = parameters.iter().rev().find(|(name, _)| names.contains(&name.to_ascii_lowercase().as_str()));
            found.map(|(_, value)| value.clone())
        };
        let ports = last(&["port"]).unwrap_or_default();
        let ports: Vec<Option<u16>> = ports.split(',').map(|port| port.trim().parse().ok()).collect();
        let hosts = last(&HOST_KEYS).or_else(|| self.default_of("PGHOST")).unwrap_or_else(|| "localhost".to_owned());
        let port = |at: usize| ports.get(at).or(ports.first()).copied().flatten();
        let list = |at: usize, host: &str| match Host::list(host).into_iter().next() {
            // A port of its own, as .NET and PHP write it.
            Some(named) if host.contains(':') && !host.contains("::") => named,
            _ => Host::new(host, port(at)),
        };
        let hosts = hosts.split(',').enumerate().map(|(at, host)| list(at, host)).collect();
        let named = last(&DATABASE_KEYS);
        let is_certain = named.as_ref().is_some_and(|name| !name.contains('$'));
        // libpq takes the user's name where none is named.
        let defaults = || [self.default_of("PGDATABASE"), last(&["user", "username"])].into_iter().flatten().collect();
        let databases = named.map_or_else(defaults, |name| vec![name]);
        Claim { source: self.source.to_owned(), hosts, databases, is_certain, is_readable: true }
    }

    /// A password with a bare `@`, `/` or `?` in it, or parameters that libpq does not take.
    fn guessed(&self, rest: &str) -> Claim {
        let behind = rest.rsplit_once('@').map_or(rest, |(_, behind)| behind);
        let (hosts, path) = behind.split_at(behind.find(['/', '?', '#']).unwrap_or(behind.len()));
        let database = path.trim_start_matches('/').split(['?', '#']).next().unwrap_or_default();
        let mut hosts = Host::list(hosts);
        // What was taken for the password may hold the place, and the other way round.
        hosts.extend(rest.split('@').flat_map(|part| Host::list(part.split(['/', '?']).next().unwrap_or_default())));
        let databases = percent::decoded(database).ok().filter(|name| !name.is_empty()).into_iter().collect();
        Claim { source: self.source.to_owned(), hosts, databases, is_certain: false, is_readable: false }
    }

    /// `host=… dbname=…`, also with `;` between them, as PHP and .NET write it.
    fn keywords(&self, text: &str) -> Option<Claim> {
        let text = text.trim();
        let text = text.strip_prefix("pgsql:").unwrap_or(text);
        let pairs = if text.contains(';') {
            let pair = |pair: &str| pair.split_once('=').map(|(a, b)| (a.trim().to_owned(), b.trim().to_owned()));
            text.split(';').filter_map(pair).collect()
        } else {
            conninfo::parameters(text).ok()?
        };
        let names = |keys: &[&str]| {
            pairs.iter().any(|(name, value)| !value.is_empty() && keys.contains(&name.to_ascii_lowercase().as_str()))
        };
        // One word alone, `server=x`, may mean anything.
        (names(&HOST_KEYS) && (names(&DATABASE_KEYS) || pairs.len() > 1)).then(|| self.parameters(&pairs))
    }

    /// `host:port/database?…`, an address without its scheme.
    fn bare(&self, text: &str) -> Option<Claim> {
        let (place, rest) = text.trim().split_once('/')?;
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-:[]".contains(letter);
        let database = rest.split(['?', '#']).next().unwrap_or_default();
        // An image's name, `postgres/16`, is written so, too, but without port and parameters.
        let is_address = place.contains(':') || rest.contains('?');
        if !is_address || !place.chars().all(plain) || database.is_empty() || database.contains('/') {
            return None;
        }
        let databases = vec![percent::decoded(database).ok()?];
        let hosts = Host::list(place);
        Some(Claim { source: self.source.to_owned(), hosts, databases, is_certain: true, is_readable: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(text: &str) -> Option<Meaning> {
        let names = ServerNames::named(["postgres".to_owned()]);
        of_text("X", text, &BTreeMap::new()).iter().filter_map(|claim| claim.meaning(&names, "openfga")).max()
    }

    #[test]
    fn every_way_to_write_this_database_is_read() {
        for text in [
            "postgres://postgres:pw@postgres:5432/openfga?sslmode=disable",
            "postgresql://postgres/openfga",
            "postgresql+asyncpg://u:p@postgres/openfga",
            "postgresql+psycopg2://u:p@POSTGRES:5432/openfga",
            "jdbc:postgresql://postgres:5432/openfga?user=u&password=p@/x",
            "jdbc:otel:postgresql://postgres/openfga",
            "ecto://u:p@postgres/openfga",
            "pgsql://u:p@other,postgres/openfga",
            "postgres://u:p@ss/w?rd#x@postgres:5432/openfga",
            "postgres://u@postgres/openfga?options=-c search_path=a",
            "postgres://u@postgres/%6fpenfga",
            " postgres://u:p q@postgres/openfga\n",
            "postgres:///openfga?host=postgres",
            "host=postgres port=5432 dbname=openfga user=u password='p q'",
            "Host=postgres;Port=5432;Database=openfga;Username=u;Password=p=w",
            "pgsql:host=postgres;port=5432;dbname=openfga",
            "postgres:5432/openfga?sslmode=disable",
            "{\"url\":\"postgres://u:p@postgres/openfga\",\"pool\":5}",
            "first=postgres://postgres/gdpr second=postgres://postgres/openfga",
        ] {
            assert_eq!(meaning(text), Some(Meaning::This), "{text}");
        }
    }

    #[test]
    fn another_database_another_server_and_an_unknown_one() {
        for (text, expected) in [
            ("postgres://u:p@postgres/gdpr", Some(Meaning::Another)),
            ("jdbc:postgresql://postgres:5432/keycloak", Some(Meaning::Another)),
            ("postgres:5432/gdpr", Some(Meaning::Another)),
            ("host=postgres dbname=OpenFGA", Some(Meaning::Another)),
            ("postgres://u:p@elsewhere/openfga", None),
            ("postgres://postgres:openfga@elsewhere/x", None),
            ("mysql://postgres/openfga", None),
            ("http://postgres/openfga", None),
            ("redis://postgres:6379/0", None),
            ("postgres", None),
            ("", None),
            ("://", None),
            ("é://postgres/openfga", None),
            ("postgres://u@postgres", Some(Meaning::Unclear)),
            ("postgres://openfga@postgres", Some(Meaning::This)),
            ("postgres://u@postgres/$DB", Some(Meaning::Unclear)),
            ("postgres://u:p@ss/w@postgres:5432/gdpr", Some(Meaning::Unclear)),
            ("host=postgres user=u", Some(Meaning::Unclear)),
            ("host=postgres port=5432", Some(Meaning::HostAlone)),
            ("postgres/16", None),
        ] {
            assert_eq!(meaning(text), expected, "{text}");
        }
    }
}
