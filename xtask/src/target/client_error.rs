//! What a client program of PostgreSQL (`psql`, `pg_dump`) says of its own connection. The server's messages are text
//! of other authors: they quote other servers (`DETAIL:  connection to server at … failed`), and a function raises what its
//! author likes, lines that look like psql's own included. So the first report decides: a program whose connection failed
//! has never heard a server, and one that heard a server says so first.

use crate::process::Ending;

/// psql ends so where there is no connection, at its beginning or any more; a failed script ends with 3.
const PSQL_NO_CONNECTION: Ending = Ending::Code(2);
/// How libpq begins when a connection is not made.
const NOT_MADE: [&str; 4] =
    ["connection to ", "could not connect ", "could not translate host name ", "could not parse "];
/// How libpq and the server begin when a session ends before its time.
const ENDED: [&str; 5] = [
    "server closed the connection unexpectedly",
    "FATAL:  terminating connection",
    "no connection to the server",
    "SSL connection has been closed unexpectedly",
    "SSL SYSCALL error: ",
];
const SEVERITIES: [&str; 9] =
    ["DEBUG:  ", "LOG:  ", "INFO:  ", "NOTICE:  ", "WARNING:  ", "ERROR:  ", "FATAL:  ", "PANIC:  ", "HINT:  "];

/// What became of a program's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection<'a> {
    /// It was not made: why, in libpq's words, which may quote the server that refused it.
    NotMade(&'a str),
    /// The session ended before the program did.
    Lost,
    /// The program heard a server, and failed for another reason.
    Held,
    /// The program does not speak of a server.
    Unknown,
}

impl<'a> Connection<'a> {
    /// Reads both ends of a failed program's stderr.
    pub fn of(stderr: &'a str, ending: Ending) -> Self {
        let mut start = 0;
        for line in stderr.split_inclusive('\n') {
            if let Some(words) = line.strip_prefix("psql: error: ") {
                // Without a session nothing else ends so.
                let is_own = ending == PSQL_NO_CONNECTION;
                return if is_own { Self::NotMade(&stderr[start + line.len() - words.len()..]) } else { Self::Unknown };
            }
            if let Some(words) = line.strip_prefix("pg_dump: error: ") {
                return Self::of_pg_dump(&stderr[start + line.len() - words.len()..]);
            }
            if line.starts_with("psql:<stdin>:") || SEVERITIES.iter().any(|severity| line.starts_with(severity)) {
                return if ending == PSQL_NO_CONNECTION { Self::Lost } else { Self::Held };
            }
            start += line.len();
        }
        Self::Unknown
    }

    /// pg_dump ends with 1 whatever happens.
    fn of_pg_dump(report: &'a str) -> Self {
        if NOT_MADE.iter().any(|words| report.starts_with(words)) {
            return Self::NotMade(report);
        }
        let quoted = report.strip_prefix("query failed: ").or_else(|| {
            let detail = report.split_once('\n')?.1;
            detail.strip_prefix("pg_dump: detail: Error message from server: ")
        });
        match quoted {
            Some(message) if ENDED.iter().any(|words| message.starts_with(words)) => Self::Lost,
            Some(_) => Self::Held,
            None => Self::Unknown,
        }
    }
}

/// How a server's message says that it passes on another server's (`postgres_fdw`, `dblink`).
const REMOTE: [&str; 2] = ["CONTEXT:  remote SQL command: ", " dblink connection"];

/// Whether the first error that psql heard from our own server says this. What the message quotes, and what the server
/// passes on from another one, does not count.
pub fn server_says(stderr: &str, words: &str) -> bool {
    let mut lines = stderr.lines().skip_while(|line| error_message(line).is_none());
    let says = lines.next().and_then(error_message).is_some_and(|message| message.contains(words));
    let mut belongs = lines.take_while(|line| !line.starts_with("psql:<stdin>:"));
    says && !belongs.any(|line| REMOTE.iter().any(|remote| line.contains(remote)))
}

/// The line at which psql first heard an error of the server, and the error's message.
pub fn first_error(stderr: &str) -> Option<(u64, &str)> {
    stderr.lines().find_map(|line| {
        let message = error_message(line)?;
        Some((numbered(line)?.0, message))
    })
}

/// The number of a line that psql reports on, and the report: `psql:<stdin>:7: ERROR:  …`.
pub fn numbered(line: &str) -> Option<(u64, &str)> {
    let (number, report) = line.strip_prefix("psql:<stdin>:")?.split_once(": ")?;
    Some((number.parse().ok()?, report))
}

