//! What `DATABASE_URL` says: where the server is, whose login, and what programs get of both.

use super::parameters::{Fate, fate, is_path, since};
use crate::error::Fault;
use crate::platform;
use crate::settings::Settings;
use crate::target::loopback::is_loopback;
use crate::target::{conninfo, percent, uri};
use std::fmt;
use std::path::Path;

const SETTING: &str = "DATABASE_URL";
const EXAMPLE: &str = "write it as postgres://USER:PASSWORD@HOST:5432/DATABASE (or host=… dbname=… user=…)";

/// Text that is never shown.
#[derive(Clone)]
pub(super) struct Secret(pub(super) String);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// A connection string, taken apart.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) database: String,
    pub(super) user: String,
    pub(super) password: Option<Secret>,
    /// The other variables that programs get.
    pub(super) variables: Vec<(&'static str, String)>,
    /// Parameters that no program gets.
    pub(super) left_out: Vec<String>,
    /// The parameter that only the newest programs know, and their major version.
    newest: Option<(u32, String)>,
}

impl Connection {
    /// What the setting says; `database` takes the place of the one that it names.
    ///
    /// # Errors
    /// Exit 2: it is missing, cannot be taken apart, or asks for what cannot be given. No part of it is shown but
    /// the names of parameters.
    pub(super) fn of(settings: &Settings, root: &Path, database: Option<&str>) -> Result<Self, Fault> {
        let Some(text) = settings.get(SETTING) else {
            return Err(Fault::usage(format!("The target url needs {SETTING}, which is not set")).hint(EXAMPLE));
        };
        let mut given = parse(text.trim()).map_err(|why| Fault::usage(format!("{SETTING}: {why}")).hint(EXAMPLE))?;
        // The last one counts.
        given.extend(database.map(|name| ("dbname".to_owned(), name.to_owned())));
        Self::build(given, root, || own_name(settings))
    }

    fn build(given: Vec<(String, String)>, root: &Path, own: impl Fn() -> Option<String>) -> Result<Self, Fault> {
        let mut variables: Vec<(&'static str, String)> = Vec::new();
        let mut left_out = Vec::new();
        let mut unknown = Vec::new();
        let mut newest = None;
        for (name, value) in given {
            match fate(&name) {
                Fate::Variable(variable) => {
                    newest = newest.max(Some((since(&name), name.clone())));
                    let value = if is_path(&name, &value) { root.join(value).display().to_string() } else { value };
                    variables.retain(|(known, _)| *known != variable);
                    variables.push((variable, value));
                }
                Fate::Ours => {}
                Fate::LeftOut => left_out.push(name),
                Fate::Refused(why) => return Err(Fault::usage(format!("{SETTING} has {name}")).hint(why)),
                Fate::Unknown => unknown.push(name),
            }
        }
        if !unknown.is_empty() {
            let message = format!("{SETTING} has parameters that libpq does not know: {}", shown_names(&unknown));
            return Err(
                Fault::usage(message).hint("leave them out, or write them as libpq does, such as sslmode=require")
            );
        }
        let mut take = |wanted: &str| {
            let at = variables.iter().position(|(name, _)| *name == wanted)?;
            Some(variables.remove(at).1)
        };
        let database = take("PGDATABASE").ok_or_else(|| {
            Fault::usage(format!("{SETTING} names no database"))
                .hint("libpq would guess one; this program does not: name it there, or as --database NAME")
        })?;
        let user = take("PGUSER").or_else(own);
        let user = user.ok_or_else(|| Fault::usage(format!("{SETTING} names no user")).hint(EXAMPLE))?;
        let password = take("PGPASSWORD").map(Secret);
        let connection = Self { database, user, password, variables, left_out, newest };
        connection.check_place()?;
        Ok(connection.with_one_server())
    }

    /// The part that a password with a bare `@`, `/` or `:` would have fallen into.
    fn check_place(&self) -> Result<(), Fault> {
        let is_port = |port: &str| port.is_empty() || port.parse::<u16>().is_ok_and(|port| port > 0);
        if !self.ports().iter().all(|port| is_port(port)) {
            let fault = Fault::usage(format!("{SETTING} has a port that is not a number from 1 to 65535"));
            return Err(fault.hint("in user and password : must be written %3A, / %2F, @ %40, % %25"));
        }
        let is_host = |host: &&str| host.starts_with(['/', '@']) || !host.contains(['@', '/', '?', ' ']);
        if !self.hosts().iter().all(is_host) {
            let fault = Fault::usage(format!("{SETTING} has a host with a character that no host name has"));
            return Err(fault.hint("in user and password @ must be written %40, / %2F, : %3A, % %25"));
        }
        Ok(())
    }

    /// Where the address names several servers, every step connects to the same one: the one that takes changes.
    fn with_one_server(mut self) -> Self {
        if self.hosts().len() > 1 && self.variable("PGTARGETSESSIONATTRS").is_none() {
            self.variables.push(("PGTARGETSESSIONATTRS", "read-write".to_owned()));
        }
        self
    }

    /// Programs of this major version know each parameter of the address. libpq passes over variables that it does not
    /// know, so that an older one would connect in a way that the address does not allow.
    ///
    /// # Errors
    /// Exit 2: they do not.
    pub(super) fn check_known_by(&self, major: u32) -> Result<(), Fault> {
        let Some((since, name)) = self.newest.as_ref().filter(|(since, _)| *since > major) else { return Ok(()) };
        let message = format!(
            "{SETTING} has {name}, which PostgreSQL's programs know from version {since} on; these are {major}"
        );
        Err(Fault::usage(message).hint(format!("leave {name} out, or name newer programs: XTASK_PG_BIN=/path/to/bin")))
    }

    /// What programs get by this variable.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    fn hosts(&self) -> Vec<&str> {
        let named = self.variable("PGHOST").or_else(|| self.variable("PGHOSTADDR"));
        named.unwrap_or_default().split(',').map(str::trim).collect()
    }

