//! What a timer has under one name: whether a person wrote it, and that it goes.

use super::plan::Plan;
use super::timer::Timer;
use super::{cron, name, systemd};
use anyhow::Result;
use std::collections::BTreeMap;
use std::path::Path;

/// The lines of one timer under one name.
#[derive(Debug)]
pub struct Lines<'a> {
    pub timer: Timer,
    pub name: String,
    /// It says where the units of systemd are.
    pub environment: &'a BTreeMap<String, String>,
    /// The plan for which they were written, where it is known.
    pub written: Option<&'a Plan>,
    /// The plan whose lines are about to be written.
    pub next: Option<&'a Plan>,
}

impl<'a> Lines<'a> {
    /// Those of a plan.
    pub fn of(plan: &'a Plan) -> Self {
        let name = name::of(Path::new(&plan.root));
        Self { timer: plan.timer, name, environment: &plan.environment, written: Some(plan), next: None }
    }

    /// Those that are about to be written for a plan, in place of those of the plan before.
    pub fn next(plan: &'a Plan, before: Option<&'a Plan>) -> Self {
        Self { written: before, next: Some(plan), ..Self::of(plan) }
    }

    /// Those that may be left under a name whose plan is not known.
    pub fn left(name: &str, environment: &'a BTreeMap<String, String>) -> [Self; 2] {
        let of = |timer| Self { timer, name: name.to_owned(), environment, written: None, next: None };
        [Timer::Systemd, Timer::Cron].map(of)
    }

    /// Whether there are some.
    ///
    /// # Errors
    /// The crontab cannot be read.
    pub fn are_there(&self) -> Result<bool> {
        match self.timer {
            Timer::Systemd => Ok(systemd::is_there(self.environment, &self.name)),
            Timer::Cron => Ok(cron::is_there() && cron::has(&self.name)?),
            Timer::Paste => Ok(false),
        }
    }

    /// What stands there and was not written for one of the plans: where, and what it says.
    ///
    /// # Errors
    /// The crontab cannot be read.
    pub fn edited(&self) -> Result<Vec<(String, String)>> {
        let plans: Vec<&Plan> = self.written.into_iter().chain(self.next).collect();
        Ok(match self.timer {
            Timer::Systemd => systemd::edited(self.environment, &plans, &self.name),
            Timer::Cron => cron::edited(&plans, &self.name)?.into_iter().collect(),
            Timer::Paste => Vec::new(),
        })
    }

    /// Removes them; false where there are none.
    pub fn remove(&self) -> Result<bool> {
        match self.timer {
            Timer::Systemd => systemd::remove(self.environment, &self.name).map(|()| true),
            Timer::Cron => cron::remove(&self.name),
            Timer::Paste => Ok(false),
        }
    }
}
