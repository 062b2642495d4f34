//! Why no one is notified of how a run ended: an address or a program cannot be used, or a ping was refused. No backup fails
//! for it, so `install`, `status` and `health-check` report it.

use super::history::Run;
use super::hook;
use super::ping::Ping;
use super::plan::Plan;
use crate::error::{self, Fault};
use crate::process;
use crate::settings::Settings;
use std::path::Path;

const AGAIN: &str = "after a change see whether it works: cargo xtask db-schedule run";

/// What of the plan cannot be used now.
pub fn of_plan(plan: &Plan) -> Vec<Fault> {
    [unusable_ping_file(plan), absent_program(plan)].into_iter().flatten().collect()
}

/// What of the plan cannot be used now, and what the last run could not tell.
pub fn of_last_run(plan: &Plan, last: Option<&Run>) -> Vec<Fault> {
    let mut faults = of_plan(plan);
    let Some(run) = last else { return faults };
    // What cannot be used now has a fault already.
    if let Some(why) = run.unsent_ping().filter(|_| unusable_ping_file(plan).is_none()) {
        faults.push(Fault::failed(format!("the ping of the last run was not taken: {why}")).hint(AGAIN));
    }
    if let Some(why) = run.uncalled_program().filter(|_| absent_program(plan).is_none()) {
        let what = format!("the program of {} failed after the last run: {why}", hook::SETTING);
        faults.push(Fault::failed(what).hint(AGAIN));
    }
    faults
}

fn unusable_ping_file(plan: &Plan) -> Option<Fault> {
    let path = plan.notices.ping_file.as_ref()?;
    // Only whether there is an address: none is asked.
    let error = Ping::of_file(Path::new(path), &Settings::default()).err()?;
    let fault = Fault::failed(format!("no run can ping: {error:#}"));
    Some(match error::fault(&error).and_then(Fault::hint_text) {
        Some(hint) => fault.hint(hint),
        None => fault,
    })
}

/// The program is looked for as a run does: in the `PATH` of the plan, from the checkout.
fn absent_program(plan: &Plan) -> Option<Fault> {
    let program = plan.notices.on_failure.as_ref()?.first()?;
    let path = plan.environment.get("PATH").map_or("", String::as_str);
    if process::find_from(program, path, Path::new(&plan.root)).is_some() {
        return None;
    }
    let setting = hook::SETTING;
    let fault = Fault::failed(format!("no failure is reported: {program}, the program of {setting}, is not there"));
    let install = plan.install_hint("put it there; or install it again");
    Some(fault.hint(install))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::manifest::StartedAt as Time;
    use crate::schedule::plan::tests::plan;

    fn said(faults: &[Fault]) -> Vec<String> {
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_program_that_is_not_there_and_a_file_that_is_gone_are_named() {
        let mut plan = plan(&std::env::temp_dir().display().to_string());
        assert!(of_plan(&plan).is_empty());
        plan.notices.ping_file = Some("/nonexistent/ping".to_owned());
        for (program, is_there) in [("sh", true), ("/bin/sh", true), ("no-such-program", false), ("./sh", false)] {
            plan.notices.on_failure = Some(vec![program.to_owned(), "hunter2".to_owned()]);
            let faults = said(&of_plan(&plan));
            assert!(
                faults[0].starts_with("no run can ping: The ping file /nonexistent/ping cannot be read"),
                "{faults:?}"
            );
            let is_absent = faults.get(1).is_some_and(|fault| fault.contains(program));
            assert_eq!(is_absent, !is_there || crate::platform::WINDOWS, "{program}: {faults:?}");
            assert!(!faults.concat().contains("hunter2"));
        }
    }

    #[test]
    fn what_the_last_run_could_not_tell_is_named() {
        let plan = plan("/srv/app");
        let begun = Run::begun(Time::try_from("2026-11-27T03:00:00+00:00".to_owned()).unwrap(), 0);
        let run = |ping: &str, program: Option<&str>| {
            let run = Run {
                ping: Some(ping.to_owned().into()),
                on_failure: program.map(|said| said.to_owned().into()),
                ..begun.clone()
            };
            said(&of_last_run(&plan, Some(&run)))
        };
        assert!(run("sent", None).is_empty() && run("sent", Some("called")).is_empty());
        assert!(said(&of_last_run(&plan, Some(&begun))).is_empty());
        assert_eq!(run("HTTP 404", None), ["the ping of the last run was not taken: HTTP 404"]);
        assert!(
            run("sent", Some("exit code 1"))[0].contains("XTASK_ON_FAILURE failed after the last run: exit code 1")
        );
    }
}
