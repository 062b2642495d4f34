//! Why a backup could not be loaded: at which statement of the file, what that statement may lack, and what to type.

use super::preflight::VersionChange;
use crate::backup::proof::Proven;
use crate::error::{self, Fault};
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
}

/// What a dump of single tables or schemas lacks is known beforehand only where it is a table or a schema.
const PART: &str =
    "or the file holds a part of a database: dump the whole one, without --table, --schema and their like";

/// psql's failure, explained. `lines`: how many it had got before the file's own.
pub(super) fn explain(
    target: &Target,
    backup: &Proven,
    options: LoadOptions<'_>,
    lines: u64,
    said: &Captured,
) -> Error {
    let cannot = format!("{} cannot be loaded", backup.path.display());
    if let Some(cause) = target.cause(&said.stderr, said.ending) {
        return error::headed(cause, cannot);
    }
    let failed = client_error::first_error(&said.stderr);
    let statement = failed.and_then(|(line, _)| backup.statement_at(line.checked_sub(lines)?));
    let makes_extension = statement.as_ref().is_some_and(|found| found.words.starts_with("CREATE EXTENSION "));
    let at = statement.map_or_else(String::new, |found| format!(" at line {}: {}", found.line, found.words));
    let mut hints = vec![format!("{} is unchanged", target.database())];
    // The server's own words, in English: it says so of tables, functions, types and operators.
    if client_error::server_says(&said.stderr, " does not exist") {
        hints.push(about_path(options.search_path));
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
    hints.extend(options.version_changes.iter().map(VersionChange::line));
    hints.push(format!(
        "or load it by hand into an empty database, where psql goes on after errors:\n\
         cargo xtask db-shell -- -d EMPTY_DATABASE -f {}",
        backup.path.display()
    ));
    Error::msg(by_lines_of_file(&said.stderr, backup, lines))
        .context(Fault::failed(format!("psql failed ({}){at}", said.ending)))
        .context(Fault::failed(cannot).hint(hints.join("\n")))
}

fn about_path(given: Option<&SearchPath>) -> String {
    match given {
        None => "a function that it calls may name something without its schema, and a dump loads with an empty \
                 search_path: try again with the schemas that the function needs: --search-path public\n\
                 for good: ALTER FUNCTION … SET search_path = public, then back up again"
            .to_owned(),
        Some(path) => format!("no schema of --search-path {} has it", path.as_str()),
    }
}

/// psql's words with the file's line numbers in place of its own.
fn by_lines_of_file(stderr: &str, backup: &Proven, lines: u64) -> String {
    let shown = |line: &str| match client_error::numbered(line) {
        Some((number, report)) if number > lines => {
            format!("line {}: {report}", backup.line_in_file(number.saturating_sub(lines)))
        }
        _ => line.to_owned(),
    };
    stderr.trim().lines().map(shown).collect::<Vec<_>>().join("\n")
}
