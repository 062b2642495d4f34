//! Whether this server's version can read the backup.

use crate::backup::proof::Proven;
use crate::error::{Exit, Fault};

/// The first server that knows `transaction_timeout`.
const TRANSACTION_TIMEOUT: u32 = 17;
/// The first server into which the planner's statistics can be restored.
const STATISTICS: u32 = 18;

/// pg_dump reads older servers, too: so not its version counts, but what is in the file.
pub(super) fn check(server: u32, backup: &Proven) -> Result<(), Fault> {
    let (contents, shown, file) = (&backup.contents, backup.path.display(), backup.as_word());
    let dumped_from = contents.server_version.as_deref().and_then(major);
    if let Some(from) = dumped_from.filter(|from| *from > server) {
        let message = format!(
            "{shown} is from PostgreSQL {from}; this server is {server}, and an older server may not be able to read it"
        );
        return Err(Fault::failed(message).hint("use a server of that version or newer"));
    }
    if let Some(line) = contents.unskipped_timeout_line.filter(|_| server < TRANSACTION_TIMEOUT) {
        let line = backup.line_of_dump(line);
        let message =
            format!("{shown} sets transaction_timeout in line {line}, which PostgreSQL {server} does not know");
        let hint = format!("leave that statement out: sed '/transaction_timeout/d' {file} > x.sql");
        return Err(Fault::new(Exit::Refused, message).hint(hint));
    }
    if let Some(statistics) = contents.statistics.filter(|_| server < STATISTICS) {
        let line = backup.line_of_dump(statistics.line);
        let message = format!(
            "{shown} restores the planner's statistics from line {line} on, which PostgreSQL {server} cannot do"
        );
        return Err(Fault::new(Exit::Refused, message).hint(format!(
            "dump again without --statistics, or leave them out; the restore makes new ones:\n\
             sed '/^SELECT [*] FROM pg_catalog[.]pg_restore_[a-z]*_stats(/,/);$/d' {file} > x.sql"
        )));
    }
    Ok(())
}

/// The major version of `15.18 (Debian …)` or `18beta1`.
fn major(version: &str) -> Option<u32> {
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
