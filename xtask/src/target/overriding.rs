//! Options of the connection by which a session begins though a setting of its role or its database would end it. They win
//! over `ALTER ROLE … SET` and `ALTER DATABASE … SET`.

use super::client_error::Connection;
use crate::process::Ending;

/// Tried in this order: a server refuses a session for a setting that it does not know, or that this role may not set.
pub const OPTIONS: [&str; 3] = [
    "-c statement_timeout=0 -c idle_session_timeout=0 -c transaction_timeout=0 -c local_preload_libraries=",
    "-c statement_timeout=0 -c idle_session_timeout=0 -c local_preload_libraries=",
    "-c statement_timeout=0 -c idle_session_timeout=0 -c local_preload_libraries= -c session_preload_libraries=",
];

/// How the server begins when it cannot load a library that a session begins with.
const NO_LIBRARY: [&str; 3] = ["could not access file", "could not load library", "access to library"];

/// Whether a session that ended at its beginning may have ended by a setting.
pub fn may_help(stderr: &str, ending: Ending) -> bool {
    match Connection::of(stderr, ending) {
        Connection::Held | Connection::Lost => true,
        Connection::NotMade(words) => is_library_missing(words),
        Connection::Unknown => false,
    }
}

/// Whether a login failed by a library that the session should have loaded.
pub fn is_library_missing(words: &str) -> bool {
    NO_LIBRARY.iter().any(|missing| words.contains(&format!("FATAL:  {missing}")))
}
