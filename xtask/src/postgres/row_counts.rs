//! How many rows the tables of a database have: counted where that costs little and runs no code of another role's,
//! else estimated.

use super::quote::identifier;
use super::reader::{Reader, copy};
use super::relation::{PLAIN_COLUMN, TRUSTED};
use super::session;
use crate::error::Fault;
use anyhow::{Context as _, Result};
use serde::Deserialize;

/// A table that only COPY may read is counted up to this size: all of a column comes over.
const COPIED_UP_TO: u64 = 16_000_000;

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
const PLANNED_BY_FUNCTIONS: &str = "EXISTS (SELECT FROM pg_catalog.pg_index AS i
    JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = i.indexrelid
      AND d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
    JOIN pg_catalog.pg_proc AS p ON p.oid = d.refobjid
    JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang AND l.lanname NOT IN ('internal', 'c')
    WHERE i.indrelid = c.oid)";

fn question(counted: bool) -> String {
    // Row security shows this role fewer rows, or none.
    let bytes = match counted {
        true => "CASE WHEN NOT pg_catalog.row_security_active(c.oid) THEN pg_catalog.pg_relation_size(c.oid) END",
        false => "NULL",
    };
    let bytes_of = |column: &str| {
        format!("pg_catalog.encode(pg_catalog.convert_to({column}, pg_catalog.getdatabaseencoding()), 'hex')")
    };
    let (schema, name) = (bytes_of("n.nspname"), bytes_of("c.relname"));
    format!(
        "SELECT pg_catalog.json_build_object('schema', n.nspname, 'name', c.relname,
  'schema_bytes', {schema}, 'name_bytes', {name}, 'trusted', {TRUSTED} AND NOT {PLANNED_BY_FUNCTIONS}, 'bytes', {bytes},
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
    let tables: Vec<Counted> = reader.rows(&question(counted))?;
    // Between the answers stands a word that no table's owner can know.
    let word = session::fresh_name()?;
    let mut sql = String::new();
    let mut asked = Vec::new();
    for table in tables.iter().filter(|table| table.way() != Way::Estimate) {
        sql.push_str(&table.statement()?);
        sql.push_str(&format!("\nSELECT '{word}';\n"));
        asked.push(table);
    }
    let mut counts = Vec::new();
    let mut lines = Lines::default();
    if !asked.is_empty() {
        reader.each(&sql, &mut |line| {
            if line == word {
                counts.push(std::mem::take(&mut lines));
            } else {
                lines.number += 1;
                lines.last = line;
            }
        })?;
    }
    let mut counts = asked.iter().zip(counts).map(|(table, lines)| match table.way() {
        Way::Copy(_) => Ok(lines.number),
        _ => lines.last.trim().parse::<u64>().context("a count of rows"),
    });
    tables.iter().map(|table| table.with(&mut counts)).collect()
}

/// What stands between two words.
#[derive(Debug, Default)]
struct Lines {
    number: u64,
    last: String,
}

impl Counted {
    fn way(&self) -> Way {
        match (self.bytes, &self.column) {
            (None, _) => Way::Estimate,
            (Some(_), _) if self.trusted => Way::Count,
            (Some(bytes), Some(column)) if bytes <= COPIED_UP_TO => Way::Copy(column.clone()),
            _ => Way::Estimate,
        }
    }

    fn statement(&self) -> Result<String, Fault> {
        match self.way() {
            Way::Copy(column) => copy(&self.schema, &self.name, &[&column]),
            _ => Ok(format!(
                "SELECT pg_catalog.count(*) FROM ONLY {}.{};",
                identifier(&self.schema)?,
                identifier(&self.name)?
            )),
        }
    }

    fn with(&self, counts: &mut dyn Iterator<Item = Result<u64>>) -> Result<Rows> {
        let estimated = self.way() == Way::Estimate;
        let rows = if estimated { self.estimate } else { counts.next().context("a count of rows is missing")?? };
        let bytes = (self.schema_bytes.clone(), self.name_bytes.clone());
        Ok(Rows { schema: self.schema.clone(), table: self.name.clone(), bytes, rows, estimated })
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
        assert_eq!(table(true, Some(u64::MAX), None).way(), Way::Count);
        assert_eq!(table(false, Some(8192), Some("a\"b")).way(), Way::Copy("a\"b".to_owned()));
        assert_eq!(
            table(false, Some(8192), Some("a\"b")).statement().unwrap(),
            "COPY \"public\".\"t\" (\"a\"\"b\") TO STDOUT;"
        );
        for estimated in
            [table(false, Some(8192), None), table(false, Some(1 << 30), Some("a")), table(true, None, Some("a"))]
        {
            assert_eq!(estimated.way(), Way::Estimate);
            assert_eq!(estimated.with(&mut std::iter::empty()).unwrap().rows, 7);
        }
    }
}
