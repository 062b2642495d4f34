//! A real Compose stack: one that all tests of a run share, a database for each of them; or one of a test's own.

use super::openfga::Api;
use super::run::fed;
use super::sandbox::{Sandbox, free_port};
use super::{Need, Outcome, Session, Xtask, needs, quiet, removal, session};
use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// A Compose project with free ports and volumes of its own; gone when it is dropped.
#[derive(Debug)]
pub struct Stack {
    pub sandbox: Sandbox,
    pub postgres_port: u16,
    pub openfga_port: u16,
    container: OnceLock<String>,
    admin: session::Shared,
    seed: OnceLock<()>,
    /// Databases that are made and not used yet, by the options that they were made with.
    unused: Mutex<HashMap<String, Vec<String>>>,
    /// Tests share it: a database is made in stock, because that waits for every load, and is left when its test ends.
    is_shared: bool,
}

/// With OpenFGA's tables, a store, a model and tuples.
const SEEDED: &str = "TEMPLATE openfga_seed";

/// For a stack that runs as long as the suite: once PostgreSQL is healthy the next check lasts as long as the
/// container. Docker would start one every two seconds, for 0.07 s of a core each.
pub const HEALTHY_ONCE: &str = "
    healthcheck:
      test: [CMD-SHELL, 'test ! -e /dev/shm/healthy || exec sleep 86400; psql -XAt -h 127.0.0.1 -U postgres -c \"SELECT 1\" openfga && touch /dev/shm/healthy']
      timeout: 24h
";

/// Ten thousand members take the 3 s that a request has on a slow machine.
const PATIENT: &str = "  openfga: {environment: {OPENFGA_REQUEST_TIMEOUT: 14s, OPENFGA_HTTP_UPSTREAM_TIMEOUT: 15s}}\n";

/// The stack that all tests share. It is started by the first that asks; it must not be stopped, killed or filled.
#[track_caller]
pub fn shared() -> &'static Stack {
    static SHARED: OnceLock<Result<Stack, String>> = OnceLock::new();
    let stack = SHARED.get_or_init(|| {
        removal::remove_leftovers();
        let stack = Stack::new().shared();
        let openfga = if needs::has(Need::Openfga) { PATIENT.to_owned() } else { unused() };
        stack.override_with(&format!("services:\n{openfga}  postgres:{HEALTHY_ONCE}"));
        let outcome = stack.xtask(["up"]).run();
        if outcome.code != Some(0) {
            return Err(format!(
                "the shared stack does not start: xtask up ended with {:?}\n{}",
                outcome.code, outcome.stderr
            ));
        }
        stack.without_autovacuum();
        Ok(stack)
    });
    stack.as_ref().unwrap_or_else(|error| panic!("{error}"))
}

impl Stack {
    /// A stack that is not started yet; without OpenFGA where this machine has no image of it.
    pub fn new() -> Self {
        let stack = Self::of(Sandbox::new());
        if !needs::has(Need::Openfga) {
            stack.without_openfga();
        }
        stack
    }

    /// A stack of PostgreSQL alone: it starts in a third of the time.
    pub fn postgres_only() -> Self {
        let stack = Self::of(Sandbox::new());
        stack.without_openfga();
        stack
    }

    /// The same, for many tests.
    #[must_use]
    pub fn shared(mut self) -> Self {
        self.is_shared = true;
        self
    }

    /// Autovacuum would go round hundreds of databases.
    #[track_caller]
    pub fn without_autovacuum(&self) {
        self.admin("ALTER SYSTEM SET autovacuum_naptime TO '1d'");
        self.admin("SELECT pg_reload_conf()");
    }

    /// The stack of this checkout.
    pub fn of(sandbox: Sandbox) -> Self {
        let (postgres_port, openfga_port) = (free_port(), free_port());
        sandbox.set("POSTGRES_PORT", &postgres_port.to_string());
        sandbox.set("OPENFGA_HTTP_PORT", &openfga_port.to_string());
        sandbox.set("OPENFGA_GRPC_PORT", &free_port().to_string());
        sandbox.set("OPENFGA_METRICS_PORT", &free_port().to_string());
        Self {
            sandbox,
            postgres_port,
            openfga_port,
            container: OnceLock::new(),
            admin: session::Shared::default(),
            seed: OnceLock::new(),
            unused: Mutex::default(),
            is_shared: false,
        }
    }

    fn without_openfga(&self) {
        self.override_with(&format!("services:\n{}", unused()));
    }

