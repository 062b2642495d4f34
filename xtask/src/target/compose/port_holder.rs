//! Who listens at a published port: a login goes there only where that is Docker's, or a program of this user.
//!
//! Linux tells whose each socket is. A program of another user that took the port, because Docker's own ended or its engine
//! is on another host behind a socket that is passed on, would get an attempt to log in; and one that relays it, the session.

use crate::platform;

/// Sockets that listen, with the users that opened them.
const TABLES: [&str; 2] = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];
/// From this version on libpq has an option never to send a password as it is.
const SINCE: u32 = 16;

/// Whether client programs of this version may log in at a port of this host.
///
/// # Errors
/// Why not.
pub(super) fn check(port: u16, major: u32) -> Result<(), String> {
    let tables: Vec<String> = TABLES.iter().filter_map(|table| std::fs::read_to_string(table).ok()).collect();
    if tables.is_empty() {
        return if major >= SINCE { Ok(()) } else { Err(format!("nothing tells whose program has the port {port}")) };
    }
    // Where no socket listens, the kernel passes the connection on by Docker's rules, or refuses it.
    let is_ours = |user: &u32| *user == 0 || Some(*user) == platform::user_id();
    match tables.iter().flat_map(|table| listeners(table, port)).find(|user| !is_ours(user)) {
        Some(user) => Err(format!("at the port {port} a program of another user listens (user number {user})")),
        None => Ok(()),
    }
}

/// The users whose sockets listen at this port, at whatever address.
fn listeners(table: &str, port: u16) -> impl Iterator<Item = u32> {
    const LISTENS: &str = "0A";
    table.lines().skip(1).filter_map(move |line| {
        let mut words = line.split_ascii_whitespace();
        let (_, at) = words.nth(1)?.rsplit_once(':')?;
        let is_it = u16::from_str_radix(at, 16).ok()? == port && words.nth(1)? == LISTENS;
        // The state is followed by queues, timer and retries.
        words.nth(3)?.parse().ok().filter(|_| is_it)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:16EF 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 ffff 100 0 0 10 0
   1: 00000000:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4712 1 ffff 100 0 0 10 0
   2: 0100007F:1538 0100007F:9C40 01 00000000:00000000 02:000A7C3B 00000000    70        0 4713 1 ffff 100 0 0 10 0
   3: 0100007F:16EF
";

    #[test]
    fn only_those_that_listen_at_the_port_are_found() {
        let of = |port: u16| listeners(TABLE, port).collect::<Vec<u32>>();
        assert_eq!((of(0x16ef), of(0x1538), of(80)), (vec![1000], vec![0], vec![]));
        let six = TABLE.replace("0100007F:16EF", "00000000000000000000000001000000:16EF");
        assert_eq!(listeners(&six, 0x16ef).collect::<Vec<u32>>(), [1000]);
    }

    #[test]
    fn a_port_of_our_own_is_ours() {
        if !TABLES.iter().all(|table| std::path::Path::new(table).exists()) {
            return;
        }
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let table = std::fs::read_to_string(TABLES[0]).unwrap();
        assert!(listeners(&table, port).any(|user| Some(user) == platform::user_id()));
        assert_eq!(check(port, 15), Ok(()));
    }
}
