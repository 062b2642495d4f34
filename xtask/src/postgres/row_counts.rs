//! How many rows the tables of a database have: counted where that costs little and runs no code of another role's,
//! else estimated.

use super::quote::identifier;
use super::reader::{Reader, copy};
use super::relation::{PLAIN_COLUMN, TRUSTED};
use super::session;
use crate::error::{self, Exit, Fault};
use anyhow::{Context as _, Error, Result};
use serde::Deserialize;

/// A table that only COPY may read is counted up to this size where that is to cost little: all of a column comes over.
const COPIED_UP_TO: u64 = 16_000_000;
/// At most this many tables may fail while all are counted: each ends a session.
const MOST_FAILURES: usize = 20;

/// How thoroughly rows are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counting {
    /// Not at all.
    Estimated,
    /// Where that costs little.
    Cheap,
    /// Wherever it runs no code of the database's, whatever it costs.
    Thorough,
}

/// A table's rows.
#[derive(Debug, Clone)]
pub struct Rows {
    pub schema: String,
    pub table: String,
    /// The bytes of both names in the database's encoding, as hexadecimal digits: those that a dump of it has.
    pub bytes: (String, String),
    pub rows: u64,
    /// `pg_class`'s figure, or the server's counters' where that has none yet.
    pub estimated: bool,
}

#[derive(Debug, Deserialize)]
struct Counted {
    schema: String,
    name: String,
    schema_bytes: String,
    name_bytes: String,
    /// A query of it runs no code but the server's and this role's.
    trusted: bool,
    /// `None`: not to be counted.
    bytes: Option<u64>,
    estimate: u64,
    /// The smallest that COPY can read.
    column: Option<String>,
}

/// How a table's rows are found out.
#[derive(Debug, PartialEq, Eq)]
enum Way {
    Count,
    Copy(String),
    Estimate,
}

/// True of a table whose query would be planned by functions of an index, which may need another `search_path` than ours.
/// Those of an extension in C or of the server's own language need none.
const PLANNED_BY_FUNCTIONS: &str = "EXISTS (SELECT FROM pg_catalog.pg_index AS i
    JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = i.indexrelid
      AND d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
    JOIN pg_catalog.pg_proc AS p ON p.oid = d.refobjid
    JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
    WHERE i.indrelid = c.oid AND (l.lanname NOT IN ('internal', 'c') OR NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS e
      WHERE e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND e.objid = p.oid AND e.deptype = 'e')))";

/// True of a partition whose place a function decides: to plan a query of it, the server expands that on our `search_path`.
const PLACED_BY_FUNCTIONS: &str = "(c.relispartition AND EXISTS (
    SELECT FROM pg_catalog.pg_partition_ancestors(c.oid) AS a(relid)
    JOIN pg_catalog.pg_partitioned_table AS t ON t.partrelid = a.relid AND t.partexprs IS NOT NULL
    JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = t.partrelid
      AND d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass))";

/// True of a table with extended statistics, or with an index that has an expression or a condition: the planner may call
/// functions, operators and casts of those.
const PLANNED_BY_EXPRESSIONS: &str = "(EXISTS (SELECT FROM pg_catalog.pg_index AS i
    WHERE i.indrelid = c.oid AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL))
    OR EXISTS (SELECT FROM pg_catalog.pg_statistic_ext AS s WHERE s.stxrelid = c.oid))";

fn question(counting: Counting) -> String {
    // Row security shows this role fewer rows, or none.
    let bytes = match counting {
        Counting::Estimated => "NULL",
        _ => "CASE WHEN NOT pg_catalog.row_security_active(c.oid) THEN pg_catalog.pg_relation_size(c.oid) END",
    };
    let planned = if counting == Counting::Thorough { PLANNED_BY_EXPRESSIONS } else { PLANNED_BY_FUNCTIONS };
    let bytes_of = |column: &str| {
        format!("pg_catalog.encode(pg_catalog.convert_to({column}, pg_catalog.getdatabaseencoding()), 'hex')")
    };
    let (schema, name) = (bytes_of("n.nspname"), bytes_of("c.relname"));
    format!(
        "SELECT pg_catalog.json_build_object('schema', n.nspname, 'name', c.relname,
  'schema_bytes', {schema}, 'name_bytes', {name}, 'trusted', {TRUSTED} AND NOT {planned} AND NOT {PLACED_BY_FUNCTIONS}, 'bytes', {bytes},
  'estimate', GREATEST(CASE WHEN c.reltuples < 0 THEN pg_catalog.pg_stat_get_live_tuples(c.oid)
    ELSE c.reltuples::pg_catalog.int8 END, 0),
  'column', (SELECT a.attname FROM pg_catalog.pg_attribute AS a WHERE {PLAIN_COLUMN}
    ORDER BY a.attlen < 0, a.attlen, a.attnum LIMIT 1))
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_t(oast|emp_)'
ORDER BY n.nspname, c.relname;"
    )
}

/// Every table of the reader's database; `counted`: else all are estimated.
pub fn of(reader: &mut Reader<'_>, counted: bool) -> Result<Vec<Rows>> {
    let counting = if counted { Counting::Cheap } else { Counting::Estimated };
    let tables: Vec<Counted> = reader.rows(&question(counting))?;
    let asked: Vec<&Counted> = tables.iter().filter(|table| table.way(counting) != Way::Estimate).collect();
    let (counts, failed) = count(reader, &asked, counting)?;
    failed.map_or(Ok(()), Err)?;
    Ok(with_counts(&tables, counting, &mut counts.into_iter().map(Some)))
}

