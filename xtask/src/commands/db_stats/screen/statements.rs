//! The slowest statements, else those that run now; and what makes the server tell them.

use super::width::fitted;
use crate::postgres::quote::{identifier, printable_literal};
use crate::postgres::server::maintenance_database;
use crate::stats::{LIBRARY, Preload, Running, State, Statement, Statements, Stats};
use crate::target::Target;
use crate::terminal::{Column, Terminal, clean_line, count, shell_word};
use std::time::Duration;

/// Columns that the figures of a statement take, and those that its text has at least.
const FIGURES: usize = 50;
const LEAST: usize = 24;

const RUNNING: [Column; 3] = [Column::text("RUNNING NOW"), Column::number("FOR"), Column::text("SESSION")];
const SLOWEST: [Column; 6] = [
    Column::number("TIME"),
    Column::number("MEAN"),
    Column::number("MAX"),
    Column::number("CALLS"),
    Column::number("ROWS"),
    Column::text("STATEMENT"),
];

/// The lines, after an empty one.
pub(super) fn lines(stats: &Stats, target: &Target, top: usize, terminal: &Terminal) -> Vec<String> {
    let statements = &stats.statements;
    let mut lines = vec![String::new()];
    if let Some((why, hint)) = missing(statements, target) {
        let hints = hint.lines().map(|line| terminal.hint_line(line));
        let texts = std::iter::once(format!("Slow statements are not known: {why}")).chain(hints);
        lines.extend(texts.flat_map(|text| fitted(&text, terminal)));
        let rows: Vec<Vec<String>> = stats.activity.running.iter().map(running).collect();
        lines.extend((!rows.is_empty()).then(|| terminal.laid_out(&RUNNING, &rows)));
        return lines;
    }
    if statements.slowest.is_empty() {
        lines.push("No statement was counted yet".to_owned());
        return lines;
    }
    let hidden = || "(hidden)".to_owned();
    let room = terminal.width_of_results().map_or(usize::MAX, |width| width.saturating_sub(FIGURES).max(LEAST));
    let row = |statement: &Statement| {
        let text = statement.statement.as_ref().map_or_else(hidden, |text| cut(text.as_str(), room));
        let times = [statement.total_ms, statement.mean_ms, statement.max_ms].map(time);
        let [total, mean, max] = times;
        vec![total, mean, max, count(statement.calls), count(statement.rows), text]
    };
    let rows: Vec<Vec<String>> = statements.slowest.iter().take(top).map(row).collect();
    lines.push(terminal.laid_out(&SLOWEST, &rows));
    lines
}

/// Why the server does not show the slowest statements, and how to make it do so; `None` where it shows them.
fn missing(statements: &Statements, target: &Target) -> Option<(&'static str, String)> {
    let preload = || preloading(&statements.preload, target);
    let maintenance = maintenance_database(target);
    let create = format!("cargo xtask db-shell -- -d {maintenance} -c 'CREATE EXTENSION pg_stat_statements'");
    Some(match statements.state {
        State::Readable | State::TextHidden => return None,
        State::NotInstalled => (
            "the server has no files of pg_stat_statements",
            format!(
                "install PostgreSQL's contrib package beside the server{}\nthen: {create}",
                match statements.preload {
                    Preload::There => String::new(),
                    _ => format!("\n{}", preload()),
                }
            ),
        ),
        State::NotPreloaded => {
            ("the server does not load pg_stat_statements", format!("{}\nthen: {create}", preload()))
        }
        State::NoExtension => ("pg_stat_statements is loaded, and its extension is missing", create),
        State::ExtensionNotPreloaded => {
            ("the extension pg_stat_statements is there, and its library is not loaded", preload())
        }
        State::NotTrusted => (
            "another role could have replaced the function of pg_stat_statements",
            format!(
                "let a superuser recreate it: cargo xtask db-shell -- -d {maintenance} -c 'DROP EXTENSION pg_stat_statements' \
                 -c 'CREATE EXTENSION pg_stat_statements'"
            ),
        ),
        State::NotReadable => {
            let user = identifier(target.user()).unwrap_or_default();
            let grant = format!("GRANT pg_monitor TO {user}");
            ("the server refuses to show them", format!("as a superuser: {}", shell_word(&grant)))
        }
    })
}

/// What has the server load the library: beside those that its files name, where they are known.
fn preloading(preload: &Preload, target: &Target) -> String {
    let hints = target.hints();
    let restart = hints.restart_hint();
    let sql = match preload {
        Preload::Waits => {
            return format!("restart the server, for which a change of shared_preload_libraries waits: {restart}");
        }
        Preload::Beside(libraries) if hints.takes_alter_system() => {
            let libraries = libraries.iter().map(String::as_str).chain([LIBRARY]);
            libraries.map(library).collect::<Option<Vec<_>>>()
        }
        Preload::Beside(_) | Preload::Unknown | Preload::There => None,
    };
    let change = sql.map(|libraries| format!("ALTER SYSTEM SET shared_preload_libraries = {}", libraries.join(", ")));
    let change = change.map_or_else(
        || format!("add {LIBRARY} to shared_preload_libraries, where that is set"),
        |sql| format!("as a superuser: cargo xtask db-shell -- -c {}", shell_word(&sql)),
    );
    format!("{change}\nthen restart the server: {restart}")
}

/// A library's name as SQL has it.
fn library(name: &str) -> Option<String> {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_plain { Some(name.to_owned()) } else { printable_literal(name).ok() }
}

fn running(running: &Running) -> Vec<String> {
    let statement = running.statement.as_ref().map(|statement| statement.as_str()).unwrap_or_default();
    let seconds = running.statement_seconds.map_or_else(|| "-".to_owned(), |seconds| time(seconds * 1000.0));
    let program = running.program.as_deref().filter(|program| !program.is_empty()).unwrap_or("unnamed");
    vec![statement.to_owned(), seconds, clean_line(&format!("{} ({program})", running.pid))]
}

/// The beginning of a text.
fn cut(text: &str, letters: usize) -> String {
    match text.char_indices().nth(letters.saturating_sub(1)) {
        Some((at, _)) if text.chars().count() > letters => format!("{}…", text[..at].trim_end_matches('…')),
        _ => text.to_owned(),
    }
}

/// Milliseconds as people read them.
fn time(ms: f64) -> String {
    let time = Duration::try_from_secs_f64(ms / 1000.0).unwrap_or_default();
    if ms < 10.0 { format!("{ms:.1} ms") } else { crate::terminal::duration(time) }
}
