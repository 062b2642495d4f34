//! One line on a terminal for a load and for the safety backup beside it.

use crate::context::Context;
use crate::terminal::{self, Progress};
use std::sync::{Mutex, PoisonError};

/// A line that shows how far both have come.
pub struct Line {
    progress: Progress,
    doing: Mutex<Doing>,
}

/// What the line says.
struct Doing {
    load: &'static str,
    /// Of the safety backup, in bytes; 0: there is none, or it is done.
    saved: u64,
}

impl Line {
    /// A load of about so many bytes, where that is known.
    pub fn of(bytes: Option<u64>, context: &Context) -> Self {
        let load = "loading";
        Self { progress: context.terminal.progress(load, bytes), doing: Mutex::new(Doing { load, saved: 0 }) }
    }

    /// How many bytes of the file have been loaded.
    pub fn loaded(&self, bytes: u64) {
        self.progress.set(bytes);
    }

    /// What the load does now.
    pub fn say(&self, load: &'static str) {
        self.change(|doing| doing.load = load);
    }

    /// The safety backup has so many bytes; 0: it is done.
    pub fn saved(&self, bytes: u64) {
        self.change(|doing| doing.saved = bytes);
    }

    /// Hides the line while something else is written.
    pub fn aside<T>(&self, action: impl FnOnce() -> T) -> T {
        self.progress.aside(action)
    }

    fn change(&self, change: impl FnOnce(&mut Doing)) {
        let mut doing = self.doing.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut doing);
        match doing.saved {
            0 => self.progress.say(doing.load),
            bytes => self.progress.say(&format!("{}, safety backup {}", doing.load, terminal::size(bytes))),
        }
    }
}
