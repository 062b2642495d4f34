//! What became of one question.

use crate::openfga::client::refusal;
use anyhow::Result;

/// What became of one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply<T> {
    Answered(T),
    /// The server's words: it refuses the question itself.
    Refused(String),
    /// Why there is no answer; the same question may have one another time.
    Unanswered(String),
}

impl<T> Reply<T> {
    /// Sorts a failed request: what concerns this question alone is a reply.
    ///
    /// # Errors
    /// What says that no question will be answered, such as a refused key.
    pub fn of(result: Result<T>) -> Result<Self> {
        let error = match result {
            Ok(answer) => return Ok(Self::Answered(answer)),
            Err(error) => error,
        };
        match refusal(&error) {
            Some(refusal) if refusal.is_passing() => Ok(Self::Unanswered(refusal.to_string())),
            Some(refusal) if matches!(refusal.status, Some(400..=404 | 413 | 500)) => {
                Ok(Self::Refused(refusal.to_string()))
            }
            _ => Err(error),
        }
    }
}
