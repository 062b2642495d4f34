//! Whether a schedule does what it should: one judgement for `status` and for `health-check`.

use super::flaw::{Flaw, Gravity, Hint};
use super::history::{History, Outcome, Run};
use super::plan::{Plan, Unfit};
use super::timer::{Presence, Timer};
use super::turn::Turn;
use super::{cron, name, start, systemd, unheard};
use crate::error::Fault;
use crate::settings;
use crate::words::{shell_word, span};
use anyhow::Result;
use chrono::{DateTime, Local, TimeDelta};
use std::path::Path;
use std::time::Duration;

/// So long after its time a run may begin.
const LATE: i64 = 15;

/// All that is known of a schedule at one time.
#[derive(Debug)]
pub struct Standing {
    pub plan: Plan,
    /// The last runs, or why they cannot be read.
    pub history: Result<History, String>,
    pub presence: Presence,
    /// Why the program cannot be run, if it cannot.
    pub unfit_program: Option<Unfit>,
    /// Whether the timer stops when its user logs out.
    pub ends_at_logout: bool,
    /// Why the timer starts nothing although it is set.
    pub idle: Option<String>,
    /// Where the checkout is now, if it is not the one that the plan was made for.
    pub elsewhere: Option<String>,
    /// Whether a run goes on.
    pub runs_now: bool,
    pub now: DateTime<Local>,
}

impl Standing {
    /// Looks at the schedule of a checkout and asks its timer; `None` where none is installed.
    ///
    /// # Errors
    /// Exit 1: the plan cannot be read.
    pub fn read(root: &Path, deadline: Duration) -> Result<Option<Self>> {
        let root = name::checkout(root);
        let Some(plan) = Plan::read(&root)? else { return Ok(None) };
        let presence = start::presence(&plan, &name::of(&root), deadline);
        let ends_at_logout = plan.timer == Timer::Systemd && !systemd::lingers(deadline);
        let idle = if plan.timer == Timer::Cron { cron::caution(deadline) } else { None };
        Ok(Some(Self { ends_at_logout, idle, ..Self::of(plan, &root, presence, settings::now()) }))
    }

    /// Looks at the files of the checkout; `presence` is asked of the timer.
    fn of(plan: Plan, root: &Path, presence: Presence, now: DateTime<Local>) -> Self {
        let history = History::read(&root.join("backups")).map_err(|error| error.to_string());
        let elsewhere = (!plan.is_of(root)).then(|| root.display().to_string());
        Self {
            unfit_program: plan.unfit_program(),
            runs_now: Turn::is_taken(root),
            history,
            presence,
            now,
            plan,
            ends_at_logout: false,
            idle: None,
            elsewhere,
        }
    }

    /// The next time that a run is due.
    pub fn next(&self) -> Option<DateTime<Local>> {
        self.plan.rhythm.next(&self.now)
    }

    /// Runs that were due since the last one and were not made.
    pub fn missed(&self) -> u32 {
        let last = self.history.as_ref().ok().and_then(History::last).map(|run| run.started_at.time());
        let installed = self.plan.installed_at.time();
        let since = last.map_or(installed, |last| last.max(installed)).with_timezone(&Local);
        self.plan.rhythm.due_between(&since, &(self.now - TimeDelta::minutes(LATE)))
    }

    /// Runs in a row that failed or were killed.
    pub fn failed(&self) -> u32 {
        self.history.as_ref().map_or(0, |history| history.failures(self.runs_now))
    }

    /// What is wrong, the worst first.
    pub fn flaws(&self) -> Vec<Flaw> {
        let mut flaws = self.flaws_of_timer();
        flaws.extend(self.flaws_of_runs());
        // The runs are another checkout's.
        if self.elsewhere.is_none() {
            flaws.extend(self.flaws_of_notices());
        }
        flaws.sort_by_key(|flaw| std::cmp::Reverse(flaw.gravity));
        flaws
    }

    fn flaws_of_timer(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        let mut add = |gravity, what: String, hint: &str| {
            flaws.push(Flaw { gravity, what, hint: Hint::Type(hint.to_owned()) });
        };
        let install = self.plan.install_hint("install it again");
        if let Some(root) = &self.elsewhere {
            let what = format!("it was installed for the checkout {}, not for this one, {root}", self.plan.root);
            add(Gravity::Failure, what, &install);
            return flaws;
        }
        if let Some(unfit) = self.unfit_program {
            let (what, hint) = self.flaw_of_program(unfit, &install);
            add(Gravity::Failure, what, &hint);
        }
        match &self.presence {
            Presence::There => (),
            Presence::Gone(what) => add(Gravity::Failure, what.clone(), &install),
            Presence::Broken(what) => {
                add(Gravity::Failure, what.clone(), &format!("remove what is left of it: crontab -e; then {install}"));
            }
            Presence::Edited(what) => add(Gravity::Warning, what.clone(), &install),
            Presence::Unknown(what) => add(Gravity::Warning, format!("the timer cannot be seen: {what}"), &install),
        }
        if let Some(what) = &self.idle {
            // It may be started before a run is due; runs that are missed are flaws of their own.
            add(Gravity::Warning, what.clone(), cron::START);
        }
        if self.ends_at_logout {
            let what = "the timer stops when you log out: lingering is not enabled".to_owned();
            add(Gravity::Warning, what, "loginctl enable-linger");
        }
        flaws
    }