/// What a line of psql's says of an error of the server: `psql:<stdin>:7: ERROR:  …`.
fn error_message(line: &str) -> Option<&str> {
    let (_, report) = line.strip_prefix("psql:<stdin>:")?.split_once(": ")?;
    ["ERROR:  ", "FATAL:  ", "PANIC:  "].iter().find_map(|severity| report.strip_prefix(severity))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: &str = "connection to server at \"127.0.0.1\", port 1 failed: Connection refused\n\
        \tIs the server running on that host and accepting TCP/IP connections?\n";
    const ENDED: &str = "server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally\n\
        \tbefore or while processing the request.\n";

    #[track_caller]
    fn is(stderr: &str, code: i32, connection: Connection<'_>) {
        assert_eq!(Connection::of(stderr, Ending::Code(code)), connection, "{stderr}");
    }

    #[test]
    fn a_connection_that_is_not_made_is_told_by_the_program_itself() {
        is(&format!("psql: error: {REFUSED}"), 2, Connection::NotMade(REFUSED));
        is(&format!("pg_dump: error: {REFUSED}"), 1, Connection::NotMade(REFUSED));
        is("psql: error: invalid port number: \"x\"\n", 2, Connection::NotMade("invalid port number: \"x\"\n"));
        let noise = "time=\"2025-10-21\" level=warning msg=\"the attribute version is obsolete\"\n";
        is(&format!("{noise}psql: error: {REFUSED}"), 2, Connection::NotMade(REFUSED));
        is("pg_dump: error: no matching tables were found\n", 1, Connection::Unknown);
        is("Error response from daemon: container x is not running\n", 1, Connection::Unknown);
    }

    #[test]
    fn a_message_of_the_server_never_tells_of_our_connection() {
        let own = [REFUSED, "FATAL:  password authentication failed for user \"x\"", ENDED];
        for quoted in own {
            for place in ["\nDETAIL:  ", "\nCONTEXT:  ", "\nHINT:  ", "\n", "\npsql: error: ", "\npg_dump: error: ", ""]
            {
                is(
                    &format!("psql:<stdin>:7: ERROR:  could not connect to server \"s\"{place}{quoted}"),
                    3,
                    Connection::Held,
                );
                is(&format!("psql:<stdin>:7: NOTICE:  x{place}{quoted}"), 3, Connection::Held);
                is(&format!("NOTICE:  of a login trigger{place}{quoted}"), 3, Connection::Held);
                is(&format!("ERROR:  x{place}{quoted}"), 3, Connection::Held);
                is(&format!("pg_dump: error: query failed: ERROR:  x{place}{quoted}"), 1, Connection::Held);
            }
        }
    }

    #[test]
    fn a_session_that_is_lost_is_told_from_a_statement_that_failed() {
        let lost = format!(
            "psql:<stdin>:1: FATAL:  terminating connection due to administrator command\n\
            psql:<stdin>:1: {ENDED}psql:<stdin>:1: error: connection to server was lost\n"
        );
        is(&lost, 2, Connection::Lost);
        is(&lost, 3, Connection::Held);
        is(&format!("pg_dump: error: query failed: {ENDED}"), 1, Connection::Lost);
        let copying = "Dumping the contents of table \"t\" failed: PQgetCopyData() failed.\npg_dump: detail: Error message from server: ";
        is(&format!("pg_dump: error: {copying}{ENDED}"), 1, Connection::Lost);
        is(&format!("pg_dump: error: {copying}ERROR:  invalid page in block 50\n{ENDED}"), 1, Connection::Held);
    }

    #[test]
    fn only_our_own_servers_disk_is_full() {
        let full = "could not extend file \"base/1/2\": No space left on device\n";
        let says = |stderr: &str| server_says(stderr, "No space left on device");
        assert!(says(&format!("psql:<stdin>:9: ERROR:  {full}HINT:  Check free disk space.\n")));
        assert!(says(&format!("psql:<stdin>:2: NOTICE:  x\npsql:<stdin>:9: PANIC:  {full}")));
        assert!(!says(&format!(
            "psql:<stdin>:9: ERROR:  {full}CONTEXT:  remote SQL command: SELECT a FROM public.t\n"
        )));
        assert!(!says(&format!(
            "psql:<stdin>:9: ERROR:  {full}CONTEXT:  while executing query on unnamed dblink connection\n"
        )));
        assert!(!says(&format!("psql:<stdin>:9: ERROR:  x\nDETAIL:  {full}")));
        assert!(!says(&format!("psql:<stdin>:9: NOTICE:  {full}psql:<stdin>:9: ERROR:  x\n")));
    }
}
