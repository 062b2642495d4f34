//! A database's whole schema as text that can be compared: what a way back did not take back shows as a line.

use crate::postgres::session;
use crate::target::{Talk, Target};
use anyhow::Result;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(600);

/// pg_dump's statements, one an entry, without what differs from run to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog(Vec<String>);

impl Catalog {
    /// The schema of this database of the target's server.
    pub fn of(target: &Target, database: &str, run: &str) -> Result<Self> {
        let said = target
            .program_with("pg_dump", run, Talk::Piped, &[("PGDATABASE", database), ("PGCLIENTENCODING", "UTF8")])?
            .args(["--no-password", "--schema-only"])
            .capture(DEADLINE)?;
        if !said.ending.success() {
            return Err(session::failure(target, "pg_dump", &said.stderr, said.ending));
        }
        Ok(Self::parse(&said.text()))
    }

    /// Comments name objects; `\restrict` has another key each time.
    fn parse(dump: &str) -> Self {
        let mut entries = Vec::new();
        let mut entry = String::new();
        for line in dump.lines() {
            let noise = line.starts_with("\\restrict") || line.starts_with("\\unrestrict");
            if line.starts_with("--") || noise {
                push(&mut entries, &mut entry);
            } else {
                entry.push_str(line);
                entry.push('\n');
            }
        }
        push(&mut entries, &mut entry);
        Self(entries)
    }

    /// What only the first and what only the second has, each by its first lines.
    pub fn differences(&self, other: &Self) -> [Vec<String>; 2] {
        let only = |from: &Self, beside: &Self| {
            let entries = from.0.iter().filter(|entry| !beside.0.contains(entry));
            entries.map(|entry| entry.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
        };
        [only(self, other), only(other, self)]
    }
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

    #[test]
    fn what_differs_is_named_by_its_statement() {
        let one = Catalog::parse(
            "\\restrict a\n--\n-- Name: t\n--\n\nCREATE TABLE t (\n    a integer\n);\n\n\\unrestrict a\n",
        );
        let two = Catalog::parse(
            "\\restrict b\n--\n-- Name: t\n--\n\nCREATE TABLE t (\n    a integer,\n    b text\n);\n\n\\unrestrict b\n",
        );
        assert_eq!(one, Catalog::parse("CREATE TABLE t (\n    a integer\n);\n"));
        let [gone, left] = one.differences(&two);
        assert_eq!(
            (gone, left),
            (
                vec!["CREATE TABLE t ( a integer );".to_owned()],
                vec!["CREATE TABLE t ( a integer, b text );".to_owned()]
            )
        );
    }
}
