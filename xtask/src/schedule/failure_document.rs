//! Why a program of ours failed, told to the run that started it as values: words of others in them stay apart from the
//! hint, which is ours.

use crate::error::{self, Fault};
use serde::{Deserialize, Serialize};
use serde_json::{Deserializer, Value};

/// The variable by which a run asks for the document.
pub const FAILURE_DOCUMENT: &str = "XTASK_TELL_FAILURE";

/// The document, the last one on stdout.
#[derive(Debug, Serialize, Deserialize)]
pub struct Document {
    failure: FailureReport,
}

/// What failed.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureReport {
    /// What failed, and its causes: words of others may be among them.
    pub said: Vec<String>,
    /// What to type next, as it is to be typed.
    pub hint: Option<String>,
}

impl Document {
    /// The one error of a run; `to_type` completes its hint.
    pub fn of(error: &anyhow::Error, to_type: impl Fn(&str) -> String) -> Self {
        let hint = error::fault(error).and_then(Fault::hint_text).map(to_type);
        Self { failure: FailureReport { said: error::messages(error), hint } }
    }
}

/// The documents that a program wrote.
pub fn documents(stdout: &[u8]) -> Vec<Value> {
    Deserializer::from_slice(stdout).into_iter::<Value>().map_while(Result::ok).collect()
}

/// What it told of its failure.
pub fn failure(stdout: &[u8]) -> Option<FailureReport> {
    let last = documents(stdout).pop()?;
    serde_json::from_value::<Document>(last).ok().map(|document| document.failure)
}
