//! Which relations a dump has made so far, and into which of them it may put rows.
//!
//! pg_dump writes the rows of plain and partitioned tables only. A row for a view or a foreign table is written to
//! whatever stands behind it: a system catalog, or another server.

use super::token::display_name;
use super::written::Meaning;
use crate::postgres::dump::{Absent, Contents, names};
use crate::sql::Token;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};

/// Two names that differ within so many bytes differ on the server, too: it cuts them at 63 bytes of its own encoding,
/// in which a byte of ours may become three.
const SURE: usize = 21;

/// A relation's name, as the server reads it.
#[derive(Debug, Clone, Default, Hash)]
pub(super) struct Name {
    schema: Vec<u8>,
    name: Vec<u8>,
}

/// The relations made so far, as hashes of their names.
#[derive(Debug, Default)]
pub(super) struct Relations {
    hasher: RandomState,
    /// Tables that hold their rows themselves, partitioned tables, and others that can have indexes.
    plain: HashSet<u64>,
    partitioned: HashSet<u64>,
    others: HashSet<u64>,
    /// Those of the plain tables that have got no rows.
    unfilled: HashMap<u64, Name>,
    /// Tables that are partitions, and whether rows for them may have come through the table that they are parts of.
    partitions: HashSet<u64>,
    rows_by_root: bool,
    /// Relations that rows must not go to, by the part of their names that is sure.
    unsure: Unsure,
    created: bool,
    /// A table was made; one got a key, an index or a foreign key.
    has_tables: bool,
    has_keys: bool,
    foreign_partition: bool,
    rule: bool,
    /// An encoding was set once something was made: which tables were made is not known any more.
    forgotten: bool,
}

#[derive(Debug, Default)]
struct Unsure {
    partitioned: HashSet<u64>,
    views: HashSet<u64>,
    foreign: HashSet<u64>,
}

impl Name {
    pub(super) fn of_schema(token: Token<'_>) -> Self {
        let mut name = Self::default();
        name.set_schema(token);
        name
    }

    pub(super) fn clear(&mut self) {
        self.schema.clear();
        self.name.clear();
    }

    pub(super) fn set_schema(&mut self, token: Token<'_>) {
        names::put(token, &mut self.schema);
        self.name.clear();
    }

    pub(super) fn set_name(&mut self, token: Token<'_>) {
        names::put(token, &mut self.name);
    }

    /// Schema and name, as the server compares them.
    pub(super) fn bytes(&self) -> (&[u8], &[u8]) {
        (&self.schema, &self.name)
    }

    /// Schema and name.
    pub(super) fn words(&self) -> (Cow<'_, str>, Cow<'_, str>) {
        (String::from_utf8_lossy(&self.schema), String::from_utf8_lossy(&self.name))
    }

    /// What is the same in each spelling that the server could take for this name.
    pub(super) fn sure(&self) -> Name {
        let sure = |bytes: &[u8]| bytes.iter().copied().filter(u8::is_ascii).take(SURE).collect();
        Name { schema: sure(&self.schema), name: sure(&self.name) }
    }
}

/// Where a statement begins, from 1, and whether it says `IF EXISTS`.
#[derive(Clone, Copy)]
pub(super) struct At {
    pub(super) line: u64,
    pub(super) if_exists: bool,
}

impl Relations {
    /// Takes a statement into account, unless it puts rows where none of pg_dump's go.
    pub(super) fn note(&mut self, meaning: Meaning, target: &Name) -> Result<(), String> {
        let exact = self.hasher.hash_one(target);
        self.follow_rows(meaning, exact, target);
        match meaning {
            Meaning::Copy if self.plain.contains(&exact) && !self.rule => {}
            Meaning::Copy => self.rows(exact, target)?,
            Meaning::Drops | Meaning::DropsSchema if self.created => {
                return Err("a DROP after a CREATE: pg_dump --clean drops before it creates".to_owned());
            }
            Meaning::Table | Meaning::Partition => drop(self.plain.insert(exact)),
            Meaning::PartitionedTable => {
                self.partitioned.insert(exact);
                self.unsure.partitioned.insert(self.hasher.hash_one(target.sure()));
            }
            Meaning::View | Meaning::ReplacedView => {
                self.unsure.views.insert(self.hasher.hash_one(target.sure()));
            }
            Meaning::MaterializedView => drop(self.others.insert(exact)),
            Meaning::ForeignTable | Meaning::ForeignPartition => {
                self.others.insert(exact);
                self.unsure.foreign.insert(self.hasher.hash_one(target.sure()));
                self.foreign_partition |= meaning == Meaning::ForeignPartition;
            }
            Meaning::Attaches => self.foreign_partition |= !self.is_table(exact),
            Meaning::Rule => self.rule = true,
            // Bytes may mean other letters from here on.
            Meaning::ClientEncoding => {
                self.forgotten |= self.created;
                for made in [&mut self.plain, &mut self.partitioned, &mut self.others] {
                    made.clear();
                }
            }
            _ => {}
        }
        self.created |= meaning.creates();
        self.has_tables |= matches!(meaning, Meaning::Table | Meaning::Partition | Meaning::PartitionedTable);
        self.has_keys |= meaning.completes();
        Ok(())
    }

