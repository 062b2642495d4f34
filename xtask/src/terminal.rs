//! The only place that writes to people: results to stdout, everything else to stderr.

mod progress;
mod text;

pub use progress::Progress;
pub use text::{clean, clean_line, count, counted, duration, report, size, span, table};

use crate::error::{self, Fault};
use crate::platform;
use crate::process::signals;
use crate::settings::ColorChoice;
use anyhow::Result;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::ser::SerializeMap as _;
use std::fmt::Write as _;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// How often signals are looked for while an answer is awaited.
const LOOK: Duration = Duration::from_millis(50);

/// How this run speaks: what is a terminal, what it can show, how much was asked for.
#[derive(Debug, Clone)]
pub struct Terminal {
    color: bool,
    /// The same for results.
    color_of_results: bool,
    unicode: bool,
    quiet: bool,
    stdin: bool,
    stdout: bool,
    stderr: bool,
}

/// What a terminal is told to be; the rest it finds out itself.
#[derive(Debug, Clone, Copy)]
pub struct Wishes {
    pub color: ColorChoice,
    pub unicode: bool,
    pub quiet: bool,
}

/// What a line is marked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    Done,
    Warning,
    Failure,
    Skipped,
}

impl Terminal {
    /// The terminal of this process.
    pub fn new(wishes: Wishes) -> Self {
        let (stdout, stderr) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let color = |terminal: bool| match wishes.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal,
        };
        Self {
            color: color(stderr),
            color_of_results: color(stdout),
            unicode: wishes.unicode,
            quiet: wishes.quiet,
            stdin: io::stdin().is_terminal(),
            stdout,
            stderr,
        }
    }

    /// Whether results are read by a person rather than by a program.
    pub fn stdout_is_terminal(&self) -> bool {
        self.stdout
    }

    /// Whether stdin is a person's keyboard.
    pub fn stdin_is_terminal(&self) -> bool {
        self.stdin
    }

    /// Whether a question can be put and answered here.
    pub fn can_ask(&self) -> bool {
        self.stdin && self.stderr
    }

    /// What is going on, on stderr; nothing under `--quiet`.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            write_stderr(&format!("{}\n", self.plain(text)));
        }
    }

    /// `✓ text` on stderr; nothing under `--quiet`.
    pub fn done(&self, text: &str) {
        if !self.quiet {
            write_stderr(&format!("{} {}\n", self.mark(Mark::Done), self.plain(text)));
        }
    }

    /// A marked line on stderr, also under `--quiet`.
    pub fn said(&self, mark: Mark, text: &str) {
        write_stderr(&format!("{} {}\n", self.mark(mark), self.plain(text)));
    }

    /// What to type next, below such a line.
    pub fn said_below(&self, hint: &str) {
        write_stderr(&format!("  {}{}\n", self.arrow(), self.plain(hint)));
    }

    /// `⚠ text` on stderr, for what a person should act on.
    pub fn warn(&self, text: &str) {
        write_stderr(&format!("{} {}\n", self.mark(Mark::Warning), self.plain(text)));
    }

    /// A mark at the beginning of a result's line, as wide as every other, and how wide it is.
    pub fn column(&self, mark: Mark) -> (String, usize) {
        let (glyph, ..) = self.glyph(mark);
        let all = [Mark::Done, Mark::Warning, Mark::Failure, Mark::Skipped];
        let width = all.iter().map(|mark| self.glyph(*mark).0.chars().count()).max().unwrap_or(1);
        let gap = " ".repeat(width - glyph.chars().count());
        (format!("{}{gap}", self.colored(mark, self.color_of_results)), width)
    }

    /// Letters in a line of the terminal that results go to; `None` where they go elsewhere.
    pub fn width_of_results(&self) -> Option<usize> {
        let size = self.stdout.then(terminal_size::terminal_size).flatten();
        size.map(|(width, _)| usize::from(width.0)).filter(|width| *width > 0)
    }

    /// What goes before the next thing to type.
    pub fn hint_line(&self, hint: &str) -> String {
        format!("{}{hint}", self.arrow())
    }

    /// `✓ text` as it stands in a result.
    pub fn done_line(&self, text: &str) -> String {
        format!("{} {}", self.mark(Mark::Done), text)
    }

    /// `⚠ text` as it stands in a result.
    pub fn warning_line(&self, text: &str) -> String {
        format!("{} {}", self.mark(Mark::Warning), text)
    }

    /// `✗ text` as it stands in a result.
    pub fn failure_line(&self, text: &str) -> String {
        format!("{} {}", self.mark(Mark::Failure), text)
    }

    /// The result on stdout, ended by a newline. A closed pipe is a quiet end, any other failure an error. (A stdout
    /// that was closed before we began is /dev/null by now, opened so by Rust's start: it takes everything.)
    pub fn result(&self, text: &str) -> Result<()> {
        self.result_piece(format!("{}\n", self.plain(text)).as_bytes())
    }

    /// A piece of a result as it is: a file that is shown, however large.
    pub fn result_piece(&self, piece: &[u8]) -> Result<()> {
        let mut out = io::stdout().lock();
        match out.write_all(piece).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(anyhow::Error::new(error).context("the result could not be written to stdout"))
            }
            _ => Ok(()),
        }
    }

    /// A table on stdout; on a terminal that is too narrow for it each row becomes a paragraph.
    pub fn table(&self, head: &[&str], rows: &[Vec<String>], right: &[usize]) -> Result<()> {
        let table = text::table(head, rows, right);
        let columns = if self.stdout { platform::terminal_width(&io::stdout()) } else { None };
        match columns {
            Some(columns) if text::width(&table) > columns => self.result(&text::paragraphs(head, rows)),
            _ => self.result(&table),
        }
    }

    /// One JSON document on stdout.
    pub fn json(&self, document: &impl serde::Serialize) -> Result<()> {
        self.result(&serde_json::to_string_pretty(document)?)
    }

    /// One JSON document on stdout that lists these under a name: `{"version": 1, "backups": […]}`.
    pub fn json_list<T: serde::Serialize>(&self, name: &'static str, entries: &[T]) -> Result<()> {
        self.json(&Listing { name, entries })
    }

    /// The one error of a run: what failed, the causes in order, what to type next.
    pub fn error(&self, error: &anyhow::Error) {
        let mut text = format!("{} {}\n", self.mark(Mark::Failure), clean(&error.to_string()));
        let mut said = vec![error.to_string()];
        for cause in error.chain().skip(1) {
            let cause = cause.to_string();
            if !said.iter().any(|before| before.contains(&cause)) {
                for line in clean(cause.trim_end()).lines() {
                    let _ = writeln!(text, "  {line}");
                }
                said.push(cause);
            }
        }
        if let Some(hint) = error::fault(error).and_then(error::Fault::hint_text) {
            for (index, line) in hint.lines().enumerate() {
                let lead = if index == 0 { self.arrow() } else { "  " };
                let _ = writeln!(text, "{lead}{}", clean(line));
            }
        }
        write_stderr(&self.plain(&text));
    }

    /// Asks on the terminal; only `y` or `yes` is yes. `None` where there is nobody to ask.
    ///
    /// # Errors
    /// A signal, such as Ctrl-C, in place of an answer.
    pub fn ask(&self, question: &str) -> Result<Option<bool>, Fault> {
        if !self.can_ask() {
            return Ok(None);
        }
        write_stderr(&format!("{} (y/n) ", self.plain(question)));
        let Some(answer) = typed_line()? else {
            write_stderr("\n");
            return Ok(Some(false));
        };
        Ok(Some(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")))
    }

    /// Goes on only with a yes: `--yes` on the command line, or one that is typed.
    pub fn confirm(&self, question: &str, yes: bool) -> Result<(), Fault> {
        self.confirm_or(question, yes, || Fault::failed("Declined; nothing was changed"))
    }

    /// The same; `declined` says what a no leaves behind.
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
        write_stderr(&format!("{} ", self.plain(question)));
        match typed_line()? {
            Some(line) if line.trim_end_matches(['\r', '\n']) == name => Ok(()),
            Some(_) => Err(Fault::failed(format!("That was not {name}; nothing was changed"))),
            None => {
                write_stderr("\n");
                Err(Fault::failed("Declined; nothing was changed"))
            }
        }
    }

    /// A line that shows how far something has come; visible on a terminal only, and only once it takes time.
    pub fn progress(&self, what: &str, expected_bytes: Option<u64>) -> Progress {
        if self.quiet || !self.stderr {
            return Progress { bar: ProgressBar::hidden() };
        }
        let bar = ProgressBar::with_draw_target(expected_bytes, ProgressDrawTarget::stderr_with_hz(8));
        let template = match expected_bytes {
            Some(_) => "  {msg}  {bytes} of about {total_bytes}, {bytes_per_sec}, {elapsed}",
            None => "  {msg}  {bytes}, {bytes_per_sec}, {elapsed}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(self.plain(what));
        Progress { bar }
    }

    /// A line that shows how many of something are done; visible on a terminal only.
    pub fn counter(&self, what: &str, total: u64) -> Progress {
        if self.quiet || !self.stderr {
            return Progress { bar: ProgressBar::hidden() };
        }
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(8));
        if let Ok(style) = ProgressStyle::with_template("  {msg}  {human_pos} of {human_len}, {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(self.plain(what));
        Progress { bar }
    }

    /// A line that shows that something is waited for; on a terminal only.
    pub fn waiting(&self, what: &str) -> Progress {
        if self.quiet || !self.stderr {
            return Progress { bar: ProgressBar::hidden() };
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
        if let Ok(style) = ProgressStyle::with_template("  {msg}  {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(self.plain(what));
        bar.enable_steady_tick(Duration::from_millis(250));
        Progress { bar }
    }

    fn mark(&self, mark: Mark) -> String {
        self.colored(mark, self.color)
    }

    fn colored(&self, mark: Mark, color: bool) -> String {
        let (glyph, code) = self.glyph(mark);
        if color { format!("\x1b[{code}m{glyph}\x1b[0m") } else { glyph.to_owned() }
    }

    fn glyph(&self, mark: Mark) -> (&'static str, &'static str) {
        let (glyph, ascii, code) = match mark {
            Mark::Done => ("✓", "OK:", "32"),
            Mark::Warning => ("⚠", "WARNING:", "33"),
            Mark::Failure => ("✗", "ERROR:", "31"),
            Mark::Skipped => ("∘", "SKIPPED:", "2"),
        };
        (if self.unicode { glyph } else { ascii }, code)
    }

    fn arrow(&self) -> &'static str {
        if self.unicode { "→ " } else { "-> " }
    }

    /// Text in the letters that this terminal has.
    fn plain(&self, text: &str) -> String {
        if self.unicode {
            return text.to_owned();
        }
        let mut plain = String::with_capacity(text.len());
        for letter in text.chars() {
            match letter {
                '…' => plain.push_str("..."),
                '—' | '–' => plain.push('-'),
                '→' => plain.push_str("->"),
                '≈' => plain.push('~'),
                '✓' => plain.push_str("OK:"),
                '⚠' => plain.push_str("WARNING:"),
                '✗' => plain.push_str("ERROR:"),
                '“' | '”' => plain.push('"'),
                '‘' | '’' => plain.push('\''),
                other => plain.push(other),
            }
        }
        plain
    }
}

struct Listing<'a, T> {
    name: &'static str,
    entries: &'a [T],
}

impl<T: serde::Serialize> serde::Serialize for Listing<'_, T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = serializer.serialize_map(Some(2))?;
        document.serialize_entry("version", &1)?;
        document.serialize_entry(self.name, self.entries)?;
        document.end()
    }
}

/// A line from the keyboard; `None` at its end. Read beside us, because a read goes on after a signal was noted.
fn typed_line() -> Result<Option<String>, Fault> {
    let (send, line) = channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line).unwrap_or(0);
        // Nobody listens any more after a signal.
        let _ = send.send((read > 0).then_some(line));
    });
    loop {
        match line.recv_timeout(LOOK) {
            Ok(line) => return Ok(line),
            Err(RecvTimeoutError::Timeout) => signals::check().inspect_err(|_| write_stderr("\n"))?,
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
        }
    }
}

fn write_stderr(text: &str) {
    // Nobody is left to tell when stderr itself is gone.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
