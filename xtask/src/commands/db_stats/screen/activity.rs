//! Sessions that others wait for, and what ends them; open transactions.

use crate::postgres::quote::printable_literal;
use crate::stats::{Activity, Blocked, RunStatement as Statement, Session};
use crate::terminal::{Terminal, clean_line, counted, shell_word, span};

/// A transaction that is open for longer than this is shown.
const LONG_SECONDS: f64 = 5.0;
/// In place of a session that is waited for.
const PREPARED: i64 = 0;

/// The lines; none where no transaction is open for long and no session waits.
pub(super) fn warnings(activity: &Activity, terminal: &Terminal) -> Vec<String> {
    let mut lines: Vec<String> = activity.open_transactions.iter().take(1).filter_map(oldest).collect();
    for session in &activity.blocking {
        lines.extend(blocking(session, activity, terminal));
    }
    let waiting = waiting_for(PREPARED, activity);
    if !waiting.is_empty() {
        let number = counted(waiting.len() as u64, "session waits", "sessions wait");
        lines.push(terminal.warning_line(&format!("{number} for a prepared transaction")));
        lines.extend(waiting.iter().map(|blocked| format!("    {}", waits(blocked))));
    }
    for prepared in &activity.prepared_transactions {
        lines.push(terminal.warning_line(&format!(
            "The prepared transaction {} has been holding its locks for {}",
            clean_line(&prepared.name),
            span(whole(prepared.transaction_seconds))
        )));
        // No name of a prepared transaction is refused: it has at most 200 bytes and no NUL.
        lines.extend(
            printable_literal(&prepared.name)
                .ok()
                .map(|name| typed(terminal, &format!("ROLLBACK PREPARED {name}"), prepared.may_end)),
        );
    }
    lines
}

fn oldest(session: &Session) -> Option<String> {
    let seconds = session.transaction_seconds.filter(|seconds| *seconds >= LONG_SECONDS)?;
    Some(format!("Longest open: {}, {}", span(whole(seconds)), described(session)))
}

/// Who holds the lock, who waits for it, and what ends the wait.
fn blocking(session: &Session, activity: &Activity, terminal: &Terminal) -> Vec<String> {
    let waiting = waiting_for(session.pid, activity);
    let pid = session.pid;
    let number = counted(waiting.len() as u64, "session waits", "sessions wait");
    let mut lines = vec![terminal.warning_line(&format!("{number} for {}", described(session)))];
    lines.extend(waiting.iter().map(|blocked| format!("    {}", waits(blocked))));
    // A session that waits itself is not what holds the others up.
    if activity.blocked.iter().any(|blocked| blocked.pid == pid) {
        return lines;
    }
    if !session.is_idle() {
        lines.push(typed(terminal, &format!("SELECT pg_catalog.pg_cancel_backend({pid})"), session.may_end));
    }
    lines.push(typed(terminal, &format!("SELECT pg_catalog.pg_terminate_backend({pid})"), session.may_end));
    lines
}

fn waiting_for(pid: i64, activity: &Activity) -> Vec<&Blocked> {
    activity.blocked.iter().filter(|blocked| blocked.waits_for.contains(&pid)).collect()
}

fn waits(blocked: &Blocked) -> String {
    let since = blocked.statement_seconds.map(|seconds| format!(" for {}", span(whole(seconds)))).unwrap_or_default();
    let who = who(blocked.user.as_deref(), blocked.program.as_deref());
    format!("session {} ({who}) waits{since}{}", blocked.pid, behind_colon(blocked.statement.as_ref()))
}

/// `: SELECT …`; nothing where it is hidden.
fn behind_colon(statement: Option<&Statement>) -> String {
    let text = statement.map(Statement::as_str).filter(|text| !text.is_empty());
    text.map(|text| format!(": {}", clean_line(text))).unwrap_or_default()
}

fn described(session: &Session) -> String {
    let state = session.state.as_deref().unwrap_or("hidden");
    let who = who(session.user.as_deref(), session.program.as_deref());
    format!("session {} ({who}, {}){}", session.pid, clean_line(state), behind_colon(session.statement.as_ref()))
}

fn who(user: Option<&str>, program: Option<&str>) -> String {
    let program = program.filter(|program| !program.is_empty()).unwrap_or("unnamed");
    format!("{} of {}", clean_line(program), clean_line(user.unwrap_or("no user")))
}

/// The statement to type; where this role `may` not, for one who may.
fn typed(terminal: &Terminal, sql: &str, may: bool) -> String {
    let command = if may {
        format!("cargo xtask db-shell -- -c {}", shell_word(sql))
    } else {
        format!("this role may not; as a superuser: {sql}")
    };
    terminal.hint_line(&command)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "whole seconds are shown; a float of any size fits in or ends at the bounds"
)]
fn whole(seconds: f64) -> i64 {
    seconds as i64
}