    /// Keeps account of the tables that get no rows.
    fn follow_rows(&mut self, meaning: Meaning, exact: u64, target: &Name) {
        match meaning {
            Meaning::Table | Meaning::Partition => drop(self.unfilled.insert(exact, target.clone())),
            Meaning::Copy => {
                self.unfilled.remove(&exact);
                self.rows_by_root |= self.partitioned.contains(&exact);
            }
            Meaning::ClientEncoding => self.unfilled.clear(),
            _ => {}
        }
        if matches!(meaning, Meaning::Partition | Meaning::Attaches) {
            self.partitions.insert(exact);
        }
    }

    /// The tables that were made and got no rows, in no order.
    pub(super) fn unfilled(&self) -> impl Iterator<Item = (String, String)> {
        let own = |(exact, _): &(&u64, &Name)| !self.rows_by_root || !self.partitions.contains(exact);
        self.unfilled.iter().filter(own).map(|(_, name)| {
            let (schema, name) = name.words();
            (schema.into_owned(), name.into_owned())
        })
    }

    /// Whether it holds its rows itself, as far as is known.
    pub(super) fn is_plain(&self, target: &Name) -> bool {
        self.plain.contains(&self.hasher.hash_one(target))
    }

    /// Whether the dump has made anything.
    pub(super) fn have_begun(&self) -> bool {
        self.created
    }

    pub(super) fn lack_keys(&self) -> bool {
        self.has_tables && !self.has_keys
    }

    fn is_table(&self, exact: u64) -> bool {
        self.plain.contains(&exact) || self.partitioned.contains(&exact)
    }

    fn rows(&self, exact: u64, target: &Name) -> Result<(), String> {
        let sure = self.hasher.hash_one(target.sure());
        let known = self.is_table(exact);
        let behind_partitions = self.foreign_partition && self.unsure.partitioned.contains(&sure);
        let what = match () {
            () if self.rule => "after a rule that may write them elsewhere; pg_dump writes rules last",
            () if !known && self.unsure.views.contains(&sure) => "which is a view; pg_dump writes rows of tables only",
            () if (!known && self.unsure.foreign.contains(&sure))
                || (behind_partitions && !self.plain.contains(&exact)) =>
            {
                "which would write them to a foreign server: dump again without --include-foreign-data"
            }
            () => return Ok(()),
        };
        Err(format!("rows for {}, {what}", display_name(&target.schema, &target.name)))
    }

    /// Notes a table that gets rows and is none that holds them and that the dump made.
    fn tell_filled(&self, exact: u64, target: &Name, contents: &mut Contents) {
        let (schema, name) = target.words();
        let name = || (schema.into_owned(), name.into_owned());
        if self.partitioned.contains(&exact) {
            contents.filled_roots.insert(name());
        } else if !self.plain.contains(&exact) && !self.forgotten {
            contents.filled_not_made.insert(name());
        }
    }

    /// Notes what an empty database would lack for this statement.
    pub(super) fn tell(&self, meaning: Meaning, target: &Name, at: At, contents: &mut Contents) {
        let At { line, if_exists } = at;
        let exact = self.hasher.hash_one(target);
        if meaning == Meaning::Copy {
            self.tell_filled(exact, target, contents);
        }
        match meaning {
            Meaning::Drops | Meaning::DropsSchema if !if_exists => drop(contents.drops.get_or_insert(line)),
            // An extension brings tables of its own.
            _ if (meaning == Meaning::Copy || meaning.completes())
                && contents.extensions.is_empty()
                && !self.is_table(exact)
                && !self.others.contains(&exact) =>
            {
                let (schema, name) = target.words();
                let absent = || Absent { line, schema: schema.into_owned(), name: name.into_owned() };
                contents.absent.get_or_insert_with(absent);
            }
            _ => {}
        }
    }
}
