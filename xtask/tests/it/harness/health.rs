//! A report of `health-check`, looked at check by check.

use super::{Outcome, Xtask};
use serde_json::Value;
use std::time::{Duration, Instant};

/// One report and how the run ended.
#[derive(Debug)]
pub struct Health {
    pub outcome: Outcome,
    report: Value,
}

impl Health {
    /// Runs `health-check --json` with these words; the exit code must fit the report.
    #[track_caller]
    pub fn of(run: Xtask, words: &[&str]) -> Self {
        let outcome = run.args(["health-check", "--json"]).args(words).run();
        let report = outcome.json();
        let ok = report["ok"].as_bool().unwrap();
        outcome.code(i32::from(!ok));
        Self { outcome, report }
    }

    /// The checks' names, in order.
    pub fn names(&self) -> Vec<&str> {
        self.checks().iter().map(|check| check["name"].as_str().unwrap()).collect()
    }

    /// The times that the checks took, added up.
    pub fn one_after_the_other(&self) -> Duration {
        Duration::from_millis(self.checks().iter().filter_map(|check| check["ms"].as_u64()).sum())
    }

    fn checks(&self) -> &Vec<Value> {
        self.report["checks"].as_array().unwrap()
    }

    /// That a check ended so, with these words in its fact and in its hint. What is wrong has a hint, and what is right
    /// has none.
    #[track_caller]
    pub fn says(&self, name: &str, status: &str, detail: &str, hint: &str) -> &Self {
        let found = self.checks().iter().find(|check| check["name"] == name);
        let Some(check) = found else { self.outcome.fail(&format!("there is no check {name}")) };
        let text = |key: &str| check[key].as_str().unwrap_or_default();
        let is_hinted = match status {
            "ok" => check["hint"].is_null(),
            "warn" | "fail" => !text("hint").is_empty(),
            _ => true,
        };
        let said = text("detail").contains(detail) && text("hint").contains(hint);
        let fits = check["status"] == status && said && is_hinted;
        self.outcome.holds(fits, &format!("{name} should be {status}: {detail:?}, {hint:?}"));
        self
    }

    /// That nothing but these checks failed.
    #[track_caller]
    pub fn fails_only(&self, names: &[&str]) -> &Self {
        let failed = self.checks().iter().filter(|check| check["status"] == "fail");
        let failed: Vec<&str> = failed.map(|check| check["name"].as_str().unwrap()).collect();
        self.outcome.holds(failed == names, &format!("only {names:?} should fail"));
        self
    }
}

/// Asks again until the check ends so: what was planted needs a moment to show.
#[track_caller]
pub fn until(run: &dyn Fn() -> Health, name: &str, status: &str) -> Health {
    asked_again(run, |check| check["name"] == name && check["status"] == status)
}

/// The same until the check says this.
#[track_caller]
pub fn until_said(run: &dyn Fn() -> Health, name: &str, detail: &str) -> Health {
    asked_again(run, |check| {
        check["name"] == name && check["detail"].as_str().is_some_and(|said| said.contains(detail))
    })
}

fn asked_again(run: &dyn Fn() -> Health, fits: impl Fn(&Value) -> bool) -> Health {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let health = run();
        if health.checks().iter().any(&fits) || Instant::now() >= end {
            return health;
        }
    }
}
