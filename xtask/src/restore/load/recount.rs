//! Whether the tables hold what was loaded into them, once the whole file was.

use super::job::{DEADLINE, Load};
use crate::backup::manifest;
use crate::error::{self, Exit};
use crate::postgres::dump::Contents;
use crate::postgres::reader::Reader;
use crate::postgres::row_counts;
use crate::postgres::server::Server;
use crate::process;
use crate::restore::code_in_file;
use crate::restore::plan::{self, Change};
use crate::words::{count, counted};
use anyhow::{Context as _, Error, Result};
use serde::Deserialize;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// What the tables hold once code of the file or of an extension may have run.
#[derive(Debug, Default)]
pub(in crate::restore) struct Recount {
    /// A table that holds other rows than the backup.
    pub(in crate::restore) wrong: Option<Error>,
    /// The tables that could not be counted, with the rows that the backup holds.
    pub(in crate::restore) uncounted: Vec<(String, u64)>,
    /// A sentence for each table to which an event trigger may have added rows.
    pub(in crate::restore) added: Vec<String>,
    /// Code may have changed the rows that were loaded.
    pub(in crate::restore) code_ran: bool,
}

/// Counts the rows again, where code of the file or of an extension ran while they came: a check or a default may have
/// changed another table after the server counted its rows. The server does not count those of `INSERT`, which may have left
/// some out (`ON CONFLICT`). A table whose rows this role does not see cannot be counted.
///
/// # Errors
/// The server does not answer.
pub(in crate::restore) fn recount(load: &Load<'_>, server: &Server<'_>) -> Result<Recount> {
    let contents = &load.backup.contents;
    if !code_in_file::runs(contents) && contents.inserted.is_empty() {
        return Ok(Recount::default());
    }
    let code_ran = code_in_file::runs(contents);
    let start = || reader(load, server);
    let tell = |table: &str, why: &Error| process::remark(&format!("the rows of {table} are not counted: {why:#}"));
    let (rows, kinds) =
        match row_counts::thoroughly(&start, &tell).and_then(|rows| Ok((rows, Kinds::of(&mut start()?)?))) {
            Ok(found) => found,
            Err(error) if error::exit(&error) == Exit::Failed && !code_ran => {
                tell("all tables", &error);
                return Ok(Recount::default());
            }
            Err(error) if error::exit(&error) == Exit::Failed => {
                tell("all tables", &error);
                let tables = manifest::tables(&contents.filled()).into_iter();
                let uncounted = tables.map(|table| (format!("{}.{}", table.schema, table.name), table.rows)).collect();
                return Ok(Recount { uncounted, code_ran, ..Recount::default() });
            }
            Err(error) => return Err(error),
        };
    let is_utf8 = contents.client_encoding.as_ref().is_some_and(|encoding| encoding.as_str() == "UTF8");
    let judge = Judge { kinds: kinds.explained_by(contents), is_utf8, runs_code: code_ran };
    let mut found = Recount { code_ran, ..Recount::default() };
    for change in judge.summed(plan::changes(rows, contents), contents) {
        match judge.of(&change) {
            Verdict::Right => {}
            Verdict::Uncounted => {
                let held = change.backup.unwrap_or_default();
                found.uncounted.push((format!("{}.{}", change.schema, change.table), held));
            }
            Verdict::Added(what) => found.added.push(format!("{}.{} {what}", change.schema, change.table)),
            Verdict::Wrong(what) => {
                let why = format!("{}.{} {what} while it was loaded", change.schema, change.table);
                found.wrong = found.wrong.or_else(|| Some(error::explain(Error::msg(why), || load.cannot())));
            }
        }
    }
    Ok(found)
}

/// A session that reads what was loaded, with the settings of the load.
fn reader<'a>(load: &Load<'_>, server: &Server<'a>) -> Result<Reader<'a>> {
    let mut reader = Reader::start(server)?;
    reader.wait_for(DEADLINE);
    if !load.settings.is_empty() {
        reader.run(load.settings)?;
    }
    Ok(reader)
}

/// What explains other rows than the backup's: relations by schema and name, and event triggers. Code of the file may have
/// made any of them, so each counts only if the file's text says the same.
#[derive(Debug, Default, Deserialize)]
struct Kinds {
    /// Partitioned tables: a dump may fill them, and they hold no rows themselves.
    without_rows: BTreeSet<(String, String)>,
    /// Each relation that is a partition or has some, and then the partitioned table that it all belongs to.
    trees: Vec<((String, String), (String, String))>,
    /// Tables of extensions, which bring rows of their own that no dump has.
    of_extensions: BTreeSet<(String, String)>,
    /// An event trigger runs while the statements behind it are loaded: one that logs them adds rows.
    has_event_triggers: bool,
}

