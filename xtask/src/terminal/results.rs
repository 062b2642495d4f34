//! Results: what goes to stdout, and how it is laid out there.

use super::columns::{self, Column};
use super::{Mark, Terminal, text};
use anyhow::Result;
use serde::ser::SerializeMap as _;
use std::io::{self, Write as _};
use std::path::Path;

impl Terminal {
    /// The result on stdout, ended by a newline. A closed pipe is a quiet end, any other failure an error. (A stdout
    /// that was closed before we began is /dev/null by now, opened so by Rust's start: it takes everything.)
    pub fn result(&self, text: &str) -> Result<()> {
        self.write(format!("{}\n", self.plain_with_marks(text, self.color_of_results)).as_bytes())
    }

    /// A report on stdout: lines of ours, folded where the terminal is narrow.
    pub fn result_report(&self, text: &str) -> Result<()> {
        self.write(self.laid_below(text, self.width_of_results(), self.color_of_results).as_bytes())
    }

    /// A path on stdout, byte for byte: a script opens it.
    pub fn result_path(&self, path: &Path) -> Result<()> {
        self.write(&[path.as_os_str().as_encoded_bytes(), b"\n"].concat())
    }

    /// A piece of a file that is shown, however large: byte for byte, but on a terminal without what it would obey.
    pub fn result_piece(&self, piece: &[u8]) -> Result<()> {
        if self.stdout {
            self.write(text::clean(&String::from_utf8_lossy(piece)).as_bytes())
        } else {
            self.write(piece)
        }
    }

    fn write(&self, piece: &[u8]) -> Result<()> {
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
        self.result_report(&self.table_or_paragraphs(head, rows, right))
    }

    /// A table as text, for a part of a larger result. Where the terminal is too narrow it is shown in parts, or each row
    /// as a paragraph: no column is left out.
    pub fn laid_out(&self, columns: &[Column], rows: &[Vec<String>]) -> String {
        let parted = self.width_of_results().and_then(|width| columns::parted(columns, rows, width));
        parted.unwrap_or_else(|| {
            let (head, right) = columns::heads(columns);
            self.table_or_paragraphs(&head, rows, &right)
        })
    }

    fn table_or_paragraphs(&self, head: &[&str], rows: &[Vec<String>], right: &[usize]) -> String {
        let table = text::table(head, rows, right);
        match self.width_of_results() {
            Some(columns) if text::width(&table) > columns => text::paragraphs(head, rows),
            _ => table,
        }
    }

    /// The table as a note, on stderr.
    pub fn note_table(&self, head: &[&str], rows: &[Vec<String>], right: &[usize]) {
        let table = text::table(head, rows, right);
        match self.width_of_notes() {
            Some(columns) if text::width(&table) > columns => self.note_report(&text::paragraphs(head, rows)),
            _ => self.note_report(&table),
        }
    }

    /// One JSON document on stdout. What a terminal would obey, or not show, is escaped as JSON does it.
    pub fn json(&self, document: &impl serde::Serialize) -> Result<()> {
        self.write(format!("{}\n", text::json(&serde_json::to_string_pretty(document)?)).as_bytes())
    }

    /// One JSON document on stdout that lists these under a name: `{"version": 1, "backups": […]}`.
    pub fn json_list<T: serde::Serialize>(&self, name: &'static str, entries: &[T]) -> Result<()> {
        self.json(&Listing { name, entries })
    }

    /// Letters in a line of the terminal that results go to; `None` where they go elsewhere.
    pub fn width_of_results(&self) -> Option<usize> {
        let size = self.stdout.then(terminal_size::terminal_size).flatten();
        size.map(|(width, _)| usize::from(width.0)).filter(|width| *width > 0)
    }

    /// A mark at the beginning of a result's line, as wide as every other, and how wide it is.
    pub fn column(&self, mark: Mark) -> (String, usize) {
        let (symbol, ..) = self.symbol(mark);
        let all = [Mark::Done, Mark::Warning, Mark::Failure, Mark::Skipped];
        let width = all.iter().map(|mark| self.symbol(*mark).0.chars().count()).max().unwrap_or(1);
        let gap = " ".repeat(width - symbol.chars().count());
        (format!("{}{gap}", self.mark_in_text(mark)), width)
    }

    /// `→ text` as it stands in a result: what to type next.
    pub fn hint_line(&self, hint: &str) -> String {
        format!("{} {}", self.arrow_in_text(), self.to_type(hint))
    }

    /// `✓ text` as it stands in a result.
    pub fn done_line(&self, text: &str) -> String {
        format!("{} {}", self.mark_in_text(Mark::Done), text)
    }

    /// `⚠ text` as it stands in a result.
    pub fn warning_line(&self, text: &str) -> String {
        format!("{} {}", self.mark_in_text(Mark::Warning), text)
    }

    /// `✗ text` as it stands in a result.
    pub fn failure_line(&self, text: &str) -> String {
        format!("{} {}", self.mark_in_text(Mark::Failure), text)
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
