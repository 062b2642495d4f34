//! What of a dump is loaded in which order, and what side by side.
//!
//! Rows of different tables do not wait for one another, nor do indexes, primary keys and unique constraints. Everything
//! else runs alone, in the file's order: it waits for what precedes it and is waited for. What pg_dump writes behind an
//! index (its comment, `CLUSTER ON`) comes after all indexes that are made beside it.
//!
//! Where neither the file nor an extension of it runs code an index depends on the rows of its own table alone, so it may be made beside the rows of other
//! tables; sequences then get their values once all rows are there. A function in an index could read other tables.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use crate::postgres::dump::{Contents, Part, PartKind};
use crate::restore::code_in_file;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

/// What is done at a time.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stage<'a> {
    /// By one session.
    Alone(&'a Part),
    /// By every session: settings.
    Everywhere(&'a Part),
    /// Each by any session, in this order where nothing has to wait.
    Beside(Vec<Piece<'a>>),
}

/// A part that runs beside others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub(super) part: &'a Part,
    pub(super) table: Option<usize>,
    /// Nothing else of its table may run beside it: it would only wait for the table.
    pub(super) locks: bool,
    pub(super) after: After,
}

/// Which rows of its stage must be there before a part begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    Nothing,
    RowsOfItsTable,
    AllRows,
}

impl Piece<'_> {
    pub(super) fn is_rows(&self) -> bool {
        matches!(self.part.kind, PartKind::Rows(_))
    }
}

/// The stages of a dump.
pub(super) fn stages(contents: &Contents) -> Vec<Stage<'_>> {
    of_parts(&contents.parts, code_in_file::runs(contents))
}

fn of_parts(parts: &[Part], runs_code: bool) -> Vec<Stage<'_>> {
    let (stages, beside, behind, filled) = (Vec::new(), Vec::new(), Vec::new(), HashSet::new());
    let mut plan = Plan { stages, beside, behind, filled, sizes: sizes(parts), runs_code };
    for part in parts {
        match part.kind {
            PartKind::Rows(table) => plan.rows(part, table),
            PartKind::Index(table) => plan.index(part, table, false),
            PartKind::Key(table) => plan.index(part, table, true),
            PartKind::SequenceValues if plan.loads_rows_and_may_go_on() => plan.sequences(part),
            PartKind::Behind if plan.makes_indexes() => plan.behind.push(part),
            PartKind::Setting => plan.then(Stage::Everywhere(part)),
            PartKind::Behind | PartKind::SequenceValues | PartKind::Other => plan.then(Stage::Alone(part)),
        }
    }
    plan.end();
    plan.stages
}

/// How many sessions could work at the same time, at most.
pub(super) fn most_beside(stages: &[Stage<'_>]) -> usize {
    let of_stage = |stage: &Stage<'_>| match stage {
        Stage::Alone(_) | Stage::Everywhere(_) => 1,
        Stage::Beside(pieces) => width(pieces),
    };
    stages.iter().map(of_stage).max().unwrap_or_default()
}

/// A table's indexes wait for its rows; the values of sequences take no time.
fn width(pieces: &[Piece<'_>]) -> usize {
    let mut of_tables: HashMap<usize, (usize, usize)> = HashMap::new();
    for piece in pieces {
        let Some(table) = piece.table else { continue };
        let (rows, indexes) = of_tables.entry(table).or_default();
        let count = if piece.is_rows() { rows } else { indexes };
        *count = count.saturating_add(1);
    }
    of_tables.into_values().fold(0, |sum, (rows, indexes)| sum.saturating_add(rows.max(indexes)))
}

/// The bytes of each table's rows: what takes long for them takes long for the table's indexes.
fn sizes(parts: &[Part]) -> HashMap<usize, u64> {
    let mut sizes = HashMap::new();
    for part in parts {
        if let PartKind::Rows(table) = part.kind {
            let size: &mut u64 = sizes.entry(table).or_default();
            *size = size.saturating_add(part.bytes.end.saturating_sub(part.bytes.start));
        }
    }
    sizes
}

struct Plan<'a> {
    stages: Vec<Stage<'a>>,
    beside: Vec<Piece<'a>>,
    behind: Vec<&'a Part>,
    /// Those whose rows are among what runs side by side so far.
    filled: HashSet<usize>,
    sizes: HashMap<usize, u64>,
    runs_code: bool,
}

