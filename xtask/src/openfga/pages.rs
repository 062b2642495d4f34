//! A list that a server gives page by page. The server decides when it ends, so it is held to that it gets on.

use crate::words::{count, size};
use std::time::{Duration, Instant};

/// Pages with nothing on them, one after the other.
const EMPTY: u32 = 20;
/// Pages with few entries, each of which could lead to another one for ever.
const SPARSE: u32 = 1_000;
const FEW: usize = 10;
/// How long a list may take. It may take longer where it has more entries a second than this.
const TIME: Duration = Duration::from_secs(60);
const ENTRIES_PER_SECOND: u64 = 50;

/// A list's longest text in bytes, page by page: what is kept of it has about this size.
pub const LONGEST: usize = 256 << 20;
/// That of all tuples of a store: a store file that names a file may have this much.
pub const LONGEST_STORE: usize = 1 << 30;

/// What a page says of the list.
#[derive(Debug, Clone, Default)]
pub struct Turn {
    /// How many entries the page had.
    pub entries: usize,
    /// How many bytes these took.
    pub bytes: usize,
    /// What the next page is asked for with; empty at the end.
    pub next: String,
}

/// Why a list is not read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// No OpenFGA gives such a list: why.
    Endless(String),
    /// An honest server may have so much: more than what.
    TooLarge(String),
}

/// The way through a list.
#[derive(Debug)]
pub struct Pages {
    token: String,
    /// At most this many entries and bytes may come.
    most: u64,
    most_bytes: usize,
    /// How many have come.
    entries: u64,
    bytes: usize,
    empty: u32,
    sparse: u32,
    begun: Instant,
}

impl Pages {
    /// The beginning of a list of at most this many entries.
    pub fn of_at_most(most: u64, most_bytes: usize) -> Self {
        let begun = Instant::now();
        Self { token: String::new(), most, most_bytes, entries: 0, bytes: 0, empty: 0, sparse: 0, begun }
    }

    /// What the next page is asked for with.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Goes on after a page. Whether there is a next one.
    ///
    /// # Errors
    /// Why it is read no further.
    pub fn go_on(&mut self, turn: Turn) -> Result<bool, Stop> {
        let Turn { entries, bytes, next } = turn;
        if next.is_empty() {
            return Ok(false);
        }
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > self.most_bytes {
            return Err(Stop::TooLarge(size(self.most_bytes as u64)));
        }
        if next == self.token {
            return Err(Stop::Endless("it names the same page again".to_owned()));
        }
        self.empty = if entries == 0 { self.empty + 1 } else { 0 };
        if self.empty > EMPTY {
            return Err(Stop::Endless(format!("{EMPTY} pages with nothing on them")));
        }
        self.sparse += u32::from(entries < FEW);
        if self.sparse > SPARSE {
            return Err(Stop::Endless(format!("{SPARSE} pages with fewer than {FEW} entries")));
        }
        self.entries = self.entries.saturating_add(entries as u64);
        let time = self.begun.elapsed();
        if time > TIME + Duration::from_secs(self.entries / ENTRIES_PER_SECOND) {
            let so_far = format!("{} entries in {} s, and more to come", self.entries, time.as_secs());
            return Err(Stop::Endless(so_far));
        }
        if self.entries >= self.most {
            return Err(Stop::TooLarge(format!("{} entries", count(self.most))));
        }
        self.token = next;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(entries: usize, next: String) -> Turn {
        Turn { entries, bytes: entries, next }
    }

    #[test]
    fn a_list_ends_whatever_the_server_says() {
        let mut pages = Pages::of_at_most(10, LONGEST);
        assert_eq!(pages.go_on(turn(4, "a".into())), Ok(true));
        assert_eq!(pages.token(), "a");
        assert_eq!(pages.go_on(turn(4, "b".into())), Ok(true));
        assert!(pages.go_on(turn(1, "b".into())).is_err(), "the same page");
        assert_eq!(pages.go_on(turn(2, "c".into())), Err(Stop::TooLarge("10 entries".to_owned())));
        assert_eq!(pages.go_on(turn(2, String::new())), Ok(false));
        let mut empty = Pages::of_at_most(10, LONGEST);
        let ends = (0..).find(|number| empty.go_on(turn(0, number.to_string())).is_err());
        assert_eq!(ends, Some(EMPTY));
    }

    #[test]
    fn pages_with_one_entry_each_end_too() {
        let mut pages = Pages::of_at_most(1_000_000, LONGEST);
        let ends = (0..).find(|number| pages.go_on(turn(1, number.to_string())).is_err());
        assert_eq!(ends, Some(SPARSE));
        let mut full = Pages::of_at_most(1_000_000, LONGEST);
        assert!((0..5_000).all(|number| full.go_on(turn(100, number.to_string())) == Ok(true)));
    }

    #[test]
    fn a_list_that_comes_too_slowly_ends() {
        let Some(begun) = Instant::now().checked_sub(TIME + Duration::from_secs(10)) else { return };
        let mut slow = Pages { begun, ..Pages::of_at_most(1_000_000, LONGEST) };
        assert_eq!(
            slow.go_on(turn(100, "a".into())),
            Err(Stop::Endless("100 entries in 70 s, and more to come".to_owned()))
        );
        let mut large = Pages { begun, ..Pages::of_at_most(1_000_000, LONGEST) };
        assert_eq!(large.go_on(turn(1_000, "a".into())), Ok(true));
    }

    #[test]
    fn a_list_has_an_end_in_bytes() {
        let mut fat = Pages::of_at_most(1_000_000, LONGEST);
        let page = |number: usize| Turn { entries: 100, bytes: 16 << 20, next: number.to_string() };
        assert_eq!((0..).find(|number| fat.go_on(page(*number)).is_err()), Some(16));
        let why = fat.go_on(page(99));
        assert_eq!(why, Err(Stop::TooLarge(size(LONGEST as u64))));
    }
}
