//! What tests of the `url` target ask: a real server reached by an address, a role that owns one database there and is
//! no superuser, TLS with a certificate of its own, a pooler in between.

use super::backup::dumped;
use super::{Local, Sandbox, Xtask, needs, quiet, sandbox, shared_local, wait_until};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// Every letter that an address gives a meaning to.
pub const PASSWORD: &str = "p@ss/w:%#? é'\\";
const ENCODED: &str = "p%40ss%2Fw%3A%25%23%3F%20%C3%A9%27%5C";

/// A database of a test's own, its owner, and a checkout whose `DATABASE_URL` names both.
#[derive(Debug)]
pub struct UrlDatabase {
    pub server: &'static Local,
    pub name: String,
    pub role: String,
    pub sandbox: Sandbox,
}

impl UrlDatabase {
    /// Its owner may make databases, and is no superuser.
    #[track_caller]
    pub fn new() -> Self {
        let server = shared_local();
        let number = unused_number(server);
        let (name, role) = (database_name(number), role_name(number));
        let sandbox = Sandbox::new();
        sandbox.set("XTASK_TARGET", "url");
        if let Some(programs) = std::env::var_os("XTASK_PG_BIN") {
            sandbox.set("XTASK_PG_BIN", programs.to_str().unwrap());
        }
        Self { server, name, role, sandbox }
    }

    /// `postgres://owner:password@HOST:PORT/REST`.
    pub fn address(&self, host: &str, port: u16, rest: &str) -> String {
        format!("postgres://{}:{ENCODED}@{host}:{port}/{rest}", self.role.replace(' ', "%20"))
    }

    /// Until it is dropped no other test loads into this server: for a test whose files change what belongs to all of it.
    pub fn alone(&self) -> quiet::Quiet {
        quiet::while_changing(quiet::SHARED_LOCAL)
    }

    /// The address of the database, with parameters behind it: `sslmode=require`.
    pub fn url(&self, parameters: &str) -> String {
        self.address("127.0.0.1", self.server.port(), &format!("{}?{parameters}", self.name))
    }

    /// The binary, on this database.
    pub fn xtask<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Xtask {
        Xtask::new(&self.sandbox).env("DATABASE_URL", self.url("")).args(args)
    }

    /// Runs SQL in it as a superuser, not through our binary.
    #[track_caller]
    pub fn sql(&self, sql: &str) -> String {
        self.server.sql(&self.name, sql)
    }

    /// Runs SQL in it as its owner.
    #[track_caller]
    pub fn own(&self, sql: &str) -> String {
        self.sql(&format!("SET ROLE \"{}\";\n{sql}", self.role))
    }

    /// Runs SQL in the maintenance database as a superuser; `@role` and `@name` stand for its own.
    #[track_caller]
    pub fn admin(&self, sql: &str) -> String {
        self.server.sql("postgres", &sql.replace("@role", &format!("\"{}\"", self.role)).replace("@name", &self.name))
    }

    /// Gives the role the password again that its address has.
    pub fn reset_password(&self) {
        self.admin(&format!("ALTER ROLE @role PASSWORD {}", password_literal()));
    }

    /// The database that holds this role's record, by the name that the role has a right to.
    pub fn record_name(&self) -> String {
        let role = self.role.replace('\'', "''");
        let hash = format!("SELECT pg_catalog.to_hex(pg_catalog.hashnameextended('{role}'::name, 0))");
        format!("xtask_record_role-{}", self.admin(&hash))
    }

    /// Whether a database of that name is there.
    pub fn has_record(&self) -> bool {
        self.admin(&format!("SELECT count(*) FROM pg_database WHERE datname = '{}'", self.record_name())) == "1"
    }

    /// A dump of it, the same bytes for the same content.
    #[track_caller]
    pub fn dump(&self) -> Vec<u8> {
        dumped(|words| self.server.client(&self.name, words, b""))
    }

    /// The databases of this purpose beside it: `before`, `staging`.
    pub fn beside(&self, purpose: &str) -> Vec<String> {
        let names = self.admin(&format!("SELECT datname FROM pg_database WHERE datname ~ '^@name_{purpose}_[0-9_]+$'"));
        names.lines().map(str::to_owned).collect()
    }
}