    fn ports(&self) -> Vec<&str> {
        self.variable("PGPORT").unwrap_or_default().split(',').map(str::trim).collect()
    }

    /// How many servers are named.
    pub(super) fn servers(&self) -> usize {
        self.hosts().len()
    }

    /// The address of this database as a URI without a login: `postgres://db.example.com:5432/openfga`.
    pub(super) fn uri(&self, database: &str) -> String {
        let (ports, database) = (self.ports(), percent::encoded(database));
        if self.hosts().iter().any(|host| host.is_empty() || host.starts_with(['/', '@'])) {
            let named = [("host", self.hosts().join(",")), ("port", ports.join(","))];
            let named = named.iter().filter(|(_, value)| !value.is_empty());
            let named: Vec<String> = named.map(|(name, value)| format!("{name}={}", percent::encoded(value))).collect();
            return format!("postgres:///{database}?{}", named.join("&"));
        }
        let servers = self.hosts().into_iter().enumerate().map(|(at, host)| {
            let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
            let port = ports.get(at).or(ports.first()).filter(|port| !port.is_empty());
            port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"))
        });
        format!("postgres://{}/{database}", servers.collect::<Vec<_>>().join(","))
    }

    /// `db.example.com:5432`; several with commas between them.
    pub(super) fn place(&self) -> String {
        let ports = self.ports();
        let of = |at: usize| ports.get(at).or(ports.first()).filter(|port| !port.is_empty()).copied().unwrap_or("5432");
        let shown = self.hosts().into_iter().enumerate().map(|(at, host)| match host {
            "" if platform::WINDOWS => format!("localhost:{}", of(at)),
            "" => format!("this host's socket, port {}", of(at)),
            socket if socket.starts_with(['/', '@']) => format!("socket {socket}, port {}", of(at)),
            address if address.contains(':') => format!("[{address}]:{}", of(at)),
            host => format!("{host}:{}", of(at)),
        });
        shown.collect::<Vec<_>>().join(", ")
    }

    /// Whether every server named is this host.
    pub(super) fn is_loopback(&self) -> bool {
        let addresses = self.variable("PGHOSTADDR").map(|list| list.split(',').map(str::trim).collect());
        addresses
            .unwrap_or_else(|| self.hosts())
            .into_iter()
            .all(|host| host.is_empty() || host.starts_with(['/', '@']) || is_loopback(host))
    }
}

fn parse(text: &str) -> Result<Vec<(String, String)>, &'static str> {
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return uri::parameters(text);
    }
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    match scheme {
        Some(scheme) if scheme.starts_with("postgres") || scheme == "jdbc:postgresql" => {
            Err("it begins with another library's scheme; libpq reads postgres:// and postgresql://")
        }
        Some(scheme) if !scheme.contains(['=', ' ']) => Err("it is not a PostgreSQL address"),
        _ => conninfo::parameters(text),
    }
}

/// Who libpq would log in as: the user of this process.
fn own_name(settings: &Settings) -> Option<String> {
    let by_number = platform::user_id().and_then(platform::user_numbered).map(|user| user.name);
    by_number.or_else(|| ["USER", "USERNAME"].iter().find_map(|name| settings.get(name)).map(str::to_owned))
}

