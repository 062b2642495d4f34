//! Why a program could not do its work: the login, the target, or neither.

use super::backend::Backend;
use super::client_error::Connection;
use super::login;
use crate::error::Fault;
use crate::process::{Captured, Ending};
use crate::words::masked;

/// Why a program that failed could not work here, looked for from the outside in; `None` where the server can be reached
/// and the failure is the program's own.
pub(super) fn of(backend: &dyn Backend, stderr: &str, ending: Ending) -> Option<anyhow::Error> {
    let connection = Connection::of(stderr, ending);
    let with_words = |fault: Fault| anyhow::Error::msg(shown(backend, stderr)).context(fault);
    if let Connection::NotMade(words) = connection
        && let Some(fault) = login::fault(backend, words)
    {
        return Some(with_words(fault));
    }
    backend.cause(stderr, connection).or_else(|| login::unexplained(backend, connection).map(with_words))
}

/// The cause of a failure of a program that only connects, and so has no other reason to fail.
pub(super) fn of_contact(backend: &dyn Backend, said: &Captured) -> anyhow::Error {
    of(backend, &said.stderr, said.ending).unwrap_or_else(|| {
        let message = format!("PostgreSQL at {} does not answer ({})", backend.place(), said.ending);
        anyhow::Error::msg(shown(backend, &said.stderr)).context(Fault::unreachable(message))
    })
}

/// What was said, without the values of the address that a server quotes.
fn shown(backend: &dyn Backend, stderr: &str) -> String {
    masked(stderr.trim(), &backend.quoted_values())
}
