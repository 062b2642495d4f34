//! The way past Docker's programs: this host's own PostgreSQL programs, by the port that Docker publishes for the
//! database's container. What goes through `docker exec` is copied twice more.
//!
//! It is taken only where nothing speaks against it, and never to another server: the one that answers at the port must
//! be the one that answers inside the container, and the port must be Docker's. That is asked again before each program.

use super::Compose;
use super::direct_server::{Direct, Identity};
use super::engine::DEADLINE;
use super::inspection::Inspection;
use super::port_holder;
use super::stack_login::StackLogin;
use crate::process::{self, Program};
use crate::target::backend::{Bulk, Launch};
use crate::target::client;
use crate::target::clients::{self, Clients};
use crate::target::direct_choice::DirectChoice;
use crate::target::programs::EMBEDDED;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The image's, where neither its command line nor a variable says another.
const USUAL_PORT: u16 = 5432;
/// A port of this host takes a connection by then.
const CONTACT: Duration = Duration::from_secs(1);
/// A server on this host answers by then.
const ANSWER: Duration = Duration::from_secs(10);
/// Fewer bytes go through Docker sooner than a direct connection is found.
const SMALL: u64 = 8 << 20;

/// Variables of a container that give the programs inside another meaning than the same programs here would have.
const MEANING: [&str; 8] = [
    "PGOPTIONS",
    "PGCLIENTENCODING",
    "PGSERVICE",
    "PGSERVICEFILE",
    "PGDATESTYLE",
    "PGTZ",
    "PGGEQO",
    "PGTARGETSESSIONATTRS",
];

/// Where the server of a container is published on this host.
///
/// # Errors
/// Why it is not, or why programs here would mean something else than programs inside.
pub(super) fn published(container: Option<&Inspection>, login: &StackLogin) -> Result<SocketAddr, String> {
    let container = container.filter(|container| container.runs).ok_or("its container does not run")?;
    if let Some(name) = MEANING.iter().find(|name| container.environment.contains_key(**name)) {
        return Err(format!("{name} is set inside the container"));
    }
    if login.password.is_none() {
        return Err("no password of the server is known".to_owned());
    }
    let told = login.inside.iter().find(|(name, _)| *name == "PGPORT").map(|(_, port)| port);
    let inside = match told.or_else(|| container.environment.get("PGPORT")) {
        Some(port) => port.parse().map_err(|_| "its port is not known".to_owned())?,
        None => USUAL_PORT,
    };
    let found = container.bindings.get(&inside).and_then(|bound| bound.first());
    found.copied().ok_or_else(|| format!("its port {inside} is not published on this host"))
}

impl Compose {
    /// A program through which a whole database goes, to be started past Docker; `None`: it runs inside the container.
    pub(super) fn direct(&self, name: &str, launch: &Launch) -> Option<Program> {
        let bulk = launch.bulk?;
        if DirectChoice::chosen(&self.settings).is_ok_and(|choice| choice == DirectChoice::Never) {
            return None;
        }
        let found = self.program_past_docker(bulk, name, launch);
        found.map_err(|why| process::remark(&format!("{name} runs inside the container: {why}"))).ok()
    }

    fn program_past_docker(&self, bulk: Bulk, name: &str, launch: &Launch) -> Result<Program, String> {
        if bulk.bytes.is_some_and(|bytes| bytes < SMALL) {
            return Err("so few megabytes go through Docker sooner than a direct connection is found".to_owned());
        }
        let mut is_new = false;
        let looked = self.direct.get_or_init(|| {
            is_new = true;
            self.find_direct(launch)
        });
        let Direct { clients, address, server } = looked.as_ref().map_err(String::clone)?;
        // Another server may have got the port meanwhile.
        let asked = || {
            let psql = self.program_here(clients, *address, "psql", launch).ok()?;
            Identity::asked(psql, ANSWER)
        };
        if !is_new && asked().as_ref() != Some(server) {
            return Err(format!("another server answers at {address} now, or none"));
        }
        self.program_here(clients, *address, name, launch)
    }

