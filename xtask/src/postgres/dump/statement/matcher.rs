//! Follows a statement through all the forms of the allow-list at once.

use super::grammar::{Depth, Item, Step};
use super::written::{Forms, Meaning};
use crate::sql::Token;

/// The forms that a statement may still have, as places in `Forms`.
#[derive(Debug, Default)]
pub(super) struct Matcher {
    open: Vec<usize>,
    next: Vec<usize>,
}

impl Matcher {
    /// Begins with the statement's first word.
    pub(super) fn begin(&mut self, word: &[u8]) {
        self.open.clear();
        let forms = Forms::get();
        for &start in forms.that_begin_with(word) {
            reach(forms, start, &mut self.open);
        }
    }

    /// Takes the next token. `fitted` hears of each item that it was taken for.
    pub(super) fn take(&mut self, token: Token<'_>, depth: Depth, mut fitted: impl FnMut(Item)) {
        let forms = Forms::get();
        self.next.clear();
        for &place in &self.open {
            if let Some(Step::Take(item)) = forms.step(place)
                && item.fits(token, depth)
            {
                fitted(item);
                reach(forms, place.saturating_add(1), &mut self.next);
            }
        }
        std::mem::swap(&mut self.open, &mut self.next);
    }

    /// Whether no form is left: whatever follows, pg_dump did not write this.
    pub(super) fn is_lost(&self) -> bool {
        self.open.is_empty()
    }

    /// What the statement means if it ends here; of several forms the first one counts.
    pub(super) fn meaning(&self) -> Option<Meaning> {
        let done = |place: &usize| match Forms::get().step(*place) {
            Some(Step::Done(meaning)) => Some((*place, meaning)),
            _ => None,
        };
        self.open.iter().filter_map(done).min_by_key(|(place, _)| *place).map(|(_, meaning)| meaning)
    }
}

/// Adds the places that take a token or end, and that can be reached from this one without taking any.
fn reach(forms: &Forms, start: usize, places: &mut Vec<usize>) {
    match forms.step(start) {
        Some(Step::Fork(one, other)) => {
            reach(forms, one, places);
            reach(forms, other, places);
        }
        Some(Step::Go(there)) => reach(forms, there, places),
        Some(_) if !places.contains(&start) => places.push(start),
        _ => {}
    }
}
