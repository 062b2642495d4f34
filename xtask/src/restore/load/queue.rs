//! Who takes which of the parts that run side by side.

use super::plan::Piece;
use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Parts that several sessions take one after the other.
#[derive(Debug)]
pub(super) struct Queue<'a> {
    state: Mutex<State<'a>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<'a> {
    waiting: Vec<Piece<'a>>,
    /// By table: how many parts of it run, and whether one of them locks it.
    running: HashMap<usize, (usize, bool)>,
    stopped: bool,
}

impl<'a> Queue<'a> {
    pub(super) fn of(pieces: &[Piece<'a>]) -> Self {
        let state = State { waiting: pieces.to_vec(), running: HashMap::new(), stopped: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// The next part that need not wait for its table; waits until there is one. `None`: all are taken, or none is to be
    /// taken any more.
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
        if let Some((count, locked)) = state.running.get_mut(&piece.table) {
            *count = count.saturating_sub(1);
            *locked &= !piece.locks;
        }
        self.changed.notify_all();
    }

    /// From now on no session takes a piece.
    pub(super) fn stop(&self) {
        self.state().stopped = true;
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State<'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> State<'a> {
    fn next(&mut self) -> Option<Piece<'a>> {
        let is_free = |piece: &Piece<'_>| match self.running.get(&piece.table) {
            None | Some((0, _)) => true,
            Some((_, locked)) => !locked && !piece.locks,
        };
        let place = self.waiting.iter().position(is_free)?;
        let piece = self.waiting.remove(place);
        let (count, locked) = self.running.entry(piece.table).or_default();
        *count = count.saturating_add(1);
        *locked = piece.locks;
        Some(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::dump::{Part, PartKind};

    #[test]
    fn what_locks_its_table_runs_alone_there() {
        let part = Part { kind: PartKind::Other, bytes: 0..0, line: 1, blocks: 0..0 };
        let piece = |table, locks| Piece { part: &part, table, locks };
        let queue = Queue::of(&[piece(1, true), piece(1, false), piece(1, false), piece(2, true), piece(1, true)]);
        let first = queue.take().unwrap();
        assert_eq!((first.table, first.locks), (1, true));
        let other = queue.take().unwrap();
        assert_eq!(other.table, 2, "the indexes of the first wait for its lock");
        assert!(queue.state().next().is_none());
        queue.done(&first);
        let (one, two) = (queue.take().unwrap(), queue.take().unwrap());
        assert!(!one.locks && !two.locks && one.table == 1 && two.table == 1);
        assert!(queue.state().next().is_none(), "the lock waits for both");
        queue.done(&one);
        assert!(queue.state().next().is_none());
        queue.done(&two);
        assert!(queue.take().unwrap().locks);
        assert!(queue.take().is_none());
    }

    #[test]
    fn nobody_waits_once_it_is_stopped() {
        let part = Part { kind: PartKind::Other, bytes: 0..0, line: 1, blocks: 0..0 };
        let piece = Piece { part: &part, table: 1, locks: true };
        let queue = Queue::of(&[piece, piece]);
        queue.take().unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| queue.take().is_none());
            queue.stop();
            assert!(waiting.join().unwrap());
        });
    }
}
