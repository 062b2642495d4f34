//! What a program of a run said and how it ended, as the run reports it.

use crate::backup::codec;
use crate::error::{Exit, Fault};
use crate::process::{Captured, Ending};
use crate::words::shell_word;
use anyhow::Error;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The databases' files that `--json` names: one backup, or several.
pub fn files(stdout: &[u8]) -> Vec<PathBuf> {
    fn collect(value: &Value, found: &mut Vec<PathBuf>) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
            Value::Object(members) => {
                let is_backup = |file: &&str| codec::ending_of(file).is_some();
                let file = members.get("file").and_then(Value::as_str).filter(is_backup);
                found.extend(file.map(PathBuf::from));
                let of_databases = members.iter().filter(|(name, _)| *name != "globals");
                of_databases.for_each(|(_, value)| collect(value, found));
            }
            _ => (),
        }
    }
    let mut found = Vec::new();
    if let Ok(document) = serde_json::from_slice(stdout) {
        collect(&document, &mut found);
    }
    found
}

/// A program's failure as one of ours: its exit code, and what it said last. `install` installs the plan again, which keeps
/// these secrets; `log` has all that it said.
pub fn failure(name: &str, captured: &Captured, kept: &[&str], install: &str, log: &Path) -> Error {
    let exit = match captured.ending {
        Ending::Code(code) => exit_of(code),
        Ending::Signal(signal) => Exit::Signal(signal),
    };
    let said = last_error(&captured.stderr);
    let fault = Fault::new(exit, format!("{name} failed ({})", captured.ending));
    let fault = match exit {
        Exit::Unreachable if !kept.is_empty() => fault.hint(format!(
            "the schedule keeps {} as they were when it was installed; after a change install it again: {install}",
            kept.join(", ")
        )),
        _ => fault.hint(format!("see the log: {}", shell_word(&log.to_string_lossy()))),
    };
    if said.is_empty() { fault.into() } else { Error::msg(said).context(fault) }
}

/// The last error of the program's words, without what it warned of before.
fn last_error(stderr: &str) -> String {
    let starts: Vec<&str> = ["✗ ", "ERROR: "].into_iter().collect();
    let lines: Vec<&str> = stderr.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let last = lines.iter().rposition(|line| starts.iter().any(|start| line.starts_with(start)));
    let lines = &lines[last.unwrap_or_default()..];
    let plain =
        lines.iter().enumerate().map(|(at, line)| match starts.iter().find_map(|start| line.strip_prefix(start)) {
            Some(rest) if at == 0 => rest,
            _ => line.trim(),
        });
    plain.collect::<Vec<_>>().join("\n")
}

fn exit_of(code: i32) -> Exit {
    let known = [Exit::Usage, Exit::Refused, Exit::Unreachable, Exit::Locked, Exit::Partial];
    let signal = Exit::Signal(code.saturating_sub(128));
    match known.into_iter().find(|exit| exit.code() == code) {
        Some(exit) => exit,
        None if (129..160).contains(&code) => signal,
        None => Exit::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error;

    #[test]
    fn files_are_found_in_the_report_of_one_backup_and_of_several() {
        let found = |text: &str| files(text.as_bytes());
        assert_eq!(found(r#"{"version": 1, "file": "/a.sql", "bytes": 3}"#), [PathBuf::from("/a.sql")]);
        let several =
            r#"{"version": 1, "databases": [{"file": "/a.sql"}, {"file": "/b.sql.zst"}], "set": {"file": "/s.json"}}"#;
        assert_eq!(found(several), [PathBuf::from("/a.sql"), PathBuf::from("/b.sql.zst")]);
        assert!(found("").is_empty() && found("[1]").is_empty() && found(r#"{"file": 3}"#).is_empty());
    }

    #[test]
    fn a_failure_keeps_the_last_error_and_its_code() {
        let stderr = "⚠ a warning\n✗ No server\n  connection refused\n→ start it\n".to_owned();
        let captured = Captured { ending: Ending::Code(4), stdout: Vec::new(), stderr };
        let error = failure("db-backup", &captured, &["PGPASSWORD"], "install --at 03:00", Path::new("/log"));
        assert_eq!(error::exit_code(&error), 4);
        assert_eq!(format!("{error:#}"), "db-backup failed (exit code 4): No server\nconnection refused\n→ start it");
        assert!(error::fault(&error).unwrap().hint_text().unwrap().ends_with("install it again: install --at 03:00"));
        let killed = Captured { ending: Ending::Signal(9), stdout: Vec::new(), stderr: String::new() };
        let error = failure("db-backup", &killed, &[], "", Path::new("/srv/log"));
        assert_eq!(error::fault(&error).unwrap().hint_text(), Some("see the log: /srv/log"));
        assert_eq!(
            (error::exit_code(&error), format!("{error:#}")),
            (137, "db-backup failed (killed by signal 9)".to_owned())
        );
        assert_eq!([exit_of(1), exit_of(7), exit_of(143)].map(Exit::code), [1, 1, 143]);
    }
}
