//! What a person can do about a load that failed, the likeliest way first.

use super::not_found::{NotFound, PathOfLoad};
use super::preflight::in_its_encoding;
use crate::backup::proof::Proven;
use crate::backup::statement::Statement;
use crate::target::{Target, client_error};

/// What a dump of single tables or schemas lacks is known beforehand only where it is a table or a schema.
const PART: &str = "the file holds a part of a database: dump the whole one, without --table, --schema and their like";

/// Code of the file that reads other tables than its own finds them as the file's order has it with one session alone.
const ORDER: &str = "with one session, in the file's order: --jobs 1";

const EXTENSION: &str = "the extension itself refuses; one that works in a single database only is restored by hand into that \
                         database";

/// The server's words, in English, of text that the database's encoding has no letters for.
const UNTRANSLATABLE: [&str; 2] = [" has no equivalent in encoding ", "conversion between "];

/// Ways, one after the other.
#[derive(Debug, Default)]
pub(super) struct Ways(Vec<String>);

impl Ways {
    /// Those that the server's words show.
    pub(super) fn of(
        (target, backup): (&Target, &Proven),
        stderr: &str,
        (sought, at): (Option<&NotFound<'_>>, Option<&Statement>),
        used: PathOfLoad<'_>,
    ) -> Self {
        let mut ways = Self::default();
        let says = |words: &str| client_error::server_says(stderr, words);
        // The server's own words, in English: it says so of tables, functions, types and operators.
        if says(" does not exist") {
            sought.iter().for_each(|sought| ways.add(sought.what_to_type(at, used)));
            if backup.manifest.is_none() {
                ways.add(PART);
            }
        }
        if UNTRANSLATABLE.iter().any(|words| says(words)) {
            // A name that no statement can hold has no command.
            in_its_encoding(backup, target).into_iter().for_each(|way| ways.add(way));
        }
        if at.is_some_and(|found| found.words.starts_with("CREATE EXTENSION ")) {
            ways.add(EXTENSION);
        }
        if says("ICU is not supported in this build") {
            ways.add("restore it on a server that is built with ICU");
        }
        if says("permission denied for schema ") && backup.contents.acts_as_owners {
            ways.add("dump again without --use-set-session-authorization: an owner of its objects may not make them");
        }
        ways
    }

    /// Those of every failure.
    pub(super) fn and_the_usual(mut self, backup: &Proven, jobs: u16) -> String {
        if jobs > 1 {
            self.add(ORDER);
        }
        if self.0.is_empty() {
            self.add(match backup.manifest {
                Some(_) => "change what the server names in the database that was backed up, then back it up again",
                None => "change what the server names in the database that was dumped, or in a copy of the file",
            });
        }
        self.add(format!(
            "load it by hand into an empty database, where psql goes on after errors:\n\
             cargo xtask db-shell -- -d EMPTY_DATABASE -f {}",
            backup.as_word()
        ));
        self.0.join("\n")
    }

    fn add(&mut self, way: impl Into<String>) {
        let way = way.into();
        self.0.push(if self.0.is_empty() { way } else { format!("or {way}") });
    }
}
