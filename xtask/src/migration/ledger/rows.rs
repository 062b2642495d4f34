//! The ledger's rows, as `COPY … TO STDOUT` writes them.
//!
//! COPY plans nothing and refuses views: it reads a table of another role without running code of that role.

use crate::postgres::copy_text;
use anyhow::{Context as _, Result};

/// The columns that are read, in this order.
pub const COLUMNS: &str = "version, description, installed_on, success, checksum, execution_time";

/// How the session writes values, whatever role and database set.
pub const FORMATS: &str = "SET TimeZone TO 'UTC'; SET DateStyle TO 'ISO'; SET bytea_output TO 'hex';";

/// A version that was applied, or begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub version: i64,
    pub description: String,
    /// RFC 3339, UTC.
    pub installed_on: String,
    /// `false`: one of its files ran outside of a transaction and did not come to its end.
    pub success: bool,
    /// In hexadecimal.
    pub checksum: String,
    /// Nanoseconds; below zero where it is not known.
    pub execution_time: i64,
}

impl Row {
    /// Whether its `.down.sql` was begun outside of a transaction and did not end. Of an unfinished `.up.sql` no time is
    /// known.
    pub fn is_half_reverted(&self) -> bool {
        !self.success && self.execution_time >= 0
    }

    /// Reads one line of COPY's text format.
    ///
    /// # Errors
    /// A line that is no row of such a table.
    pub fn parse(line: &str) -> Result<Self> {
        let fields: Vec<String> = copy_text::fields(line).into_iter().map(Option::unwrap_or_default).collect();
        let [version, description, installed_on, success, checksum, execution_time] = fields.as_slice() else {
            anyhow::bail!("a row of the ledger has {} columns", fields.len());
        };
        Ok(Self {
            version: version.parse().with_context(|| format!("a version of the ledger is {version:?}"))?,
            description: description.clone(),
            installed_on: rfc3339(installed_on),
            success: success == "t",
            checksum: checksum.trim_start_matches("\\x").to_owned(),
            execution_time: execution_time
                .parse()
                .with_context(|| format!("a time of the ledger is {execution_time:?}"))?,
        })
    }
}

/// `2025-10-21 14:31:05.123+00` as RFC 3339, to the second; `infinity` and years before Christ stay as they are.
fn rfc3339(time: &str) -> String {
    let whole = time.strip_suffix("+00").and_then(|utc| utc.split('.').next());
    match whole.and_then(|seconds| seconds.split_once(' ')) {
        Some((day, clock)) => format!("{day}T{clock}Z"),
        None => time.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_copy_is_a_row() {
        let row = Row::parse("7\tit's \\\\ a\\ttab\t2025-10-21 14:31:05.123456+00\tt\t\\\\xab01\t-1").unwrap();
        let expected = ("it's \\ a\ttab", "2025-10-21T14:31:05Z", true, "ab01", -1);
        let found = (&*row.description, &*row.installed_on, row.success, &*row.checksum, row.execution_time);
        assert_eq!((row.version, found), (7, expected));
        assert_eq!(
            Row::parse("7\t\t2025-10-21 14:31:05+00\tf\t\\\\x\t0").unwrap().installed_on,
            "2025-10-21T14:31:05Z"
        );
        assert_eq!(Row::parse("7\t\tinfinity\tf\t\\\\x\t0").unwrap().installed_on, "infinity");
        for line in ["", "7", "x\t\t\tt\t\t0", "7\t\t\tt\t\t", "7\ta\tb\tt\tc\t0\td"] {
            assert!(Row::parse(line).is_err(), "{line:?}");
        }
    }
}
