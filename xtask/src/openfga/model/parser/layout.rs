//! Blanks, line ends and comments that OpenFGA's own parser refuses though their meaning is plain: warnings, because a
//! server takes the model, and `fga` does not take the file.

use super::super::finding::Note;
use super::super::lexer::Kind;
use super::Parser;

/// The statements before which the reference grammar has a rule for comments; elsewhere its tools only cut comments off.
const COMMENTED: [&str; 6] = ["model", "module", "type", "extend", "define", "condition"];

impl Parser<'_> {
    /// Notes a layout that OpenFGA's own tools refuse; `wanted` is what they take.
    pub(super) fn odd(&mut self, offset: usize, wanted: &str) {
        let message = format!("OpenFGA's own tools refuse this: they want {wanted}");
        self.notes.push(Note::warning(self.place(offset), message));
    }

    /// The current token should stand directly behind the one before.
    pub(super) fn want_glued(&mut self, wanted: &str) {
        if !self.current.gap.is_empty() && self.current.kind != Kind::LineEnd {
            self.odd(self.current.start - self.current.gap.len(), wanted);
        }
    }

    /// A blank should stand before the current token.
    pub(super) fn want_blank(&mut self, wanted: &str) {
        if self.current.gap.is_empty() && matches!(self.current.kind, Kind::Word | Kind::Sign) {
            self.odd(self.current.start, wanted);
        }
    }

    /// Passes over line ends where they should not be.
    pub(super) fn skip_odd_line_ends(&mut self, wanted: &str) {
        if self.current.kind == Kind::LineEnd {
            self.odd(self.current.start, wanted);
        }
        self.skip_line_ends();
    }

    /// A part of a type's definition, read at `offset`, should stand before all conditions, as the type does.
    pub(super) fn check_order(&mut self, offset: usize) {
        let has_conditions = !self.document.conditions.is_empty();
        let Some(statement) = self.document.types.last_mut() else { return };
        if has_conditions && !std::mem::replace(&mut statement.is_late, true) {
            self.note_late(offset, "a part of a type");
        }
    }

    pub(super) fn note_late(&mut self, offset: usize, what: &str) {
        let message = format!("{what} behind a condition: OpenFGA's own tools want the types first");
        self.notes.push(Note::warning(self.place(offset), message));
    }

    /// A `relations` without a `define` behind it.
    pub(super) fn check_relations(&mut self) {
        let empty: Vec<usize> = self.document.types.iter().filter_map(|statement| statement.empty_relations).collect();
        for offset in empty {
            self.odd(offset, "at least one `define` behind `relations`, or no `relations`");
        }
    }

    /// Looks at the blanks and comments before the current token and, if it is a line end, in it.
    pub(super) fn check_blanks(&mut self) {
        let token = self.current;
        let end = if token.kind == Kind::LineEnd { token.start + token.text.len() } else { token.start };
        let mut start = token.start - token.gap.len();
        // A line ends at `\n` alone for the tools that cut comments off.
        let text = self.text;
        for line in text[start..end].split_inclusive('\n') {
            let at_line_start = start == 0 || text[..start].ends_with(['\n', '\r', '\u{feff}']);
            self.check_line(start, line, at_line_start);
            start += line.len();
        }
        self.check_last_line(end);
    }

    /// Blanks other than spaces behind the last statement, whose line the tools end before its line end.
    fn check_last_line(&mut self, end: usize) {
        let token = self.current;
        let is_last = token.kind == Kind::End || (token.kind == Kind::LineEnd && end == self.text.len());
        let blanks = &token.gap[..token.gap.find(['#', '/']).unwrap_or(token.gap.len())];
        let start = token.start - token.gap.len();
        if let Some(at) = blanks.find(['\t', '\u{c}']).filter(|_| is_last && start > 0) {
            self.odd(start + at, "no tab at the end of the last line");
        }
    }

    /// One line of blanks, with its comment if it has one; it starts at `start`.
    fn check_line(&mut self, start: usize, line: &str, at_line_start: bool) {
        let hash = line.find(['#', '/']);
        let (blanks, comment) = line.split_at(hash.unwrap_or(line.len()));
        if let Some(at) = blanks.find(|letter| !matches!(letter, ' ' | '\t' | '\u{c}' | '\r' | '\n')) {
            self.odd(start + at, "spaces and tabs as blanks, and no other letter that looks like one");
        }
        let Some(hash) = hash else { return };
        if comment.starts_with('/') && (at_line_start || !blanks.is_empty()) {
            self.odd(start + hash, "`#` before a comment");
        }
        let own_line = at_line_start || blanks.contains('\r');
        let cut_off = blanks.ends_with(' ') || (own_line && (blanks.is_empty() || blanks.ends_with(['\n', '\r'])));
        if comment.starts_with('#') && !(cut_off || own_line && self.is_read_as_comment(comment)) {
            self.odd(start + hash, "a space before a comment");
        }
        let carriage_return = comment.find('\r').filter(|at| !comment[at + 1..].starts_with('\n'));
        if let Some(at) = carriage_return {
            self.odd(
                start + hash + at,
                "a line feed at the end of a comment: they take all up to the next for its text",
            );
        }
    }

    /// Whether the grammar itself reads a comment on a line of its own that is not cut off beforehand.
    fn is_read_as_comment(&self, comment: &str) -> bool {
        let next = if self.current.kind == Kind::LineEnd { self.lexer.clone().next() } else { self.current };
        let token = |letter: char| letter.is_ascii_alphanumeric() || " \t\r\n#_-.,:/*+%?!()[]<>{}".contains(letter);
        let words = comment.split(|letter: char| !letter.is_ascii_alphanumeric() && !"_-./".contains(letter));
        next.kind == Kind::Word
            && COMMENTED.contains(&next.text)
            && comment.chars().all(token)
            && words.into_iter().all(|word| word != "condition")
    }
}
