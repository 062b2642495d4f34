//! Symbols before and within texts, in colour where the terminal shows it.

use super::text::clean;
use super::{Mark, Terminal, fold};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;
use unicode_width::UnicodeWidthStr as _;

/// The number in marks of this run, before they get their colour. The system's random numbers are in it.
static OWN_MARKS: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one("marks"));

impl Terminal {
    /// A marked text, folded where the terminal is narrow.
    pub(super) fn marked(&self, mark: Mark, text: &str) -> String {
        let lead = format!("{} ", self.colored(mark, self.color));
        fold::behind(&lead, self.symbol(mark).0.width() + 1, &self.plain(text), self.width_of_notes())
    }

    /// A mark for the text of a line. Where colours are shown, it holds a number that only this run knows: a mark in a
    /// text of another author stays without colour.
    pub(super) fn mark_in_text(&self, mark: Mark) -> String {
        let (symbol, _) = self.symbol(mark);
        let is_plain = !self.color && !self.color_of_results;
        if is_plain { symbol.to_owned() } else { format!("\x1b[{}m{symbol}\x1b[0m", *OWN_MARKS) }
    }

    pub(super) fn colored(&self, mark: Mark, color: bool) -> String {
        let (symbol, code) = self.symbol(mark);
        if color { format!("\x1b[{code}m{symbol}\x1b[0m") } else { symbol.to_owned() }
    }

    pub(super) fn symbol(&self, mark: Mark) -> (&'static str, &'static str) {
        let (symbol, ascii, code) = match mark {
            Mark::Done => ("✓", "OK:", "32"),
            Mark::Warning => ("⚠", "WARNING:", "33"),
            Mark::Failure => ("✗", "ERROR:", "31"),
            Mark::Skipped => ("∘", "SKIPPED:", "2"),
        };
        (if self.unicode { symbol } else { ascii }, code)
    }

    pub(super) fn arrow(&self) -> &'static str {
        if self.unicode { "→ " } else { "-> " }
    }

    /// Text for people: without control sequences, from any author; with the options that they typed, in the letters
    /// that this terminal has.
    pub(super) fn plain(&self, text: &str) -> String {
        self.lettered(&clean(text))
    }

    /// [`Self::plain`] for a text with marks of this run ([`Self::mark_in_text`]): they get their colour.
    pub(super) fn plain_with_marks(&self, text: &str, color: bool) -> String {
        if !self.color && !self.color_of_results {
            return self.plain(text);
        }
        let all = [Mark::Done, Mark::Warning, Mark::Failure, Mark::Skipped];
        let marks = all.map(|mark| (self.mark_in_text(mark), self.colored(mark, color)));
        let mut plain = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((at, (own, shown))) = marks.iter().filter_map(|mark| Some((rest.find(&mark.0)?, mark))).min() {
            plain.push_str(&self.plain(&rest[..at]));
            plain.push_str(shown);
            rest = &rest[at + own.len()..];
        }
        plain + &self.plain(rest)
    }
}
