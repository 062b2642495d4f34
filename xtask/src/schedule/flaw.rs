//! What is wrong with a schedule, and what to type next.

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gravity {
    /// A run failed or was missed.
    Warning,
    /// More than one, or none can be made.
    Failure,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    pub gravity: Gravity,
    pub what: String,
    pub hint: Hint,
}

/// What to type next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// This.
    Type(String),
    /// Runs failed or were missed: the log says why.
    Runs,
}

impl Hint {
    /// One command a line. For every report but that of `db-schedule status`.
    pub fn for_other(&self) -> &str {
        match self {
            Self::Type(text) => text,
            Self::Runs => "see why: cargo xtask db-schedule status\nmake one now: cargo xtask db-schedule run",
        }
    }

    /// For a reader of `db-schedule status`; `log`: the log's path as a word of a command, where a run has written one.
    pub fn for_status(&self, log: Option<&str>) -> String {
        match (self, log) {
            (Self::Type(text), _) => text.clone(),
            (Self::Runs, Some(log)) => format!("see the log: {log}\nmake one now: cargo xtask db-schedule run"),
            (Self::Runs, None) => "make one now: cargo xtask db-schedule run".to_owned(),
        }
    }
}
