//! A migration file, looked at before anything of it is sent: what psql or a transaction would make of it.

use super::checksum::{self, Checksum};
use super::lexer::{Lexer, Listener, Next, Token};
use super::statement::Statement;
use anyhow::Result;
use std::fmt;
use std::path::Path;

/// With these bytes a file says that it runs outside of a transaction (sqlx's rule).
const NO_TRANSACTION: &[u8] = b"-- no-transaction";
/// A file outside of a transaction must reach psql in one piece: psql would run a statement that was cut.
pub const LARGEST_WITHOUT_TRANSACTION: u64 = 60_000;
/// The first thing in a file for which it is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// Counted from 1.
    pub line: u64,
    pub what: String,
}

impl fmt::Display for Flaw {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.line, self.what)
    }
}

impl std::error::Error for Flaw {}

/// Which way a file leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Up,
    Down,
}

/// What a file is that may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// SHA-384 of its bytes, in hexadecimal.
    pub checksum: String,
    pub transactional: bool,
    pub statements: u64,
    /// What a person should know before it runs, with its line.
    pub warnings: Vec<(u64, String)>,
}

/// Reads a file to its end, in constant memory.
///
/// # Errors
/// The first flaw, found by downcast, or why the file cannot be read.
pub fn check(path: &Path, direction: Direction) -> Result<Findings> {
    let mut bytes = Bytes::default();
    let mut lexer = Lexer::default();
    let mut statements = Statements::new(direction);
    let mut size = 0;
    checksum::in_pieces(path, &mut |piece| {
        if size == 0 {
            statements.transactional = !piece.starts_with(NO_TRANSACTION);
        }
        size += piece.len() as u64;
        bytes.take(piece)?;
        Ok(lexer.feed(piece, &mut statements)?)
    })?;
    lexer.finish(&mut statements)?;
    bytes.finish()?;
    let transactional = size == 0 || statements.transactional;
    if !transactional && size > LARGEST_WITHOUT_TRANSACTION {
        let what = format!("a file without transaction is larger than {LARGEST_WITHOUT_TRANSACTION} bytes");
        return Err(Flaw { line: 1, what }.into());
    }
    let mut warnings = statements.warnings;
    if let Some(line) = bytes.carriage_return {
        let what = "its lines end in CR LF: where they end in LF, its checksum will be another".to_owned();
        warnings.push((line, what));
    }
    if statements.count == 0 {
        warnings.push((1, "it holds no statement".to_owned()));
    }
    Ok(Findings { checksum: bytes.checksum.finish(), transactional, statements: statements.count, warnings })
}

/// The line on which the statement began that psql was at when it read this line.
pub fn statement_before(path: &Path, line: u64) -> Option<u64> {
    let mut lexer = Lexer::default();
    let mut found = Places { wanted: line, ..Places::default() };
    checksum::in_pieces(path, &mut |piece| Ok(lexer.feed(piece, &mut found)?)).ok()?;
    lexer.finish(&mut found).ok()?;
    found.found
}

/// What is wrong with bytes whatever they mean.
#[derive(Debug, Default)]
struct Bytes {
    checksum: Checksum,
    /// The beginning of a letter whose rest comes with the next piece.
    cut: Vec<u8>,
    lines: u64,
    carriage_return: Option<u64>,
    seen: bool,
}

impl Bytes {
    fn take(&mut self, piece: &[u8]) -> Result<(), Flaw> {
        let line_at = |at: usize| self.lines + 1 + memchr::memchr_iter(b'\n', &piece[..at]).count() as u64;
        if !self.seen && piece.starts_with(b"\xef\xbb\xbf") {
            return Err(Flaw { line: 1, what: "a byte order mark, which the server takes for a letter".to_owned() });
        }
        if let Some(at) = memchr::memchr(0, piece) {
            return Err(Flaw {
                line: line_at(at),
                what: "a zero byte, where psql loses the rest of the line".to_owned(),
            });
        }
        if self.carriage_return.is_none()
            && let Some(at) = memchr::memmem::find(piece, b"\r\n")
        {
            self.carriage_return = Some(line_at(at));
        }
        let joined = [self.cut.as_slice(), piece].concat();
        let rest = match std::str::from_utf8(&joined) {
            Ok(_) => joined.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(error) => {
                let line = line_at(error.valid_up_to().saturating_sub(self.cut.len()));
                return Err(Flaw { line, what: "bytes that are no UTF-8".to_owned() });
            }
        };
        self.cut = joined[rest..].to_vec();
        self.seen = true;
        self.lines += memchr::memchr_iter(b'\n', piece).count() as u64;
        self.checksum.feed(piece);
        Ok(())
    }

