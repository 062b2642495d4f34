//! Who listens at a published port: a login goes there only where that is Docker's, or a program of this user.
//!
//! Linux tells whose each socket is. A program of another user that took the port, because Docker's own ended or its engine
//! is on another host behind a socket that is passed on, would get an attempt to log in; and one that relays it, the session.

use crate::platform;

/// From this version on libpq has an option never to send a password as it is.
const SINCE: u32 = 16;

/// Whether client programs of this version may log in at a port of this host.
///
/// # Errors
/// Why not.
pub(super) fn check(port: u16, major: u32) -> Result<(), String> {
    let Some(listeners) = platform::listeners(port) else {
        return if major >= SINCE { Ok(()) } else { Err(format!("nothing tells whose program has the port {port}")) };
    };
    // Where no socket listens, the kernel passes the connection on by Docker's rules, or refuses it.
    let is_ours = |user: &u32| *user == 0 || Some(*user) == platform::user_id();
    match listeners.iter().find(|user| !is_ours(user)) {
        Some(user) => Err(format!("at the port {port} a program of another user listens (user number {user})")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_of_our_own_is_ours() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let Some(listeners) = platform::listeners(port) else { return };
        assert!(listeners.iter().any(|user| Some(*user) == platform::user_id()));
        assert_eq!(check(port, 15), Ok(()));
    }
}