    /// Whether Docker's engine is reached by a socket of this host: by `DOCKER_HOST`, `DOCKER_CONTEXT`, or the context
    /// that `docker context use` has chosen.
    fn check_engine_is_here(&self) -> Result<(), String> {
        const HOST: [&str; 4] = ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"];
        if !self.by_docker {
            return Err("XTASK_COMPOSE may name a program with another engine".to_owned());
        }
        let said = Program::new("docker").args(HOST).capture(DEADLINE).ok().filter(|said| said.ending.success());
        let host = said.ok_or("Docker does not say where its engine is")?.text();
        if ["unix://", "npipe://"].iter().any(|here| host.starts_with(here)) {
            return Ok(());
        }
        Err("Docker's context names an engine on another host".to_owned())
    }

    /// Looks for the way: what costs nothing first.
    fn find_direct(&self, launch: &Launch) -> Result<Direct, String> {
        self.check_engine_is_here()?;
        let address = self.readable().map_err(|error| format!("{error:#}"))?.published.clone()?;
        let named = self.settings.get("XTASK_PG_BIN").filter(|name| *name != EMBEDDED);
        let named = named.map(|folder| self.root.join(folder));
        // Where packets are dropped, psql would wait for long.
        TcpStream::connect_timeout(&address, CONTACT)
            .map_err(|error| format!("nothing answers at {address}: {error}"))?;
        let (inside, here) = std::thread::scope(|scope| {
            // A program of Docker's takes as long as all the rest.
            let inside =
                scope.spawn(|| Identity::asked(self.exec("psql", launch.environment, launch.talk).ok()?, DEADLINE));
            let here = clients::installed(named.as_deref()).map_err(|why| why.to_string());
            let here = here.and_then(|clients| {
                let any = clients.first().ok_or("this host has no client programs")?;
                let identity = Identity::asked(self.program_here(any, address, "psql", launch)?, ANSWER);
                Ok((clients, identity))
            });
            (inside.join().ok().flatten(), here)
        });
        let (clients, at_port) = here?;
        let server = inside.ok_or("the server inside it does not say which one it is")?;
        if at_port.as_ref() != Some(&server) {
            return Err(format!("at {address} another server answers, or none, or it refuses the login"));
        }
        let clients = clients::fitting(&clients, server.major).map_err(|why| why.to_string())?;
        process::remark(&format!(
            "This host's programs of PostgreSQL {} ({}) are used: {address} is the published port of {}",
            server.major,
            clients.folder.display(),
            self.service()
        ));
        Ok(Direct { clients, address, server })
    }

    /// A client program of this host, connected to the server with the container's login. Of libpq's variables it gets
    /// ours alone.
    fn program_here(
        &self,
        clients: &Clients,
        address: SocketAddr,
        name: &str,
        launch: &Launch,
    ) -> Result<Program, String> {
        let ours = |name: &str| launch.environment.iter().any(|(given, _)| *given == name);
        if ["PGHOST", "PGHOSTADDR", "PGPORT", "PGPASSWORD", "PGSERVICE"].iter().any(|name| ours(name)) {
            return Err("it is to connect in a way of its own".to_owned());
        }
        port_holder::check(address.port(), clients.major)?;
        let password = self.found().login.password.as_ref().ok_or("no password of the server is known")?;
        let (host, port) = (address.ip().to_string(), address.port().to_string());
        // No server gets the password as it is: libpq 16 and later heed that. TLS only where the server insists.
        let mut all =
            vec![("PGHOST", &*host), ("PGPORT", &port), ("PGREQUIREAUTH", "!password"), ("PGGSSENCMODE", "disable")];
        all.extend([("PGSSLMODE", "allow"), ("PGSSLCERTMODE", "disable")]);
        // LC_ALL in the caller's shell would win over LC_MESSAGES, in whose language causes are recognised.
        all.push(("LC_ALL", "C"));
        all.extend(launch.environment);
        Ok(client::with_environment(Program::new(clients.path(name)), &all, &password.value))
    }
}
