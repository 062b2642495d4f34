//! Whether this server's version can read the backup.

use crate::backup::proof::Proven;
use crate::error::Fault;

/// From this pg_dump on a dump sets `transaction_timeout`, which older servers refuse.
const TRANSACTION_TIMEOUT: u32 = 17;

pub(super) fn check(server: u32, backup: &Proven) -> Result<(), Fault> {
    let contents = &backup.contents;
    let dumped_from = contents.server_version.as_deref().and_then(major);
    let dumped_by = contents.pg_dump_version.as_deref().and_then(major);
    let shown = backup.path.display();
    let message = if let Some(from) = dumped_from.filter(|from| *from > server) {
        format!(
            "{shown} is from PostgreSQL {from}; this server is {server}, and an older server may not be able to read it"
        )
    } else if let Some(by) = dumped_by.filter(|by| *by >= TRANSACTION_TIMEOUT && server < TRANSACTION_TIMEOUT) {
        format!("{shown} was written by pg_dump {by}, whose settings PostgreSQL {server} does not know")
    } else {
        return Ok(());
    };
    Err(Fault::failed(message).hint("use a server of that version or newer"))
}

/// The major version of `15.18 (Debian …)` or `18beta1`.
fn major(version: &str) -> Option<u32> {
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
