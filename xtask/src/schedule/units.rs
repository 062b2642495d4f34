//! A systemd user timer as text: the service that makes a run, and the timer that starts it.

use super::kept_environment;
use super::plan::Plan;
use crate::error::Fault;

/// The two files of a timer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Units {
    pub service: String,
    pub timer: String,
}

impl Units {
    /// Those of a plan.
    ///
    /// # Errors
    /// Exit 2: the path has a line break, which a unit of systemd cannot hold.
    pub fn of(plan: &Plan, name: &str) -> Result<Self, Fault> {
        let mut service =
            format!("[Unit]\nDescription=Backups of {name} (cargo xtask db-schedule)\n\n[Service]\nType=oneshot\n");
        for (variable, value) in kept_environment::open(&plan.environment) {
            service.push_str(&format!("Environment={}\n", quoted(&format!("{variable}={value}"))?));
        }
        let words: Result<Vec<String>, Fault> = plan.command().iter().map(|word| quoted(word)).collect();
        // What it prints is the result; what it says goes to the journal.
        service.push_str(&format!("ExecStart={}\nStandardOutput=null\n", words?.join(" ").replace('$', "$$")));
        let calendar = plan.rhythm.calendar();
        let timer = format!(
            "[Unit]\nDescription=Backups of {name}, {} (cargo xtask db-schedule)\n\n[Timer]\nOnCalendar={calendar}\n\
             Persistent=true\n\n[Install]\nWantedBy=timers.target\n",
            plan.rhythm
        );
        Ok(Self { service, timer })
    }
}

/// A text as one word of a unit's line.
fn quoted(text: &str) -> Result<String, Fault> {
    if text.contains(['\n', '\r', '\0']) {
        let fault = Fault::usage(format!("a unit of systemd cannot hold {text:?}: it has a line break"));
        return Err(fault.hint("move the checkout to a folder with another name"));
    }
    Ok(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::plan::tests::plan;

    #[test]
    fn every_letter_of_a_path_is_quoted_and_no_secret_is_in_a_unit() {
        let mut plan = plan(r#"/srv/50% "of" $HOME\x"#);
        plan.environment.insert("DOCKER_HOST".to_owned(), "tcp://$h".to_owned());
        let units = Units::of(&plan, "xtask-app-1").unwrap();
        let root = r#""/srv/50%% \"of\" $$HOME\\x""#;
        let program = r#""/srv/50%% \"of\" $$HOME\\x/target/debug/xtask""#;
        let line = format!("ExecStart={program} \"--root\" {root} \"--quiet\" \"db-schedule\" \"run\"\n");
        assert!(units.service.contains(&line), "{}", units.service);
        assert!(units.service.contains("Environment=\"DOCKER_HOST=tcp://$h\"\n"), "{}", units.service);
        assert!(!units.service.contains("hunter2"));
        assert!(units.timer.contains("OnCalendar=*-*-* 03:00:00\nPersistent=true\n"), "{}", units.timer);
        assert!(Units::of(&crate::schedule::plan::tests::plan("/a\nb"), "x").is_err());
    }
}
