//! What is asked of a person, and when their answer is a yes.

use super::{Terminal, fold, write_stderr};
use crate::error::Fault;
use crate::process::signals;
use std::io::{self, BufRead as _};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// How often signals are looked for while an answer is awaited.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Columns that a blank and `yes` take.
const ANSWER: usize = 4;

impl Terminal {
    /// Asks on the terminal; only `y` or `yes` is yes. `None` where there is no terminal.
    ///
    /// # Errors
    /// A signal, such as Ctrl-C, in place of an answer.
    pub fn ask(&self, question: &str) -> Result<Option<bool>, Fault> {
        if !self.can_ask() {
            return Ok(None);
        }
        self.put(&format!("{question} (y/n)"));
        let Some(answer) = typed_line()? else {
            write_stderr("\n");
            return Ok(Some(false));
        };
        Ok(Some(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")))
    }

    /// Writes the question, folded as other texts are, and leaves the cursor behind it with room for the answer.
    fn put(&self, question: &str) {
        let question = self.plain(question);
        let width = self.width_of_notes().map(|width| width.saturating_sub(ANSWER));
        let folded = |line: &str| width.map_or_else(|| line.to_owned(), |width| fold::folded(line, width).join("\n"));
        let lines: Vec<String> = question.lines().map(folded).collect();
        write_stderr(&format!("{} ", lines.join("\n")));
    }

    /// Goes on only with a yes: `--yes` on the command line, or one that is typed.
    pub fn confirm(&self, question: &str, yes: bool) -> Result<(), Fault> {
        self.confirm_or(question, yes, || Fault::failed("Declined; nothing was changed"))
    }

    /// Goes on only with a yes, else fails with `declined`, which says what a no leaves behind.
    pub fn confirm_or(&self, question: &str, yes: bool, declined: impl FnOnce() -> Fault) -> Result<(), Fault> {
        if yes {
            return Ok(());
        }
        match self.ask(question)? {
            Some(true) => Ok(()),
            Some(false) => Err(declined()),
            None => Err(Fault::failed(format!("{question} There is no terminal to ask on"))
                .hint("answer yes on the command line: --yes")),
        }
    }

    /// Goes on only when this name is typed, or with `--yes` on the command line.
    pub fn confirm_name(&self, question: &str, name: &str, yes: bool) -> Result<(), Fault> {
        if yes {
            return Ok(());
        }
        if !self.can_ask() {
            let fault = Fault::failed(format!("{question} There is no terminal to ask on"));
            return Err(fault.hint("answer on the command line: --yes"));
        }
        self.put(question);
        match typed_line()? {
            Some(line) if line.trim_end_matches(['\r', '\n']) == name => Ok(()),
            Some(_) => Err(Fault::failed(format!("That was not {name}; nothing was changed"))),
            None => {
                write_stderr("\n");
                Err(Fault::failed("Declined; nothing was changed"))
            }
        }
    }
}

/// A line from the keyboard; `None` at its end. Read beside us, because a read goes on after a signal was noted.
fn typed_line() -> Result<Option<String>, Fault> {
    let (send, line) = channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line).unwrap_or(0);
        // After a signal the receiver is gone.
        let _ = send.send((read > 0).then_some(line));
    });
    loop {
        match line.recv_timeout(POLL_INTERVAL) {
            Ok(line) => return Ok(line),
            Err(RecvTimeoutError::Timeout) => signals::check().inspect_err(|_| write_stderr("\n"))?,
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
        }
    }
}
