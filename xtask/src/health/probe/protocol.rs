//! What a port is asked in its own protocol. An accepted connection proves nothing: Docker's proxy accepts for a
//! service that is dead, and then closes.

use super::ready;
use super::tcp::send_and_receive;
use crate::health::Scene;
use crate::target::endpoint::Endpoint;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a service that speaks when spoken to may stay silent.
const SILENCE: Duration = Duration::from_millis(300);
/// A program that listens there answers within this time.
const ANSWER: Duration = Duration::from_secs(5);
/// The first byte of TLS' own messages: the answer of a server that requires TLS to a plain request.
const TLS_ALERT: u8 = 21;

/// How a port is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// A path that answers without a key.
    Http(&'static str),
    Postgres,
    Redis,
    /// Nothing is known but that it should not be closed at once.
    Tcp,
}

/// Programs whose HTTP port and path are known: a word of the image's name, the port inside, the path.
const HTTP: &[(&str, u16, &str)] = &[
    ("openfga", 8080, "/healthz"),
    ("keycloak", 8080, "/realms/master"),
    ("keycloak", 9000, "/health/ready"),
    ("qdrant", 6333, "/healthz"),
    ("prometheus", 9090, "/-/healthy"),
    ("alertmanager", 9093, "/-/healthy"),
    ("grafana", 3000, "/api/health"),
    ("loki", 3100, "/ready"),
    ("tempo", 3200, "/ready"),
    ("jaeger", 16686, "/"),
    ("otel", 13133, "/"),
    ("minio", 9000, "/minio/health/live"),
    ("nginx", 80, "/"),
    ("traefik", 8080, "/ping"),
];

/// Programs that speak Redis' protocol, on whatever port; and those ports of theirs that speak another.
const REDIS: &[&str] = &["redis", "valkey", "keydb", "dragonfly", "redis-stack", "redis-stack-server"];
const NOT_REDIS: &[u16] = &[8001, 16379];

/// Whether this is the image of a program that speaks Redis' protocol.
pub fn is_redis(image: &str) -> bool {
    REDIS.contains(&name_of(image).split(':').next().unwrap_or_default())
}

/// The last part of an image's name, with its tag.
fn name_of(image: &str) -> &str {
    image.rsplit('/').next().unwrap_or(image).split('@').next().unwrap_or_default()
}

/// The protocol of a port inside a container, where it is known: by the file's word, the image, the port's number.
pub fn known(image: &str, port: u16, named: Option<&str>) -> Option<Protocol> {
    if named.is_none() && is_redis(image) && !NOT_REDIS.contains(&port) {
        return Some(Protocol::Redis);
    }
    let image = name_of(image).to_ascii_lowercase();
    let known = HTTP.iter().find(|(word, number, _)| image.contains(word) && *number == port);
    match (known, named, port) {
        (Some((_, _, path)), ..) => Some(Protocol::Http(path)),
        (None, Some("http"), _) => Some(Protocol::Http("/")),
        (None, Some("redis"), _) | (None, None, 6379) => Some(Protocol::Redis),
        (None, Some("postgres" | "postgresql"), _) | (None, None, 5432) => Some(Protocol::Postgres),
        _ => None,
    }
}

/// Asks; what was answered, or why nothing was.
pub fn ask(protocol: Protocol, address: SocketAddr, scene: &Scene) -> Result<String, String> {
    match protocol {
        Protocol::Http(path) => http(path, address, scene),
        Protocol::Postgres => ready::ask(address, scene.left().min(ANSWER)),
        Protocol::Redis => redis(&first_bytes(address, b"PING\r\n", scene.left().min(ANSWER))?),
        Protocol::Tcp => first_bytes(address, b"", SILENCE).map(|_| "the port is open".to_owned()),
    }
}

fn http(path: &str, address: SocketAddr, scene: &Scene) -> Result<String, String> {
    let endpoint =
        Endpoint::new(&format!("http://{address}"), None, scene.settings).map_err(|error| error.to_string())?;
    let answer = endpoint.get_openly(path, scene.left().min(ANSWER)).map_err(|silence| match silence.why {
        why if why.contains("http parse fail") => "the answer is not HTTP".to_owned(),
        why => why,
    })?;
    // A server that requires a key, or lacks the path, answers too.
    if answer.status < 500 { Ok(format!("HTTP {}", answer.status)) } else { Err(format!("HTTP {}", answer.status)) }
}

/// What an answer to `PING` means.
pub fn redis(answer: &[u8]) -> Result<String, String> {
    if answer.first() == Some(&TLS_ALERT) {
        return Ok("it answers and requires TLS".to_owned());
    }
    match String::from_utf8_lossy(answer).trim() {
        "+PONG" => Ok("PONG".to_owned()),
        words if words.starts_with("-NOAUTH") || words.starts_with("-ERR operation not permitted") => {
            Ok("Redis answers and requires a password".to_owned())
        }
        words if words.starts_with(['-', '+']) => Err(words.trim_start_matches('-').chars().take(80).collect()),
        _ => Err("the answer is not Redis's".to_owned()),
    }
}

/// Says something and reads what comes. A server that was spoken to must answer; else silence is fine, but the
/// connection must stay open.
fn first_bytes(address: SocketAddr, words: &[u8], timeout: Duration) -> Result<Vec<u8>, String> {
    let mut stream = TcpStream::connect_timeout(&address, timeout.max(SILENCE)).map_err(|error| error.to_string())?;
    let heard = send_and_receive(&mut stream, words, timeout)?;
    if heard.is_empty() && !words.is_empty() { Err("no answer".to_owned()) } else { Ok(heard) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_protocol_is_known_by_image_file_and_port() {
        assert_eq!(known("quay.io/keycloak/keycloak:26.0", 8080, None), Some(Protocol::Http("/realms/master")));
        assert_eq!(known("registry:5000/qdrant/qdrant@sha256:0", 6333, None), Some(Protocol::Http("/healthz")));
        for image in ["redis:7", "bitnami/redis", "ghcr.io/valkey-io/valkey:8-alpine", "redis@sha256:0"] {
            assert_eq!(known(image, 7001, None), Some(Protocol::Redis), "{image}");
        }
        assert_eq!(known("oliver006/redis_exporter:v1", 9121, None), None);
        assert_eq!(known("redis/redis-stack", 8001, None), None);
        assert_eq!(known("team/api:1", 8000, Some("http")), Some(Protocol::Http("/")));
        assert_eq!(known("pgvector/pgvector:pg16", 5432, None), Some(Protocol::Postgres));
        assert_eq!((known("team/api:1", 8000, None), known("openfga/openfga:v1", 8081, None)), (None, None));
    }

    #[test]
    fn a_door_that_closes_at_once_is_distinguished_from_a_silent_one() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let closing = std::thread::spawn(move || {
            drop(listener.accept().unwrap());
            let (silent, _) = listener.accept().unwrap();
            std::thread::sleep(SILENCE * 2);
            drop(silent);
        });
        assert!(first_bytes(address, b"", SILENCE).unwrap_err().contains("closed at once"));
        assert_eq!(first_bytes(address, b"", SILENCE), Ok(Vec::new()));
        closing.join().unwrap();
    }
}
