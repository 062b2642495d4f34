//! Symbols before and within texts, in colour where the terminal shows it.

use super::signs::{BLANK, begins_as_ours, points_up};
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
        fold::behind(&lead, self.symbol(mark).0.width() + 1, &self.plain(text), self.page_of_notes())
    }

    /// A mark for the text of a line. It holds a number that only this run knows: a mark in a text of another author
    /// stays without colour, and begins no line.
    pub(super) fn mark_in_text(&self, mark: Mark) -> String {
        own(self.symbol(mark).0)
    }

    /// The arrow before what is to be typed, in the same way.
    pub(super) fn arrow_in_text(&self) -> String {
        own(self.arrow().trim_end())
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

    /// Text for people behind a mark of ours: without control sequences, from any author, in the letters that this
    /// terminal has. No further line of it begins with a mark.
    pub(super) fn plain(&self, text: &str) -> String {
        self.guarded(&self.lettered(&clean(text)), false)
    }

    /// The same where no mark of ours stands before it: no line of it begins with a mark.
    pub(super) fn plain_lines(&self, text: &str) -> String {
        self.guarded(&self.lettered(&clean(text)), true)
    }

    /// A name, or words of another program, may hold a line break: a line that begins with a mark, or with what looks
    /// like one, gets a `|` in front. So does a caret below it, which points at one of its letters.
    fn guarded(&self, text: &str, from_first: bool) -> String {
        let mut is_barred = false;
        let lines = text.split('\n').enumerate().map(|(number, line)| {
            let begin = line.trim_start_matches(|letter: char| letter.is_whitespace() || letter == BLANK);
            let (lead, is_ours) = (&line[..line.len() - begin.len()], number == 0 && !from_first);
            let is_caret = is_barred && points_up(begin);
            is_barred = !is_ours && self.begins_with_mark(begin);
            match (is_barred, is_caret) {
                (true, _) => format!("{lead}| {begin}"),
                (false, true) => format!("  {line}"),
                (false, false) => line.to_owned(),
            }
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    fn begins_with_mark(&self, text: &str) -> bool {
        let all = [Mark::Done, Mark::Warning, Mark::Failure, Mark::Skipped];
        begins_as_ours(text, &all.map(|mark| self.symbol(mark).0))
    }

    /// [`Self::plain`] for a text with marks of this run ([`Self::mark_in_text`]): they get their colour.
    pub(super) fn plain_with_marks(&self, text: &str, color: bool) -> String {
        let all = [Mark::Done, Mark::Warning, Mark::Failure, Mark::Skipped];
        let mut marks = all.map(|mark| (self.mark_in_text(mark), self.colored(mark, color))).to_vec();
        marks.push((self.arrow_in_text(), self.arrow().trim_end().to_owned()));
        // What all of them begin with is looked for once: a report may have thousands.
        let begin = own_begin();
        let mut plain = String::with_capacity(text.len());
        let (mut rest, mut from, mut is_first) = (text, 0, true);
        while let Some(at) = rest.get(from..).and_then(|later| later.find(&begin)).map(|at| from.saturating_add(at)) {
            let Some((own, shown)) = marks.iter().find(|(own, _)| rest[at..].starts_with(own.as_str())) else {
                from = at.saturating_add(begin.len());
                continue;
            };
            plain.push_str(&self.guarded(&self.lettered(&clean(&rest[..at])), is_first));
            plain.push_str(shown);
            (rest, from, is_first) = (&rest[at + own.len()..], 0, false);
        }
        plain + &self.guarded(&self.lettered(&clean(rest)), is_first)
    }
}

/// What every sign of this run begins with.
fn own_begin() -> String {
    format!("\x1b[{}m", *OWN_MARKS)
}

fn own(sign: &str) -> String {
    format!("{}{sign}\x1b[0m", own_begin())
}
