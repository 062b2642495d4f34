//! What is wrong with a model file, and where: file, line and column, the line itself, a caret under the place.

use std::fmt;
use unicode_width::UnicodeWidthStr as _;

/// Whether a server would refuse the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// No server takes it, or it cannot be read at all.
    Error,
    /// A server takes it; its author probably meant something else.
    Warning,
}

/// One finding in a model file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file's name as the caller gave it.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// The line without its line end: its part around the place where it is long, nothing where there is none to show.
    pub source_line: String,
    /// How many characters of `source_line` stand before the place.
    pub before: usize,
    /// What is wrong, and what was expected.
    pub message: String,
    /// Error or warning.
    pub severity: Severity,
    /// The condition that no tuple can have, where that is what is wrong: in the model, or with a tuple that has it.
    pub barren: Option<String>,
}

/// A line of at most this many characters is shown whole. Of a longer one, `AROUND` characters on each side are shown.
const LONGEST_LINE: usize = 240;
const AROUND: usize = 80;
/// How many findings show their line. Later ones are not read, and their lines would cost more than the findings.
pub const WITH_LINES: usize = 100;

/// What is shown of a line for a place in it, counted from 1, and how many characters of that stand before the place.
pub fn excerpt(line: &str, column: usize) -> (String, usize) {
    let before = column.saturating_sub(1);
    if line.len() <= LONGEST_LINE {
        return (line.to_owned(), before);
    }
    let start = before.saturating_sub(AROUND);
    let mut letters = line.chars().skip(start);
    let shown: String = letters.by_ref().take(2 * AROUND).collect();
    let (head, tail) = (if start > 0 { "…" } else { "" }, if letters.next().is_some() { "…" } else { "" });
    (format!("{head}{shown}{tail}"), before - start + usize::from(start > 0))
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A line break that a name brings does not make a line of ours.
        let (file, message) = (self.file.replace('\n', "\\n"), self.message.replace('\n', "\\n"));
        write!(f, "{file}:{}:{}: {message}", self.line, self.column)?;
        if self.source_line.is_empty() {
            return Ok(());
        }
        // A tab, or a byte that would move the cursor, is as wide as a blank.
        let shown = |letter: char| if letter.is_control() { ' ' } else { letter };
        let line: String = self.source_line.chars().map(shown).collect();
        let before: String = line.chars().take(self.before).collect();
        writeln!(f, "\n  {line}")?;
        write!(f, "  {:width$}^", "", width = before.width())
    }
}

/// A place in one of the files that a model was read from: the file's number, and the byte in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub file: usize,
    pub offset: usize,
}

/// The files that a model was read from, by the number that a [`Place`] names.
#[derive(Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
}

#[derive(Debug, Default)]
struct Source {
    name: String,
    text: String,
    /// Where its lines start.
    lines: Vec<usize>,
}

impl Sources {
    /// Takes a file in; its number.
    pub fn add(&mut self, name: &str, text: &str) -> usize {
        self.files.push(Source { name: name.to_owned(), text: text.to_owned(), lines: line_starts(text) });
        self.files.len() - 1
    }

    /// The findings in the order of their places, each once, as a person reads them.
    pub fn findings(&self, mut notes: Vec<Note>) -> Vec<Finding> {
        notes.sort_by(|a, b| (a.place, a.severity, &a.message).cmp(&(b.place, b.severity, &b.message)));
        notes.dedup();
        let mut last = Located::default();
        let findings = notes.into_iter().enumerate().map(|(index, note)| {
            last = self.located(note.place, &last);
            self.finding(note, &last, index < WITH_LINES)
        });
        findings.collect()
    }

    fn finding(&self, note: Note, at: &Located, with_line: bool) -> Finding {
        let nothing = Source::default();
        let source = self.files.get(note.place.file).unwrap_or(&nothing);
        let whole = if with_line { source.line(at.start) } else { "" };
        let (source_line, before) = if with_line { excerpt(whole, at.column) } else { Default::default() };
        let (file, line, column) = (source.name.clone(), at.line, at.column);
        Finding {
            file,
            line,
            column,
            source_line,
            before,
            message: note.message,
            severity: note.severity,
            barren: note.barren,
        }
    }

    /// Line and column of a place. Letters are counted from the place before on, where that stands on the same line: a
    /// line may be long, and have thousands of places.
    fn located(&self, place: Place, last: &Located) -> Located {
        let nothing = Source::default();
        let source = self.files.get(place.file).unwrap_or(&nothing);
        let mut offset = place.offset.min(source.text.len());
        while !source.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = source.lines.partition_point(|start| *start <= offset).max(1);
        let start = source.lines.get(line - 1).copied().unwrap_or_default();
        let is_behind = last.file == place.file && last.start == start && (start..=offset).contains(&last.offset);
        let (from, column) = if is_behind && last.line == line { (last.offset, last.column) } else { (start, 1) };
        let column = column + source.text[from..offset].chars().count();
        Located { file: place.file, line, start, offset, column }
    }
}

/// Where a place is: its line and column from 1, the byte at which the line starts, its own byte.
#[derive(Debug, Default)]
struct Located {
    file: usize,
    line: usize,
    start: usize,
    offset: usize,
    column: usize,
}

impl Source {
    /// The line that starts at this byte.
    fn line(&self, start: usize) -> &str {
        let rest = &self.text[start..];
        &rest[..rest.find(['\r', '\n']).unwrap_or(rest.len())]
    }
}

/// Where lines start: behind `\r\n`, `\n` and `\r` alone.
fn line_starts(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let ends = |at: &usize| bytes[*at] == b'\n' || (bytes[*at] == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
    std::iter::once(0).chain((0..bytes.len()).filter(ends).map(|at| at + 1)).collect()
}

/// A finding before its place is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub place: Place,
    pub severity: Severity,
    pub message: String,
    /// As of a [`Finding`].
    pub barren: Option<String>,
}

impl Note {
    pub fn error(place: Place, message: impl Into<String>) -> Self {
        Self { place, severity: Severity::Error, message: message.into(), barren: None }
    }

    pub fn warning(place: Place, message: impl Into<String>) -> Self {
        Self { place, severity: Severity::Warning, message: message.into(), barren: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_one_long_line_are_counted_from_the_one_before() {
        let mut sources = Sources::default();
        let text = format!("ä b\r\nüü{}\nc", " x".repeat(50_000));
        let file = sources.add("f", &text);
        let offsets = text.match_indices('x').map(|(offset, _)| offset).rev();
        let notes = offsets.map(|offset| Note::warning(Place { file, offset }, "x")).collect();
        let found = sources.findings(notes);
        assert_eq!(found.len(), 50_000);
        for (index, finding) in found.iter().enumerate() {
            assert_eq!((finding.line, finding.column), (2, 4 + 2 * index));
        }
        assert!(!found[0].source_line.is_empty() && found[WITH_LINES].source_line.is_empty());
        let last = sources.findings(vec![Note::error(Place { file, offset: usize::MAX }, "end")]);
        assert_eq!((last[0].line, last[0].column, last[0].source_line.as_str()), (3, 2, "c"));
    }

    #[test]
    fn a_line_break_in_a_name_makes_no_line() {
        let shown = Finding {
            file: "a\nb".to_owned(),
            line: 1,
            column: 2,
            source_line: "x y".to_owned(),
            before: 1,
            message: "`\n✓ well` is no name".to_owned(),
            severity: Severity::Warning,
            barren: None,
        };
        assert_eq!(shown.to_string(), "a\\nb:1:2: `\\n✓ well` is no name\n  x y\n   ^");
    }
}