const TREES: &str = "COALESCE((SELECT pg_catalog.json_agg(pg_catalog.json_build_array( \
    pg_catalog.json_build_array(n.nspname, c.relname), pg_catalog.json_build_array(m.nspname, r.relname))) \
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
    JOIN pg_catalog.pg_class AS r ON r.oid = pg_catalog.pg_partition_root(c.oid) \
    JOIN pg_catalog.pg_namespace AS m ON m.oid = r.relnamespace WHERE c.relkind IN ('r', 'p')), '[]')";

impl Kinds {
    fn of(reader: &mut Reader<'_>) -> Result<Self> {
        let named = |condition: &str| {
            format!(
                "COALESCE((SELECT pg_catalog.json_agg(pg_catalog.json_build_array(n.nspname, c.relname)) \
                 FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
                 WHERE {condition}), '[]')"
            )
        };
        let sql = format!(
            "SELECT pg_catalog.json_build_object('without_rows', {}, 'trees', {TREES}, 'of_extensions', {}, 'has_event_triggers', \
             EXISTS (SELECT FROM pg_catalog.pg_event_trigger AS e WHERE e.evtenabled <> 'D'));",
            named("c.relkind = 'p'"),
            named(
                "c.relkind = 'r' AND EXISTS (SELECT FROM pg_catalog.pg_depend AS d WHERE d.objid = c.oid AND d.deptype = 'e' \
                 AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass)"
            )
        );
        reader.rows(&sql)?.into_iter().next().context("the kinds of the tables")
    }

    /// Those of them that the file explains.
    fn explained_by(mut self, contents: &Contents) -> Self {
        self.without_rows.retain(|name| contents.filled_roots.contains(name));
        self.of_extensions.retain(|name| contents.filled_not_made.contains(name));
        self.has_event_triggers &= contents.makes_event_triggers;
        self
    }
}

/// What is known for judging a table.
struct Judge {
    kinds: Kinds,
    /// The dump's names are those that the server gives.
    is_utf8: bool,
    /// Code of the file or of an extension may have changed tables.
    runs_code: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Right,
    Uncounted,
    /// How many rows it has more.
    Added(String),
    /// What is wrong with it.
    Wrong(String),
}

impl Judge {
    /// Rows that came through a partitioned table are in its partitions: all of these are one table, where no code changed
    /// any. Code may have made partitions, or other ones.
    fn summed(&self, changes: Vec<Change>, contents: &Contents) -> Vec<Change> {
        if self.runs_code || contents.filled_roots.is_empty() {
            return changes;
        }
        let filled = self.kinds.trees.iter().filter(|(name, _)| contents.filled_roots.contains(name));
        let filled: BTreeSet<_> = filled.map(|(_, root)| root).collect();
        let trees = self.kinds.trees.iter().filter(|(_, root)| filled.contains(root));
        let root_of: BTreeMap<_, _> = trees.map(|(name, root)| (name, root)).collect();
        let mut sums: BTreeMap<_, Change> = BTreeMap::new();
        let mut others = Vec::new();
        for change in changes {
            let Some(root) = root_of.get(&named(&change)) else {
                others.push(change);
                continue;
            };
            let sum = sums.entry(root).or_default();
            sum.now = added(sum.now, change.now);
            sum.backup = added(sum.backup, change.backup);
            sum.estimated |= change.estimated;
        }
        others.extend(sums.into_iter().map(|((schema, table), sum)| Change {
            schema: schema.clone(),
            table: table.clone(),
            ..sum
        }));
        others
    }

    fn of(&self, change: &Change) -> Verdict {
        let Some(held) = change.backup else { return Verdict::Right };
        if !self.runs_code {
            return match change.now {
                None if held > 0 => Verdict::Uncounted,
                Some(now) if now < held && !change.estimated => Verdict::Wrong(format!(
                    "has {} after the load, the backup holds {}: statements of the file left rows out",
                    rows(now),
                    count(held)
                )),
                _ => Verdict::Right,
            };
        }
        let now = match change.now {
            Some(_) if change.estimated => return Verdict::Uncounted,
            Some(now) => now,
            None if held == 0 => return Verdict::Right,
            None if self.may_be_there(change) => return Verdict::Uncounted,
            None => return Verdict::Wrong(gone(held)),
        };
        let what = format!("has {} after the load, the backup holds {}", rows(now), count(held));
        match now.cmp(&held) {
            Ordering::Equal => Verdict::Right,
            Ordering::Greater if self.kinds.of_extensions.contains(&named(change)) => Verdict::Right,
            Ordering::Greater if self.kinds.has_event_triggers => {
                Verdict::Added(format!("{what}: event triggers of the file may have added them"))
            }
            _ => Verdict::Wrong(format!("{what}: code of the file changed them")),
        }
    }