    /// Writes docker-compose.override.yml.
    pub fn override_with(&self, yaml: &str) {
        self.sandbox.write("docker-compose.override.yml", yaml);
    }

    /// The binary in this stack's checkout.
    pub fn xtask<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Xtask {
        Xtask::new(&self.sandbox).args(args)
    }

    /// Starts all of it with our own `up`, which must work.
    #[track_caller]
    pub fn up(&self) -> Outcome {
        let outcome = self.xtask(["up", "--all"]).run();
        outcome.ok();
        outcome
    }

    /// A docker command about this stack's containers; gives its stdout.
    #[track_caller]
    pub fn docker(&self, args: &[&str]) -> String {
        docker(args)
    }

    /// The id of a service's container, running or not.
    #[track_caller]
    pub fn container_of(&self, service: &str) -> String {
        let project = format!("label=com.docker.compose.project={}", self.sandbox.project);
        let service = format!("label=com.docker.compose.service={service}");
        let ids = docker(&["ps", "--all", "--quiet", "--no-trunc", "--filter", &project, "--filter", &service]);
        assert_eq!(ids.lines().count(), 1, "one container of {service} was expected: {ids:?}");
        ids
    }

    /// The id of PostgreSQL's container.
    #[track_caller]
    pub fn postgres(&self) -> &str {
        self.container.get_or_init(|| self.container_of("postgres"))
    }

    /// Runs SQL by psql, not through our binary; what it prints, unaligned.
    #[track_caller]
    pub fn psql(&self, database: &str, sql: &str) -> String {
        let words = ["psql", "-X", "-qAt", "-v", "ON_ERROR_STOP=1", "-d", database];
        let (output, errors) = quiet::changing(&self.sandbox.project, sql, || self.client(&words, sql));
        let output = output.unwrap_or_else(|| panic!("{sql}\n{errors}"));
        String::from_utf8_lossy(&output).trim_end().to_owned()
    }

    /// Runs a client program as `postgres`: one of this host, which takes a third of the time, or where there is none
    /// that gets in and fits, one in PostgreSQL's container. Stdout if it worked, and stderr.
    pub fn client(&self, words: &[&str], input: impl Into<Vec<u8>>) -> (Option<Vec<u8>>, String) {
        let input = input.into();
        if let Some(folder) = needs::server_programs() {
            let mut command = Command::new(folder.join(words[0]));
            command.args(&words[1..]).env("PGHOST", "127.0.0.1").env("PGPORT", self.postgres_port.to_string());
            command.env("PGUSER", "postgres").env("PGPASSWORD", "postgres").env("PGCLIENTENCODING", "UTF8");
            let (output, errors) = fed(command, input.clone());
            let unfit = ["error: connection to server at", "server version mismatch"];
            if !unfit.iter().any(|words| errors.contains(words)) {
                return (output, errors);
            }
        }
        self.exec(words, input)
    }

    /// Runs a program in PostgreSQL's container, as `postgres` for the server; stdout if it worked, and stderr.
    pub fn exec(&self, words: &[&str], input: impl Into<Vec<u8>>) -> (Option<Vec<u8>>, String) {
        let mut command = Command::new("docker");
        command.args(["exec", "-i", "-e", "PGUSER=postgres", "-e", "PGCLIENTENCODING=UTF8", self.postgres()]);
        command.args(words);
        fed(command, input.into())
    }

    /// A statement in the maintenance database, over a session that stays: a few milliseconds.
    #[track_caller]
    pub fn admin(&self, sql: &str) -> String {
        let answer = quiet::changing(&self.sandbox.project, sql, || self.admin.try_sql(self.postgres(), sql));
        answer.unwrap_or_else(|error| panic!("{sql}\n{error}"))
    }

    /// Ends the sessions of its own: their server was killed, or their database is to be renamed.
    pub fn forget_sessions(&self) {
        self.admin.forget();
    }

    /// Until it is dropped no other test loads into this server: for a test whose files change what belongs to all of it.
    pub fn alone(&self) -> quiet::Quiet {
        quiet::while_changing(&self.sandbox.project)
    }