    /// What is wrong with the program, and what to type next.
    fn flaw_of_program(&self, unfit: Unfit, install: &str) -> (String, String) {
        let program = &self.plan.program;
        let build = format!("build it (cargo build), or {install}");
        match unfit {
            Unfit::Gone => (format!("the program is gone: {program}"), build),
            Unfit::NotExecutable => {
                let hint = format!("let it be run: chmod u+x {}\nor {install}", shell_word(program));
                (format!("the program cannot be run, you may not execute it: {program}"), hint)
            }
            Unfit::NoProgram => (format!("what stands in the program's place is no program: {program}"), build),
        }
    }

    fn flaws_of_runs(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        let mut add = |gravity, what: String| flaws.push(Flaw { gravity, what, hint: Hint::Runs });
        if let Err(why) = &self.history {
            add(Gravity::Warning, format!("the results of the last runs cannot be read: {why}"));
        }
        let (failed, missed) = (self.failed(), self.missed());
        let gravity = if failed.saturating_add(missed) > 1 { Gravity::Failure } else { Gravity::Warning };
        if failed > 0 {
            add(gravity, self.failure(failed));
        }
        if missed > 0 {
            let what = match missed {
                1 => "the last run that was due was not made".to_owned(),
                missed => format!("the last {missed} runs that were due were not made"),
            };
            add(gravity, what);
        }
        flaws
    }

    fn flaws_of_notices(&self) -> Vec<Flaw> {
        let last = self.history.as_ref().ok().and_then(History::last);
        let flaw = |fault: Fault| {
            let hint = Hint::Type(fault.hint_text().unwrap_or_default().to_owned());
            Flaw { gravity: Gravity::Warning, what: fault.to_string(), hint }
        };
        unheard::of_last_run(&self.plan, last).into_iter().map(flaw).collect()
    }

    /// The last runs that failed, in words.
    fn failure(&self, failed: u32) -> String {
        let bad = || self.history.as_ref().ok().into_iter().flat_map(|history| history.bad(self.runs_now));
        let is_lost = |run: &&Run| run.outcome == Outcome::Running;
        let (last, lost) = (bad().next(), u32::try_from(bad().filter(is_lost).count()).unwrap_or(u32::MAX));
        let age = last.map(|run| self.age(run.started_at.time().with_timezone(&Local)));
        let why = match last {
            Some(run) if is_lost(&run) => {
                "it was killed, the machine stopped, or its result could not be written (a full disk)".to_owned()
            }
            last => last.and_then(|run| run.message.clone()).unwrap_or_default().replace('\n', "; "),
        };
        let runs = match (failed, lost) {
            (1, 0) => "the last run failed".to_owned(),
            (1, _) => "how the last run ended is not known".to_owned(),
            (failed, 0) => format!("the last {failed} runs failed"),
            (failed, lost) if failed == lost => format!("how the last {failed} runs ended is not known"),
            (failed, _) => format!("the last {failed} runs failed, or how they ended is not known"),
        };
        format!("{runs} ({}): {why}", age.unwrap_or_default())
    }

