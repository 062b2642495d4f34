//! A line that shows how far something has come, or that something is waited for.

use super::{Terminal, clean_line};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// How often a line is drawn in a second, at most.
const DRAWN: u8 = 8;
/// How often the clock of a line that only waits goes on.
const TICK: Duration = Duration::from_millis(250);

/// A progress line; gone when it is dropped.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Terminal {
    /// A line that shows how many bytes have come; visible on a terminal only, and only once it takes time.
    pub fn progress(&self, what: &str, expected_bytes: Option<u64>) -> Progress {
        let template = match expected_bytes {
            Some(_) => "  {msg}  {decimal_bytes} of about {decimal_total_bytes}, {decimal_bytes_per_sec}, {elapsed}",
            None => "  {msg}  {decimal_bytes}, {decimal_bytes_per_sec}, {elapsed}",
        };
        self.line(what, expected_bytes, template)
    }

    /// A line that shows how many of something are done; visible on a terminal only.
    pub fn counter(&self, what: &str, total: u64) -> Progress {
        self.line(what, Some(total), "  {msg}  {human_pos} of {human_len}, {elapsed}")
    }

    /// A line that shows that something is waited for; on a terminal only.
    pub fn waiting(&self, what: &str) -> Progress {
        let line = self.line(what, None, "  {msg}  {elapsed}");
        line.bar.enable_steady_tick(TICK);
        line
    }

    fn line(&self, what: &str, length: Option<u64>, template: &str) -> Progress {
        if self.quiet || !self.stderr {
            return Progress { bar: ProgressBar::hidden() };
        }
        let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr_with_hz(DRAWN));
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(self.plain(what));
        Progress { bar }
    }
}

impl Progress {
    /// What is being done now.
    pub fn say(&self, what: &str) {
        self.bar.set_message(clean_line(what));
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
