//! What a program of a run said and how it ended, as the run reports it.

use super::failure_document::{self, FailureReport};
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
    failure_document::documents(stdout).iter().for_each(|document| collect(document, &mut found));
    found
}

/// A program's failure as one of ours: its exit code, what it said and its hint, which it told, or what it said last.
/// `install` installs the plan again, which keeps these secrets; `log` has all that it said.
pub fn failure(name: &str, captured: &Captured, kept: &[&str], install: &str, log: &Path) -> Error {
    let exit = match captured.ending {
        Ending::Code(code) => exit_of(code),
        Ending::Signal(signal) => Exit::Signal(signal),
    };
    let told = failure_document::failure(&captured.stdout)
        .unwrap_or_else(|| FailureReport { said: last_error(&captured.stderr), hint: None });
    let kept = (exit == Exit::Unreachable && !kept.is_empty()).then(|| {
        let kept = kept.join(", ");
        format!(
            "the schedule keeps {kept} as they were when it was installed; after a change install it again: {install}"
        )
    });
    let hints: Vec<String> = told.hint.into_iter().chain(kept).collect();
    let hint = if hints.is_empty() {
        format!("see the log: {}", shell_word(&log.to_string_lossy()))
    } else {
        hints.join("\n")
    };
    let fault = Fault::new(exit, format!("{name} failed ({})", captured.ending)).hint(hint);
    let said = told.said.join("\n");
    if said.is_empty() { fault.into() } else { Error::msg(said).context(fault) }
}

/// What a program that did its work warned of, without its marks: who hears it marks it again.
pub fn warnings(stderr: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in stderr.trim().lines() {
        let begins = ["⚠ ", "WARNING: "].iter().find_map(|mark| line.strip_prefix(mark));
        match (begins, found.last_mut()) {
            (None, Some(last)) => last.extend(["\n", line]),
            (begins, _) => found.push(begins.unwrap_or(line).to_owned()),
        }
    }
    found
}

/// The last error of the words of a program that told nothing, without what it warned of before.
fn last_error(stderr: &str) -> Vec<String> {
    let starts: Vec<&str> = ["✗ ", "ERROR: "].into_iter().collect();
    let lines: Vec<&str> = stderr.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let last = lines.iter().rposition(|line| starts.iter().any(|start| line.starts_with(start)));
    let lines = &lines[last.unwrap_or_default()..];
    let plain =
        lines.iter().enumerate().map(|(at, line)| match starts.iter().find_map(|start| line.strip_prefix(start)) {
            Some(rest) if at == 0 => rest,
            _ => line.trim(),
        });
    plain.map(str::to_owned).collect()
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
    fn warnings_lose_their_marks_and_keep_what_stands_below() {
        assert_eq!(warnings("⚠ one\n  more\n→ do it\n⚠ two\n"), ["one\n  more\n→ do it", "two"]);
        assert_eq!(warnings("WARNING: one\n"), ["one"]);
        assert_eq!(warnings("no mark\n⚠ two"), ["no mark", "two"]);
        assert!(warnings("\n").is_empty());
    }

    #[test]
    fn a_failure_keeps_the_last_error_and_its_code() {
        let cause = Error::msg("refused\n→ forged").context(Fault::unreachable("No server").hint("start it"));
        let told = serde_json::to_vec(&failure_document::Document::of(&cause, |hint| format!("{hint} now"))).unwrap();
        let stdout = [b"{\"file\": \"/a.sql\"}\n", &told[..]].concat();
        assert_eq!(files(&stdout), [PathBuf::from("/a.sql")]);
        let captured = |stdout, stderr: &str| Captured { ending: Ending::Code(4), stdout, stderr: stderr.to_owned() };
        let failed =
            |captured| failure("db-backup", &captured, &["PGPASSWORD"], "install --at 03:00", Path::new("/log"));
        let error = failed(captured(stdout, ""));
        assert_eq!(error::exit_code(&error), 4);
        assert_eq!(format!("{error:#}"), "db-backup failed (exit code 4): No server\nrefused\n→ forged");
        let hint = error::fault(&error).unwrap().hint_text().unwrap().to_owned();
        assert!(hint.starts_with("start it now\nthe schedule keeps PGPASSWORD"), "{hint}");
        assert!(hint.ends_with("install it again: install --at 03:00"), "{hint}");
        // One that told nothing: its words are no hint.
        let error = failed(captured(Vec::new(), "⚠ a warning\n✗ No server\n  refused\n→ start it\n"));
        assert_eq!(format!("{error:#}"), "db-backup failed (exit code 4): No server\nrefused\n→ start it");
        assert!(error::fault(&error).unwrap().hint_text().unwrap().starts_with("the schedule keeps"));
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
