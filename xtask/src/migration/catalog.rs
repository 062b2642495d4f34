//! A database's whole schema as text that can be compared: what a `.down.sql` file did not revert shows as a line.

use crate::error::Fault;
use crate::postgres::quote::literal;
use crate::postgres::server::Server;
use crate::postgres::session;
use crate::sql::{Dialect, Lexer, Spelling};
use anyhow::Result;
use std::collections::HashMap;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(600);
/// OpenFGA's tables, which stand in schema `public`.
const OPENFGA: [&str; 6] = ["tuple", "store", "authorization_model", "changelog", "assertion", "goose_db_version"];
/// The sequence of the last of them, which pg_dump writes without its table.
const OPENFGA_SEQUENCE: &str = "goose_db_version_id_seq";

/// The first of the settings that each dump begins with; a blank line ends them.
const HEAD: &str = "SET statement_timeout = ";
/// Settings that pg_dump writes before the first table, and says nothing by.
const SETTINGS: [&str; 2] = ["SET default_tablespace = '';", "SET default_table_access_method = heap;"];

/// The one of them by which a backslash in `'…'` takes the meaning from the letter after it.
const BACKSLASHES: &str = "SET standard_conforming_strings = off;";

/// pg_dump's statements, one an entry, without blanks around it and what differs from run to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog(Vec<String>);

/// What two schemas do not have in common, each entry on one line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Differences {
    /// What only the first has.
    pub missing: Vec<String>,
    /// What only the second has.
    pub extra: Vec<String>,
    /// Tables that have the same columns in another order.
    pub reordered: Vec<String>,
}

impl Differences {
    /// Whether nothing but the order of columns differs.
    pub fn are_none(&self) -> bool {
        self.missing.is_empty() && self.extra.is_empty()
    }
}

impl Catalog {
    /// The schema of the server's database.
    pub fn of(server: &Server<'_>) -> Result<Self> {
        Self::dumped(server, &[])
    }

