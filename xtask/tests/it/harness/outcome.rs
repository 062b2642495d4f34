//! How a run ended, and what a test says about that.

use super::patience::is_within;
use std::time::Duration;

/// How a run ended. The assertions print everything when they fail.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
    pub took: Duration,
    pub(super) shown: String,
}

impl Outcome {
    /// stdout as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// The one JSON document on stdout.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|error| self.fail(&format!("stdout is not JSON: {error}")))
    }

    #[track_caller]
    pub fn ok(&self) -> &Self {
        self.code(0)
    }

    #[track_caller]
    pub fn code(&self, code: i32) -> &Self {
        self.holds(self.code == Some(code), &format!("exit code {code} was expected"))
    }

    /// stdout is exactly this, but for white space at its end.
    #[track_caller]
    pub fn prints(&self, text: &str) -> &Self {
        self.holds(self.text().trim_end() == text.trim_end(), &format!("stdout {text:?} was expected"))
    }

    #[track_caller]
    pub fn stdout_has(&self, text: &str) -> &Self {
        self.holds(self.text().contains(text), &format!("stdout should contain {text:?}"))
    }

    #[track_caller]
    pub fn stdout_lacks(&self, text: &str) -> &Self {
        self.holds(!self.text().contains(text), &format!("stdout should not contain {text:?}"))
    }

    #[track_caller]
    pub fn stderr_has(&self, text: &str) -> &Self {
        self.holds(self.stderr.contains(text), &format!("stderr should contain {text:?}"))
    }

    #[track_caller]
    pub fn stderr_lacks(&self, text: &str) -> &Self {
        self.holds(!self.stderr.contains(text), &format!("stderr should not contain {text:?}"))
    }

    /// Nothing on stdout.
    #[track_caller]
    pub fn prints_nothing(&self) -> &Self {
        self.holds(self.stdout.is_empty(), "stdout should be empty")
    }

    /// Nothing on stderr.
    #[track_caller]
    pub fn says_nothing(&self) -> &Self {
        self.holds(self.stderr.is_empty(), "stderr should be empty")
    }

    /// Any other condition, with everything shown when it does not hold.
    #[track_caller]
    pub fn holds(&self, condition: bool, expected: &str) -> &Self {
        if !condition {
            self.fail(expected);
        }
        self
    }

    /// It took less than this on a machine at rest, and not many times more on a busy one.
    #[track_caller]
    pub fn within(&self, limit: Duration, expected: &str) -> &Self {
        self.holds(is_within(self.took, limit), &format!("{expected}: less than {limit:?} on a machine at rest"))
    }

    #[track_caller]
    pub fn fail(&self, expected: &str) -> ! {
        let (code, signal) = (self.code, self.signal);
        let (stdout, stderr) = (shortened(&self.text()), shortened(&self.stderr));
        panic!(
            "{expected}\n--- {} (code {code:?}, signal {signal:?}, {:?})\n--- stdout\n{stdout}\n--- stderr\n{stderr}\n---",
            self.shown, self.took
        );
    }
}

/// The beginning and the end of a text that is too long to read.
fn shortened(text: &str) -> String {
    let letters = text.chars().count();
    if letters <= 8_000 {
        return text.to_owned();
    }
    let (head, tail): (String, String) =
        (text.chars().take(4_000).collect(), text.chars().skip(letters - 2_000).collect());
    format!("{head}\n[… {letters} letters …]\n{tail}")
}
