//! The project as Compose reads it, asked once.

use super::config::Config;
use anyhow::{Context as _, Result};
use std::sync::{Mutex, MutexGuard, OnceLock, TryLockError};
use std::time::{Duration, Instant};

const POLL_INTERVAL: Duration = Duration::from_millis(5);

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
    /// `ask` failed, or its text is not a project. Another thread asked, and had no answer within this time.
    pub(super) fn get(&self, deadline: Duration, ask: impl FnOnce() -> Result<String>) -> Result<&ReadProject> {
        let _asking = self.turn(deadline)?;
        if let Some(answer) = self.answer.get() {
            return Ok(answer);
        }
        let text = ask()?;
        let config = serde_json::from_str(&text).context("the project as Compose reads it")?;
        Ok(self.answer.get_or_init(|| ReadProject { text, config }))
    }

    /// Waits until no other thread asks, at most so long.
    fn turn(&self, deadline: Duration) -> Result<MutexGuard<'_, ()>> {
        let end = Instant::now() + deadline;
        loop {
            match self.asking.try_lock() {
                Ok(turn) => return Ok(turn),
                Err(TryLockError::Poisoned(turn)) => return Ok(turn.into_inner()),
                Err(TryLockError::WouldBlock) if Instant::now() < end => std::thread::sleep(POLL_INTERVAL),
                Err(TryLockError::WouldBlock) => {
                    anyhow::bail!("docker compose config did not answer within {} s", deadline.as_secs())
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn threads_that_need_the_project_at_the_same_time_ask_once() {
        let (asked, calls) = (AskedOnce::default(), Mutex::new(0));
        let ask = || {
            *calls.lock().unwrap() += 1;
            std::thread::sleep(Duration::from_millis(20));
            Ok(r#"{"name": "stack"}"#.to_owned())
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert_eq!(asked.get(LONG, ask).unwrap().config.name, "stack"));
            }
        });
        assert_eq!(*calls.lock().unwrap(), 1);
    }

    #[test]
    fn a_failure_is_asked_again() {
        let asked = AskedOnce::default();
        assert!(asked.get(LONG, || anyhow::bail!("no engine")).is_err());
        assert!(asked.get(LONG, || Ok("no JSON".to_owned())).is_err());
        assert_eq!(asked.get(LONG, || Ok(r#"{"name": "a"}"#.to_owned())).unwrap().text, r#"{"name": "a"}"#);
    }

    #[test]
    fn who_waits_for_another_thread_waits_no_longer_than_its_own_time() {
        let asked = AskedOnce::default();
        let _asking = asked.asking.lock().unwrap();
        let begun = Instant::now();
        assert!(asked.get(Duration::from_millis(20), || Ok(String::new())).is_err());
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}