    /// The same without these tables, each by its quoted name with its schema, and without what belongs to them.
    pub fn without(server: &Server<'_>, tables: &[String]) -> Result<Self> {
        let options: Vec<String> = tables.iter().map(|table| format!("--exclude-table={table}")).collect();
        Self::dumped(server, &options.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn dumped(server: &Server<'_>, options: &[&str]) -> Result<Self> {
        let said = server
            .in_utf8()
            .own_program("pg_dump")?
            .args(["--no-password", "--schema-only"])
            .args(options)
            .capture(DEADLINE)?;
        if !said.ending.success() {
            return Err(session::failure(server.target(), "pg_dump", &said.stderr, said.ending));
        }
        Self::parse(&said.text())
    }

    /// Comments name objects; `\restrict` has another key each time; which settings stand before an object depends on
    /// what stands before it. What is in quotes, such as a function's body, belongs to its statement as it is.
    ///
    /// # Errors
    /// A text that pg_dump does not write.
    pub(super) fn parse(dump: &str) -> Result<Self> {
        let mut entries = Vec::new();
        let mut entry = String::new();
        let mut in_head = false;
        let mut quotes = Quotes::default();
        for line in dump.split_inclusive('\n') {
            if quotes.are_open() {
                entry.push_str(line);
                quotes.follow(line)?;
                continue;
            }
            let bare = line.trim_end_matches(['\n', '\r']);
            in_head = bare.starts_with(HEAD) || in_head && !bare.is_empty();
            quotes.backslashes |= in_head && bare == BACKSLASHES;
            if in_head || SETTINGS.contains(&bare) {
                continue;
            }
            if ["--", "\\restrict", "\\unrestrict"].iter().any(|start| line.starts_with(start)) {
                push(&mut entries, &mut entry);
            } else {
                entry.push_str(line);
                quotes.follow(line)?;
            }
        }
        push(&mut entries, &mut entry);
        Ok(Self(entries))
    }

    /// What only the first and what only the second has. The order of statements is the dump's affair.
    pub fn differences(&self, other: &Self) -> Differences {
        let (mut missing, mut extra) = (self.beyond(other), other.beyond(self));
        let mut reordered = Vec::new();
        missing.retain(|entry| {
            let Some(at) = extra.iter().position(|other| is_reordered(entry, other)) else { return true };
            extra.remove(at);
            reordered.push(entry.trim_start().lines().next().unwrap_or_default().trim_end_matches(" (").to_owned());
            false
        });
        let line = |entry: String| entry.split_whitespace().collect::<Vec<_>>().join(" ");
        Differences {
            missing: missing.into_iter().map(line).collect(),
            extra: extra.into_iter().map(line).collect(),
            reordered,
        }
    }

    /// What this one has more often than the other.
    fn beyond(&self, other: &Self) -> Vec<String> {
        let mut there: HashMap<&str, usize> = HashMap::new();
        other.0.iter().for_each(|entry| *there.entry(entry).or_default() += 1);
        let mut is_there = |entry: &&String| match there.get_mut(entry.as_str()) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        };
        self.0.iter().filter(|entry| !is_there(entry)).cloned().collect()
    }

    /// Puts another entry, or none, in the place of each.
    pub(super) fn change(&mut self, change: impl FnMut(String) -> Option<String>) {
        self.0 = std::mem::take(&mut self.0).into_iter().filter_map(change).collect();
    }
}

/// The tables of OpenFGA, where all of them are in the server's database.
///
/// # Errors
/// The server does not answer.
pub fn openfga_tables(server: &Server<'_>) -> Result<Vec<String>> {
    let names: Vec<String> = OPENFGA.iter().map(|name| literal(name)).collect::<Result<_, _>>()?;
    let there: usize = server.query(&format!(
        "SELECT pg_catalog.count(*) FROM pg_catalog.pg_class AS c WHERE c.relkind IN ('r', 'p') \
         AND c.relnamespace = pg_catalog.to_regnamespace('public') AND c.relname IN ({})",
        names.join(", ")
    ))?;
    let all = OPENFGA.iter().chain([&OPENFGA_SEQUENCE]).map(|name| format!("public.{name}"));
    Ok(if there == OPENFGA.len() { all.collect() } else { Vec::new() })
}

/// Whether a quote is open where a line begins.
#[derive(Debug, Default)]
pub(super) struct Quotes {
    lexer: Lexer,
    /// A backslash in `'…'` is no ordinary letter.
    backslashes: bool,
}

impl Quotes {
    pub(super) fn are_open(&self) -> bool {
        self.lexer.state().is_quoted()
    }