impl<'a> Plan<'a> {
    /// Rows do not run beside what precedes them in the file, other rows excepted.
    fn rows(&mut self, part: &'a Part, table: usize) {
        if self.beside.last().is_some_and(|last| !last.is_rows()) {
            self.end();
        }
        self.filled.insert(table);
        self.beside.push(Piece { part, table: Some(table), locks: false, after: After::Nothing });
    }

    fn index(&mut self, part: &'a Part, table: usize, locks: bool) {
        if self.runs_code && !self.makes_indexes() {
            self.end();
        }
        // Rows may come by another table's name: those of a partition by that of its root.
        let after = if self.filled.contains(&table) { After::RowsOfItsTable } else { After::AllRows };
        self.beside.push(Piece { part, table: Some(table), locks, after });
    }

    /// A default value of a column may use a sequence while rows are loaded.
    fn sequences(&mut self, part: &'a Part) {
        self.beside.push(Piece { part, table: None, locks: false, after: After::AllRows });
    }

    fn loads_rows_and_may_go_on(&self) -> bool {
        !self.runs_code && self.beside.last().is_some_and(Piece::is_rows)
    }

    /// Whether indexes or keys are among what runs side by side so far.
    fn makes_indexes(&self) -> bool {
        self.beside.last().is_some_and(|last| !last.is_rows() && last.table.is_some())
    }

    fn then(&mut self, stage: Stage<'a>) {
        self.end();
        self.stages.push(stage);
    }

