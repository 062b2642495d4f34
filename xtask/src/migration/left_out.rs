//! What a trial leaves out of a file, as people and scripts read it.

use super::shared_objects::SharedStatement;
use serde::Serialize;
use std::collections::BTreeSet;

/// At most this many statements of one block are named.
const MOST_NAMED: usize = 5;

/// A statement that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOutStatement {
    /// Folder and name.
    pub file: String,
    pub line: u64,
    /// In words of SQL.
    pub what: String,
    /// Where it begins in its file: a line may hold several.
    #[serde(skip)]
    begins: u64,
    /// The line of a word in it with which another statement begins mostly.
    #[serde(skip)]
    pub goes_on: Option<u64>,
}

impl LeftOutStatement {
    /// Those of a file, in order; what has one place is one.
    pub fn all(file: &str, shared: &[SharedStatement]) -> Vec<Self> {
        let of = |same: &[SharedStatement]| {
            let first = same.first()?;
            let mut seen = BTreeSet::new();
            let whats = same.iter().map(|statement| statement.what.as_str()).filter(|what| seen.insert(*what));
            let whats: Vec<&str> = whats.take(MOST_NAMED).collect();
            Some(Self {
                file: file.to_owned(),
                line: first.line,
                what: first.within.told(&whats),
                begins: first.bytes.start,
                goes_on: first.goes_on,
            })
        };
        shared.chunk_by(|one, next| one.bytes == next.bytes).filter_map(of).collect()
    }

    /// What a person should know of it.
    pub fn lines(&self) -> Vec<String> {
        let Self { file, line, what, .. } = self;
        let told = format!("{file}:{line}: {what} may reach beyond the scratch database: it is left out there");
        let goes_on = self.goes_on.map(|next| {
            format!(
                "{file}:{next}: this line begins as a statement does, and is left out with the one of line {line}: a semicolon \
                 may be missing before it"
            )
        });
        [told].into_iter().chain(goes_on).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::shared_objects::{Touched, Within};
    use super::*;

    #[test]
    fn what_has_one_place_is_one() {
        let statement = |line: u64, start: u64, what: &str, within: Within| SharedStatement {
            line,
            bytes: start..start + 9,
            what: what.to_owned(),
            touched: Touched::Server,
            within,
            goes_on: None,
        };
        let shared = [
            statement(1, 0, "ALTER SYSTEM", Within::File),
            statement(1, 20, "ALTER DATABASE", Within::Block),
            statement(1, 20, "DROP ROLE", Within::Block),
            statement(2, 40, "DROP ROLE", Within::WholeBlock),
            statement(2, 40, "ALTER ROLE", Within::WholeBlock),
            statement(2, 40, "DROP ROLE", Within::WholeBlock),
        ];
        let found = LeftOutStatement::all("migrations/1_a.sql", &shared);
        let found: Vec<(u64, &str)> = found.iter().map(|found| (found.line, found.what.as_str())).collect();
        assert_eq!(
            found,
            [
                (1, "ALTER SYSTEM"),
                (1, "ALTER DATABASE and DROP ROLE in a DO block"),
                (2, "a DO block with DROP ROLE and ALTER ROLE")
            ]
        );
    }
}
