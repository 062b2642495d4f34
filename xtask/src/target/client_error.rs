//! What a client program of PostgreSQL (`psql`, `pg_dump`) says of its own connection. The server's messages are text
//! of other authors: they quote other servers (`DETAIL:  connection to server at … failed`), and a function raises what its
//! author likes, lines that look like psql's own included. So the first report decides: a program whose connection failed
//! has never heard a server, and one that heard a server says so first.

use crate::error::Cause;
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
        if is_killed_in_container(ending) {
            return Self::Unknown;
        }
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

/// Whether the program was killed in its container, alone or with it: Docker's client ends with 128 + n then. The program
/// itself never ends so. What it said before tells nothing of its end.
fn is_killed_in_container(ending: Ending) -> bool {
    matches!(ending, Ending::Code(129..=192))
}

/// Why a connection was not made, where libpq's own words say it: they are English, whatever the server speaks.
pub fn silence(words: &str) -> Option<Cause> {
    let known = [
        ("Connection refused", Cause::NotListening),
        ("timeout expired", Cause::LoginTimedOut),
        ("server closed the connection unexpectedly", Cause::Lost),
    ];
    known.into_iter().find(|(part, _)| words.contains(part)).map(|(_, cause)| cause)
}

/// Whether a server answered a login and refused it. Its message begins with a severity, in the server's language:
/// `connection to server at "::1", port 5432 failed: FATAL:  …`. libpq's own words never have two spaces there.
pub fn is_refusal(words: &str) -> bool {
    words.lines().any(|line| {
        let before = line.split_once(":  ").map(|(before, _)| before.rsplit(' ').next().unwrap_or_default());
        before.is_some_and(|severity| !severity.is_empty() && severity.chars().all(char::is_alphabetic))
    })
}

/// Whether code of the database raised the error that refused a login, by the English words of a server: it names the
/// function. No refusal of the server's own does.
pub fn is_raised_by_code(words: &str) -> bool {
    let mut lines = words.lines().skip_while(|line| !line.contains("FATAL:  "));
    lines.next().is_some() && lines.any(|line| line.starts_with("CONTEXT:  "))
}

