//! The only place that writes to people: results to stdout, everything else to stderr.

use crate::error::{self, Fault};
use crate::settings::ColorChoice;
use anyhow::Result;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fmt::Write as _;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::time::Duration;
use unicode_width::UnicodeWidthStr as _;

/// How this run speaks: what is a terminal, what it can show, how much was asked for.
#[derive(Debug, Clone)]
pub struct Terminal {
    color: bool,
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

#[derive(Debug, Clone, Copy)]
enum Mark {
    Done,
    Warning,
    Failure,
}

impl Terminal {
    /// The terminal of this process.
    pub fn new(wishes: Wishes) -> Self {
        let stderr = io::stderr().is_terminal();
        Self {
            color: match wishes.color {
                ColorChoice::Always => true,
                ColorChoice::Never => false,
                ColorChoice::Auto => stderr,
            },
            unicode: wishes.unicode,
            quiet: wishes.quiet,
            stdin: io::stdin().is_terminal(),
            stdout: io::stdout().is_terminal(),
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

    /// `⚠ text` on stderr, for what a person should act on.
    pub fn warn(&self, text: &str) {
        write_stderr(&format!("{} {}\n", self.mark(Mark::Warning), self.plain(text)));
    }

    /// `✓ text` as it stands in a result.
    pub fn done_line(&self, text: &str) -> String {
        format!("{} {}", self.mark(Mark::Done), text)
    }

    /// The result on stdout, ended by a newline. A closed pipe is a quiet end, any other failure an error.
    pub fn result(&self, text: &str) -> Result<()> {
        let mut out = io::stdout().lock();
        match writeln!(out, "{}", self.plain(text)).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(anyhow::Error::new(error).context("the result could not be written to stdout"))
            }
            _ => Ok(()),
        }
    }

    /// One JSON document on stdout.
    pub fn json(&self, document: &impl serde::Serialize) -> Result<()> {
        self.result(&serde_json::to_string_pretty(document)?)
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
    pub fn ask(&self, question: &str) -> Option<bool> {
        if !self.can_ask() {
            return None;
        }
        write_stderr(&format!("{} (y/n) ", self.plain(question)));
        let mut answer = String::new();
        let read = io::stdin().lock().read_line(&mut answer).unwrap_or(0);
        if read == 0 {
            write_stderr("\n");
        }
        Some(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
    }

    /// Goes on only with a yes: `--yes` on the command line, or one that is typed.
    pub fn confirm(&self, question: &str, yes: bool) -> Result<(), Fault> {
        if yes {
            return Ok(());
        }
        match self.ask(question) {
            Some(true) => Ok(()),
            Some(false) => Err(Fault::failed("Declined; nothing was changed")),
            None => Err(Fault::failed(format!("{question} There is no terminal to ask on"))
                .hint("answer yes on the command line: --yes")),
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
        let (glyph, ascii, color) = match mark {
            Mark::Done => ("✓", "OK:", "32"),
            Mark::Warning => ("⚠", "WARNING:", "33"),
            Mark::Failure => ("✗", "ERROR:", "31"),
        };
        let glyph = if self.unicode { glyph } else { ascii };
        if self.color { format!("\x1b[{color}m{glyph}\x1b[0m") } else { glyph.to_owned() }
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

/// A progress line; gone when it is dropped.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// What is being done now.
    pub fn say(&self, what: &str) {
        self.bar.set_message(what.to_owned());
    }

    /// Hides the line while something else is written or asked.
    pub fn aside<T>(&self, action: impl FnOnce() -> T) -> T {
        self.bar.suspend(action)
    }

    /// How many bytes have come so far.
    pub fn set(&self, bytes: u64) {
        self.bar.set_position(bytes);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A table with columns as wide as their widest cell; `right` names the columns of numbers.
pub fn table(head: &[&str], rows: &[Vec<String>], right: &[usize]) -> String {
    let cells = || std::iter::once(head.iter().map(|cell| (*cell).to_owned()).collect()).chain(rows.iter().cloned());
    let mut widths = vec![0; head.len()];
    for row in cells() {
        let row: Vec<String> = row;
        for (width, cell) in widths.iter_mut().zip(&row) {
            *width = (*width).max(clean(cell).width());
        }
    }
    let lines = cells().map(|row| {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let cell = clean(cell);
            let gap = " ".repeat(width.saturating_sub(cell.width()));
            let lead = if column == 0 { "" } else { "  " };
            if right.contains(&column) {
                let _ = write!(line, "{lead}{gap}{cell}");
            } else {
                let _ = write!(line, "{lead}{cell}{gap}");
            }
        }
        line.trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A size as people read it: `2.4 MB` (powers of 1000).
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} bytes");
    }
    #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A number with its thousands set apart: `1,247`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `3 stores`, `1 store`.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// A time span in one unit: `3 h`, `2 days`.
pub fn span(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Names from a server or a file may hold control characters; a terminal must not obey them.
pub fn clean(text: &str) -> String {
    let harmless = |letter: char| letter == '\n' || letter == '\t' || !letter.is_control();
    if text.chars().all(harmless) {
        return text.to_owned();
    }
    text.chars()
        .flat_map(|letter| if harmless(letter) { vec![letter] } else { letter.escape_default().collect() })
        .collect()
}

fn write_stderr(text: &str) {
    // Nobody is left to tell when stderr itself is gone.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_counts_read_as_people_write_them() {
        assert_eq!(size(999), "999 bytes");
        assert_eq!(size(2_400_000), "2.4 MB");
        assert_eq!(size(999_960), "1.0 MB");
        assert_eq!(count(1_247), "1,247");
        assert_eq!(count(12), "12");
        assert_eq!(counted(1, "store", "stores"), "1 store");
        assert_eq!(span(59), "59 s");
        assert_eq!(span(7_300), "2 h");
    }

    #[test]
    fn control_characters_are_shown_instead_of_obeyed() {
        assert_eq!(clean("a\x1b[31mb\r"), "a\\u{1b}[31mb\\r");
    }

    #[test]
    fn columns_line_up_for_wide_letters() {
        let rows = vec![vec!["日本".to_owned(), "7".to_owned()], vec!["a".to_owned(), "1,000".to_owned()]];
        assert_eq!(table(&["NAME", "ROWS"], &rows, &[1]), "NAME   ROWS\n日本      7\na     1,000");
    }
}
