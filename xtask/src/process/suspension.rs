//! Ctrl-Z as a moment to give back what this program has taken of the terminal.

use crate::platform;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// While it is there, suspensions are noticed. Once it is dropped, the signal does nothing.
#[derive(Debug)]
pub struct Suspensions {
    signal: signal_hook::SigId,
    is_over: Arc<AtomicBool>,
}

impl Drop for Suspensions {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        signal_hook::low_level::unregister(self.signal);
    }
}

/// Runs `task` in a thread of its own each time this process is to be suspended: what it is given suspends the process, and
/// comes back when the process goes on. `None` where the signal keeps its default.
pub fn around(task: impl Fn(&dyn Fn()) + Send + 'static) -> Option<Suspensions> {
    let number = platform::suspending_signal()?;
    let (came, is_over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let signal = signal_hook::flag::register(number, Arc::clone(&came)).ok()?;
    let ends = Arc::clone(&is_over);
    std::thread::spawn(move || {
        while !ends.load(Ordering::Relaxed) {
            if came.swap(false, Ordering::Relaxed) {
                task(&platform::stop_here);
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    });
    Some(Suspensions { signal, is_over })
}
