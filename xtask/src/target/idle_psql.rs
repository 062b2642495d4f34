//! A psql that has answered and waits for the next question: starting one takes longer than most answers.

use crate::process::Dialog;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What was idle for longer may have been cut off by whatever stands between us and the server.
const LONGEST_IDLE: Duration = Duration::from_secs(30);

/// At most one; it ends with the last target that asks it.
#[derive(Debug, Clone, Default)]
pub struct IdlePsql(Arc<Mutex<Option<Psql>>>);

#[derive(Debug)]
struct Psql {
    session: String,
    dialog: Dialog,
    since: Instant,
}

impl IdlePsql {
    /// The psql of this session, which is the caller's now.
    pub fn take(&self, session: &str) -> Option<Dialog> {
        let psql = self.0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        (psql.session == session && psql.since.elapsed() < LONGEST_IDLE).then_some(psql.dialog)
    }

    /// Leaves it for the next question.
    pub fn put(&self, session: &str, dialog: Dialog) {
        let psql = Psql { session: session.to_owned(), dialog, since: Instant::now() };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(psql);
    }
}
