//! A psql that stays: for statements that must be quick, and for tests that hold a lock.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// One server session that lasts as long as this value.
#[derive(Debug)]
pub struct Session {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    count: u32,
}

impl Session {
    /// A session in the container's server, by `docker exec`, not through our binary.
    pub fn new(container: &str, user: &str, database: &str) -> Self {
        let psql = "exec psql -X -qAt -v VERBOSITY=terse 2>&1";
        let mut command = Command::new("docker");
        command.args(["exec", "-i", "-e", &format!("PGUSER={user}"), "-e", &format!("PGDATABASE={database}")]);
        command.args(["-e", "PGCLIENTENCODING=UTF8", container, "sh", "-c", psql]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let input = child.stdin.take().unwrap();
        let (sender, lines) = channel();
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, input, lines, count: 0 }
    }

    /// Runs SQL; what it prints, or the server's message.
    pub fn try_sql(&mut self, sql: &str) -> Result<String, String> {
        self.count += 1;
        let mark = format!("-- end of {} --", self.count);
        // A separate `:ERROR` for each statement would need a parser: the messages tell as well.
        let sent = writeln!(self.input, "{sql}\n;\\echo '{mark}'").and_then(|()| self.input.flush());
        sent.map_err(|error| format!("psql is gone: {error}"))?;
        let mut lines = Vec::new();
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(180)).map_err(|error| format!("psql: {error}"))?;
            if line == mark {
                break;
            }
            lines.push(line);
        }
        let failed =
            |line: &String| line.starts_with("ERROR:") || line.starts_with("FATAL:") || line.contains("error:");
        if lines.iter().any(failed) { Err(lines.join("\n")) } else { Ok(lines.join("\n")) }
    }

    /// Runs SQL that must work.
    #[track_caller]
    pub fn sql(&mut self, sql: &str) -> String {
        self.try_sql(sql).unwrap_or_else(|error| panic!("{sql}\n{error}"))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = writeln!(self.input, "\\q");
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A session that is opened when it is first needed, for all tests of a stack.
#[derive(Debug, Default)]
pub struct Shared(Mutex<Option<Session>>);

impl Shared {
    /// Runs SQL as the superuser in the maintenance database.
    pub fn try_sql(&self, container: &str, sql: &str) -> Result<String, String> {
        let mut session = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = session.get_or_insert_with(|| Session::new(container, "postgres", "postgres")).try_sql(sql);
        // An answer that came too late would be taken for the next one's.
        if answer.as_ref().is_err_and(|error| error.starts_with("psql")) {
            session.take();
        }
        answer
    }

    /// Ends it.
    pub fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}
