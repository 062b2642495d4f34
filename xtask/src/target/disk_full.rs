//! Whether a server found its disk full, or code of a database only says so.

use super::client_error::{error_message, server_says};

/// The system's words for ENOSPC, behind what the server could not do.
const DISK_FULL: &str = ": No space left on device";
/// How the server begins to say where it was when it had no space. Other languages of functions begin otherwise.
const AT_WORK: [&str; 6] =
    ["COPY ", "SQL statement ", "SQL function ", "PL/pgSQL function ", "parallel worker", "writing block "];

/// Whether the server found its disk full, by its English words. Code that raises an error says what its author likes, and
/// prints lines that look like errors; but below its own error the server says where it was raised, whatever SQLSTATE it
/// was given.
pub fn is_disk_full(stderr: &str) -> bool {
    let are_all = stderr.lines().filter_map(error_message).all(|message| message.ends_with(DISK_FULL));
    let is_raised = stderr.lines().any(|line| line.ends_with(" at RAISE") || line.ends_with(" at ASSERT"));
    let place = stderr.lines().find_map(|line| line.strip_prefix("CONTEXT:  "));
    let is_at_work = place.is_none_or(|place| AT_WORK.iter().any(|known| place.starts_with(known)));
    server_says(stderr, DISK_FULL) && are_all && !is_raised && is_at_work
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_full_where_the_server_says_so_and_no_code_of_a_database() {
        let extend = "psql:<stdin>:7: ERROR:  could not extend file \"base/5/7\": No space left on device\n";
        let raised = "CONTEXT:  PL/pgSQL function public.f(integer) line 1 at RAISE\n";
        let inside =
            "CONTEXT:  SQL statement \"INSERT INTO t VALUES (1)\"\nPL/pgSQL function f() line 1 at SQL statement\n";
        let panic = "psql:<stdin>:7: PANIC:  could not write to file \"pg_wal/xlogtemp.7\": No space left on device\n\
            psql:<stdin>:7: error: connection to server was lost\n";
        let hint = "HINT:  Check free disk space.\n";
        for says in [extend.to_owned(), format!("{extend}{hint}"), format!("{extend}{hint}{inside}"), panic.to_owned()]
        {
            assert!(is_disk_full(&says), "{says}");
        }
        let quoted = "psql:<stdin>:7: ERROR:  invalid input syntax for type integer: \"x: No space left on device\"\n";
        let printed = extend.replace("ERROR:", "NOTICE:  \npsql:<stdin>:7: ERROR:");
        for says in [
            format!("{extend}{raised}"),
            format!("{extend}{hint}CONTEXT:  COPY t, line 1\n{raised}"),
            format!("{extend}{}", raised.replace("RAISE", "ASSERT")),
            format!("{extend}CONTEXT:  PL/Perl function \"f\"\n"),
            quoted.to_owned(),
            format!("{printed}psql:<stdin>:9: ERROR:  division by zero\n"),
            format!("psql:<stdin>:9: ERROR:  division by zero\nDETAIL:  (\n{extend})\n"),
        ] {
            assert!(!is_disk_full(&says), "{says}");
        }
    }
}