/// The part of libpq's words that says why there is no connection: nothing listens, no answer, no PostgreSQL, starting.
pub fn reason(words: &str) -> Option<&str> {
    if ["received invalid response", "expected authentication request"].iter().any(|part| words.contains(part)) {
        return Some("another program answers there, not PostgreSQL");
    }
    let line = words.lines().rfind(|line| line.contains("connection to server") && line.contains("failed: "))?;
    let said = line.split("failed: ").last()?.trim();
    Some(said.strip_prefix("FATAL:").unwrap_or(said).trim())
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

/// The line at which psql first heard an error of the server, and the error's message. In another language than English
/// nothing tells an error from a notice: there it is the last message, because psql ends with the first error.
pub fn first_error(stderr: &str) -> Option<(u64, &str)> {
    let english = |line| Some((numbered(line)?.0, error_message(line)?));
    let any = |line| {
        let (number, report) = numbered(line)?;
        let (severity, message) = report.split_once(":  ")?;
        let is_known = SEVERITIES.iter().any(|known| report.starts_with(known));
        (!is_known && !severity.contains(' ')).then_some((number, message))
    };
    stderr.lines().find_map(english).or_else(|| stderr.lines().rev().find_map(any))
}

/// The server's own message on why a question failed; where there is none, all that the error says.
pub fn server_message(error: &anyhow::Error) -> String {
    let said = error.root_cause().to_string();
    first_error(&said).map_or_else(|| format!("{error:#}"), |(_, message)| message.to_owned())
}

/// Whether the server ended a statement that waited for a lock for too long.
pub fn is_lock_timeout(stderr: &str) -> bool {
    const WORDS: &str = "canceling statement due to lock timeout";
    server_says(stderr, WORDS) && first_error(stderr).is_some_and(|(_, message)| message == WORDS)
}

/// The number of a line that psql reports on, and the report: `psql:<stdin>:7: ERROR:  …`.
pub fn numbered(line: &str) -> Option<(u64, &str)> {
    let (number, report) = line.strip_prefix("psql:<stdin>:")?.split_once(": ")?;
    Some((number.parse().ok()?, report))
}

/// What a line of psql's says of an error of the server: `psql:<stdin>:7: ERROR:  …`.
pub(super) fn error_message(line: &str) -> Option<&str> {
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
    fn a_connection_that_is_not_made_is_reported_by_the_program_itself() {
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
    fn a_session_that_is_lost_is_distinguished_from_a_statement_that_failed() {
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
    fn a_program_that_was_killed_in_its_container_says_nothing_of_the_server() {
        for code in [137, 139, 143] {
            for said in ["", "psql:<stdin>:7: NOTICE:  x\n", "psql:<stdin>:7: ERROR:  x\n"] {
                is(said, code, Connection::Unknown);
            }
        }
        is("psql:<stdin>:7: NOTICE:  x\n", 3, Connection::Held);
        is("OCI runtime exec failed: exec failed\n", 126, Connection::Unknown);
    }

    #[test]
    fn a_silence_is_distinguished_from_another_by_libpqs_words() {
        let at = "psql: error: connection to server at \"127.0.0.1\", port 5432 failed: ";
        let said = |words: &str| reason(&format!("gone: {at}{words}")).map(str::to_owned);
        let refused = "Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?";
        assert_eq!(said(refused).as_deref(), Some("Connection refused"));
        assert_eq!(silence(REFUSED), Some(Cause::NotListening));
        assert_eq!(said("timeout expired").as_deref(), Some("timeout expired"));
        assert_eq!(silence(&format!("{at}timeout expired")), Some(Cause::LoginTimedOut));
        assert_eq!(silence(&format!("{at}{ENDED}")), Some(Cause::Lost));
        let starting = "the database system is starting up";
        assert_eq!(said(&format!("FATAL:  {starting}")).as_deref(), Some(starting));
        let other = "received invalid response to SSL negotiation: H";
        assert_eq!(said(other).as_deref(), Some("another program answers there, not PostgreSQL"));
        assert_eq!(reason("psql did not answer within 9 s"), None);
        assert_eq!(silence("psql did not answer within 9 s"), None);
    }

    #[test]
    fn a_server_that_refuses_is_heard_in_every_language() {
        let at = "connection to server at \"::1\", port 5432 failed: ";
        for refused in ["FATAL:  Datenbank »x« existiert nicht", "ВАЖНО:  роль \"x\" не существует", "致命错误:  x"]
        {
            assert!(is_refusal(&format!("{at}{refused}\n")), "{refused}");
        }
        for silent in [REFUSED, ENDED, "invalid port number: \"x\"", "could not translate host name \"a:  b\""] {
            assert!(!is_refusal(&format!("{at}{silent}\n")), "{silent}");
        }
    }

    #[test]
    fn an_error_that_code_raises_at_login_is_no_refusal_of_the_servers_own() {
        let at = "connection to server at \"::1\", port 5432 failed: ";
        let refused = "FATAL:  password authentication failed for user \"x\"\n";
        assert!(is_raised_by_code(&format!("{at}{refused}CONTEXT:  PL/pgSQL function f() line 1 at RAISE\n")));
        assert!(is_raised_by_code(&format!(
            "{at}{refused}HINT:  x\nCONTEXT:  PL/pgSQL function f() line 1 at RAISE\n"
        )));
        for own in [
            format!("{at}{refused}"),
            format!("{at}{ENDED}"),
            format!("CONTEXT:  x\n{at}{refused}"),
            REFUSED.to_owned(),
        ] {
            assert!(!is_raised_by_code(&own), "{own}");
        }
    }

    #[test]
    fn the_servers_message_is_found_in_every_language() {
        let foreign = "psql:<stdin>:2: HINWEIS:  x\npsql:<stdin>:7: FEHLER:  kaputt\nZEILE 1: SELECT\n";
        assert_eq!(first_error(foreign), Some((7, "kaputt")));
        assert_eq!(first_error(&format!("psql:<stdin>:3: ERROR:  broken\n{foreign}")), Some((3, "broken")));
        assert_eq!(first_error("psql:<stdin>:3: NOTICE:  x\npsql:<stdin>:4: error: connection was lost\n"), None);
        let failed = |said: &str| anyhow::Error::msg(said.to_owned()).context("psql failed");
        assert_eq!(server_message(&failed(foreign)), "kaputt");
        assert_eq!(server_message(&failed("no psql")), "psql failed: no psql");
        let timeout = "canceling statement due to lock timeout";
        assert!(is_lock_timeout(&format!("psql:<stdin>:7: ERROR:  {timeout}\n")));
        assert!(!is_lock_timeout(&format!("psql:<stdin>:7: ERROR:  permission denied for table \"{timeout}\"\n")));
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
