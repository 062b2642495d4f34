//! What of a dump is loaded in which order, and what side by side.
//!
//! Rows of different tables do not wait for one another, nor do indexes, primary keys and unique constraints. Everything
//! else runs alone, in the file's order: it waits for what precedes it and is waited for. What pg_dump writes behind an
//! index (its comment, `CLUSTER ON`) comes after all indexes that are made beside it.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use crate::postgres::dump::{Part, PartKind};
use std::cmp::Reverse;
use std::collections::HashMap;

/// What is done at a time.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stage<'a> {
    /// By one session.
    Alone(&'a Part),
    /// By every session: settings.
    Everywhere(&'a Part),
    /// Each by any session; those that take longest come first.
    Beside(Vec<Piece<'a>>),
}

/// A part that runs beside others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub(super) part: &'a Part,
    pub(super) table: usize,
    /// Nothing else of its table may run beside it: it would only wait for the table.
    pub(super) locks: bool,
}

/// The stages of a dump.
pub(super) fn stages(parts: &[Part]) -> Vec<Stage<'_>> {
    let mut plan = Plan { stages: Vec::new(), beside: Vec::new(), behind: Vec::new(), sizes: sizes(parts) };
    for part in parts {
        match part.kind {
            PartKind::Rows(table) => plan.beside(Piece { part, table, locks: false }),
            PartKind::Index(table) => plan.beside(Piece { part, table, locks: false }),
            PartKind::Key(table) => plan.beside(Piece { part, table, locks: true }),
            PartKind::Behind if plan.makes_indexes() => plan.behind.push(part),
            PartKind::Setting => plan.then(Stage::Everywhere(part)),
            PartKind::Behind | PartKind::Other => plan.then(Stage::Alone(part)),
        }
    }
    plan.end();
    plan.stages
}

/// How many sessions could work at the same time.
pub(super) fn most_beside(stages: &[Stage<'_>]) -> usize {
    let of_stage = |stage: &Stage<'_>| match stage {
        Stage::Alone(_) | Stage::Everywhere(_) => 1,
        Stage::Beside(pieces) => pieces.len(),
    };
    stages.iter().map(of_stage).max().unwrap_or_default()
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
    sizes: HashMap<usize, u64>,
}

impl<'a> Plan<'a> {
    /// Rows do not run beside indexes: an index is made of all rows.
    fn beside(&mut self, piece: Piece<'a>) {
        let is_rows = matches!(piece.part.kind, PartKind::Rows(_));
        if is_rows == self.makes_indexes() {
            self.end();
        }
        self.beside.push(piece);
    }

    /// Whether indexes or keys are what runs side by side so far.
    fn makes_indexes(&self) -> bool {
        self.beside.last().is_some_and(|last| !matches!(last.part.kind, PartKind::Rows(_)))
    }

    fn then(&mut self, stage: Stage<'a>) {
        self.end();
        self.stages.push(stage);
    }

    /// Nothing more runs beside what does so far.
    fn end(&mut self) {
        let mut pieces = std::mem::take(&mut self.beside);
        let size = |piece: &Piece<'_>| self.sizes.get(&piece.table).copied().unwrap_or_default();
        // What locks its table goes first: its other indexes can then be made side by side.
        pieces.sort_by_key(|piece| (Reverse(size(piece)), !piece.locks));
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
    fn shown(kinds: &[PartKind]) -> String {
        let parts = parts(kinds);
        let shown = |stage: &Stage<'_>| match stage {
            Stage::Alone(part) => part.line.to_string(),
            Stage::Everywhere(part) => format!("all {}", part.line),
            Stage::Beside(pieces) => {
                let lines: Vec<String> = pieces.iter().map(|piece| piece.part.line.to_string()).collect();
                format!("[{}]", lines.join(" "))
            }
        };
        stages(&parts).iter().map(shown).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn rows_and_indexes_run_side_by_side_the_largest_first() {
        use PartKind::{Behind, Index, Key, Other, Rows, Setting};
        let kinds = [Setting, Other, Rows(0), Rows(2), Rows(1), Key(0), Key(2), Index(2), Behind, Index(9), Other];
        assert_eq!(shown(&kinds), "all 0, 1, [3 4 2], [6 7 5 9], 8, 10");
        assert_eq!(shown(&[Rows(0), Rows(1), Other, Rows(2), Index(0), Setting, Index(1)]), "[1 0], 2, 3, 4, all 5, 6");
        assert_eq!(shown(&[Behind, Index(0), Behind, Behind]), "0, 1, 2, 3");
        assert_eq!(shown(&[]), "");
        let parts = parts(&kinds);
        assert_eq!((most_beside(&stages(&parts)), most_beside(&[])), (4, 0));
    }

    /// Whatever comes in whatever order: each part runs once, and none overtakes one that it may not.
    #[test]
    fn nothing_is_left_out_and_nothing_overtakes_what_runs_alone() {
        use PartKind::{Behind, Index, Key, Other, Rows, Setting};
        let all = [Rows(0), Rows(1), Index(0), Key(1), Behind, Setting, Other];
        let mut seed = 7_usize;
        for _ in 0..2000 {
            let kinds: Vec<PartKind> = (0..12)
                .map(|_| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    all[(seed >> 33) % all.len()]
                })
                .collect();
            let parts = parts(&kinds);
            let mut stage_of = vec![Vec::new(); parts.len()];
            for (number, stage) in stages(&parts).iter().enumerate() {
                match stage {
                    Stage::Alone(part) | Stage::Everywhere(part) => stage_of[part.line as usize].push(number),
                    Stage::Beside(pieces) => {
                        assert!(pieces.len() > 1);
                        pieces.iter().for_each(|piece| stage_of[piece.part.line as usize].push(number));
                    }
                }
            }
            assert!(stage_of.iter().all(|stages| stages.len() == 1), "{kinds:?}");
            for (first, second) in (0..kinds.len()).flat_map(|first| (first + 1..kinds.len()).map(move |s| (first, s)))
            {
                let (before, after) = (stage_of[first][0], stage_of[second][0]);
                let ordered = match (kinds[first], kinds[second]) {
                    (Rows(_), Rows(_)) | (Index(_) | Key(_), Index(_) | Key(_)) => before <= after,
                    (Behind, Index(_) | Key(_)) => true,
                    _ => before < after,
                };
                assert!(ordered, "{first} and {second} of {kinds:?}");
            }
        }
    }
}