    fn finish(&self) -> Result<(), Flaw> {
        if self.cut.is_empty() {
            return Ok(());
        }
        Err(Flaw { line: self.lines + 1, what: "bytes that are no UTF-8".to_owned() })
    }
}

/// Finds the statement that ends on a line, or is the first to end after it.
#[derive(Debug, Default)]
struct Places {
    wanted: u64,
    statement: Statement,
    found: Option<u64>,
}

impl Places {
    fn end(&mut self, line: u64) {
        let begun = std::mem::take(&mut self.statement).begun;
        if self.found.is_none() && line >= self.wanted {
            self.found = Some(begun);
        }
    }
}

impl Listener for Places {
    fn token(&mut self, token: Token<'_>, line: u64) -> Result<(), Flaw> {
        self.statement.take(token, line);
        Ok(())
    }

    fn ended(&mut self, line: u64) -> Result<Next, Flaw> {
        if self.statement.takes_rows {
            return Ok(Next::CopyRows);
        }
        self.end(line);
        Ok(Next::Statement)
    }

    fn rows_ended(&mut self, line: u64) {
        self.end(line);
    }
}

/// Judges statement by statement.
#[derive(Debug)]
struct Statements {
    direction: Direction,
    transactional: bool,
    statement: Statement,
    count: u64,
    warnings: Vec<(u64, String)>,
}

impl Statements {
    fn new(direction: Direction) -> Self {
        Self { direction, transactional: true, statement: Statement::default(), count: 0, warnings: Vec::new() }
    }

    /// Why it may not run.
    fn refusal(&self, statement: &Statement) -> Option<String> {
        if self.transactional {
            if let Some(word) = statement.transaction_control() {
                let word = word.to_ascii_uppercase();
                return Some(format!("{word} in a file that runs in one transaction with its row in the ledger"));
            }
            if let Some(what) = statement.needs_no_transaction() {
                return Some(format!(
                    "{what} cannot run in a transaction: the file must start with `-- no-transaction`"
                ));
            }
        }
        if statement.changes_quoting() {
            return Some("SET standard_conforming_strings, which changes how psql reads the rest".to_owned());
        }
        (statement.takes_rows && statement.binary).then(|| "COPY … FROM stdin in binary, which has no end".to_owned())
    }

    fn warn(&mut self, statement: &Statement) {
        let mut warn = |what: &str| self.warnings.push((statement.begun, what.to_owned()));
        if self.direction == Direction::Up {
            if statement.drops_table() {
                warn("it drops a table: its rows come back from a backup only");
            }
            if statement.drops_column {
                warn("it drops a column: its values come back from a backup only");
            }
        }
        if statement.takes_rows {
            warn("COPY … FROM stdin: psql runs it, sqlx itself cannot");
        }
        if let Some(table) = &statement.openfga {
            warn(&format!("it names {table}, a table of OpenFGA, which OpenFGA alone should change"));
        }
    }
}

impl Listener for Statements {
    fn token(&mut self, token: Token<'_>, line: u64) -> Result<(), Flaw> {
        self.statement.take(token, line);
        Ok(())
    }

    fn ended(&mut self, _line: u64) -> Result<Next, Flaw> {
        let mut statement = std::mem::take(&mut self.statement);
        statement.end();
        if let Some(what) = self.refusal(&statement) {
            return Err(Flaw { line: statement.begun, what });
        }
        self.count += 1;
        self.warn(&statement);
        Ok(if statement.takes_rows { Next::CopyRows } else { Next::Statement })
    }

