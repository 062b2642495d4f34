//! What the probes found, and how a whole report counts.

use crate::error::{self, Cause};
use crate::words::shortened;
use serde::Serialize;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Ok,
    /// It works, but a person should act.
    Warn,
    /// A part does not answer, is the wrong one, or data is at risk.
    Fail,
    /// There is nothing to check here, or another check says why it cannot be checked.
    Skipped,
}

/// What other checks need: without it they cannot be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Compose,
    Postgres,
    Openfga,
    /// The store and the model that the ids name.
    Store,
}

impl Part {
    /// The checks that say why it does not answer.
    pub fn checks(self) -> &'static [&'static str] {
        match self {
            Self::Compose => &["docker", "service"],
            Self::Postgres => &["postgres"],
            Self::Openfga => &["openfga"],
            Self::Store => &["openfga/store"],
        }
    }
}

/// What a probe found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub status: Status,
    /// The fact, or the cause.
    pub detail: String,
    /// What to type or look at next.
    pub hint: Option<String>,
    /// The container whose log may say more.
    pub container: Option<String>,
    /// The part without which this could not be asked.
    pub blocked: Option<Part>,
    /// Why it failed, where the error says.
    pub cause: Option<Cause>,
}

impl Finding {
    fn new(status: Status, detail: impl Into<String>, hint: Option<String>) -> Self {
        Self { status, detail: detail.into(), hint, container: None, blocked: None, cause: None }
    }

    /// ✓: it is as it should be.
    pub fn ok(detail: impl Into<String>) -> Self {
        Self::new(Status::Ok, detail, None)
    }

    /// ∘: there is nothing to check, and why.
    pub fn skipped(detail: impl Into<String>) -> Self {
        Self::new(Status::Skipped, detail, None)
    }

    /// ⚠: it works, and a person should do something soon.
    pub fn warn(detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Status::Warn, detail, Some(hint.into()))
    }

    /// ✗: it does not work.
    pub fn fail(detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Status::Fail, detail, Some(hint.into()))
    }

    /// What can be said where a check needs another part that does not answer: that part's own check names the cause.
    pub fn not_asked(part: Part) -> Self {
        let name = match part {
            Part::Compose => "Compose",
            Part::Postgres => "PostgreSQL",
            Part::Openfga | Part::Store => "OpenFGA",
        };
        Self::skipped_for(part, format!("not asked: {name} does not answer"))
    }

    /// Skipped because of this part, with a reason in the caller's words.
    pub fn skipped_for(part: Part, why: impl Into<String>) -> Self {
        Self { blocked: Some(part), ..Self::skipped(why) }
    }

    /// An error as a finding: its own words and hint, the cause beside words that are not ours to choose.
    pub fn of_error(error: &anyhow::Error, hint: &str) -> Self {
        let known = error::fault(error).and_then(|fault| fault.hint_text());
        let detail = if known.is_some() { error.to_string() } else { format!("{error:#}") };
        let first = detail.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
        let failed = Self::fail(shortened(&first, LONGEST), known.unwrap_or(hint));
        Self { cause: error::cause(error), ..failed }
    }

    /// This finding, with the container that it is about.
    #[must_use]
    pub fn about(mut self, container: &str) -> Self {
        self.container = Some(container.to_owned());
        self
    }
}

/// At most this much of another program's words is shown.
const LONGEST: usize = 300;

/// One line of the report.
#[derive(Debug, Serialize)]
pub struct Check {
    pub name: String,
    pub status: Status,
    pub detail: String,
    pub hint: Option<String>,
    /// Milliseconds from the beginning of the report to this answer.
    pub ms: u64,
    /// The last lines of a sick container's log, secrets masked; only where they were asked for.
    #[serde(skip)]
    pub log: Vec<String>,
    #[serde(skip)]
    pub blocked: Option<Part>,
}

impl Check {
    /// The finding that it came from.
    pub fn finding(&self) -> Finding {
        Finding::new(self.status, self.detail.clone(), self.hint.clone())
    }
}

/// All lines.
#[derive(Debug, Default)]
pub struct Report {
    pub checks: Vec<Check>,
}

impl Report {
    /// How many checks ended so.
    pub fn count(&self, status: Status) -> usize {
        self.checks.iter().filter(|check| check.status == status).count()
    }

    /// Whether nothing failed; under `strict` a warning counts as well.
    pub fn is_ok(&self, strict: bool) -> bool {
        self.count(Status::Fail) == 0 && !(strict && self.count(Status::Warn) > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Fault;

    #[test]
    fn a_known_fault_speaks_for_itself_and_an_unknown_one_brings_its_cause() {
        let known =
            anyhow::Error::msg("psql: error: 1\nmore").context(Fault::unreachable("No server").hint("start it"));
        let finding = Finding::of_error(&known, "look");
        assert_eq!((finding.detail.as_str(), finding.hint.as_deref()), ("No server", Some("start it")));
        let unknown = anyhow::Error::msg("line 1\nline 2").context(Fault::failed("psql failed"));
        let finding = Finding::of_error(&unknown, "look");
        assert_eq!((finding.detail.as_str(), finding.hint.as_deref()), ("psql failed: line 1; line 2", Some("look")));
    }

    #[test]
    fn a_warning_counts_only_where_it_was_asked_for() {
        let check = |status| Check {
            name: String::new(),
            status,
            detail: String::new(),
            hint: None,
            ms: 0,
            log: vec![],
            blocked: None,
        };
        let report = Report { checks: vec![check(Status::Ok), check(Status::Warn), check(Status::Skipped)] };
        assert!(report.is_ok(false) && !report.is_ok(true));
        assert!(!Report { checks: vec![check(Status::Fail)] }.is_ok(false));
    }
}