    /// How long ago that was.
    pub fn age(&self, time: DateTime<Local>) -> String {
        format!("{} ago", span(self.now.signed_duration_since(time).num_seconds().max(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::manifest::StartedAt as Time;
    use crate::schedule::plan::tests::plan;
    use chrono::TimeZone as _;

    fn local(day: u32, hour: u32, minute: u32) -> DateTime<Local> {
        Local.with_ymd_and_hms(2026, 11, day, hour, minute, 0).unwrap()
    }

    fn standing(runs: &[(u32, u32, Outcome)], now: DateTime<Local>) -> Standing {
        let mut plan = plan("/srv/app");
        plan.installed_at = Time::try_from(local(20, 12, 0).fixed_offset()).unwrap();
        let mut history = History::default();
        for (day, hour, outcome) in runs {
            let begun = Run::begun(Time::try_from(local(*day, *hour, 0).fixed_offset()).unwrap(), 0);
            history.set(&Run { outcome: *outcome, message: Some("No server".to_owned()), ..begun });
        }
        Standing {
            plan,
            history: Ok(history),
            presence: Presence::There,
            unfit_program: None,
            runs_now: false,
            ends_at_logout: false,
            idle: None,
            elsewhere: None,
            now,
        }
    }

    fn worst(standing: &Standing) -> Option<(Gravity, String)> {
        standing.flaws().first().map(|flaw| (flaw.gravity, flaw.what.clone()))
    }

    #[test]
    fn one_run_that_failed_or_was_missed_is_a_warning_and_two_are_a_failure() {
        use Outcome::{Done, Failed, Running};
        let (warning, failure) = (Some(Gravity::Warning), Some(Gravity::Failure));
        let gravity = |runs: &[(u32, u32, Outcome)], now| worst(&standing(runs, now)).map(|(gravity, _)| gravity);
        assert_eq!(gravity(&[], local(20, 13, 0)), None);
        assert_eq!(gravity(&[], local(21, 3, 10)), None);
        assert_eq!(gravity(&[], local(21, 3, 20)), warning);
        assert_eq!(gravity(&[], local(22, 3, 20)), failure);
        assert_eq!(gravity(&[(22, 3, Done)], local(22, 9, 0)), None);
        assert_eq!(gravity(&[(22, 3, Done), (23, 3, Failed)], local(23, 9, 0)), warning);
        assert_eq!(gravity(&[(22, 3, Failed), (23, 3, Failed)], local(23, 9, 0)), failure);
        assert_eq!(gravity(&[(22, 3, Failed)], local(23, 9, 0)), failure);
        assert_eq!(gravity(&[(22, 3, Running)], local(22, 9, 0)), warning);
        assert_eq!(gravity(&[(22, 3, Failed), (22, 8, Done)], local(22, 9, 0)), None);
        let mut running = standing(&[(22, 3, Running)], local(22, 9, 0));
        running.runs_now = true;
        assert_eq!(worst(&running), None);
        let killed = worst(&standing(&[(22, 3, Running)], local(22, 9, 0))).unwrap().1;
        assert!(
            killed.starts_with("how the last run ended is not known (6 h ago): it was killed, the machine"),
            "{killed}"
        );
    }

    #[test]
    fn what_is_not_known_of_runs_in_a_row_is_not_called_a_failure() {
        use Outcome::{Done, Failed, Running};
        for (runs, said) in [
            (&[(21, 3, Failed), (22, 3, Failed)][..], "the last 2 runs failed (6 h ago): No server"),
            (
                &[(21, 3, Running), (22, 3, Failed)],
                "the last 2 runs failed, or how they ended is not known (6 h ago): No server",
            ),
            (
                &[(21, 3, Failed), (22, 3, Running)],
                "the last 2 runs failed, or how they ended is not known (6 h ago): it was killed,",
            ),
            (&[(21, 3, Running), (22, 3, Running)], "how the last 2 runs ended is not known (6 h ago): it was killed,"),
            (&[(21, 3, Running), (21, 9, Done), (22, 3, Failed)], "the last run failed (6 h ago): No server"),
        ] {
            let what = worst(&standing(runs, local(22, 9, 0))).unwrap().1;
            assert!(what.starts_with(said), "{what}");
        }
        // One that goes on is none of them.
        let mut running = standing(&[(20, 15, Failed), (21, 3, Running), (22, 9, Running)], local(22, 9, 0));
        running.runs_now = true;
        let what = worst(&running).unwrap().1;
        assert!(
            what.starts_with("the last 2 runs failed, or how they ended is not known (30 h ago): it was"),
            "{what}"
        );
    }

    #[test]
    fn a_schedule_that_cannot_run_is_a_failure_at_once() {
        let mut gone = standing(&[(22, 3, Outcome::Done)], local(22, 9, 0));
        for unfit in [Unfit::Gone, Unfit::NotExecutable, Unfit::NoProgram] {
            gone.unfit_program = Some(unfit);
            assert_eq!(worst(&gone).unwrap().0, Gravity::Failure);
        }
        let presence = Presence::Gone("the block is gone".to_owned());
        let gone = Standing { presence, unfit_program: None, ..gone };
        assert_eq!(worst(&gone), Some((Gravity::Failure, "the block is gone".to_owned())));
        let unreadable = Standing { history: Err("no JSON".to_owned()), presence: Presence::There, ..gone };
        assert_eq!(unreadable.flaws()[0].gravity, Gravity::Failure, "{:?}", unreadable.flaws());
    }
}
