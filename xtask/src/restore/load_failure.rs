//! Why a backup could not be loaded: at which statement of the file, what that statement may lack, and what to type.

use super::beside::Standing;
use super::load::Lines;
use super::load_ways::Ways;
use super::not_found::{NotFound, PathOfLoad};
use super::preflight::VersionChange;
use crate::backup::proof::Proven;
use crate::backup::statement::Statement;
use crate::error::{self, Cause, Fault};
use crate::postgres::search_path::SearchPath;
use crate::postgres::server::Server;
use crate::process::Captured;
use crate::target::{Target, client_error};
use crate::words::shell_word;
use anyhow::Error;

/// How a backup is loaded.
#[derive(Debug, Clone, Copy, Default)]
pub struct LoadOptions<'a> {
    /// The `search_path` of the load; `None`: the dump's own, which is empty.
    pub search_path: Option<&'a SearchPath>,
    /// Extensions that have another version here.
    pub version_changes: &'a [VersionChange],
    /// How many server sessions load it, in all.
    pub jobs: u16,
    /// One of them is that of a safety backup until that is over.
    pub beside: Option<&'a Standing>,
}

impl LoadOptions<'_> {
    /// To be asked between two steps.
    ///
    /// # Errors
    /// The safety backup beside the load has failed.
    pub fn check(&self) -> Result<(), Fault> {
        self.beside.map_or(Ok(()), Standing::check)
    }
}

/// psql's failure, explained. `lines`: what it had got of the file. With one job no statement ran beside the one that failed.
pub(super) fn explain(
    target: &Target,
    backup: &Proven,
    options: LoadOptions<'_>,
    lines: &Lines,
    said: &Captured,
) -> Error {
    let cannot = format!("{} cannot be loaded", backup.path.display());
    let unchanged = format!("{} is unchanged", shell_word(target.database()));
    if let Some(cause) = target.cause(&said.stderr, said.ending) {
        let hint = error::fault(&cause).and_then(Fault::hint_text).unwrap_or_default();
        let hint = format!("{unchanged}, and so are its services\n{hint}");
        return error::headed_with(cause, cannot, Some(hint));
    }
    let failed = client_error::first_error(&said.stderr);
    let sought = NotFound::of(&said.stderr);
    let names: Vec<&str> = sought.iter().flat_map(NotFound::names).collect();
    let statement = failed.and_then(|(line, _)| backup.statement_at(lines.in_file(line)?, &names));
    let at = statement.as_ref().map_or_else(String::new, |found| format!(" at line {}: {}", found.line, found.words));
    let mut fault = Fault::failed(cannot);
    if options.jobs > 1 {
        fault = fault.because(Cause::FailedBesideOthers);
    }
    let used = sought.as_ref().and(statement.as_ref()).filter(|at| has_path_of_server(target, at));
    let used = match (used, options.search_path) {
        (Some(_), _) => PathOfLoad::OfServer,
        (None, Some(path)) => PathOfLoad::Typed(path),
        (None, None) => PathOfLoad::OfDump,
    };
    let ways = Ways::of((target, backup), &said.stderr, (sought.as_ref(), statement.as_ref()), used);
    let mut hints = vec![unchanged];
    hints.extend(options.version_changes.iter().map(VersionChange::line));
    hints.push(ways.and_the_usual(backup, options.jobs));
    Error::msg(by_lines_of_file(&said.stderr, lines))
        .context(Fault::failed(format!("psql failed ({}){at}", said.ending)))
        .context(fault.hint(hints.join("\n")))
}

/// The statements that PostgreSQL 17 and newer run with a `search_path` of their own (its release notes, "maintenance
/// operations").
const WITH_PATH_OF_SERVER: [&str; 4] =
    ["CREATE INDEX ", "CREATE UNIQUE INDEX ", "CREATE MATERIALIZED VIEW ", "REFRESH MATERIALIZED VIEW "];
const PATH_OF_SERVER_SINCE: u32 = 170_000;

fn has_path_of_server(target: &Target, at: &Statement) -> bool {
    let version = || -> Option<u32> {
        let server = Server::under_name(target, "xtask-restore");
        server.ask_maintenance("SHOW server_version_num").ok()?.trim().parse().ok()
    };
    WITH_PATH_OF_SERVER.iter().any(|words| at.words.starts_with(words))
        && version().is_some_and(|version| version >= PATH_OF_SERVER_SINCE)
}

/// psql's words with the file's line numbers in place of its own.
fn by_lines_of_file(stderr: &str, lines: &Lines) -> String {
    let shown = |line: &str| match client_error::numbered(line) {
        Some((number, report)) => match lines.in_file(number) {
            Some(number) => format!("line {number}: {report}"),
            None => line.to_owned(),
        },
        None => line.to_owned(),
    };
    stderr.trim().lines().map(shown).collect::<Vec<_>>().join("\n")
}