/// Names as they stand in the setting. What is no plausible name may be a piece of a password.
fn shown_names(names: &[String]) -> String {
    let plain = |name: &&String| {
        name.len() <= 40 && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-.".contains(letter))
    };
    let shown = names.iter().map(|name| Some(name).filter(plain).map_or("(unreadable)", |name| name.as_str()));
    shown.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(text: &str) -> Result<Connection, Fault> {
        let given = parse(text).map_err(Fault::usage)?;
        Connection::build(given, Path::new("/checkout"), || Some("me".to_owned()))
    }

    fn good(text: &str) -> Connection {
        connection(text).unwrap_or_else(|fault| panic!("{text}: {fault}"))
    }

    #[test]
    fn a_typed_database_replaces_that_of_the_address_and_nothing_else() {
        let of = |address: &str, typed: Option<&str>| {
            let mut settings = Settings::default();
            settings.set_flag(SETTING, address);
            Connection::of(&settings, Path::new("/"), typed)
        };
        for (address, typed) in [
            ("postgres://u:p@h:5433/d?sslmode=require", "other"),
            ("postgres://u:p@h:5433/d?sslmode=require&dbname=e", "a=b://c"),
            ("host=h port=5433 user=u password=p sslmode=require", "-x 'y'"),
        ] {
            let found = of(address, Some(typed)).unwrap();
            assert_eq!((found.database.as_str(), found.user.as_str()), (typed, "u"));
            assert_eq!((found.place().as_str(), found.variable("PGSSLMODE")), ("h:5433", Some("require")));
            assert_eq!(found.password.unwrap().0, "p");
        }
        assert_eq!(of("postgres://u@h/d", None).unwrap().database, "d");
        assert_eq!(of("postgres://u@h", None).unwrap_err().exit.code(), 2);
    }

    #[test]
    fn a_place_is_shown_without_its_login() {
        for (text, place, loopback) in [
            ("postgres://u:hunter2@db.example.com/d", "db.example.com:5432", false),
            ("postgres://u@LOCALHOST:5433/d", "LOCALHOST:5433", true),
            ("postgres://[::1]:6/d", "[::1]:6", true),
            ("postgres://127.8.9.10/d", "127.8.9.10:5432", true),
            ("postgres://a:1,b:2/d", "a:1, b:2", false),
            ("postgres://localhost,db:2/d", "localhost:5432, db:2", false),
            ("postgres://%2Frun%2Fpg/d", "socket /run/pg, port 5432", true),
            ("host=localhost hostaddr=10.0.0.1 dbname=d", "localhost:5432", false),
            ("postgres://localhost.evil/d", "localhost.evil:5432", false),
        ] {
            let connection = good(text);
            assert_eq!((&*connection.place(), connection.is_loopback()), (place, loopback), "{text}");
            assert!(!format!("{connection:?}").contains("hunter2"));
        }
    }

    #[test]
    fn what_is_left_out_is_taken_from_nowhere_but_the_system() {
        let connection = good("postgres:///app?sslmode=verify-full&sslrootcert=certs/ca.pem&schema=public");
        assert_eq!((&*connection.user, &*connection.database), ("me", "app"));
        assert!(connection.password.is_none());
        let certificate = Path::new("/checkout").join("certs/ca.pem");
        assert_eq!(connection.variable("PGSSLROOTCERT").map(Path::new), Some(&*certificate));
        assert_eq!(connection.left_out, ["schema"]);
        assert!(good("postgres://a,b/d").variables.contains(&("PGTARGETSESSIONATTRS", "read-write".to_owned())));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for text in [
            "postgres://u:hunter2@h",
            "postgres://u:hunter2@h/",
            "mysql://u:hunter2@h/d",
            "postgresql+asyncpg://u:hunter2@h/d",
            "jdbc:postgresql://h/d?password=hunter2",
            "hunter2",
            "postgres://u:hunter2@h:0/d",
            "postgres://u:hunter2@h:70000/d",
            "postgres://u:hunter2@h/d?sslaccept=strict",
            "postgres://u:hunter2@h/d?service=x",
            "postgres://u:hunter2@h/d?hunter2%20=x",
            "host='a@hunter2' dbname=d",
        ] {
            let fault = connection(text).unwrap_err();
            assert!(
                fault.exit == crate::error::Exit::Usage && !fault.to_string().contains("hunter2"),
                "{text}: {fault}"
            );
        }
        assert!(connection("postgres://h/d?sslaccept=strict&schema=x").unwrap_err().to_string().contains("sslaccept"));
    }
}
