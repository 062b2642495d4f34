//! The project as Compose reads it, asked once.

use super::config::Config;
use anyhow::{Context as _, Result};
use std::sync::{Mutex, OnceLock, PoisonError};

/// What Compose says of its files. The text holds secrets: it is read, never shown.
#[derive(Debug)]
pub(super) struct ReadProject {
    /// JSON, as `docker compose config --format json` prints it.
    pub(super) text: String,
    pub(super) config: Config,
}

/// Compose needs 0.1 s of a core to read a project. The first thread that needs it asks; the others wait for its answer.
#[derive(Debug, Default)]
pub(super) struct AskedOnce {
    asking: Mutex<()>,
    answer: OnceLock<ReadProject>,
}

impl AskedOnce {
    /// The answer, where it is known already.
    pub(super) fn known(&self) -> Option<&ReadProject> {
        self.answer.get()
    }

    /// The answer; `ask` gets the text where there is none yet. A failure is not kept: the next caller asks again.
    ///
    /// # Errors
    /// `ask` failed, or its text is not a project.
    pub(super) fn get(&self, ask: impl FnOnce() -> Result<String>) -> Result<&ReadProject> {
        let _asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = self.answer.get() {
            return Ok(answer);
        }
        let text = ask()?;
        let config = serde_json::from_str(&text).context("the project as Compose reads it")?;
        Ok(self.answer.get_or_init(|| ReadProject { text, config }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_need_the_project_at_the_same_time_ask_once() {
        let (asked, calls) = (AskedOnce::default(), Mutex::new(0));
        let ask = || {
            *calls.lock().unwrap() += 1;
            std::thread::sleep(std::time::Duration::from_millis(20));
            Ok(r#"{"name": "stack"}"#.to_owned())
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert_eq!(asked.get(ask).unwrap().config.name, "stack"));
            }
        });
        assert_eq!(*calls.lock().unwrap(), 1);
    }

    #[test]
    fn a_failure_is_asked_again() {
        let asked = AskedOnce::default();
        assert!(asked.get(|| anyhow::bail!("no engine")).is_err());
        assert!(asked.get(|| Ok("no JSON".to_owned())).is_err());
        assert_eq!(asked.get(|| Ok(r#"{"name": "a"}"#.to_owned())).unwrap().text, r#"{"name": "a"}"#);
    }
}