/// Every table of the database of these readers, counted wherever that is possible. `tell` gets each table that could
/// not be counted: that one is estimated, the others are counted.
///
/// # Errors
/// The server does not answer, or not to what tables there are.
pub fn thoroughly<'a>(start: &dyn Fn() -> Result<Reader<'a>>, tell: &dyn Fn(&str, &Error)) -> Result<Vec<Rows>> {
    let counting = Counting::Thorough;
    let mut reader = start()?;
    let tables: Vec<Counted> = reader.rows(&question(counting))?;
    let asked: Vec<&Counted> = tables.iter().filter(|table| table.way(counting) != Way::Estimate).collect();
    let mut counts = Vec::new();
    for _ in 0..MOST_FAILURES {
        let left = asked.get(counts.len()..).unwrap_or_default();
        let (counted, failed) = count(&mut reader, left, counting)?;
        counts.extend(counted.into_iter().map(Some));
        let (Some(error), Some(table)) = (failed, asked.get(counts.len())) else { break };
        if error::exit(&error) != Exit::Failed {
            return Err(error);
        }
        tell(&format!("{}.{}", table.schema, table.name), &error);
        counts.push(None);
        // The error ended the session.
        reader = start()?;
    }
    Ok(with_counts(&tables, counting, &mut counts.into_iter()))
}

/// The rows of each, in their order, up to one that fails: then why.
fn count(reader: &mut Reader<'_>, asked: &[&Counted], counting: Counting) -> Result<(Vec<u64>, Option<Error>)> {
    if asked.is_empty() {
        return Ok((Vec::new(), None));
    }
    // Between the answers stands a word that no table's owner can know.
    let word = session::fresh_name()?;
    let mut sql = String::new();
    for table in asked {
        sql.push_str(&table.statement(counting)?);
        sql.push_str(&format!("\nSELECT '{word}';\n"));
    }
    let mut answers = Vec::new();
    let mut lines = Lines::default();
    let said = reader.each_of_many(&sql, &mut |line| {
        if line == word {
            answers.push(std::mem::take(&mut lines));
        } else {
            lines.number += 1;
            lines.last = line;
        }
    });
    let counts = asked.iter().zip(&answers).map(|(table, lines)| match table.way(counting) {
        Way::Copy(_) => Ok(lines.number),
        _ => lines.last.trim().parse::<u64>().context("a count of rows"),
    });
    let counts = counts.collect::<Result<Vec<u64>>>()?;
    match said {
        Ok(()) if counts.len() < asked.len() => Err(Error::msg("a count of rows is missing")),
        said => Ok((counts, said.err())),
    }
}

/// The tables with the counts of those that were to be counted, in their order.
fn with_counts(tables: &[Counted], counting: Counting, counts: &mut dyn Iterator<Item = Option<u64>>) -> Vec<Rows> {
    let rows = |table: &Counted| {
        let count = if table.way(counting) == Way::Estimate { None } else { counts.next().flatten() };
        table.with(count)
    };
    tables.iter().map(rows).collect()
}

/// What stands between two words.
#[derive(Debug, Default)]
struct Lines {
    number: u64,
    last: String,
}

impl Counted {
    fn way(&self, counting: Counting) -> Way {
        let copied_up_to = if counting == Counting::Thorough { u64::MAX } else { COPIED_UP_TO };
        match (self.bytes, &self.column) {
            (None, _) => Way::Estimate,
            (Some(_), _) if self.trusted => Way::Count,
            (Some(bytes), Some(column)) if bytes <= copied_up_to => Way::Copy(column.clone()),
            _ => Way::Estimate,
        }
    }

    fn statement(&self, counting: Counting) -> Result<String, Fault> {
        match self.way(counting) {
            Way::Copy(column) => copy(&self.schema, &self.name, &[&column]),
            _ => Ok(format!(
                "SELECT pg_catalog.count(*) FROM ONLY {}.{};",
                identifier(&self.schema)?,
                identifier(&self.name)?
            )),
        }
    }

    /// `None`: it was not counted.
    fn with(&self, count: Option<u64>) -> Rows {
        let bytes = (self.schema_bytes.clone(), self.name_bytes.clone());
        let rows = count.unwrap_or(self.estimate);
        Rows { schema: self.schema.clone(), table: self.name.clone(), bytes, rows, estimated: count.is_none() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_table_is_queried() {
        let table = |trusted, bytes, column: Option<&str>| {
            let (schema, name) = ("public".to_owned(), "t".to_owned());
            let (schema_bytes, name_bytes) = (String::new(), String::new());
            Counted {
                schema,
                name,
                schema_bytes,
                name_bytes,
                trusted,
                bytes,
                estimate: 7,
                column: column.map(str::to_owned),
            }
        };
        let (cheap, thorough) = (Counting::Cheap, Counting::Thorough);
        assert_eq!(table(true, Some(u64::MAX), None).way(cheap), Way::Count);
        assert_eq!(table(false, Some(8192), Some("a\"b")).way(cheap), Way::Copy("a\"b".to_owned()));
        assert_eq!(table(false, Some(1 << 40), Some("a")).way(thorough), Way::Copy("a".to_owned()));
        assert_eq!(
            table(false, Some(8192), Some("a\"b")).statement(cheap).unwrap(),
            "COPY \"public\".\"t\" (\"a\"\"b\") TO STDOUT;"
        );
        for estimated in
            [table(false, Some(8192), None), table(false, Some(1 << 30), Some("a")), table(true, None, Some("a"))]
        {
            assert_eq!(estimated.way(cheap), Way::Estimate);
            let rows = estimated.with(None);
            assert_eq!((rows.rows, rows.estimated), (7, true));
        }
    }
}
