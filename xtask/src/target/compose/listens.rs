//! Where the server of a running container listens, where its configuration file moves it: the command does not say that.

use super::Compose;
use crate::error::{Cause, Fault};
use crate::target::StdioMode;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(5);
/// How PostgreSQL names its socket, before the port.
const SOCKET: &str = "/.s.PGSQL.";

/// Where a client looked for the server.
#[derive(Debug, PartialEq, Eq)]
enum Sought<'a> {
    Socket(&'a str),
    Port(u16),
}

impl Compose {
    /// That the server listens elsewhere than where a client looked for it, in libpq's words; `None` where it does not,
    /// or where nothing is known.
    pub(super) fn elsewhere(&self, words: &str) -> Option<Fault> {
        let sought = sought(words)?;
        let asked = self.exec("cat", &[], StdioMode::Piped).ok()?.arg("/proc/net/unix").capture(DEADLINE).ok()?;
        moved(self.service(), &sought, &sockets(&asked.text()))
    }
}

fn moved(service: &str, sought: &Sought<'_>, sockets: &[(String, u16)]) -> Option<Fault> {
    let (folder, port) = sockets.first()?;
    let place = format!("{folder}{SOCKET}{port}");
    let say = |variables: String| {
        format!("say so in the environment of {service}, where its clients look: {variables}; then: cargo xtask up")
    };
    let (looked, hint) = match sought {
        Sought::Socket(path) if sockets.iter().all(|(folder, port)| format!("{folder}{SOCKET}{port}") != *path) => {
            let (usual, at) = path.rsplit_once(SOCKET)?;
            let host = (usual != folder).then(|| format!("PGHOST: {folder}"));
            let port = (at != port.to_string()).then(|| format!("PGPORT: \"{port}\""));
            ((*path).to_owned(), say(host.into_iter().chain(port).collect::<Vec<_>>().join(", ")))
        }
        Sought::Port(at) if sockets.iter().all(|(_, port)| port != at) => {
            (format!("port {at}"), say(format!("PGPORT: \"{port}\"")))
        }
        Sought::Port(at) => {
            let what =
                format!("PostgreSQL of {service} listens at {place}, but accepts no TCP connections at port {at}");
            // So it is, too, while the image makes a new cluster.
            let hint = "while a new cluster is made, wait for it: cargo xtask health-check --wait\n\
                        else other services need TCP: set listen_addresses = '*' in its configuration file";
            return Some(Fault::unreachable(what).hint(hint).because(Cause::ListensElsewhere));
        }
        Sought::Socket(_) => return None,
    };
    let what = format!("PostgreSQL of {service} listens at {place}, not at {looked}: its configuration file moves it");
    Some(Fault::unreachable(what).hint(hint).because(Cause::ListensElsewhere))
}

/// Where nothing listened: `connection to server on socket "…" failed`, `…, port 5432 failed: Connection refused`.
fn sought(words: &str) -> Option<Sought<'_>> {
    let line = words.lines().rfind(|line| line.contains("connection to server ") && line.contains(" failed: "))?;
    if let Some((_, rest)) = line.split_once("on socket \"") {
        return Some(Sought::Socket(rest.split_once('"')?.0));
    }
    let (place, why) = line.split_once(" failed: ")?;
    let port = place.rsplit_once("port ")?.1.parse().ok()?;
    why.contains("Connection refused").then_some(Sought::Port(port))
}

/// PostgreSQL's sockets in Linux's list of sockets with a listener: folder and port, each once.
fn sockets(list: &str) -> Vec<(String, u16)> {
    let mut found: Vec<(String, u16)> = list
        .lines()
        .filter_map(|line| {
            let path = line.get(line.find(" /")? + 1..)?;
            let (folder, port) = path.rsplit_once(SOCKET)?;
            Some((folder.to_owned(), port.parse().ok()?))
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "Num       RefCount Protocol Flags    Type St Inode Path\n\
        0000000000000000: 00000002 00000000 00010000 0001 01 79042 /run/my pg/.s.PGSQL.5433\n\
        0000000000000000: 00000003 00000000 00000000 0001 03 79043 /run/my pg/.s.PGSQL.5433\n\
        0000000000000000: 00000003 00000000 00000000 0001 03 79044\n\
        0000000000000000: 00000002 00000000 00010000 0001 01 79045 /run/other\n\
        0000000000000000: 00000002 00000000 00010000 0001 01 79046 /tmp/.s.PGSQL.x\n";

    fn said(words: &str, list: &str) -> Option<(String, String)> {
        let fault = moved("db", &sought(words)?, &sockets(list))?;
        assert_eq!(crate::error::cause(&fault.into()), Some(Cause::ListensElsewhere));
        let fault = moved("db", &sought(words)?, &sockets(list))?;
        Some((fault.to_string(), fault.hint_text()?.to_owned()))
    }

    #[test]
    fn where_it_listens_is_reported_by_linux() {
        let refused = "connection to server at \"10.0.0.2\", port 5432 failed: Connection refused\n\tIs the server";
        let (what, hint) = said(refused, LIST).unwrap();
        assert!(what.contains("listens at /run/my pg/.s.PGSQL.5433, not at port 5432"), "{what}");
        assert!(hint.contains(": PGPORT: \"5433\"; then"), "{hint}");
        let socket = "connection to server on socket \"/var/run/postgresql/.s.PGSQL.5432\" failed: No such file";
        let (what, hint) = said(socket, LIST).unwrap();
        assert!(what.contains("not at /var/run/postgresql/.s.PGSQL.5432"), "{what}");
        assert!(hint.contains(": PGHOST: /run/my pg, PGPORT: \"5433\"; then"), "{hint}");
        let (what, hint) = said(&refused.replace("5432", "5433"), LIST).unwrap();
        assert!(
            what.contains("accepts no TCP connections at port 5433") && hint.contains("--wait\nelse other services"),
            "{what}"
        );
    }

    #[test]
    fn what_is_not_known_is_not_said() {
        let socket = "connection to server on socket \"/run/my pg/.s.PGSQL.5433\" failed: Permission denied";
        for (words, list) in [
            (socket, LIST),
            ("connection to server at \"a\", port 1 failed: timeout expired", LIST),
            ("connection to server at \"a\", port 1 failed: Connection refused", ""),
            ("connection to server on socket \"", LIST),
            ("", LIST),
        ] {
            assert_eq!(said(words, list), None, "{words}");
        }
    }
}
