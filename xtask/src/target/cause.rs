//! Why a program could not do its work: the login, the target, or neither.

use super::backend::Backend;
use super::client_error::Connection;
use super::login;
use crate::error::Fault;
use crate::process::{Captured, Ending};

/// Why a program that failed could not work here, looked for from the outside in; `None` where the server can be reached
/// and the failure is the program's own.
pub(super) fn of(backend: &dyn Backend, stderr: &str, ending: Ending) -> Option<anyhow::Error> {
    let connection = Connection::of(stderr, ending);
    let with_words = |fault: Fault| anyhow::Error::msg(stderr.trim().to_owned()).context(fault);
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
        anyhow::Error::msg(said.stderr.trim().to_owned()).context(Fault::unreachable(message))
    })
}
