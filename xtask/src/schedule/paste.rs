//! The lines that a person adds to a timer of their system.

use super::crontab;
use super::plan::Plan;
use crate::error::Fault;
use crate::platform;

/// A crontab's line, or on Windows the command that makes a task.
///
/// # Errors
/// Exit 2: the path has letters that the timer's lines cannot hold.
pub fn lines(plan: &Plan, name: &str) -> Result<String, Fault> {
    if platform::WINDOWS { Ok(task(plan, name)) } else { crontab::line(plan) }
}

fn task(plan: &Plan, name: &str) -> String {
    let words: Vec<String> = plan.command().iter().map(|word| quoted(word)).collect();
    let minutes = plan.rhythm.every.span().num_minutes();
    let every = if minutes < 1_440 { format!(" /RI {minutes} /DU 24:00") } else { String::new() };
    let command = words.join(" ").replace('"', "\\\"");
    format!("schtasks /Create /TN {name} /TR \"{command}\" /SC DAILY /ST {}{every}", plan.rhythm.at)
}

/// A Windows path cannot have a quote in it.
fn quoted(word: &str) -> String {
    if word.contains(' ') { format!("\"{word}\"") } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::plan::tests::plan;

    #[test]
    fn windows_gets_a_task() {
        let mut plan = plan("/srv/app");
        plan.program = r"C:\my app\xtask.exe".to_owned();
        plan.root = r"C:\my app".to_owned();
        plan.rhythm.every = "6h".parse().unwrap();
        assert_eq!(
            task(&plan, "xtask-app-1"),
            r#"schtasks /Create /TN xtask-app-1 /TR "\"C:\my app\xtask.exe\" --root \"C:\my app\" --quiet db-schedule run" /SC DAILY /ST 03:00 /RI 360 /DU 24:00"#
        );
    }
}
