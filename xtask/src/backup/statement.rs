//! A statement of a proven backup, found again by the line at which psql stopped.

use super::proof::Proven;
use crate::postgres::dump::{Made, Scanner};
use crate::postgres::first_words::first_words;
use anyhow::{Context as _, Result};
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read};

/// How many bytes of a statement are enough to know it by.
const LOOKED_AT: usize = 4096;
const CONSTRAINT: &str = "ADD CONSTRAINT ";

/// A statement of the file.
#[derive(Debug, PartialEq, Eq)]
pub struct Statement {
    /// The line of the file in which the statement begins, counted from 1.
    pub line: u64,
    /// Its command and its object's name; nothing of it that may be a secret.
    pub words: String,
    /// The objects of the sought names that the file creates before this statement, and the schemas of its extensions.
    pub made: BTreeSet<Made>,
}

impl Proven {
    /// The statement that psql was at when it had got the file up to this line; `None` where the file cannot be read again.
    pub fn statement_at(&self, line: u64, names: &[&str]) -> Option<Statement> {
        self.find_statement(line, names).ok().flatten()
    }

    /// The line of the file for this line of what psql gets: [`Proven::feed`] leaves out the head line and the dump's
    /// `\restrict` line.
    pub fn line_of_fed(&self, fed_line: u64) -> u64 {
        let left_out = u64::from(!self.contents.restrict_lines.is_empty());
        self.line_of_dump(fed_line.saturating_add(left_out))
    }

    /// The line of the file that is this one of the dump: a file of ours has a head line before it.
    pub fn line_of_dump(&self, line: u64) -> u64 {
        line.saturating_add(u64::from(self.manifest.is_some()))
    }

    fn find_statement(&self, last: u64, names: &[&str]) -> Result<Option<Statement>> {
        let mut scanner = Scanner::default();
        let mut file = self.rewound()?;
        let first = u64::from(self.manifest.is_some());
        if first > 0 {
            file.skip_until(b'\n')?;
        }
        let mut text = Vec::new();
        let mut made = BTreeSet::new();
        for _ in first..last {
            text.clear();
            if file.read_until(b'\n', &mut text)? == 0 || scanner.feed(&text).is_err() {
                return Ok(None);
            }
            // Rows and comments make nothing.
            if text.starts_with(b"CREATE ") {
                made.extend(scanner.latest_made().filter(|made| is_named(made, names)));
            }
        }
        let line = self.line_of_dump(scanner.latest_statement());
        Ok(self.words_at(line)?.map(|words| Statement { line, words, made }))
    }

    fn words_at(&self, line: u64) -> Result<Option<String>> {
        let mut file = self.rewound()?;
        for _ in 1..line {
            file.skip_until(b'\n')?;
        }
        let mut text = Vec::new();
        file.take(LOOKED_AT as u64).read_to_end(&mut text)?;
        let text = String::from_utf8_lossy(&text);
        let words = first_words(&text);
        Ok((!words.is_empty()).then(|| with_constraint(words, &text)))
    }

    fn rewound(&self) -> Result<BufReader<Box<dyn Read + '_>>> {
        Ok(BufReader::new(self.text().context("the file cannot be read again")?))
    }
}

fn is_named(made: &Made, names: &[&str]) -> bool {
    match made {
        Made::Object { name, .. } => names.contains(&name.as_str()),
        Made::Extension { .. } => true,
    }
}

/// `ALTER TABLE ONLY public.t ADD CONSTRAINT c …`: which one is what matters.
fn with_constraint(words: String, text: &str) -> String {
    let statement = text.split(";\n").next().unwrap_or_default();
    let named = statement.split_once(CONSTRAINT).filter(|_| words.starts_with("ALTER TABLE"));
    match named {
        Some((_, rest)) => {
            let name = rest.split_ascii_whitespace().next().unwrap_or_default();
            format!("{} {CONSTRAINT}{name} …", words.trim_end_matches(" …"))
        }
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::proof::prove;

    const DUMP: &str = "--\n-- PostgreSQL database dump\n--\n\n\\restrict k3Y\n\n-- Dumped from database version 15.18\n\n\
        CREATE TABLE public.t (\n    a text\n);\nCREATE INDEX \"an index\" ON public.t USING btree\n (public.f(a));\n\
        COPY public.t (a) FROM stdin;\n1\n2\n\\.\n\
        ALTER TABLE ONLY public.t\n    ADD CONSTRAINT c CHECK ((a <> 'secret'::text));\n\
        --\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict k3Y\n\n";

    #[test]
    fn the_statement_that_psql_stopped_at_is_named_by_the_line_in_which_it_begins() {
        let path = std::env::temp_dir().join(format!("xtask-statement-{}.sql", std::process::id()));
        std::fs::write(&path, DUMP).unwrap();
        let proven = prove(&path, &|_| {}).unwrap();
        // What psql gets lacks the line of `\\restrict`: psql counts one less.
        for (fed, line, words) in [
            (10, 9, "CREATE TABLE public.t …"),
            (12, 12, "CREATE INDEX \"an index\" …"),
            (13, 14, "COPY public.t …"),
            (15, 14, "COPY public.t …"),
            (16, 14, "COPY public.t …"),
            (18, 18, "ALTER TABLE ONLY public.t ADD CONSTRAINT c …"),
        ] {
            let made = BTreeSet::from([Made::Object { schema: "public".to_owned(), name: "t".to_owned() }]);
            let expected = Statement { line, words: words.to_owned(), made };
            assert_eq!(proven.statement_at(proven.line_of_fed(fed), &["t", "f"]), Some(expected), "{fed}");
        }
        assert_eq!(proven.statement_at(u64::MAX, &[]), None);
        std::fs::remove_file(path).unwrap();
    }
}