    /// Nothing more runs beside what does so far.
    fn end(&mut self) {
        let mut pieces = std::mem::take(&mut self.beside);
        self.filled.clear();
        let size =
            |piece: &Piece<'_>| piece.table.and_then(|table| self.sizes.get(&table)).copied().unwrap_or_default();
        // What takes longest comes first. What locks its table goes before its other indexes, which can then be made side by side.
        pieces.sort_by_key(|piece| (!piece.is_rows(), Reverse(size(piece)), !piece.locks));
        match pieces.as_slice() {
            [] => {}
            [one] => self.stages.push(Stage::Alone(one.part)),
            _ => self.stages.push(Stage::Beside(pieces)),
        }
        self.stages.extend(self.behind.drain(..).map(Stage::Alone));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parts of one byte each; rows of table n have n bytes more.
    fn parts(kinds: &[PartKind]) -> Vec<Part> {
        let mut at = 0;
        let part = |(nth, kind): (usize, &PartKind)| {
            let size = if let PartKind::Rows(table) = kind { 1 + *table as u64 } else { 1 };
            at += size;
            Part { kind: *kind, bytes: at - size..at, line: nth as u64, blocks: 0..0 }
        };
        kinds.iter().enumerate().map(part).collect()
    }

    /// The stages as places in the list; those side by side in brackets.
    fn shown(kinds: &[PartKind], runs_code: bool) -> String {
        let parts = parts(kinds);
        let shown = |stage: &Stage<'_>| match stage {
            Stage::Alone(part) => part.line.to_string(),
            Stage::Everywhere(part) => format!("all {}", part.line),
            Stage::Beside(pieces) => {
                let lines: Vec<String> = pieces.iter().map(|piece| piece.part.line.to_string()).collect();
                format!("[{}]", lines.join(" "))
            }
        };
        of_parts(&parts, runs_code).iter().map(shown).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn rows_and_indexes_run_side_by_side_the_largest_first() {
        use PartKind::{Behind, Index, Key, Other, Rows, Setting};
        let kinds = [Setting, Other, Rows(0), Rows(2), Rows(1), Key(0), Key(2), Index(2), Behind, Index(9), Other];
        assert_eq!(shown(&kinds, true), "all 0, 1, [3 4 2], [6 7 5 9], 8, 10");
        let mixed = [Rows(0), Rows(1), Other, Rows(2), Index(0), Setting, Index(1)];
        assert_eq!(shown(&mixed, true), "[1 0], 2, 3, 4, all 5, 6");
        assert_eq!(shown(&[Behind, Index(0), Behind, Behind], true), "0, 1, 2, 3");
        assert_eq!(shown(&[], true), "");
        let parts = parts(&kinds);
        assert_eq!((most_beside(&of_parts(&parts, true)), most_beside(&[])), (4, 0));
    }

    /// Without code in the file an index waits for the rows of its table, and values of sequences for all.
    #[test]
    fn indexes_run_beside_the_rows_of_other_tables_where_no_code_runs() {
        use PartKind::{Behind, Index, Key, Other, Rows, SequenceValues};
        let kinds = [Other, Rows(0), Rows(1), SequenceValues, Key(0), Index(1), Behind, Index(9), Other];
        assert_eq!(shown(&kinds, true), "0, [2 1], 3, [5 4 7], 6, 8");
        assert_eq!(shown(&kinds, false), "0, [2 1 5 4 3 7], 6, 8");
        let parts = parts(&kinds);
        let stages = of_parts(&parts, false);
        let Stage::Beside(pieces) = &stages[1] else { panic!("{stages:?}") };
        let after: Vec<After> = pieces.iter().map(|piece| piece.after).collect();
        assert_eq!(after[..2], [After::Nothing; 2]);
        assert_eq!(after[2..], [After::RowsOfItsTable, After::RowsOfItsTable, After::AllRows, After::AllRows]);
        assert_eq!(most_beside(&stages), 3);
        assert_eq!(shown(&[Rows(0), Index(0), Rows(1), Index(0)], false), "[0 1], [2 3]");
        assert_eq!(shown(&[Index(0), SequenceValues, Index(0)], false), "0, 1, 2");
        assert_eq!(most_beside(&of_parts(&parts[1..2], false)), 1);
    }

    /// Rows wait for nothing; an index waits for the rows of its table where they are in its stage, else for all.
    fn each_waits_for_its_rows(stage: &Stage<'_>) -> bool {
        let Stage::Beside(pieces) = stage else { return true };
        let has_rows = |table| pieces.iter().any(|piece| piece.is_rows() && piece.table == table);
        pieces.iter().all(|piece| match piece.after {
            After::Nothing => piece.is_rows(),
            After::RowsOfItsTable => !piece.is_rows() && has_rows(piece.table),
            After::AllRows => !piece.is_rows() && (piece.table.is_none() || !has_rows(piece.table)),
        })
    }

    /// Whatever comes in whatever order: each part runs once, and none overtakes one that it may not.
    #[test]
    fn nothing_is_left_out_and_nothing_overtakes_what_runs_alone() {
        use PartKind::{Behind, Index, Key, Other, Rows, SequenceValues, Setting};
        let all = [Rows(0), Rows(1), Index(0), Key(1), Behind, Setting, Other, SequenceValues];
        let mut seed = 7_usize;
        for runs_code in [true, false].repeat(1500) {
            let kinds: Vec<PartKind> = (0..12)
                .map(|_| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    all[(seed >> 33) % all.len()]
                })
                .collect();
            let parts = parts(&kinds);
            let mut stage_of = vec![Vec::new(); parts.len()];
            for (number, stage) in of_parts(&parts, runs_code).iter().enumerate() {
                match stage {
                    Stage::Alone(part) | Stage::Everywhere(part) => stage_of[part.line as usize].push(number),
                    Stage::Beside(pieces) => {
                        assert!(pieces.len() > 1);
                        pieces.iter().for_each(|piece| stage_of[piece.part.line as usize].push(number));
                    }
                }
            }
            assert!(stage_of.iter().all(|stages| stages.len() == 1), "{kinds:?}");
            assert!(of_parts(&parts, runs_code).iter().all(each_waits_for_its_rows), "{kinds:?}");
            for (first, second) in (0..kinds.len()).flat_map(|first| (first + 1..kinds.len()).map(move |s| (first, s)))
            {
                let (before, after) = (stage_of[first][0], stage_of[second][0]);
                let ordered = match (kinds[first], kinds[second]) {
                    (Rows(_), Rows(_)) | (Index(_) | Key(_), Index(_) | Key(_)) => before <= after,
                    (Behind, Index(_) | Key(_)) => true,
                    // Within a stage these wait.
                    (Rows(_), Index(_) | Key(_) | SequenceValues) if !runs_code => before <= after,
                    (SequenceValues, Index(_) | Key(_)) if !runs_code => before <= after,
                    _ => before < after,
                };
                assert!(ordered, "{first} and {second} of {kinds:?}");
            }
        }
    }
}
