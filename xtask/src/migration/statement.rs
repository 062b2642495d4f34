//! One statement of a migration: the few facts that decide whether and how it may run.

use super::lexer::Token;
use super::quoting::Quoting;

/// The tables of OpenFGA, which OpenFGA alone migrates.
const OPENFGA: &[&str] = &["tuple", "store", "authorization_model", "changelog", "assertion", "goose_db_version"];

/// What is known of the statement that is being read.
#[derive(Debug, Default)]
pub struct Statement {
    /// The line of its first token; 0: there is none yet.
    pub begun: u64,
    /// Its first words, in lower case; anything else than a word is empty.
    first: Vec<String>,
    previous: String,
    /// `COPY … FROM stdin`: rows follow.
    pub takes_rows: bool,
    pub binary: bool,
    concurrently: bool,
    pub drops_column: bool,
    /// A table's name comes next.
    table_next: bool,
    /// What may be an OpenFGA table, if no dot follows.
    candidate: Option<String>,
    pub openfga: Option<String>,
    quoting: Quoting,
}

impl Statement {
    pub fn take(&mut self, token: Token<'_>, line: u64) {
        let word = match token {
            Token::Word(word) => String::from_utf8_lossy(word).to_ascii_lowercase(),
            _ => String::new(),
        };
        if self.begun == 0 {
            self.begun = line;
        }
        let copies = self.begins(&["copy"]);
        self.takes_rows |= copies && self.previous == "from" && word == "stdin";
        self.binary |= copies && word == "binary";
        self.concurrently |= word == "concurrently";
        self.drops_column |=
            self.begins(&["alter", "table"]) && self.previous == "drop" && drops_a_column(token, &word);
        self.follow_tables(token, &word);
        self.quoting.take(token);
        if self.first.len() < 4 {
            self.first.push(word.clone());
        }
        self.previous = word;
    }

    /// Nothing more of it comes.
    pub fn end(&mut self) {
        self.openfga = self.openfga.take().or(self.candidate.take());
    }

    /// Whether its first words are these.
    pub fn begins(&self, words: &[&str]) -> bool {
        self.first.len() >= words.len() && self.first.iter().zip(words).all(|(first, word)| first == word)
    }

    /// What ends or begins a transaction, in a file that runs in one of ours.
    pub fn transaction_control(&self) -> Option<&str> {
        let first = self.first.first()?;
        let to_savepoint = first == "rollback" && self.first.iter().skip(1).any(|word| word == "to");
        let controls = match first.as_str() {
            "begin" | "commit" | "end" | "abort" => true,
            "rollback" => !to_savepoint,
            "start" | "prepare" => self.first.get(1).is_some_and(|word| word == "transaction"),
            _ => false,
        };
        controls.then_some(first)
    }

    /// What the server refuses to do in a transaction.
    pub fn needs_no_transaction(&self) -> Option<&'static str> {
        let first = self.first.first()?;
        if self.concurrently && ["create", "drop", "reindex", "alter"].contains(&first.as_str()) {
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
        self.quoting.changes()
    }

    /// It takes a table away, or a schema with what is in it.
    pub fn drops_table(&self) -> bool {
        self.begins(&["drop", "table"]) || self.begins(&["drop", "schema"])
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
