//! Whether the tables hold what was loaded into them, once the whole file was.

use super::job::{DEADLINE, Load};
use crate::error::{self, Exit};
use crate::postgres::reader::Reader;
use crate::postgres::row_counts;
use crate::postgres::server::Server;
use crate::process;
use crate::restore::plan::{self, Change};
use crate::words::{count, counted};
use anyhow::{Error, Result};

/// Extensions of PostgreSQL's own whose functions change no table, whatever checks and defaults call them with.
const CHANGES_NO_ROWS: [&str; 16] = [
    "btree_gin",
    "btree_gist",
    "citext",
    "cube",
    "earthdistance",
    "fuzzystrmatch",
    "hstore",
    "intarray",
    "isn",
    "ltree",
    "pg_stat_statements",
    "pg_trgm",
    "pgcrypto",
    "tablefunc",
    "unaccent",
    "uuid-ossp",
];

/// Counts the rows again, where code of the file or of an extension ran while they came: a check or a default may have
/// changed another table after the server counted its rows. A large table of another role is not counted, nor one whose
/// rows this role does not see.
///
/// The failure where a table holds other rows than the backup.
///
/// # Errors
/// The server does not answer.
pub(in crate::restore) fn wrong_rows(load: &Load<'_>, server: &Server<'_>) -> Result<Option<Error>> {
    let contents = &load.backup.contents;
    if !contents.makes_routines && contents.extensions.iter().all(|name| CHANGES_NO_ROWS.contains(&name.as_str())) {
        return Ok(None);
    }
    let mut reader = Reader::start(server)?;
    reader.wait_for(DEADLINE);
    let rows = match row_counts::of(&mut reader, true) {
        Ok(rows) => rows,
        // Row security, or a right that its owner took away: this role cannot see all rows.
        Err(error) if error::exit(&error) == Exit::Failed => {
            process::remark(&format!("rows are not counted again after the load: {error:#}"));
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let changes = plan::changes(rows, contents);
    // An extension brings rows of its own into its tables, which no dump has.
    let more_is_wrong = contents.extensions.is_empty();
    let Some((table, now, held)) = changes.iter().find_map(|change| wrong(change, more_is_wrong)) else {
        return Ok(None);
    };
    let (now, held) = (counted(now, "row", "rows"), count(held));
    let why = format!(
        "{table} has {now} after the load, the backup holds {held}: code of the file changed them while it was loaded"
    );
    Ok(Some(error::explain(Error::msg(why), || load.cannot())))
}

/// The table, its rows, and those of the backup, where they differ.
fn wrong(change: &Change, more_is_wrong: bool) -> Option<(String, u64, u64)> {
    let (now, held) = (change.now.filter(|_| !change.estimated)?, change.backup?);
    let is_wrong = now < held || (more_is_wrong && now > held);
    is_wrong.then(|| (format!("{}.{}", change.schema, change.table), now, held))
}