    /// An empty database, and a checkout whose settings name it.
    #[track_caller]
    pub fn database(&self) -> Database<'_> {
        self.database_with("")
    }

    /// The same with CREATE DATABASE's options: `TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'`.
    #[track_caller]
    pub fn database_with(&self, options: &str) -> Database<'_> {
        let ready = || self.unused.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = ready().get_mut(options).and_then(Vec::pop);
        let name = taken.unwrap_or_else(|| {
            // First the server, then the list: a test that loads now may take a name meanwhile.
            let _alone = self.alone();
            let mut unused = ready();
            let names = unused.entry(options.to_owned()).or_default();
            if names.is_empty() {
                names.extend((0..self.stock(options)).map(|_| self.create_database(options)));
            }
            names.pop().unwrap()
        });
        self.checkout(name)
    }

    fn stock(&self, options: &str) -> usize {
        match options {
            _ if !self.is_shared => 1,
            "" => 12,
            "TEMPLATE template0" | SEEDED => 4,
            _ => 1,
        }
    }

    fn create_database(&self, options: &str) -> String {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("t_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        self.admin(&format!("CREATE DATABASE {name} {options}"));
        name
    }

    /// A database of this name, whatever letters it has.
    #[track_caller]
    pub fn database_named(&self, name: &str, options: &str) -> Database<'_> {
        let _alone = self.alone();
        // An earlier test may have left one of this name.
        self.admin(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", identifier(name)));
        self.admin(&format!("CREATE DATABASE {} {options}", identifier(name)));
        self.checkout(name.to_owned())
    }

    fn checkout(&self, name: String) -> Database<'_> {
        let sandbox = Sandbox::new();
        sandbox.set("COMPOSE_PROJECT_NAME", &self.sandbox.project);
        Database { stack: self, name, sandbox }
    }

    /// A database that holds what OpenFGA wrote: its schema, one store, one model, ten tuples, through its API.
    /// Where there is no OpenFGA, the same by SQL.
    #[track_caller]
    pub fn openfga_database(&self) -> Database<'_> {
        self.seed.get_or_init(|| {
            self.admin("CREATE DATABASE openfga_seed");
            if !needs::has(Need::Openfga) {
                self.psql("openfga_seed", include_str!("openfga.sql"));
                return;
            }
            self.openfga().seed("acme");
            let copy = "pg_dump -d openfga | psql -X -q -v ON_ERROR_STOP=1 -d openfga_seed";
            let (output, errors) = self.exec(&["sh", "-ec", copy], "");
            assert!(output.is_some(), "{errors}");
        });
        self.database_with(SEEDED)
    }

    /// OpenFGA's API on the mapped port.
    pub fn openfga(&self) -> Api {
        Api::at(&format!("http://127.0.0.1:{}", self.openfga_port))
    }

    /// A session of its own in this database.
    pub fn session(&self, database: &str) -> Session {
        Session::new(self.postgres(), "postgres", database)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if std::env::var_os("XTASK_TEST_KEEP").is_none() {
            let project = self.sandbox.project.clone();
            removal::remove(&|name| {
                name.strip_prefix(&project).is_some_and(|rest| ["", "-monitoring"].contains(&rest))
            });
        }
    }
}

/// OpenFGA's services, switched off.
pub fn unused() -> String {
    ["openfga", "openfga-migrate"].map(|name| format!("  {name}:\n    profiles: [unused]\n")).concat()
}

/// A database of a test's own on a stack, and a checkout that means it (through `POSTGRES_DB`).
#[derive(Debug)]
pub struct Database<'a> {
    pub stack: &'a Stack,
    pub name: String,
    pub sandbox: Sandbox,
}

impl Database<'_> {
    /// The binary, on this database.
    pub fn xtask<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Xtask {
        Xtask::new(&self.sandbox).env("POSTGRES_DB", &self.name).args(args)
    }

    /// Runs SQL in it, not through our binary.
    #[track_caller]
    pub fn sql(&self, sql: &str) -> String {
        self.stack.psql(&self.name, sql)
    }

    /// A session of its own in it, to hold a lock with.
    pub fn session(&self) -> Session {
        self.stack.session(&self.name)
    }

    /// What a hand would do with a backup: a new database from this file, by psql; gives its messages.
    #[track_caller]
    pub fn restored_from(&self, file: &Path) -> Database<'_> {
        let copy = self.stack.database_with("TEMPLATE template0");
        let text = std::fs::read(file).unwrap();
        let words = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &copy.name];
        let (output, errors) = self.stack.client(&words, text);
        assert!(output.is_some(), "{} cannot be restored by hand\n{errors}", file.display());
        copy
    }

    /// A dump of it by the container's own pg_dump, the same bytes for the same content.
    #[track_caller]
    pub fn dump(&self) -> Vec<u8> {
        self.stack.dump_of(&self.name)
    }
}

/// A name as SQL quotes it.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[track_caller]
fn docker(args: &[&str]) -> String {
    let output = Command::new("docker").args(args).stdin(Stdio::null()).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "docker {args:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}