/// A role beside a database, which goes with what it has.
#[derive(Debug)]
pub struct Role<'a> {
    database: &'a UrlDatabase,
    /// As SQL has it.
    pub name: String,
}

impl<'a> Role<'a> {
    /// The database's own role may act as it.
    pub fn new(database: &'a UrlDatabase) -> Self {
        let role = Self::named(database, format!("{}_app", database.name));
        database.admin(&format!("GRANT {} TO @role", role.name));
        role
    }

    /// One of this name, as SQL has it.
    pub fn named(database: &'a UrlDatabase, name: String) -> Self {
        database.admin(&format!("CREATE ROLE {name}"));
        Self { database, name }
    }
}

impl Drop for Role<'_> {
    fn drop(&mut self) {
        self.database.drop_databases();
        self.database.admin(&format!("DROP ROLE {}", self.name));
    }
}

fn password_literal() -> String {
    format!("E'{}'", PASSWORD.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn database_name(number: usize) -> String {
    format!("u_{number}")
}

fn role_name(number: usize) -> String {
    format!("owner {number}")
}

/// The number of a role and its database that no test has used. They are made in stock, because that waits for every load
/// into the server, and stay as long as the server.
#[track_caller]
fn unused_number(server: &Local) -> usize {
    const STOCK: usize = 8;
    static UNUSED: Mutex<(usize, Vec<usize>)> = Mutex::new((0, Vec::new()));
    let ready = || UNUSED.lock().unwrap_or_else(PoisonError::into_inner);
    let taken = ready().1.pop();
    if let Some(number) = taken {
        return number;
    }
    // First the server, then the list: a test that loads now may take a number meanwhile.
    let _alone = quiet::while_changing(quiet::SHARED_LOCAL);
    let mut unused = ready();
    if let Some(number) = unused.1.pop() {
        return number;
    }
    let numbers = unused.0..unused.0 + STOCK;
    let password = password_literal();
    let pair = |number| {
        let (name, role) = (database_name(number), role_name(number));
        format!(
            "CREATE ROLE \"{role}\" LOGIN CREATEDB PASSWORD {password};\n\
             CREATE DATABASE {name} TEMPLATE template0 OWNER \"{role}\";\n"
        )
    };
    server.sql("postgres", &numbers.clone().map(pair).collect::<String>());
    *unused = (numbers.end, numbers.rev().collect());
    unused.1.pop().unwrap()
}

impl UrlDatabase {
    /// Drops it, what stands beside it, and the role's record, so that its roles can go.
    pub fn drop_databases(&self) {
        self.drop_those_named("(_.*)?");
        let role = self.role.replace('\'', "''");
        let own = "SELECT datname FROM pg_database WHERE starts_with(datname, 'xtask_record_') AND pg_get_userbyid(datdba) = ";
        self.quietly(&format!("{own}'{role}'")).lines().for_each(|name| self.drop_one(name));
    }

    /// Drops what stands beside it.
    pub fn drop_beside(&self) {
        self.drop_those_named("_.*");
    }

    fn drop_those_named(&self, rest: &str) {
        let names = self.quietly(&format!("SELECT datname FROM pg_database WHERE datname ~ '^{}{rest}$'", self.name));
        names.lines().for_each(|name| self.drop_one(name));
    }

    fn drop_one(&self, name: &str) {
        self.quietly(&format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)"));
    }

    /// A server that a failed test ended has nothing left to clear up.
    fn quietly(&self, sql: &str) -> String {
        let words = ["psql", "-XqAt"];
        let said =
            quiet::changing(quiet::SHARED_LOCAL, sql, || self.server.client("postgres", &words, sql.as_bytes()).0);
        String::from_utf8_lossy(&said.unwrap_or_default()).into_owned()
    }
}

/// A local server that was started again by hand to speak TLS; ended when it is dropped.
#[derive(Debug)]
pub struct TlsServer {
    pub port: u16,
    pub password: String,
    /// The server's certificate, good for `localhost` alone.
    pub certificate: PathBuf,
    _server: ServerByHand,
}

impl TlsServer {
    #[track_caller]
    pub fn start() -> Self {
        let local = Local::new();
        local.up();
        local.xtask(["down"]).run().ok();
        let folder = local.folder();
        let (data, password) = (folder.join("data"), local.password());
        let (key, certificate) = (data.join("server.key"), data.join("server.crt"));
        let made = Command::new("openssl")
            .args(["req", "-new", "-x509", "-days", "2", "-nodes", "-newkey", "rsa:2048", "-subj", "/CN=localhost"])
            .args(["-addext", "subjectAltName=DNS:localhost", "-keyout"])
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let owner = fs::metadata(&data).unwrap();
        for file in [&key, &certificate] {
            std::os::unix::fs::chown(file, Some(owner.uid()), Some(owner.gid())).unwrap();
            fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
        }
        let server = ServerByHand::start(local, &["ssl=on"], &[]);
        Self { port: server.port, password, certificate, _server: server }
    }
}

/// The server of a local target that is down, started by hand with other settings; ended when it is dropped.
#[derive(Debug)]
pub struct ServerByHand {
    /// Its folder goes when this is dropped.
    pub local: Local,
    pub port: u16,
    process: Child,
}

impl ServerByHand {
    #[track_caller]
    pub fn start(local: Local, settings: &[&str], environment: &[(&str, &str)]) -> Self {
        let data = local.folder().join("data");
        let owner = fs::metadata(&data).unwrap();
        let port = sandbox::free_port();
        let mut command = Command::new(needs::server_programs().unwrap().join("postgres"));
        command.uid(owner.uid()).gid(owner.gid()).current_dir("/").arg("-D").arg(&data);
        let port_setting = format!("port={port}");
        let all = ["listen_addresses=127.0.0.1", "unix_socket_directories=", &port_setting];
        for setting in all.iter().chain(settings) {
            command.args(["-c", setting]);
        }
        command.envs(environment.iter().copied());
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = Self { local, port, process };
        let state = data.join("postmaster.pid");
        wait_until("the server is ready", || fs::read_to_string(&state).is_ok_and(|text| text.contains("ready")));
        server
    }
}

impl Drop for ServerByHand {
    fn drop(&mut self) {
        super::local::signal(self.process.id(), rustix::process::Signal::QUIT);
        let _ = self.process.wait();
    }
}

/// A pgbouncer before the shared server; ended when it is dropped.
#[derive(Debug)]
pub struct Pooler {
    pub port: u16,
    process: Child,
}

impl Pooler {
    /// In this mode, with these lines more.
    #[track_caller]
    pub fn start(database: &UrlDatabase, mode: &str, lines: &str) -> Self {
        let port = sandbox::free_port();
        let folder = database.sandbox.beside(&format!("pooler-{port}"));
        fs::create_dir_all(&folder).unwrap();
        let users = folder.join("users.txt");
        fs::write(&users, format!("\"{}\" \"{PASSWORD}\"\n", database.role)).unwrap();
        let file = folder.join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = scram-sha-256\nauth_file = {}\npool_mode = {mode}\n{lines}\n",
            database.server.port(),
            users.display()
        );
        fs::write(&file, text).unwrap();
        for path in [&users, &file] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
        }
        let mut command = match rustix::process::geteuid().is_root() {
            // It refuses to run as root.
            true => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid=nobody", "--clear-groups", "pgbouncer"]);
                command
            }
            false => Command::new("pgbouncer"),
        };
        let process =
            command.arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_until("pgbouncer listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { port, process }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A folder of client programs that say that they are of this major version, and are the real ones otherwise.
pub fn clients_of(sandbox: &Sandbox, major: u32) -> PathBuf {
    let real = needs::server_programs().unwrap();
    let folder = sandbox.beside(&format!("clients-{major}"));
    fs::create_dir_all(&folder).unwrap();
    for name in ["psql", "pg_dump"] {
        let (path, real) = (folder.join(name), real.join(name));
        let text = format!(
            "#!/bin/sh\n[ \"$1\" = --version ] && {{ echo '{name} (PostgreSQL) {major}.1'; exit; }}\nexec '{}' \"$@\"\n",
            real.display()
        );
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}
