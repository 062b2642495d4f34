//! Dumps of a part of a database, which an empty database cannot take: they fill or drop what they do not create.

use crate::backup::proof::Proven;
use crate::error::{Exit, Fault};
use crate::postgres::dump::Contents;
use crate::postgres::quote::identifier;

/// Refuses such a file, by what was read of it.
///
/// # Errors
/// Exit 3 with the line, and with the options to dump without.
pub fn refuse(backup: &Proven) -> Result<(), Fault> {
    let Contents { absent, absent_schema, drops, statistics, .. } = &backup.contents;
    let in_file = |line: u64| backup.line_of_dump(line);
    let (what, hint) = match (absent, absent_schema, drops) {
        (Some(absent), schema, _) if schema.as_ref().is_none_or(|(line, _)| absent.line < *line) => (
            format!("line {} needs table {:?}, which it does not create", in_file(absent.line), absent.name),
            part(backup),
        ),
        (_, Some((line, schema)), _) => (
            format!("line {} needs schema {schema:?}, which it does not create", in_file(*line)),
            format!("{}\nif only the schema is missing there: CREATE SCHEMA {};", part(backup), identifier(schema)?),
        ),
        (_, None, Some(line)) => (
            format!("line {} drops an object that an empty database does not have", in_file(*line)),
            "dump again without --clean, or with --clean --if-exists".to_owned(),
        ),
        _ => match statistics.filter(|statistics| statistics.of_other_tables) {
            Some(statistics) => (
                format!("line {} restores statistics of tables, which it does not create", in_file(statistics.line)),
                part(backup),
            ),
            None => return Ok(()),
        },
    };
    let message = format!("{} cannot be loaded into an empty database: {what}", backup.path.display());
    Err(Fault::new(Exit::Refused, message).hint(hint))
}

/// What to do with a part of a database.
fn part(backup: &Proven) -> String {
    let file = backup.as_word();
    // The file's own COMMIT would end the one transaction in the middle.
    let (warning, whole) = if backup.contents.begins_transactions {
        ("; it has transactions of its own, so that an error leaves a part of it", "")
    } else {
        ("", " --single-transaction")
    };
    format!(
        "dump again without --table, --schema, --data-only and --section, so that the file holds the whole database\n\
         or run this part by hand in a database that has the rest; that changes it, and is not checked{warning}:\n\
         cargo xtask db-shell -- -v ON_ERROR_STOP=1{whole} < {file}"
    )
}
