//! The allow-list: every statement that pg_dump 10.3 to 18 writes into a plain dump of one database, by the function
//! of its source that writes it (`src/bin/pg_dump`). What has none of these forms is refused.
//!
//! Missing on purpose is what pg_dump writes of more than one database's objects (`--create`, `--binary-upgrade`,
//! pg_dump 10's `COMMENT ON DATABASE`), and what no server of today could load (`WITH OIDS`).

mod alter;
mod create;
mod described;
mod drop;
mod meaning;
mod session;

pub(super) use meaning::Meaning;

use super::grammar::{self, Step};
use std::sync::LazyLock;

/// Forms with their meaning.
type Table = &'static [(&'static str, Meaning)];

const TABLES: [Table; 5] = [session::FORMS, create::FORMS, alter::FORMS, drop::FORMS, described::FORMS];

/// All forms, compiled.
#[derive(Debug)]
pub(super) struct Forms {
    steps: Vec<Step<Meaning>>,
    /// By first word: the places after it.
    begins: Vec<(&'static str, Vec<usize>)>,
}

impl Forms {
    pub(super) fn get() -> &'static Self {
        static FORMS: LazyLock<Forms> = LazyLock::new(Forms::compiled);
        &FORMS
    }

    /// A form that cannot be compiled accepts nothing; a test says that there is none.
    fn compiled() -> Self {
        let mut forms = Self { steps: Vec::new(), begins: Vec::new() };
        for (form, meaning) in TABLES.iter().flat_map(|table| table.iter()) {
            let start = forms.steps.len();
            if grammar::compile(form, *meaning, &mut forms.steps).is_none() {
                forms.steps.truncate(start);
                continue;
            }
            let word = form.split(' ').next().unwrap_or_default();
            let place = start.saturating_add(1);
            match forms.begins.iter_mut().find(|(begin, _)| *begin == word) {
                Some((_, places)) => places.push(place),
                None => forms.begins.push((word, vec![place])),
            }
        }
        forms
    }

    pub(super) fn that_begin_with(&self, word: &[u8]) -> &[usize] {
        let found = self.begins.iter().find(|(begin, _)| begin.as_bytes().eq_ignore_ascii_case(word));
        found.map_or(&[], |(_, places)| places)
    }

    pub(super) fn step(&self, place: usize) -> Option<Step<Meaning>> {
        self.steps.get(place).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_compiles_and_begins_with_a_word() {
        for (form, _) in TABLES.iter().flat_map(|table| table.iter()) {
            let mut steps = Vec::new();
            assert!(grammar::compile(form, Meaning::Plain, &mut steps).is_some(), "{form}");
            assert!(matches!(steps.first(), Some(Step::Take(grammar::Item::Word(_)))), "{form}");
        }
        let compiled = Forms::get();
        let starts: usize = compiled.begins.iter().map(|(_, places)| places.len()).sum();
        assert_eq!(starts, TABLES.iter().map(|table| table.len()).sum::<usize>());
    }
}