    /// Whether a table that is not found is of another kind, or may have another name in the dump than here.
    fn may_be_there(&self, change: &Change) -> bool {
        let is_plain = |name: &str| name.is_ascii() || (self.is_utf8 && !name.contains(char::REPLACEMENT_CHARACTER));
        let is_certain = is_plain(&change.schema) && is_plain(&change.table);
        !is_certain || self.kinds.without_rows.contains(&named(change))
    }
}

fn named(change: &Change) -> (String, String) {
    (change.schema.clone(), change.table.clone())
}

/// The sum of what is known.
fn added(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.saturating_add(other)),
        (one, other) => one.or(other),
    }
}

fn gone(held: u64) -> String {
    format!("is not there after the load, the backup holds {}: code of the file dropped or renamed it", rows(held))
}

fn rows(number: u64) -> String {
    counted(number, "row", "rows")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_rows_than_the_backups_are_wrong_but_for_those_of_an_extension() {
        let judge = |is_utf8| Judge {
            kinds: Kinds {
                without_rows: BTreeSet::from([("public".to_owned(), "parent".to_owned())]),
                of_extensions: BTreeSet::from([("public".to_owned(), "spatial_ref_sys".to_owned())]),
                ..Kinds::default()
            },
            is_utf8,
            runs_code: true,
        };
        let of = |is_utf8, table: &str, now, backup| {
            let (schema, table) = ("public".to_owned(), table.to_owned());
            judge(is_utf8).of(&Change { schema, table, now, backup, ..Change::default() })
        };
        for (is_utf8, name) in [(true, "t"), (false, "t"), (true, "ö")] {
            assert_eq!(of(is_utf8, name, None, Some(1)), Verdict::Wrong(gone(1)), "{name}");
        }
        for (is_utf8, name) in [(false, "ö"), (true, "\u{fffd}l"), (true, "parent")] {
            assert_eq!(of(is_utf8, name, None, Some(1)), Verdict::Uncounted, "{name}");
        }
        let of_inserts = |now, backup, estimated| {
            let judge = Judge { runs_code: false, ..judge(true) };
            let (schema, table) = ("public".to_owned(), "t".to_owned());
            judge.of(&Change { schema, table, now, backup, estimated, ..Change::default() })
        };
        assert!(matches!(of_inserts(Some(1), Some(2), false), Verdict::Wrong(_)));
        for (now, estimated) in [(Some(1), true), (Some(2), false), (Some(3), false)] {
            assert_eq!(of_inserts(now, Some(2), estimated), Verdict::Right, "{now:?}");
        }
        assert_eq!(of_inserts(None, Some(2), false), Verdict::Uncounted);
        assert_eq!(of_inserts(None, Some(0), false), Verdict::Right);
        assert_eq!(of(true, "t", None, Some(0)), Verdict::Right);
        assert_eq!(of(true, "t", None, None), Verdict::Right);
        assert_eq!(of(true, "t", Some(2), Some(2)), Verdict::Right);
        assert_eq!(of(true, "spatial_ref_sys", Some(2), Some(1)), Verdict::Right);
        for (name, now, held) in [("t", 1, 2), ("t", 2, 1), ("spatial_ref_sys", 1, 2)] {
            assert!(matches!(of(true, name, Some(now), Some(held)), Verdict::Wrong(_)), "{name} {now}");
        }
    }

    #[test]
    fn a_partitioned_table_and_its_partitions_are_compared_as_one() {
        let name = |table: &str| ("public".to_owned(), table.to_owned());
        let change = |table: &str, now, backup| {
            let (schema, table) = name(table);
            Change { schema, table, now, backup, ..Change::default() }
        };
        let tree =
            |members: &[&str], root: &str| members.iter().map(|member| (name(member), name(root))).collect::<Vec<_>>();
        let judged = |runs_code, filled: &str| {
            let trees: Vec<_> =
                [tree(&["root", "middle", "leaf", "two"], "root"), tree(&["other", "third"], "other")].concat();
            let judge = Judge { kinds: Kinds { trees, ..Kinds::default() }, is_utf8: true, runs_code };
            let contents = Contents { filled_roots: BTreeSet::from([name(filled)]), ..Contents::default() };
            let changes = vec![
                change("root", None, Some(2)),
                change("leaf", Some(2), Some(2)),
                change("two", Some(1), None),
                change("third", Some(1), Some(1)),
            ];
            let shown = |change: Change| (change.table, change.now, change.backup);
            judge.summed(changes, &contents).into_iter().map(shown).collect::<Vec<_>>()
        };
        let third = || ("third".to_owned(), Some(1), Some(1));
        let sum = vec![third(), ("root".to_owned(), Some(3), Some(4))];
        assert_eq!((judged(false, "root"), judged(false, "middle")), (sum.clone(), sum));
        assert_eq!((judged(true, "root").len(), judged(false, "elsewhere").len()), (4, 4));
    }
}
