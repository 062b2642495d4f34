//! One statement of a migration: the few facts that decide whether and how it may run.

use super::block::Block;
use super::copy_rows::CopyRows;
use super::lasting::{self, Lasting};
use super::made::{self, Made, RoleMade};
use super::quoting::Quoting;
use super::reader::{Lexeme, Place};
use super::server_writes::{self, Later};
use super::shared_objects::{self, SharedStatement, Touched, Within};
use super::transaction::Control;
use crate::sql::{LONGEST_TOKEN, Token};
use std::ops::Range;

/// The tables of OpenFGA, which OpenFGA alone migrates.
const OPENFGA: &[&str] = &["tuple", "store", "authorization_model", "changelog", "assertion", "goose_db_version"];
/// How many tokens of a statement are kept: what it does is said in the first of them.
const HEAD: usize = 400;

/// What is known of the statement that is being read.
#[derive(Debug, Default)]
pub struct Statement {
    /// The line of its first token; 0: there is none yet.
    pub begun: u64,
    head: Vec<Lexeme>,
    previous: String,
    /// The line of the last token.
    line: u64,
    /// The first later line that begins as another statement does.
    goes_on: Option<u64>,
    /// `COPY … FROM stdin`: rows follow.
    pub takes_rows: bool,
    copy: CopyRows,
    /// Behind the tokens that are kept.
    later: Later,
    pub binary: bool,
    concurrently: bool,
    /// It names rows: `WHERE`, `USING`.
    chooses_rows: bool,
    pub drops_column: bool,
    /// A table's name comes next.
    table_next: bool,
    /// What may be an OpenFGA table, if no dot follows.
    candidate: Option<String>,
    pub openfga: Option<String>,
    quoting: Quoting,
    /// The body of a `DO` block.
    block: Block,
}

impl Statement {
    /// Bytes within dollar quotes.
    pub fn take_body(&mut self, bytes: &[u8], place: Place) {
        if self.begins(&["do"]) {
            self.block.begin_at(place);
            self.block.feed(bytes);
        }
    }

    pub fn take(&mut self, token: Token<'_>, line: u64) {
        let word = match token {
            Token::Word(word) => String::from_utf8_lossy(word).to_ascii_lowercase(),
            _ => String::new(),
        };
        if self.begun == 0 {
            self.begun = line;
        } else if self.goes_on.is_none() && line > self.line && self.begins_another(&word) {
            self.goes_on = Some(line);
        }
        self.line = line;
        let copies = self.begins(&["copy"]);
        self.takes_rows |= copies && self.copy.take(token);
        self.binary |= copies && word == "binary";
        self.concurrently |= word == "concurrently";
        self.chooses_rows |= word == "where" || word == "using";
        self.drops_column |=
            self.begins(&["alter", "table"]) && self.previous == "drop" && drops_a_column(token, &word);
        self.follow_tables(token, &word);
        self.quoting.take(token);
        if let Token::Text(body) = token
            && self.begins(&["do"])
            && self.previous != "language"
        {
            self.block.feed(body);
            let is_unicode = self.head.last() == Some(&Lexeme::Symbol(b'&'));
            if body.len() >= LONGEST_TOKEN {
                self.block.not_understood("a long string");
            } else if body.contains(&0) || (is_unicode && body.contains(&b'\\')) {
                self.block.not_understood("a string with letters by their numbers");
            }
        }
        if self.head.len() < HEAD {
            self.head.push(token.into());
        } else {
            self.later.take(&self.head, token.into());
        }
        self.previous = word;
    }

    /// Nothing more of it comes.
    pub fn end(&mut self) {
        self.block.finish();
        self.openfga = self.openfga.take().or(self.candidate.take());
    }

    /// Whether its first words are these.
    pub fn begins(&self, words: &[&str]) -> bool {
        self.head.len() >= words.len() && self.head.iter().zip(words).all(|(first, word)| first.word() == Some(word))
    }

    /// What ends or begins a transaction, in a file that runs in one of ours.
    pub fn transaction_control(&self) -> Option<Control> {
        Control::of(&self.head)
    }

    /// What it sets for the rest of the session.
    pub fn sets(&self) -> Vec<Lasting> {
        if self.begins(&["do"]) { self.block.lasting.clone() } else { lasting::of(&self.head) }
    }

    /// What of it changes something that belongs to the whole server; `bytes` are its place in the file.
    pub fn reaches_beyond(&self, bytes: Range<u64>) -> Vec<SharedStatement> {
        let line = self.begun;
        if self.begins(&["do"]) {
            return self.block.reaches_beyond(line, &bytes);
        }
        let called = || server_writes::called(&self.head).or_else(|| self.later.found(&self.head));
        let called = || called().map(|what| (what, Touched::Server));
        let found = shared_objects::of(&self.head, self.head.len() < HEAD).or_else(called);
        // The rows behind the statement would be left.
        let found = found.filter(|_| !self.takes_rows);
        let goes_on = self.goes_on;
        let of = |(what, touched)| SharedStatement { line, bytes, what, touched, within: Within::File, goes_on };
        found.map(of).into_iter().collect()
    }

