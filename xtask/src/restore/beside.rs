//! The safety backup beside the load. Both are of the live database as it was; the first that fails ends the other, and
//! nothing goes on before both are done.

use crate::error::{self, Exit, Fault};
use crate::postgres::server::Server;
use crate::process::signals;
use anyhow::{Error, Result};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How often the two are looked after, and sessions that are to end are ended again.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// The sessions of the two, by which they are ended on the server.
pub struct Sessions<'a, 't> {
    pub safety: &'a Server<'t>,
    pub load: &'a Server<'t>,
}

/// How the safety backup stands, for the load beside it.
#[derive(Debug, Default)]
pub struct Standing {
    is_over: AtomicBool,
    failed: AtomicBool,
}

impl Standing {
    /// Whether its session has ended: the load may have one more.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// To be asked between two steps of the load.
    ///
    /// # Errors
    /// There will be no safety backup: nothing need be loaded any more.
    pub fn check(&self) -> Result<(), Fault> {
        let failed = self.failed.load(Ordering::Relaxed);
        let fault =
            || Fault::failed("The safety backup beside the load failed").hint("see why it failed, then try again");
        if failed { Err(fault()) } else { Ok(()) }
    }
}

/// Takes the safety backup on a thread of its own while the backup is loaded here.
///
/// # Errors
/// That of the first of them that failed. What the other one has done by then is undone, but for a safety backup that is
/// whole already: that one stays.
pub fn both<S: Send, L>(
    sessions: &Sessions<'_, '_>,
    save: impl FnOnce() -> Result<S> + Send,
    load: impl FnOnce(&Standing) -> Result<L>,
) -> Result<(S, L)> {
    let (standing, is_loaded) = (Standing::default(), AtomicBool::new(false));
    let (saved, loaded, was_unsaved) = thread::scope(|scope| {
        let saving = scope.spawn(|| {
            let saved = save();
            standing.failed.store(saved.is_err(), Ordering::Relaxed);
            standing.is_over.store(true, Ordering::Relaxed);
            if saved.is_err() {
                end(sessions.load, &is_loaded);
            }
            saved
        });
        let loaded = load(&standing);
        let was_unsaved = standing.check().is_err();
        is_loaded.store(true, Ordering::Relaxed);
        if loaded.is_err() {
            end(sessions.safety, &standing.is_over);
        }
        let saved = saving.join().unwrap_or_else(|_| Err(Error::msg("the safety backup was not finished")));
        (saved, loaded, was_unsaved)
    });
    let failed = match (saved, loaded) {
        (Ok(saved), Ok(loaded)) => return Ok((saved, loaded)),
        // A person must look at what it left.
        (_, Err(error)) if error::exit(&error) == Exit::Partial => return Err(error),
        (Err(error), Err(_)) if was_unsaved => error,
        (_, Err(error)) | (Err(error), Ok(_)) => error,
    };
    match signals::check() {
        // The one that a signal ended did not see the signal while the other one was shielded from it.
        Err(ended) if !matches!(error::exit(&failed), Exit::Signal(_)) => Err(ended.into()),
        _ => Err(failed),
    }
}

/// Ends the sessions of this name until their task is over: they may be about to begin. A server that does not answer has
/// ended them itself, or is asked again.
fn end(sessions: &Server<'_>, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        let _ = signals::shielded(|| sessions.in_maintenance().terminate());
        thread::sleep(POLL_INTERVAL);
    }
}
