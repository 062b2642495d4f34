//! Ports of this host: which are free, and who holds the others.

use super::openfga;
use crate::process::Program;
use crate::settings::Origin;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// One published port, as docker-compose.yml has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// The setting that names the port of this host.
    pub setting: &'static str,
    pub default: u16,
    pub part: Part,
    /// The port inside its container.
    pub inside: u16,
}

/// The part of the stack that publishes a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Postgres,
    Openfga,
}

impl Part {
    /// Its service in the shipped docker-compose.yml, whose ports these settings name.
    pub fn shipped_service(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Openfga => openfga::USUAL_SERVICE,
        }
    }
}

/// The ports that a setting names, all of docker-compose.yml's.
pub const PUBLISHED: [Published; 4] = [
    Published { setting: "POSTGRES_PORT", default: 5432, part: Part::Postgres, inside: 5432 },
    Published { setting: "OPENFGA_HTTP_PORT", default: 8080, part: Part::Openfga, inside: 8080 },
    Published { setting: "OPENFGA_GRPC_PORT", default: 8081, part: Part::Openfga, inside: 8081 },
    Published { setting: "OPENFGA_METRICS_PORT", default: 2112, part: Part::Openfga, inside: 2112 },
];

const DEADLINE: Duration = Duration::from_secs(10);
const SETTLING: Duration = Duration::from_secs(5);
const PASSING: Duration = Duration::from_millis(500);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// A port on which another program listens.
#[derive(Debug)]
pub struct Taken {
    /// The setting that names it.
    pub setting: &'static str,
    pub port: u16,
    /// Where the number came from; one of the process environment cannot be changed in `.env`.
    pub origin: Origin,
    pub by: Holder,
    /// The next port that is free and that no other service of the stack wants.
    pub free: Option<u16>,
}

/// Who listens on a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    Container(String),
    Process {
        name: String,
        pid: u32,
    },
    /// A program of another user, of which the system tells nothing.
    Unknown,
}

impl Holder {
    /// Whether it is the program by which Docker publishes a container's port: the engine may not list the container
    /// yet, or not any more.
    pub fn is_docker_proxy(&self) -> bool {
        matches!(self, Self::Process { name, .. } if name == "docker-proxy")
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Container(name) => write!(formatter, "container {name}"),
            Self::Process { name, pid } => write!(formatter, "{name} (process {pid})"),
            Self::Unknown => formatter.write_str("a program of another user"),
        }
    }
}

/// Whether a server could listen on this port of 127.0.0.1.
pub fn is_free(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let in_use = TcpListener::bind(address).is_err_and(|error| error.kind() == std::io::ErrorKind::AddrInUse);
    // Where 0.0.0.0 is held, some systems still allow 127.0.0.1; only a connection tells.
    !in_use && TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_err()
}

/// The holder of the port, if it is not this program. A container that is being started or stopped right now holds
/// it before, or after, the engine lists it; a moment later it is known whose it is.
pub fn stranger(port: u16, ours: impl Fn() -> bool) -> Option<Holder> {
    holder_after(SETTLING, port, ours)
}

/// Who holds a port of 127.0.0.1; `None` where a server could listen on it. Another run that looks for a free port
/// holds it for less than a millisecond, and no program is found by then.
pub fn taken_by(port: u16) -> Option<Holder> {
    holder_after(PASSING, port, || false)
}

/// Who holds the port after this time, if a program does and `ours` is false; at once where that is neither Docker's
/// nor an unknown one.
fn holder_after(settling: Duration, port: u16, ours: impl Fn() -> bool) -> Option<Holder> {
    let end = Instant::now() + settling;
    while !is_free(port) && !ours() {
        let by = holder(port);
        let may_be_docker = by.is_docker_proxy() || by == Holder::Unknown;
        if !may_be_docker || Instant::now() >= end {
            // It may have become ours between the two questions.
            return (!ours()).then_some(by);
        }
        std::thread::sleep(POLL_INTERVAL);
    }
    None
}

/// Who listens on a port of this host: a container, else a process.
pub fn holder(port: u16) -> Holder {
    let containers = Program::new("docker")
        .args(["ps", "--format", "{{.Names}}", "--filter"])
        .arg(format!("publish={port}"))
        .capture(DEADLINE)
        .map(|captured| captured.text())
        .unwrap_or_default();
    if let Some(name) = containers.lines().next() {
        return Holder::Container(name.to_owned());
    }
    match listeners::get_process_by_port(port, listeners::Protocol::TCP) {
        Ok(process) => Holder::Process { name: process.name, pid: process.pid },
        Err(_) => Holder::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings;

    #[test]
    fn only_dockers_own_program_is_taken_for_it() {
        let process = |name: &str| Holder::Process { name: name.to_owned(), pid: 7 };
        assert!(process("docker-proxy").is_docker_proxy());
        assert!(!process("docker-proxy-x").is_docker_proxy());
        assert!(!Holder::Container("docker-proxy".to_owned()).is_docker_proxy() && !Holder::Unknown.is_docker_proxy());
        assert_eq!(process("postgres").to_string(), "postgres (process 7)");
    }

    #[test]
    fn the_defaults_are_those_of_the_settings() {
        for port in PUBLISHED {
            assert_eq!(settings::default_of(port.setting), port.default.to_string());
        }
    }
}
