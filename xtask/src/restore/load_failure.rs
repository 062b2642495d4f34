//! Why a backup could not be loaded: at which statement of the file, what that statement may lack, and what to type.

use super::beside::Standing;
use super::load::Lines;
use super::not_found::NotFound;
use super::preflight::VersionChange;
use crate::backup::proof::Proven;
use crate::error::{self, Cause, Fault};
use crate::postgres::search_path::SearchPath;
use crate::process::Captured;
use crate::target::{Target, client_error};
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

/// What a dump of single tables or schemas lacks is known beforehand only where it is a table or a schema.
const PART: &str =
    "or the file holds a part of a database: dump the whole one, without --table, --schema and their like";

/// Code of the file that reads other tables than its own finds them as the file's order has it with one session alone.
const ORDER: &str = "or with one session, in the file's order: --jobs 1";

/// psql's failure, explained. `lines`: what it had got of the file. With one job no statement ran beside the one that failed.
pub(super) fn explain(
    target: &Target,
    backup: &Proven,
    options: LoadOptions<'_>,
    lines: &Lines,
    said: &Captured,
) -> Error {
    let cannot = format!("{} cannot be loaded", backup.path.display());
    if let Some(cause) = target.cause(&said.stderr, said.ending) {
        return error::headed(cause, cannot);
    }
    let failed = client_error::first_error(&said.stderr);
    let sought = NotFound::of(&said.stderr);
    let names: Vec<&str> = sought.iter().flat_map(NotFound::names).collect();
    let statement = failed.and_then(|(line, _)| backup.statement_at(lines.in_file(line)?, &names));
    let makes_extension = statement.as_ref().is_some_and(|found| found.words.starts_with("CREATE EXTENSION "));
    let at = statement.as_ref().map_or_else(String::new, |found| format!(" at line {}: {}", found.line, found.words));
    let mut fault = Fault::failed(cannot);
    let mut hints = vec![format!("{} is unchanged", target.database())];
    // The server's own words, in English: it says so of tables, functions, types and operators.
    if client_error::server_says(&said.stderr, " does not exist") {
        hints.extend(sought.map(|sought| sought.what_to_type(statement.as_ref(), options.search_path)));
        if backup.manifest.is_none() {
            hints.push(PART.to_owned());
        }
    }
    if makes_extension {
        hints.push(
            "the extension itself refuses; an extension that can be in one database alone is restored by hand, into \
             that database"
                .to_owned(),
        );
    }
    if options.jobs > 1 {
        hints.push(ORDER.to_owned());
        fault = fault.because(Cause::FailedBesideOthers);
    }
    hints.extend(options.version_changes.iter().map(VersionChange::line));
    let file = backup.as_word();
    hints.push(format!(
        "or load it by hand into an empty database, where psql goes on after errors:\n\
         cargo xtask db-shell -- -d EMPTY_DATABASE -f {file}"
    ));
    Error::msg(by_lines_of_file(&said.stderr, lines))
        .context(Fault::failed(format!("psql failed ({}){at}", said.ending)))
        .context(fault.hint(hints.join("\n")))
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
