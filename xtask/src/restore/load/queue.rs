//! Who takes which of the parts that run side by side.

use super::plan::{After, Piece};
use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Parts that several sessions take one after the other.
#[derive(Debug)]
pub(super) struct Queue<'a> {
    state: Mutex<State<'a>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<'a> {
    waiting: VecDeque<Piece<'a>>,
    tables: HashMap<usize, Table>,
    /// How many blocks of rows are not loaded yet.
    rows: usize,
    taken: usize,
    /// The line of the part that comes first in the file.
    first: Option<u64>,
    /// Parts run beside others, or in another order than the file's.
    is_out_of_order: bool,
    stopped: bool,
}

/// What of a table is at work.
#[derive(Debug, Default)]
struct Table {
    running: usize,
    /// One of them locks it.
    is_locked: bool,
    /// How many blocks of its rows are not loaded yet.
    rows: usize,
}

impl<'a> Queue<'a> {
    pub(super) fn of(pieces: &[Piece<'a>]) -> Self {
        let waiting = pieces.iter().copied().collect();
        let first = pieces.iter().map(|piece| piece.part.line).min();
        let (tables, is_out_of_order) = (HashMap::new(), false);
        let mut state = State { waiting, tables, rows: 0, taken: 0, first, is_out_of_order, stopped: false };
        for piece in pieces.iter().filter(|piece| piece.is_rows()) {
            state.rows = state.rows.saturating_add(1);
            if let Some(table) = state.table(piece) {
                table.rows = table.rows.saturating_add(1);
            }
        }
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// The next part that has to wait neither for its table nor for rows; waits until there is one. `None`: all are taken, or
    /// none is to be taken any more.
    pub(super) fn take(&self) -> Option<Piece<'a>> {
        let mut state = self.state();
        loop {
            if state.stopped || state.waiting.is_empty() {
                return None;
            }
            if let Some(piece) = state.next() {
                return Some(piece);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The server has done it.
    pub(super) fn done(&self, piece: &Piece<'_>) {
        let mut state = self.state();
        let rows = usize::from(piece.is_rows());
        state.rows = state.rows.saturating_sub(rows);
        if let Some(table) = state.table(piece) {
            table.running = table.running.saturating_sub(1);
            table.is_locked &= !piece.locks;
            table.rows = table.rows.saturating_sub(rows);
        }
        self.changed.notify_all();
    }

    /// From now on no session takes a piece.
    pub(super) fn stop(&self) {
        self.state().stopped = true;
        self.changed.notify_all();
    }

    /// Whether one more session would have something to do.
    pub(super) fn offers(&self) -> bool {
        let state = self.state();
        !state.stopped && state.next_place().is_some()
    }

    /// Whether a part has begun that would not have in the file's order, one after the other.
    pub(super) fn is_out_of_order(&self) -> bool {
        self.state().is_out_of_order
    }

    fn state(&self) -> MutexGuard<'_, State<'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> State<'a> {
    fn next(&mut self) -> Option<Piece<'a>> {
        let piece = self.next_place().and_then(|place| self.waiting.remove(place))?;
        self.taken = self.taken.saturating_add(1);
        self.is_out_of_order |= self.taken > 1 || self.first != Some(piece.part.line);
        if let Some(table) = self.table(&piece) {
            table.running = table.running.saturating_add(1);
            table.is_locked = piece.locks;
        }
        Some(piece)
    }

    fn next_place(&self) -> Option<usize> {
        self.waiting.iter().position(|piece| self.is_free(piece))
    }

    fn is_free(&self, piece: &Piece<'_>) -> bool {
        let table = piece.table.and_then(|table| self.tables.get(&table));
        let has_rows = match piece.after {
            After::Nothing => true,
            After::RowsOfItsTable => table.is_none_or(|table| table.rows == 0),
            After::AllRows => self.rows == 0,
        };
        has_rows && table.is_none_or(|table| table.running == 0 || !(table.is_locked || piece.locks))
    }

    fn table(&mut self, piece: &Piece<'_>) -> Option<&mut Table> {
        Some(self.tables.entry(piece.table?).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::dump::{Part, PartKind};

    #[test]
    fn what_locks_its_table_runs_alone_there() {
        let part = Part { kind: PartKind::Other, bytes: 0..0, line: 1, blocks: 0..0 };
        let piece = |table, locks| Piece { part: &part, table: Some(table), locks, after: After::Nothing };
        let queue = Queue::of(&[piece(1, true), piece(1, false), piece(1, false), piece(2, true), piece(1, true)]);
        let first = queue.take().unwrap();
        assert_eq!((first.table, first.locks), (Some(1), true));
        let other = queue.take().unwrap();
        assert_eq!(other.table, Some(2), "the indexes of the first wait for its lock");
        assert!(queue.state().next().is_none());
        queue.done(&first);
        let (one, two) = (queue.take().unwrap(), queue.take().unwrap());
        assert!(!one.locks && !two.locks && one.table == Some(1) && two.table == Some(1));
        assert!(queue.state().next().is_none(), "the lock waits for both");
        queue.done(&one);
        assert!(queue.state().next().is_none());
        queue.done(&two);
        assert!(queue.take().unwrap().locks);
        assert!(queue.take().is_none());
    }

    #[test]
    fn what_needs_rows_waits_for_them() {
        let part = |kind| Part { kind, bytes: 0..0, line: 1, blocks: 0..0 };
        let (rows, other) = (part(PartKind::Rows(0)), part(PartKind::Other));
        let loads = |table| Piece { part: &rows, table: Some(table), locks: false, after: After::Nothing };
        let makes = |table, after| Piece { part: &other, table, locks: true, after };
        let pieces = [
            loads(1),
            loads(2),
            loads(2),
            makes(Some(1), After::RowsOfItsTable),
            makes(Some(2), After::RowsOfItsTable),
            makes(None, After::AllRows),
        ];
        let queue = Queue::of(&pieces);
        let first = queue.take().unwrap();
        assert!(!queue.is_out_of_order());
        let others = [queue.take().unwrap(), queue.take().unwrap()];
        assert!(queue.is_out_of_order() && !queue.offers(), "no index is made of rows that are not there");
        queue.done(&first);
        assert_eq!(queue.take().unwrap().table, Some(1));
        queue.done(&others[0]);
        assert!(!queue.offers(), "one of its two blocks is not there");
        queue.done(&others[1]);
        assert!(queue.offers());
        assert_eq!([queue.take().unwrap().table, queue.take().unwrap().table], [Some(2), None]);
        assert!(queue.take().is_none() && !queue.offers());
    }

    #[test]
    fn the_largest_table_first_is_not_the_files_order() {
        let part = |line| Part { kind: PartKind::Rows(0), bytes: 0..0, line, blocks: 0..0 };
        let (first, second) = (part(1), part(2));
        let piece = |part, table| Piece { part, table: Some(table), locks: false, after: After::Nothing };
        for (pieces, is_out_of_order) in
            [([piece(&second, 1), piece(&first, 0)], true), ([piece(&first, 0), piece(&second, 1)], false)]
        {
            let queue = Queue::of(&pieces);
            queue.take().unwrap();
            assert_eq!(queue.is_out_of_order(), is_out_of_order);
        }
    }

    #[test]
    fn no_thread_waits_once_it_is_stopped() {
        let part = Part { kind: PartKind::Other, bytes: 0..0, line: 1, blocks: 0..0 };
        let piece = Piece { part: &part, table: Some(1), locks: true, after: After::Nothing };
        let queue = Queue::of(&[piece, piece]);
        queue.take().unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| queue.take().is_none());
            queue.stop();
            assert!(waiting.join().unwrap());
        });
    }
}