    pub(super) fn follow(&mut self, line: &str) -> Result<(), Fault> {
        let dialect = Dialect { standard_strings: !self.backslashes, spelling: Spelling::Any };
        let mut rest = line.as_bytes();
        while !rest.is_empty() {
            let step = self.lexer.step(rest, dialect).map_err(|why| {
                Fault::failed(format!("The schema cannot be compared: pg_dump writes {why}: {}", line.trim()))
                    .hint("see what pg_dump writes: pg_dump --schema-only")
            })?;
            rest = &rest[step.used..];
        }
        Ok(())
    }
}

/// Whether both make one table with the same columns in another order.
fn is_reordered(one: &str, other: &str) -> bool {
    let lines = |entry: &str| {
        let mut lines: Vec<String> = entry
            .lines()
            .map(|line| line.trim().trim_end_matches(',').to_owned())
            .filter(|line| !line.is_empty())
            .collect();
        let head = if lines.is_empty() { String::new() } else { lines.remove(0) };
        lines.sort();
        (head, lines)
    };
    let (one, other) = (lines(one), lines(other));
    one.0.starts_with("CREATE ") && one.0.contains("TABLE ") && one == other
}

fn push(entries: &mut Vec<String>, entry: &mut String) {
    let text = std::mem::take(entry);
    if !text.trim().is_empty() {
        entries.push(text.trim().to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(dump: &str) -> Catalog {
        Catalog::parse(dump).unwrap()
    }

    #[test]
    fn differences_are_single_statements() {
        let head = "--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\nSET x = 0;\n\n";
        let [one, other] = ["a integer", "a integer,\n    b text"].map(|columns| {
            parsed(&format!("{head}--\n-- Name: t; Type: TABLE\n--\n\nCREATE TABLE t (\n    {columns}\n);\n\n\n"))
        });
        let found = one.differences(&other);
        assert_eq!(
            (found.missing, found.extra),
            (
                vec!["CREATE TABLE t ( a integer );".to_owned()],
                vec!["CREATE TABLE t ( a integer, b text );".to_owned()]
            )
        );
    }

    #[test]
    fn a_dumps_settings_are_no_difference() {
        let head = "--\n-- PostgreSQL database dump\n--\n\nSET statement_timeout = 0;\nSET row_security = off;\n\n";
        let function = "--\n-- Name: f(); Type: FUNCTION\n--\n\nCREATE FUNCTION f() …;\n\n\n";
        let table = "SET default_tablespace = '';\n\nSET default_table_access_method = heap;\n\n--\n-- Name: t; Type: TABLE\n--\n\nCREATE TABLE t ();\n\n\n";
        let [empty, one, both, alone] = ["", function, &format!("{function}{table}"), table]
            .map(|objects| parsed(&format!("{head}{objects}--\n-- PostgreSQL database dump complete\n--\n")));
        assert_eq!(empty, Catalog(Vec::new()));
        assert_eq!(one.differences(&both).extra, ["CREATE TABLE t ();"]);
        assert_eq!(both.differences(&one).extra, Vec::<String>::new());
        assert_eq!(empty.differences(&alone).extra, ["CREATE TABLE t ();"]);
        let elsewhere = parsed(&format!("{head}{}", table.replace("''", "disk")));
        assert_eq!(elsewhere.differences(&alone).missing, ["SET default_tablespace = disk;"]);
    }

    #[test]
    fn what_is_in_quotes_belongs_to_its_statement() {
        let dump = |body: &str| {
            parsed(&format!(
                "{HEAD}0;\n\n--\n-- Name: f(); Type: FUNCTION\n--\n\nCREATE FUNCTION f() AS $_$\n{body}\n$_$;\n\n\n--\n\
                 -- Name: FUNCTION f(); Type: COMMENT\n--\n\nCOMMENT ON FUNCTION f() IS 'it''s\n-- {body}';\n\n\n"
            ))
        };
        let steps = ["-- check\nIF x;\n-- book\nINSERT;", "-- book\nINSERT;\n-- check\nIF x;"];
        let found = dump(steps[0]).differences(&dump(steps[1]));
        assert_eq!((found.missing.len(), found.extra.len()), (2, 2), "{found:?}");
        assert!(
            found.missing[0].starts_with("CREATE FUNCTION f() AS $_$ -- check IF x; -- book INSERT; $_$;"),
            "{found:?}"
        );
        for body in ["-- a", "SET default_tablespace = '';", "\\restrict x", "SET statement_timeout = 1;"] {
            assert_eq!(dump(body).0.len(), 2, "{body}");
            assert!(!dump(body).differences(&dump("")).are_none(), "{body}");
        }
        // Where a backslash is no ordinary letter, the quote after it ends nothing.
        let old = format!("{HEAD}0;\n{BACKSLASHES}\n\nCOMMENT ON TABLE t IS 'a\\'\n-- b';\n--\nCREATE TABLE u ();\n");
        assert_eq!(parsed(&old).0.len(), 2);
        assert!(Catalog::parse("CREATE TABLE t (a int DEFAULT 1'a');").is_err());
    }

    #[test]
    fn a_statement_counts_as_often_as_it_is_there() {
        let [once, twice] = [1, 2].map(|count| parsed(&"--\nCREATE CAST (a AS b);\n".repeat(count)));
        assert_eq!(once.differences(&twice).extra, ["CREATE CAST (a AS b);"]);
        assert_eq!(twice.differences(&once).missing, ["CREATE CAST (a AS b);"]);
    }

    #[test]
    fn the_order_of_columns_alone_is_distinguished() {
        let table = |columns: &str| {
            parsed(&format!("CREATE TABLE public.t (\n    {columns}\n);\n\n\nALTER TABLE public.t OWNER TO x;\n"))
        };
        let found = table("a integer,\n    b text").differences(&table("b text,\n    a integer"));
        assert_eq!((found.reordered.as_slice(), found.are_none()), (&["CREATE TABLE public.t".to_owned()][..], true));
        let found = table("a integer,\n    b text").differences(&table("b text,\n    a bigint"));
        assert!(found.reordered.is_empty() && !found.are_none());
    }
}