    fn rows_ended(&mut self, _line: u64) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn checked(text: impl AsRef<[u8]>) -> Result<Findings> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("xtask-checks-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        let checked = check(&path, Direction::Up);
        std::fs::remove_file(path).unwrap();
        checked
    }

    #[track_caller]
    fn refused(text: impl AsRef<[u8]>, line: u64, words: &str) {
        let shown = String::from_utf8_lossy(text.as_ref()).into_owned();
        let error = checked(text).expect_err(&shown);
        let flaw = error.downcast_ref::<Flaw>().expect("a flaw");
        assert!(flaw.line == line && flaw.what.contains(words), "{shown:?}: {flaw}");
    }

    #[track_caller]
    fn warned(text: &str) -> Vec<(u64, String)> {
        checked(text).unwrap_or_else(|error| panic!("{text}: {error}")).warnings
    }

    #[test]
    fn every_way_to_quote_is_read_as_psql_reads_it() {
        let text = "SELECT 'COMMIT; \\! it''s', E'\\'; COMMIT; \\!', U&'\\0041', B'01', N'x;', $$; COMMIT; $a$ :USER $$;\n\
            SELECT $tag$ $$ COMMIT; $tag $tag$, $1, a$b$c, \"COMMIT; \"\" \\!\", 'a'\n  'b\\';\n\
            -- COMMIT; \\! 'unclosed\n/* COMMIT; /* nested \\! */ ' */\n\
            SELECT 1::text, a[1:n], :unset, b := 2, 'x' :: text, ':USER', :'unset';\n\
            CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2);\n\
            CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END;\n\
            CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN COMMIT; END';\n\
            SAVEPOINT a; ROLLBACK TO SAVEPOINT a; ROLLBACK WORK TO a; RELEASE a;\n\
            DO $$ BEGIN RAISE NOTICE ':USER'; END $$; SELECT 'no semicolon'";
        let findings = checked(text).unwrap();
        assert_eq!((findings.statements, findings.warnings), (12, vec![]));
        for end in ["'x'", "x", "$$x$$", "\"x\"", "1 -- x", "1 /* x */", "1 -", "1:"] {
            assert_eq!(checked(format!("SELECT {end}")).unwrap().statements, 1, "{end}");
        }
    }

    #[test]
    fn what_would_run_otherwise_than_it_reads_is_refused_with_its_line() {
        refused("SELECT 1;\nCOMMIT;\n", 2, "COMMIT in a file");
        for word in ["BEGIN", "begin work", "START TRANSACTION", "END", "ABORT", "ROLLBACK", "PREPARE TRANSACTION 'x'"]
        {
            refused(format!("/* x */ {word};"), 1, "in a file that runs in one transaction");
        }
        refused("SELECT 1\n\\gexec\n", 2, "a backslash outside of quotes");
        refused("\\! rm -rf /\n", 1, "a backslash outside of quotes");
        refused("SELECT 'a'; \\i other.sql", 1, "a backslash");
        refused("SELECT\n:USER;", 2, "`:USER`, which psql replaces");
        refused("SELECT x:PORT;", 1, ":PORT");
        refused("SELECT :'HOST', 1;", 1, ":HOST");
        refused("SELECT :\"DBNAME\" ;", 1, ":DBNAME");
        refused("SELECT a:::VERSION;", 1, ":VERSION");
        refused("SELECT :{?x};", 1, "`:{`");
        refused("\u{feff}SELECT 1;", 1, "byte order mark");
        refused("SELECT 1;\nSELECT '\0';", 2, "a zero byte");
        refused(b"SELECT 1;\n-- \xff\n", 2, "no UTF-8");
        refused(b"SELECT 1; -- \xc3", 1, "no UTF-8");
        refused("SELECT 1;\nCREATE UNIQUE INDEX\nCONCURRENTLY i ON t (a);", 2, "must start with `-- no-transaction`");
        refused("REINDEX (CONCURRENTLY) TABLE t;", 1, "CONCURRENTLY");
        refused("VACUUM t;", 1, "VACUUM");
        refused("SET LOCAL standard_conforming_strings = off;", 1, "changes how psql reads");
        refused("SELECT 'a;\n", 2, "ends within a quote");
        refused("SELECT $x$ a;\n", 2, "ends within a quote");
        refused("SELECT (1;\n", 2, "a parenthesis");
        refused("/* SELECT 1;", 1, "a comment");
        refused("CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1;", 1, "BEGIN without END");
        refused("COPY t FROM stdin;\n1\n", 3, "no line \\. ends");
        refused("COPY t FROM STDIN (FORMAT binary);", 1, "binary");
        refused(format!("-- no-transaction\nSELECT '{}';", "x".repeat(60_000)), 1, "larger than");
    }

