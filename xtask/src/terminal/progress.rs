//! A line that shows how far something has come, or that something is waited for.

use indicatif::ProgressBar;

/// A progress line; gone when it is dropped.
#[derive(Debug)]
pub struct Progress {
    pub(super) bar: ProgressBar,
}

impl Progress {
    /// What is being done now.
    pub fn say(&self, what: &str) {
        self.bar.set_message(what.to_owned());
    }

    /// Hides the line while something else is written or asked.
    pub fn aside<T>(&self, action: impl FnOnce() -> T) -> T {
        self.bar.suspend(action)
    }

    /// How many bytes, or things, have come so far.
    pub fn set(&self, position: u64) {
        self.bar.set_position(position);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
