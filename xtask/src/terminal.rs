//! The only place that writes to people: results to stdout, everything else to stderr.

mod columns;
mod fold;
mod input;
mod live;
mod marks;
mod pieces;
mod progress;
mod question;
mod results;
mod signs;
#[cfg(test)]
mod tests;
mod text;
mod typed;

pub use columns::Column;
pub use fold::{folded, hanging};
pub use progress::Progress;
pub use text::{age_of, clean, clean_line, count, counted, duration, report, shell_word, size, span};

use crate::error::{self, Fault};
use crate::settings::ColorChoice;
use std::io::{self, IsTerminal as _, Write as _};
use unicode_width::UnicodeWidthStr as _;

/// Most commands fit into a line of so many columns.
const COMMANDS_FIT: usize = 60;

/// How this run speaks: what is a terminal, what it can show, how much was asked for.
#[derive(Debug, Clone)]
pub struct Terminal {
    color: bool,
    /// Whether results have colours.
    color_of_results: bool,
    unicode: bool,
    quiet: bool,
    /// What a person types to call this program.
    call: String,
    /// Options of every command that were typed.
    typed: Vec<(&'static str, String)>,
    /// The project's folder, where the user stands outside of it.
    folder: Option<String>,
    /// Whether commands in a hint are to be typed now: they begin as the program was called, and get those options and that folder.
    completes: bool,
    stdin: bool,
    stdout: bool,
    stderr: bool,
}

/// What a terminal is to be; the rest it finds out itself.
#[derive(Debug, Clone)]
pub struct Options {
    pub color: ColorChoice,
    pub unicode: bool,
    pub quiet: bool,
    /// What a person types to call this program: words of a command line.
    pub call: String,
    /// Typed options that choose target or database, as words of a shell: hints repeat them.
    pub typed: Vec<(&'static str, String)>,
    /// The project's folder, as a word of a command line, where the user stands outside of it: commands of Compose are
    /// typed there.
    pub folder: Option<String>,
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
    pub fn new(options: Options) -> Self {
        let (stdout, stderr) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let color = |terminal: bool| match options.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal,
        };
        Self {
            color: color(stderr),
            color_of_results: color(stdout),
            unicode: options.unicode,
            quiet: options.quiet,
            call: options.call,
            typed: options.typed,
            folder: options.folder,
            completes: true,
            stdin: io::stdin().is_terminal(),
            stdout,
            stderr,
        }
    }

