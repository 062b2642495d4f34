//! Programs whose answers are waited for: a thread that waits is gone when this process ends, and its program would go on.

use crate::platform;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// `None` once the end has come.
static RUNNING: Mutex<Option<Vec<Arc<duct::Handle>>>> = Mutex::new(Some(Vec::new()));

/// A program that is waited for until this is dropped.
pub(super) struct Awaited(pub(super) Arc<duct::Handle>);

/// Starts a program, unless the end has come.
///
/// # Errors
/// It cannot be started.
pub(super) fn start(start: impl FnOnce() -> io::Result<duct::Handle>) -> io::Result<Awaited> {
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(running) = running.as_mut() else { return Err(io::Error::other("this run is ending")) };
    let handle = Arc::new(start()?);
    running.push(Arc::clone(&handle));
    Ok(Awaited(handle))
}

impl Drop for Awaited {
    fn drop(&mut self) {
        if let Some(running) = RUNNING.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            running.retain(|handle| !Arc::ptr_eq(handle, &self.0));
        }
    }
}

/// Ends the programs that threads still wait for. None is started from here on.
pub fn end_all() {
    for handle in RUNNING.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default() {
        end(&handle);
    }
}

/// Ends a program and what it has started, at once.
pub(super) fn end(handle: &duct::Handle) {
    for pid in handle.pids() {
        let _ = platform::end_group(pid, true);
    }
    let _ = handle.kill();
}