    /// Whether another statement begins with this word, which is the first of its line. Among the rights of a `GRANT` there
    /// are such words.
    fn begins_another(&self, word: &str) -> bool {
        let definitions = ["alter", "comment", "create", "drop", "grant", "reassign", "revoke", "security"];
        let is_definition = self.head.first().and_then(Lexeme::word).is_some_and(|first| definitions.contains(&first));
        let others =
            ["alter", "comment", "create", "delete", "drop", "grant", "insert", "revoke", "truncate", "update"];
        let is_right = ["grant", "revoke", "for"].contains(&self.previous.as_str())
            || self.head.last() == Some(&Lexeme::Symbol(b','))
            || (word == "drop" && (self.begins(&["alter", "group"]) || self.begins(&["alter", "subscription"])));
        is_definition && others.contains(&word) && !is_right
    }

    /// Whether it sets `search_path` for the rest of the transaction.
    pub fn sets_path_locally(&self) -> bool {
        if self.begins(&["do"]) { self.block.sets_path_locally } else { lasting::sets_path_locally(&self.head) }
    }

    /// What it makes.
    pub fn makes(&self) -> Option<Made> {
        made::of(&self.head, self.begun)
    }

    /// The role that it makes.
    pub fn makes_role(&self) -> Option<RoleMade> {
        made::role(&self.head, self.begun)
    }

    /// The extension that it makes.
    pub fn extension(&self) -> Option<String> {
        made::extension(&self.head)
    }

    /// Whether it has done nothing that matters where it waits for a lock in vain. What works beside others waits in its
    /// middle, and leaves an invalid index; a procedure may have committed before.
    pub fn waits_before_it_works(&self) -> bool {
        let known = ["vacuum", "cluster", "reindex", "alter", "create", "drop"];
        !self.concurrently && known.iter().any(|word| self.begins(&[word]))
    }

    /// What the server refuses to do in a transaction.
    pub fn needs_no_transaction(&self) -> Option<&'static str> {
        let first = self.head.first()?.word()?;
        if self.concurrently && ["create", "drop", "reindex", "alter"].contains(&first) {
            return Some("CONCURRENTLY");
        }
        let others = [
            (&["vacuum"][..], "VACUUM"),
            (&["create", "database"], "CREATE DATABASE"),
            (&["drop", "database"], "DROP DATABASE"),
            (&["alter", "system"], "ALTER SYSTEM"),
        ];
        others.into_iter().find(|(words, _)| self.begins(words)).map(|(_, name)| name)
    }

    /// The setting that it changes, and by which psql would read the rest otherwise than we have read it.
    pub fn changes_quoting(&self) -> Option<&'static str> {
        self.quoting.changes().or(self.block.changes_quoting)
    }

    /// What it takes away with the rows in it, and what comes back from a backup only.
    pub fn loses(&self) -> Option<&'static str> {
        const LOSSES: &[(&[&str], &str)] = &[
            (&["drop", "table"], "it drops a table: its rows come back from a backup only"),
            (&["drop", "schema"], "it drops a schema: its contents come back only from a backup"),
            (&["drop", "materialized"], "it drops a materialized view: its rows come back from a backup only"),
            (&["drop", "foreign"], "it drops a foreign object: it comes back from a backup only"),
            (&["drop", "owned"], "it drops all that a role owns here: that comes back from a backup only"),
            (&["truncate"], "it empties a table: its rows come back from a backup only"),
        ];
        let loss = LOSSES.iter().find(|(words, _)| self.begins(words)).map(|(_, what)| *what);
        let cascades = (self.begins(&["drop"]) && self.previous == "cascade")
            .then_some("it also drops what depends on it, such as columns: their values come back only from a backup");
        let deletes = (self.begins(&["delete", "from"]) && !self.chooses_rows)
            .then_some("it deletes every row of a table: they come back from a backup only");
        loss.or(cascades)
            .or(deletes)
            .or(self.drops_column.then_some("it drops a column: its values come back from a backup only"))
    }

    fn follow_tables(&mut self, token: Token<'_>, word: &str) {
        const BEFORE: &[&str] = &["table", "into", "from", "update", "join", "references", "on", "truncate"];
        const BETWEEN: &[&str] = &["if", "not", "exists", "only", "public"];
        if let Some(candidate) = self.candidate.take()
            && !matches!(token, Token::Symbol(b'.'))
        {
            self.openfga.get_or_insert(candidate);
        }
        let name = match token {
            Token::Name(name) => String::from_utf8_lossy(name).into_owned(),
            _ => word.to_owned(),
        };
        if self.table_next && OPENFGA.contains(&name.as_str()) {
            self.candidate = Some(name);
            self.table_next = false;
        } else {
            let after_schema = self.previous == "public" && matches!(token, Token::Symbol(b'.'));
            self.table_next = BEFORE.contains(&word) || (self.table_next && (BETWEEN.contains(&word) || after_schema));
        }
    }
}

/// Whether `DROP` before this token drops a column of a table, rather than a constraint or a column's property.
fn drops_a_column(token: Token<'_>, word: &str) -> bool {
    const OTHERS: &[&str] = &["constraint", "default", "not", "expression", "identity"];
    matches!(token, Token::Word(_) | Token::Name(_)) && !OTHERS.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loses(text: &str) -> bool {
        let mut statement = Statement::default();
        text.split(' ').for_each(|word| statement.take(Token::Word(word.as_bytes()), 1));
        statement.loses().is_some()
    }

    #[test]
    fn what_takes_rows_or_columns_away_is_known() {
        for text in [
            "drop type mood cascade",
            "DROP EXTENSION citext CASCADE",
            "drop domain d cascade",
            "delete from t",
            "drop table t",
        ] {
            assert!(loses(text), "{text}");
        }
        for text in
            ["drop type mood", "drop function f", "delete from t where a", "delete from t using u where b", "select 1"]
        {
            assert!(!loses(text), "{text}");
        }
    }
}