    /// This terminal with these typed options, which its hints repeat.
    #[must_use]
    pub fn with_typed(&self, typed: Vec<(&'static str, String)>) -> Self {
        Self { typed, ..self.clone() }
    }

    /// This terminal for text in which commands are quoted, or are to be pasted elsewhere.
    #[must_use]
    pub fn verbatim(&self) -> Self {
        Self { completes: false, ..self.clone() }
    }

    /// This terminal with these typed options added.
    #[must_use]
    pub fn with_more_typed(&self, more: Vec<(&'static str, String)>) -> Self {
        let typed = self.typed.iter().cloned().chain(more).collect();
        Self { typed, ..self.clone() }
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

    /// A note on stderr; nothing under `--quiet`. Lines after the first are indented, so that a line break in a name
    /// starts no line of ours.
    pub fn note(&self, text: &str) {
        self.note_report(&text.replace('\n', "\n  "));
    }

    /// A note of lines of ours, in which names are shown clean.
    pub fn note_report(&self, text: &str) {
        if !self.quiet {
            write_stderr(&self.laid_below(text.strip_suffix('\n').unwrap_or(text), self.width_of_notes(), self.color));
        }
    }

    /// A report's lines, ended by a newline; folded where the terminal has so many columns.
    fn laid_below(&self, text: &str, columns: Option<usize>, color: bool) -> String {
        let shown = self.plain_with_marks(text, color);
        let Some(columns) = columns else { return format!("{shown}\n") };
        let call = self.whole_commands(columns);
        let lines = shown.split('\n').flat_map(|line| fold::hanging_with(line, columns, call));
        lines.map(|line| line + "\n").collect()
    }

    /// A result's line in lines of so many columns, of a terminal that may be wider.
    pub fn hanging(&self, line: &str, columns: usize) -> Vec<String> {
        fold::hanging_with(line, columns, self.whole_commands(self.width_of_results().unwrap_or(columns)))
    }

    /// A command that is copied stays on one line, except where the terminal is so narrow that hardly one fits.
    fn whole_commands(&self, columns: usize) -> Option<&str> {
        (columns >= COMMANDS_FIT).then_some(self.call.as_str())
    }

    /// The terminal of messages, as lines are laid out for it.
    fn page_of_notes(&self) -> fold::Page<'_> {
        let columns = self.width_of_notes();
        fold::Page { columns, call: columns.and_then(|columns| self.whole_commands(columns)) }
    }

    /// `✓ text` on stderr; nothing under `--quiet`.
    pub fn done(&self, text: &str) {
        if !self.quiet {
            self.marked_note(Mark::Done, text);
        }
    }

    /// A marked line on stderr, also under `--quiet`.
    pub fn marked_note(&self, mark: Mark, text: &str) {
        write_stderr(&self.marked(mark, text));
    }

    /// What to type next, below such a line.
    pub fn hint(&self, hint: &str) {
        let lead = format!("  {}", self.arrow());
        write_stderr(&fold::behind(&lead, lead.width(), &self.plain(&self.to_type(hint)), self.page_of_notes()));
    }

    /// `⚠ text` on stderr, for what a person should act on.
    pub fn warn(&self, text: &str) {
        self.marked_note(Mark::Warning, text);
    }

    /// A warning from a fault that stops nothing, and its hint.
    pub fn warn_of(&self, fault: &Fault) {
        self.warn(&fault.to_string());
        fault.hint_text().into_iter().for_each(|hint| self.hint(hint));
    }

    /// The one error of a run: what failed, the causes in order, what to type next.
    pub fn error(&self, error: &anyhow::Error) {
        let mut text = self.marked(Mark::Failure, &error.to_string());
        for cause in error::messages(error).iter().skip(1) {
            let shown = self.plain_lines(cause.trim_end());
            text.push_str(&fold::behind("  ", 2, &shown, self.page_of_notes()));
        }
        if let Some(hint) = error::fault(error).and_then(Fault::hint_text) {
            let arrow = self.arrow();
            let hint = self.plain(&self.to_type(hint));
            text.push_str(&fold::behind(arrow, arrow.width(), &hint, self.page_of_notes()));
        }
        write_stderr(&text);
    }

    /// Columns of the terminal that messages go to; `None` where they go elsewhere.
    fn width_of_notes(&self) -> Option<usize> {
        let size = self.stderr.then(|| terminal_size::terminal_size_of(io::stderr())).flatten();
        size.map(|(width, _)| usize::from(width.0)).filter(|width| *width > 0)
    }

    fn completed(&self, text: &str) -> String {
        let text = typed::as_called(&typed::with_options(text, &self.typed), &self.call);
        typed::in_folder(&text, self.folder.as_deref())
    }

    /// Commands of ours in a hint, as they are to be typed now. A text that names what others named gets this only for
    /// the part that is a hint: a command that stands in a name stays as it is.
    pub fn to_type(&self, text: &str) -> String {
        if self.completes { self.completed(text) } else { text.to_owned() }
    }

    /// Our own signs as a terminal without UTF-8 has them. None of them becomes a letter that a shell, psql or an option
    /// begins with: names of others in the text are quoted already.
    fn lettered(&self, text: &str) -> String {
        if self.unicode {
            return text.to_owned();
        }
        let mut plain = String::with_capacity(text.len());
        for letter in text.chars() {
            match letter {
                '…' => plain.push_str("..."),
                '→' => plain.push_str("->"),
                '≈' => plain.push('~'),
                '✓' => plain.push_str("OK:"),
                '⚠' => plain.push_str("WARNING:"),
                '✗' => plain.push_str("ERROR:"),
                other => plain.push(other),
            }
        }
        plain
    }
}

fn write_stderr(text: &str) {
    // When stderr itself is gone, there is no place to report it.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