    #[test]
    fn a_file_without_transaction_may_do_what_needs_it() {
        let text = "-- no-transaction\nCREATE INDEX CONCURRENTLY i ON t (a);\nBEGIN; SELECT 1; COMMIT;\n";
        let findings = checked(text).unwrap();
        assert_eq!((findings.transactional, findings.statements), (false, 4));
        // Only the file's very first bytes count.
        refused(format!("\n{text}"), 3, "no-transaction");
        assert!(checked("REFRESH MATERIALIZED VIEW CONCURRENTLY v; COMMENT ON TABLE t IS 'x';").unwrap().transactional);
    }

    #[test]
    fn what_a_person_should_know_is_said() {
        let dropped = warned(
            "SELECT 1;\nDROP TABLE a;\nALTER TABLE b DROP c, ADD d int;\nALTER TABLE b DROP COLUMN IF EXISTS c;",
        );
        let lines: Vec<u64> = dropped.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 3, 4], "{dropped:?}");
        assert_eq!(warned("ALTER TABLE b DROP CONSTRAINT c; ALTER TABLE b ALTER c DROP NOT NULL;"), []);
        assert!(warned("-- nothing\n")[0].1.contains("no statement") && warned("")[0].1.contains("no statement"));
        assert!(warned("SELECT 1;\nSELECT 2;\r\n").iter().any(|(line, what)| *line == 2 && what.contains("CR LF")));
        for text in ["ALTER TABLE tuple ADD x int;", "DELETE FROM public.store;", "DROP TABLE IF EXISTS \"changelog\";"]
        {
            assert!(warned(text).iter().any(|(_, what)| what.contains("OpenFGA")), "{text}");
        }
        assert_eq!(
            warned("CREATE TABLE app.store (tuple int); SELECT store FROM app.tuple; SELECT 1 FROM store.x;"),
            []
        );
        let copied = checked("COPY t FROM stdin;\nCOMMIT;\t\\N\n:USER\t'\n\\.\nSELECT 1;\n").unwrap();
        assert_eq!(copied.statements, 2);
        assert!(copied.warnings[0].1.contains("sqlx itself cannot"));
    }

    #[test]
    fn pieces_of_every_size_are_read_alike() {
        let text = "SELECT 'a''b', E'\\'', $t$;$t$, \"x\"\"y\", 1::int; -- c\nCOPY t FROM stdin;\n1\n\\.\n/* /* ; */ */ SELECT ü;";
        for size in 1..text.len() {
            let mut lexer = Lexer::default();
            let mut statements = Statements::new(Direction::Up);
            text.as_bytes().chunks(size).try_for_each(|piece| lexer.feed(piece, &mut statements)).unwrap();
            lexer.finish(&mut statements).unwrap();
            assert_eq!(statements.count, 3, "pieces of {size} bytes");
        }
    }

    #[test]
    fn a_statement_is_found_by_the_line_that_psql_names() {
        let path = std::env::temp_dir().join(format!("xtask-places-{}", std::process::id()));
        std::fs::write(&path, "SELECT 1;\n\nINSERT INTO t\nVALUES\n(1);\nCOPY t FROM stdin;\n1\n2\n\\.\nSELECT\n2")
            .unwrap();
        let found: Vec<Option<u64>> = [1, 5, 6, 9, 11].map(|line| statement_before(&path, line)).into();
        std::fs::remove_file(path).unwrap();
        assert_eq!(found, [Some(1), Some(3), Some(6), Some(6), Some(10)]);
    }
}
