//! A list that a server gives page by page. The server decides when it ends, so it is held to that it gets on.

/// Pages with nothing on them, one after the other.
const EMPTY: u32 = 20;

/// The way through a list.
#[derive(Debug)]
pub struct Pages {
    token: String,
    left: u64,
    empty: u32,
}

impl Pages {
    /// The beginning of a list of at most so many entries.
    pub fn of_at_most(entries: u64) -> Self {
        Self { token: String::new(), left: entries, empty: 0 }
    }

    /// What the next page is asked for with.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Goes on after a page of so many entries, to the page of this token. Whether there is one.
    ///
    /// # Errors
    /// Why the list would not end.
    pub fn go_on(&mut self, entries: usize, next: String) -> Result<bool, String> {
        if next.is_empty() {
            return Ok(false);
        }
        if next == self.token {
            return Err("it names the same page again".to_owned());
        }
        self.empty = if entries == 0 { self.empty + 1 } else { 0 };
        if self.empty > EMPTY {
            return Err(format!("{EMPTY} pages with nothing on them"));
        }
        self.left = match self.left.checked_sub(entries as u64) {
            Some(left) if left > 0 => left,
            _ => return Err("it has more entries than can be taken".to_owned()),
        };
        self.token = next;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_ends_whatever_the_server_says() {
        let mut pages = Pages::of_at_most(10);
        assert_eq!(pages.go_on(4, "a".into()), Ok(true));
        assert_eq!(pages.token(), "a");
        assert_eq!(pages.go_on(4, "b".into()), Ok(true));
        assert!(pages.go_on(1, "b".into()).is_err(), "the same page");
        assert!(pages.go_on(2, "c".into()).is_err(), "as many as can be taken, and one more page");
        assert_eq!(pages.go_on(2, String::new()), Ok(false));
        let mut empty = Pages::of_at_most(10);
        let ends = (0..).find(|number| empty.go_on(0, number.to_string()).is_err());
        assert_eq!(ends, Some(EMPTY));
    }
}
