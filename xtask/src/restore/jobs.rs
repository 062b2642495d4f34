//! Through how many server sessions a backup is loaded.

use super::load_memory;
use crate::backup::proof::Proven;
use crate::error::{self, Cause};
use crate::target::Target;
use anyhow::Result;
use std::num::NonZero;
use std::thread;

/// More sessions are not used unless a person wants them.
const MOST: usize = 8;

/// What is said before a load is tried again.
pub const AGAIN: &str =
    "A statement of the backup failed while other sessions loaded; the backup is loaded again by one session";

/// How many sessions there are in all, that of a safety backup beside the load among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jobs {
    pub number: u16,
    is_typed: bool,
}

impl Jobs {
    /// As many as were typed; else one for each core that this host and the server both have. A small backup is loaded
    /// before a second session has begun.
    pub fn of(typed: Option<u16>, backup: &Proven, target: &Target) -> Self {
        let usual = || if load_memory::matters(backup.bytes()) { usual(here(), target.access().cores()) } else { 1 };
        Self { number: typed.unwrap_or_else(usual), is_typed: typed.is_some() }
    }

    /// One, unless another number was typed: a load that creates roles runs once.
    #[must_use]
    pub fn cautious(self) -> Self {
        if self.is_typed { self } else { Self { number: 1, ..self } }
    }

    /// Loads so. Code of the file that reads other tables than its own may fail where rows are loaded side by side: unless
    /// the number was typed it is loaded `again`, through one session and in the file's order.
    ///
    /// # Errors
    /// That of the last time.
    pub fn load<T>(self, again: impl FnOnce(), load: impl Fn(u16) -> Result<T>) -> Result<T> {
        match load(self.number) {
            Err(error)
                if self.number > 1 && !self.is_typed && error::cause(&error) == Some(Cause::FailedBesideOthers) =>
            {
                again();
                load(1)
            }
            loaded => loaded,
        }
    }
}

/// Of a server of which nothing is known only one session is asked for.
fn usual(here: usize, server: Option<usize>) -> u16 {
    let cores = server.map_or(1, |server| server.min(here).clamp(1, MOST));
    u16::try_from(cores).unwrap_or(1)
}

fn here() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Fault;
    use std::cell::RefCell;

    #[test]
    fn the_fewer_cores_count_and_never_more_than_eight() {
        let usual = [(2, Some(4)), (4, Some(2)), (64, Some(64)), (1, Some(9)), (0, Some(0)), (4, None)]
            .map(|(here, server)| usual(here, server));
        assert_eq!(usual, [2, 2, 8, 1, 1, 1]);
    }

    #[test]
    fn only_a_statement_that_fails_beside_others_is_tried_again() {
        let tried = |number, is_typed, cause: Option<Cause>| {
            let tries = RefCell::new(Vec::new());
            let failing = |jobs| {
                tries.borrow_mut().push(jobs);
                let fault = Fault::failed("it failed");
                Err::<(), _>(cause.map_or_else(|| Fault::failed("other"), |cause| fault.because(cause)).into())
            };
            Jobs { number, is_typed }.load(|| (), failing).unwrap_err();
            tries.into_inner()
        };
        assert_eq!(tried(4, false, Some(Cause::FailedBesideOthers)), [4, 1]);
        assert_eq!(tried(4, true, Some(Cause::FailedBesideOthers)), [4]);
        assert_eq!(tried(1, false, Some(Cause::FailedBesideOthers)), [1]);
        assert_eq!(tried(4, false, Some(Cause::Lost)), [4]);
        assert_eq!(tried(4, false, None), [4]);
        assert_eq!(Jobs { number: 4, is_typed: false }.cautious().number, 1);
        assert_eq!(Jobs { number: 4, is_typed: true }.cautious().number, 4);
    }
}
